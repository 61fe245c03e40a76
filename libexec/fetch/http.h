/* SPDX-License-Identifier: Apache-2.0 */
/* One exchange over HTTPS at a time, by libcurl, on the broker's connections. */
#ifndef TRB_LIBEXEC_FETCH_HTTP_H
#define TRB_LIBEXEC_FETCH_HTTP_H

#include "core/buffer.h"
#include "core/error.h"

struct fetch;

#define FETCH_URL_MAX 4096u

struct fetch_exchange {
	const char *url;
	const char *media;     /* the type that a whole answer has */
	const char *body_type; /* NULL: GET */
	trb_bytes body;
	bool with_token;
	int (*sink)(void *user, trb_bytes bytes, trb_error **err); /* of such an answer */
	void *user;
	/* what came */
	long status;
	char *location; /* of a redirect, absolute; the caller frees it */
};

/* Reads the trust anchors, while there are files to see. */
int fetch_http_start(struct fetch *f, trb_error **err);
void fetch_http_stop(struct fetch *f);
/* Success is a whole answer with status 200 and its media type, a redirect (3xx with a location),
 * or 401.  f->again says whether a failure may be a passing one. */
int fetch_http(struct fetch *f, struct fetch_exchange *x, trb_error **err);

#endif
