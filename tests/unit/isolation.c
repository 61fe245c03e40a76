/* SPDX-License-Identifier: Apache-2.0 */
/* What a fetcher that was taken over can still ask of the kernel. */
#include "support.h"

#include <errno.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "fetch/fetch.h"
#include "marked.h"

static bool refused(long result, int why)
{
	return result == -1 && errno == why;
}

/* A child that was made in spite of all ends at once. */
static bool clone_refused(unsigned long flags)
{
	long r = syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);

	if (r == 0)
		_exit(0);
	return refused(r, EPERM);
}

static bool clone3_refused(void)
{
	struct clone_args args = { .flags = CLONE_NEWUSER, .exit_signal = SIGCHLD };
	long r = syscall(SYS_clone3, &args, sizeof(args));

	if (r == 0)
		_exit(0);
	return refused(r, ENOSYS);
}

static void *nothing(void *arg)
{
	return arg;
}

static bool threads_work(void)
{
	pthread_t thread;

	return pthread_create(&thread, NULL, nothing, NULL) == 0 && pthread_join(thread, NULL) == 0;
}

static int isolate(void)
{
	struct fetch f = { .out = -1, .broker = -1 };

	trb_source_limits_default(&f.limits);
	return fetch_isolate(&f, NULL);
}

/* The number of the first thing that is not as it must be. */
static int look(void)
{
	static const unsigned long namespaces[] = { CLONE_NEWUSER,
						    CLONE_NEWNS,
						    CLONE_NEWNET,
						    CLONE_NEWPID,
						    CLONE_NEWIPC,
						    CLONE_NEWUTS,
						    CLONE_NEWUSER | CLONE_NEWNET };

	if (isolate() < 0)
		return 1;
	for (size_t i = 0; i < sizeof(namespaces) / sizeof(namespaces[0]); i++)
		if (!clone_refused(namespaces[i]))
			return 10 + (int)i;
	if (!clone3_refused())
		return 2;
	if (!refused(unshare(CLONE_NEWUSER), EPERM))
		return 3;
	if (!refused(socket(AF_INET, SOCK_STREAM, 0), EPERM))
		return 4;
	/* the broker's sockets are connected: whatever is said, nothing is */
	if (!refused(connect(-1, NULL, 0), EINPROGRESS))
		return 6;
	return threads_work() ? 0 : 5;
}

/* The exit status of a child that does this. */
static int in_child(int (*what)(void))
{
	pid_t pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(what());
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status), "status %x", status);
	return WEXITSTATUS(status);
}

START_TEST(no_namespace_gives_rights_back)
{
	ck_assert_int_eq(in_child(look), 0);
}
END_TEST

static const char *const calls[] = {
	"accept",
	"accept4",
	"add_key",
	"bind",
	"bpf",
	"chroot",
	"execve",
	"execveat",
	"finit_module",
	"fork",
	"fsmount",
	"fsopen",
	"fspick",
	"init_module",
	"io_uring_enter",
	"io_uring_register",
	"io_uring_setup",
	"kcmp",
	"kexec_load",
	"keyctl",
	"listen",
	"mknod",
	"mknodat",
	"mount",
	"mount_setattr",
	"move_mount",
	"mq_open",
	"msgget",
	"name_to_handle_at",
	"open_by_handle_at",
	"open_tree",
	"perf_event_open",
	"pidfd_getfd",
	"pidfd_open",
	"pivot_root",
	"process_madvise",
	"process_vm_readv",
	"process_vm_writev",
	"ptrace",
	"request_key",
	"semget",
	"setgid",
	"setns",
	"setresgid",
	"setresuid",
	"setuid",
	"shmget",
	"socket",
	"socketpair",
	"umount2",
	"unshare",
	"userfaultfd",
	"vfork",
	NULL,
};
/* refused in words that libcurl understands */
static const char *const pretended[] = { "connect", NULL };
/* and what it needs */
static const char *const needed[] = { "read", "lseek", "fstat", "munmap", NULL };

static int call_all(void)
{
	if (!marked_begin(calls) || !marked_begin(pretended) || !marked_begin(needed))
		return 1;
	if (marked_count(calls, MARKED) != marked_known(calls))
		return 2;
	if (isolate() < 0)
		return 3;
	if (marked_count(needed, MARKED) != marked_known(needed))
		return 4;
	if (marked_count(pretended, EINPROGRESS) != marked_known(pretended))
		return 6;
	return marked_count(calls, EPERM) == marked_known(calls) ? 0 : 5;
}

START_TEST(each_filtered_call_is_refused)
{
	ck_assert_int_eq(in_child(call_all), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("isolation");
	TCase *tcase = tcase_create("isolation");

	tcase_add_test(tcase, no_namespace_gives_rights_back);
	tcase_add_test(tcase, each_filtered_call_is_refused);
	suite_add_tcase(suite, tcase);
	return test_run(suite);
}
