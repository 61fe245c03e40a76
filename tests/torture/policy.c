/* SPDX-License-Identifier: Apache-2.0 */
/* tb-host policy init with the n-th allocation or system call failing: the whole policy or none. */
#include "../unit/support.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/cli.h"
#include "core/io.h"
#include "host/commands.h"
#include "torture.h"

#define REPOSITORY "https://a.example/b"

static char folder[64], image[4096], out[96];
static trb_blob *whole;

/* What a program leaves with has no more than "did not work". */
static int run(const char **ret_check)
{
	const char *const words[] = { "policy",          "init",         "--image",  image,
				      "--simulated",     "--repository", REPOSITORY, "--ref",
				      "refs/heads/main", "--no-log",     "--out",    out,
				      "--force" };
	const int n = sizeof(words) / sizeof(words[0]);
	char *argv[sizeof(words) / sizeof(words[0]) + 1] = { NULL };
	int status;

	for (int i = 0; i < n; i++)
		argv[i] = (char *)(uintptr_t)words[i];
	status = cmd_policy(n, argv);
	*ret_check = NULL;
	return status == CLI_OK ? TRB_OK : status == CLI_FAILED ? TRB_E_NOMEM : TRB_E_INVAL;
}

static void remove_out(void)
{
	unlink(out);
}

/* Not one demand may be missing from it. */
static const char *inspect(int status)
{
	_cleanup_(trb_blob_unrefp) trb_blob *text = NULL;

	if (status < 0)
		return access(out, F_OK) == 0 &&
				       trb_read_file(AT_FDCWD, out, 1 << 20, &text, NULL) ==
					       TRB_OK &&
				       !trb_bytes_eq(trb_blob_bytes(text), trb_blob_bytes(whole))
			       ? "half a policy is left"
			       : NULL;
	if (trb_read_file(AT_FDCWD, out, 1 << 20, &text, NULL) < 0)
		return "there is no policy";
	return trb_bytes_eq(trb_blob_bytes(text), trb_blob_bytes(whole)) ? NULL
									 : "the policy is another";
}

static void set_up(void)
{
	const char *check;
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	snprintf(folder, sizeof(folder), "/tmp/trb-torture-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(setenv("TRUSTBUILD_STATE", folder, 1), 0);
	snprintf(image, sizeof(image), "%s/tests/fuzz/corpus/eif/v4_signed",
		 getenv("TRB_SOURCE_ROOT"));
	snprintf(out, sizeof(out), "%s/policy.json", folder);
	dup2(null, STDERR_FILENO);
	close(null);
	ck_assert_int_eq(run(&check), TRB_OK);
	ck_assert_int_eq(trb_read_file(AT_FDCWD, out, 1 << 20, &whole, NULL), TRB_OK);
}

static void tear_down(void)
{
	trb_remove_tree(AT_FDCWD, folder, NULL);
	trb_blob_unref(whole);
}

static const struct torture rows[] = {
	{ "policy init", run, TRB_OK, NULL, 100, remove_out, inspect, .program = true, .stride = 31,
	  /* is there an older one?  Is there a version of the state directory?  It is read, else */
	  .optional = "newfstatat access faccessat2" },
};
TORTURE_MAIN("policy", rows, set_up, tear_down)
