/* SPDX-License-Identifier: Apache-2.0 */
/* A bundle with a flipped bit anywhere never verifies with other claims: under a policy that waives
 * all it can, each altered bundle is refused, or says exactly what the good one says. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>

#include "judging.h"

static trb_verifier *verifier;
static char *good_claims;

static void loosen(void)
{
	judging_set_up();
	p.source = "{\"repositories\": \"any\", \"refs\": \"any\", \"commits\": \"any\"}";
	p.recipe = "\"any\"";
	p.sandbox = "{\"runtimes\": \"any\", \"network\": \"any\"}";
	p.artifacts = "\"any\"";
	verifier = judging_verifier();
}

static void tighten(void)
{
	verifier = trb_verifier_unref(verifier);
	free(good_claims);
	good_claims = NULL;
	judging_tear_down();
}

static char *claims_of(const trb_report *report)
{
	_cleanup_(trb_blob_unrefp) trb_blob *json = NULL;
	const char *text, *claims;
	char *copy;

	ck_assert_int_eq(trb_report_to_json(report, &json, NULL), TRB_OK);
	text = (const char *)trb_blob_bytes(json).ptr;
	claims = memmem(text, trb_blob_bytes(json).len, "\"claims\"", 8);
	ck_assert_ptr_nonnull(claims);
	copy = strndup(claims, trb_blob_bytes(json).len - (size_t)(claims - text));
	ck_assert_ptr_nonnull(copy);
	return copy;
}

/* true: refused. */
static bool judge(const trb_bundle *bundle, const char *where, size_t i)
{
	_cleanup_(trb_report_unrefp) trb_report *report = NULL;
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	_cleanup_free_ char *claims = NULL;
	int r = trb_verifier_check_digest(verifier, bundle, j.digest, j.file_name, NULL, &report,
					  &err);

	if (r != TRB_OK) {
		ck_assert_msg(trb_is_verdict(r), "%s, byte %zu: %s", where, i,
			      trb_error_message(err));
		return true;
	}
	claims = claims_of(report);
	if (good_claims == NULL)
		good_claims = steal_ptr(&claims);
	else
		ck_assert_msg(strcmp(claims, good_claims) == 0, "%s, byte %zu: other claims", where,
			      i);
	return false;
}

static void flip_part(struct mint_parts *parts, trb_blob **part, const char *name)
{
	size_t n = trb_blob_bytes(*part).len;

	for (size_t i = 0; i < n; i++) {
		uint8_t mask = (uint8_t)(1u << (i % 8));
		_cleanup_(trb_bundle_unrefp) trb_bundle *bundle = NULL;

		mint_flip(part, i, mask);
		bundle = mint_bundle_of(&m, parts);
		ck_assert_msg(judge(bundle, name, i), "%s, byte %zu: verified", name, i);
		mint_flip(part, i, mask);
	}
}

START_TEST(every_byte_of_every_part_is_authenticated)
{
	struct mint_parts parts;
	_cleanup_(trb_bundle_unrefp) trb_bundle *bundle = NULL;

	mint_make(&m, &parts);
	bundle = mint_bundle_of(&m, &parts);
	ck_assert(!judge(bundle, "unaltered", 0));
	flip_part(&parts, &parts.request, "request");
	flip_part(&parts, &parts.environment, "environment");
	flip_part(&parts, &parts.artifacts, "artifacts");
	flip_part(&parts, &parts.attestation, "attestation");
	flip_part(&parts, &parts.statement, "statement");
	flip_part(&parts, &parts.signature, "signature");
	mint_parts_clear(&parts);
}
END_TEST

START_TEST(every_hash_of_the_proof_counts)
{
	struct mint_parts parts;

	mint_make(&m, &parts);
	for (size_t i = 0; i < 32 * parts.logs[0].n_proof; i++) {
		_cleanup_(trb_bundle_unrefp) trb_bundle *bundle = NULL;

		parts.logs[0].proof[i / 32][i % 32] ^= 0x10;
		bundle = mint_bundle_of(&m, &parts);
		ck_assert(judge(bundle, "proof", i));
		parts.logs[0].proof[i / 32][i % 32] ^= 0x10;
	}
	mint_parts_clear(&parts);
}
END_TEST

/* The text as a whole: what is not refused (a name of a witness that is not counted, white space)
 * must not change what is said. */
START_TEST(no_flipped_bit_of_the_file_changes_the_claims)
{
	_cleanup_(trb_blob_unrefp) trb_blob *json = mint_bundle_json(&m);
	size_t n = trb_blob_bytes(json).len, refused = 0;
	uint8_t *text = malloc(n);

	memcpy(text, trb_blob_bytes(json).ptr, n);
	for (size_t i = 0; i <= n; i++) {
		_cleanup_(trb_bundle_unrefp) trb_bundle *bundle = NULL;
		uint8_t mask = i == 0 ? 0 : (uint8_t)(1u << (i % 8));
		size_t at = i == 0 ? 0 : i - 1;

		text[at] ^= mask;
		if (trb_bundle_parse(TRB_BYTES(text, n), &bundle, NULL) < 0 ||
		    judge(bundle, "file", at))
			refused++;
		text[at] ^= mask;
	}
	free(text);
	ck_assert_uint_gt(refused, n - n / 20);
	ck_assert_uint_le(refused, n);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("verify_flips");
	TCase *tc = tcase_create("verify_flips");

	tcase_set_timeout(tc, 400);
	tcase_add_checked_fixture(tc, loosen, tighten);
	tcase_add_test(tc, every_byte_of_every_part_is_authenticated);
	tcase_add_test(tc, every_hash_of_the_proof_counts);
	tcase_add_test(tc, no_flipped_bit_of_the_file_changes_the_claims);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
