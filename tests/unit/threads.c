/* SPDX-License-Identifier: Apache-2.0 */
/* Ten thousand verifications in one process from four threads agree.  Run under AddressSanitizer,
 * which finds what leaks, and under ThreadSanitizer (scripts/test --all). */
#include "support.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <trustbuild/batch.h>

#include "core/cleanup.h"
#include "core/io.h"
#include "mint.h"

#define THREADS 4
#define EACH    2500
#define ENTRIES 64

static struct shared {
	trb_verifier *verifier;
	trb_bundle *bundle;
	trb_blob *json;
	trb_blob *reports[2]; /* of a verified and of a refused artifact */
	uint8_t digests[2][32];
} s;

static void set_up(void)
{
	_cleanup_(trb_policy_unrefp) trb_policy *policy = NULL;
	struct mint_policy p;
	struct mint m;

	mint_init(&m);
	mint_policy_init(&p);
	policy = mint_policy(&p);
	ck_assert_int_eq(trb_verifier_new(NULL, policy, &s.verifier, NULL), TRB_OK);
	s.json = mint_bundle_json(&m);
	ck_assert_int_eq(trb_bundle_parse(trb_blob_bytes(s.json), &s.bundle, NULL), TRB_OK);
	for (size_t i = 0; i < 2; i++)
		memcpy(s.digests[i], mint_digest().ptr, sizeof(s.digests[i]));
	s.digests[1][7] ^= 1;
}

static void tear_down(void)
{
	trb_verifier_unref(s.verifier);
	trb_bundle_unref(s.bundle);
	trb_blob_unref(s.json);
	trb_blob_unref(s.reports[0]);
	trb_blob_unref(s.reports[1]);
	s = (struct shared){ 0 };
}

/* One verification: bad is 0 or 1.  Gives what is wrong, or NULL. */
static const char *judge(const trb_bundle *bundle, unsigned bad, trb_blob **ret_report)
{
	_cleanup_(trb_claims_unrefp) trb_claims *claims = NULL;
	_cleanup_(trb_report_unrefp) trb_report *report = NULL;
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	int r = trb_verifier_check_digest(s.verifier, bundle, TRB_BYTES(s.digests[bad], 32),
					  "tb-widget", &claims, &report, &err);

	if (r != (bad ? TRB_E_ARTIFACT : TRB_OK) || (claims != NULL) == (bad == 1))
		return "another verdict";
	if (bad && strcmp(trb_error_check(err), "artifact.digest") != 0)
		return "refused by another check";
	if (!bad && strcmp(trb_claims_get_artifact(claims), MINT_ARTIFACT) != 0)
		return "another artifact";
	if (ret_report != NULL && trb_report_to_json(report, ret_report, NULL) < 0)
		return "no report";
	return NULL;
}

/* The same with a bundle of its own, and with a report, which has to be that of all others. */
static const char *judge_anew(unsigned bad)
{
	_cleanup_(trb_bundle_unrefp) trb_bundle *bundle = NULL;
	_cleanup_(trb_blob_unrefp) trb_blob *report = NULL;
	const char *wrong;

	if (trb_bundle_parse(trb_blob_bytes(s.json), &bundle, NULL) < 0)
		return "the bundle is not read";
	wrong = judge(bundle, bad, &report);
	if (wrong == NULL && !trb_bytes_eq(trb_blob_bytes(report), trb_blob_bytes(s.reports[bad])))
		return "another report";
	return wrong;
}

static void *work(void *arg)
{
	const char **wrong = arg;

	for (unsigned i = 0; i < EACH && *wrong == NULL; i++)
		*wrong = i % 10 < 2 ? judge_anew(i & 1) : judge(s.bundle, i & 1, NULL);
	return NULL;
}

START_TEST(ten_thousand_agree)
{
	const char *wrong[THREADS] = { NULL };
	pthread_t threads[THREADS];

	for (unsigned bad = 0; bad < 2; bad++)
		ck_assert_ptr_null(judge(s.bundle, bad, &s.reports[bad]));
	for (size_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, work, &wrong[i]), 0);
	for (size_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	for (size_t i = 0; i < THREADS; i++)
		ck_assert_msg(wrong[i] == NULL, "thread %zu: %s", i, wrong[i]);
}
END_TEST

static void put(int dir, const char *name, trb_bytes bytes)
{
	ck_assert_int_eq(trb_write_file(dir, name, bytes, 0600, NULL), TRB_OK);
}

/* The library's own threads: the same, from files. */
START_TEST(a_batch_agrees)
{
	char folder[] = "/tmp/trb-threads-XXXXXX", good[64], bad[64], bundle[64];
	trb_batch *batch = NULL;
	int dir;

	ck_assert_ptr_nonnull(mkdtemp(folder));
	dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_eq(mkdirat(dir, "flipped", 0700), 0);
	put(dir, "tb-widget", TRB_BYTES_LIT(MINT_CONTENT));
	put(dir, "flipped/tb-widget", TRB_BYTES_LIT("other bytes"));
	put(dir, "bundle", trb_blob_bytes(s.json));
	snprintf(good, sizeof(good), "%s/tb-widget", folder);
	snprintf(bad, sizeof(bad), "%s/flipped/tb-widget", folder);
	snprintf(bundle, sizeof(bundle), "%s/bundle", folder);
	ck_assert_int_eq(trb_batch_new(s.verifier, &batch, NULL), TRB_OK);
	for (unsigned i = 0; i < ENTRIES; i++)
		ck_assert_int_eq(trb_batch_add(batch, i & 1 ? bad : good, bundle, NULL, NULL),
				 TRB_OK);
	ck_assert_int_eq(trb_batch_run(batch, THREADS, NULL), TRB_OK);
	for (unsigned i = 0; i < ENTRIES; i++)
		ck_assert_int_eq(trb_batch_get_status(batch, i), i & 1 ? TRB_E_ARTIFACT : TRB_OK);
	trb_batch_unref(batch);
	close(dir);
	ck_assert_int_eq(trb_remove_tree(AT_FDCWD, folder, NULL), TRB_OK);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("threads");
	TCase *tc = tcase_create("threads");

	tcase_set_timeout(tc, 280);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, ten_thousand_agree);
	tcase_add_test(tc, a_batch_agrees);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
