/* SPDX-License-Identifier: Apache-2.0 */
/* COSE_Sign1, as the NSM writes it. */
#include "format/cose.h"

#include <openssl/evp.h>

#include "core/cleanup.h"
#include "core/error.h"
#include "format/facts.h"

#define TAG_SIGN1        0xd2 /* tag 18, RFC 9052 section 4.2; optional for AWS */
#define ENVELOPE_ENTRIES 4
#define ENVELOPE_MAX     (64u * 1024)

static int check_protected(trb_bytes header, trb_error **err)
{
	if (!trb_bytes_eq(header, TRB_COSE_ES384))
		return trb_fail(err, TRB_E_FORMAT,
				"the protected header is not {1: -35}, which is ES384 alone");
	return TRB_OK;
}

/* Nothing signs the unprotected header: whatever stood there could be put there by anybody. */
static int check_unprotected(const cbor_item_t *header, trb_error **err)
{
	if (!cbor_isa_map(header) || cbor_map_size(header) != 0)
		return trb_fail(err, TRB_E_FORMAT, "the unprotected header is not an empty map");
	return TRB_OK;
}

int trb_cose_sign1_decode(trb_bytes in, size_t payload_max, struct trb_cose_sign1 *ret,
			  cbor_item_t **ret_item, trb_error **err)
{
	_cleanup_cbor_ cbor_item_t *item = NULL;
	struct trb_cose_sign1 sign1;
	cbor_item_t **part;
	size_t n;
	int r;

	if (in.len > 0 && in.ptr[0] == TAG_SIGN1)
		trb_bytes_take(&in, 1);
	if ((r = trb_cbor_load(in, TRB_CBOR_NSM, "COSE_Sign1", &item, err)) < 0 ||
	    (r = trb_cbor_array(item, ENVELOPE_ENTRIES, ENVELOPE_ENTRIES, "COSE_Sign1", &part, &n,
				err)) < 0 ||
	    (r = trb_cbor_bstr(part[0], 0, 64, "protected header", &sign1.protected_header, err)) <
		    0 ||
	    (r = check_protected(sign1.protected_header, err)) < 0 ||
	    (r = check_unprotected(part[1], err)) < 0 ||
	    (r = trb_cbor_bstr(part[2], 1, payload_max, "payload", &sign1.payload, err)) < 0 ||
	    (r = trb_cbor_bstr(part[3], TRB_P384_SIGNATURE, TRB_P384_SIGNATURE, "signature",
			       &sign1.signature, err)) < 0)
		return r;
	*ret = sign1;
	*ret_item = steal_ptr(&item);
	return TRB_OK;
}

int trb_cose_sig_structure(trb_bytes protected_header, trb_bytes payload, trb_blob **ret,
			   trb_error **err)
{
	_cleanup_buf_ struct trb_buf buf;

	trb_buf_init(&buf, ENVELOPE_MAX);
	trb_cbor_put_array(&buf, 4);
	trb_cbor_put_str(&buf, "Signature1");
	trb_cbor_put_bstr(&buf, protected_header);
	trb_cbor_put_bstr(&buf, TRB_BYTES_NULL); /* external_aad */
	trb_cbor_put_bstr(&buf, payload);
	return trb_buf_to_blob(&buf, "Sig_structure", ret, err);
}

int trb_cose_sign1_digest(trb_bytes protected_header, trb_bytes payload, uint8_t ret[48],
			  trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *message = NULL;
	int r = trb_cose_sig_structure(protected_header, payload, &message, err);

	return r < 0 ? r : trb_sha384(trb_blob_bytes(message), ret, err);
}

int trb_cose_sign1_verify(const struct trb_cose_sign1 *sign1, const struct trb_ec_key *key,
			  trb_error **err)
{
	uint8_t digest[48];
	int r = trb_cose_sign1_digest(sign1->protected_header, sign1->payload, digest, err);

	if (r < 0)
		return r;
	r = trb_ec_verify_raw(key, digest, sign1->signature);
	if (r == TRB_E_EVIDENCE)
		return trb_fail_check(err, r, "document.signature",
				      "the signature is not the signing certificate's over this "
				      "payload");
	return r < 0 ? trb_fail_nomem(err) : TRB_OK;
}

int trb_cose_sign1_encode(trb_bytes protected_header, trb_bytes payload, trb_bytes signature,
			  trb_blob **ret, trb_error **err)
{
	_cleanup_buf_ struct trb_buf buf;

	trb_buf_init(&buf, ENVELOPE_MAX);
	trb_cbor_put_array(&buf, ENVELOPE_ENTRIES);
	trb_cbor_put_bstr(&buf, protected_header);
	trb_cbor_put_map(&buf, 0);
	trb_cbor_put_bstr(&buf, payload);
	trb_cbor_put_bstr(&buf, signature);
	return trb_buf_to_blob(&buf, "COSE_Sign1", ret, err);
}
