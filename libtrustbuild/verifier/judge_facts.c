/* SPDX-License-Identifier: Apache-2.0 */
/* Claim, facts, statement and envelope must agree; then the policy's demands on them. */
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

int trb_step_claim_statement(struct trb_run *run, trb_error **err)
{
	const struct trb_statement_input facts = {
		.request = &run->request,
		.environment = &run->environment,
		.artifacts = &run->artifacts,
		.source = run->claim.source,
		.pcr0 = trb_attestation_get_pcr(run->document.attestation, 0).ptr,
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
	int r = trb_dsse_verify(trb_attestation_get_public_key(run->document.attestation),
				run->parts->statement, run->parts->signature, &cause);

	if (r < 0)
		r = trb_report_fail_from(run->report, TRB_CK_ENVELOPE_SIGNATURE, r, cause, err);
	else
		r = trb_report_pass(run->report, TRB_CK_ENVELOPE_SIGNATURE, err, NULL,
				    "ECDSA P-256 with SHA-256");
	trb_error_unref(cause);
	return r;
}

static int verdict_row(struct trb_run *run, enum trb_check_id id, bool demanded, bool good,
		       const char *wanted, const char *found, trb_error **err)
{
	if (!demanded)
		return trb_report_waive(run->report, id, err, found);
	if (!good)
		return trb_report_fail(run->report, id, err, wanted, "%s", found);
	return trb_report_pass(run->report, id, err, wanted, "%s", found);
}

int trb_step_source_repository(struct trb_run *run, trb_error **err)
{
	const struct trb_texts *allowed = &run->policy->repositories;
	const char *only = run->verifier->repository;
	trb_bytes repository = run->request.repository;
	struct trb_row_text found = trb_row_view(repository), wanted;
	bool in_list = allowed->any || trb_texts_have(allowed, repository);

	wanted =
		only != NULL && in_list ? trb_row_view(trb_bytes_str(only)) : trb_row_list(allowed);
	return verdict_row(run, TRB_CK_SOURCE_REPOSITORY, !allowed->any || only != NULL,
			   in_list && (only == NULL || trb_bytes_eq_str(repository, only)),
			   wanted.text, found.text, err);
}

int trb_step_source_ref(struct trb_run *run, trb_error **err)
{
	const struct trb_texts *allowed = &run->policy->git_refs;
	trb_bytes ref = run->request.ref;
	struct trb_row_text wanted = trb_row_list(allowed);
	struct trb_row_text found = ref.len > 0
					    ? trb_row_view(ref)
					    : trb_row_view(TRB_BYTES_LIT("no ref was asked for"));

	return verdict_row(run, TRB_CK_SOURCE_REF, !allowed->any,
			   ref.len > 0 && trb_texts_have(allowed, ref), wanted.text, found.text,
			   err);
}

int trb_step_source_commit(struct trb_run *run, trb_error **err)
{
	const struct trb_policy *p = run->policy;
	const struct trb_verifier *v = run->verifier;
	struct trb_row_text found = trb_row_commit(&run->claim.commit), wanted;
	bool in_list = p->any_commit;

	for (size_t i = 0; i < p->n_commits; i++)
		in_list = in_list || trb_commit_eq(&p->commits[i], &run->claim.commit);
	if (v->has_commit && in_list)
		wanted = trb_row_commit(&v->commit);
	else if (p->n_commits == 1)
		wanted = trb_row_commit(&p->commits[0]);
	else
		wanted = trb_row_view(TRB_BYTES_LIT("one of the policy's commits"));
	return verdict_row(
		run, TRB_CK_SOURCE_COMMIT, !p->any_commit || v->has_commit,
		in_list && (!v->has_commit || trb_commit_eq(&v->commit, &run->claim.commit)),
		wanted.text, found.text, err);
}

/* Whatever the policy says: the facts must not contradict each other. */
static int recipe_facts(struct trb_run *run, bool *ret_good, trb_error **err)
{
	trb_bytes recipe = run->request.recipe;
	bool from_request = run->environment.recipe_origin == TRB_RECIPE_FROM_REQUEST;
	uint8_t digest[32];
	int r;

	*ret_good = from_request == (recipe.ptr != NULL);
	if (recipe.ptr == NULL || !*ret_good)
		return TRB_OK;
	r = trb_sha256(recipe, digest, err);
	if (r < 0)
		return r;
	*ret_good = memcmp(digest, run->environment.recipe, 32) == 0;
	return TRB_OK;
}

int trb_step_recipe_origin(struct trb_run *run, trb_error **err)
{
	const struct trb_policy *p = run->policy;
	const struct trb_environment *env = &run->environment;
	struct trb_row_text digest = trb_row_hex(TRB_BYTES(env->recipe, 32));
	bool from_tree = env->recipe_origin == TRB_RECIPE_FROM_TREE, good;
	const char *wanted = "the tree's own recipe";
	char found[160];
	int r = recipe_facts(run, &good, err);

	if (r < 0)
		return r;
	snprintf(found, sizeof(found), "%s recipe sha256:%.64s",
		 from_tree ? "the tree's own" : "the request's", digest.text);
	if (!good)
		return trb_report_fail(run->report, TRB_CK_RECIPE_ORIGIN, err,
				       "the recipe that the request says", "%s", found);
	if (p->recipe == TRB_RECIPE_DIGESTS) {
		good = trb_digests_have(&p->recipes, env->recipe);
		wanted = "a recipe of the policy's digests";
	} else {
		good = from_tree;
	}
	return verdict_row(run, TRB_CK_RECIPE_ORIGIN, p->recipe != TRB_RECIPE_ANY, good, wanted,
			   found, err);
}

int trb_step_sandbox_runtime(struct trb_run *run, trb_error **err)
{
	const struct trb_texts *allowed = &run->policy->runtimes;
	const struct trb_environment *env = &run->environment;
	struct trb_row_text asked = trb_row_view(run->request.sandbox), found;
	struct trb_row_text wanted = trb_row_list(allowed);
	trb_bytes runtime = env->runtime;
	char text[300];

	found = trb_row_view(runtime);
	if (!trb_bytes_eq(run->request.sandbox, runtime))
		return trb_report_fail(run->report, TRB_CK_SANDBOX_RUNTIME, err, asked.text, "%s",
				       found.text);
	snprintf(text, sizeof(text), "%.40s, %.100s, %.100s", found.text,
		 trb_row_view(env->runtime_version).text, trb_row_view(env->platform).text);
	return verdict_row(run, TRB_CK_SANDBOX_RUNTIME, !allowed->any,
			   trb_texts_have(allowed, runtime), wanted.text, text, err);
}

int trb_step_sandbox_network(struct trb_run *run, trb_error **err)
{
	const struct trb_texts *allowed = &run->policy->network;
	const struct trb_environment *env = &run->environment;
	struct trb_row_text wanted = trb_row_list(allowed), found;
	_cleanup_buf_ struct trb_buf b = { 0 };
	bool good = true;
	int r;

	trb_buf_init(&b, TRB_ENVIRONMENT_MAX * 2);
	for (size_t i = 0; i < env->n_hosts; i++) {
		size_t mark;

		trb_buf_add_str(&b, i > 0 ? ", " : "");
		mark = b.len;
		trb_buf_add(&b, env->hosts[i].host);
		trb_buf_addf(&b, ":%llu", (unsigned long long)env->hosts[i].port);
		r = trb_buf_check(&b, "hosts", err);
		if (r < 0)
			return r;
		good = good && trb_texts_have(allowed, TRB_BYTES(b.ptr + mark, b.len - mark));
	}
	found = env->n_hosts > 0 ? trb_row_view(trb_buf_bytes(&b))
				 : trb_row_view(TRB_BYTES_LIT("none"));
	return verdict_row(run, TRB_CK_SANDBOX_NETWORK, !allowed->any, good,
			   allowed->n > 0 ? wanted.text : "none", found.text, err);
}

int trb_step_nonce_match(struct trb_run *run, trb_error **err)
{
	trb_bytes nonce = trb_attestation_get_nonce(run->document.attestation);
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
