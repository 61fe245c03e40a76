/* SPDX-License-Identifier: Apache-2.0 */
/* The policy as a whole: strict, and never empty (docs/spec/policy.md). */
#include "verifier/policy_parts.h"

#include "core/error.h"

enum field {
	F_VERSION,
	F_ROOTS,
	F_MEASUREMENTS,
	F_SOURCE,
	F_RECIPE,
	F_SANDBOX,
	F_ARTIFACTS,
	F_TIME,
	F_LOG,
	F_ENDORSERS,
	F_REVOCATION,
	F_LIVE,
	F_PROPOSED,
	FIELDS
};

/* Presence is checked below, so that an error says what is missing and why it matters. */
static const struct trb_json_field fields[FIELDS] = {
	[F_VERSION] = { "policy", TRB_JSON_UINT, true },
	[F_ROOTS] = { "roots", TRB_JSON_ANY, false },
	[F_MEASUREMENTS] = { "measurements", TRB_JSON_ANY, false },
	[F_SOURCE] = { "source", TRB_JSON_OBJECT, false },
	[F_RECIPE] = { "recipe", TRB_JSON_ANY, false },
	[F_SANDBOX] = { "sandbox", TRB_JSON_OBJECT, false },
	[F_ARTIFACTS] = { "artifacts", TRB_JSON_ANY, false },
	[F_TIME] = { "time", TRB_JSON_OBJECT, false },
	[F_LOG] = { "log", TRB_JSON_ANY, false },
	[F_ENDORSERS] = { "endorsers", TRB_JSON_ANY, false },
	[F_REVOCATION] = { "revocation", TRB_JSON_ANY, false },
	[F_LIVE] = { "live", TRB_JSON_ANY, false },
	[F_PROPOSED] = { "proposed", TRB_JSON_ANY, false },
};

/* The version first: a later one may have names that this release does not know. */
static int check_version(const struct trb_json *doc, trb_error **err)
{
	const cJSON *version = cJSON_GetObjectItemCaseSensitive(doc->root, "policy");
	uint64_t number;
	int r;

	if (version == NULL)
		return trb_json_fail(doc, doc->root, err,
				     "this is no policy: it does not begin with \"policy\": 2");
	r = trb_json_uint(doc, version, 0, TRB_JSON_INT_MAX, &number, err);
	if (r < 0)
		return r;
	if (number == 1)
		return trb_json_fail(doc, version, err,
				     "version 1 was never released: write it again as version %d, "
				     "docs/spec/policy.md has the fields",
				     TRB_POLICY_VERSION);
	if (number != TRB_POLICY_VERSION)
		return trb_json_fail(doc, version, err,
				     "version %llu needs a later release: this one reads %d",
				     (unsigned long long)number, TRB_POLICY_VERSION);
	return TRB_OK;
}

static int check_present(const struct trb_json *doc, const cJSON *const v[FIELDS], trb_error **err)
{
	static const enum field mandatory[] = { F_ROOTS, F_MEASUREMENTS, F_SOURCE, F_LOG, F_TIME };
	const size_t n = sizeof(mandatory) / sizeof(mandatory[0]);
	size_t missing = 0, first = 0;

	if (v[F_PROPOSED] != NULL)
		return trb_json_fail(doc, v[F_PROPOSED], err,
				     "was proposed by evidence, and no person has decided: review "
				     "the values, move them to the top level, remove \"proposed\"");
	for (size_t i = n; i-- > 0;) {
		if (v[mandatory[i]] == NULL) {
			missing++;
			first = mandatory[i];
		}
	}
	if (missing == n)
		return trb_json_fail(doc, doc->root, err,
				     "demands nothing, so nothing can be verified");
	if (missing > 0)
		return trb_json_fail(doc, doc->root, err,
				     "\"%s\" is missing: a demand is waived only in writing",
				     fields[first].name);
	return TRB_OK;
}

static int read_sections(const struct trb_json *doc, const cJSON *const v[FIELDS], trb_policy *p,
			 trb_error **err)
{
	static const struct {
		enum field field;
		int (*read)(const struct trb_json *doc, const cJSON *item, trb_policy *p,
			    trb_error **err);
	} sections[] = {
		{ F_ROOTS, trb_policy_read_roots },
		{ F_MEASUREMENTS, trb_policy_read_measurements },
		{ F_SOURCE, trb_policy_read_source },
		{ F_RECIPE, trb_policy_read_recipe },
		{ F_SANDBOX, trb_policy_read_sandbox },
		{ F_ARTIFACTS, trb_policy_read_artifacts },
		{ F_LOG, trb_policy_read_log },
		{ F_TIME, trb_policy_read_time },
		{ F_ENDORSERS, trb_policy_read_endorsers },
		{ F_REVOCATION, trb_policy_read_revocation },
		{ F_LIVE, trb_policy_read_live },
	};
	int r = TRB_OK;

	for (size_t i = 0; r == TRB_OK && i < sizeof(sections) / sizeof(sections[0]); i++)
		r = sections[i].read(doc, v[sections[i].field], p, err);
	return r;
}

int trb_policy_parse(trb_bytes json, trb_policy **ret_policy, trb_error **err)
{
	_cleanup_json_ struct trb_json doc = { .what = "policy",
					       .code = TRB_E_POLICY,
					       .check = "policy.parse" };
	_cleanup_(trb_policy_unrefp) trb_policy *p = NULL;
	const cJSON *v[FIELDS];
	int r;

	if (ret_policy == NULL || (json.ptr == NULL && json.len > 0))
		return trb_fail(err, TRB_E_INVAL,
				"trb_policy_parse: no text, or nowhere to put it");
	r = trb_json_load(&doc, json, TRB_POLICY_MAX, err);
	if (r < 0)
		return r;
	if (!cJSON_IsObject(doc.root))
		return trb_json_fail(&doc, doc.root, err, "must be an object");
	r = check_version(&doc, err);
	if (r < 0)
		return r;
	r = TRB_JSON_RECORD(&doc, doc.root, fields, v, err);
	if (r < 0)
		return r;
	r = check_present(&doc, v, err);
	if (r < 0)
		return r;
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return trb_fail_nomem(err);
	atomic_init(&p->refs, 1);
	r = read_sections(&doc, v, p, err);
	if (r < 0)
		return r;
	*ret_policy = steal_ptr(&p);
	return TRB_OK;
}

static void texts_clear(struct trb_texts *texts)
{
	for (size_t i = 0; i < texts->n; i++)
		free(texts->list[i]);
	free(texts->list);
}

trb_policy *trb_policy_ref(trb_policy *policy)
{
	if (policy != NULL)
		atomic_fetch_add_explicit(&policy->refs, 1, memory_order_relaxed);
	return policy;
}

trb_policy *trb_policy_unref(trb_policy *policy)
{
	if (policy == NULL || atomic_fetch_sub_explicit(&policy->refs, 1, memory_order_acq_rel) > 1)
		return NULL;
	for (size_t i = 0; i < policy->n_measurements; i++)
		free(policy->measurements[i].name);
	free(policy->measurements);
	free(policy->roots);
	texts_clear(&policy->repositories);
	texts_clear(&policy->git_refs);
	free(policy->commits);
	texts_clear(&policy->redirects);
	free(policy->recipes.list);
	texts_clear(&policy->runtimes);
	texts_clear(&policy->network);
	texts_clear(&policy->artifacts);
	free(policy->log_keys);
	free(policy->witnesses);
	free(policy);
	return NULL;
}

static int accepts(const trb_policy *policy, bool hardware)
{
	for (size_t i = 0; policy != NULL && i < policy->n_roots; i++)
		if ((policy->roots[i].name != NULL) == hardware)
			return 1;
	return 0;
}

int trb_policy_accepts_hardware(const trb_policy *policy)
{
	return accepts(policy, true);
}

int trb_policy_accepts_simulated(const trb_policy *policy)
{
	return accepts(policy, false);
}
