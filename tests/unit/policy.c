/* SPDX-License-Identifier: Apache-2.0 */
/* Policies: what loads, and what is refused with line and field. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>

#include "format/note.h"
#include "judging.h"

#define P0                                                 \
	"111111111111111111111111111111111111111111111111" \
	"111111111111111111111111111111111111111111111111"
#define Z0                                                 \
	"000000000000000000000000000000000000000000000000" \
	"000000000000000000000000000000000000000000000000"
#define D1 "1111111111111111111111111111111111111111111111111111111111111111"
#define D2 "2222222222222222222222222222222222222222222222222222222222222222"
#define M(a, b, c) \
	"[{\"name\": \"m\", \"pcrs\": {\"0\": \"" a "\", \"1\": \"" b "\", \"2\": \"" c "\"}}]"

START_TEST(good_policies_load)
{
	policy_loads();
	p.recipe = p.sandbox = p.artifacts = NULL;
	policy_loads();
	p.roots = "[{\"simulated\": \"" D1 "\"}, {\"simulated\": \"" D2 "\"}]";
	policy_loads();
	p.roots = "[\"aws-nitro\"]";
	p.source = "{\"repositories\": \"any\", \"refs\": \"any\", \"commits\": \"any\"}";
	p.recipe = "[\"" D1 "\"]";
	p.artifacts = "[\"out/a\", \"b\"]";
	p.sandbox = "{\"runtimes\": \"any\", \"network\": [\"a.example:443\"]}";
	p.time = "{\"mode\": \"live\", \"max_age_s\": 1}";
	p.log = "\"none\"";
	p.more = ", \"endorsers\": \"none\", \"revocation\": \"none\", \"live\": \"none\"";
	policy_loads();
}
END_TEST

START_TEST(roots_are_told_apart)
{
	_cleanup_(trb_policy_unrefp) trb_policy *policy = mint_policy(&p);

	ck_assert_int_eq(trb_policy_accepts_hardware(policy), 0);
	ck_assert_int_eq(trb_policy_accepts_simulated(policy), 1);
	ck_assert_int_eq(trb_policy_accepts_hardware(NULL), 0);
}
END_TEST

START_TEST(a_policy_that_demands_nothing_is_none)
{
	policy_refused_text("{\"policy\": 2}", TRB_E_POLICY, "demands nothing");
	policy_refused_text("{}", TRB_E_POLICY, "is no policy");
	policy_refused_text("[]", TRB_E_POLICY, "must be an object");
	policy_refused_text("{\"policy\": 1}", TRB_E_POLICY, "version 1 was never released");
	policy_refused_text("{\"policy\": 3, \"wants\": 1}", TRB_E_POLICY,
			    "version 3 needs a later release");
	policy_refused_text("{\"policy\": \"2\"}", TRB_E_POLICY, "policy");
	p.roots = NULL;
	policy_refused("\"roots\" is missing");
	p.measurements = NULL;
	policy_refused("\"measurements\" is missing");
	p.source = NULL;
	policy_refused("\"source\" is missing");
	p.log = NULL;
	policy_refused("\"log\" is missing");
	p.time = NULL;
	policy_refused("\"time\" is missing");
}
END_TEST

START_TEST(empty_and_zero_measurements_are_refused)
{
	p.measurements = "[]";
	policy_refused("measurements");
	p.measurements = "\"any\"";
	policy_refused("nobody knows");
	p.measurements = M(P0, P0, Z0);
	policy_refused("measurements[0].pcrs.2");
	p.measurements = M(Z0, Z0, Z0);
	policy_refused("debug enclave");
	p.measurements = M(P0, "", P0);
	policy_refused("measurements[0].pcrs.1");
	p.measurements = M(P0, P0, "11");
	policy_refused("measurements[0].pcrs.2");
	p.measurements = "[{\"name\": \"m\", \"pcrs\": {\"0\": \"" P0 "\", \"1\": \"" P0 "\"}}]";
	policy_refused("'2' is missing");
	p.measurements = "[{\"name\": \"m\", \"pcrs\": {}}]";
	policy_refused("measurements[0].pcrs");
	p.measurements = "[{\"name\": \"m\", \"pcrs\": {\"0\": \"" P0 "\", \"1\": \"" P0
			 "\", \"2\": \"" P0 "\", \"16\": \"" P0 "\"}}]";
	policy_refused("16");
	p.measurements = "[{\"name\": \"m\", \"pcrs\": {\"0\": \"" P0 "\", \"1\": \"" P0
			 "\", \"2\": \"" P0 "\", \"8\": \"" Z0 "\"}}]";
	policy_refused("measurements[0].pcrs.8");
	p.measurements = "[{\"name\": \"\", \"pcrs\": {\"0\": \"" P0 "\", \"1\": \"" P0
			 "\", \"2\": \"" P0 "\"}}]";
	policy_refused("measurements[0].name");
}
END_TEST

/* What other verifiers take for an expectation that is met. */
START_TEST(evervault_and_epsilon_accept_no_expected_pcrs)
{
	p.measurements = NULL;
	policy_refused("\"measurements\" is missing");
	p.measurements = "[]";
	policy_refused("measurements");
	p.measurements = "[{\"name\": \"m\", \"pcrs\": {}}]";
	policy_refused("'0' is missing");
}
END_TEST

START_TEST(evervault_and_remote_attestation_verifier_leave_out_pcrs)
{
	static const char *const without[] = {
		"\"1\": \"" P0 "\", \"2\": \"" P0 "\"",
		"\"0\": \"" P0 "\", \"2\": \"" P0 "\"",
		"\"0\": \"" P0 "\", \"1\": \"" P0 "\"",
	};
	char says[32], text[512];

	for (int i = 0; i < 3; i++) {
		snprintf(says, sizeof(says), "'%d' is missing", i);
		snprintf(text, sizeof(text), "[{\"name\": \"m\", \"pcrs\": {%s}}]", without[i]);
		p.measurements = text;
		policy_refused(says);
	}
}
END_TEST

START_TEST(remote_attestation_verifier_lets_zeros_match_anything)
{
	p.measurements = M(Z0, P0, P0);
	policy_refused("measurements[0].pcrs.0");
	p.measurements = M(P0, "00", P0);
	policy_refused("measurements[0].pcrs.1");
}
END_TEST

START_TEST(roots_are_pinned)
{
	static const char *const bad[] = {
		"[]",
		"\"any\"",
		"\"aws-nitro\"",
		"[\"aws\"]",
		"[\"AWS-NITRO\"]",
		"[{}]",
		"[{\"simulated\": \"\"}]",
		"[{\"simulated\": \"any\"}]",
		"[{\"hardware\": \"" D1 "\"}]",
		"[{\"simulated\": \"" D1 "\", \"hardware\": true}]",
		"[null]",
		"[\"aws-nitro\", \"aws-nitro\"]",
		"[\"aws-nitro\", {\"simulated\": \"" D1 "\"}]",
		"[{\"simulated\": \"" D1 "\"}, \"aws-nitro\"]",
		"[{\"simulated\": \"" D1 "\"}, {\"simulated\": \"" D1 "\"}]",
		"[{\"simulated\": "
		"\"0000000000000000000000000000000000000000000000000000000000000000\"}]",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		p.roots = bad[i];
		policy_refused("roots");
	}
}
END_TEST

/* Whoever holds the development key of an image everywhere would mint its hardware measurement. */
START_TEST(hardware_and_simulated_roots_never_mix)
{
	p.roots = "[\"aws-nitro\", {\"simulated\": \"" D1 "\"}]";
	policy_refused("roots[1]: roots are of hardware or simulated, never both");
	p.roots = "[{\"simulated\": \"" D1 "\"}, {\"simulated\": \"" D2 "\"}, \"aws-nitro\"]";
	policy_refused("roots[2]: roots are of hardware or simulated, never both");
	p.roots = "[\"aws-nitro\"]";
	policy_loads();
}
END_TEST

#define SOURCE(r, f, c) "{\"repositories\": " r ", \"refs\": " f ", \"commits\": " c "}"
START_TEST(sources_follow_their_grammar)
{
	static const char *const bad[] = {
		SOURCE("[]", "\"any\"", "\"any\""),
		SOURCE("\"none\"", "\"any\"", "\"any\""),
		SOURCE("[\"http://a.example/b\"]", "\"any\"", "\"any\""),
		SOURCE("[\"https://a.example/b/../c\"]", "\"any\"", "\"any\""),
		SOURCE("[\"https://u@a.example/b\"]", "\"any\"", "\"any\""),
		SOURCE("[\"https://a.example/b?c\"]", "\"any\"", "\"any\""),
		SOURCE("[\"https://a.example/*\"]", "\"any\"", "\"any\""),
		SOURCE("[\"any\"]", "\"any\"", "\"any\""),
		SOURCE("\"any\"", "[\"main\"]", "\"any\""),
		SOURCE("\"any\"", "[]", "\"any\""),
		SOURCE("\"any\"", "[\"refs/heads/\"]", "\"any\""),
		SOURCE("\"any\"", "\"any\"", "[]"),
		SOURCE("\"any\"", "\"any\"", "[\"abc\"]"),
		SOURCE("\"any\"", "\"any\"", "[\"1F7a7a472abf3dd9643fd615f6da379c4acb3e3a\"]"),
		SOURCE("\"any\"", "\"any\"", "null"),
		SOURCE("\"any\"", "\"any\"", "[\"" MINT_COMMIT "\", \"" MINT_COMMIT "\"]"),
		"{\"repositories\": \"any\", \"refs\": \"any\"}",
		"{}",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		p.source = bad[i];
		policy_refused("source");
	}
}
END_TEST

START_TEST(sections_that_are_wrong_are_refused)
{
	static const struct {
		const char *recipe, *sandbox, *artifacts, *says;
	} bad[] = {
		{ "\"none\"", NULL, NULL, "recipe" },
		{ "[]", NULL, NULL, "recipe" },
		{ "[\"11\"]", NULL, NULL, "recipe[0]" },
		{ "true", NULL, NULL, "recipe" },
		{ NULL, "{\"runtimes\": []}", NULL, "sandbox.runtimes" },
		{ NULL, "{\"runtimes\": [\"docker\"]}", NULL, "sandbox.runtimes[0]" },
		{ NULL, "{\"runtimes\": \"runsc\"}", NULL, "sandbox.runtimes" },
		{ NULL, "{\"network\": \"all\"}", NULL, "sandbox.network" },
		{ NULL, "{\"network\": [\"a.example\"]}", NULL, "sandbox.network[0]" },
		{ NULL, "{\"network\": [\"a.example:0\"]}", NULL, "sandbox.network[0]" },
		{ NULL, "{\"network\": [\"a.example:65536\"]}", NULL, "sandbox.network[0]" },
		{ NULL, "{\"network\": [\":443\"]}", NULL, "sandbox.network[0]" },
		{ NULL, "{\"net\": \"none\"}", NULL, "net" },
		{ NULL, NULL, "[]", "artifacts" },
		{ NULL, NULL, "[\"/abs\"]", "artifacts[0]" },
		{ NULL, NULL, "[\"a/../b\"]", "artifacts[0]" },
		{ NULL, NULL, "[\"a\", \"a\"]", "artifacts[1]" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		p.recipe = bad[i].recipe;
		p.sandbox = bad[i].sandbox;
		p.artifacts = bad[i].artifacts;
		policy_refused(bad[i].says);
	}
}
END_TEST

START_TEST(time_has_a_mode_and_a_bound)
{
	static const char *const bad[] = {
		"{}",
		"{\"mode\": \"now\"}",
		"{\"mode\": \"archival\"}",
		"{\"mode\": \"archival\", \"bound\": \"any\"}",
		"{\"mode\": \"archival\", \"bound\": \"witness\", \"max_age_s\": 1}",
		"{\"mode\": \"archival\", \"bound\": \"witness\", \"slack_s\": -1}",
		"{\"mode\": \"live\"}",
		"{\"mode\": \"live\", \"max_age_s\": 0}",
		"{\"mode\": \"live\", \"max_age_s\": 1, \"bound\": \"none\"}",
		"{\"mode\": \"live\", \"max_age_s\": 1, \"slack_s\": 1}",
		"{\"mode\": \"live\", \"max_age_s\": 9007199254740992}",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		p.time = bad[i];
		policy_refused("time");
	}
	p.log = mint_unwitnessed_log();
	policy_refused("no quorum");
}
END_TEST

static void refused_log(const char *says, const char *fmt, const char *a, const char *b)
{
	char text[2048];

	snprintf(text, sizeof(text), fmt, a, b);
	p.log = text;
	p.time = "{\"mode\": \"archival\", \"bound\": \"none\"}";
	policy_refused(says);
}

/* The log's own key as that of a witness, under another name. */
static char *log_as_witness(const char *log)
{
	struct trb_vkey key, renamed;
	struct trb_buf b;
	char *text;

	ck_assert_int_eq(trb_vkey_parse(trb_bytes_str(log), &key, NULL), TRB_OK);
	ck_assert_int_eq(trb_vkey_make("witness.example", TRB_KEY_COSIGNATURE,
				       TRB_BYTES(key.key, key.len), &renamed, NULL),
			 TRB_OK);
	trb_buf_init(&b, TRB_VKEY_MAX);
	trb_vkey_put(&b, &renamed);
	ck_assert_int_eq(trb_buf_to_str(&b, "vkey", &text, NULL), TRB_OK);
	return text;
}

START_TEST(a_log_is_no_witness_of_itself)
{
	const char *log = mint_log_vkey();
	_cleanup_free_ char *twin = log_as_witness(log);
	char logs[512], witnesses[512];

	refused_log("a log is no witness of itself",
		    "{\"keys\": [\"%s\"], \"witnesses\": {\"keys\": [\"%s\"], \"quorum\": 1}}", log,
		    twin);
	refused_log("log.witnesses.keys[0]",
		    "{\"keys\": [\"%s\"], \"witnesses\": {\"keys\": [\"%s\"], \"quorum\": 1}}", log,
		    twin);
	/* each witness against each log */
	snprintf(logs, sizeof(logs), "%s\", \"%s", mint_second_log_vkey(), log);
	snprintf(witnesses, sizeof(witnesses), "%s\", \"%s", mint_witness_vkey(0), twin);
	refused_log("log.witnesses.keys[1]: this is a log's key",
		    "{\"keys\": [\"%s\"], \"witnesses\": {\"keys\": [\"%s\"], \"quorum\": 1}}",
		    logs, witnesses);
}
END_TEST

#define OTHER_LOG "log.forge.example+e235a48e+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c"

START_TEST(log_keys_and_witnesses_are_distinct_and_of_their_kind)
{
	const char *log = mint_log_vkey(), *w = mint_witness_vkey(0), *v = mint_witness_vkey(1);

	refused_log("log.keys", "{\"keys\": [], \"witnesses\": \"none\"}", "", "");
	refused_log("log.keys[0]", "{\"keys\": [\"nonsense\"], \"witnesses\": \"none\"}", "", "");
	refused_log("log.keys[0]", "{\"keys\": [\"%s\"], \"witnesses\": \"none\"}", w, "");
	refused_log("twice", "{\"keys\": [\"%s\", \"%s\"], \"witnesses\": \"none\"}", log, log);
	refused_log("witnesses", "{\"keys\": [\"%s\"]}", log, "");
	refused_log("witnesses", "{\"keys\": [\"%s\"], \"witnesses\": \"any\"}", log, "");
	refused_log("quorum", "{\"keys\": [\"%s\"], \"witnesses\": {\"keys\": [\"%s\"]}}", log, w);
	refused_log("log.witnesses.quorum",
		    "{\"keys\": [\"%s\"], \"witnesses\": {\"keys\": [\"%s\"], \"quorum\": 0}}", log,
		    w);
	refused_log("log.witnesses.quorum",
		    "{\"keys\": [\"%s\"], \"witnesses\": {\"keys\": [], \"quorum\": 0}}", log, w);
	refused_log("log.witnesses.quorum",
		    "{\"keys\": [\"%s\"], \"witnesses\": {\"keys\": [\"%s\"], \"quorum\": 2}}", log,
		    w);
	refused_log("log.witnesses.keys[0]",
		    "{\"keys\": [\"%s\"], \"witnesses\": {\"keys\": [\"%s\"], \"quorum\": 1}}", log,
		    log);
	refused_log("log.witnesses.keys[1]",
		    "{\"keys\": [\"" OTHER_LOG
		    "\"], \"witnesses\": {\"keys\": [\"%s\", \"%s\"], \"quorum\": 1}}",
		    w, w);
	ck_assert_str_ne(w, v);
	/* one person with two keys */
	refused_log("another witness has this name",
		    "{\"keys\": [\"" OTHER_LOG "\"], \"witnesses\": {\"keys\": [\"%s\", "
		    "\"%s\"], \"quorum\": 1}}",
		    w, mint_namesake_vkey());
}
END_TEST

static void not_yet(const char *says)
{
	_cleanup_free_ char *json = mint_policy_json(&p);

	policy_refused_text(json, TRB_E_UNSUPPORTED, says);
}

/* What a later release checks is refused, not ignored. */
START_TEST(demands_of_later_releases_are_refused)
{
	p.more = ", \"endorsers\": {\"keys\": [], \"demands\": [{}]}";
	not_yet("endorsers: this release cannot check endorsements yet");
	p.more = ", \"revocation\": {\"lists\": [{}]}";
	not_yet("revocation: this release cannot check revocations yet");
	p.more = ", \"live\": {\"x\": 1}";
	not_yet("live: this release cannot check a running enclave yet");
	p.measurements = "\"endorsed\"";
	not_yet("measurements: this release cannot check endorsed measurements yet");
	p.sandbox = "{\"rootfs\": \"any\"}";
	not_yet("sandbox.rootfs: this release cannot check");
	p.sandbox = "{\"manager\": null}";
	not_yet("sandbox.manager: this release cannot check");
	p.log = "{\"policy\": \"log a b\"}";
	not_yet("log.policy: this release cannot check");
	p.more = ", \"endorsers\": {\"quorum\": 1}";
	policy_refused("endorsers.quorum");
	p.more = ", \"endorsers\": {\"keys\": []}";
	policy_refused("'demands' is missing");
	p.more = ", \"revocation\": []";
	policy_refused("revocation");
	p.more = ", \"live\": true";
	policy_refused("live");
}
END_TEST

START_TEST(proposals_are_not_loaded)
{
	p.more = ", \"proposed\": {}";
	policy_refused("no person has decided");
	policy_refused_text("{\"policy\": 2, \"proposed\": {\"roots\": []}}", TRB_E_POLICY,
			    "no person has decided");
}
END_TEST

/* JSON that two parsers read differently is refused before anything is believed: each text is a
 * policy that loads, but for what is ambiguous in it. */
START_TEST(ambiguous_json_is_refused)
{
	static const struct {
		const char *more, *says;
	} bad[] = {
		{ ", \"endorsers\": \"none\", \"endorsers\": \"none\"",
		  "'endorsers' stands twice" },
		{ ", \"endorsers\": \"none\", \"\\u0065ndorsers\": \"none\"",
		  "'endorsers' stands twice" },
		{ ", \"log\": \"none\"", "'log' stands twice" },
		{ ", \"endorsers\": \"none\\u0000\"", "\\u0000 is not allowed" },
		{ ", \"endorsers\": \"none\\u0000, and then more\"", "\\u0000 is not allowed" },
		{ ", \"endorsers\\u0000\": \"none\"", "\\u0000 is not allowed" },
		{ ", \"Endorsers\": \"none\"", "Endorsers" },
		{ ", \"endorsers\": \"none\",", "a name in quotes must stand here" },
		{ "} {", "more text after the value" },
	};
	static const struct {
		const char *age, *says;
	} numbers[] = {
		{ "600.0", "fractions and exponents" },
		{ "6e2", "fractions and exponents" },
		{ "0600", "leading zero" },
		{ "600, \"max_age_s\": 700", "'max_age_s' stands twice" },
	};
	_cleanup_free_ char *json = NULL, *marked = NULL;
	char time[128];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		p.more = bad[i].more;
		policy_refused(bad[i].says);
	}
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		snprintf(time, sizeof(time), "{\"mode\": \"live\", \"max_age_s\": %s}",
			 numbers[i].age);
		p.time = time;
		policy_refused(numbers[i].says);
	}
	/* and the same without */
	p.more = ", \"endorsers\": \"none\"";
	p.time = "{\"mode\": \"live\", \"max_age_s\": 600}";
	policy_loads();
	json = mint_policy_json(&p);
	ck_assert_int_gt(asprintf(&marked, "\xef\xbb\xbf%s", json), 0);
	policy_refused_text(marked, TRB_E_POLICY, "a value must stand here");
}
END_TEST

START_TEST(too_long_is_refused)
{
	size_t n = TRB_POLICY_MAX + 1;
	_cleanup_free_ char *text = malloc(n);
	trb_policy *policy = NULL;

	memset(text, ' ', n);
	ck_assert_int_eq(trb_policy_parse(TRB_BYTES(text, n), &policy, NULL), TRB_E_LIMIT);
	ck_assert_int_eq(trb_policy_parse(TRB_BYTES_NULL, &policy, NULL), TRB_E_POLICY);
	ck_assert_int_eq(trb_policy_parse(TRB_BYTES(text, 1), NULL, NULL), TRB_E_INVAL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("policy");
	TCase *tc = tcase_create("policy");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, judging_set_up, judging_tear_down);
	tcase_add_test(tc, good_policies_load);
	tcase_add_test(tc, roots_are_told_apart);
	tcase_add_test(tc, a_policy_that_demands_nothing_is_none);
	tcase_add_test(tc, empty_and_zero_measurements_are_refused);
	tcase_add_test(tc, evervault_and_epsilon_accept_no_expected_pcrs);
	tcase_add_test(tc, evervault_and_remote_attestation_verifier_leave_out_pcrs);
	tcase_add_test(tc, remote_attestation_verifier_lets_zeros_match_anything);
	tcase_add_test(tc, roots_are_pinned);
	tcase_add_test(tc, sources_follow_their_grammar);
	tcase_add_test(tc, hardware_and_simulated_roots_never_mix);
	tcase_add_test(tc, sections_that_are_wrong_are_refused);
	tcase_add_test(tc, time_has_a_mode_and_a_bound);
	tcase_add_test(tc, a_log_is_no_witness_of_itself);
	tcase_add_test(tc, log_keys_and_witnesses_are_distinct_and_of_their_kind);
	tcase_add_test(tc, demands_of_later_releases_are_refused);
	tcase_add_test(tc, proposals_are_not_loaded);
	tcase_add_test(tc, ambiguous_json_is_refused);
	tcase_add_test(tc, too_long_is_refused);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
