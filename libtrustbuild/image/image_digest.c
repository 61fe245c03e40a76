/* SPDX-License-Identifier: Apache-2.0 */
/* What an image's part is made from, as one digest. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/evp.h>

#include "core/io.h"
#include "format/crypto.h"
#include "image/image.h"

#define CHUNK (256u << 10)

struct image_digest {
	EVP_MD_CTX *md;
};

int trb_image_digest_new(const char *domain, struct image_digest **ret, trb_error **err)
{
	TRB_CRYPTO_SCOPE;
	_cleanup_(trb_image_digest_freep) struct image_digest *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return trb_fail_nomem(err);
	d->md = EVP_MD_CTX_new();
	if (d->md == NULL || EVP_DigestInit_ex(d->md, EVP_sha256(), NULL) != 1)
		return trb_fail_nomem(err);
	*ret = d;
	d = NULL;
	return trb_image_digest_text(*ret, "domain", domain, err);
}

void trb_image_digest_free(struct image_digest *d)
{
	EVP_MD_CTX_free(d->md);
	free(d);
}

static int update(EVP_MD_CTX *md, const void *p, size_t n, trb_error **err)
{
	TRB_CRYPTO_SCOPE;
	return EVP_DigestUpdate(md, p, n) == 1 ? TRB_OK : trb_fail_nomem(err);
}

/* Name and length before each value keep the fields apart. */
static int head(struct image_digest *d, const char *name, uint64_t len, trb_error **err)
{
	char text[128];
	int n = snprintf(text, sizeof(text), "%s %llu\n", name, (unsigned long long)len);

	return update(d->md, text, (size_t)n, err);
}

int trb_image_digest_text(struct image_digest *d, const char *name, const char *text,
			  trb_error **err)
{
	size_t len = text != NULL ? strlen(text) : 0;
	int r = head(d, name, len, err);

	return r < 0 ? r : update(d->md, text != NULL ? text : "", len, err);
}

static int update_from(EVP_MD_CTX *md, int fd, uint64_t left, trb_error **err)
{
	_cleanup_free_ uint8_t *chunk = malloc(CHUNK);

	if (chunk == NULL)
		return trb_fail_nomem(err);
	while (left > 0) {
		size_t n = left < CHUNK ? (size_t)left : CHUNK;
		int r = trb_read_full(fd, chunk, n, err);

		if (r == TRB_OK)
			r = update(md, chunk, n, err);
		if (r < 0)
			return r;
		left -= n;
	}
	return TRB_OK;
}

static int open_regular(const char *path, int *ret_fd, uint64_t *ret_size, trb_error **err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return trb_fail_errno(err, errno, "open '%s'", path);
	if (!S_ISREG(st.st_mode))
		return trb_fail(err, TRB_E_INVAL, "'%s' is not a regular file", path);
	*ret_size = (uint64_t)st.st_size;
	*ret_fd = steal_fd(&fd);
	return TRB_OK;
}

int trb_image_digest_file(struct image_digest *d, const char *name, const char *path,
			  trb_error **err)
{
	_cleanup_close_ int fd = -1;
	uint64_t size;
	int r = open_regular(path, &fd, &size, err);

	if (r == TRB_OK)
		r = head(d, name, size, err);
	return r < 0 ? r : update_from(d->md, fd, size, err);
}

int trb_image_digest_hex(struct image_digest *d, char ret_hex[SHA256_HEX], trb_error **err)
{
	TRB_CRYPTO_SCOPE;
	uint8_t bytes[SHA256_SIZE];

	if (EVP_DigestFinal_ex(d->md, bytes, NULL) != 1)
		return trb_fail_nomem(err);
	trb_hex_encode(TRB_BYTES(bytes, sizeof(bytes)), ret_hex);
	return TRB_OK;
}

int trb_image_file_hex(const char *path, char ret_hex[SHA256_HEX], trb_error **err)
{
	TRB_CRYPTO_SCOPE;
	struct image_digest d = { EVP_MD_CTX_new() };
	_cleanup_close_ int fd = -1;
	uint64_t size = 0;
	int r = open_regular(path, &fd, &size, err);

	if (r == TRB_OK && (d.md == NULL || EVP_DigestInit_ex(d.md, EVP_sha256(), NULL) != 1))
		r = trb_fail_nomem(err);
	if (r == TRB_OK)
		r = update_from(d.md, fd, size, err);
	if (r == TRB_OK)
		r = trb_image_digest_hex(&d, ret_hex, err);
	EVP_MD_CTX_free(d.md);
	return r;
}
