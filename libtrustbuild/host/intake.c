/* SPDX-License-Identifier: Apache-2.0 */
/* Artifacts on their way in (intake.h). */
#include "host/intake_file.h"

#include <sys/socket.h>

#include "format/control.h"
#include "format/crypto.h"

#define CHUNK      65536u
#define STEP_BYTES (8u * CHUNK)
#define CHECK      "channel"

int trb_intake_new(int dirfd, struct trb_intake **ret, trb_error **err)
{
	struct trb_intake *intake = calloc(1, sizeof(*intake));

	if (intake == NULL)
		return trb_fail_nomem(err);
	intake->dirfd = dirfd;
	for (size_t i = 0; i < TRB_INTAKE_STREAMS; i++)
		intake->streams[i].fd = -1;
	*ret = intake;
	return TRB_OK;
}

static void stream_clear(struct intake_stream *stream)
{
	if (stream->fd >= 0)
		close(stream->fd);
	EVP_MD_CTX_free(stream->hash);
	trb_reader_clear(&stream->head);
	*stream = (struct intake_stream){ .fd = -1 };
}

struct trb_intake *trb_intake_free(struct trb_intake *intake)
{
	if (intake == NULL)
		return NULL;
	for (size_t i = 0; i < TRB_INTAKE_STREAMS; i++)
		stream_clear(&intake->streams[i]);
	for (size_t i = 0; i < intake->n_files; i++)
		trb_intake_file_clear(intake->dirfd, &intake->files[i]);
	free(intake);
	return NULL;
}

void trb_intake_open(struct trb_intake *intake, bool attested, bool unattested)
{
	intake->open[TRB_FILE_ARTIFACT] = attested;
	intake->open[TRB_FILE_UNATTESTED] = unattested;
}

static struct intake_stream *find_stream(const struct trb_intake *intake, int fd)
{
	for (size_t i = 0; i < TRB_INTAKE_STREAMS; i++)
		if (intake->streams[i].fd == fd)
			return (struct intake_stream *)&intake->streams[i];
	return NULL;
}

bool trb_intake_has(const struct trb_intake *intake, int fd)
{
	return fd >= 0 && find_stream(intake, fd) != NULL;
}

int trb_intake_add(struct trb_intake *intake, int fd, trb_error **err)
{
	struct intake_stream *stream = find_stream(intake, -1);

	if (stream == NULL) {
		close(fd);
		return trb_fail_check(err, TRB_E_LIMIT, CHECK,
				      "the enclave sends more than %u files at a time",
				      TRB_INTAKE_STREAMS);
	}
	*stream = (struct intake_stream){ .fd = fd };
	trb_reader_init(&stream->head, TRB_FILE_HEAD_MAX);
	return TRB_OK;
}

static int parse_head(trb_bytes bytes, struct intake_file *file, trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *owner = NULL;
	struct trb_file_head head;
	int r = trb_file_head_decode(bytes, &head, &owner, err);

	if (r < 0)
		return r;
	file->kind = head.kind;
	file->size = head.size;
	file->name = strndup((const char *)head.name.ptr, head.name.len);
	return file->name != NULL ? TRB_OK : trb_fail_nomem(err);
}

static int check_head(const struct trb_intake *intake, const struct intake_file *file,
		      trb_error **err)
{
	if (!intake->open[file->kind])
		return trb_fail_check(err, TRB_E_FORMAT, CHECK,
				      "the enclave sends a file at the wrong time");
	if (file->kind == TRB_FILE_ARTIFACT && strncmp(file->name, TRB_UNATTESTED "/", 11) == 0)
		return trb_fail_check(err, TRB_E_ARTIFACT, "artifact.name",
				      "artifact '%s': '%s/' is for what is not attested",
				      file->name, TRB_UNATTESTED);
	for (size_t i = 0; i < intake->n_files; i++)
		if (intake->files[i].kind == file->kind &&
		    strcmp(intake->files[i].name, file->name) == 0)
			return trb_fail_check(err, TRB_E_ARTIFACT, "artifact.name",
					      "artifact '%s' comes twice", file->name);
	if (file->size > TRB_INTAKE_BYTES - intake->bytes)
		return trb_fail_check(err, TRB_E_LIMIT, CHECK,
				      "artifacts of more than %llu bytes in all",
				      (unsigned long long)TRB_INTAKE_BYTES);
	return TRB_OK;
}

static int begin_hash(struct intake_stream *stream, trb_error **err)
{
	TRB_CRYPTO_SCOPE;

	stream->hash = EVP_MD_CTX_new();
	if (stream->hash == NULL || EVP_DigestInit_ex(stream->hash, EVP_sha256(), NULL) != 1)
		return trb_fail_nomem(err);
	return TRB_OK;
}

static int begin_file(struct trb_intake *intake, struct intake_stream *stream, trb_bytes head,
		      trb_error **err)
{
	struct intake_file file = { .fd = -1 };
	size_t kind_count = 0;
	int r = parse_head(head, &file, err);

	if (r == TRB_OK)
		r = check_head(intake, &file, err);
	for (size_t i = 0; r == TRB_OK && i < intake->n_files; i++)
		kind_count += intake->files[i].kind == file.kind;
	if (r == TRB_OK && kind_count == TRB_ARTIFACTS_MAX)
		r = trb_fail_check(err, TRB_E_LIMIT, CHECK, "more than %u artifacts",
				   TRB_ARTIFACTS_MAX);
	if (r == TRB_OK && intake->dirfd >= 0)
		r = trb_intake_file_open(intake->dirfd, &file, err);
	if (r == TRB_OK)
		r = begin_hash(stream, err);
	if (r < 0) {
		trb_intake_file_clear(intake->dirfd, &file);
		return r;
	}
	intake->bytes += file.size;
	stream->file = intake->n_files;
	stream->left = file.size;
	intake->files[intake->n_files++] = file;
	return TRB_OK;
}

static int store(const struct intake_file *file, struct intake_stream *stream, trb_bytes bytes,
		 trb_error **err)
{
	TRB_CRYPTO_SCOPE;
	int r = TRB_OK;

	if (EVP_DigestUpdate(stream->hash, bytes.ptr, bytes.len) != 1)
		return trb_fail_nomem(err);
	if (file->fd >= 0)
		r = trb_write_full(file->fd, bytes, err);
	if (r < 0)
		return trb_wrap(err, r, "store artifact '%s'", file->name);
	stream->left -= bytes.len;
	return TRB_OK;
}

static int finish_file(struct trb_intake *intake, struct intake_stream *stream, trb_error **err)
{
	TRB_CRYPTO_SCOPE;
	struct intake_file *file = &intake->files[stream->file];
	const uint8_t ack = TRB_FILE_STORED;
	ssize_t sent;

	if (EVP_DigestFinal_ex(stream->hash, file->digest, NULL) != 1)
		return trb_fail_nomem(err);
	file->whole = true;
	do
		sent = send(stream->fd, &ack, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent != 1)
		return trb_fail_errno(err, errno, "acknowledge artifact '%s'", file->name);
	return TRB_OK;
}

/* Up to STEP_BYTES, so that other streams get their turn. */
static int read_body(struct trb_intake *intake, struct intake_stream *stream, trb_error **err)
{
	const struct intake_file *file = &intake->files[stream->file];
	uint8_t chunk[CHUNK];

	for (size_t done = 0; stream->left > 0 && done < STEP_BYTES;) {
		size_t n = stream->left < CHUNK ? (size_t)stream->left : CHUNK;
		ssize_t got = recv(stream->fd, chunk, n, MSG_DONTWAIT);
		int r;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return TRB_E_AGAIN;
		if (got < 0)
			return trb_fail_errno(err, errno, "receive artifact '%s'", file->name);
		if (got == 0)
			return trb_fail_check(err, TRB_E_ARTIFACT, "artifact.digest",
					      "artifact '%s' ends %llu bytes early", file->name,
					      (unsigned long long)stream->left);
		r = store(file, stream, TRB_BYTES(chunk, got), err);
		if (r < 0)
			return r;
		done += (size_t)got;
	}
	return stream->left > 0 ? TRB_E_AGAIN : TRB_OK;
}

int trb_intake_step(struct trb_intake *intake, int fd, bool *ret_closed, trb_error **err)
{
	struct intake_stream *stream = find_stream(intake, fd);
	int r = TRB_OK;

	*ret_closed = false;
	if (stream->hash == NULL) {
		_cleanup_(trb_blob_unrefp) trb_blob *head = NULL;

		r = trb_reader_step(&stream->head, fd, &head, err);
		if (r == TRB_OK)
			r = begin_file(intake, stream, trb_blob_bytes(head), err);
	}
	if (r == TRB_OK)
		r = read_body(intake, stream, err);
	if (r == TRB_OK)
		r = finish_file(intake, stream, err);
	if (r == TRB_E_AGAIN)
		return TRB_OK;
	if (r == TRB_E_DONE) /* connected, said nothing, left */
		r = trb_wrap(err, TRB_E_FORMAT, "artifact's stream");
	stream_clear(stream);
	*ret_closed = true;
	return r;
}

static struct intake_file *find_file(struct trb_intake *intake, trb_bytes name)
{
	for (size_t i = 0; i < intake->n_files; i++)
		if (intake->files[i].kind == TRB_FILE_ARTIFACT &&
		    trb_bytes_eq_str(name, intake->files[i].name))
			return &intake->files[i];
	return NULL;
}

int trb_intake_check(struct trb_intake *intake, const struct trb_artifacts *list, trb_error **err)
{
	size_t attested = 0;

	for (size_t i = 0; i < intake->n_files; i++) {
		if (!intake->files[i].whole)
			return trb_fail_check(err, TRB_E_ARTIFACT, "artifact.digest",
					      "artifact '%s' is not whole", intake->files[i].name);
		attested += intake->files[i].kind == TRB_FILE_ARTIFACT;
	}
	for (size_t i = 0; i < list->n; i++) {
		const struct trb_artifact *entry = &list->entries[i];
		struct intake_file *file = find_file(intake, entry->name);

		if (file == NULL)
			return trb_fail_check(err, TRB_E_ARTIFACT, "artifact.name",
					      "artifact '%.*s' is attested, but was not sent",
					      (int)entry->name.len, (const char *)entry->name.ptr);
		if (file->size != entry->size || memcmp(file->digest, entry->digest, 32) != 0)
			return trb_fail_check(err, TRB_E_ARTIFACT, "artifact.digest",
					      "artifact '%s' is not what is attested", file->name);
		file->program = entry->mode == TRB_MODE_PROGRAM;
	}
	if (attested != list->n)
		return trb_fail_check(err, TRB_E_ARTIFACT, "artifact.name",
				      "%zu artifacts were sent, %zu are attested", attested,
				      list->n);
	return TRB_OK;
}
