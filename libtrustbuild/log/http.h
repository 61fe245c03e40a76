/* SPDX-License-Identifier: Apache-2.0 */
/* HTTPS by the helper program tb-http, which holds libcurl: one child for as long as the handle
 * lives, so that connections are used again.  One thread at a time. */
#ifndef TRB_LOG_HTTP_H
#define TRB_LOG_HTTP_H

#include <trustbuild/context.h>

#include "core/cleanup.h"
#include "format/exchange.h"

struct trb_http;

/* Nothing is started before the first request.  context must outlive nothing: it is referenced. */
int trb_http_new(trb_context *context, struct trb_http **ret, trb_error **err);
struct trb_http *trb_http_free(struct trb_http *http);
/* Sends request, waits for the answer; any status is an answer, redirects included.  The views in
 * ret live as long as ret_owner.  Errors: TRB_E_INVAL, TRB_E_IO (with the reason), TRB_E_TIMEOUT,
 * TRB_E_LIMIT where the answer is larger than the request's ceiling, TRB_E_CANCELED, TRB_E_NOMEM;
 * after any the next request starts a new child. */
int trb_http_exchange(struct trb_http *http, const struct trb_http_request *request,
		      struct trb_http_answer *ret, trb_blob **ret_owner, trb_error **err);

TRB_DEFINE_CLEANUP(struct trb_http *, trb_http_free);

#endif
