/* SPDX-License-Identifier: Apache-2.0 */
/* Deterministic CBOR, read behind the gate and written. */
#include "format/cbor.h"

#include "core/error.h"
#include "format/cbor_gate.h"

int trb_cbor_load(trb_bytes in, enum trb_cbor_rules rules, const char *what, cbor_item_t **ret_item,
		  trb_error **err)
{
	cbor_item_t *item;
	int r = trb_cbor_gate(in, rules, what, err);

	if (r < 0)
		return r;
	item = trb_cbor_tree(in, rules);
	if (item == NULL)
		return trb_fail_nomem(err);
	*ret_item = item;
	return TRB_OK;
}

static void drop_item(void *item)
{
	cbor_item_t *tree = item;

	cbor_decref(&tree);
}

int trb_cbor_owner(trb_bytes in, cbor_item_t **item, trb_blob **ret_owner, trb_error **err)
{
	int r = trb_blob_new(in, ret_owner, err);

	if (r == TRB_OK)
		trb_blob_attach(*ret_owner, drop_item, steal_ptr(item));
	return r;
}

int trb_cbor_uint(const cbor_item_t *item, uint64_t max, const char *what, uint64_t *ret,
		  trb_error **err)
{
	uint64_t value;

	if (item == NULL || !cbor_isa_uint(item))
		return trb_fail(err, TRB_E_FORMAT, "%s is not an unsigned integer", what);
	value = cbor_get_int(item);
	if (value > max)
		return trb_fail(err, TRB_E_FORMAT, "%s is above %llu", what,
				(unsigned long long)max);
	*ret = value;
	return TRB_OK;
}

int trb_cbor_int(const cbor_item_t *item, int64_t min, int64_t max, const char *what, int64_t *ret,
		 trb_error **err)
{
	uint64_t value;
	int64_t number;

	if (item == NULL || !(cbor_isa_uint(item) || cbor_isa_negint(item)))
		return trb_fail(err, TRB_E_FORMAT, "%s is not an integer", what);
	value = cbor_get_int(item);
	if (value > INT64_MAX)
		return trb_fail(err, TRB_E_FORMAT, "%s is out of range", what);
	/* major type 1 holds -1 - value */
	number = cbor_isa_negint(item) ? -1 - (int64_t)value : (int64_t)value;
	if (number < min || number > max)
		return trb_fail(err, TRB_E_FORMAT, "%s is out of range", what);
	*ret = number;
	return TRB_OK;
}

int trb_cbor_bool(const cbor_item_t *item, const char *what, bool *ret, trb_error **err)
{
	if (item == NULL || !cbor_isa_float_ctrl(item) || !cbor_is_bool(item))
		return trb_fail(err, TRB_E_FORMAT, "%s is neither false nor true", what);
	*ret = cbor_get_bool(item);
	return TRB_OK;
}

static int check_size(size_t n, size_t min, size_t max, const char *unit, const char *what,
		      trb_error **err)
{
	if (n >= min && n <= max)
		return TRB_OK;
	if (min == max)
		return trb_fail(err, TRB_E_FORMAT, "%s has %zu %s instead of %zu", what, n, unit,
				min);
	return trb_fail(err, TRB_E_FORMAT, "%s has %zu %s, not %zu to %zu", what, n, unit, min,
			max);
}

int trb_cbor_bstr(const cbor_item_t *item, size_t min, size_t max, const char *what, trb_bytes *ret,
		  trb_error **err)
{
	trb_bytes bytes;
	int r;

	if (item == NULL || !cbor_isa_bytestring(item) || !cbor_bytestring_is_definite(item))
		return trb_fail(err, TRB_E_FORMAT, "%s is not a byte string", what);
	bytes = TRB_BYTES(cbor_bytestring_handle(item), cbor_bytestring_length(item));
	r = check_size(bytes.len, min, max, "bytes", what, err);
	if (r == TRB_OK)
		*ret = bytes;
	return r;
}

int trb_cbor_copy(const cbor_item_t *item, uint8_t *out, size_t n, const char *what,
		  trb_error **err)
{
	trb_bytes bytes;
	int r = trb_cbor_bstr(item, n, n, what, &bytes, err);

	if (r == TRB_OK)
		memcpy(out, bytes.ptr, n);
	return r;
}

int trb_cbor_tstr(const cbor_item_t *item, size_t min, size_t max, const char *what, trb_bytes *ret,
		  trb_error **err)
{
	trb_bytes text;
	int r;

	if (item == NULL || !cbor_isa_string(item) || !cbor_string_is_definite(item))
		return trb_fail(err, TRB_E_FORMAT, "%s is not a text string", what);
	text = TRB_BYTES(cbor_string_handle(item), cbor_string_length(item));
	r = check_size(text.len, min, max, "bytes", what, err);
	if (r < 0)
		return r;
	if (!trb_utf8_valid(text))
		return trb_fail(err, TRB_E_FORMAT, "%s is not UTF-8", what);
	if (text.len > 0 && memchr(text.ptr, 0, text.len) != NULL)
		return trb_fail(err, TRB_E_FORMAT, "%s holds a NUL", what);
	*ret = text;
	return TRB_OK;
}

bool trb_cbor_is_null(const cbor_item_t *item)
{
	return item != NULL && cbor_isa_float_ctrl(item) && cbor_is_null(item);
}

int trb_cbor_array(const cbor_item_t *item, size_t min, size_t max, const char *what,
		   cbor_item_t ***ret_items, size_t *ret_n, trb_error **err)
{
	size_t n;
	int r;

	if (item == NULL || !cbor_isa_array(item) || !cbor_array_is_definite(item))
		return trb_fail(err, TRB_E_FORMAT, "%s is not an array", what);
	n = cbor_array_size(item);
	r = check_size(n, min, max, "entries", what, err);
	if (r < 0)
		return r;
	*ret_items = cbor_array_handle(item);
	*ret_n = n;
	return TRB_OK;
}

int trb_cbor_map(const cbor_item_t *item, size_t min, size_t max, const char *what,
		 struct cbor_pair **ret_pairs, size_t *ret_n, trb_error **err)
{
	size_t n;
	int r;

	if (item == NULL || !cbor_isa_map(item))
		return trb_fail(err, TRB_E_FORMAT, "%s is not a map", what);
	n = cbor_map_size(item);
	r = check_size(n, min, max, "entries", what, err);
	if (r < 0)
		return r;
	*ret_pairs = cbor_map_handle(item);
	*ret_n = n;
	return TRB_OK;
}

int trb_cbor_record(const cbor_item_t *item, size_t n, const char *what, cbor_item_t **ret_values,
		    trb_error **err)
{
	struct cbor_pair *pairs;
	size_t count;
	int r = trb_cbor_map(item, n, n, what, &pairs, &count, err);

	if (r < 0)
		return r;
	/* the keys are unique: n of them within 1..n are all of them */
	for (size_t i = 0; i < n; i++)
		if (!cbor_isa_uint(pairs[i].key) || cbor_get_int(pairs[i].key) < 1 ||
		    cbor_get_int(pairs[i].key) > n)
			return trb_fail(err, TRB_E_FORMAT, "%s has an unknown key", what);
	for (size_t i = 0; i < n; i++)
		ret_values[cbor_get_int(pairs[i].key) - 1] = pairs[i].value;
	return TRB_OK;
}

/* The longest head of an item. */
#define HEAD_MAX 9

void trb_cbor_put_uint(struct trb_buf *b, uint64_t value)
{
	uint8_t head[HEAD_MAX];

	trb_buf_add(b, TRB_BYTES(head, cbor_encode_uint(value, head, sizeof(head))));
}

void trb_cbor_put_int(struct trb_buf *b, int64_t value)
{
	uint8_t head[HEAD_MAX];

	if (value >= 0)
		trb_cbor_put_uint(b, (uint64_t)value);
	else
		trb_buf_add(b, TRB_BYTES(head, cbor_encode_negint((uint64_t)(-1 - value), head,
								  sizeof(head))));
}

void trb_cbor_put_bstr(struct trb_buf *b, trb_bytes bytes)
{
	uint8_t head[HEAD_MAX];

	trb_buf_add(b,
		    TRB_BYTES(head, cbor_encode_bytestring_start(bytes.len, head, sizeof(head))));
	trb_buf_add(b, bytes);
}

void trb_cbor_put_tstr(struct trb_buf *b, trb_bytes text)
{
	uint8_t head[HEAD_MAX];

	trb_buf_add(b, TRB_BYTES(head, cbor_encode_string_start(text.len, head, sizeof(head))));
	trb_buf_add(b, text);
}

void trb_cbor_put_str(struct trb_buf *b, const char *text)
{
	trb_cbor_put_tstr(b, trb_bytes_str(text));
}

void trb_cbor_put_array(struct trb_buf *b, size_t n)
{
	uint8_t head[HEAD_MAX];

	trb_buf_add(b, TRB_BYTES(head, cbor_encode_array_start(n, head, sizeof(head))));
}

void trb_cbor_put_map(struct trb_buf *b, size_t n)
{
	uint8_t head[HEAD_MAX];

	trb_buf_add(b, TRB_BYTES(head, cbor_encode_map_start(n, head, sizeof(head))));
}

void trb_cbor_put_bool(struct trb_buf *b, bool value)
{
	uint8_t head[HEAD_MAX];

	trb_buf_add(b, TRB_BYTES(head, cbor_encode_bool(value, head, sizeof(head))));
}

void trb_cbor_put_null(struct trb_buf *b)
{
	uint8_t head[HEAD_MAX];

	trb_buf_add(b, TRB_BYTES(head, cbor_encode_null(head, sizeof(head))));
}
