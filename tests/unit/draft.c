/* SPDX-License-Identifier: Apache-2.0 */
/* Drafts of policies: what they demand is what was said, and never less. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>

#include "verifier/draft.h"

#include "judging.h"

#define P                                                  \
	"111111111111111111111111111111111111111111111111" \
	"11111111111111111111111111111111111111111111aBcD"

static trb_draft *draft;

static void set_up(void)
{
	judging_set_up();
	ck_assert_int_eq(trb_draft_new(&draft, NULL), TRB_OK);
}

static void tear_down(void)
{
	judging_tear_down();
	draft = trb_draft_unref(draft);
}

static void again(void)
{
	trb_draft_unref(draft);
	ck_assert_int_eq(trb_draft_new(&draft, NULL), TRB_OK);
}

static void accept(int what, const char *value)
{
	ck_assert_int_eq(trb_draft_accept(draft, what, value, NULL), TRB_OK);
}

static void number(int what, uint64_t value)
{
	ck_assert_int_eq(trb_draft_set_number(draft, what, value, NULL), TRB_OK);
}

/* The mint's image, root and source, in no log. */
static void fill(void)
{
	for (unsigned i = 0; i < 3; i++)
		ck_assert_int_eq(
			trb_draft_add_pcr(draft, "forge image", i, TRB_BYTES(m.pcr[i], 48), NULL),
			TRB_OK);
	ck_assert_int_eq(trb_draft_add_root(draft, trb_blob_bytes(mint_authority(0)->root), NULL),
			 TRB_OK);
	accept(TRB_DRAFT_REPOSITORY, MINT_REPO);
	accept(TRB_DRAFT_REF, MINT_REF);
	accept(TRB_DRAFT_LOG_KEY, "none");
}

static char *text_of(int (*make)(const trb_draft *d, trb_blob **ret, trb_error **err))
{
	trb_error *err = NULL;
	trb_blob *blob = NULL;
	char *text;
	int r = make(draft, &blob, &err);

	ck_assert_msg(r == TRB_OK, "%s", trb_error_message(err));
	text = strndup((const char *)trb_blob_bytes(blob).ptr, trb_blob_bytes(blob).len);
	trb_blob_unref(blob);
	return text;
}

static trb_policy *policy_of_draft(void)
{
	_cleanup_free_ char *json = text_of(trb_draft_to_json);
	trb_error *err = NULL;
	trb_policy *policy = NULL;

	ck_assert_msg(trb_policy_parse(trb_bytes_str(json), &policy, &err) == TRB_OK, "%s: %s",
		      json, trb_error_message(err));
	return policy;
}

static void is_no_policy(int code, const char *says)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	trb_blob *json = NULL;
	int r = trb_draft_to_json(draft, &json, &err);

	ck_assert_msg(r == code, "%s: %s", trb_status_name(r), trb_error_message(err));
	ck_assert_msg(strstr(trb_error_message(err), says) != NULL, "'%s' lacks '%s'",
		      trb_error_message(err), says);
	ck_assert_ptr_null(json);
}

START_TEST(a_draft_is_as_strict_as_it_can_be)
{
	_cleanup_(trb_policy_unrefp) trb_policy *policy = NULL;
	_cleanup_free_ char *comments = NULL;

	fill();
	policy = policy_of_draft();
	ck_assert_uint_eq(policy->history, TRB_RELATION_TIP);
	ck_assert(!policy->redirects.any && policy->redirects.n == 0);
	ck_assert_int_eq(policy->recipe, TRB_RECIPE_SOURCE);
	ck_assert_uint_eq(policy->runtimes.n, 1);
	ck_assert_str_eq(policy->runtimes.list[0], "runsc");
	ck_assert(!policy->network.any && policy->network.n == 0);
	ck_assert(policy->any_commit && policy->artifacts.any && policy->log_none);
	ck_assert_int_eq(trb_policy_accepts_simulated(policy), 1);
	ck_assert_int_eq(trb_policy_accepts_hardware(policy), 0);
	comments = text_of(trb_draft_to_comments);
	ck_assert_ptr_nonnull(strstr(comments, "- `log`: what was given. **TRUST**"));
	ck_assert_ptr_nonnull(strstr(comments, "- `recipe`: the strict default. No trust"));
}
END_TEST

START_TEST(everything_can_be_said)
{
	_cleanup_(trb_policy_unrefp) trb_policy *policy = NULL;

	fill();
	again();
	for (unsigned i = 0; i < 3; i++)
		ck_assert_int_eq(trb_draft_add_pcr(draft, "a", i, TRB_BYTES(m.pcr[i], 48), NULL),
				 TRB_OK);
	ck_assert_int_eq(trb_draft_add_aws_root(draft, NULL), TRB_OK);
	accept(TRB_DRAFT_REPOSITORY, MINT_REPO);
	accept(TRB_DRAFT_REPOSITORY, MINT_REPO "2");
	accept(TRB_DRAFT_REF, "any");
	accept(TRB_DRAFT_COMMIT, MINT_COMMIT);
	accept(TRB_DRAFT_HISTORY, "first-parent");
	number(TRB_DRAFT_MAX_STEPS, 7);
	accept(TRB_DRAFT_REDIRECT, "any");
	accept(TRB_DRAFT_RECIPE, "any");
	accept(TRB_DRAFT_RUNTIME, "crun");
	accept(TRB_DRAFT_NETWORK, "a.example:443");
	accept(TRB_DRAFT_ARTIFACT, MINT_ARTIFACT);
	number(TRB_DRAFT_CPUS, 4);
	number(TRB_DRAFT_MEMORY_MIB, 8192);
	accept(TRB_DRAFT_LOG_KEY, mint_log_vkey());
	accept(TRB_DRAFT_WITNESS, mint_witness_vkey(0));
	accept(TRB_DRAFT_WITNESS, mint_witness_vkey(1));
	number(TRB_DRAFT_SLACK_S, 60);
	number(TRB_DRAFT_NOT_BEFORE, MINT_TIME);
	policy = policy_of_draft();
	ck_assert_uint_eq(policy->repositories.n, 2);
	ck_assert(policy->git_refs.any && policy->redirects.any);
	ck_assert_uint_eq(policy->n_commits, 1);
	ck_assert_uint_eq(policy->history, TRB_RELATION_FIRST_PARENT);
	ck_assert_uint_eq(policy->max_steps, 7);
	ck_assert_int_eq(policy->recipe, TRB_RECIPE_ANY);
	ck_assert_str_eq(policy->runtimes.list[0], "crun");
	ck_assert_str_eq(policy->network.list[0], "a.example:443");
	ck_assert_str_eq(policy->artifacts.list[0], MINT_ARTIFACT);
	ck_assert_uint_eq(policy->cpus, 4);
	ck_assert_uint_eq(policy->memory_mib, 8192);
	ck_assert_uint_eq(policy->n_witnesses, 2);
	ck_assert_uint_eq(policy->quorum, 2);
	ck_assert_uint_eq(policy->slack_s, 60);
	ck_assert_uint_eq(policy->not_before_s, MINT_TIME);
	ck_assert_int_eq(trb_policy_accepts_hardware(policy), 1);
}
END_TEST

START_TEST(live_drafts_have_an_age)
{
	_cleanup_(trb_policy_unrefp) trb_policy *policy = NULL;

	fill();
	number(TRB_DRAFT_MAX_AGE_S, 600);
	policy = policy_of_draft();
	ck_assert_int_eq(policy->mode, TRB_TIME_LIVE);
	ck_assert_uint_eq(policy->max_age_s, 600);
	/* what belongs to the other mode is no policy */
	number(TRB_DRAFT_SLACK_S, 60);
	is_no_policy(TRB_E_POLICY, "time.slack_s");
}
END_TEST

/* What is missing is no demand that got lost. */
START_TEST(half_a_draft_is_no_policy)
{
	is_no_policy(TRB_E_POLICY, "demands nothing");
	ck_assert_int_eq(trb_draft_add_aws_root(draft, NULL), TRB_OK);
	is_no_policy(TRB_E_POLICY, "\"measurements\" is missing");
	again();
	fill();
	ck_assert_int_eq(trb_draft_add_aws_root(draft, NULL), TRB_OK);
	is_no_policy(TRB_E_POLICY, "never both");
	again();
	fill();
	accept(TRB_DRAFT_LOG_KEY, mint_log_vkey());
	is_no_policy(TRB_E_POLICY, "log.keys[0]");
	again();
	fill();
	accept(TRB_DRAFT_REF, "any");
	is_no_policy(TRB_E_POLICY, "source.refs[1]");
	again();
	fill();
	number(TRB_DRAFT_MAX_STEPS, 1);
	is_no_policy(TRB_E_POLICY, "source.history");
	again();
	fill();
	number(TRB_DRAFT_NOT_BEFORE, MINT_TIME);
	is_no_policy(TRB_E_POLICY, "time.not_before");
}
END_TEST

START_TEST(arguments_are_checked)
{
	uint8_t zero[48] = { 0 };

	ck_assert_int_eq(trb_draft_new(NULL, NULL), TRB_E_INVAL);
	ck_assert_int_eq(trb_draft_accept(draft, 0, "any", NULL), TRB_E_INVAL);
	ck_assert_int_eq(trb_draft_accept(draft, 12, "any", NULL), TRB_E_INVAL);
	ck_assert_int_eq(trb_draft_accept(draft, TRB_DRAFT_REF, NULL, NULL), TRB_E_INVAL);
	ck_assert_int_eq(trb_draft_accept(NULL, TRB_DRAFT_REF, "any", NULL), TRB_E_INVAL);
	ck_assert_int_eq(trb_draft_set_number(draft, 0, 1, NULL), TRB_E_INVAL);
	ck_assert_int_eq(trb_draft_set_number(draft, 8, 1, NULL), TRB_E_INVAL);
	ck_assert_int_eq(trb_draft_set_number(draft, TRB_DRAFT_CPUS, UINT64_MAX, NULL),
			 TRB_E_INVAL);
	ck_assert_int_eq(trb_draft_add_pcr(draft, "m", 5, TRB_BYTES(m.pcr[0], 48), NULL),
			 TRB_E_INVAL);
	ck_assert_int_eq(trb_draft_add_pcr(draft, "m", 0, TRB_BYTES(m.pcr[0], 32), NULL),
			 TRB_E_INVAL);
	ck_assert_int_eq(trb_draft_add_pcr(draft, "m", 0, TRB_BYTES(zero, 48), NULL), TRB_E_INVAL);
	ck_assert_int_eq(trb_draft_add_pcr(draft, "m", 8, TRB_BYTES(zero, 48), NULL), TRB_OK);
	ck_assert_int_eq(trb_draft_add_pcr(draft, "m", 0, TRB_BYTES(m.pcr[0], 48), NULL), TRB_OK);
	ck_assert_int_eq(trb_draft_add_pcr(draft, "m", 0, TRB_BYTES(m.pcr[0], 48), NULL),
			 TRB_E_INVAL);
	ck_assert_int_eq(trb_draft_add_root(draft, TRB_BYTES_NULL, NULL), TRB_E_FORMAT);
	ck_assert_int_eq(trb_draft_propose_bundle(draft, "m", NULL, NULL), TRB_E_INVAL);
	ck_assert_ptr_null(trb_draft_unref(NULL));
	ck_assert_ptr_eq(trb_draft_ref(draft), draft);
	trb_draft_unref(draft);
}
END_TEST

#define DESCRIBED(more)                                                                     \
	"{" more "\"Measurements\": {\"HashAlgorithm\": \"Sha384 { ... }\", \"PCR0\": \"" P \
	"\", \"PCR1\": \"" P "\", \"PCR2\": \"" P "\"}}"
START_TEST(descriptions_are_read_whole_or_not_at_all)
{
	static const struct {
		const char *text;
		int code;
	} rows[] = {
		{ DESCRIBED(""), TRB_OK },
		{ DESCRIBED("\"CheckCRC\": true, \"SignatureCheck\": null, \"x\": 1.5, "), TRB_OK },
		{ DESCRIBED("\"CheckCRC\": false, "), TRB_E_FORMAT },
		{ DESCRIBED("\"SignatureCheck\": false, "), TRB_E_FORMAT },
		{ DESCRIBED("\"CheckCRC\": \"yes\", "), TRB_E_FORMAT },
		{ DESCRIBED("") " ", TRB_OK },
		{ DESCRIBED("") "x", TRB_E_FORMAT },
		{ DESCRIBED("\"Measurements\": {}, "), TRB_E_FORMAT },
		{ "{\"Measurements\": {\"PCR0\": \"" P "\", \"PCR1\": \"" P "\"}}", TRB_E_FORMAT },
		{ "{\"Measurements\": {\"PCR0\": \"" P "\", \"PCR1\": \"" P "\", \"PCR2\": \"" P
		  "\", \"PCR8\": \"" P "\", \"PCR8\": \"" P "\"}}",
		  TRB_E_FORMAT },
		{ "{\"Measurements\": {\"PCR0\": \"11\", \"PCR1\": \"" P "\", \"PCR2\": \"" P
		  "\"}}",
		  TRB_E_FORMAT },
		{ "{\"PCR0\": \"" P "\", \"PCR1\": \"" P "\", \"PCR2\": \"" P "\"}", TRB_OK },
		{ "{\"PCR0\": \"" P "\", \"pcr0\": \"" P "\", \"PCR1\": \"" P "\", \"PCR2\": \"" P
		  "\"}",
		  TRB_E_FORMAT },
		{ "[]", TRB_E_FORMAT },
		{ "", TRB_E_FORMAT },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_(trb_error_unrefp) trb_error *err = NULL;

		again();
		ck_assert_msg(trb_draft_add_description(draft, "m", trb_bytes_str(rows[i].text),
							&err) == rows[i].code,
			      "%s: %s", rows[i].text, trb_error_message(err));
	}
}
END_TEST

/* A bundle's word is no person's. */
START_TEST(proposals_do_not_load)
{
	_cleanup_(trb_bundle_unrefp) trb_bundle *bundle = mint_bundle(&m);
	_cleanup_free_ char *json = NULL, *comments = NULL;
	trb_policy *policy = NULL;

	ck_assert_int_eq(trb_draft_set_origin(draft, "a\x1b[2Jb", NULL), TRB_OK);
	ck_assert_int_eq(trb_draft_propose_bundle(draft, "m", bundle, NULL), TRB_OK);
	ck_assert_int_eq(trb_draft_propose_bundle(draft, "m", bundle, NULL), TRB_E_INVAL);
	json = text_of(trb_draft_to_json);
	ck_assert_int_eq(trb_policy_parse(trb_bytes_str(json), &policy, NULL), TRB_E_POLICY);
	ck_assert_ptr_nonnull(strstr(json, "\"proposed\""));
	ck_assert_ptr_null(strstr(json, "\"history\""));
	comments = text_of(trb_draft_to_comments);
	ck_assert_ptr_null(strchr(comments, '\x1b'));
	ck_assert_ptr_nonnull(strstr(comments, "added what is missing"));
	/* half of a section would waive the other half */
	accept(TRB_DRAFT_REF, MINT_REF);
	is_no_policy(TRB_E_INVAL, "repositories and refs");
	accept(TRB_DRAFT_REPOSITORY, MINT_REPO);
	free(json);
	json = text_of(trb_draft_to_json);
	ck_assert_int_eq(trb_policy_parse(trb_bytes_str(json), &policy, NULL), TRB_E_POLICY);
	/* what a person says is held to its grammar beside proposals, too */
	accept(TRB_DRAFT_LOG_KEY, "nonsense");
	is_no_policy(TRB_E_POLICY, "log.keys[0]");
}
END_TEST

START_TEST(a_bundle_behind_the_tip_proposes_no_more_than_it_needs)
{
	_cleanup_(trb_bundle_unrefp) trb_bundle *bundle = NULL;
	_cleanup_free_ char *json = NULL;

	m.own_history = true;
	m.environment.history = (struct trb_history){ .there = true,
						      .relation = TRB_RELATION_FIRST_PARENT,
						      .steps = 3 };
	memset(&m.environment.history.tip.id, 1, 20);
	m.environment.history.tip.algorithm = 1;
	m.environment.location = TRB_BYTES_LIT(MINT_REPO "/moved");
	bundle = mint_bundle(&m);
	ck_assert_int_eq(trb_draft_propose_bundle(draft, "m", bundle, NULL), TRB_OK);
	json = text_of(trb_draft_to_json);
	ck_assert_ptr_nonnull(strstr(json, "\"max_steps\": 3"));
	ck_assert_ptr_nonnull(strstr(json, MINT_REPO "/moved"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("draft");
	TCase *tc = tcase_create("draft");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, a_draft_is_as_strict_as_it_can_be);
	tcase_add_test(tc, everything_can_be_said);
	tcase_add_test(tc, live_drafts_have_an_age);
	tcase_add_test(tc, half_a_draft_is_no_policy);
	tcase_add_test(tc, arguments_are_checked);
	tcase_add_test(tc, descriptions_are_read_whole_or_not_at_all);
	tcase_add_test(tc, proposals_do_not_load);
	tcase_add_test(tc, a_bundle_behind_the_tip_proposes_no_more_than_it_needs);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
