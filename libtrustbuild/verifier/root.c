/* SPDX-License-Identifier: Apache-2.0 */
/* A root's certificate as people have it in a file. */
#include <openssl/err.h>
#include <openssl/pem.h>

#include "core/cleanup.h"
#include "core/error.h"
#include "format/crypto.h"
#include "format/der.h"
#include "format/x509.h"
#include "verifier/nitro.h"

#define ROOT_BYTES_MAX 4096

static const char begin_line[] = "-----BEGIN ";

static bool has_another(trb_bytes pem, const char *begin)
{
	const char *rest = begin + strlen(begin_line), *end = (const char *)pem.ptr + pem.len;

	return memmem(rest, (size_t)(end - rest), begin_line, strlen(begin_line)) != NULL;
}

/* PEM's own complaints, as opposed to OpenSSL's troubles. */
static bool is_pem_fault(unsigned long error)
{
	return ERR_GET_LIB(error) == ERR_LIB_PEM &&
	       ERR_GET_REASON(error) >= PEM_R_BAD_BASE64_DECODE &&
	       ERR_GET_REASON(error) <= PEM_R_EXPECTING_RSA_KEY_BLOB;
}

/* The one certificate of a PEM text, as DER; TRB_E_FORMAT where it is none. */
static int decode_pem(trb_bytes pem, trb_blob **ret_der, trb_error **err)
{
	BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
	char *name = NULL, *header = NULL;
	unsigned char *der = NULL;
	const char *begin;
	unsigned long error;
	long len = 0;
	int r, read;

	if (bio == NULL)
		return trb_fail_nomem(err);
	begin = memmem(pem.ptr, pem.len, begin_line, strlen(begin_line));
	trb_crypto_begin();
	read = PEM_read_bio(bio, &name, &header, &der, &len);
	error = trb_crypto_end();
	if (read != 1 && !is_pem_fault(error))
		r = trb_fail_nomem(err);
	else if (read != 1 || strcmp(name, PEM_STRING_X509) != 0)
		r = trb_fail(err, TRB_E_FORMAT, "the root is no certificate in PEM or DER");
	else if (begin == NULL || has_another(pem, begin))
		r = trb_fail(err, TRB_E_FORMAT,
			     "the root's file has more than one certificate: which one is meant?");
	else
		r = trb_blob_new(TRB_BYTES(der, len), ret_der, err);
	OPENSSL_free(name);
	OPENSSL_free(header);
	OPENSSL_free(der);
	BIO_free(bio);
	return r;
}

/* A SEQUENCE with a length of more than one byte, which begins no text. */
static bool looks_like_der(trb_bytes in)
{
	return in.len > 1 && in.ptr[0] == TRB_DER_SEQUENCE && in.ptr[1] >= 0x80;
}

int trb_nitro_root_read(trb_bytes certificate, struct trb_nitro_root *ret, trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *der = NULL;
	struct trb_nitro_root root = { 0 };
	struct trb_cert cert;
	const char *fault;
	int r;

	if (certificate.len > ROOT_BYTES_MAX)
		return trb_fail(err, TRB_E_LIMIT, "a root has at most %d bytes", ROOT_BYTES_MAX);
	if (certificate.len == 0)
		return trb_fail(err, TRB_E_FORMAT, "the root is no certificate: it is empty");
	r = looks_like_der(certificate) ? trb_blob_new(certificate, &der, err)
					: decode_pem(certificate, &der, err);
	if (r < 0)
		return r;
	fault = trb_cert_parse(trb_blob_bytes(der), &cert);
	if (fault != NULL)
		return trb_fail(err, TRB_E_FORMAT, "the root certificate: %s", fault);
	if (trb_nitro_is_aws_root(trb_blob_bytes(der)))
		root.name = TRB_NITRO_ROOT_AWS;
	else
		r = trb_sha256(trb_blob_bytes(der), root.sha256, err);
	if (r == TRB_OK)
		*ret = root;
	return r;
}
