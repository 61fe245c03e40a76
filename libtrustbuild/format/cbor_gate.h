/* SPDX-License-Identifier: Apache-2.0 */
/* The gate before libcbor: walks the bytes once, allocates nothing. */
#ifndef TRB_FORMAT_CBOR_GATE_H
#define TRB_FORMAT_CBOR_GATE_H

#include "format/cbor.h"

enum trb_cbor_major {
	TRB_CBOR_UINT,
	TRB_CBOR_NEGINT,
	TRB_CBOR_BSTR,
	TRB_CBOR_TSTR,
	TRB_CBOR_ARRAY,
	TRB_CBOR_MAP,
	TRB_CBOR_TAG,
	TRB_CBOR_SIMPLE,
};
#define TRB_CBOR_INDEFINITE 31

/* The initial byte and its argument (RFC 8949, section 3). */
struct trb_cbor_head {
	enum trb_cbor_major major;
	uint8_t info;
	uint64_t value;
};

struct trb_cbor_reader {
	trb_bytes in;
	size_t pos, items;
	enum trb_cbor_rules rules;
	const char *what;
	trb_error **err;
};

int trb_cbor_read_head(struct trb_cbor_reader *g, struct trb_cbor_head *h);
/* Is the map at its end: after n entries, or at the break code of an indefinite one? */
bool trb_cbor_map_ends(struct trb_cbor_reader *g, const struct trb_cbor_head *h, uint64_t n);

/* Exactly one well-formed item under rules.  Errors: TRB_E_FORMAT, TRB_E_LIMIT. */
int trb_cbor_gate(trb_bytes in, enum trb_cbor_rules rules, const char *what, trb_error **err);

/* The tree of what the gate let through; NULL where there is no memory. */
cbor_item_t *trb_cbor_tree(trb_bytes in, enum trb_cbor_rules rules);

#endif
