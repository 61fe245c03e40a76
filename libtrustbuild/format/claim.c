/* SPDX-License-Identifier: Apache-2.0 */
/* The claim: what an attestation document's user data says. */
#include "core/error.h"
#include "format/fact_cbor.h"

enum { VERSION, COMMIT, SOURCE, ARTIFACTS, ENVIRONMENT, STATEMENT, CONTACTS, MANIFEST, FIELDS };

static int read_fields(cbor_item_t **v, struct trb_claim *claim, trb_error **err)
{
	int r = trb_fact_version(v[VERSION], "the claim's version", err);

	if (r == TRB_OK)
		r = trb_cbor_commit(v[COMMIT], "the claim's commit", &claim->commit, err);
	if (r == TRB_OK)
		r = trb_cbor_copy(v[SOURCE], claim->source, 32, "the claim's source digest", err);
	if (r == TRB_OK)
		r = trb_cbor_copy(v[ARTIFACTS], claim->artifacts, 32,
				  "the claim's digest of artifacts", err);
	if (r == TRB_OK)
		r = trb_cbor_copy(v[ENVIRONMENT], claim->environment, 32,
				  "the claim's digest of the environment", err);
	if (r == TRB_OK)
		r = trb_cbor_copy(v[STATEMENT], claim->statement, 32,
				  "the claim's digest of the statement", err);
	if (r == TRB_OK)
		r = trb_fact_reserved(v[CONTACTS], "the claim's digest of contacts", err);
	return r < 0 ? r : trb_fact_reserved(v[MANIFEST], "the claim's digest of a manifest", err);
}

int trb_claim_decode(trb_bytes in, struct trb_claim *ret, trb_error **err)
{
	_cleanup_cbor_ cbor_item_t *item = NULL;
	struct trb_claim claim = { 0 };
	cbor_item_t *values[FIELDS];
	int r = trb_fact_load(in, TRB_CLAIM_MAX, "the claim", &item, err);

	if (r == TRB_OK)
		r = trb_cbor_record(item, FIELDS, "the claim", values, err);
	if (r == TRB_OK)
		r = read_fields(values, &claim, err);
	if (r == TRB_OK)
		*ret = claim;
	return r;
}

static void put_digest(struct trb_buf *b, unsigned field, const uint8_t digest[32])
{
	trb_cbor_put_uint(b, field + 1);
	trb_cbor_put_bstr(b, TRB_BYTES(digest, 32));
}

int trb_claim_encode(const struct trb_claim *claim, trb_blob **ret, trb_error **err)
{
	_cleanup_buf_ struct trb_buf b;

	trb_buf_init(&b, TRB_CLAIM_MAX);
	if (claim->commit.algorithm != 1 && claim->commit.algorithm != 2)
		return trb_fail(err, TRB_E_FORMAT, "the claim's commit has no algorithm");
	trb_cbor_put_map(&b, FIELDS);
	trb_cbor_put_uint(&b, VERSION + 1);
	trb_cbor_put_uint(&b, TRB_FORMAT_VERSION);
	trb_cbor_put_uint(&b, COMMIT + 1);
	trb_cbor_put_commit(&b, &claim->commit);
	put_digest(&b, SOURCE, claim->source);
	put_digest(&b, ARTIFACTS, claim->artifacts);
	put_digest(&b, ENVIRONMENT, claim->environment);
	put_digest(&b, STATEMENT, claim->statement);
	trb_cbor_put_uint(&b, CONTACTS + 1);
	trb_cbor_put_null(&b);
	trb_cbor_put_uint(&b, MANIFEST + 1);
	trb_cbor_put_null(&b);
	return trb_buf_to_blob(&b, "the claim", ret, err);
}
