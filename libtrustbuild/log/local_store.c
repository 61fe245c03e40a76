/* SPDX-License-Identifier: Apache-2.0 */
/* Files of a local log's directory. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "core/io.h"
#include "log/local.h"

#define SCRATCH ".state/scratch"

int trb_local_lock(struct trb_local *log, int *ret_fd, trb_error **err)
{
	_cleanup_close_ int fd =
		openat(log->fd, ".state/lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int r;

	if (fd < 0)
		return trb_fail_errno(err, errno, "open '%s/.state/lock'", log->dir);
	r = trb_lock_fd(log->context, fd, err);
	if (r < 0)
		return trb_wrap(err, r, "lock '%s'", log->dir);
	*ret_fd = steal_fd(&fd);
	return TRB_OK;
}

static int sync_folder(struct trb_local *log, const char *path, trb_error **err)
{
	_cleanup_close_ int fd = openat(log->fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || trb_sync_fd(fd) < 0)
		return trb_fail_errno(err, errno, "flush folder '%s/%s'", log->dir, path);
	return TRB_OK;
}

/* Makes the folders above path; each new name is on disk before something stands below it. */
static int make_folders(struct trb_local *log, const char *path, trb_error **err)
{
	char part[TRB_TILE_PATH + 16], above[TRB_TILE_PATH + 16] = ".";

	for (const char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		int r = TRB_OK;

		snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
		if (mkdirat(log->fd, part, 0755) == 0) {
			/* whatever the umask: to be served */
			if (fchmodat(log->fd, part, 0755, 0) < 0)
				r = trb_fail_errno(err, errno, "open up folder '%s/%s'", log->dir,
						   part);
			else
				r = sync_folder(log, above, err);
		} else if (errno != EEXIST) {
			r = trb_fail_errno(err, errno, "create folder '%s/%s'", log->dir, part);
		}
		if (r < 0)
			return r;
		memcpy(above, part, sizeof(above));
	}
	return TRB_OK;
}

static int write_scratch(struct trb_local *log, trb_bytes bytes, trb_error **err)
{
	_cleanup_close_ int fd = -1;
	int r;

	/* whatever a killed writer left there */
	unlinkat(log->fd, SCRATCH, 0);
	fd = openat(log->fd, SCRATCH, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return trb_fail_errno(err, errno, "create '%s/%s'", log->dir, SCRATCH);
	r = trb_write_full(fd, bytes, err);
	if (r < 0)
		return r;
	if (fchmod(fd, 0644) < 0 || trb_sync_fd(fd) < 0)
		return trb_fail_errno(err, errno, "flush '%s/%s'", log->dir, SCRATCH);
	return TRB_OK;
}

int trb_local_put(struct trb_local *log, const char *path, trb_bytes bytes, trb_error **err)
{
	char folder[TRB_TILE_PATH + 16] = ".";
	const char *slash = strrchr(path, '/');
	int r = make_folders(log, path, err);

	if (r == TRB_OK)
		r = write_scratch(log, bytes, err);
	if (r == TRB_OK && renameat(log->fd, SCRATCH, log->fd, path) < 0)
		r = trb_fail_errno(err, errno, "rename to '%s/%s'", log->dir, path);
	if (r < 0) {
		unlinkat(log->fd, SCRATCH, 0);
		return trb_wrap(err, r, "write '%s' of the log", path);
	}
	if (slash != NULL)
		snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
	return sync_folder(log, folder, err);
}

static int read_tile(struct trb_local *log, struct trb_tile tile, size_t max, trb_blob **ret,
		     trb_error **err)
{
	_cleanup_(trb_error_unrefp) trb_error *why = NULL;
	char path[TRB_TILE_PATH];
	int r;

	trb_tile_path(&tile, path);
	r = trb_read_file(log->fd, path, max, ret, &why);
	if (r == TRB_E_NOTFOUND && tile.width < TRB_TILE_WIDTH) {
		/* partial ones go when the full one is there */
		why = trb_error_unref(why);
		tile.width = TRB_TILE_WIDTH;
		trb_tile_path(&tile, path);
		r = trb_read_file(log->fd, path, max, ret, &why);
	}
	if (r == TRB_E_NOTFOUND)
		return trb_fail_check(err, TRB_E_LOG, "log.inclusion", "the log lacks '%s/%s'",
				      log->dir, path);
	if (r < 0)
		return trb_fail(err, r, "%s", trb_error_message(why));
	return TRB_OK;
}

int trb_local_tile(struct trb_local *log, unsigned level, uint64_t index, uint64_t size,
		   trb_blob **ret, trb_error **err)
{
	struct trb_tile tile = { .level = level,
				 .index = index,
				 .width = trb_tile_width(level, index, size) };
	_cleanup_(trb_blob_unrefp) trb_blob *blob = NULL;
	trb_bytes bytes;
	int r;

	if (tile.width == 0)
		return trb_fail(err, TRB_E_INVAL, "no tile %u/%llu", level,
				(unsigned long long)index);
	r = read_tile(log, tile, TRB_TILE_BYTES, &blob, err);
	if (r < 0)
		return r;
	bytes = trb_blob_bytes(blob);
	if (bytes.len == tile.width * 32) {
		*ret = steal_ptr(&blob);
		return TRB_OK;
	}
	if (bytes.len != TRB_TILE_BYTES)
		return trb_fail_check(err, TRB_E_LOG, "log.inclusion",
				      "tile %u/%llu of '%s' has %zu bytes", level,
				      (unsigned long long)index, log->dir, bytes.len);
	return trb_blob_new(TRB_BYTES(bytes.ptr, tile.width * 32), ret, err);
}

int trb_local_bundle(struct trb_local *log, uint64_t index, uint64_t size, trb_blob **ret,
		     trb_error **err)
{
	struct trb_tile tile = { .entries = true,
				 .index = index,
				 .width = trb_tile_width(0, index, size) };
	_cleanup_(trb_blob_unrefp) trb_blob *blob = NULL;
	trb_bytes all, rest, entry;
	int r;

	if (tile.width == 0)
		return trb_fail(err, TRB_E_INVAL, "no entries %llu", (unsigned long long)index);
	r = read_tile(log, tile, TRB_ENTRY_BUNDLE_BYTES, &blob, err);
	if (r < 0)
		return r;
	all = rest = trb_blob_bytes(blob);
	for (unsigned i = 0; i < tile.width; i++)
		if (!trb_tile_next_entry(&rest, &entry))
			return trb_fail_check(err, TRB_E_LOG, "log.inclusion",
					      "entries %llu of '%s' end after %u of %u",
					      (unsigned long long)index, log->dir, i, tile.width);
	if (rest.len == 0) {
		*ret = steal_ptr(&blob);
		return TRB_OK;
	}
	return trb_blob_new(TRB_BYTES(all.ptr, all.len - rest.len), ret, err);
}

static int tile_of(void *user, unsigned level, uint64_t index, uint64_t size, trb_blob **ret,
		   trb_error **err)
{
	return trb_local_tile(user, level, index, size, ret, err);
}

struct trb_tiles trb_local_tiles(struct trb_local *log, uint64_t size)
{
	return (struct trb_tiles){ .tile = tile_of, .user = log, .size = size };
}

int trb_local_checkpoint(void *self, trb_blob **ret, trb_error **err)
{
	struct trb_local *log = self;
	int r = trb_read_file(log->fd, "checkpoint", TRB_NOTE_MAX, ret, err);

	return r < 0 ? trb_wrap(err, r, "the checkpoint of the log '%s'", log->dir) : TRB_OK;
}
