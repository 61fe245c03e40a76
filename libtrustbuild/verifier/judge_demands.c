/* SPDX-License-Identifier: Apache-2.0 */
/* The policy's demands on the facts: source, recipe, sandbox. */
#include "verifier/run.h"

#include <inttypes.h>
#include <stdio.h>

static int verdict_row(struct trb_run *run, enum trb_check_id id, bool demanded, bool good,
		       const char *wanted, const char *found, trb_error **err)
{
	if (!demanded)
		return trb_report_waive(run->report, id, err, found);
	if (!good)
		return trb_report_fail(run->report, id, err, wanted, "%s", found);
	return trb_report_pass(run->report, id, err, wanted, "%s", found);
}

/* Where the repository's server answered from, if not from the URL that was asked. */
static bool location_good(const struct trb_run *run)
{
	const struct trb_texts *allowed = &run->policy->redirects;
	trb_bytes location = run->environment.location;

	return location.len == 0 || allowed->any || trb_texts_have(allowed, location);
}

static int refuse_location(struct trb_run *run, trb_error **err)
{
	const struct trb_texts *allowed = &run->policy->redirects;
	struct trb_row_text found = trb_row_view(run->environment.location);
	struct trb_row_text list = trb_row_list(allowed);

	return trb_report_fail(run->report, TRB_CK_SOURCE_REPOSITORY, err,
			       allowed->n > 0 ? list.text : "no redirect (source.redirects)",
			       "redirected to %s", found.text);
}

static struct trb_row_text shown_repository(const struct trb_run *run)
{
	_cleanup_buf_ struct trb_buf b = { 0 };

	trb_buf_init(&b, 2 * TRB_REQUEST_MAX);
	trb_buf_add(&b, run->request.repository);
	if (run->environment.location.len > 0) {
		trb_buf_add_str(&b, ", redirected to ");
		trb_buf_add(&b, run->environment.location);
	}
	return trb_row_view(trb_buf_bytes(&b));
}

int trb_step_source_repository(struct trb_run *run, trb_error **err)
{
	const struct trb_texts *allowed = &run->policy->repositories;
	const char *only = run->verifier->repository;
	const char *fault = trb_environment_location_fault(&run->environment, &run->request);
	trb_bytes repository = run->request.repository;
	struct trb_row_text found = shown_repository(run), wanted;
	bool in_list = allowed->any || trb_texts_have(allowed, repository);
	bool good = in_list && (only == NULL || trb_bytes_eq_str(repository, only));

	if (fault != NULL)
		return trb_report_fail(run->report, TRB_CK_SOURCE_REPOSITORY, err,
				       "facts that agree", "%s: %s", fault, found.text);
	if (good && !location_good(run))
		return refuse_location(run, err);
	wanted =
		only != NULL && in_list ? trb_row_view(trb_bytes_str(only)) : trb_row_list(allowed);
	return verdict_row(run, TRB_CK_SOURCE_REPOSITORY, !allowed->any || only != NULL, good,
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

/* "2 behind the tip, at 2026-01-31T12:00:00Z (tip 1f7a...)": a ref moves on, so its tip is one of a
 * time. */
static struct trb_row_text shown_history(const struct trb_run *run)
{
	const struct trb_history *h = &run->environment.history;
	uint64_t at_s = trb_attestation_get_timestamp_ms(run->evidence.attestation) / 1000;
	struct trb_row_text tip = trb_row_commit(&h->tip), text;

	if (h->relation == TRB_RELATION_TIP)
		snprintf(text.text, sizeof(text.text), "the tip, at %s", trb_show_time(at_s).text);
	else
		snprintf(text.text, sizeof(text.text),
			 "%s%" PRIu64 " behind the tip, at %s (tip %.64s)",
			 h->relation == TRB_RELATION_FIRST_PARENT
				 ? ""
				 : "reachable, on no line of first parents, by a chain of ",
			 h->steps, trb_show_time(at_s).text, tip.text);
	return text;
}

static struct trb_row_text wanted_history(const struct trb_policy *p)
{
	struct trb_row_text text;

	if (p->max_steps > 0)
		snprintf(text.text, sizeof(text.text), "first-parent, at most %" PRIu64 " behind",
			 p->max_steps);
	else
		snprintf(text.text, sizeof(text.text), "%s%s", trb_relation_name(p->history),
			 p->history == TRB_RELATION_TIP ? "" : " or closer");
	return text;
}

/* What a policy that accepts more than the tip lets in. */
static int caution_history(struct trb_run *run, const char *found, trb_error **err)
{
	static const char first_parent[] =
		"merges by rebase or fast-forward put states on that line that nobody reviewed, "
		"and a foxtrot merge takes the true tips of the ref off it";
	static const char reachable[] =
		"states of side branches count, whether or not the ref ever pointed to them";
	uint64_t relation = run->environment.history.relation;

	if (relation == TRB_RELATION_TIP)
		return TRB_OK;
	return trb_report_warn(run->report, err, "%s: %s", found,
			       relation == TRB_RELATION_FIRST_PARENT ? first_parent : reachable);
}

int trb_step_source_history(struct trb_run *run, trb_error **err)
{
	const struct trb_policy *p = run->policy;
	const struct trb_history *h = &run->environment.history;
	const char *fault = trb_environment_history_fault(&run->environment, &run->request);
	struct trb_row_text wanted = wanted_history(p), found;
	int r;

	if (fault != NULL)
		return trb_report_fail(run->report, TRB_CK_SOURCE_HISTORY, err, "facts that agree",
				       "%s", fault);
	/* source.ref has let this pass for "any" alone */
	if (!h->there)
		return trb_report_waive(run->report, TRB_CK_SOURCE_HISTORY, err,
					"no ref, no relation");
	found = shown_history(run);
	if (h->relation > p->history || (p->max_steps > 0 && h->steps > p->max_steps))
		return trb_report_fail(run->report, TRB_CK_SOURCE_HISTORY, err, wanted.text, "%s",
				       found.text);
	r = trb_report_pass(run->report, TRB_CK_SOURCE_HISTORY, err, wanted.text, "%s", found.text);
	return r < 0 ? r : caution_history(run, found.text, err);
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

static void put_machine(char *text, size_t size, uint64_t cpus, uint64_t memory_mib)
{
	int n = 0;

	if (cpus > 0)
		n = snprintf(text, size, "%" PRIu64 " CPU%s", cpus, cpus == 1 ? "" : "s");
	if (memory_mib > 0)
		snprintf(text + n, size - (size_t)n, "%s%" PRIu64 " MiB of memory",
			 n > 0 ? ", " : "", memory_mib);
}

/* The host chooses the machine, and a build may make another artifact on another one. */
int trb_step_sandbox_machine(struct trb_run *run, trb_error **err)
{
	const struct trb_policy *p = run->policy;
	const struct trb_machine *m = &run->environment.machine;
	char wanted[100] = "", machine[100], found[300];

	put_machine(wanted, sizeof(wanted), p->cpus, p->memory_mib);
	put_machine(machine, sizeof(machine), m->cpus, m->memory_mib);
	snprintf(found, sizeof(found), "%s, %.140s", machine, trb_row_view(m->model).text);
	return verdict_row(run, TRB_CK_SANDBOX_MACHINE, p->cpus > 0 || p->memory_mib > 0,
			   (p->cpus == 0 || p->cpus == m->cpus) &&
				   (p->memory_mib == 0 || p->memory_mib == m->memory_mib),
			   wanted, found, err);
}
