/* SPDX-License-Identifier: Apache-2.0 */
/* The state directory is opened, judged, and taken over from an earlier release. */
#include "core/state.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>

#include "core/context.h"
#include "core/io.h"

#define VERSION_NAME "version"
#define VERSION_MAX  32u

/* A number and a newline; 0 where there is no version. */
static int read_version(int dir, const char *path, uint64_t *ret, trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *blob = NULL;
	char text[VERSION_MAX + 1] = "", *end;
	int r;

	*ret = 0;
	if (faccessat(dir, VERSION_NAME, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
		return TRB_OK;
	r = trb_read_file(dir, VERSION_NAME, VERSION_MAX, &blob, err);
	if (r < 0)
		return trb_wrap(err, r, "the version of the state directory '%s'", path);
	memcpy(text, trb_blob_bytes(blob).ptr, trb_blob_bytes(blob).len);
	errno = 0;
	*ret = strtoull(text, &end, 10);
	if (text[0] < '1' || text[0] > '9' || errno != 0 || strcmp(end, "\n") != 0)
		return trb_fail(err, TRB_E_FORMAT,
				"'%s/" VERSION_NAME "' is no version of a state directory: use "
				"another one (TRUSTBUILD_STATE)",
				path);
	return TRB_OK;
}

static int check_version(int dir, const char *path, uint64_t *ret, trb_error **err)
{
	int r = read_version(dir, path, ret, err);

	if (r == TRB_OK && *ret > TRB_STATE_VERSION)
		r = trb_fail(
			err, TRB_E_STATE,
			"the state directory '%s' has version %llu, and this release knows up "
			"to %u: use the later release, or another directory (TRUSTBUILD_STATE)",
			path, (unsigned long long)*ret, TRB_STATE_VERSION);
	return r;
}

static bool is_empty(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;
	size_t n = 0;

	if (entries == NULL) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	while ((entry = readdir(entries)) != NULL)
		n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	closedir(entries);
	return n == 0;
}

/* What 0.1 kept lies where we keep it, so that the number is all there is to do. */
static int take_over(trb_context *context, int dir, const char *path, trb_error **err)
{
	char text[VERSION_MAX];
	int r;

	if (!is_empty(dir))
		trb_tell(context, TRB_LOG_NOTICE,
			 "the state directory '%s' is of an earlier release: taken over, its keys "
			 "and logs stay",
			 path);
	snprintf(text, sizeof(text), "%u\n", TRB_STATE_VERSION);
	r = trb_write_file(dir, VERSION_NAME, trb_bytes_str(text), 0644, err);
	return r < 0 ? trb_wrap(err, r, "take the state directory '%s' over", path) : TRB_OK;
}

int trb_state_open(trb_context *context, const char **ret_path, trb_error **err)
{
	_cleanup_close_ int dir = -1;
	const char *path;
	uint64_t version = 0;
	int r = trb_context_need_state_dir(context, &path, err);

	if (r == TRB_OK)
		r = trb_open_own_dir(path, &dir, err);
	if (r == TRB_OK)
		r = check_version(dir, path, &version, err);
	if (r == TRB_OK && version < TRB_STATE_VERSION)
		r = take_over(context, dir, path, err);
	if (r == TRB_OK)
		*ret_path = path;
	return r;
}

int trb_state_look(trb_context *context, const char **ret_path, trb_error **err)
{
	_cleanup_close_ int dir = -1;
	const char *path;
	uint64_t version;
	int r = trb_context_need_state_dir(context, &path, err);

	if (r < 0)
		return r;
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir >= 0)
		r = trb_check_closed_dir(dir, path, err);
	if (dir >= 0 && r == TRB_OK)
		r = check_version(dir, path, &version, err);
	if (dir < 0 && errno != ENOENT)
		r = trb_fail_errno(err, errno, "open the state directory '%s'", path);
	if (r == TRB_OK)
		*ret_path = path;
	return r;
}
