/* SPDX-License-Identifier: Apache-2.0 */
/* The whole verifier: a policy, a NUL, a bundle.  Whatever comes out is rendered in all forms. */
#include <stdlib.h>

#include "core/cleanup.h"
#include "format/bundle.h"
#include "verifier/policy.h"
#include "verifier/report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* SHA-256 of "the widget's bytes\n", what the corpus attests. */
static const char digest_hex[] = "988636f351461466814eda81b9581e2f30c5f27b65e22c78358962d9ff5e2b42";

static void render(const trb_report *report, int verdict)
{
	trb_blob *json = NULL, *text = NULL, *html = NULL;

	if (trb_report_to_json(report, &json, NULL) < 0 ||
	    trb_report_to_text(report, &text, NULL) < 0 ||
	    trb_report_to_html(report, &html, NULL) < 0 ||
	    trb_report_get_verdict(report) != verdict)
		abort();
	trb_blob_unref(json);
	trb_blob_unref(text);
	trb_blob_unref(html);
}

static void judge(const trb_policy *policy, const trb_bundle *bundle)
{
	trb_verifier *verifier = NULL;
	trb_claims *claims = NULL;
	trb_report *report = NULL;
	uint8_t digest[32];
	int r;

	if (!trb_hex_decode(trb_bytes_str(digest_hex), digest, 32) ||
	    trb_verifier_new(NULL, policy, &verifier, NULL) < 0 ||
	    trb_verifier_set_now(verifier, 1790000000, NULL) < 0)
		abort();
	r = trb_verifier_check_digest(verifier, bundle, TRB_BYTES(digest, 32), "tb-widget", &claims,
				      &report, NULL);
	if (r != TRB_OK && !trb_is_verdict(r))
		abort();
	if ((r == TRB_OK) != (claims != NULL))
		abort();
	render(report, r);
	trb_claims_unref(claims);
	trb_report_unref(report);
	trb_verifier_unref(verifier);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *nul = size > 0 ? memchr(data, '\0', size) : NULL;
	trb_policy *policy = NULL;
	trb_bundle *bundle = NULL;
	trb_report *report = NULL;
	trb_error *err = NULL;
	size_t n;

	if (nul == NULL || size > 512 * 1024)
		return 0;
	n = (size_t)(nul - data);
	if (trb_policy_parse(TRB_BYTES(data, n), &policy, NULL) == TRB_OK) {
		int r = trb_bundle_parse(TRB_BYTES(nul + 1, size - n - 1), &bundle, &err);

		if (r == TRB_OK) {
			judge(policy, bundle);
		} else {
			if (trb_report_new_unreadable(err, &report, NULL) < 0)
				abort();
			render(report, trb_report_get_verdict(report));
		}
	}
	trb_error_unref(err);
	trb_report_unref(report);
	trb_bundle_unref(bundle);
	trb_policy_unref(policy);
	return 0;
}
