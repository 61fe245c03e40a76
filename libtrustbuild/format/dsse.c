/* SPDX-License-Identifier: Apache-2.0 */
#include "format/dsse.h"

#include <openssl/ec.h>
#include <openssl/x509.h>
#include <stdio.h>

#include "core/error.h"
#include "format/crypto_errors.h"

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

/* Only this curve and this encoding of it: RFC 5480, id-ecPublicKey with prime256v1. */
static const uint8_t spki_head[] = { 0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
				     0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
				     0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04 };

int trb_dsse_key_new(EVP_PKEY **ret_key, trb_error **err)
{
	unsigned long begin = trb_crypto_begin();
	EVP_PKEY *key = EVP_EC_gen("P-256");

	trb_crypto_end(begin);
	if (key == NULL)
		return fail_crypto(err, "make a key");
	*ret_key = key;
	return TRB_OK;
}

int trb_dsse_key_spki(EVP_PKEY *key, uint8_t ret[TRB_DSSE_SPKI_LEN], trb_error **err)
{
	unsigned long begin = trb_crypto_begin();
	uint8_t *der = NULL;
	int n = i2d_PUBKEY(key, &der);
	bool good = n == TRB_DSSE_SPKI_LEN && memcmp(der, spki_head, sizeof(spki_head)) == 0;

	if (good)
		memcpy(ret, der, TRB_DSSE_SPKI_LEN);
	OPENSSL_free(der);
	trb_crypto_end(begin);
	return good ? TRB_OK : fail_crypto(err, "encode the public key");
}

int trb_dsse_sign(EVP_PKEY *key, trb_bytes payload, trb_blob **ret_signature, trb_error **err)
{
	unsigned long begin = trb_crypto_begin();
	_cleanup_(EVP_MD_CTX_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t signature[TRB_DSSE_SIGNATURE_MAX];
	size_t n = sizeof(signature);
	char head[96];
	size_t head_len = pae_head(head, sizeof(head), payload.len);
	bool good = ctx != NULL && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
		    EVP_DigestSignUpdate(ctx, head, head_len) == 1 &&
		    EVP_DigestSignUpdate(ctx, payload.ptr, payload.len) == 1 &&
		    EVP_DigestSignFinal(ctx, signature, &n) == 1;

	trb_crypto_end(begin);
	if (!good)
		return fail_crypto(err, "sign the statement");
	return trb_blob_new(TRB_BYTES(signature, n), ret_signature, err);
}

/* NULL where the signature holds; TRB_E_NOMEM in *ret_status where libcrypto cannot tell. */
static const char *verify(trb_bytes spki, trb_bytes payload, trb_bytes signature, int *ret_status)
{
	_cleanup_(EVP_MD_CTX_freep) EVP_MD_CTX *ctx = NULL;
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = NULL;
	const uint8_t *p = spki.ptr;
	char head[96];
	size_t head_len = pae_head(head, sizeof(head), payload.len);

	*ret_status = TRB_E_CLAIM;
	if (spki.len != TRB_DSSE_SPKI_LEN || memcmp(p, spki_head, sizeof(spki_head)) != 0)
		return "the attested public key is not an uncompressed P-256 key";
	/* OpenSSL refuses a point that is not on the curve here, and a signature that is not DER
	 * below */
	key = d2i_PUBKEY(NULL, &p, (long)spki.len);
	if (key == NULL)
		return "the attested public key is not a point of P-256";
	ctx = EVP_MD_CTX_new();
	if (ctx == NULL || EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) != 1 ||
	    EVP_DigestVerifyUpdate(ctx, head, head_len) != 1 ||
	    EVP_DigestVerifyUpdate(ctx, payload.ptr, payload.len) != 1) {
		*ret_status = TRB_E_NOMEM;
		return "libcrypto cannot verify a signature";
	}
	if (signature.len < TRB_DSSE_SIGNATURE_MIN || signature.len > TRB_DSSE_SIGNATURE_MAX ||
	    EVP_DigestVerifyFinal(ctx, signature.ptr, signature.len) != 1)
		return "the envelope's signature is not of the attested public key";
	return NULL;
}

int trb_dsse_verify(trb_bytes spki, trb_bytes payload, trb_bytes signature, trb_error **err)
{
	unsigned long begin = trb_crypto_begin();
	int status;
	const char *why = verify(spki, payload, signature, &status);
	bool nomem = trb_crypto_end(begin);

	if (why == NULL)
		return TRB_OK;
	/* out of memory is no verdict */
	if (nomem || status == TRB_E_NOMEM)
		return trb_fail_nomem(err);
	return trb_fail_check(err, TRB_E_CLAIM, "envelope.signature", "%s", why);
}
