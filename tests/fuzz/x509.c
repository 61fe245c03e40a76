/* SPDX-License-Identifier: Apache-2.0 */
/* A chain of certificates, one after the other: each is read as OpenSSL reads it, and every rule
 * and signature is tried on each pair of neighbours. */
#include <stdlib.h>

#include <openssl/err.h>

#include "../unit/agree.h"

#include "format/der.h"
#include "format/ec.h"

#define CHAIN_MAX 9

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile unsigned broken;

static void try_rules(const struct trb_cert *issuer, const struct trb_cert *cert, size_t below)
{
	broken += trb_cert_rule_validity(cert, issuer->not_before) != NULL;
	broken += trb_cert_rule_ca(issuer) != NULL;
	broken += trb_cert_rule_ca_key_usage(issuer) != NULL;
	broken += trb_cert_rule_path_length(issuer, below) != NULL;
	broken += trb_cert_rule_names(issuer, cert) != NULL;
	broken += trb_cert_rule_key_ids(issuer, cert) != NULL;
	broken += trb_cert_rule_leaf(cert) != NULL;
	broken += trb_cert_rule_leaf_key_usage(cert) != NULL;
	broken += trb_cert_rule_leaf_name(cert, issuer->common_name) != NULL;
}

static void try_signature(const struct trb_ec_curve *curve, const struct trb_cert *issuer,
			  const struct trb_cert *cert)
{
	static const uint8_t digest[48];
	struct trb_ec_key *key = NULL;

	if (trb_ec_key_new(curve, issuer->point, &key, NULL) < 0)
		return;
	broken += trb_ec_verify_der(key, digest, cert->signature) != TRB_OK;
	trb_ec_key_free(key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct trb_ec_curve *curve;
	trb_bytes in = TRB_BYTES(data, size), contents, whole;
	struct trb_cert chain[CHAIN_MAX];
	const char *fault;
	size_t n = 0;
	uint8_t tag;

	if (curve == NULL && trb_ec_curve_new(TRB_P384, &curve, NULL) < 0)
		abort();
	while (n < CHAIN_MAX && trb_der_next(&in, &tag, &contents, &whole)) {
		if (x509_disagreement(whole, &fault) != NULL)
			abort();
		if (fault == NULL && trb_cert_parse(whole, &chain[n]) == NULL)
			n++;
	}
	for (size_t i = 0; i + 1 < n; i++) {
		try_rules(&chain[i], &chain[i + 1], n - i);
		try_signature(curve, &chain[i], &chain[i + 1]);
	}
	ERR_clear_error();
	return 0;
}
