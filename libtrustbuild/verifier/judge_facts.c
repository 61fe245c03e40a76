/* SPDX-License-Identifier: Apache-2.0 */
/* Claim, facts, statement and envelope must agree. */
#include "format/dsse.h"
#include "verifier/run.h"

int trb_step_claim_commit(struct trb_run *run, trb_error **err)
{
	struct trb_row_text wanted = trb_row_commit(&run->request.commit);
	struct trb_row_text found = trb_row_commit(&run->claim.commit);

	if (!trb_commit_eq(&run->request.commit, &run->claim.commit))
		return trb_report_fail(run->report, TRB_CK_CLAIM_COMMIT, err, wanted.text, "%s",
				       found.text);
	return trb_report_pass(run->report, TRB_CK_CLAIM_COMMIT, err, wanted.text, "%s",
			       found.text);
}

static int claimed_digest(struct trb_run *run, enum trb_check_id id, trb_bytes bytes,
			  const uint8_t claimed[32], trb_error **err)
{
	struct trb_row_text wanted = trb_row_hex(TRB_BYTES(claimed, 32)), found;
	uint8_t digest[32];
	int r = trb_sha256(bytes, digest, err);

	if (r < 0)
		return r;
	found = trb_row_hex(TRB_BYTES(digest, 32));
	if (memcmp(digest, claimed, 32) != 0)
		return trb_report_fail(run->report, id, err, wanted.text, "%s", found.text);
	/* The statement's row says more than its digest. */
	if (id == TRB_CK_CLAIM_STATEMENT)
		return TRB_OK;
	return trb_report_pass(run->report, id, err, wanted.text, "%s", found.text);
}

int trb_step_claim_artifacts(struct trb_run *run, trb_error **err)
{
	return claimed_digest(run, TRB_CK_CLAIM_ARTIFACTS, run->parts->artifacts,
			      run->claim.artifacts, err);
}

int trb_step_claim_environment(struct trb_run *run, trb_error **err)
{
	return claimed_digest(run, TRB_CK_CLAIM_ENVIRONMENT, run->parts->environment,
			      run->claim.environment, err);
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
	struct trb_row_text digest = trb_row_hex(TRB_BYTES(run->claim.statement, 32));
	trb_error *cause = NULL;
	int r = claimed_digest(run, TRB_CK_CLAIM_STATEMENT, run->parts->statement,
			       run->claim.statement, err);

	if (r < 0)
		return r;
	r = trb_statement_check(run->parts->statement, &facts, NULL, &cause);
	if (r < 0)
		r = trb_report_fail_from(run->report, TRB_CK_CLAIM_STATEMENT, r, cause, err);
	else
		r = trb_report_pass(run->report, TRB_CK_CLAIM_STATEMENT, err, digest.text, "%s",
				    digest.text);
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
	trb_bytes nonce = trb_attestation_get_nonce(run->evidence.attestation);
	struct trb_row_text found = trb_row_hex(nonce);
	struct trb_row_text wanted = trb_row_hex(run->request.nonce);

	if (!trb_bytes_eq(nonce, run->request.nonce))
		return trb_report_fail(run->report, TRB_CK_NONCE_MATCH, err, wanted.text, "%s",
				       found.text);
	if (run->verifier->nonce != NULL) {
		trb_bytes demanded = trb_blob_bytes(run->verifier->nonce);

		wanted = trb_row_hex(demanded);
		if (!trb_bytes_eq(nonce, demanded))
			return trb_report_fail(run->report, TRB_CK_NONCE_MATCH, err, wanted.text,
					       "%s", found.text);
	}
	return trb_report_pass(run->report, TRB_CK_NONCE_MATCH, err, wanted.text, "%s", found.text);
}
