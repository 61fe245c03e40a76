/* SPDX-License-Identifier: Apache-2.0 */
/* How the commit stands to its ref, where the repository was redirected to, which machine built:
 * what a policy accepts, what it refuses, and what the report warns of. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>

#include "judging.h"

#define TIP   "2f7a7a472abf3dd9643fd615f6da379c4acb3e3a"
#define TAG   "3f7a7a472abf3dd9643fd615f6da379c4acb3e3a"
#define MOVED "https://forge.example/moved/widget"
#define SOURCE(more)                                                     \
	"{\"repositories\": [\"" MINT_REPO "\"], \"refs\": [\"" MINT_REF \
	"\"], \"commits\": \"any\"" more "}"
#define HISTORY(h) SOURCE(", \"history\": " h)

/* What tb-host policy init writes: no word on history. */
static const char as_drafted[] = SOURCE("");
static const char first_parent[] = HISTORY("\"first-parent\"");
static const char reachable[] = HISTORY("\"reachable\"");

/* The ref's tip is another commit, so many steps ahead. */
static void behind(uint64_t relation, uint64_t steps)
{
	m.own_history = true;
	m.environment.history =
		(struct trb_history){ .there = true, .relation = relation, .steps = steps };
	ck_assert(trb_commit_from_hex(TRB_BYTES_LIT(TIP), &m.environment.history.tip));
}

static void expect_under(const char *source, const char *check)
{
	p.source = source;
	expect(check);
}

static bool warned(const char *says)
{
	const char *caution;

	for (size_t i = 0; (caution = trb_report_caution(j.report, i)) != NULL; i++)
		if (strstr(caution, says) != NULL)
			return true;
	return false;
}

START_TEST(the_tip_is_verified)
{
	expect_under(as_drafted, NULL);
	ck_assert_str_eq(trb_claims_get_relation(j.claims), "tip");
	ck_assert_str_eq(trb_claims_get_ref_tip(j.claims), MINT_COMMIT);
	ck_assert_uint_eq(trb_claims_get_steps(j.claims), 0);
	ck_assert_ptr_null(trb_claims_get_ref_tag(j.claims));
	ck_assert(!warned("behind the tip"));
	expect_under(first_parent, NULL);
	expect_under(reachable, NULL);
}
END_TEST

/* The 0.9 with the hole, asked for under the tag of 2.0: its first parent. */
START_TEST(an_old_commit_under_a_new_tag_is_refused)
{
	static const char tags[] = "{\"repositories\": [\"" MINT_REPO
				   "\"], \"refs\": [\"refs/tags/v2.0\"], \"commits\": \"any\"}";

	m.request.ref = TRB_BYTES_LIT("refs/tags/v2.0");
	behind(TRB_RELATION_FIRST_PARENT, 1);
	m.environment.history.tagged = true;
	ck_assert(trb_commit_from_hex(TRB_BYTES_LIT(TAG), &m.environment.history.tag));
	expect_under(tags, "source.history");
	/* the release itself, under the same policy */
	ck_assert(trb_commit_from_hex(TRB_BYTES_LIT(TIP), &m.request.commit));
	m.environment.history.relation = TRB_RELATION_TIP;
	m.environment.history.steps = 0;
	expect_under(tags, NULL);
	ck_assert_str_eq(trb_claims_get_ref_tag(j.claims), TAG);
}
END_TEST

START_TEST(a_merged_side_branch_is_refused)
{
	behind(TRB_RELATION_REACHABLE, 2);
	expect_under(as_drafted, "source.history");
	expect_under(first_parent, "source.history");
	expect_under(HISTORY("{\"first-parent\": {\"max_steps\": 9}}"), "source.history");
	expect_under(reachable, NULL);
	ck_assert_str_eq(trb_claims_get_relation(j.claims), "reachable");
	ck_assert(warned("side branches"));
}
END_TEST

START_TEST(steps_behind_the_tip_are_counted)
{
	behind(TRB_RELATION_FIRST_PARENT, 2);
	expect_under(as_drafted, "source.history");
	expect_under(HISTORY("\"tip\""), "source.history");
	expect_under(HISTORY("{\"first-parent\": {\"max_steps\": 1}}"), "source.history");
	expect_under(HISTORY("{\"first-parent\": {\"max_steps\": 2}}"), NULL);
	expect_under(first_parent, NULL);
	ck_assert_uint_eq(trb_claims_get_steps(j.claims), 2);
	ck_assert_str_eq(trb_claims_get_ref_tip(j.claims), TIP);
	ck_assert_ptr_nonnull(strstr(actual_of("source.history"), "2 behind the tip, at 20"));
	ck_assert(warned("2 behind the tip, at 20"));
	ck_assert(warned("rebase or fast-forward"));
	ck_assert(warned("foxtrot"));
	expect_under(reachable, NULL);
}
END_TEST

/* Whatever the policy says: facts that contradict each other are nobody's. */
START_TEST(a_relation_that_contradicts_the_facts_is_refused)
{
	behind(TRB_RELATION_TIP, 0);
	expect_under(reachable, "source.history");
	behind(TRB_RELATION_FIRST_PARENT, 1);
	m.environment.history.tip = m.request.commit;
	expect_under(reachable, "source.history");
	/* no history of the ref that was asked for */
	m.environment.history = (struct trb_history){ .there = false };
	expect_under(reachable, "source.history");
	/* a history without a ref */
	behind(TRB_RELATION_FIRST_PARENT, 1);
	m.request.ref = TRB_BYTES_NULL;
	expect_under("{\"repositories\": \"any\", \"refs\": \"any\", \"commits\": \"any\", "
		     "\"history\": \"reachable\"}",
		     "source.history");
	/* ids of two algorithms are in no one history */
	judging_tear_down();
	judging_set_up();
	behind(TRB_RELATION_FIRST_PARENT, 1);
	memset(m.environment.history.tip.id, 0x5a, 32);
	m.environment.history.tip.algorithm = 2;
	expect_under(reachable, "source.history");
	behind(TRB_RELATION_FIRST_PARENT, 1);
	expect_under(reachable, NULL);
}
END_TEST

START_TEST(without_a_ref_there_is_no_relation)
{
	m.request.ref = TRB_BYTES_NULL;
	expect_under(as_drafted, "source.ref");
	expect_under("{\"repositories\": \"any\", \"refs\": \"any\", \"commits\": \"any\"}", NULL);
	ck_assert_int_eq(outcome_of("source.history"), TRB_OUTCOME_NOT_DEMANDED);
	ck_assert_str_eq(actual_of("source.history"), "no ref, no relation");
	ck_assert_ptr_null(trb_claims_get_relation(j.claims));
	ck_assert_ptr_null(trb_claims_get_ref_tip(j.claims));
}
END_TEST

START_TEST(a_redirect_is_one_that_the_policy_names)
{
	expect_under(as_drafted, NULL);
	ck_assert_ptr_null(trb_claims_get_location(j.claims));
	m.environment.location = TRB_BYTES_LIT(MOVED);
	expect_under(as_drafted, "source.repository");
	expect_under(SOURCE(", \"redirects\": \"none\""), "source.repository");
	expect_under(SOURCE(", \"redirects\": [\"" MOVED "/x\"]"), "source.repository");
	expect_under("{\"repositories\": \"any\", \"refs\": \"any\", \"commits\": \"any\"}",
		     "source.repository");
	expect_under(SOURCE(", \"redirects\": [\"https://a.example/b\", \"" MOVED "\"]"), NULL);
	ck_assert_str_eq(trb_claims_get_location(j.claims), MOVED);
	expect_under(SOURCE(", \"redirects\": \"any\""), NULL);
	/* an enclave follows none to another origin */
	m.environment.location = TRB_BYTES_LIT("https://other.example/widget");
	expect_under(SOURCE(", \"redirects\": \"any\""), "source.repository");
}
END_TEST

#define MACHINE(what) "{\"machine\": " what "}"
START_TEST(the_machine_is_the_demanded_one)
{
	static const struct {
		const char *sandbox, *check;
	} rows[] = {
		{ MACHINE("\"any\""), NULL },
		{ MACHINE("{\"cpus\": 4}"), NULL },
		{ MACHINE("{\"memory_mib\": 8192}"), NULL },
		{ MACHINE("{\"cpus\": 4, \"memory_mib\": 8192}"), NULL },
		{ MACHINE("{\"cpus\": 3}"), "sandbox.machine" },
		{ MACHINE("{\"cpus\": 5}"), "sandbox.machine" },
		{ MACHINE("{\"memory_mib\": 8191}"), "sandbox.machine" },
		{ MACHINE("{\"cpus\": 4, \"memory_mib\": 8193}"), "sandbox.machine" },
		{ MACHINE("{\"cpus\": 8, \"memory_mib\": 8192}"), "sandbox.machine" },
	};

	m.environment.machine = (struct trb_machine){ 4, 8192, TRB_BYTES_LIT("a CPU") };
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		p.sandbox = rows[i].sandbox;
		expect(rows[i].check);
	}
	p.sandbox = NULL;
	expect(NULL);
	ck_assert_int_eq(outcome_of("sandbox.machine"), TRB_OUTCOME_NOT_DEMANDED);
	ck_assert_str_eq(actual_of("sandbox.machine"), "4 CPUs, 8192 MiB of memory, a CPU");
	ck_assert_uint_eq(trb_claims_get_cpus(j.claims), 4);
	ck_assert_uint_eq(trb_claims_get_memory_mib(j.claims), 8192);
	ck_assert_str_eq(trb_claims_get_cpu_model(j.claims), "a CPU");
}
END_TEST

static void not_before(uint64_t seconds)
{
	static char text[200];

	snprintf(text, sizeof(text),
		 "{\"mode\": \"archival\", \"bound\": \"witness\", \"not_before\": \"%s\"}",
		 trb_show_time(seconds).text);
	p.time = text;
}

/* A tip's evidence never ages: this is the floor against going back to an old release. */
START_TEST(what_was_witnessed_too_early_is_refused)
{
	not_before(MINT_TIME + 40); /* when the quorum of two was reached */
	expect(NULL);
	not_before(MINT_TIME + 41);
	expect("time.bound");
	ck_assert_ptr_nonnull(strstr(actual_of("time.bound"), "witnessed at"));
	p.time = "{\"mode\": \"archival\", \"bound\": \"witness\"}";
	expect(NULL);
}
END_TEST

static void add_material(void)
{
	static struct trb_material material;

	material = (struct trb_material){ .kind = TRB_MATERIAL_SUBMODULE,
					  .uri = TRB_BYTES_LIT("https://forge.example/part"),
					  .digest = { .algorithm = 1 },
					  .pin = TRB_BYTES_LIT("part") };
	memset(material.digest.id, 0x77, 20);
	m.materials = (struct trb_materials){ 1, &material };
}

START_TEST(materials_are_those_of_the_environment)
{
	struct mint_parts parts, without;
	trb_blob *materials;

	expect(NULL);
	ck_assert_str_eq(actual_of("claim.materials"), "none");
	ck_assert_uint_eq(trb_claims_count_materials(j.claims), 0);
	ck_assert_ptr_null(trb_claims_get_materials_digest(j.claims).ptr);
	mint_make(&m, &without);
	add_material();
	mint_make(&m, &parts);
	expect_parts(&parts, NULL);
	ck_assert_uint_eq(trb_claims_count_materials(j.claims), 1);
	ck_assert_uint_eq(trb_claims_get_materials_digest(j.claims).len, 32);
	/* left out, changed, cut; and brought along where the environment has none */
	materials = parts.materials;
	parts.materials = NULL;
	expect_parts(&parts, "claim.materials");
	without.materials = trb_blob_ref(materials);
	expect_parts(&without, "claim.materials");
	parts.materials = materials;
	mint_flip(&parts.materials, trb_blob_bytes(parts.materials).len - 1, 1);
	expect_parts(&parts, "claim.materials");
	mint_parts_clear(&parts);
	mint_parts_clear(&without);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("verify-source");
	TCase *tc = tcase_create("verify-source");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, judging_set_up, judging_tear_down);
	tcase_add_test(tc, the_tip_is_verified);
	tcase_add_test(tc, an_old_commit_under_a_new_tag_is_refused);
	tcase_add_test(tc, a_merged_side_branch_is_refused);
	tcase_add_test(tc, steps_behind_the_tip_are_counted);
	tcase_add_test(tc, a_relation_that_contradicts_the_facts_is_refused);
	tcase_add_test(tc, without_a_ref_there_is_no_relation);
	tcase_add_test(tc, a_redirect_is_one_that_the_policy_names);
	tcase_add_test(tc, the_machine_is_the_demanded_one);
	tcase_add_test(tc, what_was_witnessed_too_early_is_refused);
	tcase_add_test(tc, materials_are_those_of_the_environment);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
