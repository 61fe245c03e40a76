/* SPDX-License-Identifier: Apache-2.0 */
/* Files and descriptors: whole reads and writes, locks, trees. */
#include "core/io.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#include "core/context.h"

/* How long to wait for a lock before asking again: doubled up to the last. */
#define LOCK_FIRST_NS 250000L
#define LOCK_LAST_NS  32000000L

/* Of the temporary file beside the one that is written: NAME.HEX.tmp. */
#define TEMPORARY_HEX   16
#define TEMPORARY_TRIES 16

int trb_read_full(int fd, void *buf, size_t n, trb_error **err)
{
	for (size_t done = 0; done < n;) {
		ssize_t got = read(fd, (char *)buf + done, n - done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return trb_fail_errno(err, errno, "read %zu bytes", n);
		if (got == 0)
			return trb_fail(err, TRB_E_IO, "end after %zu of %zu bytes", done, n);
		done += (size_t)got;
	}
	return TRB_OK;
}

int trb_lock_fd(trb_context *context, int fd, trb_error **err)
{
	struct timespec pause = { .tv_nsec = LOCK_FIRST_NS };

	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		int r;

		if (errno != EWOULDBLOCK && errno != EINTR)
			return trb_fail_errno(err, errno, "lock");
		r = trb_check_canceled(context, err);
		if (r < 0)
			return r;
		nanosleep(&pause, NULL);
		if (pause.tv_nsec < LOCK_LAST_NS)
			pause.tv_nsec *= 2;
	}
	return TRB_OK;
}

int trb_pread_full(int fd, void *buf, size_t n, uint64_t offset, trb_error **err)
{
	for (size_t done = 0; done < n;) {
		ssize_t got = pread(fd, (char *)buf + done, n - done, (off_t)(offset + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return trb_fail_errno(err, errno, "read %zu bytes at %llu", n,
					      (unsigned long long)offset);
		if (got == 0)
			return trb_fail(err, TRB_E_IO, "file ends at %llu, wanted %zu bytes more",
					(unsigned long long)(offset + done), n - done);
		done += (size_t)got;
	}
	return TRB_OK;
}

int trb_write_full(int fd, trb_bytes bytes, trb_error **err)
{
	while (bytes.len > 0) {
		ssize_t put = write(fd, bytes.ptr, bytes.len);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return trb_fail_errno(err, errno, "write %zu bytes", bytes.len);
		trb_bytes_take(&bytes, (size_t)put);
	}
	return TRB_OK;
}

static int check_secret(const struct stat *st, const char *path, trb_error **err)
{
	if (st->st_uid != geteuid())
		return trb_fail(err, TRB_E_STATE,
				"the private key '%s' belongs to user %lu, and this is user %lu: "
				"run this as its owner, or change that with chown",
				path, (unsigned long)st->st_uid, (unsigned long)geteuid());
	if ((st->st_mode & 077) != 0)
		return trb_fail(err, TRB_E_STATE,
				"the private key '%s' is open to others (mode %04o): make a new "
				"one if somebody may have read it, else chmod 600 it",
				path, st->st_mode & 07777);
	return TRB_OK;
}

static int read_regular(int dirfd, const char *path, size_t max, bool secret, trb_blob **ret,
			trb_error **err)
{
	_cleanup_close_ int fd =
		openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	_cleanup_buf_ struct trb_buf buf = { 0 };
	struct stat st;
	int r;

	if (fd < 0)
		return trb_fail_errno(err, errno, "open '%s'", path);
	if (fstat(fd, &st) < 0)
		return trb_fail_errno(err, errno, "stat '%s'", path);
	if (!S_ISREG(st.st_mode))
		return trb_fail(err, TRB_E_FORMAT, "'%s' is not a regular file", path);
	r = secret ? check_secret(&st, path, err) : TRB_OK;
	if (r < 0)
		return r;
	trb_buf_init(&buf, max);
	for (;;) {
		uint8_t chunk[16384];
		ssize_t got = read(fd, chunk, sizeof(chunk));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return trb_fail_errno(err, errno, "read '%s'", path);
		if (got == 0)
			break;
		if (trb_buf_add(&buf, TRB_BYTES(chunk, got)) < 0)
			break;
	}
	return trb_buf_to_blob(&buf, path, ret, err);
}

int trb_read_file(int dirfd, const char *path, size_t max, trb_blob **ret, trb_error **err)
{
	return read_regular(dirfd, path, max, false, ret, err);
}

int trb_read_secret(int dirfd, const char *path, size_t max, trb_blob **ret, trb_error **err)
{
	return read_regular(dirfd, path, max, true, ret, err);
}

int trb_sync_fd(int fd)
{
	int r;

	do
		r = fsync(fd);
	while (r < 0 && errno == EINTR);
	return r;
}

/* The directory of path; *ret_base is the name in it. */
static int open_parent(int dirfd, const char *path, const char **ret_base, trb_error **err)
{
	_cleanup_free_ char *parent = strdup(path);
	char *slash;
	int fd;

	if (parent == NULL)
		return trb_fail_nomem(err);
	slash = strrchr(parent, '/');
	*ret_base = slash != NULL ? path + (slash + 1 - parent) : path;
	if (slash != NULL)
		slash[slash == parent ? 1 : 0] = '\0';
	fd = openat(dirfd, slash != NULL ? parent : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 ? fd : trb_fail_errno(err, errno, "open the directory of '%s'", path);
}

static bool is_temporary(const char *name, const char *base)
{
	size_t n = strlen(base);

	return strncmp(name, base, n) == 0 && name[n] == '.' &&
	       strspn(name + n + 1, "0123456789abcdef") == TEMPORARY_HEX &&
	       strcmp(name + n + 1 + TEMPORARY_HEX, ".tmp") == 0;
}

/* A temporary file whose lock can be had is of nobody that lives. */
static void sweep_temporary(int parent, const char *name)
{
	_cleanup_close_ int fd =
		openat(parent, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
	    flock(fd, LOCK_EX | LOCK_NB) == 0)
		unlinkat(parent, name, 0);
}

/* A directory that may be written to and not read keeps what it has. */
static int sweep_temporaries(int parent, const char *base, trb_error **err)
{
	int fd = openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	int failed = dir == NULL && errno != EACCES ? errno : 0;
	struct dirent *entry;

	if (dir == NULL && fd >= 0)
		close(fd);
	if (dir != NULL) {
		while (errno = 0, (entry = readdir(dir)) != NULL)
			if (is_temporary(entry->d_name, base))
				sweep_temporary(parent, entry->d_name);
		failed = errno;
		closedir(dir);
	}
	return failed == 0 ? TRB_OK
			   : trb_fail_errno(err, failed, "read the directory of '%s'", base);
}

/* 1: locked; 0: whoever sweeps was faster, and has the file or has removed it; else -errno.  Where
 * files have no locks, nobody can sweep. */
static int lock_temporary(int fd)
{
	struct stat st;

	if (TEMP_FAILURE_RETRY(flock(fd, LOCK_EX | LOCK_NB)) < 0 && errno != EOPNOTSUPP &&
	    errno != ENOSYS && errno != EINVAL)
		return errno == EWOULDBLOCK ? 0 : -errno;
	return fstat(fd, &st) < 0 ? -errno : st.st_nlink > 0;
}

/* Makes a file of a name that is never given again, and locks it. */
static int make_temporary(int parent, const char *base, mode_t mode, char **ret_name,
			  trb_error **err)
{
	for (unsigned tries = 0; tries < TEMPORARY_TRIES; tries++) {
		_cleanup_free_ char *name = NULL;
		_cleanup_close_ int fd = -1;
		char hex[TEMPORARY_HEX + 1];
		uint8_t bytes[TEMPORARY_HEX / 2];
		int locked;

		if (getentropy(bytes, sizeof(bytes)) < 0)
			return trb_fail_errno(err, errno, "make a name of random bytes");
		trb_hex_encode(TRB_BYTES(bytes, sizeof(bytes)), hex);
		if (asprintf(&name, "%s.%s.tmp", base, hex) < 0)
			return trb_fail_nomem(err);
		fd = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
			    mode);
		if (fd < 0)
			return trb_fail_errno(err, errno, "create '%s'", name);
		locked = lock_temporary(fd);
		if (locked <= 0)
			unlinkat(parent, name, 0);
		if (locked < 0)
			return trb_fail_errno(err, -locked, "lock '%s'", name);
		if (locked == 0)
			continue;
		*ret_name = steal_ptr(&name);
		return steal_fd(&fd);
	}
	return trb_fail(err, TRB_E_STATE, "others lock each new file beside '%s'", base);
}

static int fill_and_name(int parent, const char *base, const char *temporary, int fd,
			 trb_bytes bytes, trb_error **err)
{
	int r = trb_write_full(fd, bytes, err);

	if (r < 0)
		return r;
	if (trb_sync_fd(fd) < 0)
		return trb_fail_errno(err, errno, "flush '%s'", temporary);
	if (renameat(parent, temporary, parent, base) < 0)
		return trb_fail_errno(err, errno, "rename to '%s'", base);
	return TRB_OK;
}

int trb_write_file(int dirfd, const char *path, trb_bytes bytes, mode_t mode, trb_error **err)
{
	_cleanup_free_ char *temporary = NULL;
	_cleanup_close_ int parent = -1, fd = -1;
	const char *base;
	int r;

	parent = open_parent(dirfd, path, &base, err);
	if (parent < 0)
		return parent;
	r = sweep_temporaries(parent, base, err);
	if (r < 0)
		return trb_wrap(err, r, "write '%s'", path);
	fd = make_temporary(parent, base, mode, &temporary, err);
	if (fd < 0)
		return trb_wrap(err, fd, "write '%s'", path);
	r = fill_and_name(parent, base, temporary, fd, bytes, err);
	if (r < 0) {
		unlinkat(parent, temporary, 0);
		return trb_wrap(err, r, "write '%s'", path);
	}
	if (trb_sync_fd(parent) < 0)
		return trb_fail_errno(err, errno, "flush the directory of '%s'", path);
	return TRB_OK;
}

int trb_mkdirs(const char *path, trb_error **err)
{
	_cleanup_free_ char *copy = strdup(path);

	if (copy == NULL)
		return trb_fail_nomem(err);
	for (char *p = copy + 1;; p++) {
		char c = *p;

		if (c != '/' && c != '\0')
			continue;
		*p = '\0';
		if (mkdir(copy, 0700) < 0 && errno != EEXIST)
			return trb_fail_errno(err, errno, "create directory '%s'", copy);
		*p = c;
		if (c == '\0')
			return TRB_OK;
	}
}

int trb_check_closed_dir(int fd, const char *path, trb_error **err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return trb_fail_errno(err, errno, "stat '%s'", path);
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return trb_fail(err, TRB_E_STATE,
				"others may write to the directory '%s' (mode %04o): look at what "
				"they may have put there, then chmod go-w it, or use another one",
				path, st.st_mode & 07777);
	return TRB_OK;
}

static int check_own_dir(int fd, const char *path, trb_error **err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return trb_fail_errno(err, errno, "stat '%s'", path);
	if (st.st_uid != geteuid())
		return trb_fail(err, TRB_E_STATE,
				"the directory '%s' belongs to user %lu, and this is user %lu: use "
				"another state directory",
				path, (unsigned long)st.st_uid, (unsigned long)geteuid());
	return trb_check_closed_dir(fd, path, err);
}

int trb_open_own_dir(const char *path, int *ret_fd, trb_error **err)
{
	_cleanup_close_ int fd = -1;
	int r = trb_mkdirs(path, err);

	if (r < 0)
		return r;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return trb_fail_errno(err, errno, "open '%s'", path);
	r = check_own_dir(fd, path, err);
	if (r == TRB_OK)
		*ret_fd = steal_fd(&fd);
	return r;
}

#define TREE_DEPTH 256

static int remove_below(int dirfd, const char *name, unsigned depth, trb_error **err)
{
	int fd, r = TRB_OK;
	struct dirent *entry;
	DIR *dir;

	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return TRB_OK;
	if (errno != EISDIR && errno != EPERM)
		return trb_fail_errno(err, errno, "remove '%s'", name);
	if (depth == 0)
		return trb_fail(err, TRB_E_LIMIT, "'%s' is nested too deep to remove", name);
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return trb_fail_errno(err, errno, "open '%s' to remove it", name);
	fchmod(fd, 0700);
	dir = fdopendir(fd);
	if (dir == NULL) {
		close(fd);
		return trb_fail_errno(err, ENOMEM, "read '%s'", name);
	}
	while (r == TRB_OK && (entry = readdir(dir)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			r = remove_below(fd, entry->d_name, depth - 1, err);
	closedir(dir);
	if (r == TRB_OK && unlinkat(dirfd, name, AT_REMOVEDIR) < 0)
		r = trb_fail_errno(err, errno, "remove directory '%s'", name);
	return r;
}

int trb_remove_tree(int dirfd, const char *name, trb_error **err)
{
	return remove_below(dirfd, name, TREE_DEPTH, err);
}
