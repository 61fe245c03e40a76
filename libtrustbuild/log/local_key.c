/* SPDX-License-Identifier: Apache-2.0 */
/* A local log's key: made, read, held against the public one. */
#include <fcntl.h>
#include <openssl/pem.h>
#include <stdio.h>

#include "core/io.h"
#include "format/crypto.h"
#include "format/dsse.h"
#include "format/facts.h"
#include "format/pem.h"
#include "log/local.h"

#define KEY_FILE_MAX 4096u

int trb_local_read_key(const struct trb_local *log, EVP_PKEY **ret, trb_error **err)
{
	TRB_CRYPTO_SCOPE;
	_cleanup_(trb_blob_unrefp) trb_blob *pem = NULL;
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = NULL;
	int r = trb_read_secret(AT_FDCWD, log->key_path, KEY_FILE_MAX, &pem, err);

	if (r < 0)
		return trb_wrap(err, r, "the private key of the log '%s'", log->dir);
	r = trb_pem_read_key(trb_blob_bytes(pem), &key);
	OPENSSL_cleanse((void *)trb_blob_bytes(pem).ptr, trb_blob_bytes(pem).len);
	if (r == TRB_E_NOMEM)
		return trb_fail_nomem(err);
	if (r < 0 || EVP_PKEY_get_base_id(key) != EVP_PKEY_ED25519)
		return trb_fail(err, TRB_E_FORMAT, "'%s' is not an Ed25519 key in PEM",
				log->key_path);
	*ret = steal_ptr(&key);
	return TRB_OK;
}

int trb_local_make_key(const struct trb_local *log, EVP_PKEY **ret, trb_error **err)
{
	TRB_CRYPTO_SCOPE;
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	BIO *bio = BIO_new(BIO_s_secmem());
	char *pem = NULL;
	long n;
	int r;

	if (key == NULL || bio == NULL ||
	    PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1) {
		BIO_free(bio);
		return trb_fail(err, TRB_E_NOMEM, "libcrypto cannot make a key");
	}
	n = BIO_get_mem_data(bio, &pem);
	r = trb_write_file(AT_FDCWD, log->key_path, TRB_BYTES(pem, n), 0600, err);
	BIO_free(bio);
	if (r == TRB_OK)
		*ret = steal_ptr(&key);
	return r;
}

int trb_local_public_key(EVP_PKEY *key, const char *origin, struct trb_vkey *ret, trb_error **err)
{
	TRB_CRYPTO_SCOPE;
	uint8_t public[32], hash[32];
	char name[40], hex[17];
	size_t n = sizeof(public);
	int r;

	if (EVP_PKEY_get_raw_public_key(key, public, &n) != 1)
		return trb_fail(err, TRB_E_NOMEM, "libcrypto cannot read a key");
	if (origin == NULL) {
		r = trb_sha256(TRB_BYTES(public, n), hash, err);
		if (r < 0)
			return r;
		trb_hex_encode(TRB_BYTES(hash, 8), hex);
		snprintf(name, sizeof(name), "trustbuild.local/%s", hex);
		origin = name;
	}
	r = trb_vkey_make(origin, TRB_KEY_ED25519, TRB_BYTES(public, n), ret, err);
	return r == TRB_E_FORMAT ? trb_wrap(err, TRB_E_INVAL, "'%s' cannot name a log", origin) : r;
}

/* The private key that belongs to the log's public one. */
int trb_local_own_key(const struct trb_local *log, EVP_PKEY **ret, trb_error **err)
{
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = NULL;
	struct trb_vkey mine;
	int r = trb_local_read_key(log, &key, err);

	if (r == TRB_OK)
		r = trb_local_public_key(key, log->key.name, &mine, err);
	if (r < 0)
		return r;
	if (!trb_vkey_eq(&mine, &log->key))
		return trb_fail(err, TRB_E_LOG, "'%s' is not the key that '%s.vkey' names",
				log->key_path, log->dir);
	*ret = steal_ptr(&key);
	return TRB_OK;
}
