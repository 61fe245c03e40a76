/* SPDX-License-Identifier: Apache-2.0 */
/* The lengths of git's protocol: what a server sends is cut into packets here, and nowhere else. */
#include "format/pktline.h"

#include <stdio.h>

#include "core/error.h"

static void fill(struct trb_pktline *p, size_t size, trb_bytes *in)
{
	size_t n = size - p->have < in->len ? size - p->have : in->len;

	if (n == 0)
		return;
	memcpy(p->buf + p->have, in->ptr, n);
	trb_bytes_take(in, n);
	p->have += n;
}

static int digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static int read_head(struct trb_pktline *p, trb_error **err)
{
	size_t size = 0;

	for (size_t i = 0; i < TRB_PKT_HEAD; i++) {
		int d = digit(p->buf[i]);

		if (d < 0)
			return trb_fail(err, TRB_E_FORMAT,
					"the server's answer is not in git's packets");
		size = size << 4 | (size_t)d;
	}
	if (size == 3 || size > TRB_PKT_MAX)
		return trb_fail(err, TRB_E_FORMAT,
				"the server sent a packet of length %zu, which "
				"git's protocol does not have",
				size);
	p->size = size < TRB_PKT_HEAD ? TRB_PKT_HEAD : size;
	return TRB_OK;
}

static enum trb_pkt_kind kind_of(const struct trb_pktline *p)
{
	static const enum trb_pkt_kind special[] = { TRB_PKT_FLUSH, TRB_PKT_DELIM, TRB_PKT_END };
	uint8_t last = p->buf[TRB_PKT_HEAD - 1];

	if (p->size > TRB_PKT_HEAD || last > '2')
		return TRB_PKT_DATA;
	return special[last - '0'];
}

int trb_pktline_take(struct trb_pktline *p, trb_bytes *in, struct trb_pkt *ret, trb_error **err)
{
	int r;

	if (p->size == 0) {
		fill(p, TRB_PKT_HEAD, in);
		if (p->have < TRB_PKT_HEAD)
			return TRB_E_AGAIN;
		r = read_head(p, err);
		if (r < 0)
			return r;
	}
	fill(p, p->size, in);
	if (p->have < p->size)
		return TRB_E_AGAIN;
	ret->kind = kind_of(p);
	ret->data = TRB_BYTES(p->buf + TRB_PKT_HEAD, p->size - TRB_PKT_HEAD);
	p->have = p->size = 0;
	return TRB_OK;
}

bool trb_pktline_between(const struct trb_pktline *p)
{
	return p->have == 0;
}

void trb_pktline_head(size_t n, char ret[TRB_PKT_HEAD + 1])
{
	snprintf(ret, TRB_PKT_HEAD + 1, "%04x", (unsigned)(n + TRB_PKT_HEAD) & 0xffff);
}
