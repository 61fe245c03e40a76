/* SPDX-License-Identifier: Apache-2.0 */
/* The gate and libcbor behind it: what the gate lets through, libcbor must read whole, and the
 * getters must take. */
#include <stdlib.h>

#include "format/cbor.h"

#define INPUT_MAX 16384

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Encodes item again; every container that the gate lets through is definite or a map. */
static void put(struct trb_buf *b, cbor_item_t *item)
{
	cbor_item_t **items;
	struct cbor_pair *pairs;
	trb_bytes bytes;
	int64_t number;
	size_t n;

	if (trb_cbor_int(item, INT64_MIN, INT64_MAX, "item", &number, NULL) == TRB_OK)
		trb_cbor_put_int(b, number);
	else if (trb_cbor_bstr(item, 0, SIZE_MAX, "item", &bytes, NULL) == TRB_OK)
		trb_cbor_put_bstr(b, bytes);
	else if (trb_cbor_tstr(item, 0, SIZE_MAX, "item", &bytes, NULL) == TRB_OK)
		trb_cbor_put_tstr(b, bytes);
	else if (trb_cbor_is_null(item))
		trb_cbor_put_null(b);
	else if (trb_cbor_array(item, 0, SIZE_MAX, "item", &items, &n, NULL) == TRB_OK) {
		trb_cbor_put_array(b, n);
		for (size_t i = 0; i < n; i++)
			put(b, items[i]);
	} else if (trb_cbor_map(item, 0, SIZE_MAX, "item", &pairs, &n, NULL) == TRB_OK) {
		trb_cbor_put_map(b, n);
		for (size_t i = 0; i < n; i++) {
			put(b, pairs[i].key);
			put(b, pairs[i].value);
		}
	} else
		trb_buf_add_byte(b, 0);
}

/* Gives whether the input was loaded. */
static bool try_rules(trb_bytes in, enum trb_cbor_rules rules, struct trb_buf *again)
{
	_cleanup_cbor_ cbor_item_t *item = NULL;
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	int r = trb_cbor_load(in, rules, "input", &item, &err);

	if ((r == TRB_OK) != (err == NULL))
		abort();
	if (r < 0)
		return false;
	put(again, item);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	trb_bytes in = TRB_BYTES(data, size);
	struct trb_buf strict, loose;
	bool strictly;

	if (size > INPUT_MAX)
		return 0;
	trb_buf_init(&strict, 2 * INPUT_MAX);
	trb_buf_init(&loose, 2 * INPUT_MAX);
	strictly = try_rules(in, TRB_CBOR_DETERMINISTIC, &strict);
	/* the NSM's rules are the looser ones, but for their ceiling of keys */
	if (strictly && size < 256 && !try_rules(in, TRB_CBOR_NSM, &loose))
		abort();
	if (!strictly)
		try_rules(in, TRB_CBOR_NSM, &loose);
	trb_buf_clear(&strict);
	trb_buf_clear(&loose);
	return 0;
}
