/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled and run by a build under crun or runc (tests/slow/runtimes): tries what the sandbox must
 * refuse, and prints a line for each call: its name, and "refused" only where the answer was the
 * filter's. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/bpf.h>
#include <linux/io_uring.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* The rest of the filter, called with arguments that would be refused for themselves. */
#define CALL(name)                \
	{                         \
#name, SYS_##name \
	}
static const struct {
	const char *name;
	long number;
} rest[] = {
	CALL(acct),
	CALL(clock_adjtime),
	CALL(clock_settime),
	CALL(delete_module),
	CALL(fanotify_init),
	CALL(finit_module),
	CALL(fsconfig),
	CALL(fsmount),
	CALL(fsopen),
	CALL(fspick),
	CALL(init_module),
	CALL(io_uring_enter),
	CALL(io_uring_register),
	CALL(kcmp),
	CALL(kexec_file_load),
	CALL(kexec_load),
	CALL(mount_setattr),
	CALL(move_mount),
	CALL(name_to_handle_at),
	CALL(open_by_handle_at),
	CALL(open_tree),
	CALL(pidfd_getfd),
	CALL(pivot_root),
	CALL(process_vm_writev),
	CALL(quotactl),
	CALL(quotactl_fd),
	CALL(reboot),
	CALL(settimeofday),
	CALL(swapoff),
	CALL(swapon),
	CALL(syslog),
	CALL(umount2),
	CALL(vhangup),
};

static void tell(const char *what, long result, int wanted)
{
	if (result >= 0)
		printf("%s allowed\n", what);
	else if (errno != wanted)
		printf("%s failed: %s\n", what, strerror(errno));
	else
		printf("%s refused\n", what);
	fflush(stdout);
}

#ifdef __x86_64__
/* socketcall(SYS_SOCKET, NULL), which would say EFAULT */
static long call_32_bit(void)
{
	long result;

	__asm__ volatile("int $0x80" : "=a"(result) : "a"(102L), "b"(1L), "c"(0L) : "memory");
	return result;
}

static long call_x32(void)
{
	return syscall(SYS_getpid | 0x40000000L) < 0 ? -errno : 0;
}
#endif

/* Calls of another architecture, whose numbers no filter of this one knows: whoever makes one is
 * killed, or told no. */
static void try_architecture(const char *what, long (*call)(void))
{
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		long result = call();

		_exit(result == -EPERM || result == -ENOSYS ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	if (status == 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS))
		printf("%s refused\n", what);
	else
		printf("%s status %x\n", what, status);
}

/* Takes memory that no process has mapped afterwards. */
static int detach(void)
{
	const size_t size = (size_t)64 << 20;

	for (int i = 0; i < 8; i++) {
		int id = shmget(IPC_PRIVATE, size, 0600);
		void *p = id >= 0 ? shmat(id, NULL, 0) : (void *)-1;

		if (p == (void *)-1)
			return 1;
		memset(p, 1, size);
		shmdt(p);
	}
	sleep(20);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "detach") == 0)
		return detach();
	static const struct {
		const char *name;
		int family;
	} families[] = { { "vsock", AF_VSOCK },   { "alg", AF_ALG },
			 { "packet", AF_PACKET }, { "bluetooth", AF_BLUETOOTH },
			 { "xdp", AF_XDP },       { "kcm", AF_KCM },
			 { "can", AF_CAN },       { "unknown", AF_MAX } };
	struct io_uring_params uring = { 0 };
	union bpf_attr bpf = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1
	};
	char stack[4096];

	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		tell(families[i].name, socket(families[i].family, SOCK_STREAM, 0), EPERM);
	tell("vsock-pair", socketpair(AF_VSOCK, SOCK_STREAM, 0, (int[2]){ 0 }), EPERM);
	tell("keyctl", syscall(SYS_keyctl, 0, -3, 0), EPERM);
	tell("add_key", syscall(SYS_add_key, "user", "x", "y", 1, -3), EPERM);
	tell("request_key", syscall(SYS_request_key, "user", "x", NULL, 0), EPERM);
	tell("bpf", syscall(SYS_bpf, BPF_MAP_CREATE, &bpf, sizeof(bpf)), EPERM);
	tell("io_uring", syscall(SYS_io_uring_setup, 4, &uring), EPERM);
	tell("ptrace", ptrace(PTRACE_TRACEME, 0, NULL, NULL), EPERM);
	tell("unshare-user", unshare(CLONE_NEWUSER), EPERM);
	tell("unshare-net", unshare(CLONE_NEWNET), EPERM);
	tell("clone-user", syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL),
	     EPERM);
	tell("clone3", syscall(SYS_clone3, stack, 64), ENOSYS);
	tell("setns", setns(0, 0), EPERM);
	tell("mount", mount("none", "/tmp", "tmpfs", 0, NULL), EPERM);
	tell("userfaultfd", syscall(SYS_userfaultfd, 0), EPERM);
	tell("perf", syscall(SYS_perf_event_open, stack, 0, -1, -1, 0), EPERM);
	tell("process_vm_readv", syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0),
	     EPERM);
	for (size_t i = 0; i < sizeof(rest) / sizeof(rest[0]); i++)
		tell(rest[i].name, syscall(rest[i].number, -1L, -1L, -1L, -1L, -1L), EPERM);
#ifdef __x86_64__
	try_architecture("32-bit", call_32_bit);
	try_architecture("x32", call_x32);
#endif
	/* and what a build may do */
	tell("inet", socket(AF_INET, SOCK_STREAM, 0), EPERM);
	tell("unix", socket(AF_UNIX, SOCK_STREAM, 0), EPERM);
	printf("no-new-privileges %d\n", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	printf("uid %d\n", (int)getuid());
	return 0;
}
