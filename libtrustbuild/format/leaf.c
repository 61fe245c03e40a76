/* SPDX-License-Identifier: Apache-2.0 */
/* The leaf of a log: a bundle's evidence in one record. */
#include "core/error.h"
#include "format/fact_cbor.h"

enum { KIND, REQUEST, ENVIRONMENT, ARTIFACTS, ATTESTATION, STATEMENT, FIELDS };

#define KIND_BUILD 1
#define KIND_TRUST 2 /* a later release */

#define PARTS 5
static const struct {
	const char *name;
	size_t max;
} parts[PARTS] = {
	{ "the leaf's request", TRB_REQUEST_MAX },
	{ "the leaf's environment", TRB_ENVIRONMENT_MAX },
	{ "the leaf's artifacts", TRB_ARTIFACTS_BYTES },
	{ "the leaf's attestation", TRB_ATTESTATION_MAX },
	{ "the leaf's statement", TRB_STATEMENT_MAX },
};

int trb_leaf_encode(const struct trb_leaf *leaf, trb_blob **ret, trb_error **err)
{
	const trb_bytes values[PARTS] = { leaf->request, leaf->environment, leaf->artifacts,
					  leaf->attestation, leaf->statement };
	_cleanup_buf_ struct trb_buf b;

	trb_buf_init(&b, TRB_LEAF_MAX);
	trb_cbor_put_array(&b, FIELDS);
	trb_cbor_put_uint(&b, KIND_BUILD);
	for (size_t i = 0; i < PARTS; i++) {
		if (values[i].len < 1 || values[i].len > parts[i].max)
			return trb_fail(err, TRB_E_LIMIT, "%s has %zu bytes, not 1 to %zu",
					parts[i].name, values[i].len, parts[i].max);
		trb_cbor_put_bstr(&b, values[i]);
	}
	return trb_buf_to_blob(&b, "the leaf for the log", ret, err);
}

/* The first number says what kind of leaf it is, and so what else is in it: never a version. */
static int check_kind(const cbor_item_t *item, trb_error **err)
{
	uint64_t kind = 0;
	int r = trb_cbor_uint(item, UINT64_MAX, "the leaf's kind", &kind, err);

	if (r < 0 || kind == KIND_BUILD)
		return r;
	if (kind == KIND_TRUST)
		return trb_fact_later("a leaf about trust", err);
	return trb_fail(err, TRB_E_FORMAT, "no leaf has kind %llu", (unsigned long long)kind);
}

int trb_leaf_decode(trb_bytes in, struct trb_leaf *ret, trb_blob **ret_owner, trb_error **err)
{
	_cleanup_cbor_ cbor_item_t *item = NULL;
	cbor_item_t **items;
	trb_bytes v[PARTS];
	size_t n;
	int r = trb_fact_load(in, TRB_LEAF_MAX, "the leaf", &item, err);

	if (r == TRB_OK)
		r = trb_cbor_array(item, 1, SIZE_MAX, "the leaf", &items, &n, err);
	if (r == TRB_OK)
		r = check_kind(items[KIND], err);
	if (r == TRB_OK)
		r = trb_cbor_array(item, FIELDS, FIELDS, "the leaf", &items, &n, err);
	for (size_t i = 0; r == TRB_OK && i < PARTS; i++)
		r = trb_cbor_bstr(items[REQUEST + i], 1, parts[i].max, parts[i].name, &v[i], err);
	if (r == TRB_OK)
		r = trb_cbor_owner(in, &item, ret_owner, err);
	if (r == TRB_OK)
		*ret = (struct trb_leaf){ .request = v[0],
					  .environment = v[1],
					  .artifacts = v[2],
					  .attestation = v[3],
					  .statement = v[4] };
	return r;
}
