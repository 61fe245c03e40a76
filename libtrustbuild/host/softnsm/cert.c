/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates of the simulated NSM. */
#include "host/softnsm/cert.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "core/cleanup.h"

#define SERIAL_LEN 16

int trb_cert_fail(trb_error **err, const char *what)
{
	unsigned long error = ERR_peek_last_error();
	char reason[256];

	ERR_error_string_n(error, reason, sizeof(reason));
	return trb_fail(err, ERR_GET_LIB(error) == ERR_LIB_RAND ? TRB_E_IO : TRB_E_NOMEM,
			"cannot %s: %s", what, reason);
}

static bool name_add(X509_NAME *name, const char *field, const char *value)
{
	return X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, (const uint8_t *)value, -1,
					  -1, 0) == 1;
}

/* The order of AWS's names.  ZZ is nobody's country code. */
static bool set_subject(X509 *cert, const struct trb_cert_name *subject)
{
	X509_NAME *name = X509_get_subject_name(cert);

	return name_add(name, "C", "ZZ") &&
	       (!subject->place ||
		(name_add(name, "ST", "SIMULATED") && name_add(name, "L", "SIMULATED"))) &&
	       name_add(name, "O", "libtrustbuild") && name_add(name, "OU", "SIMULATED") &&
	       name_add(name, "CN", subject->common);
}

static bool set_serial(X509 *cert, trb_bytes serial)
{
	uint8_t random[SERIAL_LEN];
	BIGNUM *number;
	bool good;

	if (serial.len == 0) {
		if (RAND_bytes(random, sizeof(random)) != 1)
			return false;
		random[0] = (uint8_t)((random[0] & 0x7f) | 0x40); /* positive, full length */
		serial = TRB_BYTES(random, sizeof(random));
	}
	number = BN_bin2bn(serial.ptr, (int)serial.len, NULL);
	good = number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) != NULL;
	BN_free(number);
	return good;
}

static bool add_extension(X509 *cert, X509V3_CTX *ctx, int nid, const char *value)
{
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, ctx, nid, value);
	bool good = ext != NULL && X509_add_ext(cert, ext, -1) == 1;

	X509_EXTENSION_free(ext);
	return good;
}

static bool set_extensions(X509 *cert, X509 *issuer, const struct trb_cert_form *form)
{
	X509V3_CTX ctx;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	return add_extension(cert, &ctx, NID_basic_constraints, form->constraints) &&
	       (!form->subject_id ||
		add_extension(cert, &ctx, NID_subject_key_identifier, "hash")) &&
	       (!form->authority_id ||
		add_extension(cert, &ctx, NID_authority_key_identifier, "keyid:always")) &&
	       add_extension(cert, &ctx, NID_key_usage, form->usage);
}

static bool fill(X509 *cert, const struct trb_cert_form *form, EVP_PKEY *key, X509 *issuer)
{
	return X509_set_version(cert, X509_VERSION_3) == 1 && set_serial(cert, form->serial) &&
	       set_subject(cert, &form->subject) &&
	       X509_set_issuer_name(cert, X509_get_subject_name(issuer)) == 1 &&
	       ASN1_TIME_set(X509_getm_notBefore(cert), (time_t)form->not_before) != NULL &&
	       ASN1_TIME_set(X509_getm_notAfter(cert), (time_t)form->not_after) != NULL &&
	       X509_set_pubkey(cert, key) == 1;
}

int trb_cert_make(const struct trb_cert_form *form, EVP_PKEY *key, X509 *issuer,
		  EVP_PKEY *issuer_key, X509 **ret, trb_error **err)
{
	X509 *cert = X509_new();

	if (cert == NULL)
		return trb_fail_nomem(err);
	if (issuer == NULL)
		issuer = cert;
	if (!fill(cert, form, key, issuer) || !set_extensions(cert, issuer, form) ||
	    X509_sign(cert, issuer_key, EVP_sha384()) <= 0) {
		X509_free(cert);
		return trb_cert_fail(err, "make a certificate of the simulated NSM");
	}
	*ret = cert;
	return TRB_OK;
}

int trb_cert_der(X509 *cert, trb_blob **ret, trb_error **err)
{
	uint8_t *der = NULL;
	int len = i2d_X509(cert, &der), r;

	if (len < 0)
		return trb_cert_fail(err, "encode a certificate");
	r = trb_blob_new(TRB_BYTES(der, len), ret, err);
	OPENSSL_free(der);
	return r;
}
