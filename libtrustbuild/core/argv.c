/* SPDX-License-Identifier: Apache-2.0 */
/* The arguments of a helper program, put together one by one. */
#include "core/argv.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void trb_argv_add(struct trb_argv *a, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	if (a->status < 0)
		return;
	if (a->n == TRB_ARGV_MAX) {
		a->status = TRB_E_LIMIT;
		return;
	}
	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		a->status = TRB_E_NOMEM;
	else
		a->argv[a->n++] = text;
	va_end(ap);
}

void trb_argv_add_text(struct trb_argv *a, const char *key, const char *value)
{
	if (value != NULL)
		trb_argv_add(a, "%s=%s", key, value);
}

int trb_argv_check(const struct trb_argv *a, trb_error **err)
{
	if (a->status == TRB_E_LIMIT)
		return trb_fail(err, TRB_E_LIMIT, "a helper program has at most %u arguments",
				TRB_ARGV_MAX);
	return a->status < 0 ? trb_fail_nomem(err) : TRB_OK;
}

void trb_argv_clear(struct trb_argv *a)
{
	for (size_t i = 0; i < a->n; i++)
		free(a->argv[i]);
	*a = (struct trb_argv){ 0 };
}
