/* SPDX-License-Identifier: Apache-2.0 */
/* A draft as a policy's JSON, and as the comments that stand beside it. */
#include <stdio.h>

#include "core/error.h"
#include "format/json.h"
#include "format/times.h"
#include "verifier/draft.h"
#include "verifier/report.h"

#define COMMENTS_MAX (64u * 1024)

static void put_list(struct trb_json_out *out, const char *name, const struct trb_texts *texts)
{
	trb_json_member_open(out, name, '[');
	for (size_t i = 0; i < texts->n; i++)
		trb_json_put_str(out, texts->list[i]);
	trb_json_close(out, ']');
}

static bool is_word(const struct trb_texts *texts, const char *word)
{
	return texts->n == 1 && strcmp(texts->list[0], word) == 0;
}

/* A list, or one of two words that stand alone; otherwise where nothing was said, nothing for
 * NULL. */
static void put_texts(struct trb_json_out *out, const char *name, const struct trb_texts *texts,
		      const char *word, const char *otherwise)
{
	if (texts->n == 0 && otherwise == NULL)
		return;
	if (texts->n == 0)
		trb_json_member_str(out, name, otherwise);
	else if (is_word(texts, "any") || is_word(texts, word))
		trb_json_member_str(out, name, texts->list[0]);
	else
		put_list(out, name, texts);
}

static void put_roots(struct trb_json_out *out, const struct trb_draft_values *v)
{
	trb_json_member_open(out, "roots", '[');
	for (size_t i = 0; i < v->n_roots; i++) {
		if (v->roots[i].name != NULL) {
			trb_json_put_str(out, v->roots[i].name);
			continue;
		}
		trb_json_open(out, '{');
		trb_json_member_hex(out, "simulated", TRB_BYTES(v->roots[i].sha256, 32));
		trb_json_close(out, '}');
	}
	trb_json_close(out, ']');
}

static void put_measurements(struct trb_json_out *out, const struct trb_draft_values *v)
{
	trb_json_member_open(out, "measurements", '[');
	for (size_t i = 0; i < v->n_measurements; i++) {
		const struct trb_measurement *m = &v->measurements[i];

		trb_json_open(out, '{');
		trb_json_member_str(out, "name", m->name);
		trb_json_member_open(out, "pcrs", '{');
		for (unsigned k = 0; k < TRB_POLICY_PCRS; k++) {
			char index[12];

			if ((m->mask & 1u << k) == 0)
				continue;
			snprintf(index, sizeof(index), "%u", k);
			trb_json_member_hex(out, index, TRB_BYTES(m->pcr[k], 48));
		}
		trb_json_close(out, '}');
		trb_json_close(out, '}');
	}
	trb_json_close(out, ']');
}

static void put_number(struct trb_json_out *out, const char *name, const struct trb_draft_values *v,
		       int what)
{
	if (v->has_number[what])
		trb_json_member_uint(out, name, v->numbers[what]);
}

/* The number belongs to the one relation that has steps; beside another it makes no policy. */
static void put_history(struct trb_json_out *out, const struct trb_draft_values *v)
{
	const struct trb_texts *texts = &v->texts[TRB_DRAFT_HISTORY];

	if (!v->has_number[TRB_DRAFT_MAX_STEPS]) {
		if (texts->n == 1)
			trb_json_member_str(out, "history", texts->list[0]);
		else if (texts->n > 1)
			put_list(out, "history", texts);
		return;
	}
	trb_json_member_open(out, "history", '{');
	trb_json_member_open(out, texts->n == 1 ? texts->list[0] : "tip", '{');
	put_number(out, "max_steps", v, TRB_DRAFT_MAX_STEPS);
	trb_json_close(out, '}');
	trb_json_close(out, '}');
}

static void put_source(struct trb_json_out *out, const struct trb_draft_values *v)
{
	trb_json_member_open(out, "source", '{');
	put_texts(out, "repositories", &v->texts[TRB_DRAFT_REPOSITORY], "any", NULL);
	put_texts(out, "refs", &v->texts[TRB_DRAFT_REF], "any", NULL);
	put_texts(out, "commits", &v->texts[TRB_DRAFT_COMMIT], "any", "any");
	put_history(out, v);
	put_texts(out, "redirects", &v->texts[TRB_DRAFT_REDIRECT], "none", NULL);
	trb_json_close(out, '}');
}

static void put_recipe(struct trb_json_out *out, const struct trb_draft_values *v)
{
	static const struct trb_texts none;

	put_texts(out, "recipe", v != NULL ? &v->texts[TRB_DRAFT_RECIPE] : &none, "source",
		  "source");
}

static void put_sandbox(struct trb_json_out *out, const struct trb_draft_values *v)
{
	static const struct trb_draft_values none;

	v = v != NULL ? v : &none;
	trb_json_member_open(out, "sandbox", '{');
	if (v->texts[TRB_DRAFT_RUNTIME].n > 0) {
		put_texts(out, "runtimes", &v->texts[TRB_DRAFT_RUNTIME], "any", NULL);
	} else {
		trb_json_member_open(out, "runtimes", '[');
		trb_json_put_str(out, "runsc");
		trb_json_close(out, ']');
	}
	put_texts(out, "network", &v->texts[TRB_DRAFT_NETWORK], "none", "none");
	if (v->has_number[TRB_DRAFT_CPUS] || v->has_number[TRB_DRAFT_MEMORY_MIB]) {
		trb_json_member_open(out, "machine", '{');
		put_number(out, "cpus", v, TRB_DRAFT_CPUS);
		put_number(out, "memory_mib", v, TRB_DRAFT_MEMORY_MIB);
		trb_json_close(out, '}');
	}
	trb_json_close(out, '}');
}

static void put_time(struct trb_json_out *out, const struct trb_draft_values *v)
{
	bool witnessed = v->texts[TRB_DRAFT_WITNESS].n > 0;

	trb_json_member_open(out, "time", '{');
	if (v->has_number[TRB_DRAFT_MAX_AGE_S]) {
		trb_json_member_str(out, "mode", "live");
		put_number(out, "max_age_s", v, TRB_DRAFT_MAX_AGE_S);
	} else {
		trb_json_member_str(out, "mode", "archival");
		trb_json_member_str(out, "bound", witnessed ? "witness" : "none");
		if (witnessed && !v->has_number[TRB_DRAFT_SLACK_S])
			trb_json_member_uint(out, "slack_s", TRB_POLICY_SLACK_S);
	}
	put_number(out, "slack_s", v, TRB_DRAFT_SLACK_S);
	if (v->has_number[TRB_DRAFT_NOT_BEFORE])
		trb_json_member_str(out, "not_before",
				    trb_show_time(v->numbers[TRB_DRAFT_NOT_BEFORE]).text);
	trb_json_close(out, '}');
}

/* A quorum of nobody makes no policy. */
static void put_log(struct trb_json_out *out, const struct trb_draft_values *v)
{
	const struct trb_texts *keys = &v->texts[TRB_DRAFT_LOG_KEY];
	const struct trb_texts *witnesses = &v->texts[TRB_DRAFT_WITNESS];
	bool nobody = witnesses->n == 0 && !v->has_number[TRB_DRAFT_QUORUM];

	if (is_word(keys, "none") && nobody) {
		trb_json_member_str(out, "log", "none");
		return;
	}
	trb_json_member_open(out, "log", '{');
	put_list(out, "keys", keys);
	if (nobody) {
		trb_json_member_str(out, "witnesses", "none");
	} else {
		trb_json_member_open(out, "witnesses", '{');
		put_list(out, "keys", witnesses);
		trb_json_member_uint(out, "quorum",
				     v->has_number[TRB_DRAFT_QUORUM] ? v->numbers[TRB_DRAFT_QUORUM]
								     : witnesses->n);
		trb_json_close(out, '}');
	}
	trb_json_close(out, '}');
}

/* What a section stands on: whose values it has, or its strictest value where that is a default.
 * Log and time go together, and have none. */
static bool stands(const trb_draft *d, enum trb_draft_section section, bool proposed)
{
	const struct trb_draft_values *v = trb_draft_values_of(d, section);

	if (proposed)
		return v == &d->proposed;
	switch (section) {
	case TRB_DRAFT_S_RECIPE:
		return v == &d->given || !d->proposes ||
		       trb_draft_values_of(d, TRB_DRAFT_S_SANDBOX) == &d->given;
	case TRB_DRAFT_S_SANDBOX:
		return v == &d->given || !d->proposes;
	case TRB_DRAFT_S_TIME:
		return v == &d->given || d->given.origin[TRB_DRAFT_S_LOG] != NULL;
	default:
		return v == &d->given;
	}
}

static void put_section(struct trb_json_out *out, const trb_draft *d,
			enum trb_draft_section section)
{
	const struct trb_draft_values *v = trb_draft_values_of(d, section);

	switch (section) {
	case TRB_DRAFT_S_ROOTS:
		put_roots(out, v);
		break;
	case TRB_DRAFT_S_MEASUREMENTS:
		put_measurements(out, v);
		break;
	case TRB_DRAFT_S_SOURCE:
		put_source(out, v);
		break;
	case TRB_DRAFT_S_RECIPE:
		put_recipe(out, v);
		break;
	case TRB_DRAFT_S_SANDBOX:
		put_sandbox(out, v);
		break;
	case TRB_DRAFT_S_ARTIFACTS:
		put_texts(out, "artifacts", &v->texts[TRB_DRAFT_ARTIFACT], "any", NULL);
		break;
	case TRB_DRAFT_S_TIME:
		put_time(out, &d->given);
		break;
	default:
		put_log(out, v);
	}
}

/* whole: with the proposals among the rest, as if a person had moved them. */
static int render(const trb_draft *d, bool whole, trb_blob **ret, trb_error **err)
{
	_cleanup_buf_ struct trb_buf b = { 0 };
	struct trb_json_out out = { .buf = &b, .indent = true };

	trb_buf_init(&b, TRB_POLICY_MAX);
	trb_json_open(&out, '{');
	trb_json_member_uint(&out, "policy", TRB_POLICY_VERSION);
	for (enum trb_draft_section i = 0; i < TRB_DRAFT_SECTIONS; i++)
		if (stands(d, i, false) || (whole && stands(d, i, true)))
			put_section(&out, d, i);
	if (d->proposes && !whole) {
		trb_json_member_open(&out, "proposed", '{');
		for (enum trb_draft_section i = 0; i < TRB_DRAFT_SECTIONS; i++)
			if (stands(d, i, true))
				put_section(&out, d, i);
		trb_json_close(&out, '}');
	}
	/* the whole of a bundle's is judged for its grammar: what only a person can say is waived
	 */
	if (whole && d->proposes && !stands(d, TRB_DRAFT_S_LOG, false))
		trb_json_member_str(&out, "log", "none");
	if (whole && d->proposes && !stands(d, TRB_DRAFT_S_TIME, false))
		put_time(&out, &d->given);
	trb_json_close(&out, '}');
	trb_buf_add_byte(&b, '\n');
	return trb_buf_to_blob(&b, "the policy", ret, err);
}

/* Half of a section would waive the other half, which the bundle proposes. */
static int check_halves(const trb_draft *d, trb_error **err)
{
	const struct trb_draft_values *v = &d->given;

	if (d->proposes && v->origin[TRB_DRAFT_S_SOURCE] != NULL &&
	    (v->texts[TRB_DRAFT_REPOSITORY].n == 0 || v->texts[TRB_DRAFT_REF].n == 0))
		return trb_fail(err, TRB_E_INVAL,
				"beside a bundle's proposals a source has repositories and refs "
				"(or \"any\"), or nothing");
	if (v->texts[TRB_DRAFT_WITNESS].n > 0 && v->texts[TRB_DRAFT_LOG_KEY].n == 0)
		return trb_fail(err, TRB_E_INVAL, "witnesses need a log's key");
	return TRB_OK;
}

int trb_draft_to_json(const trb_draft *draft, trb_blob **ret_json, trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *whole = NULL, *json = NULL;
	trb_policy *policy = NULL;
	int r;

	if (draft == NULL || ret_json == NULL)
		return trb_fail(err, TRB_E_INVAL, "trb_draft_to_json: no draft");
	r = check_halves(draft, err);
	if (r == TRB_OK)
		r = render(draft, true, &whole, err);
	if (r == TRB_OK)
		r = trb_policy_parse(trb_blob_bytes(whole), &policy, err);
	trb_policy_unref(policy);
	if (r == TRB_OK)
		r = render(draft, false, &json, err);
	if (r == TRB_OK)
		*ret_json = steal_ptr(&json);
	return r;
}

static const char *decision_on_source(const struct trb_draft_values *v)
{
	const struct trb_texts *refs = &v->texts[TRB_DRAFT_REF];

	if (v->texts[TRB_DRAFT_HISTORY].n > 0 && !is_word(&v->texts[TRB_DRAFT_HISTORY], "tip"))
		return "Whose code you accept, and how old. Behind a ref's tip are states that "
		       "nobody may have reviewed, and releases with known holes.";
	if (is_word(refs, "any"))
		return "Whose code you accept. \"any\" accepts everybody's; without refs, a commit "
		       "may come from a fork that shares storage with the repository.";
	return "Whose code you accept: what these refs pointed to when it was built.";
}

/* NULL: no decision about trust. */
static const char *decision_on(const trb_draft *d, enum trb_draft_section section)
{
	const struct trb_draft_values *v = trb_draft_values_of(d, section);
	bool witnessed = d->given.texts[TRB_DRAFT_WITNESS].n > 0;

	switch (section) {
	case TRB_DRAFT_S_ROOTS:
		return v == &d->proposed
			       ? "Whose word counts that an enclave is one. Put \"aws-nitro\" in "
				 "its place if it is hardware that you want."
			       : "Whose word counts that an enclave is one. A simulated root "
				 "vouches for nothing but its own key's holder.";
	case TRB_DRAFT_S_MEASUREMENTS:
		return "Which image you accept: whoever controls it controls every artifact. "
		       "Build it yourself from its sources, and compare.";
	case TRB_DRAFT_S_SOURCE:
		return decision_on_source(v);
	case TRB_DRAFT_S_SANDBOX:
		return "What kept the build from the enclave's client. runc and crun share the "
		       "enclave's kernel with the build.";
	case TRB_DRAFT_S_TIME:
		return witnessed || d->given.has_number[TRB_DRAFT_MAX_AGE_S]
			       ? NULL
			       : "Nobody but the TEE says when this was built: a stolen key can be "
				 "used with an old date.";
	case TRB_DRAFT_S_LOG:
		if (is_word(&v->texts[TRB_DRAFT_LOG_KEY], "none"))
			return "Nobody else can see what was built for you alone.";
		return witnessed ? "Whose log, and which witnesses, you trust to show everybody "
				   "the same."
				 : "Whose log you trust. Without witnesses its own host can show "
				   "you another log than it shows to others.";
	default:
		return NULL;
	}
}

static void put_comment(struct trb_buf *b, const trb_draft *d, enum trb_draft_section section)
{
	const struct trb_draft_values *v = trb_draft_values_of(d, section);
	const char *decision = decision_on(d, section);
	const char *origin = "the strict default";

	if (v != NULL)
		origin = v->origin[section];
	else if (section == TRB_DRAFT_S_TIME)
		origin = d->given.texts[TRB_DRAFT_WITNESS].n > 0 ? "the witnesses that you name"
								 : "no witness is named";
	trb_buf_addf(b, "- `%s`: ", trb_draft_section_name(section));
	trb_show_text(b, origin);
	if (decision != NULL)
		trb_buf_addf(b, ". **TRUST**: %s\n", decision);
	else
		trb_buf_add_str(b, ". No trust decision.\n");
}

int trb_draft_to_comments(const trb_draft *draft, trb_blob **ret_text, trb_error **err)
{
	_cleanup_buf_ struct trb_buf b = { 0 };

	if (draft == NULL || ret_text == NULL)
		return trb_fail(err, TRB_E_INVAL, "trb_draft_to_comments: no draft");
	trb_buf_init(&b, COMMENTS_MAX);
	trb_buf_add_str(&b, "# About this policy\n\nA first draft, for a person to review. Lines "
			    "marked TRUST are decisions that nobody can make for you.\n\n");
	for (enum trb_draft_section i = 0; i < TRB_DRAFT_SECTIONS; i++)
		if (stands(draft, i, false) || stands(draft, i, true))
			put_comment(&b, draft, i);
	if (draft->proposes)
		trb_buf_addf(&b,
			     "\nWhat stands under `proposed` was said by evidence about itself. No "
			     "verifier loads this file before you have compared those values with "
			     "what you know from elsewhere, moved them to the top level, %sand "
			     "removed `proposed`.\n",
			     stands(draft, TRB_DRAFT_S_LOG, false)
				     ? ""
				     : "added what is missing (`log`, `time`), ");
	trb_buf_add_str(&b, "\nEverything else is as strict as it can be; docs/spec/policy.md says "
			    "what each field means.\n");
	return trb_buf_to_blob(&b, "the comments", ret_text, err);
}
