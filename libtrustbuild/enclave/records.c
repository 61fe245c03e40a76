/* SPDX-License-Identifier: Apache-2.0 */
/* What the sandbox says, record by record, from bytes that nobody trusts. */
#include "enclave/records.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>

#include "core/io.h"

#define SEALS (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

int trb_records_init(struct trb_records *r, trb_error **err)
{
	r->file.fd = -1;
	trb_buf_init(&r->name, TRB_ARTIFACT_NAME + 1);
	r->files = calloc(TRB_ARTIFACTS_MAX, sizeof(*r->files));
	return r->files != NULL ? TRB_OK : trb_fail_nomem(err);
}

static void file_clear(struct trb_build_file *file)
{
	free(file->name);
	if (file->fd >= 0)
		close(file->fd);
	*file = (struct trb_build_file){ .fd = -1 };
}

void trb_records_clear(struct trb_records *r)
{
	if (r->files == NULL)
		return;
	for (size_t i = 0; i < r->n_files; i++)
		file_clear(&r->files[i]);
	file_clear(&r->file);
	free(r->files);
	trb_buf_clear(&r->name);
	r->files = NULL;
	r->n_files = 0;
}

bool trb_records_whole(const struct trb_records *r)
{
	return r->last != 0 && r->have == 0;
}

static uint64_t number(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	while (n-- > 0)
		v = v << 8 | *p++;
	return v;
}

static int finish_file(struct trb_records *r, trb_error **err)
{
	if (fcntl(r->file.fd, F_ADD_SEALS, SEALS) < 0)
		return trb_fail_errno(err, errno, "seal '%s'", r->file.name);
	r->files[r->n_files++] = r->file;
	r->file = (struct trb_build_file){ .fd = -1 };
	r->have = 0;
	return TRB_OK;
}

static bool known_file(const struct trb_records *r, const char *name)
{
	for (size_t i = 0; i < r->n_files; i++)
		if (strcmp(r->files[i].name, name) == 0)
			return true;
	return false;
}

/* The name is whole: is it one that may come out? */
static int open_file(struct trb_records *r, trb_error **err)
{
	const char *fault = trb_artifact_name_fault(trb_buf_bytes(&r->name));
	int code;

	if (fault != NULL)
		return trb_fail_check(err, TRB_E_FORMAT, "artifact.name",
				      "the sandbox returns a file whose name is not allowed: %s",
				      fault);
	code = trb_buf_to_str(&r->name, "file name", &r->file.name, err);
	if (code < 0)
		return code;
	if (!r->wanted(r->file.name, r->user) || known_file(r, r->file.name))
		return trb_fail_check(err, TRB_E_FORMAT, "artifact.name",
				      "the sandbox returns '%s', which was not asked for, or twice",
				      r->file.name);
	r->file.fd = memfd_create("trustbuild-file", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (r->file.fd < 0)
		return trb_fail_errno(err, errno, "make a memory file");
	if (r->value > INT64_MAX || TEMP_FAILURE_RETRY(ftruncate(r->file.fd, (off_t)r->value)) < 0)
		return trb_fail_errno(err, r->value > INT64_MAX ? EFBIG : errno,
				      "make a memory file of %llu bytes",
				      (unsigned long long)r->value);
	r->left = r->file.size = r->value;
	r->file.program = r->head[0] == TRB_REC_PROGRAM;
	return r->left == 0 ? finish_file(r, err) : TRB_OK;
}

static int take_head(struct trb_records *r, trb_error **err)
{
	uint8_t type = r->head[0];

	r->index = (uint32_t)number(r->head + 4, 4);
	r->value = number(r->head + 8, 8);
	r->body = 0;
	if (r->last != 0 || r->head[1] != 0 || r->head[2] != 0 || r->head[3] != 0)
		return trb_fail(err, TRB_E_FORMAT, "the sandbox's records are not in order");
	switch (type) {
	case TRB_REC_COMMAND:
		r->command(r->index, r->user);
		r->have = 0;
		return TRB_OK;
	case TRB_REC_FILE:
	case TRB_REC_PROGRAM:
		if (r->index == 0 || r->index > TRB_ARTIFACT_NAME)
			return trb_fail_check(err, TRB_E_FORMAT, "artifact.name",
					      "the sandbox returns a file with a name of %u bytes, "
					      "255 are allowed",
					      r->index);
		if (r->n_files == TRB_ARTIFACTS_MAX)
			return trb_fail(err, TRB_E_LIMIT, "the build returns more than %u files",
					TRB_ARTIFACTS_MAX);
		if (r->value > r->max_bytes - r->total)
			return trb_fail(err, TRB_E_LIMIT,
					"the build returns files of more than the %llu bytes of "
					"disk_mib",
					(unsigned long long)r->max_bytes);
		r->total += r->value;
		r->body = r->index;
		trb_buf_init(&r->name, TRB_ARTIFACT_NAME + 1);
		return TRB_OK;
	case TRB_REC_ERROR:
		if (r->index == 0 || r->index >= 1024)
			return trb_fail(err, TRB_E_FORMAT,
					"the sandbox's error is empty or too long");
		r->body = r->index;
		r->last = type;
		trb_buf_init(&r->name, 1024);
		return TRB_OK;
	case TRB_REC_EXIT:
	case TRB_REC_NOMATCH:
	case TRB_REC_END:
		r->last = type;
		r->have = 0;
		return TRB_OK;
	default:
		return trb_fail(err, TRB_E_FORMAT, "the sandbox writes a record of no known type");
	}
}

static int take_name(struct trb_records *r, trb_bytes *in, trb_error **err)
{
	size_t n = in->len < r->body ? in->len : (size_t)r->body;

	if (trb_buf_add(&r->name, trb_bytes_take(in, n)) < 0)
		return trb_buf_check(&r->name, "name", err);
	r->body -= n;
	if (r->body > 0)
		return TRB_OK;
	if (r->head[0] == TRB_REC_FILE || r->head[0] == TRB_REC_PROGRAM)
		return open_file(r, err);
	snprintf(r->text, sizeof(r->text), "%.*s", (int)r->name.len, r->name.ptr);
	trb_buf_clear(&r->name);
	r->have = 0;
	return TRB_OK;
}

static bool all_zero(trb_bytes bytes)
{
	return bytes.ptr[0] == 0 && memcmp(bytes.ptr, bytes.ptr + 1, bytes.len - 1) == 0;
}

/* Zeros stay a hole: what costs the build nothing shall cost the enclave no memory. */
static int take_content(struct trb_records *r, trb_bytes *in, trb_error **err)
{
	size_t n = in->len < r->left ? in->len : (size_t)r->left;
	trb_bytes content = trb_bytes_take(in, n);
	int code = TRB_OK;

	if (!all_zero(content))
		code = trb_write_full(r->file.fd, content, err);
	else if (lseek(r->file.fd, (off_t)n, SEEK_CUR) < 0)
		code = trb_fail_errno(err, errno, "pass over zeros");
	if (code < 0)
		return trb_wrap(err, code, "keep '%s'", r->file.name);
	r->left -= n;
	return r->left == 0 ? finish_file(r, err) : TRB_OK;
}

int trb_records_feed(struct trb_records *r, trb_bytes in, trb_error **err)
{
	while (in.len > 0) {
		int code = TRB_OK;

		if (r->have < TRB_RECORD_HEAD) {
			r->head[r->have++] = *trb_bytes_take(&in, 1).ptr;
			if (r->have == TRB_RECORD_HEAD)
				code = take_head(r, err);
		} else if (r->body > 0) {
			code = take_name(r, &in, err);
		} else {
			code = take_content(r, &in, err);
		}
		if (code < 0)
			return code;
	}
	return TRB_OK;
}
