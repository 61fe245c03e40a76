/* SPDX-License-Identifier: Apache-2.0 */
/* CBOR from outside, for libcbor: what libcbor would let through or choke on is refused before it
 * sees a byte.  Encoding goes straight into a struct trb_buf, deterministic by construction. */
#ifndef TRB_FORMAT_CBOR_H
#define TRB_FORMAT_CBOR_H

#include <cbor.h>

#include "core/buffer.h"
#include "core/cleanup.h"

enum trb_cbor_rules {
	/* RFC 8949 section 4.2.1: shortest heads, definite lengths, sorted unique keys; and no
	 * tags, no floats, no simple values but false, true, null. */
	TRB_CBOR_DETERMINISTIC,
	/* What the NSM writes: as above, but key order is free, heads may be longer than needed,
	 * and maps may be of indefinite length.  Duplicate keys are refused here, too. */
	TRB_CBOR_NSM,
};

/* One data item without trailing bytes, depth <= 8, every declared length checked against what is
 * left, at most 65537 items, and 128 keys in a map of TRB_CBOR_NSM.  The keys of maps are integers
 * or strings.  what names the input in errors.  Errors: TRB_E_FORMAT, TRB_E_LIMIT, TRB_E_NOMEM. */
int trb_cbor_load(trb_bytes in, enum trb_cbor_rules rules, const char *what, cbor_item_t **ret_item,
		  trb_error **err);

static inline void trb_cbor_freep(cbor_item_t **item)
{
	if (*item != NULL)
		cbor_decref(item);
}
#define _cleanup_cbor_ _cleanup_(trb_cbor_freep)

/* A blob with a copy of in that also owns the tree of item, which it steals: what the getters below
 * gave lives as long as the blob. */
int trb_cbor_owner(trb_bytes in, cbor_item_t **item, trb_blob **ret_owner, trb_error **err);

/* Typed getters; what names the field in errors, which are TRB_E_FORMAT. */
int trb_cbor_uint(const cbor_item_t *item, uint64_t max, const char *what, uint64_t *ret,
		  trb_error **err);
int trb_cbor_int(const cbor_item_t *item, int64_t min, int64_t max, const char *what, int64_t *ret,
		 trb_error **err);
int trb_cbor_bool(const cbor_item_t *item, const char *what, bool *ret, trb_error **err);
int trb_cbor_bstr(const cbor_item_t *item, size_t min, size_t max, const char *what, trb_bytes *ret,
		  trb_error **err);
/* A byte string of exactly n bytes, copied to out. */
int trb_cbor_copy(const cbor_item_t *item, uint8_t *out, size_t n, const char *what,
		  trb_error **err);
/* UTF-8 is checked; no NUL. */
int trb_cbor_tstr(const cbor_item_t *item, size_t min, size_t max, const char *what, trb_bytes *ret,
		  trb_error **err);
bool trb_cbor_is_null(const cbor_item_t *item);
/* The items of an array of min..max entries; borrowed. */
int trb_cbor_array(const cbor_item_t *item, size_t min, size_t max, const char *what,
		   cbor_item_t ***ret_items, size_t *ret_n, trb_error **err);
/* The pairs of a map of min..max entries; borrowed. */
int trb_cbor_map(const cbor_item_t *item, size_t min, size_t max, const char *what,
		 struct cbor_pair **ret_pairs, size_t *ret_n, trb_error **err);
/* A map that has exactly the keys 1..n, each once: ret_values[k - 1] is key k's value, borrowed. */
int trb_cbor_record(const cbor_item_t *item, size_t n, const char *what, cbor_item_t **ret_values,
		    trb_error **err);

/* Deterministic encoding; failures stick in the buffer. */
void trb_cbor_put_uint(struct trb_buf *b, uint64_t value);
void trb_cbor_put_int(struct trb_buf *b, int64_t value);
void trb_cbor_put_bstr(struct trb_buf *b, trb_bytes bytes);
void trb_cbor_put_tstr(struct trb_buf *b, trb_bytes text);
void trb_cbor_put_str(struct trb_buf *b, const char *text);
void trb_cbor_put_array(struct trb_buf *b, size_t n);
void trb_cbor_put_map(struct trb_buf *b, size_t n);
void trb_cbor_put_bool(struct trb_buf *b, bool value);
void trb_cbor_put_null(struct trb_buf *b);

#endif
