/* SPDX-License-Identifier: Apache-2.0 */
/* An image's signature, made. */
#include <string.h>

#include <openssl/ec.h>

#include "format/cbor.h"
#include "format/cose.h"
#include "format/crypto.h"
#include "format/eif_cose.h"
#include "format/pem.h"
#include "image/eif_write.h"

static int load_key(trb_bytes pem, X509 *cert, EVP_PKEY **ret_key, trb_error **err)
{
	EVP_PKEY *key;
	int r = trb_pem_read_key(pem, &key);

	if (r == TRB_E_NOMEM)
		return trb_fail_nomem(err);
	if (r < 0)
		return trb_fail(err, r, "no unencrypted PEM private key to sign with");
	r = trb_pem_check_pair(cert, key);
	if (r < 0) {
		EVP_PKEY_free(key);
		return r == TRB_E_NOMEM ? trb_fail_nomem(err)
					: trb_fail(err, TRB_E_INVAL,
						   "the private key is not the certificate's");
	}
	*ret_key = key;
	return TRB_OK;
}

static int to_raw(trb_bytes der, size_t half, uint8_t *out, trb_error **err)
{
	const uint8_t *p = der.ptr;
	ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &p, (long)der.len);
	bool good = pair != NULL &&
		    BN_bn2binpad(ECDSA_SIG_get0_r(pair), out, (int)half) == (int)half &&
		    BN_bn2binpad(ECDSA_SIG_get0_s(pair), out + half, (int)half) == (int)half;

	ECDSA_SIG_free(pair);
	return good ? TRB_OK : trb_fail(err, TRB_E_NOMEM, "convert the signature");
}

static int sign_raw(EVP_PKEY *key, const struct cose_alg *alg, trb_bytes message, uint8_t *out,
		    trb_error **err)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	uint8_t der[160];
	size_t len = sizeof(der);
	bool good = md != NULL &&
		    EVP_DigestSignInit_ex(md, NULL, alg->digest, NULL, NULL, key, NULL) == 1 &&
		    EVP_DigestSign(md, der, &len, message.ptr, message.len) == 1;

	EVP_MD_CTX_free(md);
	return good ? to_raw(TRB_BYTES(der, len), alg->half, out, err)
		    : trb_fail(err, TRB_E_NOMEM, "libcrypto did not sign");
}

static int make_cose(EVP_PKEY *key, const uint8_t pcr0[SHA384_SIZE], trb_blob **ret,
		     trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *payload = NULL, *message = NULL;
	const struct cose_alg *alg = trb_cose_alg_of_key(key);
	trb_bytes protected;
	uint8_t raw[2 * 66];
	int r;

	if (alg == NULL)
		return trb_fail(err, TRB_E_INVAL,
				"images are signed with keys on P-256, P-384, P-521");
	protected = TRB_BYTES(alg->protected, alg->protected_len);
	r = trb_eif_signed_payload(pcr0, &payload, err);
	if (r == TRB_OK)
		r = trb_cose_sig_structure(protected, trb_blob_bytes(payload), &message, err);
	if (r == TRB_OK)
		r = sign_raw(key, alg, trb_blob_bytes(message), raw, err);
	if (r < 0)
		return r;
	return trb_cose_sign1_encode(protected, trb_blob_bytes(payload),
				     TRB_BYTES(raw, 2 * alg->half), ret, err);
}

static void put_byte_array(struct trb_buf *b, trb_bytes bytes)
{
	trb_cbor_put_array(b, bytes.len);
	for (size_t i = 0; i < bytes.len; i++)
		trb_cbor_put_uint(b, bytes.ptr[i]);
}

static int make_section(trb_bytes cert_pem, trb_bytes cose, trb_blob **ret, trb_error **err)
{
	_cleanup_buf_ struct trb_buf b;

	trb_buf_init(&b, EIF_MAX_SIGNATURE);
	trb_cbor_put_array(&b, 1);
	trb_cbor_put_map(&b, 2);
	trb_cbor_put_str(&b, "signing_certificate");
	put_byte_array(&b, cert_pem);
	trb_cbor_put_str(&b, "signature");
	put_byte_array(&b, cose);
	return trb_buf_to_blob(&b, "signature section", ret, err);
}

int trb_eif_sign(trb_bytes cert_pem, trb_bytes key_pem, const uint8_t pcr0[SHA384_SIZE],
		 trb_blob **ret_section, trb_error **err)
{
	TRB_CRYPTO_SCOPE;
	_cleanup_(trb_blob_unrefp) trb_blob *cose = NULL;
	uint8_t pcr8[SHA384_SIZE];
	EVP_PKEY *key = NULL;
	X509 *cert = NULL;
	int r = trb_eif_certificate(cert_pem, &cert, pcr8, err);

	if (r < 0)
		return r;
	r = load_key(key_pem, cert, &key, err);
	if (r == TRB_OK)
		r = make_cose(key, pcr0, &cose, err);
	if (r == TRB_OK)
		r = make_section(cert_pem, trb_blob_bytes(cose), ret_section, err);
	EVP_PKEY_free(key);
	X509_free(cert);
	return r;
}
