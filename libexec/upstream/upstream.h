/* SPDX-License-Identifier: Apache-2.0 */
/* A proxy between this host and the network, as its environment names it: https_proxy (or
 * HTTPS_PROXY), and no_proxy (or NO_PROXY) for the hosts that are reached without it. */
#ifndef TRB_UPSTREAM_UPSTREAM_H
#define TRB_UPSTREAM_UPSTREAM_H

#include <stdbool.h>

#include "core/error.h"

struct trb_upstream {
	char *host, *port;   /* NULL: there is none */
	char *authorization; /* of its Basic header; NULL: none */
	char *no_proxy;
};

/* Errors: TRB_E_INVAL where the proxy is no "http://[user:password@]host[:port]". */
int trb_upstream_from_env(struct trb_upstream *ret, trb_error **err);
void trb_upstream_clear(struct trb_upstream *u);
/* Whether this host is reached by way of it. */
bool trb_upstream_is_for(const struct trb_upstream *u, const char *host);
/* A stream to host and port, on which nothing was sent yet. */
int trb_upstream_connect(const struct trb_upstream *u, const char *host, const char *port,
			 int timeout_ms, int *ret_fd, trb_error **err);

/* Connects to a name's first address that answers. */
int trb_upstream_connect_direct(const char *host, const char *port, int timeout_ms, int *ret_fd,
				trb_error **err);

#endif
