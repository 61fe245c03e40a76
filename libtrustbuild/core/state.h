/* SPDX-License-Identifier: Apache-2.0 */
/* The state directory: keys, caches, the local log.  Not in the verifier half. */
#ifndef TRB_CORE_STATE_H
#define TRB_CORE_STATE_H

#include <trustbuild/context.h>

/* Of what lies where in it.  A directory without a version is of release 0.1. */
#define TRB_STATE_VERSION 1u

/* The state directory, made where it is missing, for the caller to read and write below it: it is
 * this user's, nobody else may write to it, and its version is ours.  An older one is taken over,
 * which the context's sink is told.  *ret_path is borrowed from the context.  Errors:
 * TRB_E_NOTFOUND where none is named, TRB_E_STATE where it is another user's, open to others, or of
 * a later release; TRB_E_FORMAT, TRB_E_IO, TRB_E_NOMEM. */
int trb_state_open(trb_context *context, const char **ret_path, trb_error **err);
/* The same for who only reads: nothing is made or taken over, and a missing one passes. */
int trb_state_look(trb_context *context, const char **ret_path, trb_error **err);

#endif
