/* SPDX-License-Identifier: Apache-2.0 */
/* The least that any verifier of a bundle must compute. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "floor.h"

#include <stdlib.h>

#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include "format/attestation.h"
#include "format/x509.h"

struct floor {
	struct {
		EC_KEY *key;
		EVP_PKEY_CTX *evp;
		uint8_t digest[48];
		uint8_t *sig;
		size_t sig_len;
	} parts[FLOOR_SIGNATURES];
};

/* The key of a certificate, by OpenSSL's own reader. */
static EVP_PKEY *key_of(trb_bytes der)
{
	const unsigned char *p = der.ptr;
	X509 *cert = d2i_X509(NULL, &p, (long)der.len);
	EVP_PKEY *key = cert != NULL ? X509_get_pubkey(cert) : NULL;

	X509_free(cert);
	return key;
}

static bool set_key(struct floor *floor, size_t i, trb_bytes der)
{
	EVP_PKEY *key = key_of(der);

	if (key != NULL) {
		floor->parts[i].key = EVP_PKEY_get1_EC_KEY(key);
		floor->parts[i].evp = EVP_PKEY_CTX_new(key, NULL);
	}
	EVP_PKEY_free(key);
	return floor->parts[i].key != NULL && floor->parts[i].evp != NULL &&
	       EVP_PKEY_verify_init(floor->parts[i].evp) == 1;
}

/* Part i is the signature of certificate i + 1 by the key of certificate i. */
static bool set_cert(struct floor *floor, size_t i, trb_bytes issuer, trb_bytes der)
{
	struct trb_cert cert;

	if (trb_cert_parse(der, &cert) != NULL || !set_key(floor, i, issuer))
		return false;
	SHA384(cert.tbs.ptr, cert.tbs.len, floor->parts[i].digest);
	floor->parts[i].sig = OPENSSL_memdup(cert.signature.ptr, cert.signature.len);
	floor->parts[i].sig_len = cert.signature.len;
	return floor->parts[i].sig != NULL;
}

static bool set_document(struct floor *floor, size_t i, const trb_attestation *a)
{
	const struct trb_cose_sign1 *sign1 = trb_attestation_sign1(a);
	ECDSA_SIG *sig = ECDSA_SIG_new();
	int len;

	if (sig == NULL || !set_key(floor, i, trb_attestation_get_certificate(a)) ||
	    trb_cose_sign1_digest(sign1->protected_header, sign1->payload, floor->parts[i].digest,
				  NULL) < 0)
		return false;
	ECDSA_SIG_set0(sig, BN_bin2bn(sign1->signature.ptr, 48, NULL),
		       BN_bin2bn(sign1->signature.ptr + 48, 48, NULL));
	len = i2d_ECDSA_SIG(sig, &floor->parts[i].sig);
	ECDSA_SIG_free(sig);
	floor->parts[i].sig_len = (size_t)len;
	return len > 0;
}

struct floor *floor_new(trb_bytes document)
{
	struct floor *floor = calloc(1, sizeof(*floor));
	trb_attestation *a = NULL;
	bool ok = floor != NULL && trb_attestation_parse(document, &a, NULL) == TRB_OK &&
		  trb_attestation_count_cabundle(a) == FLOOR_SIGNATURES - 1;

	for (size_t i = 0; ok && i + 1 < FLOOR_SIGNATURES; i++)
		ok = set_cert(floor, i, trb_attestation_get_cabundle(a, i),
			      i + 2 < FLOOR_SIGNATURES ? trb_attestation_get_cabundle(a, i + 1)
						       : trb_attestation_get_certificate(a));
	ok = ok && set_document(floor, FLOOR_SIGNATURES - 1, a);
	trb_attestation_unref(a);
	if (ok)
		return floor;
	floor_free(floor);
	return NULL;
}

void floor_free(struct floor *floor)
{
	for (size_t i = 0; floor != NULL && i < FLOOR_SIGNATURES; i++) {
		EC_KEY_free(floor->parts[i].key);
		EVP_PKEY_CTX_free(floor->parts[i].evp);
		OPENSSL_free(floor->parts[i].sig);
	}
	free(floor);
}

bool floor_run(const struct floor *floor)
{
	for (size_t i = 0; i < FLOOR_SIGNATURES; i++)
		if (ECDSA_verify(0, floor->parts[i].digest, 48, floor->parts[i].sig,
				 (int)floor->parts[i].sig_len, floor->parts[i].key) != 1)
			return false;
	return true;
}

bool floor_run_evp(const struct floor *floor)
{
	for (size_t i = 0; i < FLOOR_SIGNATURES; i++)
		if (EVP_PKEY_verify(floor->parts[i].evp, floor->parts[i].sig,
				    floor->parts[i].sig_len, floor->parts[i].digest, 48) != 1)
			return false;
	return true;
}
