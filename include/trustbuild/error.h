/* SPDX-License-Identifier: Apache-2.0 */
/* Errors as values: a code to branch on, a check id for verdicts, a message for people, a cause. */
#ifndef TRUSTBUILD_ERROR_H
#define TRUSTBUILD_ERROR_H

#include <trustbuild/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Functions that can fail take a trb_error ** as their last argument.  It may be NULL; where it is
 * not, *err must start as NULL and is written only on failure, also where memory ran out;
 * TRB_E_AGAIN and TRB_E_DONE, which a loop expects, may leave it NULL.  The caller owns what it
 * gets. */
typedef struct trb_error trb_error;

/* One more reference; returns error.  NULL is a no-op. */
TRB_API trb_error *trb_error_ref(trb_error *error);

/* Drops a reference; always returns NULL.  NULL is a no-op. */
TRB_API trb_error *trb_error_unref(trb_error *error);

/* The status code (TRB_E_*) that the failing function returned.  TRB_OK for NULL. */
TRB_API int trb_error_code(const trb_error *error);

/* The errno (errno.h) of the system call that failed, of this error or of what caused it; 0 where
 * no system call is concerned, and for NULL. */
TRB_API int trb_error_errno(const trb_error *error);

/* The stable id of the check that failed, for example "artifact.digest"; NULL where none is
 * concerned.  Borrowed. */
TRB_API const char *trb_error_check(const trb_error *error);

/* Whether evidence was refused, 1, or nothing was decided, 0: the rule of every program and
 * binding.  Refused is what a verdict says (trb_is_verdict(), without TRB_E_POLICY: with no policy
 * nothing can be decided), and a bundle or document that is none or too large: TRB_E_FORMAT or
 * TRB_E_LIMIT of "bundle.parse" or "document.parse".  0 for NULL, which is no error; ask the status
 * whether something was verified. */
TRB_API int trb_error_is_verdict(const trb_error *error);

/* What went wrong, where, and what to do: one line, without a trailing newline.  It may carry
 * outside text; trb_escape_char() makes it fit for a terminal.  "no error" for NULL.  Borrowed. */
TRB_API const char *trb_error_message(const trb_error *error);

/* The error that caused this one, or NULL.  Borrowed. */
TRB_API const trb_error *trb_error_cause(const trb_error *error);

#ifdef __cplusplus
}
#endif

#endif
