/* SPDX-License-Identifier: Apache-2.0 */
/* What OpenSSL says of a certificate, beside what the library says. */
#include "agree.h"

#include <stdlib.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "core/cleanup.h"

/* DER of one of OpenSSL's structures equals ours; takes der. */
static bool der_eq(trb_bytes ours, unsigned char *der, int len)
{
	bool same = len >= 0 && trb_bytes_eq(ours, TRB_BYTES(der, len));

	OPENSSL_free(der);
	return same;
}

static bool name_eq(trb_bytes ours, const X509_NAME *theirs)
{
	unsigned char *der = NULL;
	int len = i2d_X509_NAME((X509_NAME *)theirs, &der);

	return der_eq(ours, der, len);
}

static bool time_eq(uint64_t ours, const ASN1_TIME *theirs)
{
	struct tm tm;

	return ASN1_TIME_to_tm(theirs, &tm) == 1 && timegm(&tm) == (time_t)ours;
}

static bool common_name_eq(trb_bytes ours, X509_NAME *name)
{
	int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
	const ASN1_STRING *value;

	if (at < 0 || X509_NAME_get_index_by_NID(name, NID_commonName, at) >= 0)
		return false;
	value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
	return trb_bytes_eq(ours,
			    TRB_BYTES(ASN1_STRING_get0_data(value), ASN1_STRING_length(value)));
}

static bool octets_eq(trb_bytes ours, const ASN1_OCTET_STRING *theirs)
{
	if (theirs == NULL)
		return ours.ptr == NULL;
	return ours.ptr != NULL && trb_bytes_eq(ours, TRB_BYTES(ASN1_STRING_get0_data(theirs),
								ASN1_STRING_length(theirs)));
}

static const char *compare_signature(const struct trb_cert *ours, X509 *theirs)
{
	const ASN1_BIT_STRING *signature;
	const X509_ALGOR *algorithm;
	unsigned char *tbs = NULL;
	int len = i2d_re_X509_tbs(theirs, &tbs);

	if (!der_eq(ours->tbs, tbs, len))
		return "the signed part";
	X509_get0_signature(&signature, &algorithm, theirs);
	if (OBJ_obj2nid(algorithm->algorithm) != NID_ecdsa_with_SHA384)
		return "the algorithm";
	if (!octets_eq(ours->signature, signature))
		return "the signature";
	return NULL;
}

/* OpenSSL also reads extensions that do not concern us, and minds their form. */
static bool has_other_extensions(const X509 *theirs)
{
	for (int i = 0; i < X509_get_ext_count(theirs); i++)
		switch (OBJ_obj2nid(X509_EXTENSION_get_object(X509_get_ext(theirs, i)))) {
		case NID_basic_constraints:
		case NID_key_usage:
		case NID_subject_key_identifier:
		case NID_authority_key_identifier:
			continue;
		default:
			return true;
		}
	return false;
}

static const char *compare_constraints(const struct trb_cert *ours, X509 *theirs)
{
	uint32_t flags = X509_get_extension_flags(theirs);
	int at = X509_get_ext_by_NID(theirs, NID_basic_constraints, -1);
	bool critical = at >= 0 && X509_EXTENSION_get_critical(X509_get_ext(theirs, at)) == 1;

	if ((flags & EXFLAG_INVALID) != 0)
		return "OpenSSL takes it for invalid";
	if ((flags & EXFLAG_CRITICAL) != 0)
		return "a critical extension";
	if (ours->has_basic_constraints != ((flags & EXFLAG_BCONS) != 0) ||
	    ours->basic_constraints_critical != critical ||
	    ours->is_ca != ((flags & EXFLAG_CA) != 0))
		return "basicConstraints";
	if (X509_get_pathlen(theirs) != (ours->has_path_length ? (long)ours->path_length : -1))
		return "the path length";
	if (ours->has_key_usage != ((flags & EXFLAG_KUSAGE) != 0))
		return "keyUsage";
	return NULL;
}

static const char *compare_key_usage(const struct trb_cert *ours, X509 *theirs)
{
	uint32_t usage = X509_get_key_usage(theirs);

	if (!ours->has_key_usage)
		return NULL;
	if (((ours->key_usage & TRB_KEY_USAGE_DIGITAL_SIGNATURE) != 0) !=
	    ((usage & KU_DIGITAL_SIGNATURE) != 0))
		return "digitalSignature";
	if (((ours->key_usage & TRB_KEY_USAGE_CERT_SIGN) != 0) != ((usage & KU_KEY_CERT_SIGN) != 0))
		return "keyCertSign";
	return NULL;
}

static const char *compare_names(const struct trb_cert *ours, X509 *theirs)
{
	if (!name_eq(ours->issuer, X509_get_issuer_name(theirs)))
		return "the issuer";
	if (!name_eq(ours->subject, X509_get_subject_name(theirs)))
		return "the subject";
	if (!common_name_eq(ours->common_name, X509_get_subject_name(theirs)))
		return "the common name";
	if (!time_eq(ours->not_before, X509_get0_notBefore(theirs)) ||
	    !time_eq(ours->not_after, X509_get0_notAfter(theirs)))
		return "the validity";
	if (!octets_eq(ours->key_id, X509_get0_subject_key_id(theirs)) ||
	    !octets_eq(ours->authority_id, X509_get0_authority_key_id(theirs)))
		return "a key id";
	if (!octets_eq(ours->point, X509_get0_pubkey_bitstr(theirs)))
		return "the public key";
	return NULL;
}

const char *x509_compare(const struct trb_cert *ours, X509 *theirs)
{
	const char *difference;

	if (X509_get_version(theirs) != 2)
		return "the version";
	/* then OpenSSL answers nothing about the other extensions either */
	if ((X509_get_extension_flags(theirs) & EXFLAG_INVALID) != 0 &&
	    has_other_extensions(theirs))
		return compare_signature(ours, theirs);
	if ((difference = compare_signature(ours, theirs)) != NULL ||
	    (difference = compare_constraints(ours, theirs)) != NULL ||
	    (difference = compare_key_usage(ours, theirs)) != NULL ||
	    (difference = compare_names(ours, theirs)) != NULL)
		return difference;
	return NULL;
}

const char *x509_disagreement(trb_bytes der, const char **ret_fault)
{
	const unsigned char *p = der.ptr;
	struct trb_cert ours;
	const char *difference;
	trb_bytes point;
	X509 *theirs;

	*ret_fault = trb_cert_parse(der, &ours);
	if (*ret_fault != NULL)
		return NULL;
	theirs = d2i_X509(NULL, &p, (long)der.len);
	if (theirs == NULL)
		return "OpenSSL does not read it";
	difference = p == der.ptr + der.len ? x509_compare(&ours, theirs) : "its length";
	if (trb_cert_find_point(der, &point) != NULL || !trb_bytes_eq(point, ours.point))
		difference = "the point alone";
	X509_free(theirs);
	return difference;
}
