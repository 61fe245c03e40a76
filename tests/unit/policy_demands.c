/* SPDX-License-Identifier: Apache-2.0 */
/* What a policy may demand of history, redirects, machine and witnessed time. */
#include "support.h"

#include "judging.h"

#define SOURCE(r, f, c) "{\"repositories\": " r ", \"refs\": " f ", \"commits\": " c "}"
#define HISTORY(h)      SOURCE("\"any\"", "\"any\"", "\"any\", \"history\": " h)
START_TEST(history_says_how_far_from_the_tip)
{
	static const struct {
		const char *source;
		uint64_t relation, max_steps;
	} good[] = {
		{ SOURCE("\"any\"", "\"any\"", "\"any\""), TRB_RELATION_TIP, 0 },
		{ HISTORY("\"tip\""), TRB_RELATION_TIP, 0 },
		{ HISTORY("\"first-parent\""), TRB_RELATION_FIRST_PARENT, 0 },
		{ HISTORY("{\"first-parent\": {\"max_steps\": 1}}"), TRB_RELATION_FIRST_PARENT, 1 },
		{ HISTORY("\"reachable\""), TRB_RELATION_REACHABLE, 0 },
	};
	static const char *const bad[] = {
		HISTORY("\"any\""),
		HISTORY("\"none\""),
		HISTORY("\"Tip\""),
		HISTORY("null"),
		HISTORY("1"),
		HISTORY("{}"),
		HISTORY("[\"tip\"]"),
		HISTORY("{\"first-parent\": {}}"),
		HISTORY("{\"first-parent\": 1}"),
		HISTORY("{\"first-parent\": {\"max_steps\": 0}}"),
		HISTORY("{\"first-parent\": {\"max_steps\": -1}}"),
		HISTORY("{\"first-parent\": {\"max_steps\": \"1\"}}"),
		HISTORY("{\"first-parent\": {\"max_steps\": 1, \"x\": 1}}"),
		HISTORY("{\"reachable\": {\"max_steps\": 1}}"),
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		_cleanup_(trb_policy_unrefp) trb_policy *policy = NULL;

		p.source = good[i].source;
		policy = mint_policy(&p);
		ck_assert_uint_eq(policy->history, good[i].relation);
		ck_assert_uint_eq(policy->max_steps, good[i].max_steps);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		p.source = bad[i];
		policy_refused("source.history");
	}
}
END_TEST

#define REDIRECTS(u) SOURCE("\"any\"", "\"any\"", "\"any\", \"redirects\": " u)
START_TEST(redirects_are_none_any_or_urls)
{
	static const char *const bad[] = { REDIRECTS("\"all\""), REDIRECTS("[]"),
					   REDIRECTS("[\"any\"]"),
					   REDIRECTS("[\"http://a.example/b\"]") };

	p.source = REDIRECTS("\"none\"");
	policy_loads();
	p.source = REDIRECTS("\"any\"");
	policy_loads();
	p.source = REDIRECTS("[\"https://a.example/b\"]");
	policy_loads();
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		p.source = bad[i];
		policy_refused("source.redirects");
	}
}
END_TEST

#define MACHINE(m) "{\"machine\": " m "}"
START_TEST(the_machine_is_any_or_pinned)
{
	static const char *const bad[] = {
		MACHINE("\"none\""),
		MACHINE("{}"),
		MACHINE("null"),
		MACHINE("[\"any\"]"),
		MACHINE("{\"cpus\": 0}"),
		MACHINE("{\"cpus\": 65537}"),
		MACHINE("{\"cpus\": \"4\"}"),
		MACHINE("{\"memory_mib\": 0}"),
		MACHINE("{\"cpus\": 4, \"model\": \"x\"}"),
	};
	static const char *const good[] = {
		MACHINE("\"any\""), MACHINE("{\"cpus\": 65536}"), MACHINE("{\"memory_mib\": 1}"),
		MACHINE("{\"cpus\": 4, \"memory_mib\": 9007199254740992}")
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		p.sandbox = good[i];
		policy_loads();
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		p.sandbox = bad[i];
		policy_refused("sandbox.machine");
	}
}
END_TEST

#define NOT_BEFORE(t) "{\"mode\": \"archival\", \"bound\": \"witness\", \"not_before\": \"" t "\"}"
START_TEST(not_before_is_a_time_of_witnesses)
{
	static const char *const bad[] = {
		NOT_BEFORE(""),
		NOT_BEFORE("2026-11-30"),
		NOT_BEFORE("2026-11-30T00:00:00"),
		NOT_BEFORE("2026-11-30T00:00:00.5Z"),
		NOT_BEFORE("2026-11-30T00:00:00+00:00"),
		NOT_BEFORE("2026-02-30T00:00:00Z"),
		NOT_BEFORE("1970-01-01T00:00:00Z"),
		"{\"mode\": \"archival\", \"bound\": \"witness\", \"not_before\": 1}",
		"{\"mode\": \"archival\", \"bound\": \"none\", \"not_before\": "
		"\"2026-11-30T00:00:00Z\"}",
		"{\"mode\": \"live\", \"max_age_s\": 1, \"not_before\": "
		"\"2026-11-30T00:00:00Z\"}",
	};

	p.time = NOT_BEFORE("2026-11-30T00:00:00Z");
	policy_loads();
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		p.time = bad[i];
		policy_refused("time.not_before");
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("policy-demands");
	TCase *tc = tcase_create("policy-demands");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, judging_set_up, judging_tear_down);
	tcase_add_test(tc, history_says_how_far_from_the_tip);
	tcase_add_test(tc, redirects_are_none_any_or_urls);
	tcase_add_test(tc, the_machine_is_any_or_pinned);
	tcase_add_test(tc, not_before_is_a_time_of_witnesses);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
