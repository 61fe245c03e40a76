/* SPDX-License-Identifier: Apache-2.0 */
/* Recipes and their patterns. */
#include "support.h"

#include <dirent.h>
#include <stdio.h>

#include "core/cleanup.h"
#include "core/error.h"
#include "format/recipe.h"

#define MINIMAL "\"recipe\":1,\"commands\":[[\"true\"]],\"artifacts\":[\"out/a\"]"

START_TEST(example_of_the_spec)
{
	static const char text[] =
		"{\"recipe\": 1, \"commands\": [[\"meson\", \"setup\", \"out\"], [\"ninja\"]],\n"
		" \"artifacts\": [\"out/tb-verify\", \"out/*.so\"], \"env\": {\"CFLAGS\": "
		"\"-O2\"},\n"
		" \"network\": [\"host:443\"],\n"
		" \"limits\": {\"memory_mib\": 1024, \"pids\": 100},\n"
		" \"after_attestation\": [[\"./package.sh\"]]}";
	_cleanup_(trb_recipe_freep) struct trb_recipe *recipe = NULL;
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	int r = trb_recipe_parse(trb_bytes_str(text), &recipe, &err);

	ck_status(r, TRB_OK, err);
	ck_assert_uint_eq(recipe->n_commands, 2);
	ck_assert_str_eq(recipe->commands[0].argv[2], "out");
	ck_assert_ptr_null(recipe->commands[0].argv[3]);
	ck_assert_uint_eq(recipe->n_artifacts, 2);
	ck_assert_str_eq(recipe->artifacts[1], "out/*.so");
	ck_assert_uint_eq(recipe->n_env, 1);
	ck_assert_str_eq(recipe->env[0].name, "CFLAGS");
	ck_assert_str_eq(recipe->env[0].value, "-O2");
	ck_assert_str_eq(recipe->network[0], "host:443");
	ck_assert_uint_eq(recipe->memory_mib, 1024);
	ck_assert_uint_eq(recipe->pids, 100);
	ck_assert_uint_eq(recipe->wall_s, 3600);
	ck_assert_uint_eq(recipe->n_after, 1);
}
END_TEST

static const struct {
	const char *text, *fault;
} faults[] = {
	{ "[]", "must be an object" },
	{ "{\"recipe\":1,\"commands\":[[\"true\"]]}", "'artifacts' is missing" },
	{ "{\"recipe\":3,\"commands\":[[\"true\"]],\"artifacts\":[\"a\"]}", "recipe: version 3" },
	{ "{\"recipe\":3,\"news\":1}", "recipe: version 3 needs a later release" },
	{ "{" MINIMAL ",\"toolchains\":[]}", "toolchains: unknown name" },
	{ "{" MINIMAL ",\"limits\":{\"cpus\":1}}", "limits.cpus: unknown name" },
	{ "{\"recipe\":1,\"commands\":[],\"artifacts\":[\"a\"]}", "commands: has 0 entries" },
	{ "{\"recipe\":1,\"commands\":[[]],\"artifacts\":[\"a\"]}", "commands[0]: has 0 entries" },
	{ "{\"recipe\":1,\"commands\":[[\"\"]],\"artifacts\":[\"a\"]}", "commands[0][0]: the pro" },
	{ "{\"recipe\":1,\"commands\":[\"true\"],\"artifacts\":[\"a\"]}", "commands[0]: must be" },
	{ "{\"recipe\":1,\"commands\":[[1]],\"artifacts\":[\"a\"]}", "commands[0][0]: must be" },
	{ "{\"recipe\":1,\"commands\":[[\"a\\u0000\"]],\"artifacts\":[\"a\"]}", "\\u0000" },
	{ "{\"recipe\":1,\"commands\":[[\"a\"]],\"artifacts\":[]}", "artifacts: has 0" },
	{ "{\"recipe\":1,\"commands\":[[\"a\"]],\"artifacts\":[\"/a\"]}", "artifacts[0]" },
	{ "{\"recipe\":1,\"commands\":[[\"a\"]],\"artifacts\":[\"../a\"]}", "artifacts[0]" },
	{ "{\"recipe\":1,\"commands\":[[\"a\"]],\"artifacts\":[\"a\",\"b//c\"]}", "artifacts[1]" },
	{ "{\"recipe\":1,\"commands\":[[\"a\"]],\"artifacts\":[\"[a]\"]}", "artifacts[0]" },
	{ "{\"recipe\":1,\"commands\":[[\"a\"]],\"artifacts\":[\"**/a\"]}", "** is not" },
	{ "{\"recipe\":1,\"commands\":[[\"a\"]],\"artifacts\":[\"a\",\"a\"]}", "twice" },
	{ "{\"recipe\":1,\"commands\":[[\"a\"]],\"artifacts\":[\"*a*a*a*a*a*a*a*a*a\"]}", "stars" },
	{ "{" MINIMAL ",\n\"Env\":{}}", "line 2, column 1: Env: unknown name 'Env'" },
	{ "{" MINIMAL ",\"env\":{\"A\":1}}", "env.A: must be a string" },
	{ "{" MINIMAL ",\"env\":{\"\":\"\"}}", "begins with a letter" },
	{ "{" MINIMAL ",\"env\":{\"1A\":\"\"}}", "begins with a letter" },
	{ "{" MINIMAL ",\"env\":{\"A=B\":\"\"}}", "letters, digits" },
	{ "{" MINIMAL ",\"env\":{\"PATH\":\"\"}}", "set by the build runner" },
	{ "{" MINIMAL ",\"env\":{\"TRUSTBUILD_COMMIT\":\"\"}}", "the build runner's" },
	{ "{" MINIMAL ",\"env\":{\"A\":\"\",\"A\":\"\"}}", "stands twice" },
	{ "{" MINIMAL ",\"network\":[\"host\"]}", "network[0]: must be host:port" },
	{ "{" MINIMAL ",\"network\":[\"Host:1\"]}", "other than a-z" },
	{ "{" MINIMAL ",\"network\":[\"*.example.org:443\"]}", "other than a-z" },
	{ "{" MINIMAL ",\"network\":[\"a..b:443\"]}", "an empty label" },
	{ "{" MINIMAL ",\"network\":[\"-a:443\"]}", "begins or ends with" },
	{ "{" MINIMAL ",\"network\":[\"host:0\"]}", "port" },
	{ "{" MINIMAL ",\"network\":[\"host:65536\"]}", "port" },
	{ "{" MINIMAL ",\"network\":[\"host:443x\"]}", "port" },
	{ "{" MINIMAL ",\"network\":[\"host:443\",\"host:443\"]}", "network[1]: stands twice" },
	{ "{" MINIMAL ",\"limits\":{\"pids\":0}}", "limits.pids: 0 is not within" },
	{ "{" MINIMAL ",\"limits\":{\"memory_mib\":9007199254740992}}", "limits.memory_mib" },
	{ "{" MINIMAL ",\"limits\":{\"cpu\":1}}", "limits.cpu: unknown name" },
	{ "{" MINIMAL ",\"limits\":{\"pids\":\"9\"}}", "limits.pids: must be an integer" },
	{ "{" MINIMAL ",\"limits\":null}", "limits: must be an object" },
	{ "{" MINIMAL ",\"after_attestation\":[[]]}", "after_attestation[0]: has 0" },
};

START_TEST(refused_with_line_and_field)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	struct trb_recipe *recipe = NULL;
	int r = trb_recipe_parse(trb_bytes_str(faults[_i].text), &recipe, &err);

	ck_status(r, TRB_E_FORMAT, err);
	ck_assert_msg(strstr(trb_error_message(err), faults[_i].fault) != NULL,
		      "row %d: %s, wanted %s", _i, trb_error_message(err), faults[_i].fault);
	ck_assert(strstr(trb_error_message(err), "line ") != NULL);
	ck_assert_str_eq(trb_error_check(err), "recipe.parse");
}
END_TEST

/* What version 2 names and this release cannot do yet: no name that nobody knows. */
START_TEST(later_names_are_known)
{
	static const struct {
		const char *more, *fault;
	} rows[] = {
		{ "\"dependencies\": {}", "dependencies: needs a later release" },
		{ "\"fetch\": []", "fetch: needs a later release" },
		{ "\"registries\": {}", "registries: needs a later release" },
		{ "\"rootfs\": \"x\"", "rootfs: needs a later release" },
		{ "\"toolchains\": []", "toolchains: needs a later release" },
		{ "\"limits\": {\"cpus\": 2}", "limits.cpus: needs a later release" },
		{ "\"limits\": {\"address_space_mib\": 2}",
		  "limits.address_space_mib: needs a later" },
	};
	struct trb_recipe *recipe = NULL;
	char text[256];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_(trb_error_unrefp) trb_error *err = NULL;
		int r;

		snprintf(text, sizeof(text),
			 "{\"recipe\":2,\"commands\":[[\"true\"]],\"artifacts\":[\"a\"],%s}",
			 rows[i].more);
		r = trb_recipe_parse(trb_bytes_str(text), &recipe, &err);
		ck_status(r, TRB_E_UNSUPPORTED, err);
		ck_assert_str_eq(trb_error_check(err), "recipe.parse");
		ck_assert_msg(strstr(trb_error_message(err), rows[i].fault) != NULL, "%s",
			      trb_error_message(err));
	}
	ck_assert_int_eq(trb_recipe_parse(TRB_BYTES_LIT("{\"recipe\":2,\"commands\":[[\"true\"]],"
							"\"artifacts\":[\"a\"]}"),
					  &recipe, NULL),
			 TRB_OK);
	ck_assert_uint_eq(recipe->version, 2);
	trb_recipe_free(recipe);
}
END_TEST

START_TEST(patterns_match_like_a_shell)
{
	static const struct {
		const char *pattern, *name;
		bool wanted;
	} rows[] = {
		{ "out/a", "out/a", true },
		{ "out/*.so", "out/x.so", true },
		{ "out/*.so", "out/d/x.so", false },
		{ "*", "a", true },
		{ "*", "a/b", false },
		{ "*", ".hidden", false },
		{ ".*", ".hidden", true },
		{ "a?c", "abc", true },
		{ "a?c", "a/c", false },
		{ "out/*", "out/.x", false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_msg(trb_pattern_match(rows[i].pattern, rows[i].name) == rows[i].wanted,
			      "row %zu", i);
}
END_TEST

START_TEST(vector_files)
{
	_cleanup_free_ char *folder =
		strdup(test_path(getenv("TRB_SOURCE_ROOT"), "tests/vectors/recipe"));
	DIR *dir = opendir(folder);
	struct dirent *entry;
	unsigned seen = 0;

	ck_assert(dir != NULL);
	while ((entry = readdir(dir)) != NULL) {
		_cleanup_(trb_recipe_freep) struct trb_recipe *recipe = NULL;
		_cleanup_(trb_blob_unrefp) trb_blob *blob = NULL;
		int r;

		if (entry->d_name[0] == '.')
			continue;
		blob = test_file(test_path(folder, entry->d_name));
		r = trb_recipe_parse(trb_blob_bytes(blob), &recipe, NULL);
		ck_assert_msg((r == TRB_OK) == (entry->d_name[0] == 'y'), "%s: %d", entry->d_name,
			      r);
		ck_assert_msg((r == TRB_E_UNSUPPORTED) ==
				      (strncmp(entry->d_name, "n_later_", 8) == 0),
			      "%s: %d", entry->d_name, r);
		seen++;
	}
	closedir(dir);
	ck_assert_uint_gt(seen, 10);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("recipe");
	TCase *tc = tcase_create("recipe");

	tcase_add_test(tc, example_of_the_spec);
	tcase_add_loop_test(tc, refused_with_line_and_field, 0,
			    (int)(sizeof(faults) / sizeof(faults[0])));
	tcase_add_test(tc, later_names_are_known);
	tcase_add_test(tc, patterns_match_like_a_shell);
	tcase_add_test(tc, vector_files);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
