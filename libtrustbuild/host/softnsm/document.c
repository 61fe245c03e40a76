/* SPDX-License-Identifier: Apache-2.0 */
/* Documents of the simulated NSM, signed. */
#include "host/softnsm/chain.h"

#include <openssl/ecdsa.h>

#include "format/cbor.h"
#include "format/cose.h"
#include "host/softnsm/cert.h"

#define PAYLOAD_MAX    (12u * 1024)
#define COORDINATE_LEN 48
#define INDEFINITE_MAP 0xbf
#define BREAK          0xff

static void put_optional(struct trb_buf *b, const char *key, trb_bytes value)
{
	trb_cbor_put_str(b, key);
	if (value.ptr != NULL)
		trb_cbor_put_bstr(b, value);
	else
		trb_cbor_put_null(b);
}

static void put_pcrs(struct trb_buf *b, const struct trb_softnsm_document *doc)
{
	trb_cbor_put_str(b, "pcrs");
	trb_cbor_put_map(b, (size_t)__builtin_popcount(doc->locked));
	for (uint32_t i = 0; i < TRB_SOFTNSM_PCRS; i++) {
		if (!(doc->locked >> i & 1))
			continue;
		trb_cbor_put_uint(b, i);
		trb_cbor_put_bstr(b, TRB_BYTES(doc->pcrs[i], TRB_SHA384_LEN));
	}
}

static void put_payload(struct trb_buf *b, const struct trb_softnsm_document *doc)
{
	trb_buf_add_byte(b, INDEFINITE_MAP); /* as all documents since August 2025 */
	trb_cbor_put_str(b, "module_id");
	trb_cbor_put_str(b, doc->module_id);
	trb_cbor_put_str(b, "digest");
	trb_cbor_put_str(b, "SHA384");
	trb_cbor_put_str(b, "timestamp");
	trb_cbor_put_uint(b, doc->timestamp_ms);
	put_pcrs(b, doc);
	trb_cbor_put_str(b, "certificate");
	trb_cbor_put_bstr(b, trb_blob_bytes(doc->chain->certificate));
	trb_cbor_put_str(b, "cabundle");
	trb_cbor_put_array(b, TRB_SOFTNSM_CABUNDLE);
	for (size_t i = 0; i < TRB_SOFTNSM_CABUNDLE; i++)
		trb_cbor_put_bstr(b, trb_blob_bytes(doc->chain->cabundle[i]));
	put_optional(b, "public_key", doc->public_key);
	put_optional(b, "user_data", doc->user_data);
	put_optional(b, "nonce", doc->nonce);
	trb_buf_add_byte(b, BREAK);
}

/* DER to r || s. */
static bool plain_signature(const uint8_t *der, size_t len, uint8_t ret[2 * COORDINATE_LEN])
{
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)len);
	bool good = sig != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(sig), ret, COORDINATE_LEN) > 0 &&
		    BN_bn2binpad(ECDSA_SIG_get0_s(sig), ret + COORDINATE_LEN, COORDINATE_LEN) > 0;

	ECDSA_SIG_free(sig);
	return good;
}

static int sign(EVP_PKEY *key, trb_bytes message, uint8_t ret[2 * COORDINATE_LEN], trb_error **err)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t der[2 * COORDINATE_LEN + 16];
	size_t len = sizeof(der);
	bool good;

	if (ctx == NULL)
		return trb_fail_nomem(err);
	good = EVP_DigestSignInit(ctx, NULL, EVP_sha384(), NULL, key) == 1 &&
	       EVP_DigestSign(ctx, der, &len, message.ptr, message.len) == 1 &&
	       plain_signature(der, len, ret);
	EVP_MD_CTX_free(ctx);
	return good ? TRB_OK : trb_cert_fail(err, "sign a document");
}

static int sign_payload(EVP_PKEY *key, trb_bytes payload, uint8_t ret[2 * COORDINATE_LEN],
			trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *message = NULL;
	int r = trb_cose_sig_structure(TRB_COSE_ES384, payload, &message, err);

	return r < 0 ? r : sign(key, trb_blob_bytes(message), ret, err);
}

int trb_softnsm_document_sign(const struct trb_softnsm_document *doc, trb_blob **ret,
			      trb_error **err)
{
	_cleanup_buf_ struct trb_buf payload = { 0 };
	uint8_t signature[2 * COORDINATE_LEN];
	int r;

	trb_buf_init(&payload, PAYLOAD_MAX);
	put_payload(&payload, doc);
	r = trb_buf_check(&payload, "attestation document", err);
	if (r == TRB_OK)
		r = sign_payload(doc->chain->key, trb_buf_bytes(&payload), signature, err);
	if (r < 0)
		return r;
	return trb_cose_sign1_encode(TRB_COSE_ES384, trb_buf_bytes(&payload),
				     TRB_BYTES(signature, sizeof(signature)), ret, err);
}
