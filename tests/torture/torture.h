/* SPDX-License-Identifier: Apache-2.0 */
/* One operation with the n-th allocation of the process failing, for every n; then with the n-th
 * system call failing, interrupted, or doing one byte of what it was asked for. */
#ifndef TRB_TESTS_TORTURE_H
#define TRB_TESTS_TORTURE_H

#include <stdbool.h>
#include <stddef.h>

#include <trustbuild/error.h>
#include <trustbuild/status.h>

struct torture {
	const char *name;
	/* The operation from beginning to end, with all that it made given back; its status, and
	 * *ret_check the id of the check that refused (static storage). */
	int (*run)(const char **ret_check);
	int without;       /* what it returns where nothing fails */
	const char *check; /* and the check that refuses then; NULL: none */
	unsigned least;    /* it allocates at least so often: the test tests something */
	/* Before each run, and after it: what the world looks like; NULL: nothing to see.  The
	 * second gives what is wrong, or NULL. */
	void (*prepare)(void);
	const char *(*inspect)(int status);
	/* Calls that may fail without consequence, separated by blanks. */
	const char *optional;
	/* Codes that a failing call may give besides the usual ones (I/O, memory, time). */
	int other_code;
	bool words;    /* reading a pipe may fail without consequence: children explain there */
	bool no_calls; /* allocations alone */
	/* Its memory and OpenSSL queue end with it: what is left of them is no leak. */
	bool program;
	/* Of libcrypto's own allocations each so manyth fails, in slow tests every one; 0: 11. */
	unsigned stride;
	/* Where one run takes long, n grows by so much, in slow tests by one. */
	unsigned pace;
};

/* Within run(): something half done.  Check allocates; this does not. */
void torture_note(bool wrong, const char *what);
/* Within run(): nothing fails from here on; for putting away what has no way to tell. */
void torture_stop(void);
/* Within inspect(): every system call failed from some point on, also those that take back what is
 * half done. */
bool torture_all_calls_fail(void);
/* The usual end of run(): error and status agree; gives the error back. */
int torture_end(int status, trb_error *err, const char **ret_check);

/* The program: one Check test for each row. */
int torture_main(const char *name, const struct torture *rows, size_t n, void (*set_up)(void),
		 void (*tear_down)(void));
#define TORTURE_MAIN(name, rows, set_up, tear_down)                                       \
	int main(void)                                                                    \
	{                                                                                 \
		return torture_main(name, rows, sizeof(rows) / sizeof((rows)[0]), set_up, \
				    tear_down);                                           \
	}

#endif
