/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a scenario once for each call that can fail. */
#include "../unit/support.h"

#include "torture.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>

#include "alloc.h"
#include "trace.h"

#define SECONDS   60   /* that one run may take before it counts as hanging */
#define ENDING_MS 5000 /* that a child may take to end by itself */
#define STRIDE    11   /* of libcrypto's own allocations each so manyth fails, but for slow tests */

enum kind { NOTHING, ALLOCATION, ALLOCATIONS, CALL, CALLS, INTERRUPTED, SHORT, KINDS };
static const struct {
	const char *what, *all;
	bool call, forever;
	enum trace_kind trace;
} kinds[KINDS] = {
	[NOTHING] = { "nothing failing", "" },
	[ALLOCATION] = { "allocation %u failing", "allocations failed" },
	[ALLOCATIONS] = { "every allocation from %u on failing", "times all allocations failed",
			  .forever = true },
	[CALL] = { "system call %u failing", "system calls failed", true, .trace = TRACE_ERROR },
	[CALLS] = { "every system call from %u on failing", "times all system calls failed", true,
		    true },
	[INTERRUPTED] = { "system call %u interrupted", "system calls were interrupted", true,
			  .trace = TRACE_EINTR },
	[SHORT] = { "system call %u cut short", "system calls were cut short", true,
		    .trace = TRACE_SHORT },
};

static const char *noted;
static char message[512];

void torture_note(bool wrong, const char *what)
{
	if (wrong)
		noted = what;
}

int torture_end(int status, trb_error *err, const char **ret_check)
{
	torture_note((status == TRB_OK) != (err == NULL), "status and error do not agree");
	torture_note(status < 0 && err != NULL && trb_error_code(err) != status &&
			     trb_error_code(err) != TRB_E_NOMEM,
		     "the error has another code than the status");
	*ret_check = trb_error_check(err);
	snprintf(message, sizeof(message), "%s: %s", trb_error_message(err),
		 trb_error_message(trb_error_cause(err)));
	trb_error_unref(err);
	return status;
}

static unsigned open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	while (dir != NULL && readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

struct attempt {
	enum kind kind;
	unsigned n;
	int status;
	const char *check;
	bool fired;
	size_t left;
};

/* The run that is under way. */
static struct trace *the_trace;
static const struct attempt *the_attempt;
static bool the_fired;

void torture_stop(void)
{
	bool fired = kinds[the_attempt->kind].call ? trace_disarm(the_trace) : alloc_disarm();

	the_fired = the_fired || fired;
}

bool torture_all_calls_fail(void)
{
	return the_attempt->kind == CALLS;
}

static void run_armed(const struct torture *t, struct trace *trace, bool frames, struct attempt *a)
{
	if (t->prepare != NULL)
		t->prepare();
	noted = NULL;
	message[0] = '\0';
	a->check = NULL;
	the_trace = trace;
	the_attempt = a;
	the_fired = false;
	alarm(SECONDS);
	alloc_watch(frames);
	if (kinds[a->kind].call)
		trace_arm(trace, kinds[a->kind].trace, a->n, kinds[a->kind].forever);
	else if (a->kind != NOTHING)
		alloc_arm(a->n, kinds[a->kind].forever);
	a->status = t->run(&a->check);
	torture_stop();
	a->fired = the_fired;
	torture_note(!t->program && ERR_peek_error() != 0, "errors are left in OpenSSL's queue");
	ERR_clear_error();
	a->left = alloc_unwatch();
	alarm(0);
}

/* A cache that grows does so once; a leak, each time. */
static bool leaks(const struct torture *t, struct trace *trace, const struct attempt *a)
{
	struct attempt again = *a;

	for (int i = 0; i < 3 && again.left > 0; i++)
		run_armed(t, trace, i == 2, &again);
	return again.left > 0 && alloc_show_left() > 0;
}

static bool listed(const char *names, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = names; p != NULL && (p = strstr(p, name)) != NULL; p += n)
		if ((p == names || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\0'))
			return true;
	return false;
}

/* What may fail anywhere without anybody having to know; for getrandom() the C library and OpenSSL
 * have other ways. */
#define HARMLESS "close unlink unlinkat rmdir fadvise64 kill shutdown getrandom"

static bool usual_code(const struct torture *t, const struct attempt *a)
{
	if (t->other_code < 0 && a->status == t->other_code)
		return true;
	if (!kinds[a->kind].call)
		return a->status == TRB_E_NOMEM;
	return a->status == TRB_E_IO || a->status == TRB_E_NOMEM || a->status == TRB_E_TIMEOUT ||
	       a->status == TRB_E_NOTFOUND;
}

/* Evidence alone makes verdicts. */
static const char *verdict_fault(const struct torture *t, const struct attempt *a)
{
	if (a->status != t->without)
		return trb_is_verdict(a->status) ? "a failure became a verdict"
		       : a->status == TRB_OK     ? "verified, or read, what is bad"
						 : NULL;
	if (trb_is_verdict(a->status) && (a->check == NULL || strcmp(a->check, t->check) != 0))
		return "refused by another check";
	return NULL;
}

/* What children say on their pipes explains, and decides nothing. */
static bool only_words(const struct torture *t, const struct trace *trace)
{
	return t->words && strcmp(trace_call(trace), "read") == 0 &&
	       strncmp(trace->path, "pipe:", 5) == 0;
}

static bool may_go_unnoticed(const struct torture *t, const struct trace *trace,
			     const struct attempt *a)
{
	return a->kind != CALL || a->status != TRB_OK || listed(HARMLESS, trace_call(trace)) ||
	       listed(t->optional, trace_call(trace)) || only_words(t, trace);
}

/* What is wrong with how it ended, or NULL. */
static const char *fault_of(const struct torture *t, const struct trace *trace,
			    const struct attempt *a)
{
	const char *wrong = noted != NULL ? noted : verdict_fault(t, a);
	bool same = a->status == t->without;

	if (wrong != NULL)
		return wrong;
	if (!a->fired || a->kind == INTERRUPTED || a->kind == SHORT)
		return same ? NULL : "it should have gone well";
	if (!same && !usual_code(t, a))
		return "not the error that this is";
	if (!may_go_unnoticed(t, trace, a))
		return "nobody noticed";
	return t->inspect != NULL ? t->inspect(a->status) : NULL;
}

static void complain(struct trace *trace, const struct attempt *a, const char *what)
{
	const char *call = kinds[a->kind].call ? trace_call(trace) : "";

	trace_die(trace, "%s%s%s%s%s: %s (%s, %s: %s)", trace->about, call[0] != '\0' ? ", " : "",
		  call, trace->path[0] != '\0' ? " " : "", trace->path, what,
		  trb_status_name(a->status), a->check != NULL ? a->check : "no check", message);
}

static bool is_long(void)
{
	return getenv("TRB_TORTURE_LONG") != NULL;
}

/* Where no signal can be sent, a child ends with the descriptors that it is tied to. */
static bool process_left(enum kind kind)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	pid_t pid = waitpid(-1, NULL, WNOHANG);

	for (int i = 0; kind == CALLS && pid >= 0 && i < ENDING_MS; i++) {
		nanosleep(&pause, NULL);
		pid = waitpid(-1, NULL, WNOHANG);
	}
	return pid != -1 || errno != ECHILD;
}

/* For every n; how many there were. */
static unsigned every(const struct torture *t, struct trace *trace, enum kind kind,
		      unsigned descriptors)
{
	struct attempt a = { .kind = kind, .n = 0, .fired = true };
	unsigned same = 0, done = 0, pace = t->pace > 1 && !is_long() ? t->pace : 1;

	while (a.fired) {
		const char *wrong;
		int n;

		a.n += a.n == 0 ? 1 : pace;
		n = snprintf(trace->about, sizeof(trace->about), "%s, ", t->name);
		snprintf(trace->about + n, sizeof(trace->about) - (size_t)n, kinds[kind].what, a.n);
		run_armed(t, trace, false, &a);
		wrong = fault_of(t, trace, &a);
		if (wrong != NULL)
			complain(trace, &a, wrong);
		same += a.fired && a.status == t->without;
		done += a.fired;
		if (open_descriptors() != descriptors)
			complain(trace, &a, "a descriptor is left open");
		if (process_left(kind))
			complain(trace, &a, "a process is left");
		if (a.left > 0 && !t->program && leaks(t, trace, &a))
			complain(trace, &a, "memory is left");
		if (kind == NOTHING)
			break;
	}
	if (done > 0)
		printf("%s: %u %s, %u without consequence\n", t->name, done, kinds[kind].all, same);
	return done;
}

/* Slow tests alone: what happens where nothing comes back. */
static bool wanted(const struct torture *t, enum kind kind)
{
	if (kinds[kind].call && (t->no_calls || !trace_works()))
		return false;
	return !kinds[kind].forever || is_long();
}

/* What fails, fails in this process alone. */
static void let_child_be(void)
{
	alloc_disarm();
	alloc_unwatch();
}

static void in_its_process(struct trace *trace, const void *arg)
{
	const struct torture *t = arg;
	struct attempt warm = { 0 };
	unsigned descriptors, n = 0;

	signal(SIGALRM, SIG_DFL); /* Check's answer needs calls that may be failing */
	pthread_atfork(NULL, NULL, let_child_be);
	alloc_stride(is_long() ? 1 : t->stride > 0 ? t->stride : STRIDE);
	/* the libraries read their configuration and fill their caches; so does backtrace() */
	snprintf(trace->about, sizeof(trace->about), "%s, the first time", t->name);
	for (int i = 0; i < 3; i++)
		run_armed(t, trace, true, &warm);
	descriptors = open_descriptors();
	for (enum kind kind = NOTHING; kind < KINDS; kind++) {
		if (!wanted(t, kind))
			continue;
		n = every(t, trace, kind, descriptors);
		if (kind == ALLOCATION && n < t->least)
			trace_die(trace, "%s: %u allocations are too few", t->name, n);
	}
}

static const struct torture *all_rows;

START_TEST(every_call_fails_once)
{
	const struct torture *t = &all_rows[_i];
	const char *said;

	if (!trace_works() && !t->no_calls)
		printf("LEFT OUT: failing system calls on this architecture\n");
	said = trace_run(in_its_process, t);
	ck_assert_msg(said == NULL, "%s", said != NULL ? said : "");
}
END_TEST

int torture_main(const char *name, const struct torture *rows, size_t n, void (*set_up)(void),
		 void (*tear_down)(void))
{
	Suite *suite = suite_create(name);
	TCase *tc = tcase_create(name);

	all_rows = rows;
	tcase_set_timeout(tc, is_long() ? 3600 : 1200);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_loop_test(tc, every_call_fails_once, 0, (int)n);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
