/* SPDX-License-Identifier: Apache-2.0 */
/* What the facts share: commits, digests, versions, fields of later releases. */
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

int trb_cbor_digest(const cbor_item_t *item, const char *what, struct trb_digest *ret,
		    trb_error **err)
{
	struct trb_digest digest = { 0 };
	cbor_item_t **pair;
	uint64_t algorithm;
	size_t n;
	int r = trb_cbor_array(item, 2, 2, what, &pair, &n, err);

	if (r == TRB_OK)
		r = trb_cbor_uint(pair[0], 3, what, &algorithm, err);
	if (r < 0)
		return r;
	if (algorithm == 0)
		return trb_fail(err, TRB_E_FORMAT, "%s: no digest has algorithm 0", what);
	digest.algorithm = (unsigned)algorithm;
	r = trb_cbor_copy(pair[1], digest.id, digest.algorithm == 1 ? 20 : 32, what, err);
	if (r == TRB_OK)
		*ret = digest;
	return r;
}

void trb_cbor_put_digest(struct trb_buf *b, const struct trb_digest *digest)
{
	trb_cbor_put_array(b, 2);
	trb_cbor_put_uint(b, digest->algorithm);
	trb_cbor_put_bstr(b, TRB_BYTES(digest->id, digest->algorithm == 1 ? 20 : 32));
}

int trb_cbor_location(const cbor_item_t *item, const char *what, trb_bytes *ret, trb_error **err)
{
	trb_bytes url = TRB_BYTES_NULL;
	int r = TRB_OK;

	if (!trb_cbor_is_null(item)) {
		r = trb_cbor_tstr(item, 1, TRB_REQUEST_MAX, what, &url, err);
		if (r == TRB_OK)
			r = trb_fact_fault(what, trb_repository_fault(url), err);
	}
	if (r == TRB_OK)
		*ret = url;
	return r;
}

void trb_cbor_put_text_or_null(struct trb_buf *b, trb_bytes text)
{
	if (text.len > 0)
		trb_cbor_put_tstr(b, text);
	else
		trb_cbor_put_null(b);
}

int trb_fact_version(const cbor_item_t *item, const char *what, trb_error **err)
{
	uint64_t version;
	int r = trb_cbor_uint(item, UINT64_MAX, what, &version, err);

	if (r < 0 || version == TRB_FORMAT_VERSION)
		return r;
	if (version > TRB_FORMAT_VERSION)
		return trb_fail(err, TRB_E_UNSUPPORTED,
				"%s is %llu: it needs a later release than this one, which reads "
				"version %u",
				what, (unsigned long long)version, TRB_FORMAT_VERSION);
	return trb_fail(err, TRB_E_FORMAT, "%s is %llu, not %u: version %llu was never released",
			what, (unsigned long long)version, TRB_FORMAT_VERSION,
			(unsigned long long)version);
}

int trb_fact_later(const char *what, trb_error **err)
{
	return trb_fail(err, TRB_E_UNSUPPORTED, "%s needs a later release than this one", what);
}

int trb_fact_reserved(const cbor_item_t *item, const char *what, trb_error **err)
{
	return trb_cbor_is_null(item) ? TRB_OK : trb_fact_later(what, err);
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
