/* SPDX-License-Identifier: Apache-2.0 */
/* What unit tests share: vectors, files, running. */
#include "support.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A program that embeds the library has a language and a place, which change nothing in it.  The
 * test setups "turkish" and "bare" name theirs, and test nothing where it is not there. */
static bool live_here(void)
{
	return setlocale(LC_ALL, "") != NULL || getenv("LOCPATH") == NULL;
}

int test_run(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	if (!live_here()) {
		printf("no locale %s in %s\n", getenv("LC_ALL"), getenv("LOCPATH"));
		return EXIT_FAILURE;
	}
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

bool test_wanted(const char *name)
{
	const char *only = getenv("TRB_ONLY");

	return only == NULL || strcmp(only, name) == 0;
}

trb_blob *test_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	trb_blob *blob = NULL;
	uint8_t *bytes;
	long size;

	ck_assert_msg(f != NULL, "cannot open %s", path);
	fseek(f, 0, SEEK_END);
	size = ftell(f);
	rewind(f);
	bytes = malloc((size_t)size + 1);
	ck_assert(bytes != NULL && fread(bytes, 1, (size_t)size, f) == (size_t)size);
	fclose(f);
	ck_assert_int_eq(trb_blob_new(TRB_BYTES(bytes, size), &blob, NULL), TRB_OK);
	free(bytes);
	return blob;
}

cJSON *test_json_of(trb_bytes text)
{
	cJSON *root = cJSON_ParseWithLength((const char *)text.ptr, text.len);

	ck_assert_msg(root != NULL, "no JSON: %.*s", (int)(text.len < 80 ? text.len : 80),
		      (const char *)text.ptr);
	return root;
}

cJSON *test_json(const char *path)
{
	trb_blob *blob = test_file(path);
	cJSON *root = test_json_of(trb_blob_bytes(blob));

	trb_blob_unref(blob);
	return root;
}

const char *test_vectors(void)
{
	static bool told;
	const char *folder = getenv("TRB_VECTORS");

	if (folder == NULL)
		folder = getenv("TRB_VECTORS_DEFAULT");
	if (folder != NULL && access(folder, R_OK) == 0)
		return folder;
	if (!told)
		fprintf(stderr, "LEFT OUT: no vectors in '%s' (set TRB_VECTORS)\n",
			folder != NULL ? folder : "");
	told = true;
	return NULL;
}

const char *test_path(const char *folder, const char *name)
{
	static char path[4096];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}
