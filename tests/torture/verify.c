/* SPDX-License-Identifier: Apache-2.0 */
/* Policy, bundle, verification and reports with the n-th allocation or read failing, for every n:
 * no crash, no leak (the sanitizers judge that), no verdict that evidence did not earn. */
#include "../unit/support.h"

#include <fcntl.h>
#include <unistd.h>

#include "fault.h"
#include "mint.h"

static char *policy_json;
static trb_blob *good, *bad;
static int fd;

static void set_up(void)
{
	struct mint_policy policy;
	struct mint m;

	mint_init(&m);
	mint_policy_init(&policy);
	policy_json = mint_policy_json(&policy);
	good = mint_bundle_json(&m);
	m.foreign_envelope = true;
	bad = mint_bundle_json(&m);
	fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, MINT_CONTENT, sizeof(MINT_CONTENT) - 1),
			 (ssize_t)sizeof(MINT_CONTENT) - 1);
}

static void tear_down(void)
{
	close(fd);
	trb_blob_unref(good);
	trb_blob_unref(bad);
	free(policy_json);
}

static int render(const trb_report *report)
{
	_cleanup_(trb_blob_unrefp) trb_blob *json = NULL, *text = NULL, *html = NULL;
	int r = trb_report_to_json(report, &json, NULL);

	if (r == TRB_OK)
		r = trb_report_to_text(report, &text, NULL);
	if (r == TRB_OK)
		r = trb_report_to_html(report, &html, NULL);
	return r;
}

/* Check allocates, too: what is wrong is kept until no fault is armed. */
static bool inconsistent;

/* The whole way; *ret_refused is the check that refused. */
static int verify(trb_bytes json, const char **ret_refused)
{
	_cleanup_(trb_policy_unrefp) trb_policy *policy = NULL;
	_cleanup_(trb_bundle_unrefp) trb_bundle *bundle = NULL;
	_cleanup_(trb_verifier_unrefp) trb_verifier *verifier = NULL;
	_cleanup_(trb_claims_unrefp) trb_claims *claims = NULL;
	_cleanup_(trb_report_unrefp) trb_report *report = NULL;
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	int r = trb_policy_parse(trb_bytes_str(policy_json), &policy, &err), rendered;

	*ret_refused = NULL;
	if (r == TRB_OK)
		r = trb_bundle_parse(json, &bundle, &err);
	if (r == TRB_OK)
		r = trb_verifier_new(NULL, policy, &verifier, &err);
	if (r == TRB_OK)
		r = trb_verifier_set_nonce(verifier,
					   TRB_BYTES_LIT("a nonce of thirty-two bytes here"), &err);
	if (r == TRB_OK)
		r = trb_verifier_set_repository(verifier, MINT_REPO, &err);
	if (r == TRB_OK)
		r = trb_verifier_check_fd(verifier, bundle, fd, "tb-widget", &claims, &report,
					  &err);
	if ((r == TRB_OK) != (claims != NULL) ||
	    (report != NULL) != (r == TRB_OK || trb_is_verdict(r)))
		inconsistent = true;
	if (report == NULL)
		return r;
	*ret_refused = trb_report_get_refused(report);
	rendered = render(report);
	return rendered < 0 ? rendered : r;
}

/* Every n up to the last.  wanted is what a failure has to give, 0 for anything; where the failure
 * is of no consequence (a certificate that is not remembered) the verdict must be the same. */
static void torture(enum fault kind, trb_bytes json, int without, int wanted)
{
	const char *refused, *check;
	unsigned n, same = 0;

	ck_assert_int_eq(verify(json, &check), without);
	for (n = 1;; n++) {
		int r;

		fault_arm(kind, n);
		r = verify(json, &refused);
		if (!fault_disarm()) {
			ck_assert_int_eq(r, without);
			break;
		}
		ck_assert(!inconsistent);
		same += r == without;
		ck_assert_msg(r < 0 || without == TRB_OK, "fault %u: verified", n);
		ck_assert_msg(wanted == 0 || r == wanted || r == without, "fault %u: %s %s", n,
			      trb_status_name(r), refused);
		if (r == without && wanted != 0)
			ck_assert_pstr_eq(refused, check);
	}
	printf("%u faults, %u without consequence\n", n - 1, same);
	ck_assert_uint_gt(n, 1);
	ck_assert_uint_lt(wanted != 0 ? same : 0, n / 20 + 1);
}

START_TEST(every_allocation_fails)
{
	torture(FAULT_MEMORY, trb_blob_bytes(good), TRB_OK, TRB_E_NOMEM);
}
END_TEST

START_TEST(every_allocation_fails_on_the_way_to_a_refusal)
{
	torture(FAULT_MEMORY, trb_blob_bytes(bad), TRB_E_CLAIM, TRB_E_NOMEM);
}
END_TEST

/* What OpenSSL makes of its own failures it does not always say: a refusal is possible, a
 * verification of what is bad is not. */
START_TEST(every_allocation_of_openssl_fails)
{
	torture(FAULT_OPENSSL, trb_blob_bytes(good), TRB_OK, 0);
	torture(FAULT_OPENSSL, trb_blob_bytes(bad), TRB_E_CLAIM, 0);
}
END_TEST

START_TEST(every_read_fails)
{
	torture(FAULT_READ, trb_blob_bytes(good), TRB_OK, TRB_E_IO);
}
END_TEST

START_TEST(every_read_is_interrupted)
{
	const char *refused;

	for (unsigned n = 1; n <= 2; n++) {
		fault_arm(FAULT_EINTR, n);
		ck_assert_int_eq(verify(trb_blob_bytes(good), &refused), TRB_OK);
		ck_assert(fault_disarm());
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("torture");
	TCase *tc = tcase_create("verify");

	fault_init();
	tcase_set_timeout(tc, 500);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, every_allocation_fails);
	tcase_add_test(tc, every_allocation_fails_on_the_way_to_a_refusal);
	tcase_add_test(tc, every_allocation_of_openssl_fails);
	tcase_add_test(tc, every_read_fails);
	tcase_add_test(tc, every_read_is_interrupted);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
