/* SPDX-License-Identifier: Apache-2.0 */
/* git's pkt-lines, as they arrive: four hexadecimal digits of length, themselves counted, then that
 * many bytes.  gitprotocol-common(5), gitprotocol-v2(5). */
#ifndef TRB_FORMAT_PKTLINE_H
#define TRB_FORMAT_PKTLINE_H

#include "core/bytes.h"

#define TRB_PKT_HEAD 4u
#define TRB_PKT_MAX  65520u /* with its head */

enum trb_pkt_kind { TRB_PKT_FLUSH, TRB_PKT_DELIM, TRB_PKT_END, TRB_PKT_DATA };

struct trb_pkt {
	enum trb_pkt_kind kind;
	trb_bytes data; /* of TRB_PKT_DATA; may be empty */
};

/* Zeroed at the start. */
struct trb_pktline {
	size_t have, size; /* of the packet under way, with its head; size 0: not known yet */
	uint8_t buf[TRB_PKT_MAX];
};

/* Takes bytes off in up to the end of a packet, whose view holds until the next call.  Errors:
 * TRB_E_AGAIN where in was used up before (*err is left alone), TRB_E_FORMAT. */
int trb_pktline_take(struct trb_pktline *p, trb_bytes *in, struct trb_pkt *ret, trb_error **err);
/* Nothing of a packet has arrived yet. */
bool trb_pktline_between(const struct trb_pktline *p);

/* Writes the head of a packet with n bytes of data, n <= TRB_PKT_MAX - TRB_PKT_HEAD. */
void trb_pktline_head(size_t n, char ret[TRB_PKT_HEAD + 1]);

#endif
