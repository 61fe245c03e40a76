/* SPDX-License-Identifier: Apache-2.0 */
/* Tiles and entry bundles. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "core/error.h"
#include "format/facts.h"
#include "format/merkle.h"
#include "format/note.h"
#include "format/tile.h"

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
	root = test_json(test_path(folder, "tlog/tile_paths.json"));
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

int main(void)
{
	Suite *suite = suite_create("tile");
	TCase *tc = tcase_create("tile");

	tcase_add_test(tc, paths_have_one_spelling);
	tcase_add_test(tc, widths);
	tcase_add_test(tc, bundles_are_strict);
	tcase_add_test(tc, vectors_paths);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
