/* SPDX-License-Identifier: Apache-2.0 */
/* Builds libcbor's tree item by item: the loader of libcbor 0.8 follows null pointers where memory
 * runs out in a negative integer or in a map of indefinite length. */
#include "format/cbor_gate.h"

static cbor_item_t *build(struct trb_cbor_reader *g);

/* Every integer gets 64 bits of room: getters take the value, whatever the width. */
static cbor_item_t *build_int(const struct trb_cbor_head *h)
{
	cbor_item_t *item = cbor_new_int64();

	if (item == NULL)
		return NULL;
	cbor_set_uint64(item, h->value);
	if (h->major == TRB_CBOR_NEGINT)
		cbor_mark_negint(item);
	else
		cbor_mark_uint(item);
	return item;
}

static cbor_item_t *build_string(struct trb_cbor_reader *g, const struct trb_cbor_head *h)
{
	size_t len = (size_t)h->value;
	cbor_item_t *item = h->major == TRB_CBOR_TSTR ? cbor_new_definite_string()
						      : cbor_new_definite_bytestring();
	uint8_t *copy = malloc(len > 0 ? len : 1);

	if (item == NULL || copy == NULL) {
		trb_cbor_freep(&item);
		free(copy);
		return NULL;
	}
	memcpy(copy, g->in.ptr + g->pos, len);
	g->pos += len;
	if (h->major == TRB_CBOR_TSTR)
		cbor_string_set_handle(item, copy, len);
	else
		cbor_bytestring_set_handle(item, copy, len);
	return item;
}

static cbor_item_t *build_array(struct trb_cbor_reader *g, const struct trb_cbor_head *h)
{
	cbor_item_t *array = cbor_new_definite_array((size_t)h->value);

	for (uint64_t i = 0; array != NULL && i < h->value; i++) {
		_cleanup_cbor_ cbor_item_t *entry = build(g);

		if (entry == NULL || !cbor_array_push(array, entry))
			cbor_decref(&array); /* and array is NULL */
	}
	return array;
}

static cbor_item_t *build_map(struct trb_cbor_reader *g, const struct trb_cbor_head *h)
{
	cbor_item_t *map = h->info == TRB_CBOR_INDEFINITE ? cbor_new_indefinite_map()
							  : cbor_new_definite_map((size_t)h->value);

	for (uint64_t i = 0; map != NULL && !trb_cbor_map_ends(g, h, i); i++) {
		_cleanup_cbor_ cbor_item_t *key = build(g);
		_cleanup_cbor_ cbor_item_t *value = key != NULL ? build(g) : NULL;

		if (value == NULL || !cbor_map_add(map, (struct cbor_pair){ key, value }))
			cbor_decref(&map);
	}
	return map;
}

static cbor_item_t *build_simple(const struct trb_cbor_head *h)
{
	cbor_item_t *item = cbor_new_ctrl();

	if (item != NULL)
		cbor_set_ctrl(item, (uint8_t)h->value);
	return item;
}

static cbor_item_t *build(struct trb_cbor_reader *g)
{
	struct trb_cbor_head h;

	if (trb_cbor_read_head(g, &h) < 0)
		return NULL;
	switch (h.major) {
	case TRB_CBOR_UINT:
	case TRB_CBOR_NEGINT:
		return build_int(&h);
	case TRB_CBOR_BSTR:
	case TRB_CBOR_TSTR:
		return build_string(g, &h);
	case TRB_CBOR_ARRAY:
		return build_array(g, &h);
	case TRB_CBOR_MAP:
		return build_map(g, &h);
	case TRB_CBOR_SIMPLE:
		return build_simple(&h);
	default:
		return NULL;
	}
}

cbor_item_t *trb_cbor_tree(trb_bytes in, enum trb_cbor_rules rules)
{
	struct trb_cbor_reader g = { .in = in, .rules = rules, .what = "" };

	return build(&g);
}
