/* SPDX-License-Identifier: Apache-2.0 */
/* The verdict: the good case, and for every check id what it refuses. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "mint.h"

/* What a test verifies: a forge, a policy, demands of its own. */
static struct mint f;
static struct mint_policy p;
static const char *file_name, *entry, *repository, *commit;
static trb_bytes nonce, digest;
static uint64_t now_s;
static trb_claims *claims;
static trb_report *report;

static void set_up(void)
{
	mint_init(&f);
	mint_policy_init(&p);
	file_name = "tb-widget";
	entry = repository = commit = NULL;
	nonce = TRB_BYTES_NULL;
	digest = mint_digest();
	now_s = MINT_TIME + 100;
	claims = NULL;
	report = NULL;
}

static void tear_down(void)
{
	trb_claims_unref(claims);
	trb_report_unref(report);
}

static trb_verifier *verifier_new(void)
{
	_cleanup_(trb_policy_unrefp) trb_policy *policy = mint_policy(&p);
	trb_verifier *v = NULL;

	ck_assert_int_eq(trb_verifier_new(NULL, policy, &v, NULL), TRB_OK);
	ck_assert_int_eq(trb_verifier_set_now(v, now_s, NULL), TRB_OK);
	if (entry != NULL)
		ck_assert_int_eq(trb_verifier_set_entry(v, entry, NULL), TRB_OK);
	if (repository != NULL)
		ck_assert_int_eq(trb_verifier_set_repository(v, repository, NULL), TRB_OK);
	if (commit != NULL)
		ck_assert_int_eq(trb_verifier_set_commit(v, commit, NULL), TRB_OK);
	if (nonce.ptr != NULL)
		ck_assert_int_eq(trb_verifier_set_nonce(v, nonce, NULL), TRB_OK);
	return v;
}

/* The order of rows, after a refusal: all before it passed or were waived, all after were not
 * run. */
static void check_rows(void)
{
	bool failed = false;

	for (size_t i = 0; i < trb_report_count_checks(report); i++) {
		int outcome = trb_report_get_outcome(report, i);

		ck_assert_int_eq(outcome == TRB_OUTCOME_NOT_RUN, failed);
		ck_assert_ptr_nonnull(trb_report_get_rule(report, i));
		failed = failed || outcome == TRB_OUTCOME_FAIL;
	}
	ck_assert_int_eq(failed, trb_report_get_refused(report) != NULL);
}

static void expect_of(const trb_bundle *bundle, const char *check)
{
	_cleanup_(trb_verifier_unrefp) trb_verifier *v = verifier_new();
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	int r = trb_verifier_check_digest(v, bundle, digest, file_name, &claims, &report, &err);

	if (check == NULL) {
		ck_status(r, TRB_OK, err);
		ck_assert_ptr_null(err);
		ck_assert_ptr_nonnull(claims);
		ck_assert_ptr_null(trb_report_get_refused(report));
	} else {
		ck_assert_msg(trb_is_verdict(r), "no verdict but %s: %s", trb_status_name(r),
			      trb_error_message(err));
		ck_assert_str_eq(trb_error_check(err), check);
		ck_assert_str_eq(trb_report_get_refused(report), check);
		ck_assert_int_eq(trb_error_code(err), r);
		ck_assert_ptr_null(claims);
	}
	ck_assert_int_eq(trb_report_get_verdict(report), r);
	check_rows();
}

/* check == NULL: verified. */
static void expect(const char *check)
{
	_cleanup_(trb_bundle_unrefp) trb_bundle *bundle = mint_bundle(&f);

	expect_of(bundle, check);
}

START_TEST(good_case_is_verified)
{
	char hex[97];

	expect(NULL);
	ck_assert_str_eq(trb_claims_get_repository(claims), MINT_REPO);
	ck_assert_str_eq(trb_claims_get_ref(claims), MINT_REF);
	ck_assert_str_eq(trb_claims_get_commit(claims), MINT_COMMIT);
	ck_assert_str_eq(trb_claims_get_artifact(claims), MINT_ARTIFACT);
	ck_assert(trb_bytes_eq(trb_claims_get_artifact_digest(claims), mint_digest()));
	ck_assert_str_eq(trb_claims_get_measurement(claims), "forge image");
	ck_assert_str_eq(trb_claims_get_runtime(claims), "runsc");
	ck_assert_str_eq(trb_claims_get_log(claims), MINT_LOG);
	ck_assert_int_eq(trb_claims_get_assurance(claims), TRB_ASSURANCE_SIMULATED);
	ck_assert_uint_eq(trb_claims_get_time(claims), MINT_TIME);
	ck_assert_uint_eq(trb_claims_get_witnessed_time(claims), MINT_TIME + 40);
	for (unsigned i = 0; i < 3; i++) {
		trb_hex_encode(TRB_BYTES(f.pcr[i], 48), hex);
		ck_assert(trb_bytes_eq(trb_claims_get_pcr(claims, i), TRB_BYTES(f.pcr[i], 48)));
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("verify");
	TCase *tc = tcase_create("verify");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, good_case_is_verified);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
