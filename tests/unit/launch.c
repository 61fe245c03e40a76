/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of tb-launch, and the arguments that it is given. */
#include "support.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "core/io.h"
#include "host/tee/process.h"
#include "launch/launch.h"

static char top[64];

static void setup(void)
{
	strcpy(top, "/tmp/trb-launch-XXXXXX");
	ck_assert(mkdtemp(top) != NULL);
}

static void teardown(void)
{
	ck_assert_int_eq(trb_remove_tree(AT_FDCWD, top, NULL), TRB_OK);
}

static bool range(const char *text, uint64_t *ret)
{
	const char *path = test_path(top, "subuid");

	ck_assert_int_eq(trb_write_file(AT_FDCWD, path, trb_bytes_str(text), 0600, NULL), TRB_OK);
	return trb_launch_sub_range(path, "ada", 1234, ret);
}

START_TEST(subordinate_ids_are_found)
{
	uint64_t start = 0;

	ck_assert(range("bob:100000:65536\nada:231072:65536\n", &start));
	ck_assert_uint_eq(start, 231072);
	ck_assert(range("1234:500000:65535\n", &start));
	ck_assert_uint_eq(start, 500000);
	ck_assert(range("ada:1000:10\nada:700000:131072\n", &start));
	ck_assert_uint_eq(start, 700000);
}
END_TEST

START_TEST(bad_ranges_are_none)
{
	static const char *const rows[] = { "",
					    "ada:100000:65534\n",
					    "adam:100000:65536\n",
					    "ada:100000\n",
					    "ada:x:65536\n",
					    "ada:0:65536\n",
					    "ada:100000:65536x\n",
					    "12345:100000:65536\n" };
	uint64_t start;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_msg(!range(rows[i], &start), "row %zu", i);
	ck_assert(!trb_launch_sub_range("/nonexistent", "ada", 1, &start));
}
END_TEST

static void write_etc(const char *name, const char *text)
{
	ck_assert_int_eq(
		trb_write_file(AT_FDCWD, test_path(top, name), trb_bytes_str(text), 0600, NULL),
		TRB_OK);
}

static int free_range(uint32_t *ret)
{
	_cleanup_close_ int etc = open(top, O_RDONLY | O_DIRECTORY);

	return trb_launch_free_range(etc, ret, NULL);
}

/* threats.md: a user who owns a range by /etc/subuid can become each id in it, root's enclave too
 */
START_TEST(root_takes_ids_that_are_nobodys)
{
	static const struct {
		const char *file, *text;
		uint32_t first;
	} rows[] = {
		{ "subuid", "", 0x70000000 },
		{ "subuid", "ada:100000:65536\nbob:165536:65536\n", 0x70000000 },
		{ "subuid", "ada:1879048192:65536\n", 0x70010000 },
		{ "subgid", "ada:1879048192:1\n", 0x70010000 },
		{ "subgid", "x\nada:1879113727:2\nbob:1879179264:1\n", 0x70030000 },
		{ "subuid", "eve:0:1879048193\n", 0x70010000 },
		{ "passwd", "ada:x:1879048200:100:Ada:/:/bin/sh\n", 0x70010000 },
		{ "group", "ada:x:1879113735:\n", 0x70000000 },
		{ "group", "ada:x:1879113727:\n", 0x70010000 },
		/* a line later in another file leads into one that was passed already */
		{ "subuid", "a:1879113728:65536\nb:1879048192:65536\n", 0x70020000 },
		{ "subuid", "a:18446744073709551615:1\nb:1:18446744073709551615\nc:-1:5\n",
		  0x70000000 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint32_t first = 0;

		write_etc(rows[i].file, rows[i].text);
		ck_assert_int_eq(free_range(&first), TRB_OK);
		ck_assert_msg(first == rows[i].first, "row %zu: %#x", i, first);
		ck_assert_int_eq(unlink(test_path(top, rows[i].file)), 0);
	}
}
END_TEST

START_TEST(no_ids_are_left)
{
	uint32_t first = 0;

	write_etc("subuid", "ada:1:4294967294\n");
	ck_assert_int_eq(free_range(&first), TRB_E_UNSUPPORTED);
	ck_assert_uint_eq(first, 0);
	ck_assert_int_eq(unlink(test_path(top, "subuid")), 0);
	/* what cannot be read gives nothing away */
	ck_assert_int_eq(mkdir(test_path(top, "subuid"), 0700), 0);
	ck_assert_int_eq(free_range(&first), TRB_E_IO);
	ck_assert_int_eq(rmdir(test_path(top, "subuid")), 0);
	ck_assert_int_eq(free_range(&first), TRB_OK);
}
END_TEST

START_TEST(run_directories_are_private_and_swept)
{
	struct trb_run_dir first = TRB_RUN_DIR_NONE, second = TRB_RUN_DIR_NONE;
	char dead[32];
	struct stat st;

	ck_assert_int_eq(trb_run_dir_make(top, &first, NULL), TRB_OK);
	ck_assert_int_eq(fstatat(first.parent, first.name, &st, 0), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
	/* one that is held stays, one whose holder is gone goes */
	ck_assert_int_eq(trb_run_dir_make(top, &second, NULL), TRB_OK);
	ck_assert_int_eq(fstatat(first.parent, first.name, &st, 0), 0);
	strcpy(dead, second.name);
	trb_run_dir_clear(&second);
	ck_assert_int_eq(trb_run_dir_make(top, &second, NULL), TRB_OK);
	ck_assert_int_ne(fstatat(first.parent, dead, &st, 0), 0);
	ck_assert_int_eq(fstatat(first.parent, first.name, &st, 0), 0);
	trb_run_dir_clear(&first);
	trb_run_dir_clear(&second);
}
END_TEST

START_TEST(the_helper_refuses_strangers)
{
	char command[4200];

	snprintf(command, sizeof(command), "%s/libexec/tb-launch", getenv("TRB_BUILD_ROOT"));
	ck_assert_int_eq(access(command, X_OK), 0);
	strcat(command, " 2>/dev/null </dev/null");
	ck_assert_int_eq(WEXITSTATUS(system(command)), TRB_LAUNCH_FAILED);
	snprintf(command, sizeof(command), "%s/libexec/tb-egress 443x,0 2>/dev/null </dev/null",
		 getenv("TRB_BUILD_ROOT"));
	ck_assert_int_eq(WEXITSTATUS(system(command)), EXIT_FAILURE);
}
END_TEST

START_TEST(limits_travel_as_text)
{
	static const char *const bad[] = {
		"", "?", "-1", " 1", "12x", "1??", "99999999999999999999"
	};
	const struct trb_launch_limit good[] = { { 0, false },
						 { 50, true },
						 { UINT64_MAX, false } };
	struct trb_launch_limit limit;
	char text[TRB_LAUNCH_LIMIT_BYTES];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		trb_launch_limit_put(good[i], text);
		ck_assert(trb_launch_limit_parse(text, &limit));
		ck_assert(limit.value == good[i].value && limit.demanded == good[i].demanded);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!trb_launch_limit_parse(bad[i], &limit), "'%s'", bad[i]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("launch");
	TCase *tc = tcase_create("launch");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, subordinate_ids_are_found);
	tcase_add_test(tc, bad_ranges_are_none);
	tcase_add_test(tc, limits_travel_as_text);
	tcase_add_test(tc, root_takes_ids_that_are_nobodys);
	tcase_add_test(tc, no_ids_are_left);
	tcase_add_test(tc, run_directories_are_private_and_swept);
	tcase_add_test(tc, the_helper_refuses_strangers);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
