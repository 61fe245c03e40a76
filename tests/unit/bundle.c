/* SPDX-License-Identifier: Apache-2.0 */
/* Bundles: read, written, refused. */
#include "support.h"

#include <dirent.h>
#include <stdio.h>

#include "core/error.h"
#include "format/json.h"
#include "format/log_kind.h"
#include "sample.h"

static struct sample s;
static trb_bundle *bundle;
static char *text;

static void encode(const trb_bundle *from, char **ret)
{
	_cleanup_(trb_blob_unrefp) trb_blob *json = NULL;

	ck_assert_int_eq(trb_bundle_encode(from, &json, NULL), TRB_OK);
	*ret = strndup((const char *)trb_blob_bytes(json).ptr, trb_blob_bytes(json).len);
	ck_assert(*ret != NULL);
}

static void setup(void)
{
	struct trb_bundle_log log = { .kind = TRB_BYTES_LIT("tlog"),
				      .index = UINT64_MAX,
				      .n_proof = 2,
				      .proof = { { 1 }, { 2 } },
				      .checkpoint =
					      TRB_BYTES_LIT("log\n1\nAA==\n\n\xe2\x80\x94 x y\n") };

	sample_init(&s, 1);
	bundle = sample_bundle(&s, 1, &log);
	encode(bundle, &text);
}

static void teardown(void)
{
	free(text);
	bundle = trb_bundle_unref(bundle);
	sample_clear(&s);
}

START_TEST(round_trip_is_stable)
{
	_cleanup_(trb_bundle_unrefp) trb_bundle *again = NULL;
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	_cleanup_free_ char *second = NULL;
	const struct trb_bundle_log *log;
	int r = trb_bundle_parse(trb_bytes_str(text), &again, &err);

	ck_status(r, TRB_OK, err);
	encode(again, &second);
	ck_assert_str_eq(text, second);
	ck_assert(trb_bytes_eq(trb_bundle_get_request(again), trb_blob_bytes(s.request)));
	ck_assert(trb_bytes_eq(trb_bundle_get_environment(again), trb_blob_bytes(s.environment)));
	ck_assert(trb_bytes_eq(trb_bundle_get_artifacts(again), trb_blob_bytes(s.artifacts)));
	ck_assert(trb_bytes_eq(trb_bundle_get_statement(again), trb_blob_bytes(s.statement)));
	ck_assert(trb_bytes_eq_str(trb_bundle_get_attestation(again), "no document at all"));
	ck_assert_uint_eq(trb_bundle_count_logs(again), 1);
	log = &trb_bundle_parts(again)->logs[0];
	ck_assert_uint_eq(log->index, UINT64_MAX);
	ck_assert_uint_eq(log->n_proof, 2);
	ck_assert_uint_eq(log->proof[1][0], 2);
}
END_TEST

START_TEST(leaf_holds_the_parts)
{
	_cleanup_(trb_blob_unrefp) trb_blob *leaf = NULL, *owner = NULL;
	struct trb_leaf parts;

	ck_assert_int_eq(trb_log_kind_tlog.leaf(trb_bundle_parts(bundle), &leaf, NULL), TRB_OK);
	ck_assert_int_eq(trb_leaf_decode(trb_blob_bytes(leaf), &parts, &owner, NULL), TRB_OK);
	ck_assert(trb_bytes_eq(parts.statement, trb_blob_bytes(s.statement)));
	ck_assert(trb_bytes_eq(parts.request, trb_blob_bytes(s.request)));
}
END_TEST

START_TEST(a_new_log_adds_the_same_log_replaces)
{
	_cleanup_(trb_bundle_unrefp) trb_bundle *two = NULL, *same = NULL;
	struct trb_bundle_log log = { .kind = TRB_BYTES_LIT("tlog"),
				      .index = 3,
				      .checkpoint = TRB_BYTES_LIT("other\n1\n") };

	ck_assert_int_eq(trb_bundle_with_log(bundle, &log, &two, NULL), TRB_OK);
	ck_assert_uint_eq(trb_bundle_count_logs(two), 2);
	ck_assert_uint_eq(trb_bundle_count_logs(bundle), 1);
	log.index = 4;
	log.checkpoint = TRB_BYTES_LIT("log\n2\n");
	ck_assert_int_eq(trb_bundle_with_log(two, &log, &same, NULL), TRB_OK);
	ck_assert_uint_eq(trb_bundle_count_logs(same), 2);
	ck_assert_uint_eq(trb_bundle_parts(same)->logs[1].index, 4);
}
END_TEST

/* Each row replaces the first occurrence of one text by another. */
static const struct {
	const char *from, *to, *fault;
} edits[] = {
	{ "bundle.v2+json", "bundle.v3+json", "version 3+json: needs a later release" },
	{ "bundle.v2+json", "bundle.v1+json", "version 1 was never released" },
	{ "\"contacts\": null", "\"contacts\": \"AA==\"", "contacts: needs a later release" },
	{ "\"manifest\": null", "\"manifest\": \"AA==\"", "manifest: needs a later release" },
	{ "\"materials\": \"", "\"materials\": \"=", "materials: " },
	{ "\"materials\"", "\"material\"", "material: unknown name" },
	{ "vnd.trustbuild.bundle", "vnd.dev.sigstore.bundle", "mediaType: must be" },
	{ "\"mediaType\"", "\"mediatype\"", "needs the mediaType" },
	{ "\"request\"", "\"Request\"", "Request: unknown name 'Request'" },
	{ "\"envelope\": {", "\"envelope\": {\"extra\": 1,", "envelope.extra: unknown name" },
	{ "\"payloadType\": \"application/vnd.in-toto+json\"", "\"payloadType\": \"text/plain\"",
	  "payloadType: must be" },
	{ "{\n\t\t\t\t\"sig\"", "{\"keyid\":\"k\",\n\"sig\"", "keyid: unknown name" },
	{ "\"signatures\": [", "\"signatures\": [{\"sig\": \"AA==\"},",
	  "signatures: has 2 entries" },
	{ "\"endorsements\": []", "\"endorsements\": [1]", "endorsements[0]: needs a later" },
	{ "\"revocations\": []", "\"revocations\": [{}]", "revocations[0]: needs a later" },
	{ "\"index\": \"", "\"index\": \"0", "index: must be a decimal" },
	{ "\"index\": \"18446744073709551615\"", "\"index\": 7", "index: must be a string" },
	{ "\"kind\": \"tlog\"", "\"kind\": \"rekor\"", "kind: this release knows" },
	{ "\"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"",
	  "\"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"", "proof[0]: more than 32 bytes" },
	{ "\"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"", "\"AQAA\"",
	  "proof[0]: holds 3 bytes" },
	{ "\"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"",
	  "\"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=\"", "proof[0]: not canonical" },
	{ "\"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"",
	  "\"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\\n\"", "proof[0]: not" },
	{ "\"checkpoint\": \"log", "\"checkpoint\": \"\\u0000", "\\u0000" },
	{ "\"log\": [", "\"log\": [], \"log\": [", "stands twice" },
};

START_TEST(refused_with_check_id)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	_cleanup_free_ char *edited = NULL;
	trb_bundle *none = NULL;
	char *at = strstr(text, edits[_i].from);
	int r;

	ck_assert_msg(at != NULL, "row %d: nothing to replace", _i);
	ck_assert(asprintf(&edited, "%.*s%s%s", (int)(at - text), text, edits[_i].to,
			   at + strlen(edits[_i].from)) > 0);
	r = trb_bundle_parse(trb_bytes_str(edited), &none, &err);
	ck_status(r, TRB_E_FORMAT, err);
	ck_assert_str_eq(trb_error_check(err), "bundle.parse");
	ck_assert_msg(strstr(trb_error_message(err), edits[_i].fault) != NULL,
		      "row %d: %s, wanted %s", _i, trb_error_message(err), edits[_i].fault);
}
END_TEST

START_TEST(ceilings_hold)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	_cleanup_free_ char *big = malloc(TRB_BUNDLE_MAX + 1);
	trb_bundle *none = NULL;
	struct trb_bundle_parts parts = *trb_bundle_parts(bundle);

	ck_assert(big != NULL);
	memset(big, ' ', TRB_BUNDLE_MAX + 1);
	ck_assert_int_eq(trb_bundle_parse(TRB_BYTES(big, TRB_BUNDLE_MAX + 1), &none, &err),
			 TRB_E_LIMIT);
	ck_assert_str_eq(trb_error_check(err), "bundle.parse");
	parts.attestation = TRB_BYTES(big, TRB_ATTESTATION_MAX + 1);
	ck_assert_int_eq(trb_bundle_new(&parts, &none, NULL), TRB_E_LIMIT);
	parts.attestation = TRB_BYTES_NULL;
	ck_assert_int_eq(trb_bundle_new(&parts, &none, NULL), TRB_E_FORMAT);
	parts = *trb_bundle_parts(bundle);
	parts.materials = TRB_BYTES(big, TRB_MATERIALS_BYTES + 1);
	ck_assert_int_eq(trb_bundle_new(&parts, &none, NULL), TRB_E_LIMIT);
}
END_TEST

/* Materials are in the bundle or they are null; a bundle as large as its parts allow can be read.
 */
START_TEST(materials_come_and_go)
{
	_cleanup_(trb_bundle_unrefp) trb_bundle *without = NULL, *again = NULL, *full = NULL;
	_cleanup_free_ uint8_t *big = calloc(1, TRB_MATERIALS_BYTES);
	_cleanup_(trb_blob_unrefp) trb_blob *json = NULL;
	struct trb_bundle_parts parts = *trb_bundle_parts(bundle);

	ck_assert(trb_bytes_eq(trb_bundle_get_materials(bundle), trb_blob_bytes(s.materials)));
	parts.materials = TRB_BYTES_NULL;
	ck_assert_int_eq(trb_bundle_new(&parts, &without, NULL), TRB_OK);
	ck_assert_int_eq(trb_bundle_encode(without, &json, NULL), TRB_OK);
	ck_assert_int_eq(trb_bundle_parse(trb_blob_bytes(json), &again, NULL), TRB_OK);
	ck_assert_ptr_null(trb_bundle_get_materials(again).ptr);
	json = trb_blob_unref(json);
	again = trb_bundle_unref(again);
	parts.materials = TRB_BYTES(big, TRB_MATERIALS_BYTES);
	ck_assert_int_eq(trb_bundle_new(&parts, &full, NULL), TRB_OK);
	ck_assert_int_eq(trb_bundle_encode(full, &json, NULL), TRB_OK);
	ck_assert_int_eq(trb_bundle_parse(trb_blob_bytes(json), &again, NULL), TRB_OK);
	ck_assert_uint_eq(trb_bundle_get_materials(again).len, TRB_MATERIALS_BYTES);
}
END_TEST

START_TEST(describes_without_judging)
{
	_cleanup_(trb_blob_unrefp) trb_blob *json = NULL;
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	_cleanup_json_ struct trb_json doc = { .what = "description" };
	const cJSON *unverified;
	int r = trb_bundle_describe(bundle, &json, &err);

	ck_status(r, TRB_OK, err);
	ck_assert_int_eq(trb_json_load(&doc, trb_blob_bytes(json), 1 << 20, NULL), TRB_OK);
	ck_assert(cJSON_IsFalse(cJSON_GetObjectItem(doc.root, "verified")));
	unverified = cJSON_GetObjectItem(doc.root, "unverified");
	ck_assert_str_eq(
		cJSON_GetObjectItem(cJSON_GetObjectItem(unverified, "request"), "repository")
			->valuestring,
		"https://forge.example/project");
}
END_TEST

START_TEST(null_is_harmless)
{
	trb_blob *json = NULL;

	ck_assert_ptr_null(trb_bundle_unref(NULL));
	ck_assert_ptr_null(trb_bundle_ref(NULL));
	ck_assert_uint_eq(trb_bundle_count_logs(NULL), 0);
	ck_assert_uint_eq(trb_bundle_get_request(NULL).len, 0);
	ck_assert_int_eq(trb_bundle_encode(NULL, &json, NULL), TRB_E_INVAL);
	ck_assert_int_eq(trb_bundle_describe(NULL, &json, NULL), TRB_E_INVAL);
}
END_TEST

START_TEST(vector_files)
{
	_cleanup_free_ char *folder =
		strdup(test_path(getenv("TRB_SOURCE_ROOT"), "tests/vectors/bundle"));
	DIR *dir = opendir(folder);
	struct dirent *entry;
	unsigned seen = 0;

	ck_assert(dir != NULL);
	while ((entry = readdir(dir)) != NULL) {
		_cleanup_(trb_bundle_unrefp) trb_bundle *read = NULL;
		_cleanup_(trb_blob_unrefp) trb_blob *blob = NULL;
		int r;

		if (entry->d_name[0] == '.')
			continue;
		blob = test_file(test_path(folder, entry->d_name));
		r = trb_bundle_parse(trb_blob_bytes(blob), &read, NULL);
		ck_assert_msg((r == TRB_OK) == (entry->d_name[0] == 'y'), "%s: %d", entry->d_name,
			      r);
		seen++;
	}
	closedir(dir);
	ck_assert_uint_gt(seen, 5);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("bundle");
	TCase *tc = tcase_create("bundle");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, round_trip_is_stable);
	tcase_add_test(tc, leaf_holds_the_parts);
	tcase_add_test(tc, a_new_log_adds_the_same_log_replaces);
	tcase_add_loop_test(tc, refused_with_check_id, 0, (int)(sizeof(edits) / sizeof(edits[0])));
	tcase_add_test(tc, ceilings_hold);
	tcase_add_test(tc, materials_come_and_go);
	tcase_add_test(tc, describes_without_judging);
	tcase_add_test(tc, null_is_harmless);
	tcase_add_test(tc, vector_files);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
