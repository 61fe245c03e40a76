/* SPDX-License-Identifier: Apache-2.0 */
/* The enclave's result, held against the request and what came in (result.h). */
#include "host/result.h"

#include "core/error.h"
#include "format/agree.h"
#include "format/attestation.h"
#include "format/bundle.h"

struct result {
	trb_bytes request, environment, artifacts, attestation, statement, signature, materials;
	trb_attestation *document;
	struct trb_request_facts facts;
	trb_blob *facts_owner;
	struct trb_claim claim;
};

static int check_pcrs(const struct result *in, const uint8_t pcrs[3][TRB_SHA384_LEN],
		      trb_error **err)
{
	for (unsigned i = 0; i < 3; i++)
		if (!trb_bytes_eq(trb_attestation_get_pcr(in->document, i),
				  TRB_BYTES(pcrs[i], TRB_SHA384_LEN)))
			return trb_fail_check(err, TRB_E_MEASUREMENT, "measurement.match",
					      "PCR%u of the document is not the image's", i);
	return TRB_OK;
}

static int check_agreement(struct result *in, trb_error **err)
{
	const struct trb_agree_case parts = {
		.request = in->request,
		.environment = in->environment,
		.artifacts = in->artifacts,
		.statement = in->statement,
		.facts = &in->facts,
		.claim = &in->claim,
		.nonce = trb_attestation_get_nonce(in->document),
		.pcr16 = trb_attestation_get_pcr(in->document, 16),
		.pcr17 = trb_attestation_get_pcr(in->document, 17),
	};
	int r = trb_claim_decode(trb_attestation_get_user_data(in->document), &in->claim, err);

	return r < 0 ? r : trb_agree_all(&parts, err);
}

static int check_document(struct result *in, const uint8_t pcrs[3][TRB_SHA384_LEN], trb_error **err)
{
	int r = trb_attestation_parse(in->attestation, &in->document, err);

	if (r == TRB_OK)
		r = trb_request_facts_decode(in->request, &in->facts, &in->facts_owner, err);
	if (r < 0)
		return r;
	r = check_agreement(in, err);
	return r == TRB_OK ? check_pcrs(in, pcrs, err) : r;
}

static int check_environment(const struct result *in, const struct trb_ratchet *ratchet,
			     trb_error **err)
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
	r = trb_ratchet_compare(ratchet, &env, err);
	return r < 0 ? r : trb_materials_check(in->materials, &env, err);
}

static int check_artifacts(const struct result *in, struct trb_intake *intake, trb_error **err)
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
		     const uint8_t pcrs[3][TRB_SHA384_LEN], struct trb_intake *intake,
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
		r = check_environment(&in, ratchet, err);
	if (r == TRB_OK)
		r = check_artifacts(&in, intake, err);
	if (r == TRB_OK)
		r = make_bundle(&in, ret_bundle, err);
	trb_attestation_unref(in.document);
	trb_blob_unref(in.facts_owner);
	return r < 0 ? trb_wrap(err, r, "the enclave's result does not agree with itself") : TRB_OK;
}
