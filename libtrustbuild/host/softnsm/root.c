/* SPDX-License-Identifier: Apache-2.0 */
/* The development root: made once, kept in the state directory. */
#include "host/softnsm/chain.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <time.h>

#include <openssl/pem.h>

#include "core/io.h"
#include "format/crypto.h"
#include "format/pem.h"
#include "host/softnsm/cert.h"

#define ROOT_FILE_MAX 16384
#define SECRET_NAME   "root-key.pem" /* key and certificate: one file, so that they never part */
#define PUBLIC_NAME   "root.pem"
#define ROOT_SECONDS  (30LL * 365 * 86400)

void trb_softnsm_root_clear(struct trb_softnsm_root *root)
{
	EVP_PKEY_free(root->key);
	X509_free(root->cert);
	trb_blob_unref(root->der);
	*root = (struct trb_softnsm_root){ 0 };
}

int trb_softnsm_root_make(struct trb_softnsm_root *ret, trb_error **err)
{
	TRB_CRYPTO_SCOPE;
	struct trb_softnsm_root root = { 0 };
	int64_t now = (int64_t)time(NULL);
	struct trb_cert_form form = {
		.subject = { .common = "SIMULATED aws.nitro-enclaves" },
		.not_before = now - 3600,
		.not_after = now + ROOT_SECONDS,
		.constraints = "critical,CA:TRUE",
		.usage = "critical,digitalSignature,keyCertSign,cRLSign",
		.subject_id = true,
	};
	int r;

	root.key = EVP_EC_gen("P-384");
	if (root.key == NULL)
		return trb_cert_fail(err, "make the development root's key");
	r = trb_cert_make(&form, root.key, NULL, root.key, &root.cert, err);
	if (r == TRB_OK)
		r = trb_cert_der(root.cert, &root.der, err);
	if (r < 0) {
		trb_softnsm_root_clear(&root);
		return r;
	}
	*ret = root;
	return TRB_OK;
}

/* PEM of the certificate, and of the key before it where there is one. */
static int to_pem(EVP_PKEY *key, X509 *cert, trb_blob **ret, trb_error **err)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	long len;
	int r;

	if (bio == NULL ||
	    (key != NULL && !PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL)) ||
	    !PEM_write_bio_X509(bio, cert)) {
		BIO_free(bio);
		return trb_cert_fail(err, "encode the development root");
	}
	len = BIO_get_mem_data(bio, &text);
	r = trb_blob_new(TRB_BYTES(text, len), ret, err);
	OPENSSL_cleanse(text, (size_t)len);
	BIO_free(bio);
	return r;
}

static int from_pem(trb_bytes pem, struct trb_softnsm_root *ret, trb_error **err)
{
	struct trb_softnsm_root root = { 0 };
	int r = trb_pem_read_key(pem, &root.key);

	if (r == TRB_OK)
		r = trb_pem_read_cert(pem, &root.cert);
	if (r == TRB_OK)
		r = trb_pem_check_pair(root.cert, root.key);
	if (r == TRB_E_NOMEM)
		trb_fail_nomem(err);
	else if (r < 0)
		r = trb_fail(err, r,
			     "the development root is damaged: remove the directory 'softnsm' in "
			     "the state directory, and pin the new root in the policies");
	if (r == TRB_OK)
		r = trb_cert_der(root.cert, &root.der, err);
	if (r < 0) {
		trb_softnsm_root_clear(&root);
		return r;
	}
	*ret = root;
	return TRB_OK;
}

static int write_root(int dirfd, const struct trb_softnsm_root *root, trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *secret = NULL;
	_cleanup_(trb_blob_unrefp) trb_blob *public = NULL;
	int r = to_pem(root->key, root->cert, &secret, err);

	if (r == TRB_OK)
		r = to_pem(NULL, root->cert, &public, err);
	if (r == TRB_OK)
		r = trb_write_file(dirfd, PUBLIC_NAME, trb_blob_bytes(public), 0644, err);
	if (r == TRB_OK)
		r = trb_write_file(dirfd, SECRET_NAME, trb_blob_bytes(secret), 0600, err);
	if (secret != NULL)
		OPENSSL_cleanse((void *)trb_blob_bytes(secret).ptr, trb_blob_bytes(secret).len);
	return r;
}

static int load_or_make(int dirfd, struct trb_softnsm_root *ret, trb_error **err)
{
	struct trb_softnsm_root root = { 0 };
	_cleanup_(trb_blob_unrefp) trb_blob *pem = NULL;
	int r;

	if (faccessat(dirfd, SECRET_NAME, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
		r = trb_read_secret(dirfd, SECRET_NAME, ROOT_FILE_MAX, &pem, err);
		if (r < 0)
			return r;
		r = from_pem(trb_blob_bytes(pem), ret, err);
		OPENSSL_cleanse((void *)trb_blob_bytes(pem).ptr, trb_blob_bytes(pem).len);
		return r;
	}
	if (errno != ENOENT)
		return trb_fail_errno(err, errno, "look for '%s'", SECRET_NAME);
	r = trb_softnsm_root_make(&root, err);
	if (r < 0)
		return r;
	r = write_root(dirfd, &root, err);
	if (r < 0) {
		trb_softnsm_root_clear(&root);
		return r;
	}
	*ret = root;
	return TRB_OK;
}

int trb_softnsm_root_load(const char *state_dir, struct trb_softnsm_root *ret, trb_error **err)
{
	TRB_CRYPTO_SCOPE;
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int dir = -1;
	int r;

	if (asprintf(&path, "%s/softnsm", state_dir) < 0)
		return trb_fail_nomem(err);
	r = trb_open_own_dir(path, &dir, err);
	if (r < 0)
		return r;
	/* Held until dir is closed: two first uses at once must not make two roots. */
	while (flock(dir, LOCK_EX) < 0)
		if (errno != EINTR)
			return trb_fail_errno(err, errno, "lock '%s'", path);
	r = load_or_make(dir, ret, err);
	return r < 0 ? trb_wrap(err, r, "development root in '%s'", path) : TRB_OK;
}
