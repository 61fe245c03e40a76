/* SPDX-License-Identifier: Apache-2.0 */
/* What the process that holds the NSM does itself, over a whole build: its system calls, traced,
 * and its calls of zlib, which come here first.  Its children are traced by nobody.  Started by
 * run, as enclave.c is. */
#include "support.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <zlib.h>
/* after sys/ptrace.h, which has some of its names */
#include <linux/ptrace.h>

#include "hosts.h"

#define CALLS_MAX 1024u
#define LINES_MAX 512u

/* Filled by the tracer and by the traced. */
static struct {
	unsigned calls[CALLS_MAX]; /* by number */
	unsigned n_inflated, n_lines, n_lost;
	char lines[LINES_MAX][PATH_MAX / 4]; /* "socket 1", "connect PATH", "open PATH", "code" */
	bool traced, ended;
} * shared;
static struct host h;

/* --- zlib --- */

static void *next(const char *name)
{
	void *f = dlsym(RTLD_NEXT, name);

	if (f == NULL)
		abort();
	__atomic_fetch_add(&shared->n_inflated, 1, __ATOMIC_RELAXED);
	return f;
}

#pragma GCC visibility push(default) /* for whatever is linked or loaded */
int inflateInit_(z_streamp s, const char *version, int size)
{
	return ((int (*)(z_streamp, const char *, int))next("inflateInit_"))(s, version, size);
}

int inflateInit2_(z_streamp s, int bits, const char *version, int size)
{
	return ((int (*)(z_streamp, int, const char *, int))next("inflateInit2_"))(s, bits, version,
										   size);
}

int inflateBackInit_(z_streamp s, int bits, unsigned char *window, const char *version, int size)
{
	return ((int (*)(z_streamp, int, unsigned char *, const char *, int))next(
		"inflateBackInit_"))(s, bits, window, version, size);
}

int uncompress(Bytef *to, uLongf *to_len, const Bytef *from, uLong from_len)
{
	return ((int (*)(Bytef *, uLongf *, const Bytef *, uLong))next("uncompress"))(
		to, to_len, from, from_len);
}

#pragma GCC visibility pop

/* --- the tracer --- */

__attribute__((format(printf, 1, 2))) static void note(const char *fmt, ...)
{
	va_list ap;

	if (shared->n_lines == LINES_MAX) {
		shared->n_lost++;
		return;
	}
	va_start(ap, fmt);
	vsnprintf(shared->lines[shared->n_lines++], sizeof(shared->lines[0]), fmt, ap);
	va_end(ap);
}

static bool fetch(pid_t pid, uint64_t from, void *to, size_t n)
{
	struct iovec local = { to, n }, remote = { (void *)(uintptr_t)from, n };

	return process_vm_readv(pid, &local, 1, &remote, 1, 0) > 0;
}

static void note_text(pid_t pid, const char *what, uint64_t at)
{
	char text[512] = "";

	/* up to the end of its page, past which there may be nothing */
	fetch(pid, at, text, 4096 - at % 4096 < 511 ? 4096 - at % 4096 : 511);
	note("%s %s", what, text);
}

static void note_address(pid_t pid, uint64_t at, uint64_t len)
{
	struct sockaddr_un address = { 0 };

	fetch(pid, at, &address, len < sizeof(address) ? len : sizeof(address));
	if (address.sun_family == AF_UNIX)
		note("connect %.100s", address.sun_path);
	else
		note("connect family %d", address.sun_family);
}

static void see(pid_t pid, const struct ptrace_syscall_info *info)
{
	const __u64 *args = info->entry.args;

	if (info->entry.nr < CALLS_MAX)
		shared->calls[info->entry.nr]++;
	switch (info->entry.nr) {
	case SYS_socket:
	case SYS_socketpair:
		note("socket %d", (int)args[0]);
		break;
	case SYS_connect:
		note_address(pid, args[1], args[2]);
		break;
	case SYS_openat:
		note_text(pid, "open", args[1]);
		break;
	case SYS_mmap:
	case SYS_mprotect:
		if (args[2] & PROT_EXEC)
			note("code");
		break;
	default:
		break;
	}
}

static _Noreturn void trace(pid_t pid, int ready)
{
	int status, signal;

	if (ptrace(PTRACE_SEIZE, pid, NULL, PTRACE_O_TRACESYSGOOD) < 0 ||
	    ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) < 0)
		_exit(1);
	while (waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status)) {
		struct ptrace_syscall_info info;

		if (!shared->traced && write(ready, "t", 1) != 1)
			_exit(1);
		shared->traced = true;
		signal = WSTOPSIG(status);
		if (signal == (SIGTRAP | 0x80) &&
		    ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) > 0 &&
		    info.op == PTRACE_SYSCALL_INFO_ENTRY)
			see(pid, &info);
		/* stops of the tracing itself are no signals */
		if (signal == (SIGTRAP | 0x80) || status >> 16 != 0)
			signal = 0;
		ptrace(PTRACE_SYSCALL, pid, NULL, signal);
	}
	shared->ended = WIFEXITED(status);
	_exit(0);
}

/* In the enclave's process, before anything else. */
static void be_traced(void)
{
	pid_t self = getpid(), tracer;
	int ready[2];
	char byte;

	if (pipe2(ready, O_CLOEXEC) < 0)
		abort();
	tracer = fork();
	if (tracer == 0) {
		usleep(10000); /* until it is allowed to */
		trace(self, ready[1]);
	}
	close(ready[1]);
	prctl(PR_SET_PTRACER, tracer);
	/* where nobody may be traced the tests say so */
	if (tracer < 0 || read(ready[0], &byte, 1) < 0)
		abort();
	close(ready[0]);
}

static void fresh(void)
{
	memset(&h, 0, sizeof(h));
	h.in_enclave = be_traced;
	shared = host_share(sizeof(*shared));
}

/* What this process inflates is counted: so would be what the enclave does. */
static void count_own(void)
{
	unsigned char packed[64], plain[64];
	uLongf n = sizeof(packed), m = sizeof(plain);

	ck_assert_int_eq(compress(packed, &n, (const unsigned char *)"plain", 5), Z_OK);
	ck_assert_int_eq(uncompress(plain, &m, packed, n), Z_OK);
	ck_assert_uint_gt(shared->n_inflated, 0);
	shared->n_inflated = 0;
}

static void build(void)
{
	host_begin(&h);
	host_send_request(&h, NULL);
	host_reach(&h, TRB_STATE_DONE);
	h.in_enclave = NULL;
}

static bool was_traced(void)
{
	if (!shared->traced)
		puts("LEFT OUT: the enclave's own system calls: this system lets nobody trace "
		     "them");
	return shared->traced;
}

static unsigned count_lines(const char *prefix)
{
	unsigned n = 0;

	for (unsigned i = 0; i < shared->n_lines; i++)
		n += strncmp(shared->lines[i], prefix, strlen(prefix)) == 0;
	return n;
}

/* Streams to three of the host's ports, and none to the fourth, which is the way out. */
START_TEST(it_opens_no_network)
{
	static const long never[] = { SYS_bind,    SYS_listen, SYS_accept,
				      SYS_accept4, SYS_execve, SYS_execveat };
	char port[128], line[96];
	unsigned streams = 0;

	build();
	if (!was_traced()) {
		ck_assert_int_eq(host_stop(&h).code, TRB_OK);
		return;
	}
	ck_assert_uint_eq(shared->n_lost, 0);
	for (size_t i = 0; i < 3; i++) {
		static const unsigned numbers[] = { TRB_PORT_CONTROL, TRB_PORT_NSM,
						    TRB_PORT_ARTIFACT };

		snprintf(port, sizeof(port), "connect %.48s/%u", h.address + 5, numbers[i]);
		ck_assert_uint_ge(count_lines(port), 1);
		streams += count_lines(port);
	}
	ck_assert_uint_eq(count_lines("connect "), streams);
	snprintf(line, sizeof(line), "socket %d", AF_UNIX);
	ck_assert_uint_eq(count_lines("socket "), count_lines(line));
	ck_assert_uint_eq(count_lines("socket "), streams);
	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		ck_assert_msg(shared->calls[never[i]] == 0, "call %ld", never[i]);
	ck_assert_int_eq(host_stop(&h).code, TRB_OK);
	ck_assert(shared->ended);
}
END_TEST

START_TEST(it_inflates_nothing_and_loads_no_code)
{
	count_own();
	build();
	ck_assert_uint_eq(shared->n_inflated, 0);
	ck_assert_uint_eq(count_lines("code"), 0);
	if (was_traced())
		ck_assert_uint_gt(count_lines("open "), 0);
	for (unsigned i = 0; i < shared->n_lines; i++)
		ck_assert_msg(strncmp(shared->lines[i], "open ", 5) != 0 ||
				      strstr(shared->lines[i], ".so") == NULL,
			      "%s", shared->lines[i]);
	ck_assert_int_eq(host_stop(&h).code, TRB_OK);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("calls");
	TCase *t = tcase_create("calls");

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, fresh, NULL);
	tcase_add_test(t, it_opens_no_network);
	tcase_add_test(t, it_inflates_nothing_and_loads_no_code);
	suite_add_tcase(s, t);
	return test_run(s);
}
