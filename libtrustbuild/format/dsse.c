/* SPDX-License-Identifier: Apache-2.0 */
/* DSSE envelopes: signed by a key that is made for one build. */
#include "format/dsse.h"

#include <openssl/ec.h>
#include <openssl/x509.h>
#include <stdio.h>

#include "core/error.h"
#include "format/crypto.h"

static int refuse(trb_error **err, const char *why)
{
	return trb_fail_check(err, TRB_E_CLAIM, "envelope.signature", "%s", why);
}

static int fail_crypto(trb_error **err, const char *what)
{
	return trb_fail(err, TRB_E_NOMEM, "libcrypto cannot %s", what);
}

/* PAE: "DSSEv1" SP length SP type SP length SP payload; what stands before the payload. */
static size_t pae_head(char *head, size_t size, size_t len)
{
	return (size_t)snprintf(head, size, "DSSEv1 %zu %s %zu ", strlen(TRB_DSSE_TYPE),
				TRB_DSSE_TYPE, len);
}

int trb_dsse_key_new(EVP_PKEY **ret_key, trb_error **err)
{
	TRB_CRYPTO_SCOPE;
	EVP_PKEY *key = EVP_EC_gen("P-256");

	if (key == NULL)
		return fail_crypto(err, "make a key");
	*ret_key = key;
	return TRB_OK;
}

int trb_dsse_key_spki(EVP_PKEY *key, uint8_t ret[TRB_DSSE_SPKI_LEN], trb_error **err)
{
	TRB_CRYPTO_SCOPE;
	trb_bytes point;
	uint8_t *der = NULL;
	int n = i2d_PUBKEY(key, &der);
	bool good = n > 0 && trb_p256_spki_point(TRB_BYTES(der, n), &point);

	if (good)
		memcpy(ret, der, TRB_DSSE_SPKI_LEN);
	OPENSSL_free(der);
	return good ? TRB_OK : fail_crypto(err, "encode the public key");
}

int trb_dsse_sign(EVP_PKEY *key, trb_bytes payload, trb_blob **ret_signature, trb_error **err)
{
	TRB_CRYPTO_SCOPE;
	_cleanup_(EVP_MD_CTX_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t signature[TRB_DSSE_SIGNATURE_MAX];
	size_t n = sizeof(signature);
	char head[96];
	size_t head_len = pae_head(head, sizeof(head), payload.len);

	if (ctx == NULL || EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) != 1 ||
	    EVP_DigestSignUpdate(ctx, head, head_len) != 1 ||
	    EVP_DigestSignUpdate(ctx, payload.ptr, payload.len) != 1 ||
	    EVP_DigestSignFinal(ctx, signature, &n) != 1)
		return fail_crypto(err, "sign the statement");
	return trb_blob_new(TRB_BYTES(signature, n), ret_signature, err);
}

static int digest_pae(trb_bytes payload, uint8_t ret[32], trb_error **err)
{
	TRB_CRYPTO_SCOPE;
	_cleanup_(EVP_MD_CTX_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	char head[96];
	size_t head_len = pae_head(head, sizeof(head), payload.len);

	if (ctx == NULL || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1 ||
	    EVP_DigestUpdate(ctx, head, head_len) != 1 ||
	    EVP_DigestUpdate(ctx, payload.ptr, payload.len) != 1 ||
	    EVP_DigestFinal_ex(ctx, ret, NULL) != 1)
		return fail_crypto(err, "compute a digest");
	return TRB_OK;
}

int trb_dsse_verify(trb_bytes spki, trb_bytes payload, trb_bytes signature, trb_error **err)
{
	uint8_t digest[32];
	trb_bytes point;
	int r;

	if (!trb_p256_spki_point(spki, &point))
		return refuse(err, "the attested public key is not an uncompressed P-256 key");
	r = digest_pae(payload, digest, err);
	if (r < 0)
		return r;
	r = trb_p256_verify_der(spki, digest, signature);
	if (r == TRB_E_FORMAT)
		return refuse(err, "the attested public key is not a point of P-256");
	if (r == TRB_E_EVIDENCE)
		return refuse(err, "the envelope's signature is not of the attested public key");
	return r < 0 ? trb_fail_nomem(err) : TRB_OK;
}
