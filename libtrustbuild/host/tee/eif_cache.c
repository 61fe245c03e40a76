/* SPDX-License-Identifier: Apache-2.0 */
/* STATE/cache/eif: stamps/HASH says for a file (device, inode, size, times) what it measures, and
 * PCR0/userland is what its ramdisks hold.  Hashing and unpacking half a gigabyte at each start
 * would cost seconds.  Whoever runs a userland holds a shared lock on it, by the descriptor that
 * the launcher keeps; what nobody holds may be removed to make room. */
#include "host/tee/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <trustbuild/eif.h>

#include "core/context.h"
#include "core/io.h"
#include "core/state.h"
#include "image/cache.h"
#include "image/cpio.h"

#define PCR_HEX   (2 * TRB_SHA384_LEN)
#define STAMP_MAX 4096

struct cache {
	trb_context *context;
	const char *path; /* the image's */
	int file, dir;
	char stamp[2 * TRB_SHA256_LEN + 1];
	char pcr0[PCR_HEX + 1];
	uint8_t (*pcrs)[TRB_SHA384_LEN];
};

static int make_stamp(int fd, char ret[2 * TRB_SHA256_LEN + 1], trb_error **err)
{
	uint8_t digest[TRB_SHA256_LEN];
	struct stat st;
	char text[256];
	int r;

	if (fstat(fd, &st) < 0)
		return trb_fail_errno(err, errno, "stat the image");
	if (!S_ISREG(st.st_mode))
		return trb_fail(err, TRB_E_FORMAT, "the image is not a regular file");
	snprintf(text, sizeof(text), "1 %llu %llu %llu %lld.%09ld %lld.%09ld",
		 (unsigned long long)st.st_dev, (unsigned long long)st.st_ino,
		 (unsigned long long)st.st_size, (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
		 (long long)st.st_ctim.tv_sec, st.st_ctim.tv_nsec);
	r = trb_sha256(trb_bytes_str(text), digest, err);
	if (r == TRB_OK)
		trb_hex_encode(TRB_BYTES(digest, sizeof(digest)), ret);
	return r;
}

static int cache_open(struct cache *cache, trb_error **err)
{
	_cleanup_free_ char *path = NULL;
	const char *state_dir;
	int r = trb_state_open(cache->context, &state_dir, err);

	if (r < 0)
		return r;
	cache->file = open(cache->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (cache->file < 0)
		return trb_fail_errno(err, errno, "open the image '%s'", cache->path);
	r = make_stamp(cache->file, cache->stamp, err);
	if (r < 0)
		return r;
	if (asprintf(&path, "%s/cache/eif", state_dir) < 0)
		return trb_fail_nomem(err);
	r = trb_open_own_dir(path, &cache->dir, err);
	if (r == TRB_OK && mkdirat(cache->dir, "stamps", 0700) < 0 && errno != EEXIST)
		r = trb_fail_errno(err, errno, "make '%s/stamps'", path);
	return r;
}

/* Open and locked, or -1 where it is not there or about to go. */
static int open_userland(const struct cache *cache)
{
	char path[PCR_HEX + 16];
	_cleanup_close_ int fd = -1;
	struct stat mine, named;

	snprintf(path, sizeof(path), "%s/userland", cache->pcr0);
	fd = openat(cache->dir, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_SH | LOCK_NB) < 0 || fstat(fd, &mine) < 0 ||
	    fstatat(cache->dir, path, &named, AT_SYMLINK_NOFOLLOW) < 0 ||
	    mine.st_dev != named.st_dev || mine.st_ino != named.st_ino)
		return -1;
	trb_cache_use(cache->dir, cache->pcr0);
	return steal_fd(&fd);
}

/* True where the image is known and still unpacked. */
static bool look_up(struct cache *cache, int *ret_userland)
{
	_cleanup_(trb_blob_unrefp) trb_blob *blob = NULL;
	char path[16 + sizeof(cache->stamp)];
	trb_bytes text;

	snprintf(path, sizeof(path), "stamps/%s", cache->stamp);
	if (trb_read_file(cache->dir, path, STAMP_MAX, &blob, NULL) < 0)
		return false;
	text = trb_blob_bytes(blob);
	if (text.len != 3 * (PCR_HEX + 1))
		return false;
	memcpy(cache->pcr0, text.ptr, PCR_HEX);
	for (size_t i = 0; i < 3; i++) {
		trb_bytes line = trb_bytes_take(&text, PCR_HEX + 1);

		if (!trb_hex_decode(TRB_BYTES(line.ptr, PCR_HEX), cache->pcrs[i], TRB_SHA384_LEN))
			return false;
	}
	*ret_userland = open_userland(cache);
	return *ret_userland >= 0;
}

static int write_stamp(const struct cache *cache, trb_error **err)
{
	char path[16 + sizeof(cache->stamp)], text[3 * (PCR_HEX + 1) + 1];

	for (size_t i = 0; i < 3; i++) {
		trb_hex_encode(TRB_BYTES(cache->pcrs[i], TRB_SHA384_LEN), text + i * (PCR_HEX + 1));
		text[i * (PCR_HEX + 1) + PCR_HEX] = '\n';
	}
	snprintf(path, sizeof(path), "stamps/%s", cache->stamp);
	return trb_write_file(cache->dir, path, TRB_BYTES(text, sizeof(text) - 1), 0600, err);
}

static int measure(struct cache *cache, trb_eif **ret, trb_error **err)
{
	trb_eif *eif = NULL;
	int r = trb_eif_open_fd(cache->context, cache->file, &eif, err);

	if (r < 0)
		return r;
	for (unsigned i = 0; i < 3; i++)
		memcpy(cache->pcrs[i], trb_eif_get_pcr(eif, i).ptr, TRB_SHA384_LEN);
	trb_hex_encode(TRB_BYTES(cache->pcrs[0], TRB_SHA384_LEN), cache->pcr0);
	*ret = eif;
	return TRB_OK;
}

static int check_userland(int userland, trb_error **err)
{
	static const char *const needed[] = { "init", "proc", "sys", "dev", "tmp", "run" };

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (faccessat(userland, needed[i], F_OK, AT_SYMLINK_NOFOLLOW) < 0)
			return trb_fail(err, TRB_E_FORMAT,
					"the image has no /%s: it is none of 'tb-host image build'",
					needed[i]);
	return TRB_OK;
}

static int extract(const struct cache *cache, const trb_eif *eif, int userland, trb_error **err)
{
	int r = TRB_OK;

	for (size_t i = 0; r == TRB_OK && i < trb_eif_count_sections(eif); i++) {
		uint64_t offset, size;
		unsigned type;

		r = trb_eif_get_section(eif, i, &type, &offset, &size, err);
		if (r == TRB_OK)
			r = trb_check_canceled(cache->context, err);
		if (r == TRB_OK && type == TRB_EIF_RAMDISK)
			r = trb_cpio_extract(cache->file, offset, size, userland, err);
	}
	return r == TRB_OK ? check_userland(userland, err) : r;
}

/* The file must not have changed between measuring and extracting: its times say so. */
static int check_unchanged(const struct cache *cache, trb_error **err)
{
	char stamp[sizeof(cache->stamp)];
	int r = make_stamp(cache->file, stamp, err);

	if (r == TRB_OK && strcmp(stamp, cache->stamp) != 0)
		r = trb_fail(err, TRB_E_IO, "the image changed while it was read");
	return r;
}

static bool is_entry(const char *name)
{
	return strlen(name) == PCR_HEX && strspn(name, "0123456789abcdef") == PCR_HEX;
}

/* Of images that are not unpacked any more. */
static void remove_stamps(int dir)
{
	int fd = openat(dir, "stamps", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stamps = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;

	if (stamps == NULL && fd >= 0)
		close(fd);
	while (stamps != NULL && (entry = readdir(stamps)) != NULL) {
		_cleanup_(trb_blob_unrefp) trb_blob *text = NULL;
		char pcr0[PCR_HEX + 1] = "";

		if (entry->d_name[0] == '.')
			continue;
		if (trb_read_file(fd, entry->d_name, STAMP_MAX, &text, NULL) == TRB_OK &&
		    trb_blob_bytes(text).len >= PCR_HEX)
			memcpy(pcr0, trb_blob_bytes(text).ptr, PCR_HEX);
		if (!is_entry(pcr0) || faccessat(dir, pcr0, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
			unlinkat(fd, entry->d_name, 0);
	}
	if (stamps != NULL)
		closedir(stamps);
}

/* Before an image is unpacked, which takes about what the image takes. */
static void make_room(const struct cache *cache)
{
	const struct trb_cache entries = { .context = cache->context,
					   .dir = cache->dir,
					   .is_entry = is_entry,
					   .locked = "userland" };
	uint64_t max = trb_cache_ceiling(), size = 0;
	struct stat st;

	if (fstat(cache->file, &st) == 0)
		size = (uint64_t)st.st_size;
	trb_cache_sweep(cache->dir);
	trb_cache_prune(&entries, max > size ? max - size : 0);
	remove_stamps(cache->dir);
}

static int fill(const struct cache *cache, const trb_eif *eif, const char *name, trb_error **err)
{
	_cleanup_close_ int top = -1, userland = -1;
	int r;

	if (mkdirat(cache->dir, name, 0700) < 0)
		return trb_fail_errno(err, errno, "make '%s' in the cache", name);
	top = openat(cache->dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (top < 0 || mkdirat(top, "userland", 0755) < 0)
		return trb_fail_errno(err, errno, "make the userland's directory");
	userland = openat(top, "userland", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* whatever the umask: the enclave's ids read it */
	if (userland < 0 || fchmod(userland, 0755) < 0)
		return trb_fail_errno(err, errno, "open the userland's directory");
	r = extract(cache, eif, userland, err);
	if (r == TRB_OK)
		r = check_unchanged(cache, err);
	if (r == TRB_OK && syncfs(top) < 0)
		r = trb_fail_errno(err, errno, "flush the cache");
	return r;
}

static int unpack(struct cache *cache, int *ret_userland, trb_error **err)
{
	char name[PCR_HEX + 16];
	trb_eif *eif = NULL;
	int r;

	trb_tell(cache->context, TRB_LOG_INFO, "measuring the image (once)");
	r = measure(cache, &eif, err);
	if (r < 0)
		return r;
	*ret_userland = open_userland(cache);
	if (*ret_userland < 0) {
		trb_tell(cache->context, TRB_LOG_INFO, "unpacking the image (once)");
		make_room(cache);
		snprintf(name, sizeof(name), TRB_CACHE_NEW "%.32s", cache->pcr0);
		r = fill(cache, eif, name, err);
		if (r < 0)
			trb_wrap(err, r, "unpack it into '%s/cache/eif'",
				 trb_context_get_state_dir(cache->context));
		if (r == TRB_OK && renameat(cache->dir, name, cache->dir, cache->pcr0) < 0)
			r = trb_fail_errno(err, errno, "put the userland into the cache");
		if (r < 0)
			trb_remove_tree(cache->dir, name, NULL);
		else
			*ret_userland = open_userland(cache);
	}
	trb_eif_unref(eif);
	return r == TRB_OK ? write_stamp(cache, err) : r;
}

static int find(struct cache *cache, int *ret_userland, trb_error **err)
{
	int r = cache_open(cache, err);

	return r < 0 || look_up(cache, ret_userland)
		       ? r
		       : trb_fail(err, TRB_E_NOTFOUND, "it is not unpacked yet");
}

static int find_or_unpack(struct cache *cache, int *ret_userland, trb_error **err)
{
	int r = cache_open(cache, err);

	if (r < 0 || look_up(cache, ret_userland))
		return r;
	r = trb_lock_fd(cache->context, cache->dir, err);
	if (r < 0)
		return trb_wrap(err, r, "lock the image cache");
	if (look_up(cache, ret_userland)) /* another one did it meanwhile */
		return TRB_OK;
	r = unpack(cache, ret_userland, err);
	if (r == TRB_OK && *ret_userland < 0)
		r = trb_fail(err, TRB_E_IO, "the image cache lost its entry");
	return r;
}

static int use(trb_context *context, const char *eif,
	       int (*how)(struct cache *cache, int *ret_userland, trb_error **err),
	       int *ret_userland, uint8_t ret_pcrs[3][TRB_SHA384_LEN], trb_error **err)
{
	uint8_t pcrs[3][TRB_SHA384_LEN];
	struct cache cache = {
		.context = context, .path = eif, .file = -1, .dir = -1, .pcrs = pcrs
	};
	int userland = -1, r = how(&cache, &userland, err);

	if (cache.file >= 0)
		close(cache.file);
	if (cache.dir >= 0)
		close(cache.dir);
	if (r < 0) {
		if (userland >= 0)
			close(userland);
		return trb_wrap(err, r, "image '%s'", eif);
	}
	memcpy(ret_pcrs, pcrs, sizeof(pcrs));
	*ret_userland = userland;
	return TRB_OK;
}

int trb_eif_cache(trb_context *context, const char *eif, int *ret_userland,
		  uint8_t ret_pcrs[3][TRB_SHA384_LEN], trb_error **err)
{
	return use(context, eif, find_or_unpack, ret_userland, ret_pcrs, err);
}

int trb_eif_cache_find(trb_context *context, const char *eif, int *ret_userland,
		       uint8_t ret_pcrs[3][TRB_SHA384_LEN], trb_error **err)
{
	return use(context, eif, find, ret_userland, ret_pcrs, err);
}
