/* SPDX-License-Identifier: Apache-2.0 */
/* Policy, bundle, verification, reports and batches with the n-th allocation or system call
 * failing: no verdict that evidence did not earn. */
#include "../unit/support.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <trustbuild/batch.h>

#include "core/error.h"
#include "core/io.h"
#include "mint.h"
#include "torture.h"

static char *policy_json;
static trb_blob *good, *bad;
static char folder[64], artifact[128], good_bundle[128], bad_bundle[128];

static void put_file(char path[128], const char *name, trb_bytes bytes)
{
	snprintf(path, 128, "%s/%s", folder, name);
	ck_assert_int_eq(trb_write_file(AT_FDCWD, path, bytes, 0600, NULL), TRB_OK);
}

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
	snprintf(folder, sizeof(folder), "/tmp/trb-torture-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	put_file(artifact, "tb-widget", TRB_BYTES_LIT(MINT_CONTENT));
	put_file(good_bundle, "good", trb_blob_bytes(good));
	put_file(bad_bundle, "bad", trb_blob_bytes(bad));
}

static void tear_down(void)
{
	trb_remove_tree(AT_FDCWD, folder, NULL);
	trb_blob_unref(good);
	trb_blob_unref(bad);
	free(policy_json);
}

/* Each form of a report comes whole or not at all. */
static int render(const trb_report *report, trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *json = NULL, *text = NULL, *html = NULL;
	int r = trb_report_to_json(report, &json, err);

	if (r == TRB_OK)
		r = trb_report_to_text(report, &text, err);
	return r < 0 ? r : trb_report_to_html(report, &html, err);
}

static int make_verifier(trb_verifier **ret, trb_error **err)
{
	_cleanup_(trb_policy_unrefp) trb_policy *policy = NULL;
	_cleanup_(trb_verifier_unrefp) trb_verifier *v = NULL;
	int r = trb_policy_parse(trb_bytes_str(policy_json), &policy, err);

	if (r == TRB_OK)
		r = trb_verifier_new(NULL, policy, &v, err);
	if (r == TRB_OK)
		r = trb_verifier_set_nonce(v, TRB_BYTES_LIT("a nonce of thirty-two bytes here"),
					   err);
	if (r == TRB_OK)
		r = trb_verifier_set_repository(v, MINT_REPO, err);
	if (r == TRB_OK)
		*ret = steal_ptr(&v);
	return r;
}

static int verify(trb_bytes json, const char **ret_check)
{
	_cleanup_(trb_bundle_unrefp) trb_bundle *bundle = NULL;
	_cleanup_(trb_verifier_unrefp) trb_verifier *verifier = NULL;
	_cleanup_(trb_claims_unrefp) trb_claims *claims = NULL;
	_cleanup_(trb_report_unrefp) trb_report *report = NULL;
	_cleanup_close_ int fd = open(artifact, O_RDONLY | O_CLOEXEC);
	trb_error *err = NULL;
	int r = fd >= 0 ? make_verifier(&verifier, &err) : trb_fail_errno(&err, errno, "open");
	int rendered;

	if (r == TRB_OK)
		r = trb_bundle_parse(json, &bundle, &err);
	if (r == TRB_OK)
		r = trb_verifier_check_fd(verifier, bundle, fd, "tb-widget", &claims, &report,
					  &err);
	torture_note((r == TRB_OK) != (claims != NULL), "claims without a verification");
	torture_note((report != NULL) != (r == TRB_OK || trb_is_verdict(r)),
		     "a report without a verdict");
	torture_note(report != NULL && trb_report_get_verdict(report) != r,
		     "the report has another verdict");
	if (report != NULL && (rendered = render(report, r < 0 ? NULL : &err)) < 0) {
		err = r < 0 ? trb_error_unref(err) : err;
		r = rendered;
		if (err == NULL)
			trb_fail_nomem(&err);
	}
	return torture_end(r, err, ret_check);
}

static int verify_good(const char **ret_check)
{
	return verify(trb_blob_bytes(good), ret_check);
}

static int verify_bad(const char **ret_check)
{
	return verify(trb_blob_bytes(bad), ret_check);
}

/* The statuses of a batch of two, the worse of what both should be and are. */
static int batch_status(const trb_batch *batch, const char **ret_check)
{
	int first = trb_batch_get_status(batch, 0), second = trb_batch_get_status(batch, 1);

	torture_note((first == TRB_OK) != (trb_batch_get_claims(batch, 0) != NULL),
		     "claims without a verification");
	torture_note(first == TRB_OK && trb_batch_get_report(batch, 0) == NULL, "no report");
	torture_note(trb_batch_get_claims(batch, 1) != NULL, "claims of what is refused");
	torture_note(second == TRB_OK, "verified what is bad");
	torture_note(trb_is_verdict(first), "a failure became a verdict");
	torture_note(first < 0 && trb_batch_get_error(batch, 0) == NULL, "no error");
	if (first < 0)
		return first;
	if (second < 0)
		*ret_check = trb_report_get_refused(trb_batch_get_report(batch, 1));
	return second;
}

static int batch_of(unsigned threads, const char **ret_check)
{
	_cleanup_(trb_verifier_unrefp) trb_verifier *verifier = NULL;
	const char *check = NULL;
	trb_batch *batch = NULL;
	trb_error *err = NULL;
	int r = make_verifier(&verifier, &err);

	if (r == TRB_OK)
		r = trb_batch_new(verifier, &batch, &err);
	if (r == TRB_OK)
		r = trb_batch_add(batch, artifact, good_bundle, NULL, &err);
	if (r == TRB_OK)
		r = trb_batch_add(batch, artifact, bad_bundle, NULL, &err);
	if (r == TRB_OK)
		r = trb_batch_run(batch, threads, &err);
	if (r < 0) {
		trb_batch_unref(batch);
		return torture_end(r, err, ret_check);
	}
	r = batch_status(batch, &check);
	*ret_check = check; /* ids are static */
	trb_batch_unref(batch);
	return r;
}

static int batch_on_one(const char **ret_check)
{
	return batch_of(1, ret_check);
}

static int batch_on_two(const char **ret_check)
{
	return batch_of(2, ret_check);
}

static const struct torture rows[] = {
	{ "verify", verify_good, TRB_OK, NULL, 300 },
	{ "verify what is forged", verify_bad, TRB_E_CLAIM, "envelope.signature", 300 },
	{ "batch", batch_on_one, TRB_E_CLAIM, "envelope.signature", 300 },
	/* where no thread can be had, the work takes longer */
	{ "batch on two threads", batch_on_two, TRB_E_CLAIM, "envelope.signature", 300,
	  .optional = "clone3 clone mmap mprotect" },
};
TORTURE_MAIN("verify", rows, set_up, tear_down)
