/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the examples of docs/reports: mint-reports DIRECTORY.  The hardware case is an
 * illustration, made by changing the word in a report about minted evidence: nobody but AWS can
 * mint the other kind. */
#include <stdio.h>

#include "mint.h"
#include "verifier/claims.h"

static void put(const char *directory, const char *name, const char *kind, trb_blob *blob)
{
	char path[4096];
	trb_bytes bytes = trb_blob_bytes(blob);
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s.%s", directory, name, kind);
	f = fopen(path, "wb");
	mint_must(f != NULL && fwrite(bytes.ptr, 1, bytes.len, f) == bytes.len && fclose(f) == 0,
		  path);
	trb_blob_unref(blob);
}

static void put_all(const char *directory, const char *name, const trb_report *report)
{
	trb_blob *blob;

	mint_must(trb_report_to_text(report, &blob, NULL) == TRB_OK, "text");
	put(directory, name, "txt", blob);
	mint_must(trb_report_to_json(report, &blob, NULL) == TRB_OK, "json");
	put(directory, name, "json", blob);
	mint_must(trb_report_to_html(report, &blob, NULL) == TRB_OK, "html");
	put(directory, name, "html", blob);
}

static trb_report *judge(const struct mint_policy *p, const struct mint *m, trb_bytes digest)
{
	trb_policy *policy = mint_policy(p);
	trb_bundle *bundle = mint_bundle(m);
	trb_verifier *verifier = NULL;
	trb_report *report = NULL;
	int r;

	mint_must(trb_verifier_new(NULL, policy, &verifier, NULL) == TRB_OK, "verifier");
	r = trb_verifier_check_digest(verifier, bundle, digest, "tb-widget", NULL, &report, NULL);
	mint_must(r == TRB_OK || trb_is_verdict(r), "verdict");
	trb_verifier_unref(verifier);
	trb_bundle_unref(bundle);
	trb_policy_unref(policy);
	return report;
}

int main(int argc, char **argv)
{
	struct mint_policy policy;
	trb_report *report;
	uint8_t other[32];
	struct mint m;

	if (argc != 2)
		return 2;
	mint_init(&m);
	mint_policy_init(&policy);
	report = judge(&policy, &m, mint_digest());
	report->assurance = report->claims->assurance = TRB_ASSURANCE_HARDWARE;
	put_all(argv[1], "verified-illustration", report);
	trb_report_unref(report);
	memcpy(other, mint_digest().ptr, 32);
	other[0] ^= 0x40;
	report = judge(&policy, &m, TRB_BYTES(other, 32));
	put_all(argv[1], "refused", report);
	trb_report_unref(report);
	policy.log = mint_unwitnessed_log();
	policy.time = "{\"mode\": \"archival\", \"bound\": \"none\"}";
	report = judge(&policy, &m, mint_digest());
	put_all(argv[1], "simulated", report);
	trb_report_unref(report);
	return 0;
}
