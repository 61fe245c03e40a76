/* SPDX-License-Identifier: Apache-2.0 */
/* Run directories: made, locked, swept. */
#include "host/tee/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <openssl/rand.h>

#include "core/io.h"
#include "format/crypto.h"

#define PREFIX "run-"

void trb_run_dir_clear(struct trb_run_dir *run)
{
	if (run->parent >= 0)
		close(run->parent);
	if (run->lock >= 0)
		close(run->lock);
	if (run->ports >= 0)
		close(run->ports);
	free(run->address);
	*run = TRB_RUN_DIR_NONE;
}

/* A directory whose lock can be had belongs to nobody that lives. */
static void sweep_one(int parent, const char *name)
{
	_cleanup_close_ int fd =
		openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		trb_remove_tree(parent, name, NULL);
}

static void sweep(int parent)
{
	int fd = openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;

	if (dir == NULL) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(dir)) != NULL)
		if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) == 0)
			sweep_one(parent, entry->d_name);
	closedir(dir);
}

static int open_parent(const char *path, trb_error **err)
{
	int fd = -1, r = trb_open_own_dir(path, &fd, err);

	if (r < 0)
		return r;
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR) {
			int error = errno;

			close(fd);
			return trb_fail_errno(err, error, "lock '%s'", path);
		}
	return fd;
}

static int make_dirs(struct trb_run_dir *run, trb_error **err)
{
	TRB_CRYPTO_SCOPE;
	uint8_t bytes[8];
	char hex[17];

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return trb_fail(err, TRB_E_IO, "no random bytes");
	trb_hex_encode(TRB_BYTES(bytes, sizeof(bytes)), hex);
	snprintf(run->name, sizeof(run->name), PREFIX "%s", hex);
	if (mkdirat(run->parent, run->name, 0700) < 0)
		return trb_fail_errno(err, errno, "make the run directory");
	run->lock = openat(run->parent, run->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (run->lock < 0 || flock(run->lock, LOCK_EX | LOCK_NB) < 0)
		return trb_fail_errno(err, errno, "lock the run directory");
	if (mkdirat(run->lock, "ports", 0700) < 0)
		return trb_fail_errno(err, errno, "make the ports' directory");
	run->ports = openat(run->lock, "ports", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* the enclave's ids may pass; nobody else gets here, past the directory above */
	if (run->ports < 0 || fchmod(run->ports, 0711) < 0)
		return trb_fail_errno(err, errno, "open the ports' directory");
	return TRB_OK;
}

int trb_run_dir_make(const char *state_dir, struct trb_run_dir *ret, trb_error **err)
{
	struct trb_run_dir run = TRB_RUN_DIR_NONE;
	_cleanup_free_ char *path = NULL;
	int r;

	if (asprintf(&path, "%s/run", state_dir) < 0)
		return trb_fail_nomem(err);
	run.parent = open_parent(path, err);
	if (run.parent < 0)
		return run.parent;
	sweep(run.parent);
	r = make_dirs(&run, err);
	flock(run.parent, LOCK_UN);
	if (r == TRB_OK && asprintf(&run.address, "unix:%s/%s/ports", path, run.name) < 0)
		r = trb_fail_nomem(err);
	if (r < 0) {
		trb_remove_tree(run.parent, run.name, NULL);
		trb_run_dir_clear(&run);
		return r;
	}
	*ret = run;
	return TRB_OK;
}
