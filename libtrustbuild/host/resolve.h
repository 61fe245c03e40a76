/* SPDX-License-Identifier: Apache-2.0 */
/* Asking a repository's server for a commit, in the helper tb-fetch, as steps. */
#ifndef TRB_HOST_RESOLVE_H
#define TRB_HOST_RESOLVE_H

#include "host/event.h"

struct trb_resolving;

/* Starts as trb_request_resolve() does; events, or where that is NULL the context's sink, gets the
 * helper's progress.  The texts are copied, but for the token, which is handed on. */
int trb_resolving_start(trb_context *context, const char *repository, const char *name,
			const char *ref, const char *ca_file, trb_bytes token,
			struct trb_events *events, struct trb_resolving **ret, trb_error **err);
/* Ends the helper, too. */
struct trb_resolving *trb_resolving_free(struct trb_resolving *resolving);
TRB_DEFINE_CLEANUP(struct trb_resolving *, trb_resolving_free);

/* Readable when there is something to do, also when the time is over; -1 where nobody has to be
 * asked. */
int trb_resolving_get_fd(const struct trb_resolving *resolving);
/* TRB_E_AGAIN: poll the descriptor.  Any other error is for good. */
int trb_resolving_step(struct trb_resolving *resolving, trb_request **ret_request, trb_error **err);

#endif
