/* SPDX-License-Identifier: Apache-2.0 */
/* Commit ids, as bytes, digits and CBOR. */
#include "core/error.h"
#include "format/fact_cbor.h"

bool trb_commit_eq(const struct trb_commit *a, const struct trb_commit *b)
{
	return a->algorithm == b->algorithm && memcmp(a->id, b->id, trb_commit_len(a)) == 0;
}

bool trb_commit_from_hex(trb_bytes hex, struct trb_commit *ret)
{
	struct trb_commit commit = { .algorithm = hex.len == 64 ? 2 : 1 };

	for (size_t i = 0; i < hex.len; i++)
		if (hex.ptr[i] >= 'A' && hex.ptr[i] <= 'F')
			return false;
	if (!trb_hex_decode(hex, commit.id, trb_commit_len(&commit)))
		return false;
	*ret = commit;
	return true;
}

void trb_commit_to_hex(const struct trb_commit *c, char *hex)
{
	trb_hex_encode(TRB_BYTES(c->id, trb_commit_len(c)), hex);
}

int trb_cbor_commit(const cbor_item_t *item, const char *what, struct trb_commit *ret,
		    trb_error **err)
{
	struct trb_commit commit = { 0 };
	cbor_item_t **pair;
	uint64_t algorithm;
	size_t n;
	int r = trb_cbor_array(item, 2, 2, what, &pair, &n, err);

	if (r == TRB_OK)
		r = trb_cbor_uint(pair[0], 2, what, &algorithm, err);
	if (r < 0)
		return r;
	if (algorithm == 0)
		return trb_fail(err, TRB_E_FORMAT, "%s: no git object id has algorithm 0", what);
	commit.algorithm = (unsigned)algorithm;
	r = trb_cbor_copy(pair[1], commit.id, trb_commit_len(&commit), what, err);
	if (r == TRB_OK)
		*ret = commit;
	return r;
}

void trb_cbor_put_commit(struct trb_buf *b, const struct trb_commit *commit)
{
	trb_cbor_put_array(b, 2);
	trb_cbor_put_uint(b, commit->algorithm);
	trb_cbor_put_bstr(b, TRB_BYTES(commit->id, trb_commit_len(commit)));
}

int trb_fact_load(trb_bytes in, size_t max, const char *what, cbor_item_t **ret_item,
		  trb_error **err)
{
	if (in.len > max)
		return trb_fail(err, TRB_E_LIMIT, "%s has %zu bytes, more than %zu", what, in.len,
				max);
	return trb_cbor_load(in, TRB_CBOR_DETERMINISTIC, what, ret_item, err);
}

int trb_fact_fault(const char *what, const char *fault, trb_error **err)
{
	return fault == NULL ? TRB_OK : trb_fail(err, TRB_E_FORMAT, "%s: %s", what, fault);
}
