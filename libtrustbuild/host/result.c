/* SPDX-License-Identifier: Apache-2.0 */
/* The enclave's result, held against the request and what came in (result.h). */
#include "host/result.h"

#include "core/error.h"
#include "format/attestation.h"
#include "format/bundle.h"

struct result {
	trb_bytes request, environment, artifacts, attestation, statement, signature, materials;
	trb_attestation *document;
	struct trb_request_facts facts;
	trb_blob *facts_owner;
	struct trb_claim claim;
};

static int check_digest(trb_bytes bytes, const uint8_t wanted[32], const char *check,
			const char *what, trb_error **err)
{
	uint8_t digest[TRB_SHA256_LEN];
	int r = trb_sha256(bytes, digest, err);

	if (r == TRB_OK && memcmp(digest, wanted, sizeof(digest)) != 0)
		r = trb_fail_check(err, TRB_E_CLAIM, check, "the claim is about another %s", what);
	return r;
}

static int check_claim(struct result *in, trb_error **err)
{
	int r = trb_claim_decode(trb_attestation_get_user_data(in->document), &in->claim, err);

	if (r < 0)
		return r;
	if (!trb_commit_eq(&in->claim.commit, &in->facts.commit))
		return trb_fail_check(err, TRB_E_SOURCE, "source.commit",
				      "the claim is about another commit");
	r = check_digest(in->artifacts, in->claim.artifacts, "claim.artifacts", "artifact list",
			 err);
	if (r == TRB_OK)
		r = check_digest(in->environment, in->claim.environment, "claim.environment",
				 "environment", err);
	if (r == TRB_OK)
		r = check_digest(in->statement, in->claim.statement, "claim.statement", "statement",
				 err);
	return r;
}

static int check_pcr(const struct result *in, unsigned index, const uint8_t wanted[48],
		     const char *check, trb_error **err)
{
	if (trb_bytes_eq(trb_attestation_get_pcr(in->document, index),
			 TRB_BYTES(wanted, TRB_SHA384_LEN)))
		return TRB_OK;
	return trb_fail_check(err, TRB_E_MEASUREMENT, check,
			      "PCR%u of the document is not what it has to be", index);
}

static int check_pcrs(const struct result *in, const uint8_t pcrs[3][TRB_SHA384_LEN],
		      trb_error **err)
{
	uint8_t data[TRB_SHA256_LEN], pcr[TRB_SHA384_LEN];
	int r = TRB_OK;

	for (unsigned i = 0; r == TRB_OK && i < 3; i++)
		r = check_pcr(in, i, pcrs[i], "measurement.match", err);
	if (r == TRB_OK)
		r = trb_pcr16_data(in->request, data, err);
	if (r == TRB_OK)
		r = trb_pcr_extend_once(data, pcr, err);
	if (r == TRB_OK)
		r = check_pcr(in, 16, pcr, "pcr16.request", err);
	if (r == TRB_OK)
		r = trb_pcr17_data(&in->claim.commit, in->claim.source, in->claim.environment, data,
				   err);
	if (r == TRB_OK)
		r = trb_pcr_extend_once(data, pcr, err);
	return r == TRB_OK ? check_pcr(in, 17, pcr, "pcr17.commit", err) : r;
}

static int check_document(struct result *in, const uint8_t pcrs[3][TRB_SHA384_LEN], trb_error **err)
{
	int r = trb_attestation_parse(in->attestation, &in->document, err);

	if (r == TRB_OK)
		r = trb_request_facts_decode(in->request, &in->facts, &in->facts_owner, err);
	if (r < 0)
		return r;
	if (!trb_bytes_eq(trb_attestation_get_nonce(in->document), in->facts.nonce))
		return trb_fail_check(err, TRB_E_FRESHNESS, "nonce.match",
				      "the document carries another nonce");
	r = check_claim(in, err);
	return r == TRB_OK ? check_pcrs(in, pcrs, err) : r;
}

static int check_environment(const struct result *in, trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *owner = NULL;
	struct trb_environment env;
	const char *fault;
	int r = trb_environment_decode(in->environment, &env, &owner, err);

	if (r < 0)
		return r;
	fault = trb_environment_history_fault(&env, &in->facts);
	if (fault != NULL)
		return trb_fail_check(err, TRB_E_SOURCE, "source.ref", "%s", fault);
	fault = trb_environment_location_fault(&env, &in->facts);
	if (fault != NULL)
		return trb_fail_check(err, TRB_E_SOURCE, "source.repository", "%s", fault);
	return trb_materials_check(in->materials, &env, err);
}

static int check_artifacts(const struct result *in, const struct trb_intake *intake,
			   trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *owner = NULL;
	struct trb_artifacts list = { 0 };
	int r = trb_artifacts_decode(in->artifacts, &list, &owner, err);

	if (r == TRB_OK)
		r = trb_intake_check(intake, &list, err);
	trb_artifacts_clear(&list);
	return r;
}

static int make_bundle(const struct result *in, trb_bundle **ret, trb_error **err)
{
	struct trb_bundle_parts parts = {
		.request = in->request,
		.environment = in->environment,
		.artifacts = in->artifacts,
		.attestation = in->attestation,
		.statement = in->statement,
		.signature = in->signature,
		.materials = in->materials,
	};

	return trb_bundle_new(&parts, ret, err);
}

int trb_result_check(const struct trb_ratchet *ratchet, trb_bytes request,
		     const uint8_t pcrs[3][TRB_SHA384_LEN], const struct trb_intake *intake,
		     trb_bundle **ret_bundle, trb_error **err)
{
	struct result in = {
		.request = request,
		.environment = trb_ratchet_part(ratchet, TRB_PART_ENVIRONMENT),
		.artifacts = trb_ratchet_part(ratchet, TRB_PART_ARTIFACTS),
		.attestation = trb_ratchet_part(ratchet, TRB_PART_ATTESTATION),
		.statement = trb_ratchet_part(ratchet, TRB_PART_STATEMENT),
		.signature = trb_ratchet_part(ratchet, TRB_PART_SIGNATURE),
		.materials = trb_ratchet_part(ratchet, TRB_PART_MATERIALS),
	};
	int r = check_document(&in, pcrs, err);

	if (r == TRB_OK)
		r = check_environment(&in, err);
	if (r == TRB_OK)
		r = check_artifacts(&in, intake, err);
	if (r == TRB_OK)
		r = make_bundle(&in, ret_bundle, err);
	trb_attestation_unref(in.document);
	trb_blob_unref(in.facts_owner);
	return r < 0 ? trb_wrap(err, r, "the enclave's result does not agree with itself") : TRB_OK;
}
