/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and certificates as PEM files. */
#include "format/pem.h"

#include <openssl/pem.h>

#include "core/error.h"
#include "format/crypto.h"

/* In place of libcrypto's prompt on the terminal. */
static int no_password(char *buf, int size, int writing, void *user)
{
	(void)buf, (void)size, (void)writing, (void)user;
	return -1;
}

static void *read_key(BIO *bio, bool last)
{
	(void)last;
	return PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
}

/* A certificate whose key cannot be read counts as unread the first time: its key is read with it,
 * and never again. */
static void *read_cert(BIO *bio, bool last)
{
	X509 *cert = PEM_read_bio_X509(bio, NULL, no_password, NULL);

	if (cert == NULL || last || X509_get0_pubkey(cert) != NULL)
		return cert;
	X509_free(cert);
	return NULL;
}

/* What OpenSSL cannot read for want of memory it may call malformed: it has to say so twice, and
 * has first to get memory again. */
static int read_twice(trb_bytes pem, void *(*read)(BIO *bio, bool last), void **ret)
{
	TRB_CRYPTO_SCOPE;

	if (pem.len > INT_MAX)
		return TRB_E_FORMAT;
	for (int i = 0; i < 2; i++) {
		BIO *bio = BIO_new_mem_buf(pem.len > 0 ? (const void *)pem.ptr : "", (int)pem.len);
		void *object;

		if (bio == NULL)
			return TRB_E_NOMEM;
		object = read(bio, i == 1);
		BIO_free(bio);
		if (object != NULL) {
			*ret = object;
			return TRB_OK;
		}
	}
	return TRB_E_FORMAT;
}

int trb_pem_read_key(trb_bytes pem, EVP_PKEY **ret)
{
	void *key;
	int r = read_twice(pem, read_key, &key);

	if (r == TRB_OK)
		*ret = key;
	return r;
}

int trb_pem_read_cert(trb_bytes pem, X509 **ret)
{
	void *cert;
	int r = read_twice(pem, read_cert, &cert);

	if (r == TRB_OK)
		*ret = cert;
	return r;
}

int trb_pem_check_pair(X509 *cert, EVP_PKEY *key)
{
	TRB_CRYPTO_SCOPE;

	for (int i = 0; i < 2; i++) {
		void *probe = OPENSSL_malloc(1);

		if (probe == NULL)
			return TRB_E_NOMEM;
		OPENSSL_free(probe);
		if (X509_check_private_key(cert, key) == 1)
			return TRB_OK;
	}
	return TRB_E_FORMAT;
}
