/* SPDX-License-Identifier: Apache-2.0 */
/* Requests: made, read, refused. */
#include "each.h"

#include "core/error.h"
#include "format/facts.h"

#define REPO   "https://example.org/r"
#define COMMIT "0123456789abcdef0123456789abcdef01234567"

static const char recipe[] = "{\"recipe\": 1, \"commands\": [[\"true\"]], \"artifacts\": [\"a\"]}";

static trb_request *new_request(void)
{
	trb_request *request = NULL;

	ck_assert_int_eq(trb_request_new(NULL, REPO, COMMIT, &request, NULL), TRB_OK);
	return request;
}

START_TEST(defaults)
{
	trb_request *request = new_request(), *other = new_request();

	ck_assert_str_eq(trb_request_get_repository(request), REPO);
	ck_assert_str_eq(trb_request_get_commit(request), COMMIT);
	ck_assert_ptr_null(trb_request_get_ref(request));
	ck_assert_uint_eq(trb_request_get_recipe(request).len, 0);
	ck_assert_str_eq(trb_request_get_sandbox(request), "runsc");
	ck_assert_uint_eq(trb_request_get_nonce(request).len, 32);
	ck_assert_msg(!trb_bytes_eq(trb_request_get_nonce(request), trb_request_get_nonce(other)),
		      "two nonces are equal");
	trb_request_unref(other);
	ck_assert_ptr_null(trb_request_unref(trb_request_ref(request)));
	ck_assert_str_eq(trb_request_get_repository(request), REPO);
	ck_assert_ptr_null(trb_request_unref(request));
	ck_assert_ptr_null(trb_request_unref(NULL));
	ck_assert_ptr_null(trb_request_ref(NULL));
}
END_TEST

START_TEST(arguments_are_checked)
{
	static const struct {
		const char *repository, *commit;
	} bad[] = {
		{ "http://example.org/r", COMMIT },
		{ NULL, COMMIT },
		{ REPO, NULL },
		{ "https://example.org/..", COMMIT },
		{ REPO, "" },
		{ REPO, "main" },
		{ REPO, COMMIT "0" },
		{ REPO, "ABCDEF6789abcdef0123456789abcdef01234567" },
	};
	static const uint8_t nonce[65];
	trb_request *request = NULL;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		_cleanup_(trb_error_unrefp) trb_error *err = NULL;

		ck_assert_msg(trb_request_new(NULL, bad[i].repository, bad[i].commit, &request,
					      &err) == TRB_E_INVAL,
			      "row %zu", i);
		ck_assert_ptr_nonnull(err);
		ck_assert_ptr_null(request);
	}
	request = new_request();
	ck_assert_int_eq(trb_request_set_ref(request, "main", NULL), TRB_E_INVAL);
	ck_assert_int_eq(trb_request_set_ref(request, "", NULL), TRB_E_INVAL);
	ck_assert_int_eq(trb_request_set_sandbox(request, "kata", NULL), TRB_E_NOTFOUND);
	ck_assert_int_eq(trb_request_set_sandbox(request, NULL, NULL), TRB_E_NOTFOUND);
	ck_assert_int_eq(trb_request_set_nonce(request, TRB_BYTES(nonce, 15), NULL), TRB_E_INVAL);
	ck_assert_int_eq(trb_request_set_nonce(request, TRB_BYTES(nonce, 65), NULL), TRB_E_INVAL);
	ck_assert_int_eq(trb_request_set_recipe(request, TRB_BYTES_LIT("{}"), NULL), TRB_E_FORMAT);
	ck_assert_int_eq(
		trb_request_set_recipe(request, TRB_BYTES(nonce, TRB_RECIPE_MAX + 1), NULL),
		TRB_E_LIMIT);
	ck_assert_str_eq(trb_request_get_sandbox(request), "runsc");
	trb_request_unref(request);
}
END_TEST

START_TEST(setters_and_bytes)
{
	trb_request *request = new_request(), *again = NULL;
	trb_blob *blob = NULL;
	uint8_t nonce[64];

	memset(nonce, 7, sizeof(nonce));
	ck_assert_int_eq(trb_request_set_ref(request, "refs/tags/x", NULL), TRB_OK);
	ck_assert_int_eq(trb_request_set_ref(request, "refs/heads/main", NULL), TRB_OK);
	ck_assert_int_eq(trb_request_set_recipe(request, trb_bytes_str(recipe), NULL), TRB_OK);
	ck_assert_int_eq(trb_request_set_sandbox(request, "crun", NULL), TRB_OK);
	ck_assert_int_eq(trb_request_set_nonce(request, TRB_BYTES(nonce, 64), NULL), TRB_OK);
	ck_assert_int_eq(trb_request_encode(request, &blob, NULL), TRB_OK);
	ck_assert_int_eq(trb_request_parse(trb_blob_bytes(blob), &again, NULL), TRB_OK);
	trb_blob_unref(blob);
	ck_assert_str_eq(trb_request_get_repository(again), REPO);
	ck_assert_str_eq(trb_request_get_commit(again), COMMIT);
	ck_assert_str_eq(trb_request_get_ref(again), "refs/heads/main");
	ck_assert_str_eq(trb_request_get_sandbox(again), "crun");
	ck_assert(trb_bytes_eq_str(trb_request_get_recipe(again), recipe));
	ck_assert(trb_bytes_eq(trb_request_get_nonce(again), TRB_BYTES(nonce, 64)));
	trb_request_unref(again);

	/* back to the defaults */
	ck_assert_int_eq(trb_request_set_ref(request, NULL, NULL), TRB_OK);
	ck_assert_int_eq(trb_request_set_recipe(request, TRB_BYTES_NULL, NULL), TRB_OK);
	ck_assert_ptr_null(trb_request_get_ref(request));
	ck_assert_ptr_null(trb_request_get_recipe(request).ptr);
	trb_request_unref(request);
}
END_TEST

START_TEST(parsing_judges_the_recipe)
{
	const struct trb_request_facts facts = { .repository = TRB_BYTES_LIT(REPO),
						 .commit.algorithm = 1,
						 .recipe = TRB_BYTES_LIT("{\"recipe\": 2}"),
						 .sandbox = TRB_BYTES_LIT("runsc"),
						 .nonce = TRB_BYTES_LIT("0123456789abcdef") };
	trb_request *request = NULL;
	trb_blob *blob = NULL;

	ck_assert_int_eq(trb_request_facts_encode(&facts, &blob, NULL), TRB_OK);
	ck_assert_int_eq(trb_request_parse(trb_blob_bytes(blob), &request, NULL), TRB_E_FORMAT);
	ck_assert_ptr_null(request);
	trb_blob_unref(blob);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("request");
	TCase *tc = tcase_create("request");

	tcase_add_test(tc, defaults);
	tcase_add_test(tc, arguments_are_checked);
	tcase_add_test(tc, setters_and_bytes);
	tcase_add_test(tc, parsing_judges_the_recipe);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
