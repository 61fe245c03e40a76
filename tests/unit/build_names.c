/* SPDX-License-Identifier: Apache-2.0 */
/* Where tb-host build puts files and bundle, whatever the build calls its artifacts. */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "host/build.h"

#define MAX_FILES 4

struct row {
	const char *names[MAX_FILES]; /* "-" before one that is not attested */
	const char *paths[MAX_FILES];
	const char *bundle;
};

static const struct row rows[] = {
	{ { "out/tool" }, { "o/tool" }, "o/tool.bundle.json" },
	{ { "a/x", "b/y" }, { "o/x", "o/y" }, "o/x.bundle.json" },
	{ { "a/x", "b/x" }, { "o/a/x", "o/b/x" }, "o/x.bundle.json" },
	/* a base may be another one's folder: never both kinds at once */
	{ { "a/z", "b/a", "c/b", "d/b" },
	  { "o/a/z", "o/b/a", "o/c/b", "o/d/b" },
	  "o/z.bundle.json" },
	/* an artifact takes the place of the evidence about it */
	{ { "a", "a.bundle.json" }, { "o/a", "o/a.bundle.json" }, "o/a-2.bundle.json" },
	{ { "a", "a-2.bundle.json", "d/a.bundle.json" },
	  { "o/a", "o/a-2.bundle.json", "o/a.bundle.json" },
	  "o/a-3.bundle.json" },
	{ { "a.bundle.json/a", "b/a" }, { "o/a.bundle.json/a", "o/b/a" }, "o/a-2.bundle.json" },
	/* the name of the folder of what is not attested */
	{ { "d/unattested", "-x" },
	  { "o/d/unattested", "o/unattested/x" },
	  "o/unattested.bundle.json" },
	{ { "x", "-x", "-sub/x" },
	  { "o/x", "o/unattested/x", "o/unattested/sub/x" },
	  "o/x.bundle.json" },
};

START_TEST(no_two_meet)
{
	const struct row *row = &rows[_i];
	struct build_file files[MAX_FILES] = { 0 };
	struct build_result result = { .files.items = files };

	for (size_t i = 0; i < MAX_FILES && row->names[i] != NULL; i++) {
		files[i].attested = row->names[i][0] != '-';
		files[i].name = (char *)(uintptr_t)(row->names[i] + !files[i].attested);
		result.files.n++;
	}
	ck_assert(build_place(&result, "o"));
	for (size_t i = 0; i < result.files.n; i++) {
		ck_assert_str_eq(files[i].path, row->paths[i]);
		free(files[i].path);
	}
	ck_assert_str_eq(result.bundle_path, row->bundle);
	free(result.bundle_path);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("build-names");
	TCase *tc = tcase_create("names");

	tcase_add_loop_test(tc, no_two_meet, 0, sizeof(rows) / sizeof(rows[0]));
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
