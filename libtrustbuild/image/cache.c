/* SPDX-License-Identifier: Apache-2.0 */
/* Folders of the image cache: kept while used, pruned by age. */
#include "image/cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "core/io.h"

#define MAX_ENTRIES 4096u
#define MAX_DEPTH   64u
#define BLOCK_BYTES 512u

struct entry {
	char *name;
	struct timespec used;
	uint64_t bytes;
};

struct entries {
	struct entry *items;
	size_t n;
	uint64_t bytes;
};

uint64_t trb_cache_ceiling(void)
{
	const char *text = getenv("TRUSTBUILD_CACHE_MIB");
	uint64_t mib = TRB_CACHE_MIB;

	if (text != NULL && text[0] != '\0' && strlen(text) < 10 &&
	    strspn(text, "0123456789") == strlen(text))
		mib = strtoull(text, NULL, 10);
	return mib << 20;
}

void trb_cache_use(int dir, const char *name)
{
	utimensat(dir, name, NULL, 0);
}

static DIR *open_dir(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;

	if (stream == NULL && fd >= 0)
		close(fd);
	return stream;
}

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static uint64_t tree_bytes(int dir, const char *name, unsigned depth)
{
	const struct dirent *entry;
	struct stat st;
	uint64_t sum;
	DIR *stream;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	sum = (uint64_t)st.st_blocks * BLOCK_BYTES;
	stream = S_ISDIR(st.st_mode) && depth > 0 ? open_dir(dir, name) : NULL;
	while (stream != NULL && (entry = readdir(stream)) != NULL)
		if (!is_dots(entry->d_name))
			sum += tree_bytes(dirfd(stream), entry->d_name, depth - 1);
	if (stream != NULL)
		closedir(stream);
	return sum;
}

static bool is_kept(const struct trb_cache *cache, const char *name)
{
	for (const char *const *keep = cache->keep; keep != NULL && *keep != NULL; keep++)
		if (strcmp(*keep, name) == 0)
			return true;
	return false;
}

static void add_entry(const struct trb_cache *cache, const char *name, struct entries *entries)
{
	struct entry *items;
	struct stat st;

	if (fstatat(cache->dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode))
		return;
	items = realloc(entries->items, (entries->n + 1) * sizeof(*items));
	if (items == NULL)
		return;
	entries->items = items;
	items[entries->n] =
		(struct entry){ strdup(name), st.st_mtim, tree_bytes(cache->dir, name, MAX_DEPTH) };
	if (items[entries->n].name == NULL)
		return;
	entries->bytes += items[entries->n].bytes;
	entries->n++;
}

static int by_use(const void *a, const void *b)
{
	const struct timespec *x = &((const struct entry *)a)->used,
			      *y = &((const struct entry *)b)->used;

	if (x->tv_sec != y->tv_sec)
		return x->tv_sec < y->tv_sec ? -1 : 1;
	return (x->tv_nsec > y->tv_nsec) - (x->tv_nsec < y->tv_nsec);
}

static void read_entries(const struct trb_cache *cache, struct entries *ret)
{
	DIR *stream = open_dir(cache->dir, ".");
	const struct dirent *entry;

	while (stream != NULL && ret->n < MAX_ENTRIES && (entry = readdir(stream)) != NULL)
		if (!is_dots(entry->d_name) && cache->is_entry(entry->d_name))
			add_entry(cache, entry->d_name, ret);
	if (stream != NULL)
		closedir(stream);
	if (ret->n > 0)
		qsort(ret->items, ret->n, sizeof(*ret->items), by_use);
}

/* Under its own name it is gone at once, so that whoever is killed here leaves no half of it. */
static bool remove_entry(const struct trb_cache *cache, const char *name)
{
	_cleanup_free_ char *path = NULL, *doomed = NULL;
	_cleanup_close_ int lock = -1;

	if (asprintf(&doomed, TRB_CACHE_NEW "gone-%s", name) < 0) {
		doomed = NULL;
		return false;
	}
	if (cache->locked != NULL) {
		if (asprintf(&path, "%s/%s", name, cache->locked) < 0) {
			path = NULL;
			return false;
		}
		lock = openat(cache->dir, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		if (lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) < 0)
			return false;
	}
	return renameat(cache->dir, name, cache->dir, doomed) == 0 &&
	       trb_remove_tree(cache->dir, doomed, NULL) == TRB_OK;
}

void trb_cache_sweep(int dir)
{
	DIR *stream = open_dir(dir, ".");
	const struct dirent *entry;

	while (stream != NULL && (entry = readdir(stream)) != NULL)
		if (strncmp(entry->d_name, TRB_CACHE_NEW, strlen(TRB_CACHE_NEW)) == 0)
			trb_remove_tree(dir, entry->d_name, NULL);
	if (stream != NULL)
		closedir(stream);
}

void trb_cache_prune(const struct trb_cache *cache, uint64_t max)
{
	struct entries entries = { 0 };

	read_entries(cache, &entries);
	for (size_t i = 0; i < entries.n; i++) {
		struct entry *e = &entries.items[i];

		if (entries.bytes > max && !is_kept(cache, e->name) &&
		    remove_entry(cache, e->name)) {
			entries.bytes -= e->bytes;
			trb_tell(cache->context, TRB_LOG_INFO,
				 "cache: removed %s, %llu MiB, the longest unused", e->name,
				 (unsigned long long)e->bytes >> 20);
		}
		free(e->name);
	}
	free(entries.items);
}
