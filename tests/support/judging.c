/* SPDX-License-Identifier: Apache-2.0 */
/* A bundle, a policy, and what the verifier must say. */
#include "judging.h"

struct mint m;
struct mint_policy p;
struct judging j;

void judging_set_up(void)
{
	mint_init(&m);
	mint_policy_init(&p);
	j = (struct judging){ .file_name = "tb-widget",
			      .digest = mint_digest(),
			      .now_s = MINT_TIME + 100 };
}

void judging_tear_down(void)
{
	trb_claims_unref(j.claims);
	trb_report_unref(j.report);
	j.claims = NULL;
	j.report = NULL;
}

trb_verifier *judging_verifier(void)
{
	_cleanup_(trb_policy_unrefp) trb_policy *policy = mint_policy(&p);
	trb_verifier *v = NULL;

	ck_assert_int_eq(trb_verifier_new(NULL, policy, &v, NULL), TRB_OK);
	if (j.now_s != 0)
		ck_assert_int_eq(trb_verifier_set_now(v, j.now_s, NULL), TRB_OK);
	if (j.entry != NULL)
		ck_assert_int_eq(trb_verifier_set_entry(v, j.entry, NULL), TRB_OK);
	if (j.repository != NULL)
		ck_assert_int_eq(trb_verifier_set_repository(v, j.repository, NULL), TRB_OK);
	if (j.commit != NULL)
		ck_assert_int_eq(trb_verifier_set_commit(v, j.commit, NULL), TRB_OK);
	if (j.nonce.ptr != NULL)
		ck_assert_int_eq(trb_verifier_set_nonce(v, j.nonce, NULL), TRB_OK);
	return v;
}

static void check_rows(void)
{
	bool failed = false;

	for (size_t i = 0; i < trb_report_count_checks(j.report); i++) {
		int outcome = trb_report_get_outcome(j.report, i);

		ck_assert_int_eq(outcome == TRB_OUTCOME_NOT_RUN, failed);
		ck_assert_ptr_nonnull(trb_report_get_rule(j.report, i));
		ck_assert_int_eq(outcome != TRB_OUTCOME_NOT_RUN,
				 trb_report_get_actual(j.report, i) != NULL);
		failed = failed || outcome == TRB_OUTCOME_FAIL;
	}
	ck_assert_int_eq(failed, trb_report_get_refused(j.report) != NULL);
}

void expect_bundle(const trb_bundle *bundle, const char *check)
{
	_cleanup_(trb_verifier_unrefp) trb_verifier *v = judging_verifier();
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	int r;

	judging_tear_down();
	r = trb_verifier_check_digest(v, bundle, j.digest, j.file_name, &j.claims, &j.report, &err);
	if (check == NULL) {
		ck_assert_msg(r == TRB_OK, "%s: %s", trb_error_check(err), trb_error_message(err));
		ck_assert_ptr_null(err);
		ck_assert_ptr_nonnull(j.claims);
	} else {
		ck_assert_msg(trb_is_verdict(r), "wanted %s, got %s: %s", check, trb_status_name(r),
			      trb_error_message(err));
		ck_assert_msg(strcmp(trb_error_check(err), check) == 0, "wanted %s, got %s: %s",
			      check, trb_error_check(err), trb_error_message(err));
		ck_assert_str_eq(trb_report_get_refused(j.report), check);
		ck_assert_int_eq(trb_error_code(err), r);
		ck_assert_ptr_null(j.claims);
	}
	ck_assert_int_eq(trb_report_get_verdict(j.report), r);
	check_rows();
}

void expect_parts(const struct mint_parts *parts, const char *check)
{
	_cleanup_(trb_bundle_unrefp) trb_bundle *bundle = mint_bundle_of(&m, parts);

	expect_bundle(bundle, check);
}

void expect(const char *check)
{
	struct mint_parts parts;

	mint_make(&m, &parts);
	expect_parts(&parts, check);
	mint_parts_clear(&parts);
}

static int parse(const char *json, trb_error **err)
{
	_cleanup_(trb_policy_unrefp) trb_policy *policy = NULL;
	int r = trb_policy_parse(trb_bytes_str(json), &policy, err);

	ck_assert_int_eq(r == TRB_OK, policy != NULL);
	return r;
}

void policy_loads(void)
{
	_cleanup_free_ char *json = mint_policy_json(&p);
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	int r = parse(json, &err);

	ck_assert_msg(r == TRB_OK, "%s", trb_error_message(err));
}

/* The error must carry says, and a line. */
void policy_refused_text(const char *json, int code, const char *says)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	int r = parse(json, &err);

	ck_assert_msg(r == code, "%s: %s: %s", json, trb_status_name(r), trb_error_message(err));
	ck_assert_str_eq(trb_error_check(err), "policy.parse");
	ck_assert_msg(strstr(trb_error_message(err), says) != NULL, "'%s' lacks '%s'",
		      trb_error_message(err), says);
	ck_assert_msg(strstr(trb_error_message(err), "line ") != NULL, "no line in '%s'",
		      trb_error_message(err));
	mint_policy_init(&p);
}

void policy_refused(const char *says)
{
	_cleanup_free_ char *json = mint_policy_json(&p);

	policy_refused_text(json, TRB_E_POLICY, says);
}

static size_t row_of(const char *check)
{
	for (size_t i = 0; i < trb_report_count_checks(j.report); i++)
		if (strcmp(trb_report_get_check(j.report, i), check) == 0)
			return i;
	ck_abort_msg("no check %s", check);
}

int outcome_of(const char *check)
{
	return trb_report_get_outcome(j.report, row_of(check));
}

const char *actual_of(const char *check)
{
	return trb_report_get_actual(j.report, row_of(check));
}
