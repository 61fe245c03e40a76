/* SPDX-License-Identifier: Apache-2.0 */
/* The judging of documents with the n-th allocation failing, for every n: no crash, no leak (the
 * sanitizers judge that), and never "verified" where it was refused. */
#include "../unit/forge.h"

#include <stdio.h>

#include <trustbuild/attestation.h>

#include "fault.h"

static trb_blob *good, *bad_signature, *bad_chain, *root;

static void set_up(void)
{
	struct forge f;

	forge_init(&f);
	forge_make(&f);
	good = forge_document(&f);
	root = trb_blob_ref(f.der[0]);
	f.signer = 3;
	bad_signature = forge_document(&f);
	forge_clear(&f);
	forge_init(&f);
	forge_make(&f);
	bad_chain = forge_document(&f); /* under another root */
	forge_clear(&f);
}

static void tear_down(void)
{
	trb_blob_unref(good);
	trb_blob_unref(bad_signature);
	trb_blob_unref(bad_chain);
	trb_blob_unref(root);
}

/* Check allocates, too: what is wrong is kept until no fault is armed. */
static bool inconsistent;

static int judge_twice(trb_document_verifier *v, trb_bytes document, trb_error **err)
{
	int r = TRB_OK;

	for (int i = 0; i < 2 && r == TRB_OK; i++) {
		_cleanup_(trb_blob_unrefp) trb_blob *report = NULL;
		trb_attestation *a = NULL;
		int assurance = 0;

		r = trb_document_verifier_check(v, document, &a, &assurance, &report, err);
		if ((r == TRB_OK) != (a != NULL) ||
		    (r == TRB_OK) != (assurance == TRB_ASSURANCE_SIMULATED))
			inconsistent = true;
		trb_attestation_unref(a);
	}
	return r;
}

/* The second time the issuers are remembered. */
static int judge(trb_bytes document)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	trb_document_verifier *v = NULL;
	int r = trb_document_verifier_new(&v, &err);

	if (r == TRB_OK)
		r = trb_document_verifier_add_root(v, trb_blob_bytes(root), &err);
	if (r == TRB_OK)
		r = judge_twice(v, document, &err);
	if (r < 0 && trb_error_code(err) != r)
		inconsistent = true;
	trb_document_verifier_unref(v);
	return r;
}

static void torture(enum fault kind, const trb_blob *document, int without, bool exact)
{
	trb_bytes bytes = trb_blob_bytes(document);
	unsigned n;

	ck_assert_int_eq(judge(bytes), without);
	for (n = 1;; n++) {
		int r;

		fault_arm(kind, n);
		r = judge(bytes);
		if (!fault_disarm()) {
			ck_assert_int_eq(r, without);
			break;
		}
		ck_assert_msg(!inconsistent, "fault %u: inconsistent", n);
		ck_assert_msg(r < 0 || without == TRB_OK, "fault %u: verified", n);
		ck_assert_msg(!exact || r == TRB_E_NOMEM || r == without, "fault %u: %s", n,
			      trb_status_name(r));
	}
	printf("%u faults\n", n - 1);
	ck_assert_uint_gt(n, 10);
}

START_TEST(every_allocation_fails)
{
	torture(FAULT_MEMORY, good, TRB_OK, true);
	torture(FAULT_MEMORY, bad_signature, TRB_E_EVIDENCE, true);
	torture(FAULT_MEMORY, bad_chain, TRB_E_EVIDENCE, true);
}
END_TEST

/* OpenSSL does not always say that memory was the reason: a refusal is possible then. */
START_TEST(every_allocation_of_openssl_fails)
{
	torture(FAULT_OPENSSL, good, TRB_OK, false);
	torture(FAULT_OPENSSL, bad_signature, TRB_E_EVIDENCE, false);
	torture(FAULT_OPENSSL, bad_chain, TRB_E_EVIDENCE, false);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("torture-document");
	TCase *tc = tcase_create("document");

	fault_init();
	tcase_set_timeout(tc, 500);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, every_allocation_fails);
	tcase_add_test(tc, every_allocation_of_openssl_fails);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
