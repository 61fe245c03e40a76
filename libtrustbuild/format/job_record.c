/* SPDX-License-Identifier: Apache-2.0 */
/* {"job": 1, "files": [{"name", "size", "sha256", "attested"}…]}, in the order of their numbers. */
#include "format/job_record.h"

#include "core/error.h"
#include "format/json.h"

#define VERSION 1u

void trb_job_files_clear(struct trb_job_files *files)
{
	for (size_t i = 0; i < files->n; i++) {
		free(files->items[i].name);
		free(files->items[i].path);
	}
	free(files->items);
	*files = (struct trb_job_files){ 0 };
}

int trb_job_files_add(struct trb_job_files *files, trb_bytes name, uint64_t size,
		      const uint8_t digest[32], bool attested, trb_error **err)
{
	struct trb_job_file *items;

	if (files->n == TRB_JOB_FILES_MAX)
		return trb_fail(err, TRB_E_LIMIT, "more than %u files", TRB_JOB_FILES_MAX);
	items = realloc(files->items, (files->n + 1) * sizeof(*items));
	if (items == NULL)
		return trb_fail_nomem(err);
	files->items = items;
	items += files->n;
	*items = (struct trb_job_file){ .name = strndup((const char *)name.ptr, name.len),
					.size = size,
					.attested = attested };
	if (items->name == NULL)
		return trb_fail_nomem(err);
	memcpy(items->digest, digest, sizeof(items->digest));
	files->n++;
	return TRB_OK;
}

int trb_job_record_encode(const struct trb_job_files *files, trb_blob **ret, trb_error **err)
{
	_cleanup_buf_ struct trb_buf buf = { 0 };
	struct trb_json_out out = { .buf = &buf };

	trb_buf_init(&buf, TRB_JOB_RECORD_MAX);
	trb_json_open(&out, '{');
	trb_json_member_uint(&out, "job", VERSION);
	trb_json_member_open(&out, "files", '[');
	for (size_t i = 0; i < files->n; i++) {
		const struct trb_job_file *file = &files->items[i];

		trb_json_open(&out, '{');
		trb_json_member_str(&out, "name", file->name);
		trb_json_member_uint(&out, "size", file->size);
		trb_json_member_hex(&out, "sha256", TRB_BYTES(file->digest, 32));
		trb_json_member_bool(&out, "attested", file->attested);
		trb_json_close(&out, '}');
	}
	trb_json_close(&out, ']');
	trb_json_close(&out, '}');
	return trb_buf_to_blob(&buf, "the job's record", ret, err);
}

static int check_name(const struct trb_json *doc, const cJSON *item,
		      const struct trb_job_files *files, trb_bytes name, bool attested,
		      trb_error **err)
{
	const char *fault = trb_artifact_name_fault(name);

	if (fault != NULL)
		return trb_json_fail(doc, item, err, "%s", fault);
	for (size_t i = 0; i < files->n; i++)
		if (files->items[i].attested == attested &&
		    trb_bytes_eq_str(name, files->items[i].name))
			return trb_json_fail(doc, item, err, "the name comes twice");
	return TRB_OK;
}

static int decode_file(const struct trb_json *doc, const cJSON *item, struct trb_job_files *files,
		       trb_error **err)
{
	enum { NAME, SIZE, SHA256, ATTESTED, N };
	static const struct trb_json_field fields[N] = {
		[NAME] = { "name", TRB_JSON_STRING, true },
		[SIZE] = { "size", TRB_JSON_UINT, true },
		[SHA256] = { "sha256", TRB_JSON_STRING, true },
		[ATTESTED] = { "attested", TRB_JSON_BOOL, true },
	};
	const cJSON *values[N];
	uint8_t digest[32];
	uint64_t size = 0;
	trb_bytes name;
	int r = TRB_JSON_RECORD(doc, item, fields, values, err);

	if (r == TRB_OK)
		r = trb_json_string(doc, values[NAME], 1, TRB_ARTIFACT_NAME, &name, err);
	if (r == TRB_OK)
		r = check_name(doc, values[NAME], files, name, cJSON_IsTrue(values[ATTESTED]), err);
	if (r == TRB_OK)
		r = trb_json_uint(doc, values[SIZE], 0, TRB_JSON_INT_MAX, &size, err);
	if (r == TRB_OK)
		r = trb_json_hex(doc, values[SHA256], digest, sizeof(digest), err);
	if (r == TRB_OK)
		r = trb_job_files_add(files, name, size, digest, cJSON_IsTrue(values[ATTESTED]),
				      err);
	return r;
}

static int decode_files(const struct trb_json *doc, const cJSON *list, struct trb_job_files *files,
			trb_error **err)
{
	const cJSON *item;
	size_t n;
	int r = trb_json_array(doc, list, 0, TRB_JOB_FILES_MAX, &n, err);

	if (r < 0)
		return r;
	cJSON_ArrayForEach (item, list) {
		r = decode_file(doc, item, files, err);
		if (r < 0)
			return r;
	}
	return TRB_OK;
}

static int decode(const struct trb_json *doc, struct trb_job_files *files, trb_error **err)
{
	enum { JOB, FILES, N };
	static const struct trb_json_field fields[N] = {
		[JOB] = { "job", TRB_JSON_UINT, true },
		[FILES] = { "files", TRB_JSON_ARRAY, true },
	};
	const cJSON *values[N];
	uint64_t version;
	int r = TRB_JSON_RECORD(doc, doc->root, fields, values, err);

	if (r == TRB_OK)
		r = trb_json_uint(doc, values[JOB], 1, TRB_JSON_INT_MAX, &version, err);
	if (r == TRB_OK && version != VERSION)
		r = trb_fail(err, TRB_E_UNSUPPORTED,
			     "%s: version %llu is of a later release: finish the job with that one",
			     doc->what, (unsigned long long)version);
	return r == TRB_OK ? decode_files(doc, values[FILES], files, err) : r;
}

int trb_job_record_decode(trb_bytes in, struct trb_job_files *ret, trb_error **err)
{
	_cleanup_json_ struct trb_json doc = { .what = "the job's record" };
	_cleanup_(trb_job_files_clear) struct trb_job_files files = { 0 };
	int r = trb_json_load(&doc, in, TRB_JOB_RECORD_MAX, err);

	if (r == TRB_OK)
		r = decode(&doc, &files, err);
	if (r < 0)
		return r;
	*ret = files;
	files = (struct trb_job_files){ 0 };
	return TRB_OK;
}
