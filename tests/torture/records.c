/* SPDX-License-Identifier: Apache-2.0 */
/* Recipes, bundles, statements, notes and a whole log with the n-th allocation or read failing, for
 * every n: no crash, no leak, and a result or an error, never half of one. */
#include "../unit/support.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <trustbuild/log.h>

#include "../unit/sample.h"
#include "core/error.h"
#include "core/io.h"
#include "fault.h"
#include "format/note.h"
#include "format/recipe.h"

TRB_DEFINE_CLEANUP(trb_log *, trb_log_unref);

static struct sample sample;
static trb_blob *bundle_json, *recipe_json, *note_text;
static trb_bundle *bundle;
static trb_context *context;
static char folder[64], backend[128];
static bool half; /* a result with an error, or neither */

static int one_recipe(trb_error **err)
{
	struct trb_recipe *recipe = NULL;
	int r = trb_recipe_parse(trb_blob_bytes(recipe_json), &recipe, err);

	half |= (r == TRB_OK) != (recipe != NULL);
	trb_recipe_free(recipe);
	return r;
}

static int one_bundle(trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *json = NULL, *leaf = NULL, *text = NULL;
	_cleanup_(trb_bundle_unrefp) trb_bundle *read = NULL;
	int r = trb_bundle_parse(trb_blob_bytes(bundle_json), &read, err);

	half |= (r == TRB_OK) != (read != NULL);
	if (r == TRB_OK)
		r = trb_bundle_encode(read, &json, err);
	if (r == TRB_OK)
		r = trb_bundle_leaf(read, &leaf, err);
	if (r == TRB_OK)
		r = trb_bundle_describe(read, &text, err);
	return r;
}

static int one_statement(trb_error **err)
{
	struct trb_statement_said said = { 0 };
	int r = trb_statement_check(trb_blob_bytes(sample.statement), &sample.input, &said, err);

	half |= (r == TRB_OK) != (said.n_submodules == 1);
	trb_statement_said_clear(&said);
	return r;
}

static int one_note(trb_error **err)
{
	struct trb_checkpoint checkpoint;
	struct trb_note note;
	struct trb_vkey key;
	int r = trb_vkey_parse(
		TRB_BYTES_LIT("rekor.example.test+e202ff3a+Aex+s6TocgZ541qPX55tu4qq0hC"
			      "S2GOg6U90ELFe8PW5"),
		&key, err);

	if (r == TRB_OK)
		r = trb_checkpoint_open(trb_blob_bytes(note_text), &key, &note, &checkpoint, err);
	if (r == TRB_OK)
		trb_note_clear(&note);
	return r;
}

static int one_log(trb_error **err)
{
	_cleanup_(trb_bundle_unrefp) trb_bundle *logged = NULL;
	_cleanup_(trb_blob_unrefp) trb_blob *proof = NULL;
	_cleanup_(trb_log_unrefp) trb_log *log = NULL;
	int r = trb_log_open(context, backend, &log, err);

	if (r == TRB_OK)
		r = trb_log_publish(log, bundle, &logged, err);
	if (r == TRB_OK)
		r = trb_log_get_proof(log, 0, &proof, err);
	half |= (r == TRB_OK) != (proof != NULL);
	return r;
}

static const struct {
	const char *name;
	int (*run)(trb_error **err);
	unsigned least;
} rows[] = {
	{ "recipe", one_recipe, 15 },
	{ "bundle", one_bundle, 20 },
	{ "statement", one_statement, 3 },
	{ "note", one_note, 2 },
	{ "log", one_log, 20 },
};

static unsigned torture(size_t row, enum fault kind)
{
	unsigned n;

	for (n = 1; n < 5000; n++) {
		_cleanup_(trb_error_unrefp) trb_error *err = NULL;
		int r;

		fault_arm(kind, n);
		r = rows[row].run(&err);
		if (!fault_disarm()) {
			ck_status(r, TRB_OK, err);
			break;
		}
		ck_assert_msg(!half && (r == TRB_OK) == (err == NULL), "%s, call %u",
			      rows[row].name, n);
		if (kind == FAULT_EINTR)
			ck_status(r, TRB_OK, err);
		/* only OpenSSL may forget that it had no memory */
		ck_assert_msg(kind == FAULT_OPENSSL || !trb_is_verdict(r), "%s, call %u: %s",
			      rows[row].name, n, trb_error_message(err));
	}
	ck_assert_uint_lt(n, 5000);
	return n - 1;
}

START_TEST(every_call_fails_once)
{
	unsigned memory = torture((size_t)_i, FAULT_MEMORY);

	ck_assert_msg(memory >= rows[_i].least, "%s: %u calls", rows[_i].name, memory);
	printf("%s: %u allocations, %u of OpenSSL, %u reads failed\n", rows[_i].name, memory,
	       torture((size_t)_i, FAULT_OPENSSL), torture((size_t)_i, FAULT_READ));
	torture((size_t)_i, FAULT_EINTR);
}
END_TEST

static void setup(void)
{
	static const char recipe[] = "tests/vectors/recipe/y_full.json";
	static const char note[] = "tests/fuzz/corpus/note/checkpoint";
	const char *root = getenv("TRB_SOURCE_ROOT");
	trb_blob *vkey = NULL;

	sample_init(&sample, 1);
	bundle = sample_bundle(&sample, 0, NULL);
	ck_assert_int_eq(trb_bundle_encode(bundle, &bundle_json, NULL), TRB_OK);
	recipe_json = test_file(test_path(root, recipe));
	note_text = test_file(test_path(root, note));
	snprintf(folder, sizeof(folder), "%s/torture-records-XXXXXX",
		 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	ck_assert(mkdtemp(folder) != NULL);
	snprintf(backend, sizeof(backend), "local:dir=%s/log", folder);
	ck_assert_int_eq(trb_context_new(&context, NULL), TRB_OK);
	ck_assert_int_eq(trb_log_init(context, backend, NULL, &vkey, NULL), TRB_OK);
	trb_blob_unref(vkey);
}

static void teardown(void)
{
	trb_remove_tree(AT_FDCWD, folder, NULL);
	context = trb_context_unref(context);
	trb_blob_unref(bundle_json);
	trb_blob_unref(recipe_json);
	trb_blob_unref(note_text);
	trb_bundle_unref(bundle);
	sample_clear(&sample);
}

int main(void)
{
	TCase *tc = tcase_create("records");
	Suite *suite = suite_create("records");

	fault_init();
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 300);
	tcase_add_loop_test(tc, every_call_fails_once, 0, (int)(sizeof(rows) / sizeof(rows[0])));
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
