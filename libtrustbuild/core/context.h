/* SPDX-License-Identifier: Apache-2.0 */
/* The caller's context, as the rooms below it see it. */
#ifndef TRB_CORE_CONTEXT_H
#define TRB_CORE_CONTEXT_H

#include <trustbuild/context.h>

/* Hands one line of progress to the context's sink; context may be NULL. */
void trb_tell(trb_context *context, int level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* TRB_E_CANCELED where the caller wants to stop; context may be NULL.  Whoever waits asks this
 * often: at least every TRB_CANCEL_MS. */
#define TRB_CANCEL_MS 100
int trb_check_canceled(const trb_context *context, trb_error **err);

/* TRB_E_ABI where the context was made by a library of another release than this code is of: two
 * libraries that share handles must agree on what is in them. */
int trb_context_check_release(const trb_context *context, trb_error **err);

/* The state directory, or TRB_E_NOTFOUND with what to set. */
int trb_context_need_state_dir(trb_context *context, const char **ret_path, trb_error **err);

#endif
