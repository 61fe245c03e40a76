/* SPDX-License-Identifier: Apache-2.0 */
/* The good case, the policy's and the caller's demands, and the use of the API. */
#include "support.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/err.h>

#include "format/base64.h"
#include "judging.h"
#include "mint_keys.h"

#define OTHER_COMMIT "2f7a7a472abf3dd9643fd615f6da379c4acb3e3a"

START_TEST(good_case_is_verified)
{
	expect(NULL);
	ck_assert_str_eq(trb_claims_get_repository(j.claims), MINT_REPO);
	ck_assert_str_eq(trb_claims_get_ref(j.claims), MINT_REF);
	ck_assert_str_eq(trb_claims_get_commit(j.claims), MINT_COMMIT);
	ck_assert_str_eq(trb_claims_get_artifact(j.claims), MINT_ARTIFACT);
	ck_assert(trb_bytes_eq(trb_claims_get_artifact_digest(j.claims), mint_digest()));
	ck_assert_str_eq(trb_claims_get_measurement(j.claims), "forge image");
	ck_assert_str_eq(trb_claims_get_runtime(j.claims), "runsc");
	ck_assert_str_eq(trb_claims_get_log(j.claims), MINT_LOG);
	ck_assert_uint_eq(trb_claims_get_log_index(j.claims), 4);
	ck_assert_int_eq(trb_claims_get_assurance(j.claims), TRB_ASSURANCE_SIMULATED);
	ck_assert_uint_eq(trb_claims_get_time(j.claims), MINT_TIME);
	ck_assert_uint_eq(trb_claims_get_witnessed_time(j.claims), MINT_TIME + 40);
	for (unsigned i = 0; i < 3; i++)
		ck_assert(trb_bytes_eq(trb_claims_get_pcr(j.claims, i), TRB_BYTES(m.pcr[i], 48)));
}
END_TEST

/* What a program left in OpenSSL's queue decides nothing, not even "out of memory", and is there
 * afterwards, alone. */
START_TEST(errors_of_the_caller_stay_the_callers)
{
	static const char *const checks[] = { NULL, "document.signature", "envelope.signature",
					      "log.checkpoint" };
	_cleanup_(trb_bundle_unrefp) trb_bundle *bundle = NULL;

	m.wrong_key = _i == 1;
	m.foreign_envelope = _i == 2;
	m.log_stranger = _i == 3;
	bundle = mint_bundle(&m);
	ERR_clear_error();
	ERR_raise(ERR_LIB_USER, ERR_R_MALLOC_FAILURE);
	expect_bundle(bundle, checks[_i]);
	ck_assert_int_eq(ERR_GET_LIB(ERR_get_error()), ERR_LIB_USER);
	ck_assert_uint_eq(ERR_peek_error(), 0);
}
END_TEST

START_TEST(same_commit_built_twice_verifies_twice)
{
	expect(NULL);
	m.time_ms += 3600 * 1000;
	for (unsigned i = 0; i < MINT_WITNESSES; i++)
		m.witness_s[i] += 3600;
	expect(NULL);
}
END_TEST

START_TEST(sha256_commits_are_verified)
{
	memset(&m.request.commit, 0x5a, sizeof(m.request.commit));
	m.request.commit.algorithm = 2;
	p.source = "{\"repositories\": \"any\", \"refs\": \"any\", \"commits\": \"any\"}";
	expect(NULL);
	ck_assert_uint_eq(strlen(trb_claims_get_commit(j.claims)), 64);
}
END_TEST

START_TEST(a_different_commit_is_refused)
{
	ck_assert(trb_commit_from_hex(TRB_BYTES_LIT(OTHER_COMMIT), &m.request.commit));
	expect("source.commit");
}
END_TEST

START_TEST(a_narrowed_commit_is_refused)
{
	j.commit = OTHER_COMMIT;
	expect("source.commit");
	p.source = "{\"repositories\": \"any\", \"refs\": \"any\", \"commits\": \"any\"}";
	expect("source.commit");
	j.commit = MINT_COMMIT;
	expect(NULL);
}
END_TEST

/* "victim/../evil", other hosts, a prefix, another case, another port: exact match alone counts.
 */
START_TEST(a_different_repository_is_refused)
{
	static const char *const others[] = {
		"https://forge.example/widge",       "https://forge.example/widget/x",
		"https://forge.example/Widget",      "https://forge.example:8443/widget",
		"https://evil.example/widget",       "https://forge.example/widget.git",
		"https://forge.example.evil/widget",
	};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		m.request.repository = trb_bytes_str(others[i]);
		expect("source.repository");
	}
}
END_TEST

START_TEST(a_narrowed_repository_is_refused)
{
	j.repository = "https://forge.example/other";
	expect("source.repository");
	p.source = "{\"repositories\": \"any\", \"refs\": \"any\", \"commits\": \"any\"}";
	expect("source.repository");
	j.repository = MINT_REPO;
	expect(NULL);
}
END_TEST

START_TEST(a_different_ref_is_refused)
{
	m.request.ref = TRB_BYTES_LIT("refs/heads/main2");
	expect("source.ref");
	m.request.ref = TRB_BYTES_LIT("refs/tags/main");
	expect("source.ref");
}
END_TEST

/* A commit that was asked for without a ref may be of anybody's fork. */
START_TEST(fork_commit_without_a_ref_is_refused)
{
	m.request.ref = TRB_BYTES_NULL;
	expect("source.ref");
	p.source =
		"{\"repositories\": [\"" MINT_REPO "\"], \"refs\": \"any\", \"commits\": \"any\"}";
	expect(NULL);
	ck_assert_ptr_null(trb_claims_get_ref(j.claims));
	ck_assert_int_eq(outcome_of("source.ref"), TRB_OUTCOME_NOT_DEMANDED);
}
END_TEST

START_TEST(a_different_artifact_is_refused)
{
	uint8_t other[32];

	memcpy(other, mint_digest().ptr, 32);
	other[31] ^= 1;
	j.digest = TRB_BYTES(other, 32);
	expect("artifact.digest");
}
END_TEST

START_TEST(a_different_artifact_name_is_refused)
{
	j.file_name = "tb-gadget";
	expect("artifact.name");
	j.file_name = "tb-widget.exe";
	expect("artifact.name");
	j.file_name = "widget";
	expect("artifact.name");
	j.file_name = "";
	expect("artifact.name");
	j.file_name = "Tb-widget";
	expect("artifact.name");
}
END_TEST

START_TEST(the_path_of_the_file_does_not_matter)
{
	j.file_name = "/tmp/some/where/tb-widget";
	expect(NULL);
	ck_assert_str_eq(trb_claims_get_artifact(j.claims), MINT_ARTIFACT);
}
END_TEST

/* The attested helper's bytes under the widget's name, and the other way round. */
START_TEST(attested_helper_renamed_is_refused)
{
	j.digest = TRB_BYTES(m.entries[0].digest, 32);
	expect("artifact.digest");
	j.file_name = "helper";
	expect(NULL);
	ck_assert_str_eq(trb_claims_get_artifact(j.claims), "out/helper");
}
END_TEST

START_TEST(as_names_the_entry)
{
	j.file_name = "whatever-1.2";
	expect("artifact.name");
	j.entry = MINT_ARTIFACT;
	expect(NULL);
	j.entry = "out/helper";
	expect("artifact.digest");
	j.entry = "tb-widget"; /* a base name is no entry */
	expect("artifact.name");
}
END_TEST

START_TEST(equal_base_names_are_told_apart_by_digest)
{
	m.entries[2] = (struct trb_artifact){ .name = TRB_BYTES_LIT("test/tb-widget"),
					      .size = 5,
					      .mode = TRB_MODE_PLAIN };
	memcpy(m.entries[2].digest, m.entries[0].digest, 32);
	m.artifacts.n = 3;
	expect(NULL);
	ck_assert_str_eq(trb_claims_get_artifact(j.claims), MINT_ARTIFACT);
	j.digest = TRB_BYTES(m.entries[2].digest, 32);
	expect(NULL);
	ck_assert_str_eq(trb_claims_get_artifact(j.claims), "test/tb-widget");
	p.artifacts = "[\"" MINT_ARTIFACT "\"]";
	expect("artifact.digest");
}
END_TEST

START_TEST(artifacts_of_the_policy)
{
	p.artifacts = "[\"out/helper\"]";
	expect("artifact.name");
	p.artifacts = "[\"out/helper\", \"" MINT_ARTIFACT "\"]";
	expect(NULL);
}
END_TEST

/* The host gives a recipe that prints a ready-made binary over an honest commit. */
START_TEST(recipe_of_the_host_is_refused)
{
	m.request.recipe = TRB_BYTES_LIT("{\"recipe\": 1}");
	m.environment.recipe_origin = TRB_RECIPE_FROM_REQUEST;
	ck_assert_int_eq(trb_sha256(m.request.recipe, m.environment.recipe, NULL), TRB_OK);
	expect("recipe.origin");
	p.recipe = NULL; /* absent is the strictest */
	expect("recipe.origin");
	p.recipe = "[\"1111111111111111111111111111111111111111111111111111111111111111\"]";
	expect("recipe.origin");
	p.recipe = "\"any\"";
	expect(NULL);
	ck_assert_int_eq(trb_claims_is_recipe_from_tree(j.claims), 0);
}
END_TEST

START_TEST(recipe_by_digest)
{
	p.recipe = "[\"1111111111111111111111111111111111111111111111111111111111111111\"]";
	expect(NULL);
	p.recipe = "[\"1111111111111111111111111111111111111111111111111111111111111112\"]";
	expect("recipe.origin");
}
END_TEST

/* Even where the policy waives the recipe: the facts must not contradict each other. */
START_TEST(recipe_facts_that_contradict_are_refused)
{
	p.recipe = "\"any\"";
	m.environment.recipe_origin = TRB_RECIPE_FROM_REQUEST;
	expect("recipe.origin");
	m.request.recipe = TRB_BYTES_LIT("{\"recipe\": 1}");
	expect("recipe.origin"); /* another digest */
	m.environment.recipe_origin = TRB_RECIPE_FROM_TREE;
	expect("recipe.origin");
}
END_TEST

START_TEST(host_asks_for_runc_instead_of_gvisor_is_refused)
{
	m.request.sandbox = m.environment.runtime = TRB_BYTES_LIT("runc");
	expect("sandbox.runtime");
	p.sandbox = NULL; /* absent is the strictest */
	expect("sandbox.runtime");
	p.sandbox = "{\"runtimes\": [\"crun\", \"runc\"]}";
	expect(NULL);
	p.sandbox = "{\"runtimes\": \"any\"}";
	expect(NULL);
	ck_assert_str_eq(trb_claims_get_runtime(j.claims), "runc");
	ck_assert_int_eq(outcome_of("sandbox.runtime"), TRB_OUTCOME_NOT_DEMANDED);
}
END_TEST

START_TEST(runtime_other_than_asked_for_is_refused)
{
	p.sandbox = "{\"runtimes\": \"any\"}";
	m.environment.runtime = TRB_BYTES_LIT("crun");
	expect("sandbox.runtime");
}
END_TEST

START_TEST(network_that_the_policy_does_not_name_is_refused)
{
	m.environment.n_hosts = 2;
	m.environment.hosts[0] = (struct trb_host_port){ TRB_BYTES_LIT("a.example"), 443 };
	m.environment.hosts[1] = (struct trb_host_port){ TRB_BYTES_LIT("b.example"), 443 };
	expect("sandbox.network");
	p.sandbox = NULL;
	expect("sandbox.network");
	p.sandbox = "{\"network\": [\"b.example:443\"]}";
	expect("sandbox.network");
	p.sandbox = "{\"network\": [\"a.example:443\", \"b.example:80\"]}";
	expect("sandbox.network");
	p.sandbox = "{\"network\": [\"b.example:443\", \"a.example:443\", \"c.example:1\"]}";
	expect(NULL);
	p.sandbox = "{\"network\": \"any\"}";
	expect(NULL);
}
END_TEST

START_TEST(a_different_nonce_is_refused)
{
	j.nonce = TRB_BYTES_LIT("another nonce, of thirty-two byt");
	expect("nonce.match");
	j.nonce = m.request.nonce;
	expect(NULL);
	/* a prefix is not the nonce */
	j.nonce = TRB_BYTES(m.request.nonce.ptr, 16);
	expect("nonce.match");
}
END_TEST

/* A checkpoint that a second key of the policy has signed badly counts for nothing, although the
 * log's own signature is good. */
START_TEST(a_bad_signature_of_any_log_key_is_refused)
{
	char log[1024];

	snprintf(log, sizeof(log), "{\"keys\": [\"%s\", \"%s\"], \"witnesses\": \"none\"}",
		 mint_log_vkey(), mint_second_log_vkey());
	p.log = log;
	p.time = "{\"mode\": \"archival\", \"bound\": \"none\"}";
	m.log_second = 1;
	expect(NULL);
	m.log_second = 2;
	expect("log.checkpoint");
}
END_TEST

START_TEST(live_policies_need_a_time)
{
	_cleanup_(trb_verifier_unrefp) trb_verifier *v = NULL;
	_cleanup_(trb_bundle_unrefp) trb_bundle *bundle = mint_bundle(&m);
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;

	p.time = "{\"mode\": \"live\", \"max_age_s\": 600}";
	j.now_s = 0;
	v = judging_verifier();
	ck_assert_int_eq(trb_verifier_check_digest(v, bundle, j.digest, "tb-widget", &j.claims,
						   &j.report, &err),
			 TRB_E_STATE);
	ck_assert_ptr_null(j.report);
	ck_assert_int_eq(trb_verifier_set_now(v, 0, NULL), TRB_E_INVAL);
}
END_TEST

START_TEST(live_documents_are_recent)
{
	p.time = "{\"mode\": \"live\", \"max_age_s\": 600}";
	m.time_ms = MINT_TIME * 1000;
	m.leaf_offset_s = -3000; /* its validity decides nothing here */
	j.now_s = MINT_TIME + 600;
	expect(NULL);
	j.now_s = MINT_TIME + 601;
	expect("time.bound");
	j.now_s = MINT_TIME - 300;
	expect(NULL);
	j.now_s = MINT_TIME - 301;
	expect("time.bound");
	/* an age beyond 1970 reaches back to it, not around it */
	p.time = "{\"mode\": \"live\", \"max_age_s\": 3162240000}";
	j.now_s = MINT_TIME;
	expect(NULL);
}
END_TEST

START_TEST(wrong_calls_decide_nothing)
{
	static const uint8_t nonce[65];
	_cleanup_(trb_verifier_unrefp) trb_verifier *v = judging_verifier();
	_cleanup_(trb_bundle_unrefp) trb_bundle *bundle = mint_bundle(&m);

	ck_assert_int_eq(trb_verifier_check_digest(v, bundle, TRB_BYTES(j.digest.ptr, 31), "x",
						   NULL, NULL, NULL),
			 TRB_E_INVAL);
	ck_assert_int_eq(
		trb_verifier_check_digest(v, bundle, TRB_BYTES_NULL, "x", NULL, NULL, NULL),
		TRB_E_INVAL);
	ck_assert_int_eq(trb_verifier_check_digest(v, bundle, j.digest, NULL, NULL, NULL, NULL),
			 TRB_E_INVAL);
	ck_assert_int_eq(trb_verifier_check_digest(v, NULL, j.digest, "x", NULL, NULL, NULL),
			 TRB_E_INVAL);
	ck_assert_int_eq(trb_verifier_check_fd(v, bundle, -1, "x", NULL, NULL, NULL), TRB_E_INVAL);
	ck_assert_int_eq(trb_verifier_new(NULL, NULL, &v, NULL), TRB_E_INVAL);
	ck_assert_int_eq(trb_verifier_set_commit(v, "abc", NULL), TRB_E_INVAL);
	ck_assert_int_eq(trb_verifier_set_repository(v, "http://a.example/b", NULL), TRB_E_INVAL);
	for (size_t n = 0; n <= sizeof(nonce); n++)
		ck_assert_int_eq(trb_verifier_set_nonce(v, TRB_BYTES(nonce, n), NULL),
				 n < 16 || n > 64 ? TRB_E_INVAL : TRB_OK);
	ck_assert_int_eq(trb_verifier_set_entry(v, "../x", NULL), TRB_E_INVAL);
}
END_TEST

/* Two log keys in the policy: what one has signed well, and somebody wrongly as the other. */
START_TEST(bad_signature_of_a_second_known_log_key_is_refused)
{
	static const uint8_t public[32] = { 1 }, garbage[64] = { 2 };
	_cleanup_buf_ struct trb_buf note = { 0 }, log = { 0 };
	struct mint_parts parts;
	struct trb_vkey second;
	uint8_t line[4 + sizeof(garbage)];

	ck_assert_int_eq(trb_vkey_make("second.example", TRB_KEY_ED25519, TRB_BYTES(public, 32),
				       &second, NULL),
			 TRB_OK);
	trb_buf_init(&log, 4096);
	trb_buf_addf(&log, "{\"keys\": [\"%s\", \"", mint_log_vkey());
	trb_vkey_put(&log, &second);
	trb_buf_addf(&log, "\"], \"witnesses\": {\"keys\": [\"%s\"], \"quorum\": 1}}%c",
		     mint_witness_vkey(0), '\0');
	ck_assert_int_eq(trb_buf_check(&log, "log", NULL), TRB_OK);
	p.log = (const char *)log.ptr;
	mint_make(&m, &parts);
	expect_parts(&parts, NULL);
	for (size_t i = 0; i < 4; i++)
		line[i] = (uint8_t)(second.id >> (24 - 8 * i));
	memcpy(line + 4, garbage, sizeof(garbage));
	trb_buf_init(&note, TRB_NOTE_MAX);
	trb_buf_add(&note, parts.logs[0].checkpoint);
	trb_buf_addf(&note, "\xe2\x80\x94 %s ", second.name);
	trb_base64_put(&note, TRB_BYTES(line, sizeof(line)));
	trb_buf_add_byte(&note, '\n');
	ck_assert_int_eq(trb_buf_check(&note, "note", NULL), TRB_OK);
	parts.logs[0].checkpoint = trb_buf_bytes(&note);
	expect_parts(&parts, "log.checkpoint");
	mint_parts_clear(&parts);
}
END_TEST

/* A quorum of others does not make up for a known witness's line that is wrong. */
START_TEST(bad_signature_of_a_further_witness_is_refused)
{
	_cleanup_buf_ struct trb_buf note = { 0 };
	struct mint_parts parts;
	uint8_t *c;

	m.n_witnesses = 3;
	mint_make(&m, &parts);
	expect_parts(&parts, NULL);
	trb_buf_init(&note, TRB_NOTE_MAX);
	trb_buf_add(&note, parts.logs[0].checkpoint);
	ck_assert_int_eq(trb_buf_check(&note, "note", NULL), TRB_OK);
	c = note.ptr + note.len - 10; /* in the last signature */
	*c = *c == 'A' ? 'B' : 'A';
	parts.logs[0].checkpoint = trb_buf_bytes(&note);
	expect_parts(&parts, "log.witness");
	mint_parts_clear(&parts);
}
END_TEST

/* Of two logs, whose witnesses saw it first says when. */
START_TEST(the_log_that_was_witnessed_first_counts)
{
	struct mint_parts parts, later;

	m.n_logs = 2;
	mint_make(&m, &parts);
	later = parts;
	m.witness_s[0] = m.witness_s[1] = MINT_TIME + 90;
	mint_log(&m, &later);
	for (size_t i = 0; i < 2; i++) {
		parts.logs[i] = later.logs[0];
		expect_parts(&parts, NULL);
		ck_assert_uint_eq(trb_claims_get_witnessed_time(j.claims), MINT_TIME + 40);
		parts.logs[i] = parts.logs[1 - i];
	}
	trb_blob_unref(later.checkpoint);
	mint_parts_clear(&parts);
}
END_TEST

static int file_with(const char *content, size_t n)
{
	int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, content, n), (ssize_t)n);
	return fd;
}

static void expect_fd(int fd, int wanted, const char *check)
{
	_cleanup_(trb_verifier_unrefp) trb_verifier *v = judging_verifier();
	_cleanup_(trb_bundle_unrefp) trb_bundle *bundle = mint_bundle(&m);
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	int r = trb_verifier_check_fd(v, bundle, fd, "tb-widget", NULL, NULL, &err);

	ck_status(r, wanted, err);
	ck_assert_pstr_eq(trb_error_check(err), check);
	close(fd);
}

START_TEST(files_are_hashed_from_their_descriptor)
{
	static const char good[] = MINT_CONTENT, big[512 * 1024 + 1];
	int pipes[2];

	expect_fd(file_with(good, sizeof(good) - 1), TRB_OK, NULL);
	expect_fd(file_with(good, sizeof(good) - 2), TRB_E_ARTIFACT, "artifact.digest");
	expect_fd(file_with(good, sizeof(good)), TRB_E_ARTIFACT, "artifact.digest");
	expect_fd(file_with("", 0), TRB_E_ARTIFACT, "artifact.digest");
	expect_fd(file_with("The widget's bytes\n", sizeof(good) - 1), TRB_E_ARTIFACT,
		  "artifact.digest");
	m.entries[1].size++; /* another size under the right digest */
	expect_fd(file_with(good, sizeof(good) - 1), TRB_E_ARTIFACT, "artifact.digest");
	m.entries[1].size -= 2;
	expect_fd(file_with(good, sizeof(good) - 1), TRB_E_ARTIFACT, "artifact.digest");
	m.entries[1].size++;
	/* what stands behind the attested end is seen, wherever the reads end */
	ck_assert_int_eq(trb_sha256(TRB_BYTES(big, sizeof(big) - 1), m.entries[1].digest, NULL),
			 TRB_OK);
	m.entries[1].size = sizeof(big) - 1;
	expect_fd(file_with(big, sizeof(big) - 1), TRB_OK, NULL);
	expect_fd(file_with(big, sizeof(big)), TRB_E_ARTIFACT, "artifact.digest");
	/* a file without an end is not read for ever */
	expect_fd(open("/dev/zero", O_RDONLY | O_CLOEXEC), TRB_E_ARTIFACT, "artifact.digest");
	ck_assert_int_eq(pipe(pipes), 0);
	close(pipes[1]);
	expect_fd(pipes[0], TRB_E_IO, NULL);
	expect_fd(open("/tmp", O_RDONLY | O_CLOEXEC), TRB_E_IO, NULL);
}
END_TEST

START_TEST(null_handles_are_harmless)
{
	ck_assert_ptr_null(trb_policy_unref(NULL));
	ck_assert_ptr_null(trb_verifier_unref(NULL));
	ck_assert_ptr_null(trb_report_unref(NULL));
	ck_assert_ptr_null(trb_claims_unref(NULL));
	ck_assert_ptr_null(trb_claims_get_repository(NULL));
	ck_assert_int_ne(trb_report_get_verdict(NULL), TRB_OK);
	ck_assert_uint_eq(trb_report_count_checks(NULL), 0);
	ck_assert_ptr_null(trb_report_get_check(NULL, 0));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("verify");
	TCase *tc = tcase_create("verify");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, judging_set_up, judging_tear_down);
	tcase_add_test(tc, good_case_is_verified);
	tcase_add_loop_test(tc, errors_of_the_caller_stay_the_callers, 0, 4);
	tcase_add_test(tc, same_commit_built_twice_verifies_twice);
	tcase_add_test(tc, sha256_commits_are_verified);
	tcase_add_test(tc, a_different_commit_is_refused);
	tcase_add_test(tc, a_narrowed_commit_is_refused);
	tcase_add_test(tc, a_different_repository_is_refused);
	tcase_add_test(tc, a_narrowed_repository_is_refused);
	tcase_add_test(tc, a_different_ref_is_refused);
	tcase_add_test(tc, fork_commit_without_a_ref_is_refused);
	tcase_add_test(tc, a_different_artifact_is_refused);
	tcase_add_test(tc, a_different_artifact_name_is_refused);
	tcase_add_test(tc, the_path_of_the_file_does_not_matter);
	tcase_add_test(tc, attested_helper_renamed_is_refused);
	tcase_add_test(tc, as_names_the_entry);
	tcase_add_test(tc, equal_base_names_are_told_apart_by_digest);
	tcase_add_test(tc, artifacts_of_the_policy);
	tcase_add_test(tc, recipe_of_the_host_is_refused);
	tcase_add_test(tc, recipe_by_digest);
	tcase_add_test(tc, recipe_facts_that_contradict_are_refused);
	tcase_add_test(tc, host_asks_for_runc_instead_of_gvisor_is_refused);
	tcase_add_test(tc, runtime_other_than_asked_for_is_refused);
	tcase_add_test(tc, network_that_the_policy_does_not_name_is_refused);
	tcase_add_test(tc, a_different_nonce_is_refused);
	tcase_add_test(tc, a_bad_signature_of_any_log_key_is_refused);
	tcase_add_test(tc, live_policies_need_a_time);
	tcase_add_test(tc, live_documents_are_recent);
	tcase_add_test(tc, wrong_calls_decide_nothing);
	tcase_add_test(tc, bad_signature_of_a_second_known_log_key_is_refused);
	tcase_add_test(tc, bad_signature_of_a_further_witness_is_refused);
	tcase_add_test(tc, the_log_that_was_witnessed_first_counts);
	tcase_add_test(tc, files_are_hashed_from_their_descriptor);
	tcase_add_test(tc, null_handles_are_harmless);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
