/* SPDX-License-Identifier: Apache-2.0 */
/* X.509 certificates of the Nitro profile: version 3, P-384, ecdsa-with-SHA384.  Everything else is
 * refused.  Reading a certificate this way costs a hundredth of OpenSSL 3.0's d2i_X509(); a test
 * compares what is read with OpenSSL's answers. */
#ifndef TRB_FORMAT_X509_H
#define TRB_FORMAT_X509_H

#include "core/bytes.h"

enum {
	TRB_KEY_USAGE_DIGITAL_SIGNATURE = 1u << 0, /* RFC 5280 section 4.2.1.3: bit numbers */
	TRB_KEY_USAGE_CERT_SIGN = 1u << 5,
};

struct trb_cert {
	trb_bytes tbs;             /* what is signed, with its head */
	trb_bytes signature;       /* ECDSA-Sig-Value, DER */
	trb_bytes issuer, subject; /* names, with their heads */
	trb_bytes common_name;     /* the subject's one commonName */
	trb_bytes point;           /* public key, 97 bytes, not yet checked to be on the curve */
	trb_bytes key_id;          /* subjectKeyIdentifier; ptr == NULL: none */
	trb_bytes authority_id;    /* authorityKeyIdentifier's key id; ptr == NULL: none */
	uint64_t not_before, not_after; /* seconds since 1970, both inclusive */
	bool has_basic_constraints, basic_constraints_critical, is_ca;
	bool has_path_length;
	uint64_t path_length;
	bool has_key_usage;
	unsigned key_usage;
};

/* Reads a certificate; the views point into der.  NULL where it is one of the profile, else a
 * static sentence that says what is wrong. */
const char *trb_cert_parse(trb_bytes der, struct trb_cert *ret);

/* The public key alone, whatever else the certificate is. */
const char *trb_cert_find_point(trb_bytes der, trb_bytes *ret_point);

/* The rules of a chain (docs/verification.md), one function each; NULL where it holds, else a
 * static sentence.  An issuer stands i-th of the chain, root being 0; below is how many issuers
 * follow it. */
const char *trb_cert_rule_validity(const struct trb_cert *cert, uint64_t at_s);
const char *trb_cert_rule_ca(const struct trb_cert *issuer);
const char *trb_cert_rule_ca_key_usage(const struct trb_cert *issuer);
const char *trb_cert_rule_path_length(const struct trb_cert *issuer, size_t below);
const char *trb_cert_rule_names(const struct trb_cert *issuer, const struct trb_cert *subject);
const char *trb_cert_rule_key_ids(const struct trb_cert *issuer, const struct trb_cert *subject);
const char *trb_cert_rule_leaf(const struct trb_cert *leaf);
const char *trb_cert_rule_leaf_key_usage(const struct trb_cert *leaf);
/* The leaf's common name is the module id, a dot and the region. */
const char *trb_cert_rule_leaf_name(const struct trb_cert *leaf, trb_bytes module_id);

#endif
