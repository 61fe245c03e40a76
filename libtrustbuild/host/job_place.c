/* SPDX-License-Identifier: Apache-2.0 */
/* A job's files moved to their places: all, or none. */
#include "host/job_place.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include <openssl/evp.h>

#include "format/crypto.h"
#include "host/beneath.h"

#define BUNDLE_MAX (8u << 20) /* its parser has a ceiling of its own */
#define CHUNK      65536u

/* Of one file: its name among what is saved, that of what it replaces, and where it goes. */
struct item {
	char saved[24], old[32];
	const char *path;
};

/* The bundle comes last: where it is, all are. */
static size_t count(const struct trb_job_placing *in)
{
	return in->files->n + 1;
}

static struct item item_of(const struct trb_job_placing *in, size_t i)
{
	struct item item = { .path = in->bundle_path };

	if (i < in->files->n) {
		item.path = in->files->items[i].path;
		snprintf(item.saved, sizeof(item.saved), "%zu", i);
	} else {
		snprintf(item.saved, sizeof(item.saved), TRB_JOB_BUNDLE);
	}
	snprintf(item.old, sizeof(item.old), "%s.old", item.saved);
	return item;
}

static bool is_there(int dir, const char *name)
{
	return faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Never onto another file; with EEXIST then, also where the file system cannot promise it. */
static int rename_new(int from_dir, const char *from, int to_dir, const char *to)
{
	struct stat st;

	if (renameat2(from_dir, from, to_dir, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	if (fstatat(to_dir, to, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		errno = EEXIST;
		return -1;
	}
	return renameat(from_dir, from, to_dir, to);
}

/* A name that is taken: by what may be replaced, or not. */
static int check_taken(const struct trb_job_placing *in, int parent, const char *base,
		       const char *path, trb_error **err)
{
	struct stat st;

	if (fstatat(parent, base, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? TRB_OK : trb_fail_errno(err, errno, "look for '%s'", path);
	if (S_ISDIR(st.st_mode))
		return trb_fail(err, TRB_E_IO, "'%s' is a directory in the output directory", path);
	if (!in->replace)
		return trb_fail(err, TRB_E_STATE,
				"'%s' is in the output directory already: move it away, or let it "
				"be replaced",
				path);
	return TRB_OK;
}

/* What would fail is found before anything is moved. */
static int look_ahead(const struct trb_job_placing *in, const struct item *item, trb_error **err)
{
	_cleanup_(trb_error_unrefp) trb_error *why = NULL;
	_cleanup_close_ int parent = -1;
	const char *base;
	int r = trb_beneath_parent(in->store->out, item->path, false, &parent, &base, &why);

	if (r == TRB_E_NOTFOUND)
		return TRB_OK; /* its directory will be made */
	if (r < 0)
		return trb_fail(err, r, "%s", trb_error_message(why));
	return check_taken(in, parent, base, item->path, err);
}

static int move_in(const struct trb_job_placing *in, const struct item *item, trb_error **err)
{
	_cleanup_close_ int parent = -1;
	int dir = in->store->dir, r;
	const char *base;

	r = trb_beneath_parent(in->store->out, item->path, true, &parent, &base, err);
	if (r == TRB_OK)
		r = check_taken(in, parent, base, item->path, err);
	if (r < 0)
		return r;
	if (in->replace && renameat(parent, base, dir, item->old) < 0 && errno != ENOENT)
		return trb_fail_errno(err, errno, "replace '%s'", item->path);
	if (rename_new(dir, item->saved, parent, base) < 0)
		return trb_fail_errno(err, errno, "place '%s'", item->path);
	if (trb_sync_fd(parent) < 0)
		return trb_fail_errno(err, errno, "flush the directory of '%s'", item->path);
	return TRB_OK;
}

static int move_out(const struct trb_job_placing *in, const struct item *item, trb_error **err)
{
	bool placed = !is_there(in->store->dir, item->saved);
	bool replaced = is_there(in->store->dir, item->old);
	_cleanup_close_ int parent = -1;
	const char *base;
	int r;

	if (!placed && !replaced)
		return TRB_OK;
	r = trb_beneath_parent(in->store->out, item->path, false, &parent, &base, err);
	if (r < 0)
		return r;
	if (placed && renameat(parent, base, in->store->dir, item->saved) < 0 && errno != ENOENT)
		return trb_fail_errno(err, errno, "take '%s' back", item->path);
	if (replaced && rename_new(in->store->dir, item->old, parent, base) < 0)
		return trb_fail_errno(err, errno, "put what was '%s' back", item->path);
	return TRB_OK;
}

int trb_job_unplace(const struct trb_job_placing *in, trb_error **err)
{
	int r = TRB_OK;

	for (size_t i = count(in); i > 0; i--) {
		struct item item = item_of(in, i - 1);
		int one = move_out(in, &item, r == TRB_OK ? err : NULL);

		r = r == TRB_OK ? one : r;
	}
	return r;
}

static int place_all(const struct trb_job_placing *in, trb_error **err)
{
	int r = TRB_OK;

	for (size_t i = 0; r == TRB_OK && i < count(in); i++) {
		struct item item = item_of(in, i);

		if (is_there(in->store->dir, item.saved))
			r = look_ahead(in, &item, err);
	}
	for (size_t i = 0; r == TRB_OK && i < count(in); i++) {
		struct item item = item_of(in, i);

		if (is_there(in->store->dir, item.saved))
			r = move_in(in, &item, err);
	}
	return r;
}

int trb_job_place(const struct trb_job_placing *in, trb_error **err)
{
	_cleanup_(trb_error_unrefp) trb_error *why = NULL;
	_cleanup_(trb_error_unrefp) trb_error *undo = NULL;
	int r = place_all(in, &why);

	if (r == TRB_OK)
		return TRB_OK;
	if (trb_job_unplace(in, &undo) < 0)
		return trb_fail(err, r,
				"%s; and of what was placed not all could be taken back: %s",
				trb_error_message(why), trb_error_message(undo));
	return trb_fail(err, r, "%s", trb_error_message(why));
}

static int hash_fd(int fd, uint8_t digest[32], uint64_t *ret_size, trb_error **err)
{
	TRB_CRYPTO_SCOPE;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;
	uint8_t chunk[CHUNK];
	ssize_t got = 1;
	int error = 0;

	*ret_size = 0;
	while (good && got > 0) {
		got = TEMP_FAILURE_RETRY(read(fd, chunk, sizeof(chunk)));
		error = got < 0 ? errno : 0;
		good = got <= 0 || EVP_DigestUpdate(ctx, chunk, (size_t)got) == 1;
		*ret_size += got > 0 ? (uint64_t)got : 0;
	}
	good = good && EVP_DigestFinal_ex(ctx, digest, NULL) == 1;
	EVP_MD_CTX_free(ctx);
	if (error != 0)
		return trb_fail_errno(err, error, "read a saved file");
	return good ? TRB_OK : trb_fail_nomem(err);
}

/* Opens the saved file, or the placed one. */
static int open_item(const struct trb_job_placing *in, const struct item *item, int *ret_fd,
		     trb_error **err)
{
	_cleanup_close_ int parent = -1, fd = -1;
	const char *base = item->saved;
	struct stat st;
	int r;

	if (is_there(in->store->dir, item->saved))
		parent = fcntl(in->store->dir, F_DUPFD_CLOEXEC, 3);
	else if ((r = trb_beneath_parent(in->store->out, item->path, false, &parent, &base, err)) <
		 0)
		return r;
	fd = openat(parent, base, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return trb_fail_errno(err, errno, "open '%s'", item->path);
	if (!S_ISREG(st.st_mode))
		return trb_fail(err, TRB_E_IO, "'%s' is not a regular file", item->path);
	*ret_fd = steal_fd(&fd);
	return TRB_OK;
}

static int check_file(const struct trb_job_placing *in, size_t i, trb_error **err)
{
	const struct trb_job_file *file = &in->files->items[i];
	struct item item = item_of(in, i);
	_cleanup_close_ int fd = -1;
	uint8_t digest[32];
	uint64_t size;
	int r = open_item(in, &item, &fd, err);

	if (r == TRB_OK)
		r = hash_fd(fd, digest, &size, err);
	if (r == TRB_OK && (size != file->size || memcmp(digest, file->digest, 32) != 0))
		r = trb_fail_check(err, TRB_E_ARTIFACT, "artifact.digest",
				   "'%s' is not what the job has saved", file->name);
	return r;
}

static const struct trb_job_file *find(const struct trb_job_files *files, trb_bytes name)
{
	for (size_t i = 0; i < files->n; i++)
		if (files->items[i].attested && trb_bytes_eq_str(name, files->items[i].name))
			return &files->items[i];
	return NULL;
}

static int check_list(const struct trb_job_files *files, const struct trb_artifacts *list,
		      trb_error **err)
{
	size_t attested = 0;

	for (size_t i = 0; i < files->n; i++)
		attested += files->items[i].attested;
	for (size_t i = 0; i < list->n; i++) {
		const struct trb_job_file *file = find(files, list->entries[i].name);

		if (file == NULL || file->size != list->entries[i].size ||
		    memcmp(file->digest, list->entries[i].digest, 32) != 0)
			return trb_fail_check(err, TRB_E_ARTIFACT,
					      file == NULL ? "artifact.name" : "artifact.digest",
					      "artifact '%.*s' of the bundle is not what is saved",
					      (int)list->entries[i].name.len,
					      (const char *)list->entries[i].name.ptr);
	}
	if (attested != list->n)
		return trb_fail_check(err, TRB_E_ARTIFACT, "artifact.name",
				      "more is saved than the bundle has artifacts");
	return TRB_OK;
}

int trb_job_place_check(const struct trb_job_placing *in, const trb_bundle *bundle, trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *owner = NULL;
	struct trb_artifacts list = { 0 };
	int r = trb_artifacts_decode(trb_bundle_get_artifacts(bundle), &list, &owner, err);

	if (r == TRB_OK)
		r = check_list(in->files, &list, err);
	trb_artifacts_clear(&list);
	for (size_t i = 0; r == TRB_OK && i < in->files->n; i++)
		r = check_file(in, i, err);
	return r;
}

int trb_job_place_bundle(const struct trb_job_placing *in, trb_bundle **ret, trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *json = NULL;
	struct item item = item_of(in, in->files->n);
	_cleanup_close_ int parent = -1;
	const char *base;
	int r;

	if (is_there(in->store->dir, item.saved))
		r = trb_read_file(in->store->dir, item.saved, BUNDLE_MAX, &json, err);
	else if ((r = trb_beneath_parent(in->store->out, item.path, false, &parent, &base, err)) ==
		 TRB_OK)
		r = trb_read_file(parent, base, BUNDLE_MAX, &json, err);
	return r == TRB_OK ? trb_bundle_parse(trb_blob_bytes(json), ret, err) : r;
}
