/* SPDX-License-Identifier: Apache-2.0 */
/* The state directory: whose it is, and of which release. */
#include "support.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include <trustbuild/log.h>

#include "core/io.h"
#include "core/state.h"

static char top[64], state[80];
static trb_context *context;
static char told[512];

static void keep(int level, const char *text, void *user)
{
	(void)user;
	if (level == TRB_LOG_NOTICE)
		snprintf(told, sizeof(told), "%s", text);
}

static void setup(void)
{
	told[0] = '\0';
	strcpy(top, "/tmp/trb-state-XXXXXX");
	ck_assert(mkdtemp(top) != NULL);
	snprintf(state, sizeof(state), "%s/a/state", top);
	ck_assert_int_eq(trb_context_new(&context, NULL), TRB_OK);
	ck_assert_int_eq(trb_context_set_state_dir(context, state, NULL), TRB_OK);
	trb_context_set_log_sink(context, keep, NULL);
}

static void teardown(void)
{
	context = trb_context_unref(context);
	ck_assert_int_eq(trb_remove_tree(AT_FDCWD, top, NULL), TRB_OK);
}

static void open_well(void)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	const char *path = NULL;

	ck_status(trb_state_open(context, &path, &err), TRB_OK, err);
	ck_assert_str_eq(path, state);
}

static void write_version(const char *text)
{
	ck_assert_int_eq(trb_write_file(AT_FDCWD, test_path(state, "version"), trb_bytes_str(text),
					0644, NULL),
			 TRB_OK);
}

static void check_version(const char *text)
{
	_cleanup_(trb_blob_unrefp) trb_blob *blob = test_file(test_path(state, "version"));

	ck_assert(trb_bytes_eq_str(trb_blob_bytes(blob), text));
}

START_TEST(a_new_one_has_a_version)
{
	struct stat st;

	open_well();
	check_version("1\n");
	ck_assert_int_eq(stat(state, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
	ck_assert_str_eq(told, "");
	open_well();
	ck_assert_str_eq(told, "");
}
END_TEST

START_TEST(an_older_one_is_taken_over_with_a_word)
{
	ck_assert_int_eq(trb_mkdirs(test_path(state, "softnsm"), NULL), TRB_OK);
	open_well();
	ck_assert_ptr_nonnull(strstr(told, "of an earlier release"));
	ck_assert_ptr_nonnull(strstr(told, state));
	check_version("1\n");
	ck_assert_int_eq(access(test_path(state, "softnsm"), F_OK), 0);
	told[0] = '\0';
	open_well();
	ck_assert_str_eq(told, "");
}
END_TEST

START_TEST(a_newer_or_broken_one_is_refused)
{
	static const struct {
		const char *text;
		int code;
	} rows[] = {
		{ "2\n", TRB_E_STATE },    { "18446744073709551615\n", TRB_E_STATE },
		{ "", TRB_E_FORMAT },      { "1", TRB_E_FORMAT },
		{ "01\n", TRB_E_FORMAT },  { "-1\n", TRB_E_FORMAT },
		{ "1\n\n", TRB_E_FORMAT }, { "99999999999999999999999\n", TRB_E_FORMAT },
		{ "0\n", TRB_E_FORMAT },
	};
	const char *path = NULL;

	open_well();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_(trb_error_unrefp) trb_error *err = NULL, *look = NULL;

		write_version(rows[i].text);
		ck_status(trb_state_open(context, &path, &err), rows[i].code, err);
		ck_status(trb_state_look(context, &path, &look), rows[i].code, look);
		check_version(rows[i].text);
		ck_assert_ptr_null(path);
	}
	write_version("1\n");
	open_well();
}
END_TEST

START_TEST(one_that_others_may_write_is_refused)
{
	static const mode_t bad[] = { 0720, 0770, 0702, 01777 };
	const char *path = NULL;

	open_well();
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		_cleanup_(trb_error_unrefp) trb_error *err = NULL, *look = NULL;

		ck_assert_int_eq(chmod(state, bad[i]), 0);
		ck_status(trb_state_open(context, &path, &err), TRB_E_STATE, err);
		ck_assert_ptr_nonnull(strstr(trb_error_message(err), "chmod go-w"));
		ck_status(trb_state_look(context, &path, &look), TRB_E_STATE, look);
	}
	ck_assert_int_eq(chmod(state, 0755), 0);
	open_well();
}
END_TEST

/* Whoever only reads makes nothing. */
START_TEST(looking_makes_nothing)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	trb_log *log = NULL;
	trb_blob *vkey = NULL;

	ck_assert_int_eq(trb_log_open(context, "local", &log, NULL), TRB_E_NOTFOUND);
	ck_assert_int_ne(access(state, F_OK), 0);
	ck_status(trb_log_init(context, "local", NULL, &vkey, &err), TRB_OK, err);
	trb_blob_unref(vkey);
	check_version("1\n");
	ck_status(trb_log_open(context, "local", &log, &err), TRB_OK, err);
	log = trb_log_unref(log);
	write_version("2\n");
	ck_assert_int_eq(trb_log_open(context, "local", &log, NULL), TRB_E_STATE);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("state");
	TCase *tc = tcase_create("state");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_new_one_has_a_version);
	tcase_add_test(tc, an_older_one_is_taken_over_with_a_word);
	tcase_add_test(tc, a_newer_or_broken_one_is_refused);
	tcase_add_test(tc, one_that_others_may_write_is_refused);
	tcase_add_test(tc, looking_makes_nothing);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
