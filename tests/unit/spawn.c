/* SPDX-License-Identifier: Apache-2.0 */
/* Child processes. */
#include "support.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

#include "core/io.h"
#include "core/spawn.h"

static char *no_env[] = { (char *)"ONLY=this", NULL };

static struct trb_child start(const char *script, const int *fds, size_t n)
{
	char *argv[] = { (char *)"sh", (char *)"-c", (char *)(uintptr_t)script, NULL };
	struct trb_child child = TRB_CHILD_NONE;
	trb_error *err = NULL;
	int r = trb_spawn("/bin/sh", argv, no_env, fds, n, &child, &err);

	ck_status(r, TRB_OK, err);
	return child;
}

static int finish(struct trb_child *child)
{
	int status = -1, r;
	trb_error *err = NULL;

	r = trb_child_wait(child, 10000, &status, &err);
	ck_status(r, TRB_OK, err);
	ck_assert_int_eq(child->pidfd, -1);
	return status;
}

START_TEST(exit_codes_and_signals_come_back)
{
	const int fds[] = { -1, -1, -1 };
	struct trb_child child = start("exit 7", fds, 3);

	ck_assert_int_eq(finish(&child), 7);
	child = start("kill -9 $$", fds, 3);
	ck_assert_int_eq(finish(&child), 128 + SIGKILL);
}
END_TEST

START_TEST(the_environment_is_exact)
{
	const int fds[] = { -1, -1, -1 };
	struct trb_child child;

	setenv("TRB_SECRET", "1", 1);
	child = start("[ \"$ONLY\" = this ] && [ -z \"$TRB_SECRET\" ]", fds, 3);
	ck_assert_int_eq(finish(&child), 0);
}
END_TEST

static void expect_text(int fd, const char *text)
{
	char got[16] = { 0 };

	ck_assert_int_eq(trb_read_full(fd, got, strlen(text), NULL), TRB_OK);
	ck_assert_str_eq(got, text);
}

/* Sources whose numbers are other sources' places. */
START_TEST(descriptors_may_trade_places)
{
	int a[2], b[2], high;
	struct trb_child child;

	ck_assert(pipe2(a, O_CLOEXEC) == 0 && pipe2(b, O_CLOEXEC) == 0);
	high = fcntl(b[1], F_DUPFD_CLOEXEC, 3);
	ck_assert_int_ge(high, 0);
	{
		/* 3 and 4 are taken by a[]: whatever is there, the child's 3 is b, its 4 is a */
		const int fds[] = { -1, -1, -1, high, a[1] };

		child = start("echo bb >&3; echo aa >&4", fds, 5);
	}
	ck_assert_int_eq(finish(&child), 0);
	expect_text(a[0], "aa\n");
	expect_text(b[0], "bb\n");
}
END_TEST

START_TEST(no_other_descriptor_leaks)
{
	const int fds[] = { -1, -1, -1 };
	int leak = open("/dev/null", O_RDONLY);
	struct trb_child child;

	ck_assert_int_gt(dup2(leak, 20), 0);
	child = start("for i in 3 4 5 6 7 8 9 20; do [ ! -e /proc/self/fd/$i ] || exit 1; done",
		      fds, 3);
	ck_assert_int_eq(finish(&child), 0);
}
END_TEST

START_TEST(kill_takes_the_group)
{
	int out[2];
	char c;

	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	{
		const int fds[] = { -1, out[1], -1 };
		struct trb_child child = start("sleep 1000 & echo x; wait", fds, 3);

		close(out[1]);
		expect_text(out[0], "x\n");
		trb_child_kill(&child);
		trb_child_kill(&child);
		/* the grandchild held the pipe: its end comes only when that one is gone, too */
		ck_assert_int_eq(read(out[0], &c, 1), 0);
	}
}
END_TEST

START_TEST(waiting_has_a_limit)
{
	const int fds[] = { -1, -1, -1 };
	struct trb_child child = start("sleep 1000", fds, 3);
	int status;

	ck_assert_int_eq(trb_child_wait(&child, 20, &status, NULL), TRB_E_TIMEOUT);
	ck_assert_int_gt(child.pid, 0);
	trb_child_kill(&child);
	ck_assert_int_eq(trb_child_wait(&child, 20, &status, NULL), TRB_E_STATE);
}
END_TEST

START_TEST(a_missing_program_is_named)
{
	const int fds[] = { -1, -1, -1 };
	char *argv[] = { (char *)"none", NULL };
	struct trb_child child = TRB_CHILD_NONE;
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;

	ck_assert_int_eq(trb_spawn("/nowhere/none", argv, no_env, fds, 3, &child, &err),
			 TRB_E_NOTFOUND);
	ck_assert_ptr_nonnull(strstr(trb_error_message(err), "/nowhere/none"));
	ck_assert_int_eq(trb_spawn("/bin/sh", argv, no_env, fds, 2, &child, NULL), TRB_E_INVAL);
}
END_TEST

START_TEST(too_few_descriptors_are_called_so)
{
	const int fds[] = { -1, -1, 2, -1, -1, -1, -1, -1 };
	const struct rlimit limit = { 8, 8 };
	char *argv[] = { (char *)"true", NULL };
	struct trb_child child = TRB_CHILD_NONE;
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;

	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	ck_assert_int_eq(trb_spawn("/bin/true", argv, no_env, fds, 8, &child, &err), TRB_E_IO);
	ck_assert_ptr_nonnull(strstr(trb_error_message(err), "Too many open files"));
}
END_TEST

START_TEST(too_few_processes_are_called_so)
{
	const int fds[] = { -1, -1, 2 };
	const struct rlimit limit = { 0, 0 };
	char *argv[] = { (char *)"true", NULL };
	struct trb_child child = TRB_CHILD_NONE;
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;

	/* root has no such limit */
	if (geteuid() == 0)
		ck_assert_int_eq(setresuid(65534, 65534, 65534), 0);
	ck_assert_int_eq(setrlimit(RLIMIT_NPROC, &limit), 0);
	ck_assert_int_eq(trb_spawn("/bin/true", argv, no_env, fds, 3, &child, &err), TRB_E_IO);
	ck_assert_ptr_nonnull(strstr(trb_error_message(err), "ulimit -u"));
	_exit(EXIT_SUCCESS); /* a search for leaks would need a process */
}
END_TEST

int main(void)
{
	Suite *s = suite_create("spawn");
	TCase *t = tcase_create("spawn");

	tcase_add_test(t, exit_codes_and_signals_come_back);
	tcase_add_test(t, the_environment_is_exact);
	tcase_add_test(t, descriptors_may_trade_places);
	tcase_add_test(t, no_other_descriptor_leaks);
	tcase_add_test(t, kill_takes_the_group);
	tcase_add_test(t, waiting_has_a_limit);
	tcase_add_test(t, a_missing_program_is_named);
	tcase_add_test(t, too_few_descriptors_are_called_so);
	tcase_add_test(t, too_few_processes_are_called_so);
	suite_add_tcase(s, t);
	return test_run(s);
}
