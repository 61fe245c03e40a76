/* SPDX-License-Identifier: Apache-2.0 */
/* What a session and the helper program tb-egress say to each other: `tb-egress PORT[,PORT]…
 * [PORT/HOST]…`, where the hosts may have private addresses, each on that port. TRB_EGRESS_LISTENER
 * is a listening socket, or a SOCK_SEQPACKET socket over which the session hands on what it has
 * accepted.  Of the environment it gets https_proxy and no_proxy, in either case. */
#ifndef TRB_HOST_PROXY_H
#define TRB_HOST_PROXY_H

#define TRB_EGRESS_PORTS   8u
#define TRB_EGRESS_PRIVATE 16u

enum { TRB_EGRESS_LIFELINE = 0, TRB_EGRESS_LISTENER = 3, TRB_EGRESS_FDS = 4 };

struct trb_argv;
/* What of this process's environment says how the host reaches the network, for a helper. */
void trb_proxy_environment(struct trb_argv *ret);

#endif
