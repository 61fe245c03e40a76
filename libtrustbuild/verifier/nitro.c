/* SPDX-License-Identifier: Apache-2.0 */
/* Attestation documents of AWS Nitro: signature, chain, root. */
#include "verifier/nitro.h"

#include <stdlib.h>

#include "core/error.h"
#include "verifier/issuers.h"
#include "verifier/nitro_root.h"

#define ID_SIGNATURE "document.signature"
#define ID_CHAIN     "document.chain"
#define ID_DEBUG     "document.debug"

struct trb_nitro {
	struct trb_ec_curve *curve;
	struct trb_issuers *issuers;
};

/* One document on its way through the checks. */
struct trb_nitro_judge {
	struct trb_nitro *nitro;
	const struct trb_nitro_root *roots;
	size_t n_roots;
	unsigned flags;
	trb_bytes document;
	struct trb_nitro_verdict *verdict;
	struct trb_cert leaf;
	struct trb_ec_key *leaf_key;
	/* issuers[0] is the root; remembered[i] says that its signature was checked before */
	size_t n_issuers;
	struct trb_issuer *issuers[TRB_NSM_CABUNDLE];
	bool remembered[TRB_NSM_CABUNDLE];
};

int trb_nitro_new(struct trb_nitro **ret, trb_error **err)
{
	struct trb_nitro *nitro = calloc(1, sizeof(*nitro));
	int r;

	if (nitro == NULL)
		return trb_fail_nomem(err);
	if ((r = trb_ec_curve_new(TRB_P384, &nitro->curve, err)) < 0 ||
	    (r = trb_issuers_new(&nitro->issuers, err)) < 0) {
		trb_nitro_free(nitro);
		return r;
	}
	*ret = nitro;
	return TRB_OK;
}

struct trb_nitro *trb_nitro_free(struct trb_nitro *nitro)
{
	if (nitro != NULL) {
		trb_issuers_free(nitro->issuers);
		trb_ec_curve_free(nitro->curve);
		free(nitro);
	}
	return NULL;
}

void trb_nitro_forget(struct trb_nitro *nitro)
{
	trb_issuers_clear(nitro->issuers);
}

void trb_nitro_verdict_clear(struct trb_nitro_verdict *verdict)
{
	trb_attestation_unref(verdict->attestation);
	*verdict = (struct trb_nitro_verdict){ 0 };
}

static int fail_chain(size_t i, const char *fault, trb_error **err)
{
	return trb_fail_check(err, TRB_E_EVIDENCE, ID_CHAIN,
			      "certificate %zu of the chain (0 is the root): %s", i, fault);
}

static int fail_leaf(const char *id, const char *fault, trb_error **err)
{
	return trb_fail_check(err, TRB_E_EVIDENCE, id, "the signing certificate: %s", fault);
}

static int check_parse(struct trb_nitro_judge *j, trb_error **err)
{
	struct trb_nitro_verdict *v = j->verdict;
	int r = trb_attestation_parse(j->document, &v->attestation, err);

	if (r == TRB_E_NOMEM)
		return r;
	if (r < 0)
		return trb_wrap(err, TRB_E_EVIDENCE, "the document cannot be read");
	v->debug = trb_attestation_is_debug(v->attestation) != 0;
	if (v->time_s == TRB_NITRO_TIME_DOCUMENT)
		v->time_s = trb_attestation_get_timestamp_ms(v->attestation) / 1000;
	return TRB_OK;
}

/* The signature is checked by the key of the certificate that the document carries; whose key that
 * is, and whether the certificate is a good one, is the chain's matter. */
static int check_signature(struct trb_nitro_judge *j, trb_error **err)
{
	const trb_attestation *a = j->verdict->attestation;
	trb_bytes point;
	const char *fault = trb_cert_find_point(trb_attestation_get_certificate(a), &point);
	int r;

	if (fault != NULL)
		return fail_leaf(ID_SIGNATURE, fault, err);
	r = trb_ec_key_new(j->nitro->curve, point, &j->leaf_key, NULL);
	if (r == TRB_E_NOMEM)
		return trb_fail_nomem(err);
	if (r < 0)
		return fail_leaf(ID_SIGNATURE, "its public key is not on the curve P-384", err);
	return trb_cose_sign1_verify(trb_attestation_sign1(a), j->leaf_key, err);
}

bool trb_nitro_is_aws_root(trb_bytes der)
{
	return trb_bytes_eq(der, TRB_BYTES(nitro_root_der, sizeof(nitro_root_der)));
}

/* The first entry of the bundle is compared with what the caller trusts: AWS's root as bytes, any
 * other by its digest.  A root so chosen is not asked for its own signature. */
static int rule_root(struct trb_nitro_judge *j, uint8_t sha256[32], trb_error **err)
{
	trb_bytes root = trb_attestation_get_cabundle(j->verdict->attestation, 0);
	bool is_aws = trb_nitro_is_aws_root(root);

	if (is_aws)
		memcpy(sha256, nitro_root_sha256, TRB_SHA256_LEN);
	else if (trb_sha256(root, sha256, err) < 0)
		return TRB_E_NOMEM;
	j->verdict->simulated_root = !is_aws;
	for (size_t i = 0; i < j->n_roots; i++) {
		bool aws = j->roots[i].name != NULL;

		if (aws ? !is_aws : memcmp(j->roots[i].sha256, sha256, TRB_SHA256_LEN) != 0)
			continue;
		j->verdict->root = i;
		j->verdict->assurance = aws ? TRB_ASSURANCE_HARDWARE : TRB_ASSURANCE_SIMULATED;
		memcpy(j->verdict->sha256, sha256, TRB_SHA256_LEN);
		return TRB_OK;
	}
	return fail_chain(0, "it is not a root that is trusted here", err);
}

/* Finds or reads one issuer; parent is the digest of the one before it. */
static int load_issuer(struct trb_nitro_judge *j, size_t i, const uint8_t sha256[32],
		       const uint8_t parent[32], trb_error **err)
{
	trb_bytes der = trb_attestation_get_cabundle(j->verdict->attestation, i);
	const char *fault = NULL;
	int r;

	j->issuers[i] = trb_issuers_find(j->nitro->issuers, sha256, parent);
	j->remembered[i] = j->issuers[i] != NULL;
	j->n_issuers = i + 1;
	if (j->remembered[i])
		return TRB_OK;
	r = trb_issuer_new(j->nitro->curve, der, sha256, parent, &j->issuers[i], &fault);
	if (r == TRB_E_NOMEM)
		return trb_fail_nomem(err);
	return r < 0 ? fail_chain(i, fault, err) : TRB_OK;
}

static int load_issuers(struct trb_nitro_judge *j, trb_error **err)
{
	static const uint8_t no_parent[TRB_SHA256_LEN];
	uint8_t sha256[TRB_NSM_CABUNDLE][TRB_SHA256_LEN];
	const trb_attestation *a = j->verdict->attestation;
	int r = rule_root(j, sha256[0], err);

	if (r == TRB_OK)
		r = load_issuer(j, 0, sha256[0], no_parent, err);
	for (size_t i = 1; r == TRB_OK && i < trb_attestation_count_cabundle(a); i++) {
		r = trb_sha256(trb_attestation_get_cabundle(a, i), sha256[i], err);
		if (r == TRB_OK)
			r = load_issuer(j, i, sha256[i], sha256[i - 1], err);
	}
	return r;
}

/* What holds for each issuer, whether remembered or not. */
static int check_issuer(const struct trb_nitro_judge *j, size_t i, trb_error **err)
{
	const struct trb_cert *cert = &j->issuers[i]->cert;
	const char *fault;

	if ((fault = trb_cert_rule_ca(cert)) != NULL ||
	    (fault = trb_cert_rule_ca_key_usage(cert)) != NULL ||
	    (fault = trb_cert_rule_path_length(cert, j->n_issuers - 1 - i)) != NULL ||
	    (i > 0 && (fault = trb_cert_rule_names(&j->issuers[i - 1]->cert, cert)) != NULL) ||
	    (i > 0 && (fault = trb_cert_rule_key_ids(&j->issuers[i - 1]->cert, cert)) != NULL) ||
	    (fault = trb_cert_rule_validity(cert, j->verdict->time_s)) != NULL)
		return fail_chain(i, fault, err);
	return TRB_OK;
}

static int check_leaf(struct trb_nitro_judge *j, trb_error **err)
{
	const trb_attestation *a = j->verdict->attestation;
	const struct trb_cert *issuer = &j->issuers[j->n_issuers - 1]->cert;
	const char *fault;

	if ((fault = trb_cert_parse(trb_attestation_get_certificate(a), &j->leaf)) != NULL ||
	    (fault = trb_cert_rule_leaf(&j->leaf)) != NULL ||
	    (fault = trb_cert_rule_leaf_key_usage(&j->leaf)) != NULL ||
	    (fault = trb_cert_rule_names(issuer, &j->leaf)) != NULL ||
	    (fault = trb_cert_rule_key_ids(issuer, &j->leaf)) != NULL ||
	    (fault = trb_cert_rule_leaf_name(&j->leaf, trb_attestation_get_module_id(a))) != NULL ||
	    (fault = trb_cert_rule_validity(&j->leaf, j->verdict->time_s)) != NULL)
		return fail_leaf(ID_CHAIN, fault, err);
	return TRB_OK;
}

/* TRB_OK, TRB_E_EVIDENCE or TRB_E_NOMEM, as trb_ec_verify_der(). */
static int verify_cert(const struct trb_cert *cert, const struct trb_ec_key *issuer)
{
	uint8_t digest[48];

	if (trb_sha384(cert->tbs, digest, NULL) < 0)
		return TRB_E_NOMEM;
	return trb_ec_verify_der(issuer, digest, cert->signature);
}

/* The costly part comes last, and is left out for what is remembered. */
static int check_cert_signatures(const struct trb_nitro_judge *j, trb_error **err)
{
	int r;

	for (size_t i = 1; i < j->n_issuers; i++) {
		if (j->remembered[i])
			continue;
		r = verify_cert(&j->issuers[i]->cert, j->issuers[i - 1]->key);
		if (r == TRB_E_EVIDENCE)
			return fail_chain(i, "its signature is not its issuer's", err);
		if (r < 0)
			return trb_fail_nomem(err);
	}
	r = verify_cert(&j->leaf, j->issuers[j->n_issuers - 1]->key);
	if (r == TRB_E_EVIDENCE)
		return fail_leaf(ID_CHAIN, "its signature is not its issuer's", err);
	return r < 0 ? trb_fail_nomem(err) : TRB_OK;
}

static int check_chain(struct trb_nitro_judge *j, trb_error **err)
{
	int r = load_issuers(j, err);

	for (size_t i = 0; r == TRB_OK && i < j->n_issuers; i++)
		r = check_issuer(j, i, err);
	if (r < 0 || (r = check_leaf(j, err)) < 0 || (r = check_cert_signatures(j, err)) < 0) {
		j->verdict->assurance = 0;
		return r;
	}
	/* only what leads to a trusted root is remembered: strangers cannot fill the memory */
	for (size_t i = 0; i < j->n_issuers; i++)
		if (!j->remembered[i])
			trb_issuers_add(j->nitro->issuers, j->issuers[i]);
	return TRB_OK;
}

static int check_debug(struct trb_nitro_judge *j, trb_error **err)
{
	if (!j->verdict->debug || (j->flags & TRB_NITRO_ALLOW_DEBUG) != 0)
		return TRB_OK;
	return trb_fail_check(err, TRB_E_EVIDENCE, ID_DEBUG,
			      "PCR0, 1 and 2 are zero: an enclave in debug mode, whose code is not "
			      "attested");
}

static int (*const checks[TRB_NITRO_CHECKS])(struct trb_nitro_judge *j, trb_error **err) = {
	[TRB_NITRO_PARSE] = check_parse,
	[TRB_NITRO_SIGNATURE] = check_signature,
	[TRB_NITRO_CHAIN] = check_chain,
	[TRB_NITRO_DEBUG] = check_debug,
};

int trb_nitro_judge_new(const struct trb_nitro_case *in, struct trb_nitro_verdict *verdict,
			struct trb_nitro_judge **ret, trb_error **err)
{
	struct trb_nitro_judge *j;

	if (in->n_roots == 0)
		return trb_fail(err, TRB_E_INVAL, "no root is trusted: nothing can be verified");
	for (size_t i = 0; i < in->n_roots; i++)
		if (in->roots[i].name != NULL && strcmp(in->roots[i].name, TRB_NITRO_ROOT_AWS) != 0)
			return trb_fail(err, TRB_E_INVAL, "no root is called '%s'",
					in->roots[i].name);
	j = calloc(1, sizeof(*j));
	if (j == NULL)
		return trb_fail_nomem(err);
	j->nitro = in->nitro;
	j->roots = in->roots;
	j->n_roots = in->n_roots;
	j->flags = in->flags;
	j->document = in->document;
	j->verdict = verdict;
	verdict->time_s = in->at_s;
	*ret = j;
	return TRB_OK;
}

struct trb_nitro_judge *trb_nitro_judge_free(struct trb_nitro_judge *j)
{
	if (j != NULL) {
		for (size_t i = 0; i < j->n_issuers; i++)
			trb_issuer_unref(j->issuers[i]);
		trb_ec_key_free(j->leaf_key);
		free(j);
	}
	return NULL;
}

int trb_nitro_judge_check(struct trb_nitro_judge *j, enum trb_nitro_check check, trb_error **err)
{
	enum trb_nitro_outcome *outcome = j->verdict->outcome;
	int r;

	if (outcome[check] != TRB_NITRO_NOT_RUN ||
	    (check > TRB_NITRO_PARSE && outcome[check - 1] != TRB_NITRO_PASS))
		return trb_fail(err, TRB_E_STATE, "the document's checks have an order");
	r = checks[check](j, err);
	if (trb_is_verdict(r))
		outcome[check] = TRB_NITRO_FAIL;
	if (r < 0)
		return r;
	outcome[check] =
		check == TRB_NITRO_DEBUG && j->verdict->debug ? TRB_NITRO_WAIVED : TRB_NITRO_PASS;
	return TRB_OK;
}

int trb_nitro_judge(struct trb_nitro *nitro, trb_bytes document, uint64_t at_s,
		    const struct trb_nitro_root *roots, size_t n_roots, unsigned flags,
		    struct trb_nitro_verdict *ret, trb_error **err)
{
	const struct trb_nitro_case in = { nitro, document, at_s, roots, n_roots, flags };
	struct trb_nitro_judge *j = NULL;
	int r = trb_nitro_judge_new(&in, ret, &j, err);

	for (enum trb_nitro_check i = 0; r == TRB_OK && i < TRB_NITRO_CHECKS; i++)
		r = trb_nitro_judge_check(j, i, err);
	trb_nitro_judge_free(j);
	return r;
}
