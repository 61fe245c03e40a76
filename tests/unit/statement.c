/* SPDX-License-Identifier: Apache-2.0 */
/* Statements: rendered and compared. */
#include "support.h"

#include "core/error.h"
#include "format/json.h"
#include "sample.h"

static struct sample s;

static void setup(void)
{
	sample_init(&s, 1);
}

static void teardown(void)
{
	sample_clear(&s);
}

START_TEST(says_what_slsa_wants)
{
	_cleanup_json_ struct trb_json doc = { .what = "statement" };
	const cJSON *predicate, *definition, *subject;
	trb_bytes text = trb_blob_bytes(s.statement);

	ck_assert_int_eq(trb_json_load(&doc, text, TRB_STATEMENT_MAX, NULL), TRB_OK);
	ck_assert_str_eq(cJSON_GetObjectItem(doc.root, "_type")->valuestring,
			 "https://in-toto.io/Statement/v1");
	ck_assert_str_eq(cJSON_GetObjectItem(doc.root, "predicateType")->valuestring,
			 "https://slsa.dev/provenance/v1");
	subject = cJSON_GetObjectItem(doc.root, "subject");
	ck_assert_int_eq(cJSON_GetArraySize(subject), 2);
	ck_assert_str_eq(cJSON_GetObjectItem(subject->child, "name")->valuestring,
			 "out/a \"quoted\" n\xc3\xa4me");
	predicate = cJSON_GetObjectItem(doc.root, "predicate");
	definition = cJSON_GetObjectItem(predicate, "buildDefinition");
	ck_assert_int_eq(
		cJSON_GetArraySize(cJSON_GetObjectItem(definition, "resolvedDependencies")), 3);
}
END_TEST

START_TEST(checks_and_gives_back)
{
	struct trb_statement_said said = { 0 };
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	struct trb_statement_input facts = s.input;
	int r;

	facts.started = facts.finished = 0;
	r = trb_statement_check(trb_blob_bytes(s.statement), &facts, &said, &err);
	ck_status(r, TRB_OK, err);
	ck_assert_uint_eq(said.started, s.input.started);
	ck_assert_uint_eq(said.finished, s.input.finished);
	ck_assert_int_eq(trb_statement_check(trb_blob_bytes(s.statement), &facts, NULL, NULL),
			 TRB_OK);
}
END_TEST

static void change_later(unsigned i, struct sample *x)
{
	struct trb_environment *env = &x->environment_facts;

	switch (i) {
	case 0:
		x->artifact_facts.entries[1].mode = TRB_MODE_PLAIN;
		break;
	case 1:
		env->machine.cpus++;
		break;
	case 2:
		env->machine.memory_mib++;
		break;
	case 3:
		env->machine.model = TRB_BYTES_LIT("another");
		break;
	case 4:
		env->history.tip.id[0] ^= 1;
		break;
	case 5:
		env->history.tagged = true;
		env->history.tag = env->history.tip;
		break;
	case 6:
		env->history.relation = TRB_RELATION_REACHABLE;
		break;
	case 7:
		env->history.steps = 1;
		break;
	case 8:
		env->history.there = false;
		break;
	case 9:
		env->location = TRB_BYTES_LIT("https://forge.example/moved");
		break;
	case 10:
		env->materials[0] ^= 1;
		break;
	case 11:
		env->n_materials++;
		break;
	case 12:
		env->has_materials = false;
		break;
	}
}

/* Each change of a fact must be seen, and its place be named. */
static void change(unsigned i, struct sample *x, const char **where)
{
	static const char *const places[] = {
		"predicate.buildDefinition.externalParameters.repository",
		"predicate.buildDefinition.externalParameters.commit",
		"predicate.buildDefinition.externalParameters.ref",
		"predicate.buildDefinition.externalParameters.ref",
		"predicate.buildDefinition.externalParameters.sandbox.runtime",
		"predicate.buildDefinition.externalParameters.nonce",
		"predicate.buildDefinition.externalParameters.recipe.source",
		"predicate.buildDefinition.externalParameters.recipe.digest.sha256",
		"predicate.buildDefinition.internalParameters.runtime.version",
		"predicate.buildDefinition.internalParameters.network",
		"predicate.buildDefinition.internalParameters.limits[0].value",
		"predicate.buildDefinition.resolvedDependencies[0].annotations.sourceDigest",
		"predicate.buildDefinition.internalParameters.rootfs.digest.sha256",
		"predicate.runDetails.builder.id",
		"subject[0].annotations.size",
		"subject[1].digest.sha256",
		"subject[0].name",
		"subject[1].annotations.mode",
		"predicate.buildDefinition.internalParameters.machine.cpus",
		"predicate.buildDefinition.internalParameters.machine.memoryMib",
		"predicate.buildDefinition.internalParameters.machine.model",
		"predicate.buildDefinition.internalParameters.history.tip",
		"predicate.buildDefinition.internalParameters.history.tag",
		"predicate.buildDefinition.internalParameters.history.relation",
		"predicate.buildDefinition.internalParameters.history.steps",
		"predicate.buildDefinition.internalParameters.history",
		"predicate.buildDefinition.internalParameters.location",
		"predicate.buildDefinition.resolvedDependencies[2].digest.sha256",
		"predicate.buildDefinition.resolvedDependencies[2].annotations.count",
		"predicate.buildDefinition.resolvedDependencies",
	};
	static uint8_t source[32] = { 9 }, pcr0[48] = { 9 };

	*where = places[i];
	switch (i) {
	case 0:
		x->request_facts.repository = TRB_BYTES_LIT("https://forge.example/other");
		break;
	case 1:
		x->request_facts.commit.id[3] ^= 1;
		break;
	case 2:
		x->request_facts.ref = TRB_BYTES_NULL;
		break;
	case 3:
		x->request_facts.ref = TRB_BYTES_LIT("refs/heads/evil");
		break;
	case 4:
		x->request_facts.sandbox = TRB_BYTES_LIT("runc");
		break;
	case 5:
		x->request_facts.nonce = TRB_BYTES_LIT("another nonce of sixteen bytes..");
		break;
	case 6:
		x->environment_facts.recipe_origin = TRB_RECIPE_FROM_REQUEST;
		break;
	case 7:
		x->environment_facts.recipe[31] ^= 1;
		break;
	case 8:
		x->environment_facts.runtime_version = TRB_BYTES_LIT("release-2");
		break;
	case 9:
		x->environment_facts.n_hosts = 0;
		break;
	case 10:
		x->environment_facts.limits[0].value++;
		break;
	case 11:
		x->input.source = source;
		break;
	case 12:
		x->environment_facts.rootfs[0] ^= 1;
		break;
	case 13:
		x->input.pcr0 = pcr0;
		break;
	case 14:
		x->artifact_facts.entries[0].size++;
		break;
	case 15:
		x->artifact_facts.entries[1].digest[0] ^= 1;
		break;
	case 16:
		x->artifact_facts.entries[0].name = TRB_BYTES_LIT("x");
		break;
	default:
		change_later(i - 17, x);
	}
}

START_TEST(statement_compared_field_by_field)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	const char *where;
	int r;

	change((unsigned)_i, &s, &where);
	r = trb_statement_check(trb_blob_bytes(s.statement), &s.input, NULL, &err);
	ck_status(r, TRB_E_CLAIM, err);
	ck_assert_str_eq(trb_error_check(err), "claim.statement");
	ck_assert_msg(strstr(trb_error_message(err), where) != NULL, "%s, wanted %s",
		      trb_error_message(err), where);
}
END_TEST

/* No byte of the statement can change, whatever it says. */
START_TEST(every_flipped_bit_is_refused)
{
	trb_bytes text = trb_blob_bytes(s.statement);
	_cleanup_free_ uint8_t *bad = malloc(text.len + 1);
	unsigned passed = 0;

	ck_assert(bad != NULL);
	for (size_t i = 0; i < text.len; i++) {
		memcpy(bad, text.ptr, text.len);
		bad[i] ^= 1;
		if (trb_statement_check(TRB_BYTES(bad, text.len), &s.input, NULL, NULL) == TRB_OK)
			passed++;
	}
	/* digits of times: the statement's own word, which only the claim's digest of the
	 * statement protects */
	ck_assert_uint_lt(passed, 30);
	memcpy(bad, text.ptr, text.len);
	bad[text.len] = '\n';
	ck_assert_int_eq(trb_statement_check(TRB_BYTES(bad, text.len + 1), &s.input, NULL, NULL),
			 TRB_E_CLAIM);
	ck_assert_int_eq(trb_statement_check(TRB_BYTES_NULL, &s.input, NULL, NULL), TRB_E_CLAIM);
	ck_assert_int_eq(trb_statement_check(trb_bytes_str("{}"), &s.input, NULL, NULL),
			 TRB_E_CLAIM);
	ck_assert_int_eq(trb_statement_check(trb_bytes_str("null"), &s.input, NULL, NULL),
			 TRB_E_CLAIM);
}
END_TEST

START_TEST(has_a_ceiling)
{
	struct trb_artifact *many = calloc(256, sizeof(*many));
	struct trb_artifacts artifacts = { 256, many };
	trb_blob *blob = NULL;
	char names[256][210];

	ck_assert(many != NULL);
	for (unsigned i = 0; i < 256; i++) {
		memset(names[i], 'x', sizeof(names[i]));
		names[i][0] = (char)('a' + i / 26);
		names[i][1] = (char)('a' + i % 26);
		many[i].name = TRB_BYTES(names[i], sizeof(names[i]));
	}
	s.input.artifacts = &artifacts;
	ck_assert_int_eq(trb_statement_render(&s.input, &blob, NULL), TRB_E_LIMIT);
	free(many);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("statement");
	TCase *tc = tcase_create("statement");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, says_what_slsa_wants);
	tcase_add_test(tc, checks_and_gives_back);
	tcase_add_loop_test(tc, statement_compared_field_by_field, 0, 30);
	tcase_add_test(tc, every_flipped_bit_is_refused);
	tcase_add_test(tc, has_a_ceiling);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
