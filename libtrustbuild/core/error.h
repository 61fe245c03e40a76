/* SPDX-License-Identifier: Apache-2.0 */
/* How an error is made, in one line where it happens. */
#ifndef TRB_CORE_ERROR_H
#define TRB_CORE_ERROR_H

#include <errno.h>

#include <trustbuild/error.h>

/* Each returns its code, and writes *err where err is not NULL and nothing failed before.  Where
 * there is no memory for the error, both become TRB_E_NOMEM. */
int trb_fail(trb_error **err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* check is a string with static storage: the id is kept as a pointer. */
int trb_fail_check(trb_error **err, int code, const char *check, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* Appends what errnum means; ENOMEM, ENOENT, ETIMEDOUT, ECANCELED and EOPNOTSUPP get codes of their
 * own, everything else is TRB_E_IO. */
int trb_fail_errno(trb_error **err, int errnum, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int trb_fail_nomem(trb_error **err);
/* Puts context before the error that is already there, which becomes the cause; the check id is
 * inherited. */
int trb_wrap(trb_error **err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The same, with a check id (static storage) in place of the cause's.  Running out of memory is no
 * verdict: it stays what it is. */
int trb_wrap_check(trb_error **err, int code, const char *check, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#endif
