/* SPDX-License-Identifier: Apache-2.0 */
/* What a session and the helper program tb-egress say to each other: `tb-egress PORT[,PORT]…
 * [HOST]…`, where the hosts may have private addresses.  TRB_EGRESS_LISTENER is a listening socket,
 * or a SOCK_SEQPACKET socket over which the session hands on what it has accepted. */
#ifndef TRB_HOST_PROXY_H
#define TRB_HOST_PROXY_H

#define TRB_EGRESS_PORTS   8u
#define TRB_EGRESS_PRIVATE 16u

enum { TRB_EGRESS_LIFELINE = 0, TRB_EGRESS_LISTENER = 3, TRB_EGRESS_FDS = 4 };

#endif
