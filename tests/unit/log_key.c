/* SPDX-License-Identifier: Apache-2.0 */
/* A log that cannot be written or signed: what is said, and that it stays as it was. */
#include "support.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <trustbuild/log.h>

#include "core/io.h"
#include "sample.h"

TRB_DEFINE_CLEANUP(trb_log *, trb_log_unref);
static char folder[64], backend[96];
static trb_context *context;

static void setup(void)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	_cleanup_(trb_blob_unrefp) trb_blob *vkey = NULL;

	strcpy(folder, "/tmp/trb-log-key-XXXXXX");
	ck_assert(mkdtemp(folder) != NULL);
	snprintf(backend, sizeof(backend), "local:dir=%s/log", folder);
	ck_assert_int_eq(trb_context_new(&context, NULL), TRB_OK);
	ck_status(trb_log_init(context, backend, "log.example/test", &vkey, &err), TRB_OK, err);
}

static void teardown(void)
{
	context = trb_context_unref(context);
	ck_assert_int_eq(trb_remove_tree(AT_FDCWD, folder, NULL), TRB_OK);
}

static int publish(trb_error **err)
{
	_cleanup_(trb_bundle_unrefp) trb_bundle *bundle = NULL, *logged = NULL;
	_cleanup_(trb_log_unrefp) trb_log *log = NULL;
	struct sample s;
	int r = trb_log_open(context, backend, &log, err);

	sample_init(&s, 3);
	bundle = sample_bundle(&s, 0, NULL);
	if (r == TRB_OK)
		r = trb_log_publish(log, bundle, &logged, err);
	sample_clear(&s);
	return r;
}

static void refused(int wanted, const char *says)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	char text[2048] = "";

	ck_status(publish(&err), wanted, err);
	for (const trb_error *e = err; e != NULL; e = trb_error_cause(e))
		strncat(strncat(text, trb_error_message(e), 900), ": ", 3);
	ck_assert_msg(strstr(text, says) != NULL, "no '%s' in: %s", says, text);
}

/* No entry that was not signed, and the log goes on. */
static void unchanged(void)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	_cleanup_(trb_log_unrefp) trb_log *log = NULL;
	uint64_t size = 9;

	ck_assert_int_ne(access(test_path(folder, "log/tile/entries/000.p/1"), F_OK), 0);
	ck_status(publish(&err), TRB_OK, err);
	ck_status(trb_log_open(context, backend, &log, &err), TRB_OK, err);
	ck_status(trb_log_get_size(log, &size, &err), TRB_OK, err);
	ck_assert_uint_eq(size, 1);
}

START_TEST(a_key_open_to_others_is_refused)
{
	static const mode_t modes[] = { 0640, 0604, 0620, 0602, 0601 };
	char key[96];

	snprintf(key, sizeof(key), "%s/log.key", folder);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		ck_assert_int_eq(chmod(key, modes[i]), 0);
		refused(TRB_E_STATE, "chmod 600");
	}
	ck_assert_int_eq(chmod(key, 0600), 0);
	unchanged();
}
END_TEST

START_TEST(a_key_of_another_user_is_refused)
{
	char key[96];

	if (geteuid() != 0) {
		fprintf(stderr, "LEFT OUT: a key of another user needs root\n");
		return;
	}
	snprintf(key, sizeof(key), "%s/log.key", folder);
	ck_assert_int_eq(chown(key, 65534, 65534), 0);
	refused(TRB_E_STATE, "belongs to user 65534");
	ck_assert_int_eq(chown(key, 0, 0), 0);
	unchanged();
}
END_TEST

START_TEST(a_key_that_is_none_is_said)
{
	char key[96], kept[96];

	snprintf(key, sizeof(key), "%s/log.key", folder);
	snprintf(kept, sizeof(kept), "%s/kept", folder);
	ck_assert_int_eq(rename(key, kept), 0);
	refused(TRB_E_NOTFOUND, key);
	ck_assert_int_eq(trb_write_file(AT_FDCWD, key, trb_bytes_str("garbage"), 0600, NULL),
			 TRB_OK);
	refused(TRB_E_FORMAT, "not an Ed25519 key");
	ck_assert_int_eq(rename(kept, key), 0);
	unchanged();
}
END_TEST

/* Root writes anywhere: another user tries. */
START_TEST(a_directory_that_cannot_be_written_is_said)
{
	const char *paths[] = { "log", "log/.state", "log/.state/lock" };
	pid_t pid;
	int status;

	for (size_t i = 0; geteuid() == 0 && i < 3; i++)
		ck_assert_int_eq(chown(test_path(folder, paths[i]), 65534, 65534), 0);
	if (geteuid() == 0)
		ck_assert(chown(test_path(folder, "log.key"), 65534, 65534) == 0 &&
			  chmod(folder, 0755) == 0);
	ck_assert_int_eq(chmod(test_path(folder, "log/.state"), 0500), 0);
	pid = fork();
	if (pid == 0) {
		if (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0)
			_exit(2);
		refused(TRB_E_IO, "Permission denied");
		_exit(0);
	}
	ck_assert(waitpid(pid, &status, 0) == pid && status == 0);
	ck_assert_int_eq(chmod(test_path(folder, "log/.state"), 0700), 0);
	for (size_t i = 0; geteuid() == 0 && i < 3; i++)
		ck_assert_int_eq(chown(test_path(folder, paths[i]), 0, 0), 0);
	if (geteuid() == 0)
		ck_assert_int_eq(chown(test_path(folder, "log.key"), 0, 0), 0);
	unchanged();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("log key");
	TCase *tc = tcase_create("log key");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_key_open_to_others_is_refused);
	tcase_add_test(tc, a_key_of_another_user_is_refused);
	tcase_add_test(tc, a_key_that_is_none_is_said);
	tcase_add_test(tc, a_directory_that_cannot_be_written_is_said);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
