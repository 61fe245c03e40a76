/* SPDX-License-Identifier: Apache-2.0 */
/* Errors as objects: code, check id, message, cause. */
#include "core/error.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGE_MAX 4096

struct trb_error {
	atomic_uint refs; /* 0 marks the static object, which is never freed */
	int code, errnum;
	const char *check;
	trb_error *cause;
	char *message;
};

static trb_error out_of_memory = {
	.code = TRB_E_NOMEM,
	.errnum = ENOMEM,
	.message = (char *)"out of memory",
};

static trb_error *error_new(int code, const char *check, trb_error *cause, const char *fmt,
			    va_list ap)
{
	char text[MESSAGE_MAX];
	trb_error *error = malloc(sizeof(*error));

	vsnprintf(text, sizeof(text), fmt, ap);
	if (error != NULL)
		error->message = strdup(text);
	if (error == NULL || error->message == NULL) {
		free(error);
		trb_error_unref(cause);
		return &out_of_memory;
	}
	atomic_init(&error->refs, 1);
	error->code = code;
	error->errnum = trb_error_errno(cause);
	error->check = check;
	error->cause = cause;
	return error;
}

/* Where there was no memory for the error itself, that is what happened: status and error agree,
 * and nothing was decided. */
static int code_of(int code, trb_error *const *err)
{
	return err != NULL && *err == &out_of_memory ? TRB_E_NOMEM : code;
}

int trb_fail(trb_error **err, int code, const char *fmt, ...)
{
	va_list ap;

	if (err != NULL && *err == NULL) {
		va_start(ap, fmt);
		*err = error_new(code, NULL, NULL, fmt, ap);
		va_end(ap);
	}
	return code_of(code, err);
}

int trb_fail_check(trb_error **err, int code, const char *check, const char *fmt, ...)
{
	va_list ap;

	if (err != NULL && *err == NULL) {
		va_start(ap, fmt);
		*err = error_new(code, check, NULL, fmt, ap);
		va_end(ap);
	}
	return code_of(code, err);
}

static int code_of_errno(int errnum)
{
	switch (errnum) {
	case ENOMEM:
		return TRB_E_NOMEM;
	case ENOENT:
		return TRB_E_NOTFOUND;
	case ETIMEDOUT:
		return TRB_E_TIMEOUT;
	case ECANCELED:
		return TRB_E_CANCELED;
	case EOPNOTSUPP:
		return TRB_E_UNSUPPORTED;
	default:
		return TRB_E_IO;
	}
}

int trb_fail_errno(trb_error **err, int errnum, const char *fmt, ...)
{
	const char *reason = strerrordesc_np(errnum); /* not in the language of who embeds this */
	char text[MESSAGE_MAX];
	va_list ap;
	int code = code_of_errno(errnum);

	if (err == NULL || *err != NULL)
		return code;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (reason == NULL)
		code = trb_fail(err, code, "%s: error %d", text, errnum);
	else
		code = trb_fail(err, code, "%s: %s", text, reason);
	if (*err != &out_of_memory)
		(*err)->errnum = errnum;
	return code;
}

int trb_fail_nomem(trb_error **err)
{
	if (err != NULL && *err == NULL)
		*err = &out_of_memory;
	return TRB_E_NOMEM;
}

int trb_wrap(trb_error **err, int code, const char *fmt, ...)
{
	va_list ap;

	if (err != NULL && *err != &out_of_memory) {
		trb_error *cause = *err;

		va_start(ap, fmt);
		*err = error_new(code, trb_error_check(cause), cause, fmt, ap);
		va_end(ap);
	}
	return code_of(code, err);
}

int trb_wrap_check(trb_error **err, int code, const char *check, const char *fmt, ...)
{
	va_list ap;

	if (err != NULL && *err != &out_of_memory) {
		trb_error *cause = *err;

		va_start(ap, fmt);
		*err = error_new(code, check, cause, fmt, ap);
		va_end(ap);
	}
	return code_of(code, err);
}

/* By its mark, not its address: a program may hold the library twice, shared and static. */
static bool is_static(const trb_error *error)
{
	return atomic_load_explicit(&error->refs, memory_order_relaxed) == 0;
}

trb_error *trb_error_ref(trb_error *error)
{
	if (error != NULL && !is_static(error))
		atomic_fetch_add_explicit(&error->refs, 1, memory_order_relaxed);
	return error;
}

trb_error *trb_error_unref(trb_error *error)
{
	while (error != NULL && !is_static(error)) {
		trb_error *cause = error->cause;

		if (atomic_fetch_sub_explicit(&error->refs, 1, memory_order_acq_rel) > 1)
			return NULL;
		free(error->message);
		free(error);
		error = cause;
	}
	return NULL;
}

int trb_error_code(const trb_error *error)
{
	return error != NULL ? error->code : TRB_OK;
}

int trb_error_errno(const trb_error *error)
{
	return error != NULL ? error->errnum : 0;
}

const char *trb_error_check(const trb_error *error)
{
	return error != NULL ? error->check : NULL;
}

int trb_error_is_verdict(const trb_error *error)
{
	const char *check = trb_error_check(error);
	int code = trb_error_code(error);

	if (code == TRB_E_FORMAT || code == TRB_E_LIMIT)
		return check != NULL &&
		       (strcmp(check, "bundle.parse") == 0 || strcmp(check, "document.parse") == 0);
	return trb_is_verdict(code) && code != TRB_E_POLICY;
}

const char *trb_error_message(const trb_error *error)
{
	return error != NULL ? error->message : "no error";
}

const trb_error *trb_error_cause(const trb_error *error)
{
	return error != NULL ? error->cause : NULL;
}

int trb_is_verdict(int code)
{
	return code <= TRB_E_EVIDENCE;
}

#define ROW(name)  \
	case name: \
		return #name

const char *trb_status_name(int code)
{
	switch (code) {
		ROW(TRB_OK);
		ROW(TRB_E_INVAL);
		ROW(TRB_E_NOMEM);
		ROW(TRB_E_IO);
		ROW(TRB_E_TIMEOUT);
		ROW(TRB_E_CANCELED);
		ROW(TRB_E_NOTFOUND);
		ROW(TRB_E_UNSUPPORTED);
		ROW(TRB_E_ABI);
		ROW(TRB_E_STATE);
		ROW(TRB_E_LIMIT);
		ROW(TRB_E_FORMAT);
		ROW(TRB_E_BUILD);
		ROW(TRB_E_AGAIN);
		ROW(TRB_E_DONE);
		ROW(TRB_E_EVIDENCE);
		ROW(TRB_E_MEASUREMENT);
		ROW(TRB_E_CLAIM);
		ROW(TRB_E_SOURCE);
		ROW(TRB_E_SANDBOX);
		ROW(TRB_E_ARTIFACT);
		ROW(TRB_E_FRESHNESS);
		ROW(TRB_E_ASSURANCE);
		ROW(TRB_E_LOG);
		ROW(TRB_E_ENDORSEMENT);
		ROW(TRB_E_REVOKED);
		ROW(TRB_E_POLICY);
	}
	return "TRB_E_?";
}
