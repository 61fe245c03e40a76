/* SPDX-License-Identifier: Apache-2.0 */
/* Where a build's files and its bundle go, decided before any of them is written. */
#include <stdlib.h>
#include <string.h>

#include "host/build.h"

static const char *base_name(const char *name)
{
	const char *slash = strrchr(name, '/');

	return slash != NULL ? slash + 1 : name;
}

/* An attested file goes by its last step, which is the name that a verifier compares; where two
 * would meet, all keep their whole names, of which the tree had no two. */
static bool bases_are_free(const struct build_files *files)
{
	for (size_t i = 0; i < files->n; i++) {
		const char *base = base_name(files->items[i].name);

		if (!files->items[i].attested)
			continue;
		if (strcmp(base, BUILD_UNATTESTED) == 0)
			return false;
		for (size_t k = 0; k < i; k++)
			if (files->items[k].attested &&
			    strcmp(base, base_name(files->items[k].name)) == 0)
				return false;
	}
	return true;
}

static bool place_files(struct build_files *files, const char *out)
{
	bool bases = bases_are_free(files);

	for (size_t i = 0; i < files->n; i++) {
		struct build_file *f = &files->items[i];
		const char *name = f->attested && bases ? base_name(f->name) : f->name;

		if (asprintf(&f->path, "%s/%s%s", out, f->attested ? "" : BUILD_UNATTESTED "/",
			     name) < 0) {
			f->path = NULL;
			return false;
		}
	}
	return true;
}

/* A file of that path, or a folder that a file will be in. */
static bool is_taken(const struct build_files *files, const char *path)
{
	size_t n = strlen(path);

	for (size_t i = 0; i < files->n; i++)
		if (strncmp(files->items[i].path, path, n) == 0 &&
		    (files->items[i].path[n] == '\0' || files->items[i].path[n] == '/'))
			return true;
	return false;
}

/* One artifact gives the bundle its name, several the first of them, unless an artifact has that
 * very name. */
static bool place_bundle(struct build_result *result, const char *out)
{
	const char *name = "build";
	char number[24] = "";

	for (size_t i = 0; i < result->files.n; i++)
		if (result->files.items[i].attested) {
			name = base_name(result->files.items[i].name);
			break;
		}
	for (size_t n = 2;; n++) {
		if (asprintf(&result->bundle_path, "%s/%s%s.bundle.json", out, name, number) < 0) {
			result->bundle_path = NULL;
			return false;
		}
		if (!is_taken(&result->files, result->bundle_path))
			return true;
		free(result->bundle_path);
		snprintf(number, sizeof(number), "-%zu", n);
	}
}

bool build_place(struct build_result *result, const char *out)
{
	return place_files(&result->files, out) && place_bundle(result, out);
}
