/* SPDX-License-Identifier: Apache-2.0 */
/* Many leaves at once, and cosignatures, in the local log. */
#include "support.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/conf.h"
#include "core/error.h"
#include "core/io.h"
#include "format/merkle.h"
#include "log/backend.h"

static char folder[64];
static trb_context *context;

static void setup(void)
{
	snprintf(folder, sizeof(folder), "%s/trustbuild-test-batch-XXXXXX",
		 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	ck_assert(mkdtemp(folder) != NULL);
	ck_assert_int_eq(trb_context_new(&context, NULL), TRB_OK);
}

static void teardown(void)
{
	context = trb_context_unref(context);
	trb_remove_tree(AT_FDCWD, folder, NULL);
}

/* A log of its own; every log of a test has the same name. */
static void *make(const char *name)
{
	_cleanup_(trb_conf_freep) struct trb_conf *conf = NULL;
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	char text[128];
	struct trb_vkey key;
	void *self = NULL;
	int r;

	snprintf(text, sizeof(text), "dir=%s/%s", folder, name);
	ck_assert_int_eq(trb_conf_parse(text, trb_log_local.keys, &conf, NULL), TRB_OK);
	r = trb_log_local.init(context, conf, "log.example/batch", &key, &err);
	ck_status(r, TRB_OK, err);
	r = trb_log_local.open(context, conf, &self, &key, &err);
	ck_status(r, TRB_OK, err);
	return self;
}

#define MANY 700
static char texts[MANY][32];
static trb_bytes leaves[MANY];

static void write_leaves(void)
{
	for (size_t i = 0; i < MANY; i++) {
		snprintf(texts[i], sizeof(texts[i]), "leaf number %zu", i);
		leaves[i] = trb_bytes_str(texts[i]);
	}
}

static void add(void *log, const trb_bytes *some, size_t n, uint64_t first)
{
	_cleanup_free_ struct trb_log_place *places = calloc(n, sizeof(*places));
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	int r = trb_log_local.append(log, some, n, places, &err);

	ck_status(r, TRB_OK, err);
	for (size_t i = 0; i < n; i++) {
		_cleanup_(trb_note_clear) struct trb_note note = { .n = 0 };
		struct trb_checkpoint checkpoint;
		uint8_t hash[32];

		ck_assert_uint_eq(places[i].proof.index, first + i);
		ck_assert_int_eq(trb_note_parse(places[i].proof.checkpoint, &note, NULL), TRB_OK);
		ck_assert_int_eq(trb_checkpoint_parse(note.text, &checkpoint, NULL), TRB_OK);
		ck_assert_int_eq(trb_merkle_leaf(some[i], hash, NULL), TRB_OK);
		r = trb_merkle_check_inclusion(first + i, checkpoint.size, hash,
					       (const uint8_t(*)[32])places[i].proof.hashes,
					       places[i].proof.n, checkpoint.root, &err);
		ck_status(r, TRB_OK, err);
		trb_log_place_clear(&places[i]);
	}
}

static void ck_same_tree(void *a, void *b)
{
	_cleanup_(trb_blob_unrefp) trb_blob *x = NULL, *y = NULL;
	_cleanup_(trb_note_clear) struct trb_note note_x = { .n = 0 }, note_y = { .n = 0 };

	ck_assert_int_eq(trb_log_local.checkpoint(a, &x, NULL), TRB_OK);
	ck_assert_int_eq(trb_log_local.checkpoint(b, &y, NULL), TRB_OK);
	ck_assert_int_eq(trb_note_parse(trb_blob_bytes(x), &note_x, NULL), TRB_OK);
	ck_assert_int_eq(trb_note_parse(trb_blob_bytes(y), &note_y, NULL), TRB_OK);
	ck_assert(trb_bytes_eq(note_x.text, note_y.text));
}

START_TEST(batches_make_the_tree_that_single_leaves_make)
{
	static const size_t sizes[] = { 1, 200, 56, 255, 88, 100 };
	void *one = make("one"), *many = make("many");
	size_t done = 0;

	write_leaves();
	for (size_t i = 0; i < MANY; i++)
		add(one, &leaves[i], 1, i);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		add(many, leaves + done, sizes[i], done);
		done += sizes[i];
	}
	ck_assert_uint_eq(done, MANY);
	ck_same_tree(one, many);
	ck_assert(access(test_path(folder, "many/tile/0/001"), F_OK) == 0);
	ck_assert(access(test_path(folder, "many/tile/0/001.p"), F_OK) < 0);
	trb_log_local.close(one);
	trb_log_local.close(many);
}
END_TEST

START_TEST(a_leaf_keeps_its_place_in_a_batch)
{
	void *log = make("log");
	struct trb_log_place places[4] = { { .checkpoint = NULL } };
	trb_bytes some[4];

	write_leaves();
	add(log, leaves, 3, 0);
	some[0] = leaves[5];
	some[1] = leaves[1];
	some[2] = leaves[5];
	some[3] = leaves[6];
	ck_assert_int_eq(trb_log_local.append(log, some, 4, places, NULL), TRB_OK);
	ck_assert_uint_eq(places[0].proof.index, 3);
	ck_assert_uint_eq(places[1].proof.index, 1);
	ck_assert_uint_eq(places[2].proof.index, 3);
	ck_assert_uint_eq(places[3].proof.index, 4);
	for (size_t i = 0; i < 4; i++)
		trb_log_place_clear(&places[i]);
	trb_log_local.close(log);
}
END_TEST

START_TEST(a_batch_has_bounds_and_is_taken_whole_or_not_at_all)
{
	static struct trb_log_place places[TRB_LOG_BATCH + 1];
	_cleanup_free_ uint8_t *big = calloc(1, 65536);
	void *log = make("log");
	trb_bytes two[2] = { TRB_BYTES_LIT("good"), TRB_BYTES(big, 65536) };
	trb_bytes good = TRB_BYTES_LIT("good");

	write_leaves();
	ck_assert_int_eq(trb_log_local.append(log, leaves, TRB_LOG_BATCH + 1, places, NULL),
			 TRB_E_INVAL);
	ck_assert_int_eq(trb_log_local.append(log, leaves, 0, places, NULL), TRB_E_INVAL);
	ck_assert_int_eq(trb_log_local.append(log, two, 2, places, NULL), TRB_E_LIMIT);
	add(log, &good, 1, 0);
	trb_log_local.close(log);
}
END_TEST

/* A line as witnesses write them; who reads the checkpoint judges it. */
#define LINE_A                                                                           \
	"\xe2\x80\x94 witness.example/a "                                                \
	"qqqqqgAAAABpLOOAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" \
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==\n"
#define LINE_B                                                                           \
	"\xe2\x80\x94 witness.example/b "                                                \
	"u7u7uwAAAABpLOOAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" \
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==\n"

static size_t signatures(trb_blob *checkpoint, trb_bytes *ret_text)
{
	static struct trb_note note;
	size_t n;

	trb_note_clear(&note);
	ck_assert_int_eq(trb_note_parse(trb_blob_bytes(checkpoint), &note, NULL), TRB_OK);
	n = note.n;
	if (ret_text != NULL)
		*ret_text = note.text;
	return n;
}

START_TEST(cosignatures_stand_beside_the_logs_own)
{
	_cleanup_(trb_blob_unrefp) trb_blob *before = NULL, *first = NULL, *second = NULL;
	_cleanup_(trb_blob_unrefp) trb_blob *served = NULL, *grown = NULL, *none = NULL;
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	void *log = make("log");
	trb_bytes text;
	int r;

	write_leaves();
	add(log, leaves, 3, 0);
	ck_assert_int_eq(trb_log_local.checkpoint(log, &before, NULL), TRB_OK);
	ck_assert_uint_eq(signatures(before, &text), 1);
	r = trb_log_local.cosign(log, text, TRB_BYTES_LIT(LINE_A), &first, &err);
	ck_status(r, TRB_OK, err);
	r = trb_log_local.cosign(log, text, TRB_BYTES_LIT(LINE_A LINE_B), &second, &err);
	ck_status(r, TRB_OK, err);
	ck_assert_uint_eq(signatures(first, NULL), 2);
	ck_assert_uint_eq(signatures(second, NULL), 3);
	ck_assert_int_eq(trb_log_local.checkpoint(log, &served, NULL), TRB_OK);
	ck_assert(trb_bytes_eq(trb_blob_bytes(served), trb_blob_bytes(second)));
	/* what is no signature, and what is of another tree, changes nothing */
	ck_assert_int_eq(trb_log_local.cosign(log, text, TRB_BYTES_LIT("rubbish\n"), &none, NULL),
			 TRB_E_FORMAT);
	add(log, &leaves[3], 1, 3);
	ck_assert_int_eq(trb_log_local.cosign(log, text, TRB_BYTES_LIT(LINE_A), &none, NULL),
			 TRB_E_STATE);
	ck_assert_int_eq(trb_log_local.checkpoint(log, &grown, NULL), TRB_OK);
	ck_assert_uint_eq(signatures(grown, NULL), 1);
	trb_log_local.close(log);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("log_batch");
	TCase *tc = tcase_create("log_batch");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, batches_make_the_tree_that_single_leaves_make);
	tcase_add_test(tc, a_leaf_keeps_its_place_in_a_batch);
	tcase_add_test(tc, a_batch_has_bounds_and_is_taken_whole_or_not_at_all);
	tcase_add_test(tc, cosignatures_stand_beside_the_logs_own);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
