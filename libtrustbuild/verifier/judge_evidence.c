/* SPDX-License-Identifier: Apache-2.0 */
/* Form of everything, then document, image and ratchet: is this evidence at all, and of whom? */
#include "format/ec.h"
#include "verifier/run.h"

#define NONCE_MIN  16
#define NONCE_MAX  64
#define PCR_LEN    48
#define USER_PCR_0 16
#define USER_PCRS  32

int trb_step_bundle_parse(struct trb_run *run, trb_error **err)
{
	return trb_report_pass(run->report, TRB_CK_BUNDLE_PARSE, err, NULL, "%zu log entr%s",
			       run->parts->n_logs, run->parts->n_logs == 1 ? "y" : "ies");
}

static int parsed(struct trb_run *run, enum trb_check_id id, int r, trb_error *cause, size_t bytes,
		  trb_error **err)
{
	if (r < 0)
		r = trb_report_fail_from(run->report, id, r, cause, err);
	else
		r = trb_report_pass(run->report, id, err, NULL, "%zu bytes", bytes);
	trb_error_unref(cause);
	return r;
}

int trb_step_request_parse(struct trb_run *run, trb_error **err)
{
	trb_error *cause = NULL;
	int r = trb_request_facts_decode(run->parts->request, &run->request, &run->owners[0],
					 &cause);

	return parsed(run, TRB_CK_REQUEST_PARSE, r, cause, run->parts->request.len, err);
}

int trb_step_environment_parse(struct trb_run *run, trb_error **err)
{
	trb_error *cause = NULL;
	int r = trb_environment_decode(run->parts->environment, &run->environment, &run->owners[1],
				       &cause);

	return parsed(run, TRB_CK_ENVIRONMENT_PARSE, r, cause, run->parts->environment.len, err);
}

int trb_step_artifacts_parse(struct trb_run *run, trb_error **err)
{
	trb_error *cause = NULL;
	int r = trb_artifacts_decode(run->parts->artifacts, &run->artifacts, &run->owners[2],
				     &cause);

	return parsed(run, TRB_CK_ARTIFACTS_PARSE, r, cause, run->parts->artifacts.len, err);
}

/* The row of a check that the kind of evidence has made. */
static int evidence_row(struct trb_run *run, enum trb_check_id id, int r, trb_error *cause,
			trb_error **err)
{
	const struct trb_tee_evidence *e = &run->evidence;

	if (r < 0)
		r = trb_report_fail_from(run->report, id, r, cause, err);
	else
		r = trb_report_pass(run->report, id, err, NULL, "%s", e->kind->found(e, id).text);
	trb_error_unref(cause);
	return r;
}

static int evidence_step(struct trb_run *run, enum trb_check_id id, enum trb_evidence_check check,
			 trb_error **err)
{
	trb_error *cause = NULL;
	int r = run->evidence.kind->verify(&run->evidence, check, &cause);

	return evidence_row(run, id, r, cause, err);
}

int trb_step_document_parse(struct trb_run *run, trb_error **err)
{
	const struct trb_policy *p = run->policy;
	const struct trb_nitro_case in = {
		.nitro = run->verifier->nitro,
		.document = run->parts->attestation,
		.at_s = p->mode == TRB_TIME_LIVE ? run->verifier->now_s : TRB_NITRO_TIME_DOCUMENT,
		.roots = p->roots,
		.n_roots = p->n_roots,
	};
	trb_error *cause = NULL;
	int r;

	run->evidence.kind = trb_evidence_kind_of(in.document);
	r = run->evidence.kind->parse(&run->evidence, &in, &cause);
	return evidence_row(run, TRB_CK_DOCUMENT_PARSE, r, cause, err);
}

int trb_step_claim_parse(struct trb_run *run, trb_error **err)
{
	const trb_attestation *at = run->evidence.attestation;
	trb_bytes user_data = trb_attestation_get_user_data(at);
	trb_bytes nonce = trb_attestation_get_nonce(at);
	trb_bytes key = trb_attestation_get_public_key(at), point;
	trb_error *cause = NULL;
	int r;

	if (user_data.len == 0)
		return trb_report_fail(run->report, TRB_CK_CLAIM_PARSE, err, "a claim in user_data",
				       "none");
	if (nonce.len < NONCE_MIN || nonce.len > NONCE_MAX)
		return trb_report_fail(run->report, TRB_CK_CLAIM_PARSE, err,
				       "a nonce of 16 to 64 bytes", "%zu bytes", nonce.len);
	if (!trb_p256_spki_point(key, &point))
		return trb_report_fail(run->report, TRB_CK_CLAIM_PARSE, err,
				       "a P-256 key of 91 bytes in public_key",
				       "%zu bytes that are none", key.len);
	r = trb_claim_decode(user_data, &run->claim, &cause);
	return parsed(run, TRB_CK_CLAIM_PARSE, r, cause, user_data.len, err);
}

int trb_step_document_signature(struct trb_run *run, trb_error **err)
{
	return evidence_step(run, TRB_CK_DOCUMENT_SIGNATURE, TRB_EVIDENCE_SIGNATURE, err);
}

int trb_step_document_chain(struct trb_run *run, trb_error **err)
{
	struct trb_tee_evidence *e = &run->evidence;
	trb_error *cause = NULL;
	int r = e->kind->verify(e, TRB_EVIDENCE_CHAIN, &cause);

	/* whatever else may be wrong with them: documents under other roots than a vendor's are
	 * simulated */
	if (trb_is_verdict(r) && e->simulated_root && !trb_policy_accepts_simulated(run->policy)) {
		trb_error_unref(cause);
		return trb_report_fail_as(run->report, TRB_CK_DOCUMENT_CHAIN, TRB_E_ASSURANCE, err,
					  "hardware: a chain to " TRB_NITRO_ROOT_AWS,
					  "simulated evidence");
	}
	if (r == TRB_OK && e->assurance != TRB_ASSURANCE_HARDWARE &&
	    e->assurance != TRB_ASSURANCE_SIMULATED)
		return trb_fail(err, TRB_E_STATE, "the document has no assurance");
	if (r == TRB_OK)
		run->report->assurance = e->assurance;
	return evidence_row(run, TRB_CK_DOCUMENT_CHAIN, r, cause, err);
}

int trb_step_document_debug(struct trb_run *run, trb_error **err)
{
	return evidence_step(run, TRB_CK_DOCUMENT_DEBUG, TRB_EVIDENCE_DEBUG, err);
}

/* The first PCR that differs; -1 where all that m demands are there and equal. */
static int first_difference(const struct trb_measurement *m, const struct trb_tee_evidence *e)
{
	for (unsigned i = 0; i < TRB_POLICY_PCRS; i++) {
		trb_bytes pcr = e->kind->measurement(e, i);

		if ((m->mask & (1u << i)) == 0)
			continue;
		if (pcr.len != PCR_LEN || memcmp(pcr.ptr, m->pcr[i], PCR_LEN) != 0)
			return (int)i;
	}
	return -1;
}

static int measurement_differs(struct trb_run *run, trb_error **err)
{
	const struct trb_policy *p = run->policy;
	int i = first_difference(&p->measurements[0], &run->evidence);
	struct trb_row_text wanted, found;
	char text[400];

	found = trb_row_hex(run->evidence.kind->measurement(
		&run->evidence, p->n_measurements == 1 ? (unsigned)i : 0));
	if (p->n_measurements == 1) {
		wanted = trb_row_hex(TRB_BYTES(p->measurements[0].pcr[i], PCR_LEN));
		snprintf(text, sizeof(text), "PCR%d of \"%.80s\" %.96s", i, p->measurements[0].name,
			 wanted.text);
	} else {
		snprintf(text, sizeof(text), "the PCRs of one of %zu measurements",
			 p->n_measurements);
	}
	return trb_report_fail(run->report, TRB_CK_MEASUREMENT_MATCH, err, text, "PCR%d %s",
			       p->n_measurements == 1 ? i : 0, found.text);
}

int trb_step_measurement_match(struct trb_run *run, trb_error **err)
{
	const struct trb_policy *p = run->policy;

	for (size_t i = 0; i < p->n_measurements; i++) {
		const struct trb_measurement *m = &p->measurements[i];

		/* A measurement without PCR0, 1 and 2 matches nothing, whoever made it. */
		if ((m->mask & 7) == 7 && first_difference(m, &run->evidence) < 0) {
			run->measurement = m;
			return trb_report_pass(run->report, TRB_CK_MEASUREMENT_MATCH, err, m->name,
					       "%s", m->name);
		}
	}
	if (p->n_measurements == 0)
		return trb_fail(err, TRB_E_STATE, "the policy has no measurement");
	return measurement_differs(run, err);
}

int trb_step_endorsement_quorum(struct trb_run *run, trb_error **err)
{
	return trb_report_waive(run->report, TRB_CK_ENDORSEMENT_QUORUM, err,
				"the policy names no endorsers");
}

int trb_step_pcr16_request(struct trb_run *run, trb_error **err)
{
	return trb_run_agree_row(run, TRB_CK_PCR16_REQUEST, TRB_AGREE_PCR16, err);
}

int trb_step_pcr17_commit(struct trb_run *run, trb_error **err)
{
	return trb_run_agree_row(run, TRB_CK_PCR17_COMMIT, TRB_AGREE_PCR17, err);
}

int trb_step_pcr_other(struct trb_run *run, trb_error **err)
{
	static const char wanted[] = "PCR18 to PCR31 are zero or absent";

	for (unsigned i = USER_PCR_0 + 2; i < USER_PCRS; i++) {
		trb_bytes pcr = run->evidence.kind->locked(&run->evidence, i);
		struct trb_row_text found;

		if (trb_bytes_all_zero(pcr))
			continue;
		found = trb_row_hex(pcr);
		return trb_report_fail(run->report, TRB_CK_PCR_OTHER, err, wanted, "PCR%u %s", i,
				       found.text);
	}
	return trb_report_pass(run->report, TRB_CK_PCR_OTHER, err, wanted, "%s", wanted);
}
