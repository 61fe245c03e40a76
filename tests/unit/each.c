/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a check over each vector of a folder. */
#include "each.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

void test_each_vector(const char *kind, int (*take)(const char *name, trb_bytes in))
{
	const char *root = getenv("TRB_SOURCE_ROOT");
	size_t yes = 0, no = 0;
	char folder[2048];
	struct dirent *entry;
	DIR *dir;

	snprintf(folder, sizeof(folder), "%s/tests/vectors/%s", root != NULL ? root : ".", kind);
	dir = opendir(folder);
	ck_assert_msg(dir != NULL, "cannot open %s", folder);
	while ((entry = readdir(dir)) != NULL) {
		bool good = strncmp(entry->d_name, "y_", 2) == 0;
		bool later = strncmp(entry->d_name, "n_later_", 8) == 0;
		trb_blob *blob;
		int r;

		if (!good && strncmp(entry->d_name, "n_", 2) != 0)
			continue;
		blob = test_file(test_path(folder, entry->d_name));
		r = take(entry->d_name, trb_blob_bytes(blob));
		ck_assert_msg(good    ? r == TRB_OK
			      : later ? r == TRB_E_UNSUPPORTED
				      : r == TRB_E_FORMAT || r == TRB_E_LIMIT,
			      "%s/%s: %s", kind, entry->d_name, trb_status_name(r));
		trb_blob_unref(blob);
		yes += good;
		no += !good;
	}
	closedir(dir);
	ck_assert_msg(yes > 0 && no > 0, "%s has %zu good and %zu bad vectors", folder, yes, no);
}

void test_same(const char *name, trb_bytes in, trb_blob *again)
{
	ck_assert_msg(trb_bytes_eq(in, trb_blob_bytes(again)), "%s is encoded otherwise", name);
	trb_blob_unref(again);
}
