/* SPDX-License-Identifier: Apache-2.0 */
/* Lets one system call of a child fail. */
#include "trace.h"

#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__x86_64__)

#define CALLS   512
#define THREADS 64

/* How each call fails when something runs out or breaks.  Those that are not listed cannot fail, or
 * the C library ends the process where they do (futex and the like); EINTR alone is no failure. */
static const struct {
	const char *name;
	int error;
	int path;       /* which argument is one, from 1 */
	int source;     /* which argument is the descriptor that is read, from 1 */
	int length;     /* which argument says how much, where less may be done; from 1 */
	bool interrupt; /* EINTR is for the caller to mind */
} rows[] = {
	{ "accept", EMFILE, .interrupt = true },
	{ "accept4", EMFILE, .interrupt = true },
	{ "access", EACCES, 1 },
	{ "bind", EADDRINUSE },
	{ "chdir", EACCES, 1 },
	{ "chmod", EPERM, 1 },
	{ "chown", EPERM, 1 },
	{ "clock_gettime", EINVAL },
	{ "clock_nanosleep", EINTR },
	{ "clone", EAGAIN },
	{ "clone3", EAGAIN },
	{ "close", EIO },
	{ "connect", ECONNREFUSED },
	{ "copy_file_range", EIO, .length = 5, .interrupt = true },
	{ "dup", EMFILE },
	{ "dup2", EMFILE },
	{ "dup3", EMFILE },
	{ "epoll_create1", EMFILE },
	{ "epoll_ctl", ENOMEM },
	{ "epoll_wait", EINTR, .interrupt = true },
	{ "eventfd2", EMFILE },
	{ "execve", ENOENT },
	{ "faccessat", EACCES, 2 },
	{ "faccessat2", EACCES, 2 },
	{ "fadvise64", EINVAL },
	{ "fallocate", ENOSPC, .interrupt = true },
	{ "fchmod", EPERM },
	{ "fchmodat", EPERM, 2 },
	{ "fchown", EPERM },
	{ "fchownat", EPERM, 2 },
	{ "fcntl", ENOLCK },
	{ "fdatasync", EIO, .interrupt = true },
	{ "fgetxattr", EIO },
	{ "flock", ENOLCK, .interrupt = true },
	{ "fork", EAGAIN },
	{ "fstat", EIO },
	{ "fstatfs", EIO },
	{ "fsync", EIO, .interrupt = true },
	{ "ftruncate", EIO, .interrupt = true },
	{ "getcwd", EACCES },
	{ "getdents64", EIO },
	{ "getpeername", ENOBUFS },
	{ "getrandom", ENOSYS, .length = 2, .interrupt = true },
	{ "getsockname", ENOBUFS },
	{ "getsockopt", ENOMEM },
	{ "ioctl", EIO },
	{ "kill", EPERM },
	{ "link", EMLINK, 1 },
	{ "linkat", EMLINK, 2 },
	{ "listen", EADDRINUSE },
	{ "lseek", EIO },
	{ "lstat", EIO, 1 },
	{ "memfd_create", EMFILE, 1 },
	{ "mkdir", ENOSPC, 1 },
	{ "mkdirat", ENOSPC, 2 },
	{ "mmap", ENOMEM },
	{ "mount", EPERM, 2 },
	{ "mprotect", ENOMEM },
	{ "mremap", ENOMEM },
	{ "nanosleep", EINTR },
	{ "newfstatat", EIO, 2 },
	{ "open", EMFILE, 1 },
	{ "openat", EMFILE, 2 },
	{ "openat2", EMFILE, 2 },
	{ "pidfd_open", EMFILE },
	{ "pidfd_send_signal", EPERM },
	{ "pipe", EMFILE },
	{ "pipe2", EMFILE },
	{ "poll", ENOMEM, .interrupt = true },
	{ "ppoll", ENOMEM, .interrupt = true },
	{ "prctl", EPERM },
	{ "pread64", EIO, .length = 3, .interrupt = true },
	{ "prlimit64", EPERM },
	{ "pwrite64", ENOSPC, .length = 3, .interrupt = true },
	{ "read", EIO, .source = 1, .length = 3, .interrupt = true },
	{ "readlink", EIO, 1 },
	{ "readlinkat", EIO, 2 },
	{ "readv", EIO, .interrupt = true },
	{ "recvfrom", ECONNRESET, .length = 3, .interrupt = true },
	{ "recvmsg", ECONNRESET, .interrupt = true },
	{ "rename", EIO, 1 },
	{ "renameat", EIO, 2 },
	{ "renameat2", EIO, 2 },
	{ "rmdir", EBUSY, 1 },
	{ "sched_getaffinity", EPERM },
	{ "select", ENOMEM, .interrupt = true },
	{ "sendfile", EIO, .length = 4, .interrupt = true },
	{ "sendmsg", EPIPE, .interrupt = true },
	{ "sendto", EPIPE, .length = 3, .interrupt = true },
	{ "setsockopt", ENOMEM },
	{ "shutdown", ENOTCONN },
	{ "socket", EMFILE },
	{ "socketpair", EMFILE },
	{ "splice", EIO, .length = 5, .interrupt = true },
	{ "stat", EIO, 1 },
	{ "statfs", EIO, 1 },
	{ "statx", EIO, 2 },
	{ "symlink", ENOSPC, 2 },
	{ "symlinkat", ENOSPC, 3 },
	{ "umount2", EBUSY, 1 },
	{ "unlink", EBUSY, 1 },
	{ "unlinkat", EBUSY, 2 },
	{ "utimensat", EPERM, 2 },
	{ "vfork", EAGAIN },
	{ "wait4", EINTR, .interrupt = true },
	{ "waitid", EINTR, .interrupt = true },
	{ "write", ENOSPC, .length = 3, .interrupt = true },
	{ "writev", ENOSPC, .interrupt = true },
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

static int row_of[CALLS]; /* -1: cannot fail */
static int close_row;

/* A thread that is between the entry and the exit of a call that was tampered with. */
static struct thread {
	pid_t tid;
	bool tampered;
	long result; /* to be given back, where it is not 0 */
	int length;  /* the argument to put back, from 1 */
	unsigned long long was;
} threads[THREADS];

static void resolve_rows(void)
{
	for (size_t i = 0; i < CALLS; i++)
		row_of[i] = -1;
	for (size_t i = 0; i < ROWS; i++) {
		int n = seccomp_syscall_resolve_name(rows[i].name);

		if (n >= 0 && n < CALLS)
			row_of[n] = (int)i;
		if (strcmp(rows[i].name, "close") == 0)
			close_row = (int)i;
	}
}

static unsigned long long *argument(struct user_regs_struct *regs, int which)
{
	unsigned long long *of[] = { &regs->rdi, &regs->rsi, &regs->rdx,
				     &regs->r10, &regs->r8,  &regs->r9 };

	return of[which - 1];
}

static struct thread *thread_of(pid_t tid)
{
	struct thread *free_one = NULL;

	for (size_t i = 0; i < THREADS; i++) {
		if (threads[i].tid == tid)
			return &threads[i];
		if (threads[i].tid == 0 && free_one == NULL)
			free_one = &threads[i];
	}
	if (free_one != NULL)
		*free_one = (struct thread){ .tid = tid };
	return free_one;
}

static bool eligible(const struct trace *t, int row, struct user_regs_struct *regs)
{
	switch (t->kind) {
	case TRACE_EINTR:
		return rows[row].interrupt;
	case TRACE_SHORT:
		return rows[row].length > 0 && *argument(regs, rows[row].length) > 1;
	default:
		return rows[row].error != EINTR;
	}
}

static void read_path(pid_t tid, unsigned long long address, char *out, size_t size)
{
	struct iovec here = { out, size - 1 }, there = { (void *)(uintptr_t)address, size - 1 };
	size_t page = 4096 - address % 4096;
	ssize_t n;

	if (page < there.iov_len) /* the next page may not be there */
		there.iov_len = page;
	n = process_vm_readv(tid, &here, 1, &there, 1, 0);
	out[n > 0 ? n : 0] = '\0';
}

static void read_source(pid_t tid, unsigned long long fd, char *out, size_t size)
{
	char link[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/%d/fd/%llu", (int)tid, fd);
	n = readlink(link, out, size - 1);
	out[n > 0 ? n : 0] = '\0';
}

static void note_call(struct trace *t, pid_t tid, int row, struct user_regs_struct *regs)
{
	t->call = (long)regs->orig_rax;
	t->path[0] = '\0';
	if (rows[row].path > 0)
		read_path(tid, *argument(regs, rows[row].path), t->path, sizeof(t->path));
	if (rows[row].source > 0)
		read_source(tid, *argument(regs, rows[row].source), t->path, sizeof(t->path));
}

/* At the entry of a call. */
static void enter(struct trace *t, struct thread *thread)
{
	struct user_regs_struct regs;
	int row;

	if (!t->armed || ptrace(PTRACE_GETREGS, thread->tid, NULL, &regs) < 0 ||
	    regs.orig_rax >= CALLS || (row = row_of[regs.orig_rax]) < 0 || !eligible(t, row, &regs))
		return;
	if (!(t->fired && t->forever) && --t->left > 0)
		return;
	if (!t->fired)
		note_call(t, thread->tid, row, &regs);
	t->fired = true;
	if (!t->forever)
		t->armed = false;
	thread->tampered = true;
	thread->result = t->kind == TRACE_EINTR ? -EINTR : -rows[row].error;
	thread->length = 0;
	if (t->kind == TRACE_SHORT) {
		thread->result = 0;
		thread->length = rows[row].length;
		thread->was = *argument(&regs, thread->length);
		*argument(&regs, thread->length) = 1;
	} else if (row != close_row) { /* which closes, whatever it gives back */
		regs.orig_rax = (unsigned long long)-1;
	}
	ptrace(PTRACE_SETREGS, thread->tid, NULL, &regs);
}

static void leave(struct thread *thread)
{
	struct user_regs_struct regs;

	if (!thread->tampered || ptrace(PTRACE_GETREGS, thread->tid, NULL, &regs) < 0)
		return;
	if (thread->length > 0)
		*argument(&regs, thread->length) = thread->was;
	else
		regs.rax = (unsigned long long)thread->result;
	ptrace(PTRACE_SETREGS, thread->tid, NULL, &regs);
	thread->tampered = false;
}

static void at_call(struct trace *t, pid_t tid)
{
	struct thread *thread = thread_of(tid);
	struct __ptrace_syscall_info info;

	if (thread == NULL ||
	    ptrace(PTRACE_GET_SYSCALL_INFO, tid, (void *)sizeof(info), &info) <= 0)
		return;
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
		enter(t, thread);
	else if (info.op == PTRACE_SYSCALL_INFO_EXIT)
		leave(thread);
}

/* One stop of one thread; the signal to go on with. */
static int at_stop(struct trace *t, pid_t tid, int status)
{
	int signal = WSTOPSIG(status);

	if (signal == (SIGTRAP | 0x80)) {
		at_call(t, tid);
		return 0;
	}
	/* an event, the first stop of a new thread, or the traced saying that it is armed */
	if (status >> 16 != 0 || signal == SIGSTOP || signal == SIGUSR1)
		return 0;
	return signal;
}

static void follow(struct trace *t, pid_t child)
{
	int status;
	pid_t tid;

	while ((tid = waitpid(-1, &status, __WALL)) > 0) {
		struct thread *thread = thread_of(tid);

		if (WIFSTOPPED(status)) {
			int signal = at_stop(t, tid, status);
			bool calls = t->armed || (thread != NULL && thread->tampered);

			ptrace(calls ? PTRACE_SYSCALL : PTRACE_CONT, tid, NULL,
			       (void *)(intptr_t)signal);
			continue;
		}
		if (thread != NULL)
			thread->tid = 0;
		if (tid != child)
			continue;
		if (WIFSIGNALED(status))
			snprintf(t->said, sizeof(t->said), "%s: killed by signal %d (%s)", t->about,
				 WTERMSIG(status), strsignal(WTERMSIG(status)));
		else if (WEXITSTATUS(status) != 0 && t->said[0] == '\0')
			snprintf(t->said, sizeof(t->said), "%s: ended with %d", t->about,
				 WEXITSTATUS(status));
		return;
	}
}

const char *trace_run(void (*body)(struct trace *t, const void *arg), const void *arg)
{
	const int options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL;
	struct trace *t =
		mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t child;
	int status;

	if (t == MAP_FAILED)
		return "no memory to share";
	resolve_rows();
	child = fork();
	if (child == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		body(t, arg);
		fflush(NULL);
		_exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, child, NULL, (void *)(intptr_t)options) < 0 ||
	    ptrace(PTRACE_CONT, child, NULL, NULL) < 0)
		return "the process cannot be traced";
	follow(t, child);
	return t->said[0] != '\0' ? t->said : NULL;
}

bool trace_works(void)
{
	return true;
}

#else

const char *trace_run(void (*body)(struct trace *t, const void *arg), const void *arg)
{
	static struct trace t;

	body(&t, arg);
	return NULL;
}

bool trace_works(void)
{
	return false;
}

#endif

void trace_arm(struct trace *t, enum trace_kind kind, unsigned n, bool forever)
{
	t->kind = kind;
	t->left = n;
	t->forever = forever;
	t->fired = false;
	t->armed = true;
	raise(SIGUSR1); /* the tracer minds each call from here on */
}

bool trace_disarm(struct trace *t)
{
	t->armed = false;
	return t->fired;
}

const char *trace_call(const struct trace *t)
{
	static char name[64];
	char *found = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, (int)t->call);

	snprintf(name, sizeof(name), "%s", found != NULL ? found : "?");
	free(found);
	return name;
}

void trace_die(struct trace *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(t->said, sizeof(t->said), fmt, ap);
	va_end(ap);
	fflush(NULL);
	_exit(1);
}
