/* SPDX-License-Identifier: Apache-2.0 */
/* What a job keeps in the output directory, so that it can go on after a crash. */
#include "host/job_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "core/io.h"
#include "host/job_names.h"

#define RECORD "job.json"
#define TRIES  16u

enum found { NOTHING, SAVED, BUSY };

void trb_job_store_clear(struct trb_job_store *store)
{
	if (store->dir >= 0)
		close(store->dir);
	if (store->out >= 0)
		close(store->out);
	free(store->name);
	*store = TRB_JOB_STORE_NONE;
}

/* Of this user alone: another one's, or what a build has made, is none. */
static int open_ours(int out, const char *name)
{
	int fd = openat(out, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && st.st_uid == geteuid() && (st.st_mode & 077) == 0)
		return fd;
	close(fd);
	return -1;
}

static bool is_saved(int dir)
{
	return faccessat(dir, RECORD, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Where files have no locks, nobody can tell a dead process's from a living one's: all are kept. */
static bool no_locks(void)
{
	return errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL || errno == ENOLCK;
}

static int compare_names(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_candidate(const struct dirent *entry)
{
	return strncmp(entry->d_name, TRB_JOB_PREFIX, strlen(TRB_JOB_PREFIX)) == 0;
}

static void free_names(struct dirent **names, int n)
{
	for (int i = 0; i < n; i++)
		free(names[i]);
	free(names);
}

/* Looks at one; what is neither saved nor somebody's goes.  *ret_dir is a saved one's, locked. */
static enum found look_at(int out, const char *name, int *ret_dir)
{
	_cleanup_close_ int dir = open_ours(out, name);

	if (dir < 0)
		return NOTHING;
	if (flock(dir, LOCK_EX | LOCK_NB) < 0 && !(no_locks() && is_saved(dir)))
		return is_saved(dir) ? BUSY : NOTHING;
	if (is_saved(dir)) {
		*ret_dir = steal_fd(&dir);
		return SAVED;
	}
	trb_remove_tree(out, name, NULL);
	return NOTHING;
}

/* The first saved one that is nobody's; else *ret_busy is whether somebody has one. */
static int scan(int out, char **ret_name, int *ret_dir, bool *ret_busy, trb_error **err)
{
	struct dirent **names;
	int n = scandirat(out, ".", &names, is_candidate, compare_names), r = TRB_OK;

	*ret_busy = false;
	if (n < 0)
		return trb_fail_errno(err, errno, "read the output directory");
	for (int i = 0; i < n && r == TRB_OK && *ret_name == NULL; i++) {
		enum found found = look_at(out, names[i]->d_name, ret_dir);

		*ret_busy = *ret_busy || found == BUSY;
		if (found == SAVED && (*ret_name = strdup(names[i]->d_name)) == NULL) {
			close(steal_fd(ret_dir));
			r = trb_fail_nomem(err);
		}
	}
	free_names(names, n);
	return r;
}

static int refuse_saved(int out, trb_error **err)
{
	_cleanup_free_ char *name = NULL;
	_cleanup_close_ int dir = -1;
	bool busy;
	int r = scan(out, &name, &dir, &busy, err);

	if (r < 0 || name == NULL)
		return r;
	return trb_fail(err, TRB_E_STATE,
			"a build that has ended well is saved in the output directory and was not "
			"published or placed: resume it, or remove '%s' there",
			name);
}

/* 1: ours, and locked; 0: whoever looks for dead ones was faster; else an error. */
static int try_make(int out, struct trb_job_store *store, trb_error **err)
{
	uint8_t bytes[8];
	char hex[17];
	struct stat st;

	if (getentropy(bytes, sizeof(bytes)) < 0)
		return trb_fail_errno(err, errno, "make a name of random bytes");
	trb_hex_encode(TRB_BYTES(bytes, sizeof(bytes)), hex);
	if (asprintf(&store->name, TRB_JOB_PREFIX "%s", hex) < 0) {
		store->name = NULL;
		return trb_fail_nomem(err);
	}
	if (mkdirat(out, store->name, 0700) < 0)
		return trb_fail_errno(err, errno, "make a directory in the output directory");
	store->dir = open_ours(out, store->name);
	return store->dir >= 0 && (flock(store->dir, LOCK_EX | LOCK_NB) == 0 || no_locks()) &&
	       fstat(store->dir, &st) == 0 && st.st_nlink > 0;
}

int trb_job_store_make(int out, struct trb_job_store *ret, trb_error **err)
{
	struct trb_job_store store = { .out = out, .dir = -1 };
	int r = refuse_saved(out, err);

	for (unsigned tries = 0; r == TRB_OK && tries < TRIES; tries++) {
		int made = try_make(out, &store, err);

		if (made > 0) {
			*ret = store;
			return TRB_OK;
		}
		r = made;
		store.out = -1;
		trb_job_store_clear(&store);
		store.out = out;
	}
	trb_job_store_clear(&store);
	return r < 0 ? r
		     : trb_fail(err, TRB_E_IO,
				"others take each new directory in the output directory");
}

int trb_job_store_find(int out, struct trb_job_store *ret, trb_error **err)
{
	struct trb_job_store store = { .out = out, .dir = -1 };
	bool busy;
	int r = scan(out, &store.name, &store.dir, &busy, err);

	if (r == TRB_OK && store.name == NULL)
		r = busy ? trb_fail(err, TRB_E_STATE,
				    "another process works on the job in the output directory")
			 : trb_fail(err, TRB_E_NOTFOUND, "no job is saved in the output directory");
	if (r < 0)
		trb_job_store_clear(&store);
	else
		*ret = store;
	return r;
}

int trb_job_store_save_bundle(const struct trb_job_store *store, const trb_bundle *bundle,
			      trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *json = NULL;
	int r = trb_bundle_encode(bundle, &json, err);

	return r == TRB_OK
		       ? trb_write_file(store->dir, TRB_JOB_BUNDLE, trb_blob_bytes(json), 0644, err)
		       : r;
}

int trb_job_store_save(const struct trb_job_store *store, const trb_bundle *bundle,
		       const struct trb_job_files *files, trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *record = NULL;
	int r = trb_job_record_encode(files, &record, err);

	if (r == TRB_OK)
		r = trb_job_store_save_bundle(store, bundle, err);
	if (r == TRB_OK && trb_sync_fd(store->out) < 0)
		r = trb_fail_errno(err, errno, "flush the output directory");
	if (r == TRB_OK)
		r = trb_write_file(store->dir, RECORD, trb_blob_bytes(record), 0600, err);
	return r < 0 ? trb_wrap(err, r, "save the build") : TRB_OK;
}

int trb_job_store_load(const struct trb_job_store *store, struct trb_job_files *ret_files,
		       trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *record = NULL;
	int r = trb_read_file(store->dir, RECORD, TRB_JOB_RECORD_MAX, &record, err);

	return r == TRB_OK ? trb_job_record_decode(trb_blob_bytes(record), ret_files, err) : r;
}

int trb_job_store_remove(const struct trb_job_store *store, trb_error **err)
{
	if (unlinkat(store->dir, RECORD, 0) < 0 && errno != ENOENT)
		return trb_fail_errno(err, errno, "remove the record of the saved build");
	return trb_remove_tree(store->out, store->name, err);
}
