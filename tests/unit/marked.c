/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a filter refuses a system call (marked.h). */
#include "marked.h"

#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool marked_begin(const char *const *calls)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	int r = ctx != NULL ? 0 : -1;

	for (; r == 0 && *calls != NULL; calls++) {
		int number = seccomp_syscall_resolve_name(*calls);

		if (number >= 0)
			r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(MARKED), number, 1,
					     SCMP_A0(SCMP_CMP_EQ, MARK_ARGUMENT));
	}
	/* an ordinary user may filter only what gives no rights */
	if (r == 0)
		r = seccomp_load(ctx);
	seccomp_release(ctx);
	return r == 0;
}

size_t marked_known(const char *const *calls)
{
	size_t n = 0;

	for (; *calls != NULL; calls++)
		n += seccomp_syscall_resolve_name(*calls) >= 0;
	return n;
}

size_t marked_count(const char *const *calls, int wanted)
{
	size_t n = 0;

	for (; *calls != NULL; calls++) {
		int number = seccomp_syscall_resolve_name(*calls);

		if (number < 0)
			continue;
		errno = 0;
		if (syscall(number, MARK_ARGUMENT, 0, 0, 0, 0, 0) == -1 && errno == wanted)
			n++;
		else
			fprintf(stderr, "%s: %s, wanted %s\n", *calls, strerror(errno),
				strerror(wanted));
	}
	return n;
}
