/* SPDX-License-Identifier: Apache-2.0 */
/* Other people's NSM documents, each by name, with its verdict and the check that says so. */
#include "forge.h"

#include <cjson/cJSON.h>
#include <stdio.h>

#include "core/cleanup.h"
#include "verifier/nitro.h"

static const struct trb_nitro_root aws = { .name = TRB_NITRO_ROOT_AWS };

/* What the manifest gives as a reason, in our check ids. */
static const struct {
	const char *file, *check;
} refusals[] = {
	{ "negative/veracruz_bad_sig.bin", "document.signature" },
	{ "negative/eternis_invalid_attestation.bin", "document.signature" },
	{ "negative/blocky_selfsigned.bin", "document.parse" },
	{ "negative/mut_pcr0_bitflip.bin", "document.signature" },
	{ "negative/mut_payload_swapped.bin", "document.signature" },
	{ "negative/mut_sig_n.bin", "document.signature" },
	{ "negative/mut_sig_der.bin", "document.parse" },
	{ "negative/mut_alg_missing.bin", "document.parse" },
	{ "negative/mut_array5.bin", "document.parse" },
	{ "negative/mut_trailing.bin", "document.parse" },
	{ "negative/mut_detached_payload.bin", "document.parse" },
	{ "negative/mut_huge_len.bin", "document.parse" },
	{ "negative/alt_unprotected_nonempty.bin", "document.parse" },
};

static cJSON *manifest;
static struct trb_nitro *nitro;

static const char *text_of(const cJSON *entry, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(entry, name));
}

static const char *refusal_of(const char *file)
{
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
		if (strcmp(refusals[i].file, file) == 0)
			return refusals[i].check;
	return NULL;
}

/* NULL: verified; else the id of the check that failed. */
static const char *judge(trb_bytes document, unsigned flags, struct trb_nitro_verdict *verdict)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	int r = trb_nitro_judge(nitro, document, TRB_NITRO_TIME_DOCUMENT, &aws, 1, flags, verdict,
				&err);

	if (r == TRB_OK)
		return NULL;
	ck_status(r, TRB_E_EVIDENCE, err);
	ck_assert_ptr_nonnull(trb_error_check(err));
	return trb_error_check(err);
}

static void check_getters(const cJSON *entry, const trb_attestation *a)
{
	const cJSON *pcr, *stamp = cJSON_GetObjectItemCaseSensitive(entry, "timestamp_ms");
	char hex[97];

	ck_assert(trb_bytes_eq_str(trb_attestation_get_module_id(a), text_of(entry, "module_id")));
	ck_assert(trb_attestation_get_timestamp_ms(a) == (uint64_t)stamp->valuedouble);
	cJSON_ArrayForEach (pcr, cJSON_GetObjectItemCaseSensitive(entry, "pcrs_nonzero")) {
		trb_hex_encode(trb_attestation_get_pcr(a, (unsigned)atoi(pcr->string)), hex);
		ck_assert_str_eq(hex, pcr->valuestring);
	}
}

static void say(const char *file, const char *failed)
{
	printf("%-62s %s\n", file, failed != NULL ? failed : "VERIFIED");
}

static const cJSON *entry_of(const char *list, int i)
{
	return cJSON_GetArrayItem(cJSON_GetObjectItem(manifest, list), i);
}

static trb_blob *read_document(const char *file)
{
	char name[512];

	snprintf(name, sizeof(name), "nitro/%s", file);
	return test_file(test_path(test_vectors(), name));
}

START_TEST(genuine_documents_verify_at_their_own_time)
{
	const cJSON *entry = entry_of("positive", _i);
	const char *file = text_of(entry, "file"), *failed;
	bool debug = cJSON_IsTrue(cJSON_GetObjectItem(entry, "debug"));
	_cleanup_(trb_blob_unrefp) trb_blob *document = read_document(file);
	_cleanup_(trb_nitro_verdict_clear) struct trb_nitro_verdict v = { 0 }, allowed = { 0 };

	failed = judge(trb_blob_bytes(document), 0, &v);
	say(file, failed);
	ck_assert_str_eq(failed != NULL ? failed : "", debug ? "document.debug" : "");
	ck_assert_int_eq(v.outcome[TRB_NITRO_PARSE], TRB_NITRO_PASS);
	ck_assert_int_eq(v.outcome[TRB_NITRO_SIGNATURE], TRB_NITRO_PASS);
	ck_assert_int_eq(v.outcome[TRB_NITRO_CHAIN], TRB_NITRO_PASS);
	ck_assert_int_eq(v.assurance, TRB_ASSURANCE_HARDWARE);
	check_getters(entry, v.attestation);
	ck_assert_ptr_null(judge(trb_blob_bytes(document), TRB_NITRO_ALLOW_DEBUG, &allowed));
	ck_assert_int_eq(allowed.outcome[TRB_NITRO_DEBUG],
			 debug ? TRB_NITRO_WAIVED : TRB_NITRO_PASS);
}
END_TEST

START_TEST(documents_to_reject_get_their_verdict)
{
	const cJSON *entry = entry_of("negative", _i);
	const char *file = text_of(entry, "file"), *failed;
	bool ok = strcmp(text_of(entry, "result"), "ok") == 0;
	_cleanup_(trb_blob_unrefp) trb_blob *document = read_document(file);
	_cleanup_(trb_nitro_verdict_clear) struct trb_nitro_verdict v = { 0 };

	failed = judge(trb_blob_bytes(document), 0, &v);
	say(file, failed);
	ck_assert_msg((failed == NULL) == ok, "%s: %s", file, failed);
	if (!ok && refusal_of(file) != NULL)
		ck_assert_str_eq(failed, refusal_of(file));
}
END_TEST

/* What a caller in another language may hand over. */
START_TEST(nothing_is_refused_and_shown_empty)
{
	trb_attestation *a = NULL;

	ck_assert_int_eq(trb_attestation_parse(TRB_BYTES_NULL, &a, NULL), TRB_E_FORMAT);
	ck_assert_ptr_null(a);
	ck_assert_int_eq(trb_attestation_parse(TRB_BYTES_NULL, NULL, NULL), TRB_E_INVAL);
	ck_assert_ptr_null(trb_attestation_get_document(NULL).ptr);
	ck_assert_ptr_null(trb_attestation_get_module_id(NULL).ptr);
	ck_assert(trb_attestation_get_timestamp_ms(NULL) == 0);
	ck_assert_ptr_null(trb_attestation_get_pcr(NULL, 0).ptr);
	ck_assert_int_eq(trb_attestation_is_debug(NULL), 1);
	ck_assert_ptr_null(trb_attestation_get_certificate(NULL).ptr);
	ck_assert_uint_eq(trb_attestation_count_cabundle(NULL), 0);
	ck_assert_ptr_null(trb_attestation_get_cabundle(NULL, 0).ptr);
	ck_assert_ptr_null(trb_attestation_get_public_key(NULL).ptr);
	ck_assert_ptr_null(trb_attestation_get_user_data(NULL).ptr);
	ck_assert_ptr_null(trb_attestation_get_nonce(NULL).ptr);
	ck_assert_int_eq(trb_document_verifier_new(NULL, NULL), TRB_E_INVAL);
	ck_assert_int_eq(trb_document_verifier_add_root(NULL, TRB_BYTES_NULL, NULL), TRB_E_INVAL);
	trb_document_verifier_set_time(NULL, 1);
	trb_document_verifier_set_allow_debug(NULL, 1);
	ck_assert_int_eq(trb_document_verifier_check(NULL, TRB_BYTES_NULL, NULL, NULL, NULL, NULL),
			 TRB_E_INVAL);
}
END_TEST

/* A time_t of -1, which is what a failed clock gives, is not the document's own time. */
START_TEST(no_time_means_the_documents_own)
{
	static const struct {
		uint64_t at;
		int wanted;
	} rows[] = {
		{ FORGE_TIME, TRB_OK },
		{ 0, TRB_E_EVIDENCE },
		{ 1, TRB_E_EVIDENCE },
		{ INT64_MAX, TRB_E_EVIDENCE },
		{ (uint64_t)-2, TRB_E_EVIDENCE },
		{ (uint64_t)-1, TRB_E_EVIDENCE },
	};
	_cleanup_(trb_blob_unrefp) trb_blob *document = NULL;
	trb_document_verifier *verifier = NULL;
	struct forge f;

	forge_init(&f);
	forge_make(&f);
	document = forge_document(&f);
	ck_assert_int_eq(trb_document_verifier_new(&verifier, NULL), TRB_OK);
	ck_assert_int_eq(trb_document_verifier_add_root(verifier, trb_blob_bytes(f.der[0]), NULL),
			 TRB_OK);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		trb_document_verifier_set_time(verifier, rows[i].at);
		ck_assert_msg(trb_document_verifier_check(verifier, trb_blob_bytes(document), NULL,
							  NULL, NULL, NULL) == rows[i].wanted,
			      "row %zu", i);
	}
	trb_document_verifier_unref(verifier);
	forge_clear(&f);
}
END_TEST

/* The check that refuses f's document under this root; "" where none does. */
static const char *refusal_under(struct forge *f, trb_bytes root)
{
	static char check[64];
	_cleanup_(trb_blob_unrefp) trb_blob *document = forge_document(f);
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	trb_document_verifier *verifier = NULL;
	int r;

	ck_assert_int_eq(trb_document_verifier_new(&verifier, NULL), TRB_OK);
	ck_assert_int_eq(trb_document_verifier_add_root(verifier, root, NULL), TRB_OK);
	r = trb_document_verifier_check(verifier, trb_blob_bytes(document), NULL, NULL, NULL, &err);
	snprintf(check, sizeof(check), "%s", r < 0 ? trb_error_check(err) : "");
	trb_document_verifier_unref(verifier);
	return check;
}

START_TEST(epsilon_takes_any_chain_with_a_given_root)
{
	struct forge f, other;

	forge_init(&f);
	forge_make(&f);
	forge_init(&other);
	forge_make(&other);
	ck_assert_str_eq(refusal_under(&f, trb_blob_bytes(f.der[0])), "");
	ck_assert_str_eq(refusal_under(&f, trb_blob_bytes(other.der[0])), "document.chain");
	forge_clear(&f);
	forge_clear(&other);
}
END_TEST

/* Each spoils one certificate of a chain that is right otherwise. */
static void ca_flag(struct forge *f)
{
	f->certs[3].basic_constraints = "critical,CA:FALSE";
}

static void key_usage(struct forge *f)
{
	f->certs[3].key_usage = "critical,digitalSignature";
}

static void path_length(struct forge *f)
{
	f->certs[1].basic_constraints = "critical,CA:TRUE,pathlen:0";
}

static void issuer_name(struct forge *f)
{
	f->certs[3].issuer = "another";
}

static void expiry(struct forge *f)
{
	f->certs[FORGE_LEAF].not_after = FORGE_TIME - 1;
}

static void authority_of_the_leaf(struct forge *f)
{
	f->certs[FORGE_LEAF].key_ids = f->certs[FORGE_LEAF].foreign_authority = true;
}

static void key_id_is_critical(struct forge *f)
{
	f->certs[2].critical_key_ids = true;
}

static void path_length_of_the_leaf(struct forge *f)
{
	f->certs[FORGE_LEAF].basic_constraints = "critical,CA:FALSE,pathlen:0";
}

static void expect_spoiled_chain(void (*spoil)(struct forge *f))
{
	struct forge f;

	forge_init(&f);
	spoil(&f);
	forge_make(&f);
	ck_assert_str_eq(refusal_under(&f, trb_blob_bytes(f.der[0])), "document.chain");
	forge_clear(&f);
}

START_TEST(nitro_attest_checks_no_ca_flag_usage_path_or_name)
{
	expect_spoiled_chain(ca_flag);
	expect_spoiled_chain(key_usage);
	expect_spoiled_chain(path_length);
	expect_spoiled_chain(issuer_name);
}
END_TEST

START_TEST(key_ids_and_the_leafs_path_length_are_judged)
{
	expect_spoiled_chain(authority_of_the_leaf);
	expect_spoiled_chain(path_length_of_the_leaf);
	expect_spoiled_chain(key_id_is_critical);
}
END_TEST

START_TEST(epsilon_drops_expiry_for_old_documents)
{
	expect_spoiled_chain(expiry);
}
END_TEST

START_TEST(module_ids_have_one_form)
{
	static const char *const bad[] = {
		"",
		"i-0123456789abcdef0",
		"i-0123456789abcdef0-enc",
		"i-0123456789abcdef-enc0123456789abcdef",
		"i-0123456789abcdef01-enc0123456789abcdef",
		"i-0123456789abcdeF0-enc0123456789abcdef",
		"i-0123456789abcdef0-enc0123456789abcdeg",
		"i-0123456789abcdef0-enc0123456789abcdef ",
		"xi-0123456789abcdef0-enc0123456789abcdef",
		"i-0123456789abcdef0-enc0123456789abcdef\n",
	};

	ck_assert(trb_module_id_valid(trb_bytes_str("i-0123456789abcdef0-enc0123456789abcdef")));
	ck_assert(trb_module_id_valid(trb_bytes_str("i-0123456789abcdef0-enc0")));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!trb_module_id_valid(trb_bytes_str(bad[i])), "row %zu", i);
}
END_TEST

/* Outside any test: Check's assertions are not to be had yet. */
static bool load_manifest(void)
{
	static char text[16 * 1024 * 1024];
	const char *path = test_path(test_vectors(), "nitro/manifest.json");
	FILE *f = fopen(path, "r");
	size_t n = f != NULL ? fread(text, 1, sizeof(text), f) : 0;

	if (f != NULL)
		fclose(f);
	manifest = cJSON_ParseWithLength(text, n);
	if (manifest == NULL)
		fprintf(stderr, "FAILED: '%s' is missing, or no JSON\n", path);
	return manifest != NULL;
}

static int count_of(const char *list)
{
	return cJSON_GetArraySize(cJSON_GetObjectItem(manifest, list));
}

static bool add_vectors(TCase *tcase)
{
	if (test_vectors() == NULL)
		return true;
	if (!load_manifest())
		return false;
	if (count_of("positive") + count_of("negative") == 0) {
		fprintf(stderr, "FAILED: the manifest lists no document\n");
		return false;
	}
	tcase_add_loop_test(tcase, genuine_documents_verify_at_their_own_time, 0,
			    count_of("positive"));
	tcase_add_loop_test(tcase, documents_to_reject_get_their_verdict, 0, count_of("negative"));
	return true;
}

int main(void)
{
	Suite *suite = suite_create("document");
	TCase *tcase = tcase_create("vectors");
	int status;

	if (trb_nitro_new(&nitro, NULL) < 0 || !add_vectors(tcase))
		return EXIT_FAILURE;
	tcase_add_test(tcase, nothing_is_refused_and_shown_empty);
	tcase_add_test(tcase, no_time_means_the_documents_own);
	tcase_add_test(tcase, epsilon_takes_any_chain_with_a_given_root);
	tcase_add_test(tcase, nitro_attest_checks_no_ca_flag_usage_path_or_name);
	tcase_add_test(tcase, key_ids_and_the_leafs_path_length_are_judged);
	tcase_add_test(tcase, epsilon_drops_expiry_for_old_documents);
	tcase_add_test(tcase, module_ids_have_one_form);
	suite_add_tcase(suite, tcase);
	status = test_run(suite);
	cJSON_Delete(manifest);
	trb_nitro_free(nitro);
	return status;
}
