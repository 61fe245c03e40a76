/* SPDX-License-Identifier: Apache-2.0 */
/* The judging of bare documents with the n-th allocation failing: never "verified" where it was
 * refused, nor refused where there was no memory to find out. */
#include "../unit/forge.h"

#include <trustbuild/attestation.h>

#include "torture.h"

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

/* The second time the issuers are remembered. */
static int judge_twice(trb_document_verifier *v, trb_bytes document, trb_error **err)
{
	int r = TRB_OK;

	for (int i = 0; i < 2 && r == TRB_OK; i++) {
		_cleanup_(trb_blob_unrefp) trb_blob *report = NULL;
		trb_attestation *a = NULL;
		int assurance = 0;

		r = trb_document_verifier_check(v, document, &a, &assurance, &report, err);
		torture_note((r == TRB_OK) != (a != NULL), "a document without a verification");
		torture_note((r == TRB_OK) != (assurance == TRB_ASSURANCE_SIMULATED), "assurance");
		trb_attestation_unref(a);
	}
	return r;
}

/* All that forge_document() has, and a nonce. */
static int demand(trb_document_verifier *v, const char *nonce, trb_error **err)
{
	static const uint8_t pcr3[48];
	int r = trb_document_verifier_demand_age(v, FORGE_TIME, 60, err);

	if (r == TRB_OK)
		r = trb_document_verifier_demand_pcr(v, 3, TRB_BYTES(pcr3, sizeof(pcr3)), err);
	if (r == TRB_OK)
		r = trb_document_verifier_demand_user_data(v, trb_bytes_str("data"), err);
	if (r == TRB_OK)
		r = trb_document_verifier_demand_nonce(v, trb_bytes_str(nonce), err);
	return r;
}

static int judge(trb_blob *document, const char *nonce, const char **ret_check)
{
	trb_document_verifier *v = NULL;
	trb_error *err = NULL;
	int r = trb_document_verifier_new(&v, &err);

	if (r == TRB_OK)
		r = trb_document_verifier_add_root(v, trb_blob_bytes(root), &err);
	if (r == TRB_OK)
		r = demand(v, nonce, &err);
	if (r == TRB_OK)
		r = judge_twice(v, trb_blob_bytes(document), &err);
	trb_document_verifier_unref(v);
	return torture_end(r, err, ret_check);
}

static int judge_good(const char **ret_check)
{
	return judge(good, "nonce", ret_check);
}

static int judge_bad_signature(const char **ret_check)
{
	return judge(bad_signature, "nonce", ret_check);
}

static int judge_bad_chain(const char **ret_check)
{
	return judge(bad_chain, "nonce", ret_check);
}

/* Longer than a row shows, so that it is told by its digest. */
static int judge_another_nonce(const char **ret_check)
{
	return judge(good, "a nonce that the document does not have", ret_check);
}

static const struct torture rows[] = {
	{ "judge a document", judge_good, TRB_OK, NULL, 100 },
	{ "judge another's signature", judge_bad_signature, TRB_E_EVIDENCE, "document.signature",
	  50 },
	{ "judge another nonce's document", judge_another_nonce, TRB_E_FRESHNESS, "document.nonce",
	  50 },
	{ "judge another root's document", judge_bad_chain, TRB_E_EVIDENCE, "document.chain", 50 },
};
TORTURE_MAIN("document", rows, set_up, tear_down)
