/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "core/cleanup.h"
#include "core/error.h"
#include "format/facts.h"
#include "format/merkle.h"
#include "format/note.h"
#include "format/tile.h"

static cJSON *parse_file(const char *path)
{
	_cleanup_(trb_blob_unrefp) trb_blob *blob = test_file(path);

	return cJSON_ParseWithLength((const char *)trb_blob_bytes(blob).ptr,
				     trb_blob_bytes(blob).len);
}

START_TEST(paths_have_one_spelling)
{
	static const struct {
		const char *path;
		bool good;
	} rows[] = {
		{ "tile/0/000", true },
		{ "tile/63/x001/x234/067", true },
		{ "tile/entries/x001/067.p/255", true },
		{ "tile/0/000.p/1", true },
		{ "tile/0/000.p/0", false },
		{ "tile/0/000.p/256", false },
		{ "tile/0/000.p/01", false },
		{ "tile/00/000", false },
		{ "tile/64/000", false },
		{ "tile/0/00", false },
		{ "tile/0/x000/001", false },
		{ "tile/0/001/067", false },
		{ "tile/0/x001", false },
		{ "tile/0/000/", false },
		{ "tile/entries/000.p/1/x", false },
		{ "tile//000", false },
		{ "tile/-1/000", false },
		{ "/tile/0/000", false },
		{ "tile/0/x999/x999/x999/x999/x999/x999/999", false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct trb_tile tile;
		char again[TRB_TILE_PATH];
		bool good = trb_tile_parse_path(trb_bytes_str(rows[i].path), &tile);

		ck_assert_msg(good == rows[i].good, "%s", rows[i].path);
		if (!good)
			continue;
		trb_tile_path(&tile, again);
		ck_assert_str_eq(again, rows[i].path);
	}
}
END_TEST

START_TEST(vectors_paths)
{
	const char *folder = test_vectors();
	const cJSON *row;
	unsigned n = 0;
	cJSON *root;

	if (folder == NULL)
		return;
	root = parse_file(test_path(folder, "tlog/tile_paths.json"));
	cJSON_ArrayForEach (row, root) {
		char path[TRB_TILE_PATH];
		struct trb_tile tile = { .width = TRB_TILE_WIDTH };

		if (!cJSON_HasObjectItem(row, "path"))
			continue;
		tile.index = (uint64_t)cJSON_GetObjectItem(row, "n")->valuedouble;
		trb_tile_path(&tile, path);
		ck_assert_str_eq(path + strlen("tile/0/"),
				 cJSON_GetObjectItem(row, "path")->valuestring);
		printf("tile path %s: the same\n", path);
		n++;
	}
	ck_assert_uint_gt(n, 0);
	cJSON_Delete(root);
}
END_TEST

START_TEST(widths)
{
	ck_assert_uint_eq(trb_tile_width(0, 0, 0), 0);
	ck_assert_uint_eq(trb_tile_width(0, 0, 1), 1);
	ck_assert_uint_eq(trb_tile_width(0, 0, 256), 256);
	ck_assert_uint_eq(trb_tile_width(0, 1, 256), 0);
	ck_assert_uint_eq(trb_tile_width(0, 273, 70000), 112);
	ck_assert_uint_eq(trb_tile_width(1, 0, 70000), 256);
	ck_assert_uint_eq(trb_tile_width(1, 1, 70000), 17);
	ck_assert_uint_eq(trb_tile_width(2, 0, 70000), 1);
	ck_assert_uint_eq(trb_tile_width(3, 0, 70000), 0);
	ck_assert_uint_eq(trb_tile_width(0, UINT64_MAX, UINT64_MAX), 0);
	ck_assert_uint_eq(trb_tile_width(60, 0, UINT64_MAX), 0);
}
END_TEST

START_TEST(bundles_are_strict)
{
	trb_bytes entry;

	ck_assert_int_eq(trb_tile_entry(TRB_BYTES_LIT("\0\1a\0\0\0\2bc"), 3, 2, &entry, NULL),
			 TRB_OK);
	ck_assert(trb_bytes_eq_str(entry, "bc"));
	ck_assert_int_eq(trb_tile_entry(TRB_BYTES_LIT("\0\1a\0\0\0\2bc"), 3, 1, &entry, NULL),
			 TRB_OK);
	ck_assert_uint_eq(entry.len, 0);
	ck_assert_int_eq(trb_tile_entry(TRB_BYTES_LIT("\0\1a\0\0\0\2bc"), 2, 0, &entry, NULL),
			 TRB_E_FORMAT);
	ck_assert_int_eq(trb_tile_entry(TRB_BYTES_LIT("\0\1a\0\0\0\2b"), 3, 0, &entry, NULL),
			 TRB_E_FORMAT);
	ck_assert_int_eq(trb_tile_entry(TRB_BYTES_LIT("\0\1a\0"), 2, 0, &entry, NULL),
			 TRB_E_FORMAT);
	ck_assert_int_eq(trb_tile_entry(TRB_BYTES_LIT("\0\1a"), 1, 1, &entry, NULL), TRB_E_INVAL);
}
END_TEST

/* Root, proofs and entries of a log of at most 256 entries, from its one tile. */
static int node_of_tile(void *user, unsigned level, uint64_t index, uint8_t ret[32],
			trb_error **err)
{
	return trb_tile_node(*(trb_bytes *)user, level, (unsigned)index, ret, err);
}

static void check_tile(const char *log, const struct trb_checkpoint *c)
{
	_cleanup_(trb_blob_unrefp) trb_blob *hashes = NULL, *entries = NULL;
	trb_bytes view, rest;
	struct trb_merkle_source source = { node_of_tile, &view };
	_cleanup_free_ char *tile = NULL, *bundle = NULL;
	uint8_t root[32];

	ck_assert(asprintf(&tile, "%s/tile/0/000.p/%llu", log, (unsigned long long)c->size) > 0);
	ck_assert(asprintf(&bundle, "%s/tile/entries/000.p/%llu", log,
			   (unsigned long long)c->size) > 0);
	hashes = test_file(tile);
	entries = test_file(bundle);
	view = trb_blob_bytes(hashes);
	rest = trb_blob_bytes(entries);
	ck_assert_uint_eq(view.len, c->size * 32);
	ck_assert_int_eq(trb_merkle_root(&source, c->size, root, NULL), TRB_OK);
	ck_assert_msg(memcmp(root, c->root, 32) == 0, "%s", tile);
	for (uint64_t i = 0; i < c->size; i++) {
		uint8_t leaf[32];
		trb_bytes entry;

		ck_assert(trb_tile_next_entry(&rest, &entry));
		ck_assert_int_eq(trb_merkle_leaf(entry, leaf, NULL), TRB_OK);
		ck_assert_msg(memcmp(leaf, view.ptr + 32 * i, 32) == 0, "%s: entry %u", bundle,
			      (unsigned)i);
	}
	ck_assert_uint_eq(rest.len, 0);
	printf("%s: root and %llu entries agree\n", log, (unsigned long long)c->size);
}

static void check_checkpoint(const char *log, const char *name, const struct trb_vkey *key)
{
	_cleanup_(trb_note_clear) struct trb_note note = { .n = 0 };
	_cleanup_(trb_blob_unrefp) trb_blob *text = NULL;
	_cleanup_free_ char *path = NULL;
	struct trb_checkpoint c;

	ck_assert(asprintf(&path, "%s/%s", log, name) > 0);
	text = test_file(path);
	ck_assert_int_eq(trb_checkpoint_open(trb_blob_bytes(text), key, &note, &c, NULL), TRB_OK);
	if (c.size > 0)
		check_tile(log, &c);
}

START_TEST(vectors_tessera_log)
{
	const char *folder = test_vectors();
	_cleanup_free_ char *log = NULL;
	struct trb_vkey key;

	if (folder == NULL)
		return;
	log = strdup(test_path(folder, "tlog/tessera-log/log"));
	ck_assert_int_eq(trb_vkey_parse(trb_bytes_str("example.com/log/testdata+33d7b496+AeHTu4Q3"
						      "hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"),
					&key, NULL),
			 TRB_OK);
	check_checkpoint(log, "checkpoint", &key);
	for (int i = 0; i <= 15; i++) {
		char name[32];

		snprintf(name, sizeof(name), "checkpoint.%d", i);
		check_checkpoint(log, name, &key);
	}
}
END_TEST

START_TEST(vectors_live_log)
{
	const char *folder = test_vectors();
	_cleanup_(trb_blob_unrefp) trb_blob *vkey = NULL;
	_cleanup_free_ char *log = NULL;
	struct trb_vkey key;
	trb_bytes text;

	if (folder == NULL)
		return;
	log = strdup(test_path(folder, "tlog/live/log"));
	vkey = test_file(test_path(folder, "tlog/live/log.vkey"));
	text = trb_blob_bytes(vkey);
	text.len -= text.ptr[text.len - 1] == '\n';
	ck_assert_int_eq(trb_vkey_parse(text, &key, NULL), TRB_OK);
	check_checkpoint(log, "checkpoint", &key);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tile");
	TCase *tc = tcase_create("tile");

	tcase_add_test(tc, paths_have_one_spelling);
	tcase_add_test(tc, widths);
	tcase_add_test(tc, bundles_are_strict);
	tcase_add_test(tc, vectors_paths);
	tcase_add_test(tc, vectors_tessera_log);
	tcase_add_test(tc, vectors_live_log);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
