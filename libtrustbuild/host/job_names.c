/* SPDX-License-Identifier: Apache-2.0 */
/* The names that a job's files get beneath the output directory. */
#include "host/job_names.h"

#include <stdio.h>

#include "core/error.h"

static const char *base_name(const char *name)
{
	const char *slash = strrchr(name, '/');

	return slash != NULL ? slash + 1 : name;
}

/* An attested file goes by its last step, which is the name that a verifier compares; where two
 * would meet, all keep their whole names, of which the tree had no two. */
static bool bases_are_free(const struct trb_job_files *files)
{
	for (size_t i = 0; i < files->n; i++) {
		const char *base = base_name(files->items[i].name);

		if (!files->items[i].attested)
			continue;
		if (strcmp(base, TRB_JOB_UNATTESTED) == 0)
			return false;
		for (size_t k = 0; k < i; k++)
			if (files->items[k].attested &&
			    strcmp(base, base_name(files->items[k].name)) == 0)
				return false;
	}
	return true;
}

static int place_file(struct trb_job_file *file, bool bases, trb_error **err)
{
	const char *name = file->attested && bases ? base_name(file->name) : file->name;

	if (file->attested && strncmp(name, TRB_JOB_PREFIX, strlen(TRB_JOB_PREFIX)) == 0)
		return trb_fail_check(err, TRB_E_ARTIFACT, "artifact.name",
				      "artifact '%s': names that begin with '" TRB_JOB_PREFIX
				      "' are for saved jobs: name it differently in the recipe",
				      file->name);
	free(file->path);
	if (asprintf(&file->path, "%s%s", file->attested ? "" : TRB_JOB_UNATTESTED "/", name) < 0) {
		file->path = NULL;
		return trb_fail_nomem(err);
	}
	return TRB_OK;
}

/* A file of that path, or a folder that a file will be in. */
static bool is_taken(const struct trb_job_files *files, const char *path)
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
static int place_bundle(const struct trb_job_files *files, char **ret, trb_error **err)
{
	const char *name = "build";
	char number[24] = "";

	for (size_t i = 0; i < files->n; i++)
		if (files->items[i].attested) {
			name = base_name(files->items[i].name);
			break;
		}
	for (size_t n = 2;; n++) {
		_cleanup_free_ char *path = NULL;

		if (asprintf(&path, "%s%s.bundle.json", name, number) < 0) {
			path = NULL;
			return trb_fail_nomem(err);
		}
		if (!is_taken(files, path)) {
			*ret = steal_ptr(&path);
			return TRB_OK;
		}
		snprintf(number, sizeof(number), "-%zu", n);
	}
}

int trb_job_place_names(struct trb_job_files *files, char **ret_bundle_path, trb_error **err)
{
	bool bases = bases_are_free(files);
	int r = TRB_OK;

	for (size_t i = 0; r == TRB_OK && i < files->n; i++)
		r = place_file(&files->items[i], bases, err);
	return r == TRB_OK ? place_bundle(files, ret_bundle_path, err) : r;
}
