/* SPDX-License-Identifier: Apache-2.0 */
/* The verifier: every check in its order, each fatal (docs/verification.md). */
#include "verifier/run.h"

static const trb_step steps[TRB_CHECKS] = {
	[TRB_CK_BUNDLE_PARSE] = trb_step_bundle_parse,
	[TRB_CK_REQUEST_PARSE] = trb_step_request_parse,
	[TRB_CK_ENVIRONMENT_PARSE] = trb_step_environment_parse,
	[TRB_CK_ARTIFACTS_PARSE] = trb_step_artifacts_parse,
	[TRB_CK_DOCUMENT_PARSE] = trb_step_document_parse,
	[TRB_CK_CLAIM_PARSE] = trb_step_claim_parse,
	[TRB_CK_DOCUMENT_SIGNATURE] = trb_step_document_signature,
	[TRB_CK_DOCUMENT_CHAIN] = trb_step_document_chain,
	[TRB_CK_DOCUMENT_DEBUG] = trb_step_document_debug,
	[TRB_CK_MEASUREMENT_MATCH] = trb_step_measurement_match,
	[TRB_CK_ENDORSEMENT_QUORUM] = trb_step_endorsement_quorum,
	[TRB_CK_PCR16_REQUEST] = trb_step_pcr16_request,
	[TRB_CK_PCR17_COMMIT] = trb_step_pcr17_commit,
	[TRB_CK_PCR_OTHER] = trb_step_pcr_other,
	[TRB_CK_CLAIM_COMMIT] = trb_step_claim_commit,
	[TRB_CK_CLAIM_ARTIFACTS] = trb_step_claim_artifacts,
	[TRB_CK_CLAIM_ENVIRONMENT] = trb_step_claim_environment,
	[TRB_CK_CLAIM_MATERIALS] = trb_step_claim_materials,
	[TRB_CK_CLAIM_STATEMENT] = trb_step_claim_statement,
	[TRB_CK_ENVELOPE_SIGNATURE] = trb_step_envelope_signature,
	[TRB_CK_ARTIFACT_NAME] = trb_step_artifact_name,
	[TRB_CK_ARTIFACT_DIGEST] = trb_step_artifact_digest,
	[TRB_CK_SOURCE_REPOSITORY] = trb_step_source_repository,
	[TRB_CK_SOURCE_REF] = trb_step_source_ref,
	[TRB_CK_SOURCE_COMMIT] = trb_step_source_commit,
	[TRB_CK_SOURCE_HISTORY] = trb_step_source_history,
	[TRB_CK_RECIPE_ORIGIN] = trb_step_recipe_origin,
	[TRB_CK_SANDBOX_RUNTIME] = trb_step_sandbox_runtime,
	[TRB_CK_SANDBOX_NETWORK] = trb_step_sandbox_network,
	[TRB_CK_SANDBOX_MACHINE] = trb_step_sandbox_machine,
	[TRB_CK_NONCE_MATCH] = trb_step_nonce_match,
	[TRB_CK_LOG_CHECKPOINT] = trb_step_log_checkpoint,
	[TRB_CK_LOG_INCLUSION] = trb_step_log_inclusion,
	[TRB_CK_LOG_WITNESS] = trb_step_log_witness,
	[TRB_CK_TIME_BOUND] = trb_step_time_bound,
	[TRB_CK_REVOCATION_FRESH] = trb_step_revocation_fresh,
	[TRB_CK_REVOCATION_LISTED] = trb_step_revocation_listed,
};

static void run_clear(struct trb_run *run)
{
	for (size_t i = 0; i < sizeof(run->owners) / sizeof(run->owners[0]); i++)
		trb_blob_unref(run->owners[i]);
	trb_artifacts_clear(&run->artifacts);
	trb_evidence_clear(&run->evidence);
	trb_report_unref(run->report);
	trb_log_candidates_free(run);
}

static int copy_text(trb_bytes text, char **ret, trb_error **err)
{
	*ret = strndup((const char *)text.ptr, text.len);
	return *ret != NULL ? TRB_OK : trb_fail_nomem(err);
}

static int copy_claim_texts(const struct trb_run *run, trb_claims *c, trb_error **err)
{
	const struct {
		trb_bytes from;
		char **to;
		bool optional;
	} texts[] = {
		{ run->artifact->name, &c->artifact, false },
		{ run->request.repository, &c->repository, false },
		{ run->environment.location, &c->location, true },
		{ run->request.ref, &c->ref, true },
		{ run->environment.runtime, &c->runtime, false },
		{ run->environment.machine.model, &c->cpu_model, false },
		{ trb_bytes_str(run->measurement->name), &c->measurement, false },
		{ trb_attestation_get_module_id(run->evidence.attestation), &c->module_id, false },
		{ run->log != NULL ? run->log->checkpoint.origin : TRB_BYTES_NULL, &c->log, true },
	};
	int r = TRB_OK;

	for (size_t i = 0; r == TRB_OK && i < sizeof(texts) / sizeof(texts[0]); i++)
		if (!texts[i].optional || texts[i].from.len > 0)
			r = copy_text(texts[i].from, texts[i].to, err);
	return r;
}

static void copy_environment(const struct trb_environment *env, trb_claims *c)
{
	const struct trb_history *h = &env->history;

	if (h->there)
		trb_commit_to_hex(&h->tip, c->tip);
	if (h->there && h->tagged)
		trb_commit_to_hex(&h->tag, c->tag);
	c->relation = h->relation;
	c->steps = h->steps;
	c->cpus = env->machine.cpus;
	c->memory_mib = env->machine.memory_mib;
	c->n_materials = env->has_materials ? env->n_materials : 0;
	memcpy(c->materials, env->materials, 32);
	memcpy(c->recipe, env->recipe, 32);
	c->recipe_from_tree = env->recipe_origin == TRB_RECIPE_FROM_TREE;
}

static int fill_claims(const struct trb_run *run, trb_claims *c, trb_error **err)
{
	trb_attestation *at = run->evidence.attestation;
	int r = copy_claim_texts(run, c, err);

	if (r < 0)
		return r;
	copy_environment(&run->environment, c);
	trb_commit_to_hex(&run->claim.commit, c->commit);
	c->assurance = run->evidence.assurance;
	c->size = run->artifact->size;
	memcpy(c->digest, run->artifact->digest, 32);
	memcpy(c->source, run->claim.source, 32);
	c->attestation = trb_attestation_ref(at);
	c->time_s = trb_attestation_get_timestamp_ms(at) / 1000;
	if (run->log != NULL) {
		c->witnessed_s = run->log->witnessed_s;
		c->n_witnesses = run->log->n_witnesses;
		c->log_index = run->log->entry->index;
	}
	return TRB_OK;
}

/* Nothing is verified unless every check there is was made and passed, or was waived in writing. */
static int conclude(struct trb_run *run, trb_error **err)
{
	_cleanup_(trb_claims_unrefp) trb_claims *claims = NULL;
	int r;

	for (size_t i = 0; i < TRB_CHECKS; i++) {
		int outcome = run->report->checks[i].outcome;

		if (outcome != TRB_OUTCOME_PASS && outcome != TRB_OUTCOME_NOT_DEMANDED)
			return trb_fail(err, TRB_E_STATE, "check %s was not made",
					trb_check_rules[i].id);
	}
	claims = calloc(1, sizeof(*claims));
	if (claims == NULL)
		return trb_fail_nomem(err);
	atomic_init(&claims->refs, 1);
	r = fill_claims(run, claims, err);
	if (r < 0)
		return r;
	run->report->claims = steal_ptr(&claims);
	run->report->verdict = TRB_OK;
	return TRB_OK;
}

static int run_steps(struct trb_run *run, trb_error **err)
{
	for (size_t i = 0; i < TRB_CHECKS; i++) {
		int r = steps[i](run, err);

		if (r < 0)
			return r;
	}
	return conclude(run, err);
}

static int check_call(const struct trb_verifier *v, const trb_bundle *bundle,
		      const struct trb_subject *subject, trb_error **err)
{
	if (v == NULL || bundle == NULL)
		return trb_fail(err, TRB_E_INVAL, "no verifier or no bundle");
	if (subject->name == NULL && subject->entry == NULL && v->entry == NULL)
		return trb_fail(err, TRB_E_INVAL, "the artifact has no name");
	if (v->policy->mode == TRB_TIME_LIVE && v->now_s == 0)
		return trb_fail(
			err, TRB_E_STATE,
			"the policy's time is \"live\", but the verifier was not told the time");
	return TRB_OK;
}

static int verifier_check(struct trb_verifier *v, const trb_bundle *bundle,
			  const struct trb_subject *subject, trb_claims **ret_claims,
			  trb_report **ret_report, trb_error **err)
{
	_cleanup_(run_clear) struct trb_run run = { .verifier = v, .subject = *subject };
	const char *name = subject->name;
	const char *slash = name != NULL ? strrchr(name, '/') : NULL;
	int r = check_call(v, bundle, subject, err);

	if (r < 0)
		return r;
	run.policy = v->policy;
	run.parts = trb_bundle_parts(bundle);
	run.subject.name = slash != NULL ? slash + 1 : name;
	if (run.subject.entry == NULL)
		run.subject.entry = v->entry;
	r = trb_report_new(&run.report, err);
	if (r < 0)
		return r;
	r = copy_text(trb_bytes_str(name != NULL ? name : run.subject.entry), &run.report->artifact,
		      err);
	if (r < 0)
		return r;
	r = run_steps(&run, err);
	if (r < 0 && (run.report->failed < 0 || !trb_is_verdict(r)))
		return r;
	if (r == TRB_OK && ret_claims != NULL)
		*ret_claims = trb_claims_ref(run.report->claims);
	if (ret_report != NULL)
		*ret_report = steal_ptr(&run.report);
	return r;
}

int trb_verifier_check_as(struct trb_verifier *verifier, const trb_bundle *bundle, int fd,
			  const char *name, const char *entry, trb_claims **ret_claims,
			  trb_report **ret_report, trb_error **err)
{
	const struct trb_subject subject = { .fd = fd, .name = name, .entry = entry };

	if (fd < 0)
		return trb_fail(err, TRB_E_INVAL, "trb_verifier_check_fd: no descriptor");
	return verifier_check(verifier, bundle, &subject, ret_claims, ret_report, err);
}

int trb_verifier_check_fd(trb_verifier *verifier, const trb_bundle *bundle, int fd,
			  const char *name, trb_claims **ret_claims, trb_report **ret_report,
			  trb_error **err)
{
	return trb_verifier_check_as(verifier, bundle, fd, name, NULL, ret_claims, ret_report, err);
}

int trb_verifier_check_digest(trb_verifier *verifier, const trb_bundle *bundle, trb_bytes sha256,
			      const char *name, trb_claims **ret_claims, trb_report **ret_report,
			      trb_error **err)
{
	struct trb_subject subject = { .fd = -1, .name = name };

	if (sha256.ptr == NULL || sha256.len != 32)
		return trb_fail(err, TRB_E_INVAL, "a SHA-256 digest has 32 bytes, this one %zu",
				sha256.len);
	memcpy(subject.digest, sha256.ptr, 32);
	return verifier_check(verifier, bundle, &subject, ret_claims, ret_report, err);
}
