/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are replaced whole, and what writers that were killed leave beside them. */
#include "support.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "core/io.h"

#define LEFT "key.0123456789abcdef.tmp"

static char folder[64];

static void setup(void)
{
	strcpy(folder, "/tmp/trb-files-XXXXXX");
	ck_assert(mkdtemp(folder) != NULL);
}

static void teardown(void)
{
	ck_assert_int_eq(trb_remove_tree(AT_FDCWD, folder, NULL), TRB_OK);
}

static int make(const char *name)
{
	int fd = open(test_path(folder, name), O_WRONLY | O_CREAT | O_EXCL, 0600);

	ck_assert_int_ge(fd, 0);
	return fd;
}

static bool is_there(const char *name)
{
	struct stat st;

	return lstat(test_path(folder, name), &st) == 0;
}

static unsigned count(void)
{
	DIR *dir = opendir(folder);
	unsigned n = 0;

	ck_assert(dir != NULL);
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n - 2; /* . and .. */
}

static int write_key(const char *text)
{
	return trb_write_file(AT_FDCWD, test_path(folder, "key"), trb_bytes_str(text), 0600, NULL);
}

START_TEST(what_a_killed_writer_left_is_removed)
{
	close(make(LEFT));
	ck_assert_int_eq(write_key("new"), TRB_OK);
	ck_assert(!is_there(LEFT));
	ck_assert_uint_eq(count(), 1);
}
END_TEST

START_TEST(what_a_writer_still_holds_stays)
{
	int fd = make(LEFT);

	ck_assert_int_eq(flock(fd, LOCK_EX), 0);
	ck_assert_int_eq(write_key("new"), TRB_OK);
	ck_assert(is_there(LEFT));
	close(fd);
	ck_assert_int_eq(write_key("new"), TRB_OK);
	ck_assert(!is_there(LEFT));
}
END_TEST

START_TEST(other_names_stay)
{
	static const char *const others[] = {
		"key.tmp",
		"key.0123456789abcde.tmp",
		"key.0123456789abcdef0.tmp",
		"key.0123456789abcdeg.tmp",
		"key.0123456789abcdef.tmp.old",
		"key2.0123456789abcdef.tmp",
		"ke.0123456789abcdef.tmp",
	};
	const unsigned n = sizeof(others) / sizeof(others[0]);

	for (unsigned i = 0; i < n; i++)
		close(make(others[i]));
	ck_assert_int_eq(symlink("key.tmp", test_path(folder, LEFT)), 0);
	ck_assert_int_eq(mkdir(test_path(folder, "key.fedcba9876543210.tmp"), 0700), 0);
	ck_assert_int_eq(write_key("new"), TRB_OK);
	ck_assert_uint_eq(count(), n + 3);
}
END_TEST

START_TEST(a_failed_write_leaves_nothing)
{
	ck_assert_int_eq(mkdir(test_path(folder, "key"), 0700), 0);
	ck_assert_int_eq(write_key("new"), TRB_E_IO);
	ck_assert_uint_eq(count(), 1);
}
END_TEST

static void write_for_ever(unsigned rounds)
{
	char text[2001];

	for (unsigned i = 0; i < rounds; i++) {
		memset(text, 'a' + (int)(i % 26), sizeof(text) - 1);
		text[sizeof(text) - 1] = '\0';
		if (write_key(text) != TRB_OK)
			_exit(1);
	}
	_exit(0);
}

static void check_whole(void)
{
	_cleanup_(trb_blob_unrefp) trb_blob *blob = test_file(test_path(folder, "key"));
	trb_bytes text = trb_blob_bytes(blob);

	ck_assert_uint_eq(text.len, 2000);
	for (size_t i = 1; i < text.len; i++)
		ck_assert_int_eq(text.ptr[i], text.ptr[0]);
}

START_TEST(writers_side_by_side_do_not_meet)
{
	pid_t pids[4];

	for (unsigned i = 0; i < 4; i++)
		if ((pids[i] = fork()) == 0)
			write_for_ever(100);
	for (unsigned i = 0; i < 4; i++) {
		int status;

		ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
		ck_assert_int_eq(status, 0);
	}
	check_whole();
	ck_assert_uint_eq(count(), 1);
}
END_TEST

START_TEST(killed_writers_leave_nothing_for_long)
{
	ck_assert_int_eq(write_key("old"), TRB_OK);
	for (unsigned round = 0; round < 60; round++) {
		const struct timespec pause = { .tv_nsec = 500000L + 37000L * round };
		pid_t pid = fork();

		if (pid == 0)
			write_for_ever(UINT32_MAX);
		nanosleep(&pause, NULL);
		kill(pid, SIGKILL);
		ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	}
	ck_assert_int_eq(write_key("new"), TRB_OK);
	ck_assert_uint_eq(count(), 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("files");
	TCase *tc = tcase_create("files");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, what_a_killed_writer_left_is_removed);
	tcase_add_test(tc, what_a_writer_still_holds_stays);
	tcase_add_test(tc, other_names_stay);
	tcase_add_test(tc, a_failed_write_leaves_nothing);
	tcase_add_test(tc, writers_side_by_side_do_not_meet);
	tcase_add_test(tc, killed_writers_leave_nothing_for_long);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
