/* SPDX-License-Identifier: Apache-2.0 */
/* Recipes, requests, bundles, leaves, statements, notes and the NSM's messages with the n-th
 * allocation failing: a result or an error, never half of one, and "malformed" only where it is. */
#include "../unit/support.h"

#include <stdlib.h>

#include "../unit/sample.h"
#include "core/error.h"
#include "format/describe.h"
#include "format/log_kind.h"
#include "format/note.h"
#include "format/nsm.h"
#include "format/recipe.h"
#include "torture.h"

static struct sample sample;
static trb_blob *bundle_json, *recipe_json, *note_text;
static trb_bundle *bundle;

static int one_recipe(const char **ret_check)
{
	struct trb_recipe *recipe = NULL;
	trb_error *err = NULL;
	int r = trb_recipe_parse(trb_blob_bytes(recipe_json), &recipe, &err);

	torture_note((r == TRB_OK) != (recipe != NULL), "half a recipe");
	trb_recipe_free(recipe);
	return torture_end(r, err, ret_check);
}

static int one_request(const char **ret_check)
{
	_cleanup_(trb_request_unrefp) trb_request *request = NULL, *again = NULL;
	_cleanup_(trb_blob_unrefp) trb_blob *bytes = NULL;
	trb_error *err = NULL;
	int r = trb_request_new(NULL, "https://forge.example/widget",
				"1f7a7a472abf3dd9643fd615f6da379c4acb3e3a", &request, &err);

	if (r == TRB_OK)
		r = trb_request_set_ref(request, "refs/heads/main", &err);
	if (r == TRB_OK)
		r = trb_request_set_recipe(request, trb_blob_bytes(recipe_json), &err);
	if (r == TRB_OK)
		r = trb_request_encode(request, &bytes, &err);
	if (r == TRB_OK)
		r = trb_request_parse(trb_blob_bytes(bytes), &again, &err);
	torture_note((r == TRB_OK) != (again != NULL), "half a request");
	return torture_end(r, err, ret_check);
}

static int one_bundle(const char **ret_check)
{
	_cleanup_(trb_blob_unrefp) trb_blob *json = NULL, *leaf = NULL, *text = NULL, *seen = NULL;
	_cleanup_(trb_bundle_unrefp) trb_bundle *read = NULL;
	trb_error *err = NULL;
	int r = trb_bundle_parse(trb_blob_bytes(bundle_json), &read, &err);

	torture_note((r == TRB_OK) != (read != NULL), "half a bundle");
	if (r == TRB_OK)
		r = trb_bundle_encode(read, &json, &err);
	if (r == TRB_OK)
		r = trb_log_kind_tlog.leaf(trb_bundle_parts(read), &leaf, &err);
	if (r == TRB_OK)
		r = trb_bundle_describe(read, &text, &err);
	if (r == TRB_OK)
		r = trb_leaf_describe(trb_blob_bytes(leaf), 3, &seen, &err);
	torture_note((r == TRB_OK) != (seen != NULL), "half a leaf");
	return torture_end(r, err, ret_check);
}

static int one_statement(const char **ret_check)
{
	struct trb_statement_said said = { 0 };
	_cleanup_(trb_blob_unrefp) trb_blob *again = NULL;
	trb_error *err = NULL;
	int r = trb_statement_render(&sample.input, &again, &err);

	if (r == TRB_OK)
		r = trb_statement_check(trb_blob_bytes(sample.statement), &sample.input, &said,
					&err);
	torture_note((r == TRB_OK) != (said.finished != 0), "half a statement");
	return torture_end(r, err, ret_check);
}

/* A statement that is not what the facts say: that is a verdict, and nothing else is. */
static int false_statement(const char **ret_check)
{
	struct trb_artifacts others = sample.artifact_facts;
	struct trb_statement_input input = sample.input;
	trb_error *err = NULL;
	int r;

	others.n--;
	input.artifacts = &others;
	r = trb_statement_check(trb_blob_bytes(sample.statement), &input, NULL, &err);
	return torture_end(r, err, ret_check);
}

static int note_by(trb_bytes vkey, const char **ret_check)
{
	struct trb_checkpoint checkpoint;
	struct trb_note note = { .n = 0 };
	struct trb_vkey key;
	trb_error *err = NULL;
	int r = trb_vkey_parse(vkey, &key, &err);

	if (r == TRB_OK)
		r = trb_checkpoint_open(trb_blob_bytes(note_text), &key, &note, &checkpoint, &err);
	trb_note_clear(&note);
	return torture_end(r, err, ret_check);
}

static int one_note(const char **ret_check)
{
	return note_by(TRB_BYTES_LIT("rekor.example.test+e202ff3a+Aex+s6TocgZ541qPX55tu4qq0hC"
				     "S2GOg6U90ELFe8PW5"),
		       ret_check);
}

/* What the enclave says to the NSM, and the NSM to it, through both ends of the codec. */
static int nsm_messages(const char **ret_check)
{
	const struct trb_nsm_request asked = { .op = TRB_NSM_ATTESTATION,
					       .user_data = TRB_BYTES_LIT("claim"),
					       .nonce = TRB_BYTES_LIT("nonce") };
	const struct trb_nsm_response said = { .op = TRB_NSM_ATTESTATION,
					       .data = TRB_BYTES_LIT("document") };
	_cleanup_(trb_blob_unrefp) trb_blob *request = NULL, *response = NULL, *owner = NULL,
					    *heard_owner = NULL;
	struct trb_nsm_request read;
	struct trb_nsm_response heard = { 0 };
	enum trb_nsm_error refused;
	trb_error *err = NULL;
	int r = trb_nsm_request_encode(&asked, &request, &err);

	if (r == TRB_OK && (refused = trb_nsm_request_decode(trb_blob_bytes(request), &read,
							     &owner)) != TRB_NSM_SUCCESS)
		r = refused == TRB_NSM_INTERNAL_ERROR ? trb_fail_nomem(&err) : TRB_E_FORMAT;
	if (r == TRB_OK)
		r = trb_nsm_response_encode(&said, &response, &err);
	if (r == TRB_OK)
		r = trb_nsm_response_decode(trb_blob_bytes(response), TRB_NSM_ATTESTATION, &heard,
					    &heard_owner, &err);
	torture_note((r == TRB_OK) != (heard.data.len == 8), "half a response");
	return torture_end(r, err, ret_check);
}

static void set_up(void)
{
	const char *root = getenv("TRB_SOURCE_ROOT");

	sample_init(&sample, 1);
	bundle = sample_bundle(&sample, 0, NULL);
	ck_assert_int_eq(trb_bundle_encode(bundle, &bundle_json, NULL), TRB_OK);
	recipe_json = test_file(test_path(root, "tests/vectors/recipe/y_full.json"));
	note_text = test_file(test_path(root, "tests/fuzz/corpus/note/checkpoint"));
}

static void tear_down(void)
{
	trb_blob_unref(bundle_json);
	trb_blob_unref(recipe_json);
	trb_blob_unref(note_text);
	trb_bundle_unref(bundle);
	sample_clear(&sample);
}

static const struct torture rows[] = {
	{ "recipe", one_recipe, TRB_OK, NULL, 50 },
	{ "request", one_request, TRB_OK, NULL, 50 },
	{ "bundle and leaf", one_bundle, TRB_OK, NULL, 100 },
	{ "statement", one_statement, TRB_OK, NULL, 50 },
	{ "a false statement", false_statement, TRB_E_CLAIM, "claim.statement", 20 },
	{ "note", one_note, TRB_OK, NULL, 5 },
	{ "the NSM's messages", nsm_messages, TRB_OK, NULL, 20 },
};
TORTURE_MAIN("facts", rows, set_up, tear_down)
