/* SPDX-License-Identifier: Apache-2.0 */
/* The tree on its file system: written beneath one directory, then sealed. */
#include "enclave/source_tree.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "core/cleanup.h"
#include "core/error.h"
#include "core/io.h"
#include "format/fetch.h"

/* openat2() gives up where anything in the system is renamed or mounted while it goes upwards. */
#define WALK_TRIES 10000
#define NAME_BYTES 256 /* a name of git, at most 255 bytes, with its NUL */

static int name_string(trb_bytes name, char ret[NAME_BYTES], trb_error **err)
{
	if (name.len == 0 || name.len >= NAME_BYTES)
		return trb_fail(err, TRB_E_INVAL, "a name of %zu bytes", name.len);
	memcpy(ret, name.ptr, name.len);
	ret[name.len] = '\0';
	return TRB_OK;
}

/* Two entries of one tree under one name, as a file and as a directory, are a fault of the tree. */
static int fail_make(const char *what, const char *name, trb_error **err)
{
	if (errno == EEXIST)
		return trb_fail_check(err, TRB_E_FORMAT, TRB_CHECK_TREE,
				      "a tree has the entry '%s' twice", name);
	if (errno == ENOSPC || errno == EDQUOT)
		return trb_fail_check(err, TRB_E_LIMIT, TRB_CHECK_LIMIT,
				      "no room left for the source at '%s'", name);
	return trb_fail_errno(err, errno, "%s '%s' of the source", what, name);
}

int trb_tree_open(const char *directory, struct trb_tree_writer *ret, trb_error **err)
{
	struct trb_tree_writer w = TRB_TREE_WRITER_NONE;

	if (asprintf(&w.path, "%s/source-XXXXXX", directory) < 0)
		return trb_fail_nomem(err);
	w.parent = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (w.parent < 0 || mkdtemp(w.path) == NULL) {
		trb_fail_errno(err, errno, "make a directory for the source in '%s'", directory);
		free(w.path);
		trb_closep(&w.parent);
		return TRB_E_IO;
	}
	w.dirs[0] = open(w.path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (w.dirs[0] < 0) {
		trb_fail_errno(err, errno, "open '%s'", w.path);
		trb_tree_remove(&w);
		return TRB_E_IO;
	}
	w.n = 1;
	*ret = w;
	return TRB_OK;
}

int trb_tree_enter(struct trb_tree_writer *w, trb_bytes name, trb_error **err)
{
	int parent = w->dirs[w->n - 1], fd;
	char text[NAME_BYTES];
	int r = name_string(name, text, err);

	if (r < 0)
		return r;
	if (w->n > TRB_TREE_DEPTH_MAX)
		return trb_fail_check(err, TRB_E_LIMIT, TRB_CHECK_LIMIT,
				      "the source has more than %u directories in one another",
				      TRB_TREE_DEPTH_MAX);
	if (mkdirat(parent, text, 0700) < 0)
		return fail_make("make directory", text, err);
	fd = openat(parent, text, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fail_make("open directory", text, err);
	w->dirs[w->n++] = fd;
	return TRB_OK;
}

static int finish_directory(const struct trb_tree_writer *w, int fd, trb_error **err)
{
	const struct timespec times[2] = { { .tv_sec = w->time }, { .tv_sec = w->time } };

	if (fchmod(fd, 0555) < 0 || futimens(fd, times) < 0)
		return trb_fail_errno(err, errno, "seal a directory of the source");
	return TRB_OK;
}

int trb_tree_leave(struct trb_tree_writer *w, trb_error **err)
{
	_cleanup_close_ int fd = w->dirs[--w->n];

	return finish_directory(w, fd, err);
}

int trb_tree_file(struct trb_tree_writer *w, trb_bytes name, trb_bytes body, bool program,
		  trb_error **err)
{
	const struct timespec times[2] = { { .tv_sec = w->time }, { .tv_sec = w->time } };
	_cleanup_close_ int fd = -1;
	char text[NAME_BYTES];
	int r = name_string(name, text, err);

	if (r < 0)
		return r;
	fd = openat(w->dirs[w->n - 1], text, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    0400);
	if (fd < 0)
		return fail_make("make file", text, err);
	while (body.len > 0) {
		ssize_t n = write(fd, body.ptr, body.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail_make("write file", text, err);
		trb_bytes_take(&body, (size_t)n);
	}
	if (fchmod(fd, program ? 0555 : 0444) < 0 || futimens(fd, times) < 0)
		return fail_make("seal file", text, err);
	return TRB_OK;
}

int trb_tree_link(struct trb_tree_writer *w, trb_bytes name, trb_bytes target, trb_error **err)
{
	const struct timespec times[2] = { { .tv_sec = w->time }, { .tv_sec = w->time } };
	_cleanup_free_ char *to = strndup((const char *)target.ptr, target.len);
	int dir = w->dirs[w->n - 1];
	char text[NAME_BYTES];
	int r = name_string(name, text, err);

	if (r < 0)
		return r;
	if (to == NULL)
		return trb_fail_nomem(err);
	if (symlinkat(to, dir, text) < 0 || utimensat(dir, text, times, AT_SYMLINK_NOFOLLOW) < 0)
		return fail_make("make link", text, err);
	return TRB_OK;
}

int trb_tree_walk_link(const struct trb_tree_writer *w, const char *path, trb_error **err)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC,
				.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
	_cleanup_close_ int fd = -1;

	for (unsigned i = 0; fd < 0 && i < WALK_TRIES; i++) {
		fd = (int)syscall(SYS_openat2, w->dirs[0], path, &how, sizeof(how));
		if (fd < 0 && errno != EAGAIN)
			break;
	}
	if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == EIO))
		return trb_fail_errno(err, errno, "follow the link '%s'", path);
	if (fd < 0)
		return trb_fail_check(err, TRB_E_FORMAT, TRB_CHECK_TREE,
				      "the link '%s' does not end inside the tree: %s", path,
				      strerrordesc_np(errno));
	return TRB_OK;
}

/* A read-only mount of the tree on itself, which binds made from it inherit. */
static bool mount_read_only(const char *path)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
					       MOUNT_ATTR_NODEV };
	_cleanup_close_ int fd = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	return fd >= 0 && mount_setattr(fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) == 0 &&
	       move_mount(fd, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) == 0;
}

int trb_tree_seal(struct trb_tree_writer *w, int *ret_fd, trb_error **err)
{
	int fd, r = finish_directory(w, w->dirs[0], err);

	if (r < 0)
		return r;
	w->mounted = mount_read_only(w->path);
	fd = open(w->path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return trb_fail_errno(err, errno, "open the sealed source '%s'", w->path);
	*ret_fd = fd;
	return TRB_OK;
}

void trb_tree_remove(struct trb_tree_writer *w)
{
	while (w->n > 0)
		close(w->dirs[--w->n]);
	if (w->path != NULL) {
		if (w->mounted)
			umount2(w->path, MNT_DETACH | UMOUNT_NOFOLLOW);
		trb_remove_tree(w->parent, strrchr(w->path, '/') + 1, NULL);
	}
	free(w->path);
	trb_closep(&w->parent);
	*w = TRB_TREE_WRITER_NONE;
}
