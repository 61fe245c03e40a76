/* SPDX-License-Identifier: Apache-2.0 */
/* Ramdisks: a plan of their files, written in one order. */
#include "image/cpio.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/io.h"
#include "image/cpio_format.h"

#define COPY_CHUNK (256u << 10)

struct cpio_entry {
	char *name;
	char *text; /* the source's path, the link's target, or the data */
	bool inline_data;
	uint32_t mode;
	uint64_t size;
};

struct cpio_plan {
	uint32_t mtime;
	struct cpio_entry *entries;
	size_t n, cap;
};

int trb_cpio_plan_new(uint32_t mtime, struct cpio_plan **ret_plan, trb_error **err)
{
	struct cpio_plan *plan = calloc(1, sizeof(*plan));

	if (plan == NULL)
		return trb_fail_nomem(err);
	plan->mtime = mtime;
	*ret_plan = plan;
	return TRB_OK;
}

void trb_cpio_plan_free(struct cpio_plan *plan)
{
	for (size_t i = 0; i < plan->n; i++) {
		free(plan->entries[i].name);
		free(plan->entries[i].text);
	}
	free(plan->entries);
	free(plan);
}

bool trb_cpio_name_ok(const char *name)
{
	size_t depth = 0, len = strlen(name);

	if (len == 0 || len >= CPIO_MAX_NAME || name[0] == '/' || name[len - 1] == '/')
		return false;
	for (const char *step = name; step != NULL; depth++) {
		size_t n = strcspn(step, "/");

		if (n == 0 || (n == 1 && step[0] == '.') ||
		    (n == 2 && step[0] == '.' && step[1] == '.'))
			return false;
		step = step[n] == '/' ? step + n + 1 : NULL;
	}
	return depth <= CPIO_MAX_DEPTH;
}

bool trb_cpio_link_ok(const char *name, const char *target)
{
	long depth = 0;

	if (target[0] == '\0' || target[0] == '/' || strlen(target) >= CPIO_MAX_LINK)
		return false;
	for (const char *p = name; *p != '\0'; p++)
		depth += *p == '/';
	for (const char *step = target; step != NULL;) {
		size_t n = strcspn(step, "/");

		if (n == 2 && step[0] == '.' && step[1] == '.')
			depth--;
		else if (n > 0 && !(n == 1 && step[0] == '.'))
			depth++;
		if (depth < 0)
			return false;
		step = step[n] == '/' ? step + n + 1 : NULL;
	}
	return true;
}

static int grow(struct cpio_plan *plan, trb_error **err)
{
	size_t cap = plan->cap > 0 ? 2 * plan->cap : 64;
	struct cpio_entry *entries;

	if (plan->n >= CPIO_MAX_ENTRIES)
		return trb_fail(err, TRB_E_LIMIT, "a ramdisk has at most %u entries",
				CPIO_MAX_ENTRIES);
	if (plan->n < plan->cap)
		return TRB_OK;
	entries = realloc(plan->entries, cap * sizeof(*entries));
	if (entries == NULL)
		return trb_fail_nomem(err);
	plan->entries = entries;
	plan->cap = cap;
	return TRB_OK;
}

static int add(struct cpio_plan *plan, const char *name, uint32_t mode, const char *text,
	       uint64_t size, trb_error **err)
{
	struct cpio_entry e = { .mode = mode, .size = size };
	int r;

	if (!trb_cpio_name_ok(name))
		return trb_fail(err, TRB_E_INVAL, "'%s' cannot be a name in a ramdisk", name);
	if (size > UINT32_MAX)
		return trb_fail(err, TRB_E_LIMIT, "'%s' has %llu bytes, cpio stops at 4 GiB", name,
				(unsigned long long)size);
	r = grow(plan, err);
	if (r < 0)
		return r;
	e.name = strdup(name);
	e.text = strdup(text);
	if (e.name == NULL || e.text == NULL) {
		free(e.name);
		free(e.text);
		return trb_fail_nomem(err);
	}
	plan->entries[plan->n++] = e;
	return TRB_OK;
}

int trb_cpio_add_dir(struct cpio_plan *plan, const char *name, mode_t mode, trb_error **err)
{
	return add(plan, name, S_IFDIR | (mode & 0777), "", 0, err);
}

int trb_cpio_add_link(struct cpio_plan *plan, const char *name, const char *target, trb_error **err)
{
	if (!trb_cpio_link_ok(name, target))
		return trb_fail(err, TRB_E_INVAL, "link '%s' to '%s' leaves the ramdisk", name,
				target);
	return add(plan, name, S_IFLNK | 0777, target, strlen(target), err);
}

int trb_cpio_add_file(struct cpio_plan *plan, const char *name, mode_t mode, const char *source,
		      trb_error **err)
{
	struct stat st;

	if (stat(source, &st) < 0)
		return trb_fail_errno(err, errno, "stat '%s'", source);
	if (!S_ISREG(st.st_mode))
		return trb_fail(err, TRB_E_INVAL, "'%s' is not a regular file", source);
	return add(plan, name, S_IFREG | (mode & 0777), source, (uint64_t)st.st_size, err);
}

int trb_cpio_add_data(struct cpio_plan *plan, const char *name, mode_t mode, trb_bytes data,
		      trb_error **err)
{
	struct cpio_entry *e;
	char *copy = malloc(data.len + 1);
	int r;

	if (copy == NULL)
		return trb_fail_nomem(err);
	if (data.len > 0)
		memcpy(copy, data.ptr, data.len);
	r = add(plan, name, S_IFREG | (mode & 0777), "", data.len, err);
	if (r < 0) {
		free(copy);
		return r;
	}
	e = &plan->entries[plan->n - 1];
	free(e->text);
	e->text = copy;
	e->inline_data = true;
	return TRB_OK;
}

static int add_below(struct cpio_plan *plan, const char *path, const char *name, trb_error **err);

static int add_link_of(struct cpio_plan *plan, const char *path, const char *name, trb_error **err)
{
	char target[CPIO_MAX_LINK];
	ssize_t n = readlink(path, target, sizeof(target) - 1);

	if (n < 0)
		return trb_fail_errno(err, errno, "read link '%s'", path);
	target[n] = '\0';
	return trb_cpio_add_link(plan, name, target, err);
}

static int add_any(struct cpio_plan *plan, const char *path, const char *name, trb_error **err)
{
	struct stat st;
	int r;

	if (lstat(path, &st) < 0)
		return trb_fail_errno(err, errno, "stat '%s'", path);
	if (S_ISLNK(st.st_mode))
		return add_link_of(plan, path, name, err);
	if (S_ISREG(st.st_mode))
		return trb_cpio_add_file(plan, name, st.st_mode & 0111 ? 0755 : 0644, path, err);
	if (!S_ISDIR(st.st_mode))
		return trb_fail(err, TRB_E_INVAL, "'%s' is no file, directory or link", path);
	r = trb_cpio_add_dir(plan, name, 0755, err);
	return r < 0 ? r : add_below(plan, path, name, err);
}

static int add_below(struct cpio_plan *plan, const char *path, const char *name, trb_error **err)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int r = TRB_OK;

	if (dir == NULL)
		return trb_fail_errno(err, errno, "read directory '%s'", path);
	while (r == TRB_OK && (entry = readdir(dir)) != NULL) {
		_cleanup_free_ char *sub_path = NULL, *sub_name = NULL;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (asprintf(&sub_path, "%s/%s", path, entry->d_name) < 0 ||
		    asprintf(&sub_name, "%s%s%s", name, name[0] ? "/" : "", entry->d_name) < 0)
			r = trb_fail_nomem(err);
		else
			r = add_any(plan, sub_path, sub_name, err);
	}
	closedir(dir);
	return r;
}

int trb_cpio_add_tree(struct cpio_plan *plan, const char *path, trb_error **err)
{
	return add_below(plan, path, "", err);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct cpio_entry *)a)->name, ((const struct cpio_entry *)b)->name);
}

/* The order of by_name(), for a name that does not end with a NUL. */
static int by_view(const void *a, const void *b)
{
	return trb_bytes_cmp(*(const trb_bytes *)a,
			     trb_bytes_str(((const struct cpio_entry *)b)->name));
}

static bool has_parent(const struct cpio_plan *plan, const struct cpio_entry *e)
{
	const char *slash = strrchr(e->name, '/');
	const struct cpio_entry *found;
	trb_bytes parent;

	if (slash == NULL)
		return true;
	parent = TRB_BYTES(e->name, slash - e->name);
	found = bsearch(&parent, plan->entries, plan->n, sizeof(*plan->entries), by_view);
	return found != NULL && S_ISDIR(found->mode);
}

static uint64_t entry_size(size_t name_len, uint64_t size)
{
	return cpio_align(CPIO_HEADER + name_len + 1, 4) + cpio_align(size, 4);
}

int trb_cpio_plan_size(struct cpio_plan *plan, uint64_t *ret_size, trb_error **err)
{
	uint64_t sum = entry_size(strlen(CPIO_TRAILER), 0);

	if (plan->n > 0)
		qsort(plan->entries, plan->n, sizeof(*plan->entries), by_name);
	for (size_t i = 0; i < plan->n; i++) {
		const struct cpio_entry *e = &plan->entries[i];

		if (i > 0 && strcmp(e->name, plan->entries[i - 1].name) == 0)
			return trb_fail(err, TRB_E_INVAL, "'%s' is in the ramdisk twice", e->name);
		if (!has_parent(plan, e))
			return trb_fail(err, TRB_E_INVAL, "no directory for '%s' in the ramdisk",
					e->name);
		sum += entry_size(strlen(e->name), e->size);
	}
	*ret_size = cpio_align(sum, CPIO_BLOCK);
	return TRB_OK;
}

struct out {
	cpio_put put;
	void *user;
	uint64_t done;
};

static int out_bytes(struct out *o, trb_bytes bytes, trb_error **err)
{
	o->done += bytes.len;
	return bytes.len > 0 ? o->put(o->user, bytes, err) : TRB_OK;
}

static int out_pad(struct out *o, size_t to, trb_error **err)
{
	static const uint8_t zero[CPIO_BLOCK];

	return out_bytes(o, TRB_BYTES(zero, cpio_align(o->done, to) - o->done), err);
}

static int out_head(struct out *o, const struct cpio_plan *plan, const struct cpio_entry *e,
		    size_t ino, trb_error **err)
{
	char head[CPIO_HEADER + CPIO_MAX_NAME + 1];
	unsigned links = S_ISDIR(e->mode) ? 2 : 1;
	int n = snprintf(head, sizeof(head),
			 "070701%08zX%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08zX%08X%s", ino,
			 e->mode, 0, 0, links, plan->mtime, (unsigned)e->size, 0, 0, 0, 0,
			 strlen(e->name) + 1, 0, e->name);
	int r = out_bytes(o, TRB_BYTES(head, (size_t)n + 1), err);

	return r < 0 ? r : out_pad(o, 4, err);
}

static int out_source(struct out *o, const struct cpio_entry *e, trb_error **err)
{
	_cleanup_close_ int fd = open(e->text, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ uint8_t *chunk = malloc(COPY_CHUNK);
	uint64_t left = e->size;
	struct stat st;

	if (chunk == NULL)
		return trb_fail_nomem(err);
	if (fd < 0 || fstat(fd, &st) < 0)
		return trb_fail_errno(err, errno, "open '%s'", e->text);
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != e->size)
		return trb_fail(err, TRB_E_IO, "'%s' has changed while it was packed", e->text);
	while (left > 0) {
		size_t n = left < COPY_CHUNK ? (size_t)left : COPY_CHUNK;
		int r = trb_read_full(fd, chunk, n, err);

		if (r == TRB_OK)
			r = out_bytes(o, TRB_BYTES(chunk, n), err);
		if (r < 0)
			return r;
		left -= n;
	}
	return TRB_OK;
}

static int out_entry(struct out *o, const struct cpio_plan *plan, const struct cpio_entry *e,
		     size_t ino, trb_error **err)
{
	int r = out_head(o, plan, e, ino, err);

	if (r == TRB_OK && S_ISREG(e->mode) && !e->inline_data)
		r = out_source(o, e, err);
	if (r == TRB_OK && (S_ISLNK(e->mode) || e->inline_data))
		r = out_bytes(o, TRB_BYTES(e->text, e->size), err);
	return r < 0 ? r : out_pad(o, 4, err);
}

int trb_cpio_plan_write(struct cpio_plan *plan, cpio_put put, void *user, trb_error **err)
{
	static char trailer_name[] = CPIO_TRAILER, no_text[] = "";
	const struct cpio_plan at_zero = { 0 };
	const struct cpio_entry trailer = { .name = trailer_name, .text = no_text };
	struct out o = { put, user, 0 };
	uint64_t size;
	int r = trb_cpio_plan_size(plan, &size, err);

	for (size_t i = 0; r == TRB_OK && i < plan->n; i++)
		r = out_entry(&o, plan, &plan->entries[i], i + 1, err);
	if (r == TRB_OK)
		r = out_head(&o, &at_zero, &trailer, 0, err);
	if (r == TRB_OK)
		r = out_pad(&o, CPIO_BLOCK, err);
	if (r == TRB_OK && o.done != size)
		r = trb_fail(err, TRB_E_IO, "a ramdisk of %llu bytes became %llu",
			     (unsigned long long)size, (unsigned long long)o.done);
	return r;
}
