/* SPDX-License-Identifier: Apache-2.0 */
/* The host's side of a whole session with the n-th allocation or system call failing: no process,
 * no directory and no half set of artifacts is left, and what was built is what is given. */
#include "../unit/support.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "../unit/peer.h"
#include "core/cleanup.h"
#include "core/error.h"
#include "core/io.h"
#include "format/bundle.h"
#include "host/event.h"
#include "torture.h"

static struct peer_host host;
static char run_dir[64];

static void set_up(void)
{
	peer_host_set_up(&host);
	snprintf(run_dir, sizeof(run_dir), "%s/run", host.state);
}

static void tear_down(void)
{
	peer_host_tear_down(&host);
}

static void empty_out(void)
{
	trb_remove_tree(AT_FDCWD, host.out, NULL);
	mkdir(host.out, 0700);
}

static int session(enum peer_fault fault, const char **ret_check)
{
	_cleanup_close_ int out = open(host.out, O_PATH | O_DIRECTORY | O_CLOEXEC);
	trb_bundle *bundle = NULL;
	trb_session *s = NULL;
	trb_error *err = NULL;
	char options[16];
	int r = out >= 0 ? TRB_OK : trb_fail_errno(&err, errno, "open");

	snprintf(options, sizeof(options), "%d", fault);
	if (r == TRB_OK)
		r = trb_session_open_tee(host.context, &peer_ops, options, &s, &err);
	if (r == TRB_OK)
		r = trb_session_set_output_dirfd(s, out, &err);
	if (r == TRB_OK)
		r = trb_session_set_timeout(s, 20, &err);
	if (r == TRB_OK)
		r = trb_session_build(s, host.request, &bundle, &err);
	torture_note((r == TRB_OK) != (bundle != NULL), "a bundle without a build");
	torture_stop(); /* closing has no second chance */
	trb_bundle_unref(bundle);
	if (s != NULL)
		trb_session_close(s, NULL);
	trb_session_unref(s);
	return torture_end(r, err, ret_check);
}

static int honest(const char **ret_check)
{
	return session(PEER_HONEST, ret_check);
}

static int lying(const char **ret_check)
{
	return session(PEER_OTHER_DIGEST, ret_check);
}

static unsigned entries(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	unsigned n = 0;

	while (dir != NULL && (entry = readdir(dir)) != NULL)
		n += entry->d_name[0] != '.';
	if (dir != NULL)
		closedir(dir);
	return n;
}

/* Folders that were made for artifacts may stay; files may not. */
static const char *inspect(int status)
{
	static const char *const files[] = { PEER_ARTIFACT, PEER_SECOND,
					     "unattested/" PEER_UNATTESTED };
	const size_t n = sizeof(files) / sizeof(files[0]);
	size_t there = 0;

	for (size_t i = 0; i < n; i++)
		there += access(test_path(host.out, files[i]), F_OK) == 0;
	if (status == TRB_OK ? there != n : there != 0 && !torture_all_calls_fail())
		return "not the artifacts that should be there";
	return entries(run_dir) > 0 ? "a run's directory is left" : NULL;
}

/* Limits that stay as they are; the proxy, whose end is waited for and else made. */
#define OPTIONAL "prlimit64 poll"

static const struct torture rows[] = {
	{ "a session", honest, TRB_OK, NULL, 20, empty_out, inspect, .stride = 97, .pace = 5,
	  .optional = OPTIONAL, .words = true,
	  .other_code = TRB_E_STATE /* the enclave that is let down */ },
	{ "a session with a lying enclave", lying, TRB_E_ARTIFACT, "artifact.digest", 5, empty_out,
	  inspect, .stride = 97, .pace = 17, .optional = OPTIONAL, .words = true,
	  .other_code = TRB_E_STATE },
};
TORTURE_MAIN("session", rows, set_up, tear_down)
