/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 5280 section 4.1, restricted to what the Nitro hierarchy writes. */
#include "format/x509.h"

#include "format/der.h"
#include "format/ec.h"

#define LIT(s) TRB_BYTES_LIT(s)

/* AlgorithmIdentifier contents of ecdsa-with-SHA384 (RFC 5758), and of an uncompressed P-384 key
 * (RFC 5480). */
#define ALG_ECDSA_SHA384 LIT("\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03")
#define ALG_P384         LIT("\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22")

#define OID_COMMON_NAME LIT("\x55\x04\x03")

#define VERSION_3      2
#define SERIAL_MAX     20
#define EXTENSIONS_MAX 16

enum extension_bit {
	EXT_BASIC_CONSTRAINTS = 1u << 0,
	EXT_KEY_USAGE = 1u << 1,
	EXT_SUBJECT_KEY_ID = 1u << 2,
	EXT_AUTHORITY_KEY_ID = 1u << 3,
	/* name, policy and usage constraints: they narrow what a certificate may do, which is not
	 * evaluated here */
	EXT_CONSTRAINT = 1u << 4,
};

static const char *parse_algorithm(trb_bytes *in)
{
	trb_bytes algorithm;

	if (!trb_der_take(in, TRB_DER_SEQUENCE, &algorithm))
		return "the signature algorithm is malformed";
	if (!trb_bytes_eq(algorithm, ALG_ECDSA_SHA384))
		return "the signature algorithm is not ecdsa-with-SHA384";
	return NULL;
}

static const char *parse_version_and_serial(trb_bytes *tbs)
{
	trb_bytes outer, number;
	uint64_t version;

	if (!trb_der_take(tbs, 0xa0, &outer) || !trb_der_only(outer, TRB_DER_INTEGER, &number) ||
	    !trb_der_uint(number, UINT64_MAX, &version) || version != VERSION_3)
		return "it is not of version 3";
	if (!trb_der_take(tbs, TRB_DER_INTEGER, &number) || number.len == 0 ||
	    number.len > SERIAL_MAX + 1)
		return "the serial number is malformed";
	if (number.len > 1 && ((number.ptr[0] == 0x00 && (number.ptr[1] & 0x80) == 0) ||
			       (number.ptr[0] == 0xff && (number.ptr[1] & 0x80) != 0)))
		return "the serial number is malformed";
	return NULL;
}

/* An object identifier's contents (X.690 section 8.19). */
static bool oid_valid(trb_bytes oid)
{
	bool first = true;

	for (size_t i = 0; i < oid.len; i++) {
		if (first && oid.ptr[i] == 0x80)
			return false; /* a padded arc */
		first = (oid.ptr[i] & 0x80) == 0;
	}
	return oid.len > 0 && first;
}

static bool is_text(uint8_t tag, trb_bytes value)
{
	return tag == TRB_DER_PRINTABLE_STRING ||
	       (tag == TRB_DER_UTF8_STRING && trb_utf8_valid(value));
}

/* One RelativeDistinguishedName; counts common names and keeps the last. */
static bool parse_rdn(trb_bytes rdn, unsigned *n_common_names, trb_bytes *ret_common_name)
{
	if (rdn.len == 0)
		return false;
	while (rdn.len > 0) {
		trb_bytes attribute, type, value;
		uint8_t tag;

		if (!trb_der_take(&rdn, TRB_DER_SEQUENCE, &attribute) ||
		    !trb_der_take(&attribute, TRB_DER_OID, &type) || !oid_valid(type) ||
		    !trb_der_next(&attribute, &tag, &value, NULL) || !is_text(tag, value) ||
		    attribute.len != 0)
			return false;
		if (trb_bytes_eq(type, OID_COMMON_NAME)) {
			(*n_common_names)++;
			*ret_common_name = value;
		}
	}
	return true;
}

/* A Name with exactly one common name. */
static const char *parse_name(trb_bytes *tbs, trb_bytes *ret_whole, trb_bytes *ret_common_name)
{
	trb_bytes name, rdn;
	unsigned n_common_names = 0;
	uint8_t tag;

	if (!trb_der_next(tbs, &tag, &name, ret_whole) || tag != TRB_DER_SEQUENCE)
		return "a name is malformed";
	while (name.len > 0)
		if (!trb_der_take(&name, TRB_DER_SET, &rdn) ||
		    !parse_rdn(rdn, &n_common_names, ret_common_name))
			return "a name is malformed";
	return n_common_names == 1 ? NULL : "a name has not exactly one common name";
}

static const char *parse_validity(trb_bytes *tbs, struct trb_cert *cert)
{
	trb_bytes validity, time;
	uint8_t tag;

	if (!trb_der_take(tbs, TRB_DER_SEQUENCE, &validity) ||
	    !trb_der_next(&validity, &tag, &time, NULL) ||
	    !trb_der_time(tag, time, &cert->not_before) ||
	    !trb_der_next(&validity, &tag, &time, NULL) ||
	    !trb_der_time(tag, time, &cert->not_after) || validity.len != 0)
		return "the validity is malformed";
	return NULL;
}

static const char *parse_key(trb_bytes *tbs, trb_bytes *ret_point)
{
	trb_bytes spki, algorithm, bits;

	if (!trb_der_take(tbs, TRB_DER_SEQUENCE, &spki) ||
	    !trb_der_take(&spki, TRB_DER_SEQUENCE, &algorithm) ||
	    !trb_der_take(&spki, TRB_DER_BIT_STRING, &bits) || spki.len != 0 ||
	    !trb_der_bit_bytes(bits, ret_point))
		return "the public key is malformed";
	if (!trb_bytes_eq(algorithm, ALG_P384))
		return "the public key is not on the curve P-384";
	if (ret_point->len != TRB_P384_POINT || ret_point->ptr[0] != 0x04)
		return "the public key is not an uncompressed point";
	return NULL;
}

static const char *parse_basic_constraints(trb_bytes value, bool critical, struct trb_cert *cert)
{
	static const char malformed[] = "basicConstraints is malformed";
	trb_bytes fields, field;

	if (!trb_der_only(value, TRB_DER_SEQUENCE, &fields))
		return malformed;
	cert->has_basic_constraints = true;
	cert->basic_constraints_critical = critical;
	if (trb_der_peek(fields, TRB_DER_BOOLEAN)) {
		if (!trb_der_take(&fields, TRB_DER_BOOLEAN, &field) ||
		    !trb_bytes_eq(field, LIT("\xff")))
			return malformed; /* DER leaves the default FALSE out */
		cert->is_ca = true;
	}
	if (trb_der_peek(fields, TRB_DER_INTEGER)) {
		if (!trb_der_take(&fields, TRB_DER_INTEGER, &field) ||
		    !trb_der_uint(field, 255, &cert->path_length))
			return malformed;
		cert->has_path_length = true;
	}
	return fields.len == 0 ? NULL : malformed;
}

static unsigned reverse_bits(uint8_t byte)
{
	unsigned reversed = 0;

	for (unsigned i = 0; i < 8; i++)
		reversed |= (unsigned)(byte >> i & 1) << (7 - i);
	return reversed;
}

/* KeyUsage: a named-bit list of one or two bytes, bit 0 the most significant, no trailing zeros. */
static const char *parse_key_usage(trb_bytes value, struct trb_cert *cert)
{
	static const char malformed[] = "keyUsage is malformed";
	trb_bytes bits;
	uint8_t unused, last;

	if (!trb_der_only(value, TRB_DER_BIT_STRING, &bits) || bits.len < 2 || bits.len > 3)
		return malformed;
	unused = bits.ptr[0];
	last = bits.ptr[bits.len - 1];
	if (unused > 7 || (last & ((1u << unused) - 1)) != 0 || (last >> unused & 1) == 0)
		return malformed;
	cert->has_key_usage = true;
	cert->key_usage = reverse_bits(bits.ptr[1]);
	if (bits.len == 3)
		cert->key_usage |= reverse_bits(bits.ptr[2]) << 8;
	return NULL;
}

static const char *parse_subject_key_id(trb_bytes value, struct trb_cert *cert)
{
	if (!trb_der_only(value, TRB_DER_OCTET_STRING, &cert->key_id))
		return "subjectKeyIdentifier is malformed";
	return NULL;
}

/* The key id alone is compared; an issuer's name and serial, if any, are left to the chain. */
static const char *parse_authority_key_id(trb_bytes value, struct trb_cert *cert)
{
	trb_bytes fields, other;

	if (!trb_der_only(value, TRB_DER_SEQUENCE, &fields) ||
	    (trb_der_peek(fields, 0x80) && !trb_der_take(&fields, 0x80, &cert->authority_id)) ||
	    (trb_der_peek(fields, 0xa1) && !trb_der_take(&fields, 0xa1, &other)) ||
	    (trb_der_peek(fields, 0x82) && !trb_der_take(&fields, 0x82, &other)) || fields.len != 0)
		return "authorityKeyIdentifier is malformed";
	return NULL;
}

static enum extension_bit known_extension(trb_bytes oid)
{
	if (oid.len != 3 || oid.ptr[0] != 0x55 || oid.ptr[1] != 0x1d) /* id-ce */
		return 0;
	switch (oid.ptr[2]) {
	case 14:
		return EXT_SUBJECT_KEY_ID;
	case 15:
		return EXT_KEY_USAGE;
	case 19:
		return EXT_BASIC_CONSTRAINTS;
	case 35:
		return EXT_AUTHORITY_KEY_ID;
	case 30: /* nameConstraints */
	case 33: /* policyMappings */
	case 36: /* policyConstraints */
	case 37: /* extKeyUsage */
	case 54: /* inhibitAnyPolicy */
		return EXT_CONSTRAINT;
	default:
		return 0;
	}
}

static const char *parse_extension_value(enum extension_bit which, bool critical, trb_bytes value,
					 struct trb_cert *cert)
{
	/* RFC 5280 sections 4.2.1.1 and 4.2.1.2; OpenSSL refuses it, too */
	if (critical && (which == EXT_SUBJECT_KEY_ID || which == EXT_AUTHORITY_KEY_ID))
		return "a key identifier is critical";
	switch (which) {
	case EXT_BASIC_CONSTRAINTS:
		return parse_basic_constraints(value, critical, cert);
	case EXT_KEY_USAGE:
		return parse_key_usage(value, cert);
	case EXT_SUBJECT_KEY_ID:
		return parse_subject_key_id(value, cert);
	case EXT_AUTHORITY_KEY_ID:
		return parse_authority_key_id(value, cert);
	case EXT_CONSTRAINT:
		return "it has a constraint that is not evaluated here";
	}
	return critical ? "it has a critical extension that is unknown here" : NULL;
}

/* Takes an Extension apart. */
static bool take_extension(trb_bytes *extensions, trb_bytes *ret_oid, bool *ret_critical,
			   trb_bytes *ret_value)
{
	trb_bytes extension, flag;

	*ret_critical = false;
	if (!trb_der_take(extensions, TRB_DER_SEQUENCE, &extension) ||
	    !trb_der_take(&extension, TRB_DER_OID, ret_oid) || !oid_valid(*ret_oid))
		return false;
	if (trb_der_peek(extension, TRB_DER_BOOLEAN)) {
		if (!trb_der_take(&extension, TRB_DER_BOOLEAN, &flag) ||
		    !trb_bytes_eq(flag, LIT("\xff")))
			return false;
		*ret_critical = true;
	}
	return trb_der_take(&extension, TRB_DER_OCTET_STRING, ret_value) && extension.len == 0;
}

static const char *parse_extensions(trb_bytes *tbs, struct trb_cert *cert)
{
	trb_bytes outer, extensions, oids[EXTENSIONS_MAX], value;
	const char *fault = NULL;
	bool critical;

	if (!trb_der_take(tbs, 0xa3, &outer) ||
	    !trb_der_only(outer, TRB_DER_SEQUENCE, &extensions) || extensions.len == 0)
		return "the extensions are missing or malformed";
	for (size_t n = 0; fault == NULL && extensions.len > 0; n++) {
		if (n == EXTENSIONS_MAX)
			return "it has too many extensions";
		if (!take_extension(&extensions, &oids[n], &critical, &value))
			return "an extension is malformed";
		for (size_t i = 0; i < n; i++)
			if (trb_bytes_eq(oids[i], oids[n]))
				return "an extension occurs twice";
		fault = parse_extension_value(known_extension(oids[n]), critical, value, cert);
	}
	return fault;
}

static const char *parse_tbs(trb_bytes tbs, struct trb_cert *cert)
{
	trb_bytes issuer_common_name;
	const char *fault;

	if ((fault = parse_version_and_serial(&tbs)) != NULL ||
	    (fault = parse_algorithm(&tbs)) != NULL ||
	    (fault = parse_name(&tbs, &cert->issuer, &issuer_common_name)) != NULL ||
	    (fault = parse_validity(&tbs, cert)) != NULL ||
	    (fault = parse_name(&tbs, &cert->subject, &cert->common_name)) != NULL ||
	    (fault = parse_key(&tbs, &cert->point)) != NULL ||
	    (fault = parse_extensions(&tbs, cert)) != NULL)
		return fault;
	return tbs.len == 0 ? NULL : "it has fields after the extensions";
}

const char *trb_cert_parse(trb_bytes der, struct trb_cert *ret)
{
	struct trb_cert cert = { 0 };
	trb_bytes fields, tbs, bits;
	const char *fault;
	uint8_t tag;

	if (!trb_der_only(der, TRB_DER_SEQUENCE, &fields) ||
	    !trb_der_next(&fields, &tag, &tbs, &cert.tbs) || tag != TRB_DER_SEQUENCE)
		return "it is not one DER certificate";
	fault = parse_algorithm(&fields);
	if (fault != NULL)
		return fault;
	if (!trb_der_take(&fields, TRB_DER_BIT_STRING, &bits) || fields.len != 0 ||
	    !trb_der_bit_bytes(bits, &cert.signature))
		return "the signature is malformed";
	fault = parse_tbs(tbs, &cert);
	if (fault == NULL)
		*ret = cert;
	return fault;
}

const char *trb_cert_find_point(trb_bytes der, trb_bytes *ret_point)
{
	trb_bytes fields, tbs, skipped;

	if (!trb_der_only(der, TRB_DER_SEQUENCE, &fields) ||
	    !trb_der_take(&fields, TRB_DER_SEQUENCE, &tbs) ||
	    (trb_der_peek(tbs, 0xa0) && !trb_der_take(&tbs, 0xa0, &skipped)) ||
	    !trb_der_take(&tbs, TRB_DER_INTEGER, &skipped))
		return "it is not one DER certificate";
	for (int i = 0; i < 4; i++) /* algorithm, issuer, validity, subject */
		if (!trb_der_take(&tbs, TRB_DER_SEQUENCE, &skipped))
			return "it is not one DER certificate";
	return parse_key(&tbs, ret_point);
}

const char *trb_cert_rule_validity(const struct trb_cert *cert, uint64_t at_s)
{
	if (at_s < cert->not_before)
		return "it is not valid yet";
	if (at_s > cert->not_after)
		return "it has expired";
	return NULL;
}

const char *trb_cert_rule_ca(const struct trb_cert *issuer)
{
	if (!issuer->has_basic_constraints || !issuer->is_ca)
		return "it is not a CA";
	if (!issuer->basic_constraints_critical)
		return "its basicConstraints is not critical";
	return NULL;
}

const char *trb_cert_rule_ca_key_usage(const struct trb_cert *issuer)
{
	if (!issuer->has_key_usage || (issuer->key_usage & TRB_KEY_USAGE_CERT_SIGN) == 0)
		return "its keyUsage lacks keyCertSign";
	return NULL;
}

const char *trb_cert_rule_path_length(const struct trb_cert *issuer, size_t below)
{
	if (issuer->has_path_length && below > issuer->path_length)
		return "more issuers follow than its path length allows";
	return NULL;
}

const char *trb_cert_rule_names(const struct trb_cert *issuer, const struct trb_cert *subject)
{
	if (!trb_bytes_eq(subject->issuer, issuer->subject))
		return "its issuer's name is not the subject of the certificate before it";
	return NULL;
}

const char *trb_cert_rule_key_ids(const struct trb_cert *issuer, const struct trb_cert *subject)
{
	if (subject->authority_id.ptr != NULL && issuer->key_id.ptr != NULL &&
	    !trb_bytes_eq(subject->authority_id, issuer->key_id))
		return "its authorityKeyIdentifier is not the key id of its issuer";
	return NULL;
}

const char *trb_cert_rule_leaf(const struct trb_cert *leaf)
{
	if (leaf->is_ca || leaf->has_path_length)
		return "the signing certificate is a CA";
	return NULL;
}

const char *trb_cert_rule_leaf_key_usage(const struct trb_cert *leaf)
{
	if (!leaf->has_key_usage || (leaf->key_usage & TRB_KEY_USAGE_DIGITAL_SIGNATURE) == 0)
		return "its keyUsage lacks digitalSignature";
	return NULL;
}

const char *trb_cert_rule_leaf_name(const struct trb_cert *leaf, trb_bytes module_id)
{
	trb_bytes name = leaf->common_name;
	trb_bytes prefix = trb_bytes_take(&name, module_id.len);

	if (prefix.ptr == NULL || !trb_bytes_eq(prefix, module_id) || name.len < 2 ||
	    name.ptr[0] != '.')
		return "its common name is not the document's module id, a dot and a region";
	return NULL;
}
