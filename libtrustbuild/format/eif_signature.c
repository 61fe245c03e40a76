/* SPDX-License-Identifier: Apache-2.0 */
/* The signature section: CBOR [{"signing_certificate": PEM, "signature": COSE_Sign1}], both as
 * arrays of integers; the signed payload is {"register_index": 0, "register_value": PCR0}. */
#include <string.h>

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "format/cbor.h"
#include "format/cose.h"
#include "format/crypto.h"
#include "format/ec.h"
#include "format/eif.h"
#include "format/eif_cose.h"
#include "format/pem.h"

#define CHECK_ID "eif.signature"
#define MAX_PEM  (24u << 10)
#define MAX_COSE 2048u

#define refuse(err, ...) trb_fail_check(err, TRB_E_EVIDENCE, CHECK_ID, __VA_ARGS__)

static const struct cose_alg algs[] = {
	{ -7, "prime256v1", "SHA256", 32, { 0xa1, 0x01, 0x26 }, 3 },
	{ -35, "secp384r1", "SHA384", 48, { 0xa1, 0x01, 0x38, 0x22 }, 4 },
	{ -36, "secp521r1", "SHA512", 66, { 0xa1, 0x01, 0x38, 0x23 }, 4 },
};

const struct cose_alg *trb_cose_alg_of_key(EVP_PKEY *key)
{
	char group[32] = "";

	/* a name that cannot be had the first time may be for want of memory */
	if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC ||
	    (EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) != 1 &&
	     EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) != 1))
		return NULL;
	for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++)
		if (strcmp(group, algs[i].group) == 0)
			return &algs[i];
	return NULL;
}

int trb_eif_signed_payload(const uint8_t pcr0[SHA384_SIZE], trb_blob **ret, trb_error **err)
{
	_cleanup_buf_ struct trb_buf b;

	trb_buf_init(&b, 512);
	trb_cbor_put_map(&b, 2);
	trb_cbor_put_str(&b, "register_index");
	trb_cbor_put_uint(&b, 0);
	trb_cbor_put_str(&b, "register_value");
	trb_cbor_put_array(&b, SHA384_SIZE);
	for (size_t i = 0; i < SHA384_SIZE; i++)
		trb_cbor_put_uint(&b, pcr0[i]);
	return trb_buf_to_blob(&b, "signed payload", ret, err);
}

/* An array of integers 0..255, as serde writes Vec<u8>. */
static int byte_array(const cbor_item_t *item, size_t max, const char *what, trb_blob **ret,
		      trb_error **err)
{
	_cleanup_buf_ struct trb_buf b;
	cbor_item_t **items;
	size_t n;
	int r = trb_cbor_array(item, 1, max, what, &items, &n, err);

	trb_buf_init(&b, max);
	for (size_t i = 0; r == TRB_OK && i < n; i++) {
		uint64_t value;

		r = trb_cbor_uint(items[i], 255, what, &value, err);
		if (r == TRB_OK)
			trb_buf_add_byte(&b, (uint8_t)value);
	}
	return r < 0 ? r : trb_buf_to_blob(&b, what, ret, err);
}

/* The value of a text key in a map of exactly two entries. */
static int field(const cbor_item_t *map, const char *key, cbor_item_t **ret, trb_error **err)
{
	if (!cbor_isa_map(map) || cbor_map_size(map) != 2)
		return trb_fail(err, TRB_E_FORMAT, "signature section: not a map of two entries");
	for (size_t i = 0; i < 2; i++) {
		struct cbor_pair *pair = &cbor_map_handle(map)[i];
		trb_bytes name;

		if (trb_cbor_tstr(pair->key, 1, 64, "signature section: key", &name, NULL) ==
			    TRB_OK &&
		    trb_bytes_eq_str(name, key)) {
			*ret = pair->value;
			return TRB_OK;
		}
	}
	return trb_fail(err, TRB_E_FORMAT, "signature section: no '%s'", key);
}

static int parse_section(trb_bytes section, trb_blob **ret_pem, trb_blob **ret_cose,
			 trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *pem = NULL;
	_cleanup_cbor_ cbor_item_t *root = NULL;
	cbor_item_t **entries, *value;
	size_t n;
	int r = trb_cbor_load(section, TRB_CBOR_NSM, "signature section", &root, err);

	if (r == TRB_OK)
		r = trb_cbor_array(root, 1, 1, "signature section", &entries, &n, err);
	if (r == TRB_OK)
		r = field(entries[0], "signing_certificate", &value, err);
	if (r == TRB_OK)
		r = byte_array(value, MAX_PEM, "signing_certificate", &pem, err);
	if (r == TRB_OK)
		r = field(entries[0], "signature", &value, err);
	if (r == TRB_OK)
		r = byte_array(value, MAX_COSE, "signature", ret_cose, err);
	if (r == TRB_OK)
		*ret_pem = steal_ptr(&pem);
	return r;
}

/* The first certificate counts; text before it and others after it do not. */
int trb_eif_certificate(trb_bytes pem, X509 **ret_cert, uint8_t ret_pcr8[SHA384_SIZE],
			trb_error **err)
{
	TRB_CRYPTO_SCOPE;
	uint8_t digest[SHA384_SIZE];
	X509 *cert;
	int r = trb_pem_read_cert(pem, &cert);

	if (r == TRB_E_NOMEM)
		return trb_fail_nomem(err);
	if (r < 0)
		return trb_fail(err, r, "no PEM certificate where the signer's should be");
	if (X509_digest(cert, EVP_sha384(), digest, NULL) != 1)
		r = trb_fail_nomem(err);
	else
		r = trb_eif_extend(digest, ret_pcr8, err);
	if (r < 0) {
		X509_free(cert);
		return r;
	}
	*ret_cert = cert;
	return TRB_OK;
}

static int verify_raw(EVP_PKEY *pkey, const struct cose_alg *alg, trb_bytes message, trb_bytes sig,
		      trb_error **err)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	struct trb_ec_key *key = NULL;
	int r;

	if (EVP_Q_digest(NULL, alg->digest, NULL, message.ptr, message.len, digest, NULL) != 1)
		return trb_fail_nomem(err);
	r = trb_ec_key_of(pkey, &key);
	if (r == TRB_OK)
		r = trb_ec_verify_raw(key, digest, sig);
	trb_ec_key_free(key);
	if (r == TRB_E_EVIDENCE)
		return refuse(err, "the image's signature does not verify with its certificate");
	if (r == TRB_E_FORMAT)
		return refuse(err, "the signer's certificate has no usable key");
	return r == TRB_OK ? TRB_OK : trb_fail_nomem(err);
}

struct cose_parts {
	trb_bytes protected, payload, sig;
};

/* Views into root. */
static int split_cose(const cbor_item_t *root, size_t sig_len, struct cose_parts *ret,
		      trb_error **err)
{
	cbor_item_t **parts;
	size_t n;
	int r = trb_cbor_array(root, 4, 4, "COSE signature", &parts, &n, err);

	if (r == TRB_OK)
		r = trb_cbor_bstr(parts[0], 1, 16, "COSE protected header", &ret->protected, err);
	if (r == TRB_OK && (!cbor_isa_map(parts[1]) || cbor_map_size(parts[1]) != 0))
		r = trb_fail(err, TRB_E_FORMAT, "COSE unprotected header is not an empty map");
	if (r == TRB_OK)
		r = trb_cbor_bstr(parts[2], 1, 512, "COSE payload", &ret->payload, err);
	if (r == TRB_OK)
		r = trb_cbor_bstr(parts[3], sig_len, sig_len, "COSE signature bytes", &ret->sig,
				  err);
	return r;
}

static int check_payload(trb_bytes payload, const uint8_t pcr0[SHA384_SIZE], trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *want = NULL;
	int r = trb_eif_signed_payload(pcr0, &want, err);

	if (r == TRB_OK && !trb_bytes_eq(payload, trb_blob_bytes(want)))
		r = refuse(err, "the signature is over another PCR0 than this image's");
	return r;
}

static int check_cose(trb_bytes cose, EVP_PKEY *key, const uint8_t pcr0[SHA384_SIZE],
		      trb_error **err)
{
	const struct cose_alg *alg = trb_cose_alg_of_key(key);
	_cleanup_(trb_blob_unrefp) trb_blob *message = NULL;
	_cleanup_cbor_ cbor_item_t *root = NULL;
	struct cose_parts parts;
	int r;

	if (alg == NULL)
		return refuse(err, "the signer's key is not on P-256, P-384 or P-521");
	r = trb_cbor_load(cose, TRB_CBOR_NSM, "COSE signature", &root, err);
	if (r == TRB_OK)
		r = split_cose(root, 2 * alg->half, &parts, err);
	if (r < 0)
		return r;
	if (!trb_bytes_eq(parts.protected, TRB_BYTES(alg->protected, alg->protected_len)))
		return refuse(err, "the signature's algorithm is not its key's (COSE %d)", alg->id);
	r = check_payload(parts.payload, pcr0, err);
	if (r == TRB_OK)
		r = trb_cose_sig_structure(parts.protected, parts.payload, &message, err);
	return r < 0 ? r : verify_raw(key, alg, trb_blob_bytes(message), parts.sig, err);
}

static int subject_of(X509 *cert, char **ret_subject, trb_error **err)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL, *printed;
	long len;

	if (bio != NULL && X509_NAME_print_ex(bio, X509_get_subject_name(cert), 0,
					      XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0) {
		len = BIO_get_mem_data(bio, &printed); /* NULL where the name is empty */
		text = len > 0 && len < 4096 ? strndup(printed, (size_t)len) : strdup("");
	}
	BIO_free(bio);
	if (text == NULL)
		return trb_fail_nomem(err);
	*ret_subject = text;
	return TRB_OK;
}

int trb_eif_check_signature(trb_bytes section, const uint8_t pcr0[SHA384_SIZE],
			    uint8_t ret_pcr8[SHA384_SIZE], char **ret_subject, trb_error **err)
{
	TRB_CRYPTO_SCOPE;
	_cleanup_(trb_blob_unrefp) trb_blob *pem = NULL, *cose = NULL;
	uint8_t pcr8[SHA384_SIZE];
	X509 *cert = NULL;
	EVP_PKEY *key;
	int r = parse_section(section, &pem, &cose, err);

	if (r == TRB_OK)
		r = trb_eif_certificate(trb_blob_bytes(pem), &cert, pcr8, err);
	if (r < 0)
		return r;
	key = X509_get0_pubkey(cert);
	r = key != NULL ? check_cose(trb_blob_bytes(cose), key, pcr0, err)
			: refuse(err, "the signer's certificate has no usable key");
	if (r == TRB_OK)
		r = subject_of(cert, ret_subject, err);
	if (r == TRB_OK)
		memcpy(ret_pcr8, pcr8, SHA384_SIZE);
	X509_free(cert);
	return r;
}
