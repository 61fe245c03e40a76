/* SPDX-License-Identifier: Apache-2.0 */
/* What the verifier refuses of documents, claims, statements and logs; the tests bear the names of
 * the attacks in docs/threats.md and of the forgeries that other verifiers accept. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>

#include "judging.h"

#define UNBOUND "{\"mode\": \"archival\", \"bound\": \"none\"}"

static const uint8_t zero48[48];

/* The research prototype runs the chain check and discards its result. */
START_TEST(prototype_self_made_certificate)
{
	m.leaf_is_self_made = true;
	expect("document.chain");
}
END_TEST

/* It also discards what the COSE signature's check returned. */
START_TEST(prototype_signature_not_checked)
{
	m.wrong_key = true;
	expect("document.signature");
}
END_TEST

/* It compares "k=v,k=v" by position, ignores the keys and lets trailing fields be missing. */
START_TEST(prototype_user_data_as_text)
{
	static const char *const texts[] = {
		"commit=1f7a7a472abf3dd9643fd615f6da379c4acb3e3a,artifact=988636",
		"x=1f7a7a472abf3dd9643fd615f6da379c4acb3e3a",
		"",
		"\xa0",
		"\xa1\x01\x01",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		m.user_data = trb_bytes_str(texts[i]);
		expect("claim.parse");
	}
	m.null_user_data = true;
	expect("claim.parse");
}
END_TEST

/* It computes the Merkle root, prints it, and never compares it. */
START_TEST(prototype_merkle_root_not_compared)
{
	struct mint_parts parts;

	mint_make(&m, &parts);
	parts.logs[0].proof[1][0] ^= 1;
	expect_parts(&parts, "log.inclusion");
	mint_parts_clear(&parts);
}
END_TEST

/* It knows no signature of the log. */
START_TEST(prototype_log_root_unsigned)
{
	m.log_unsigned = true;
	expect("log.checkpoint");
}
END_TEST

/* It starts enclaves in debug mode: all PCRs zero. */
START_TEST(debug_enclave_is_refused)
{
	for (size_t i = 0; i < 3; i++)
		memset(m.pcr[i], 0, 48);
	expect("document.debug");
}
END_TEST

START_TEST(prototype_nonce_and_time_not_checked)
{
	m.nonce = TRB_BYTES_LIT("not the nonce that was asked for");
	expect("nonce.match");
	mint_init(&m);
	m.time_ms -= 2 * 3600 * 1000;
	expect("time.bound");
}
END_TEST

/* It takes hashes as text and never reads the artifact or the facts. */
START_TEST(prototype_facts_not_bound)
{
	struct mint_parts parts;
	struct mint other = m;

	other.entries[1].digest[0] ^= 1;
	mint_make(&m, &parts);
	other.artifacts.entries = other.entries;
	trb_blob_unref(parts.artifacts);
	ck_assert_int_eq(trb_artifacts_encode(&other.artifacts, &parts.artifacts, NULL), TRB_OK);
	expect_parts(&parts, "claim.artifacts");
	mint_parts_clear(&parts);
}
END_TEST

/* Verifier libraries judge at "now": a leaf of three hours makes yesterday's evidence worthless. */
START_TEST(libraries_verify_at_now)
{
	j.now_s = MINT_TIME + UINT64_C(20) * 365 * 86400;
	expect(NULL);
	p.time = "{\"mode\": \"live\", \"max_age_s\": 600}";
	expect("document.chain");
}
END_TEST

/* An option that forgives expiry forgives what was never valid, too. */
START_TEST(libraries_allow_expired)
{
	p.time = UNBOUND;
	m.leaf_offset_s = -4 * 3600;
	expect("document.chain");
	m.leaf_offset_s = 3600;
	expect("document.chain");
}
END_TEST

/* An empty or missing expectation, or a shorter list of PCRs, counts as a match elsewhere; here a
 * document that leaves out what identifies the image is none. */
START_TEST(libraries_missing_pcr_matches)
{
	for (unsigned i = 0; i < 3; i++) {
		mint_init(&m);
		m.pcrs &= ~(1u << i);
		expect("document.parse");
	}
	m.pcrs = 1;
	expect("document.parse");
}
END_TEST

START_TEST(a_different_measurement_is_refused)
{
	for (unsigned i = 0; i < 3; i++) {
		mint_init(&m);
		m.pcr[i][47] ^= 1;
		expect("measurement.match");
	}
}
END_TEST

static const char *with_pcr(unsigned index, const uint8_t value[48])
{
	static char text[1024];
	char hex[4][97];

	for (size_t i = 0; i < 3; i++)
		trb_hex_encode(TRB_BYTES(m.pcr[i], 48), hex[i]);
	trb_hex_encode(TRB_BYTES(value, 48), hex[3]);
	snprintf(text, sizeof(text),
		 "[{\"name\": \"first\", \"pcrs\": {\"0\": \"%s\", \"1\": \"%s\", \"2\": \"%s\", "
		 "\"%u\": \"%s\"}}]",
		 hex[0], hex[1], hex[2], index, hex[3]);
	return text;
}

START_TEST(optional_pcrs_are_exact)
{
	uint8_t value[48];

	memset(value, 0x55, 48);
	p.measurements = with_pcr(4, value);
	expect(NULL);
	value[0] = 0x54;
	p.measurements = with_pcr(4, value);
	expect("measurement.match");
	p.measurements = with_pcr(8, value); /* unsigned image: PCR8 is zero */
	expect("measurement.match");
	memcpy(m.pcr[8], value, 48);
	expect(NULL);
	m.pcrs &= ~(1u << 8);
	expect("measurement.match");
}
END_TEST

START_TEST(any_measurement_of_the_policy_will_do)
{
	char text[2048];
	const char *good = p.measurements;

	snprintf(text, sizeof(text),
		 "[{\"name\": \"old\", \"pcrs\": {\"0\": \"%096d\", \"1\": \"%096d\", "
		 "\"2\": \"%096d\"}}, %s",
		 1, 2, 3, good + 1);
	p.measurements = text;
	expect(NULL);
	ck_assert_str_eq(trb_claims_get_measurement(j.claims), "forge image");
	m.pcr[1][0] ^= 1;
	expect("measurement.match");
}
END_TEST

START_TEST(self_made_root_passes_as_simulated)
{
	char root[128];

	m.authority = 1;
	expect("document.chain");
	ck_assert_int_eq(trb_report_get_verdict(j.report), TRB_E_EVIDENCE);
	mint_init(&m); /* whose digest is neither a lesser nor a greater one */
	for (unsigned i = 0; i < 2; i++) {
		snprintf(root, sizeof(root), "[{\"simulated\": \"%s%062d\"}]", i ? "ff" : "00", 1);
		p.roots = root;
		expect("document.chain");
	}
}
END_TEST

START_TEST(simulated_evidence_where_hardware_is_demanded)
{
	p.roots = "[\"aws-nitro\"]";
	expect("document.chain");
	ck_assert_int_eq(trb_report_get_assurance(j.report), 0);
	ck_assert_int_eq(trb_report_get_verdict(j.report), TRB_E_ASSURANCE);
	/* what is not signed at all is no evidence of any kind */
	m.wrong_key = true;
	expect("document.signature");
	ck_assert_int_eq(trb_report_get_verdict(j.report), TRB_E_EVIDENCE);
}
END_TEST

START_TEST(nitrotpm_document_is_refused)
{
	m.nitrotpm = true;
	expect("document.parse");
	mint_init(&m);
	m.module_id = "i-0123456789abcdef0-tpm0123456789abcdef";
	expect("document.parse");
}
END_TEST

START_TEST(documents_that_are_none_are_refused)
{
	static const char *const texts[] = { "{}", "\x84", "\xd2\x84\x40\xa0\x40\x40", "x" };
	struct mint_parts parts;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		mint_make(&m, &parts);
		mint_replace(&parts.attestation, trb_bytes_str(texts[i]));
		expect_parts(&parts, "document.parse");
		mint_parts_clear(&parts);
	}
}
END_TEST

START_TEST(claim_without_nonce_or_key_is_refused)
{
	m.null_nonce = true;
	expect("claim.parse");
	m.null_nonce = false;
	m.nonce = TRB_BYTES_LIT("too short");
	expect("claim.parse");
	m.nonce = TRB_BYTES(((const uint8_t[65]){ 1 }), 65);
	expect("claim.parse");
	mint_init(&m);
	m.null_public_key = true;
	expect("claim.parse");
	m.null_public_key = false;
	m.public_key = TRB_BYTES(((const uint8_t[91]){ 0x30, 0x59 }), 91);
	expect("claim.parse");
}
END_TEST

/* Code that took the enclave during the build asks the NSM for another commit's document: PCR17 was
 * locked before it started. */
START_TEST(build_asks_the_nsm_for_an_honest_commit)
{
	struct trb_commit honest;

	memset(&honest, 0x77, sizeof(honest));
	honest.algorithm = 1;
	/* the attacker's claim and request name the honest commit, the PCRs do not */
	m.pcr17 = TRB_BYTES(m.pcr[0], 48);
	expect("pcr17.commit");
	m.pcr17 = TRB_BYTES(zero48, 48);
	expect("pcr17.commit");
	mint_init(&m);
	m.claim_commit = &honest;
	expect("claim.commit");
}
END_TEST

/* The host shows another request than the one that the enclave was locked to. */
START_TEST(request_other_than_the_locked_one)
{
	struct mint_parts parts, others;
	struct mint other;

	mint_init(&other);
	other.request.ref = TRB_BYTES_LIT("refs/heads/other");
	mint_make(&m, &parts);
	mint_make(&other, &others);
	mint_replace(&parts.request, trb_blob_bytes(others.request));
	expect_parts(&parts, "pcr16.request");
	mint_parts_clear(&parts);
	mint_parts_clear(&others);
	m.pcr16 = TRB_BYTES(zero48, 48);
	expect("pcr16.request");
}
END_TEST

/* A PCR that is not in the document was not locked. */
START_TEST(unlocked_ratchet_is_refused)
{
	m.pcrs &= ~(1u << 16);
	expect("pcr16.request");
	mint_init(&m);
	m.pcrs &= ~(1u << 17);
	expect("pcr17.commit");
}
END_TEST

START_TEST(other_user_pcrs_are_refused)
{
	for (unsigned i = 18; i < 32; i++) {
		mint_init(&m);
		m.pcrs |= 1u << i;
		expect(NULL); /* locked at zero */
		m.pcr[i][i] = 1;
		expect("pcr.other");
	}
}
END_TEST

START_TEST(environment_other_than_claimed)
{
	struct mint_parts parts, others;
	struct mint other;

	mint_init(&other);
	other.environment.rootfs[0] ^= 1;
	mint_make(&m, &parts);
	mint_make(&other, &others);
	mint_replace(&parts.environment, trb_blob_bytes(others.environment));
	expect_parts(&parts, "claim.environment");
	mint_parts_clear(&parts);
	mint_parts_clear(&others);
}
END_TEST

START_TEST(statement_other_than_claimed)
{
	struct mint_parts parts, others;
	struct mint other;

	mint_init(&other);
	other.finished++;
	mint_make(&m, &parts);
	mint_make(&other, &others);
	mint_replace(&parts.statement, trb_blob_bytes(others.statement));
	expect_parts(&parts, "claim.statement");
	mint_parts_clear(&parts);
	mint_parts_clear(&others);
}
END_TEST

/* The enclave is taken, and attests a statement that says more than the facts: each word is
 * compared. */
START_TEST(statement_says_other_than_the_facts)
{
	static const char *const edits[][2] = {
		{ MINT_REPO, "https://forge.example/gadget" },
		{ MINT_COMMIT, "1f7a7a472abf3dd9643fd615f6da379c4acb3e3b" },
		{ MINT_REF, "refs/heads/mein" },
		{ MINT_ARTIFACT, "out/tb-gadget" },
		{ "runsc", "runsx" },
		{ "in-toto.io/Statement/v1", "in-toto.io/Statement/v2" },
		{ "slsa.dev/provenance/v1", "slsa.dev/provenance/v2" },
		{ "{", "{ " },
	};
	struct mint_parts parts;

	mint_make(&m, &parts);
	for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
		trb_bytes text = trb_blob_bytes(parts.statement);
		_cleanup_free_ char *copy = strndup((const char *)text.ptr, text.len);
		_cleanup_free_ char *edited = NULL;
		char *at = strstr(copy, edits[i][0]);

		ck_assert_msg(at != NULL, "the statement does not say %s", edits[i][0]);
		*at = '\0';
		ck_assert_int_gt(
			asprintf(&edited, "%s%s%s", copy, edits[i][1], at + strlen(edits[i][0])),
			0);
		m.statement = trb_bytes_str(edited);
		expect("claim.statement");
		m.statement = TRB_BYTES_NULL;
	}
	mint_parts_clear(&parts);
}
END_TEST

START_TEST(envelope_of_another_key)
{
	struct mint_parts parts;

	m.foreign_envelope = true;
	expect("envelope.signature");
	m.foreign_envelope = false;
	mint_make(&m, &parts);
	mint_flip(&parts.signature, trb_blob_bytes(parts.signature).len - 1, 1);
	expect_parts(&parts, "envelope.signature");
	mint_parts_clear(&parts);
}
END_TEST

START_TEST(a_different_log_key_is_refused)
{
	m.log_stranger = true;
	expect("log.checkpoint");
	m.log_stranger = false;
	m.origin = "other.example";
	expect("log.checkpoint");
}
END_TEST

START_TEST(unpublished_bundle_is_refused)
{
	m.n_logs = 0;
	expect("log.checkpoint");
	p.log = "\"none\"";
	p.time = UNBOUND;
	expect(NULL);
	ck_assert_ptr_null(trb_claims_get_log(j.claims));
	ck_assert_int_eq(outcome_of("log.inclusion"), TRB_OUTCOME_NOT_DEMANDED);
}
END_TEST

START_TEST(evidence_of_another_entry_is_refused)
{
	struct mint_parts parts, others;
	struct mint other;

	/* the proof of one bundle with the parts of another */
	mint_init(&other);
	mint_make(&m, &parts);
	mint_make(&other, &others);
	parts.logs[0] = others.logs[0];
	expect_parts(&parts, "log.inclusion");
	parts.logs[0].index ^= 1;
	expect_parts(&parts, "log.inclusion");
	mint_parts_clear(&parts);
	mint_parts_clear(&others);
}
END_TEST

START_TEST(any_entry_of_a_log_will_do)
{
	struct mint_parts parts;

	m.n_logs = 2;
	mint_make(&m, &parts);
	parts.logs[0].proof[0][3] ^= 1;
	expect_parts(&parts, NULL);
	parts.logs[0].checkpoint = TRB_BYTES_LIT("rubbish\n");
	expect_parts(&parts, NULL);
	parts.logs[1].proof[0][3] ^= 1;
	expect_parts(&parts, "log.inclusion");
	mint_parts_clear(&parts);
}
END_TEST

/* The log shows different trees to different people. */
START_TEST(split_view_without_witness_quorum)
{
	m.n_witnesses = 1;
	expect("log.witness");
	m.n_witnesses = 0;
	expect("log.witness");
	m.n_witnesses = 3;
	expect(NULL);
	ck_assert_uint_eq(trb_claims_get_witnessed_time(j.claims), MINT_TIME + 40);
	/* in whatever order they signed */
	m.witness_s[0] = MINT_TIME + 50;
	m.witness_s[1] = MINT_TIME + 30;
	m.witness_s[2] = MINT_TIME + 40;
	expect(NULL);
	ck_assert_uint_eq(trb_claims_get_witnessed_time(j.claims), MINT_TIME + 40);
}
END_TEST

START_TEST(one_witness_counts_once)
{
	m.witness_twice = true;
	expect("log.witness");
}
END_TEST

START_TEST(witness_signature_must_be_its_own)
{
	m.witness_stranger = true;
	expect("log.witness");
}
END_TEST

START_TEST(unwitnessed_is_said)
{
	m.n_witnesses = 0;
	p.log = mint_unwitnessed_log();
	p.time = UNBOUND;
	expect(NULL);
	ck_assert_int_eq(outcome_of("log.witness"), TRB_OUTCOME_NOT_DEMANDED);
	ck_assert_str_eq(actual_of("log.witness"),
			 "unwitnessed: no protection against the log's own host");
	ck_assert_str_eq(actual_of("time.bound"), "time: the TEE's word only");
}
END_TEST

/* The document's time is the hypervisor's word; an old key is replayed. */
START_TEST(old_document_published_late)
{
	m.witness_s[0] = m.witness_s[1] = MINT_TIME + 3600;
	expect(NULL);
	m.witness_s[0] = m.witness_s[1] = MINT_TIME + 3601;
	expect("time.bound");
	/* the quorum's time is when the second witness had signed */
	m.witness_s[0] = MINT_TIME;
	expect("time.bound");
}
END_TEST

START_TEST(document_from_the_future)
{
	m.time_ms = MINT_TIME * 1000;
	m.witness_s[0] = m.witness_s[1] = MINT_TIME - 300;
	expect(NULL);
	m.time_ms++;
	expect("time.bound");
	m.time_ms--;
	m.witness_s[0] = m.witness_s[1] = MINT_TIME - 301;
	expect("time.bound");
}
END_TEST

START_TEST(cosignature_times_cannot_overflow)
{
	m.witness_s[0] = m.witness_s[1] = UINT64_MAX;
	expect("time.bound");
	m.witness_s[0] = m.witness_s[1] = 0; /* no time at all: not counted */
	expect("log.witness");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("verify_evidence");
	TCase *tc = tcase_create("verify_evidence");

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, judging_set_up, judging_tear_down);
	tcase_add_test(tc, prototype_self_made_certificate);
	tcase_add_test(tc, prototype_signature_not_checked);
	tcase_add_test(tc, prototype_user_data_as_text);
	tcase_add_test(tc, prototype_merkle_root_not_compared);
	tcase_add_test(tc, prototype_log_root_unsigned);
	tcase_add_test(tc, debug_enclave_is_refused);
	tcase_add_test(tc, prototype_nonce_and_time_not_checked);
	tcase_add_test(tc, prototype_facts_not_bound);
	tcase_add_test(tc, libraries_verify_at_now);
	tcase_add_test(tc, libraries_allow_expired);
	tcase_add_test(tc, libraries_missing_pcr_matches);
	tcase_add_test(tc, a_different_measurement_is_refused);
	tcase_add_test(tc, optional_pcrs_are_exact);
	tcase_add_test(tc, any_measurement_of_the_policy_will_do);
	tcase_add_test(tc, self_made_root_passes_as_simulated);
	tcase_add_test(tc, simulated_evidence_where_hardware_is_demanded);
	tcase_add_test(tc, nitrotpm_document_is_refused);
	tcase_add_test(tc, documents_that_are_none_are_refused);
	tcase_add_test(tc, claim_without_nonce_or_key_is_refused);
	tcase_add_test(tc, build_asks_the_nsm_for_an_honest_commit);
	tcase_add_test(tc, request_other_than_the_locked_one);
	tcase_add_test(tc, unlocked_ratchet_is_refused);
	tcase_add_test(tc, other_user_pcrs_are_refused);
	tcase_add_test(tc, environment_other_than_claimed);
	tcase_add_test(tc, statement_other_than_claimed);
	tcase_add_test(tc, statement_says_other_than_the_facts);
	tcase_add_test(tc, envelope_of_another_key);
	tcase_add_test(tc, a_different_log_key_is_refused);
	tcase_add_test(tc, unpublished_bundle_is_refused);
	tcase_add_test(tc, evidence_of_another_entry_is_refused);
	tcase_add_test(tc, any_entry_of_a_log_will_do);
	tcase_add_test(tc, split_view_without_witness_quorum);
	tcase_add_test(tc, one_witness_counts_once);
	tcase_add_test(tc, witness_signature_must_be_its_own);
	tcase_add_test(tc, unwitnessed_is_said);
	tcase_add_test(tc, old_document_published_late);
	tcase_add_test(tc, document_from_the_future);
	tcase_add_test(tc, cosignature_times_cannot_overflow);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
