/* SPDX-License-Identifier: Apache-2.0 */
/* The enclave's only way to the network: an HTTP CONNECT proxy, run by the helper program
 * tb-egress, one process a connection.  TLS ends in the enclave; what matters here is that nobody
 * inside reaches what only this host can reach. */
#ifndef TRB_EGRESS_EGRESS_H
#define TRB_EGRESS_EGRESS_H

#include <sys/socket.h>

#include "core/bytes.h"
#include "core/error.h"
#include "host/proxy.h"
#include "upstream/upstream.h"

#define TRB_EGRESS_HEAD        4096u /* bytes of a CONNECT request */
#define TRB_EGRESS_CONNECTIONS 32u   /* at a time */
#define TRB_EGRESS_TOTAL       4096u /* in a session */

struct trb_egress {
	size_t n_ports, n_private;
	uint16_t ports[TRB_EGRESS_PORTS]; /* that may be reached */
	/* hosts that may have private addresses, each on one port */
	struct {
		uint16_t port;
		const char *host;
	} private[TRB_EGRESS_PRIVATE];
	struct trb_upstream upstream;
};

/* Serves until the lifeline's other end is closed.  For a process of its own: it forks. */
int trb_egress_serve(int lifeline, int listener, const struct trb_egress *egress, trb_error **err);
/* Serves one connection; in the child. */
void trb_egress_connection(int fd, const struct trb_egress *egress);

/* What kind of address this is. */
enum trb_address_kind {
	TRB_ADDRESS_PUBLIC,
	TRB_ADDRESS_PRIVATE,  /* loopback, private, shared, unique local, one of this host's own */
	TRB_ADDRESS_LINK,     /* link-local: where clouds keep their metadata service */
	TRB_ADDRESS_RESERVED, /* multicast, unspecified, documentation, tunnels, … */
};
enum trb_address_kind trb_address_kind(const struct sockaddr *address);

/* "CONNECT host:port HTTP/1.x" and header lines, whole.  host holds 256 bytes and is lower case,
 * without brackets.  NULL, or a sentence that says what is wrong. */
const char *trb_egress_parse(trb_bytes head, char *ret_host, uint16_t *ret_port);

#endif
