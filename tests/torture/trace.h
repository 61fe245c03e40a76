/* SPDX-License-Identifier: Apache-2.0 */
/* The n-th system call of a process fails: the process is traced (ptrace), all its threads are, and
 * the processes that it starts are not. */
#ifndef TRB_TESTS_TRACE_H
#define TRB_TESTS_TRACE_H

#include <stdatomic.h>
#include <stdbool.h>

enum trace_kind {
	TRACE_ERROR, /* a call that can fail fails, as it does when something runs out or breaks */
	TRACE_EINTR, /* a call that can be interrupted is, once */
	TRACE_SHORT, /* a call that can do less than it was asked for does one byte */
};

/* Shared by the tracer and the traced. */
struct trace {
	atomic_bool armed, fired;
	bool forever; /* from the n-th on, all */
	enum trace_kind kind;
	unsigned left;
	long call;      /* the call that failed */
	char path[256]; /* its path, or what its descriptor is, where it has one */
	/* what the traced is about, for the tracer to tell when it dies */
	char about[256];
	char said[2048];
};

/* Runs body() in a traced process; NULL where all went well, else what did not. */
const char *trace_run(void (*body)(struct trace *t, const void *arg), const void *arg);
/* Whether this machine can do that. */
bool trace_works(void);

/* Within body(): */
void trace_arm(struct trace *t, enum trace_kind kind, unsigned n, bool forever);
bool trace_disarm(struct trace *t);
/* The name of the call that failed; static storage. */
const char *trace_call(const struct trace *t);
/* Ends the process with this said. */
void trace_die(struct trace *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), noreturn));

#endif
