/* SPDX-License-Identifier: Apache-2.0 */
/* What the enclave says of machine and source, against the request and against itself. */
#include "support.h"

#include "core/error.h"
#include "host/ratchet.h"

#define RECIPE                                                                \
	"{\"recipe\": 1, \"commands\": [[\"true\"]], \"artifacts\": [\"a\"]," \
	" \"limits\": {\"memory_mib\": 4096}}"

static struct trb_ratchet ratchet;
static struct trb_events events;
static struct trb_request_facts asked;
static const struct trb_machine machine = { 4, 4096, TRB_BYTES_LIT("a CPU") };

static void setup(void)
{
	asked = (struct trb_request_facts){ .repository = TRB_BYTES_LIT("https://e.org/r"),
					    .commit = { 1, { 0x11 } },
					    .ref = TRB_BYTES_LIT("refs/heads/main") };
	trb_ratchet_init(&ratchet, &asked.commit);
	trb_events_init(&events);
	ratchet.state = TRB_HOST_GREETED;
}

static void teardown(void)
{
	trb_events_clear(&events);
	trb_ratchet_clear(&ratchet);
}

static int say(const struct trb_control *msg, trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *frame = NULL;
	enum trb_ratchet_do what;

	ck_assert_int_eq(trb_control_encode(msg, &frame, NULL), TRB_OK);
	return trb_ratchet_take(&ratchet, trb_blob_bytes(frame), &events, &what, err);
}

static int say_ready(const struct trb_machine *m, trb_error **err)
{
	return say(&(struct trb_control){ .type = TRB_MSG_STATE, .u.state.machine = *m }, err);
}

static int say_committed(const struct trb_history *history, const char *location, trb_error **err)
{
	const struct trb_control msg = { .type = TRB_MSG_STATE,
					 .u.state = { .state = TRB_STATE_COMMITTED,
						      .commit = asked.commit,
						      .history = *history,
						      .location = trb_bytes_str(location) } };

	ratchet.state = TRB_HOST_FETCHING;
	return say(&msg, err);
}

/* As soon as both are known, in either order: READY, and a recipe that the request brings. */
START_TEST(a_machine_that_is_too_small_is_refused)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	struct trb_machine small = machine;
	int r;

	small.memory_mib -= (_i & 1) != 0;
	asked.recipe = TRB_BYTES_LIT(RECIPE);
	if ((_i & 2) != 0) {
		ck_status(say_ready(&small, &err), TRB_OK, err);
		r = trb_ratchet_ask(&ratchet, &asked, &err);
	} else {
		ck_status(trb_ratchet_ask(&ratchet, &asked, &err), TRB_OK, err);
		r = say_ready(&small, &err);
	}
	ck_status(r, (_i & 1) != 0 ? TRB_E_LIMIT : TRB_OK, err);
	if ((_i & 1) != 0)
		ck_assert_str_eq(trb_error_check(err), "sandbox.machine");
}
END_TEST

/* The tree's own recipe is known to the enclave alone. */
START_TEST(without_a_recipe_any_machine_is_ready)
{
	const struct trb_machine small = { 1, 1, TRB_BYTES_LIT("unknown") };
	const trb_event *event;

	ck_assert_int_eq(trb_ratchet_ask(&ratchet, &asked, NULL), TRB_OK);
	ck_assert_int_eq(say_ready(&small, NULL), TRB_OK);
	event = events.first;
	ck_assert_uint_eq(trb_event_get_cpus(event), 1);
	ck_assert_uint_eq(trb_event_get_memory_mib(event), 1);
	ck_assert_str_eq(trb_event_get_cpu_model(event), "unknown");
	ck_assert_ptr_null(trb_event_get_relation(event));
}
END_TEST

static const struct trb_history tip = { .there = true, .tip = { 1, { 0x11 } } };
static const struct trb_history behind = { .there = true,
					   .tip = { 1, { 0x22 } },
					   .tagged = true,
					   .tag = { 1, { 0x33 } },
					   .relation = TRB_RELATION_FIRST_PARENT,
					   .steps = 7 };
static const struct trb_history none = { .there = false };
static const struct trb_history another_tip = { .there = true, .tip = { 1, { 0x22 } } };
static const struct trb_history behind_itself = {
	.there = true, .tip = { 1, { 0x11 } }, .relation = TRB_RELATION_REACHABLE, .steps = 1
};

static const struct {
	const struct trb_history *history;
	const char *location, *check;
} rows[] = {
	{ &tip, "", NULL },
	{ &behind, "https://e.org/moved", NULL },
	{ &none, "", "source.ref" },
	{ &another_tip, "", "source.ref" },
	{ &behind_itself, "", "source.ref" },
	{ &tip, "https://e.org/r", "source.repository" },
	{ &tip, "https://evil.example/r", "source.repository" },
};

START_TEST(what_committed_says_agrees_with_the_request)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	int r;

	ck_assert_int_eq(trb_ratchet_ask(&ratchet, &asked, NULL), TRB_OK);
	r = say_committed(rows[_i].history, rows[_i].location, &err);
	if (rows[_i].check == NULL) {
		ck_status(r, TRB_OK, err);
		return;
	}
	ck_status(r, TRB_E_SOURCE, err);
	ck_assert_str_eq(trb_error_check(err), rows[_i].check);
}
END_TEST

START_TEST(the_event_says_how_it_stands)
{
	const trb_event *event;

	ck_assert_int_eq(trb_ratchet_ask(&ratchet, &asked, NULL), TRB_OK);
	ck_assert_int_eq(say_committed(&behind, "https://e.org/moved", NULL), TRB_OK);
	event = events.first;
	ck_assert_str_eq(trb_event_get_relation(event), "first-parent");
	ck_assert_uint_eq(trb_event_get_steps(event), 7);
	ck_assert(strncmp(trb_event_get_tip(event), "2200", 4) == 0);
	ck_assert(strncmp(trb_event_get_tag(event), "3300", 4) == 0);
	ck_assert_str_eq(trb_event_get_location(event), "https://e.org/moved");
	ck_assert_uint_eq(trb_event_get_cpus(event), 0);
}
END_TEST

/* The environment must be about what was told before the build. */
START_TEST(the_environment_repeats_what_was_said)
{
	struct trb_environment env = { .machine = machine,
				       .history = behind,
				       .location = TRB_BYTES_LIT("https://e.org/moved") };
	int wanted = _i == 0 ? TRB_OK : TRB_E_CLAIM;

	ck_assert_int_eq(trb_ratchet_ask(&ratchet, &asked, NULL), TRB_OK);
	ck_assert_int_eq(say_ready(&machine, NULL), TRB_OK);
	ck_assert_int_eq(say_committed(&behind, "https://e.org/moved", NULL), TRB_OK);
	env.machine.cpus += _i == 1;
	env.machine.memory_mib += _i == 2;
	if (_i == 3)
		env.machine.model = TRB_BYTES_LIT("another");
	env.history.there = _i != 4;
	env.history.tip.id[0] ^= _i == 5;
	env.history.tagged = _i != 6;
	env.history.tag.id[0] ^= _i == 7;
	env.history.relation += _i == 8;
	env.history.steps += _i == 9;
	if (_i == 10)
		env.location = TRB_BYTES_NULL;
	ck_assert_int_eq(trb_ratchet_compare(&ratchet, &env, NULL), wanted);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ratchet");
	TCase *tc = tcase_create("ratchet");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, a_machine_that_is_too_small_is_refused, 0, 4);
	tcase_add_test(tc, without_a_recipe_any_machine_is_ready);
	tcase_add_loop_test(tc, what_committed_says_agrees_with_the_request, 0,
			    sizeof(rows) / sizeof(rows[0]));
	tcase_add_test(tc, the_event_says_how_it_stands);
	tcase_add_loop_test(tc, the_environment_repeats_what_was_said, 0, 11);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
