/* SPDX-License-Identifier: Apache-2.0 */
/* Claim, facts, statement and envelope must agree. */
#include "format/dsse.h"
#include "verifier/run.h"

int trb_run_agree(const struct trb_run *run, enum trb_agree what, struct trb_agreement *ret,
		  trb_error **err)
{
	const struct trb_tee_evidence *e = &run->evidence;
	const struct trb_agree_case in = {
		.request = run->parts->request,
		.environment = run->parts->environment,
		.artifacts = run->parts->artifacts,
		.statement = run->parts->statement,
		.facts = &run->request,
		.claim = &run->claim,
		.nonce = trb_attestation_get_nonce(e->attestation),
		.pcr16 = e->kind->locked(e, 16),
		.pcr17 = e->kind->locked(e, 17),
	};

	return trb_agree(&in, what, ret, err);
}

int trb_run_agree_row(struct trb_run *run, enum trb_check_id id, enum trb_agree what,
		      trb_error **err)
{
	struct trb_row_text wanted, found;
	struct trb_agreement a;
	int r = trb_run_agree(run, what, &a, err);

	if (r < 0)
		return r;
	wanted = trb_row_hex(a.wanted);
	found = trb_row_hex(a.found);
	if (!a.good)
		return trb_report_fail(run->report, id, err, wanted.text, "%s", found.text);
	return trb_report_pass(run->report, id, err, wanted.text, "%s", found.text);
}

int trb_step_claim_commit(struct trb_run *run, trb_error **err)
{
	return trb_run_agree_row(run, TRB_CK_CLAIM_COMMIT, TRB_AGREE_COMMIT, err);
}

int trb_step_claim_artifacts(struct trb_run *run, trb_error **err)
{
	return trb_run_agree_row(run, TRB_CK_CLAIM_ARTIFACTS, TRB_AGREE_ARTIFACTS, err);
}

int trb_step_claim_environment(struct trb_run *run, trb_error **err)
{
	return trb_run_agree_row(run, TRB_CK_CLAIM_ENVIRONMENT, TRB_AGREE_ENVIRONMENT, err);
}

int trb_step_claim_materials(struct trb_run *run, trb_error **err)
{
	const struct trb_environment *env = &run->environment;
	struct trb_row_text digest = trb_row_hex(TRB_BYTES(env->materials, 32));
	trb_error *cause = NULL;
	int r = trb_materials_check(run->parts->materials, env, &cause);

	if (r < 0)
		r = trb_report_fail_from(run->report, TRB_CK_CLAIM_MATERIALS, r, cause, err);
	else if (!env->has_materials)
		r = trb_report_pass(run->report, TRB_CK_CLAIM_MATERIALS, err, NULL, "none");
	else
		r = trb_report_pass(run->report, TRB_CK_CLAIM_MATERIALS, err, digest.text, "%s",
				    digest.text);
	trb_error_unref(cause);
	return r;
}

int trb_step_claim_statement(struct trb_run *run, trb_error **err)
{
	const struct trb_statement_input facts = {
		.request = &run->request,
		.environment = &run->environment,
		.artifacts = &run->artifacts,
		.source = run->claim.source,
		.pcr0 = trb_attestation_get_pcr(run->evidence.attestation, 0).ptr,
	};
	struct trb_row_text wanted = trb_row_hex(TRB_BYTES(run->claim.statement, 32));
	trb_error *cause = NULL;
	struct trb_agreement a;
	int r = trb_run_agree(run, TRB_AGREE_STATEMENT, &a, err);

	if (r < 0)
		return r;
	if (!a.good)
		return trb_report_fail(run->report, TRB_CK_CLAIM_STATEMENT, err, wanted.text, "%s",
				       trb_row_hex(a.found).text);
	r = trb_statement_check(run->parts->statement, &facts, NULL, &cause);
	if (r < 0)
		r = trb_report_fail_from(run->report, TRB_CK_CLAIM_STATEMENT, r, cause, err);
	else
		r = trb_report_pass(run->report, TRB_CK_CLAIM_STATEMENT, err, wanted.text, "%s",
				    wanted.text);
	trb_error_unref(cause);
	return r;
}

int trb_step_envelope_signature(struct trb_run *run, trb_error **err)
{
	trb_error *cause = NULL;
	int r = trb_dsse_verify(trb_attestation_get_public_key(run->evidence.attestation),
				run->parts->statement, run->parts->signature, &cause);

	if (r < 0)
		r = trb_report_fail_from(run->report, TRB_CK_ENVELOPE_SIGNATURE, r, cause, err);
	else
		r = trb_report_pass(run->report, TRB_CK_ENVELOPE_SIGNATURE, err, NULL,
				    "ECDSA P-256 with SHA-256");
	trb_error_unref(cause);
	return r;
}

int trb_step_nonce_match(struct trb_run *run, trb_error **err)
{
	const trb_blob *demanded = run->verifier->nonce;
	struct trb_row_text found, wanted;
	struct trb_agreement a;
	int r = trb_run_agree(run, TRB_AGREE_NONCE, &a, err);

	if (r < 0)
		return r;
	/* the caller's demand comes on top of the request's */
	if (a.good && demanded != NULL) {
		a.wanted = trb_blob_bytes(demanded);
		a.good = trb_bytes_eq(a.wanted, a.found);
	}
	wanted = trb_row_hex(a.wanted);
	found = trb_row_hex(a.found);
	if (!a.good)
		return trb_report_fail(run->report, TRB_CK_NONCE_MATCH, err, wanted.text, "%s",
				       found.text);
	return trb_report_pass(run->report, TRB_CK_NONCE_MATCH, err, wanted.text, "%s", found.text);
}
