/* SPDX-License-Identifier: Apache-2.0 */
/* The arguments of a helper program, put together one by one. */
#ifndef TRB_CORE_ARGV_H
#define TRB_CORE_ARGV_H

#include "core/error.h"

#define TRB_ARGV_MAX 64u

struct trb_argv {
	size_t n;
	char *argv[TRB_ARGV_MAX + 1]; /* NULL ends; the first is the program's name */
	int status;                   /* the first failure sticks: check once, at the end */
};

void trb_argv_add(struct trb_argv *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* "KEY=value"; nothing where value is NULL. */
void trb_argv_add_text(struct trb_argv *a, const char *key, const char *value);
int trb_argv_check(const struct trb_argv *a, trb_error **err);
void trb_argv_clear(struct trb_argv *a);

#endif
