/* SPDX-License-Identifier: Apache-2.0 */
/* Ramdisks unpacked beneath a directory. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/io.h"
#include "image/cpio.h"
#include "image/cpio_format.h"

#define COPY_CHUNK (256u << 10)

struct reader {
	int fd;
	uint64_t base, size, at; /* at counts from base */
	uint8_t *chunk;
};

struct head {
	uint32_t mode, links, size, name_size;
	char name[CPIO_MAX_NAME];
};

static int hex_field(const char *raw, uint32_t *ret)
{
	uint8_t bytes[4];

	if (!trb_hex_decode(TRB_BYTES(raw, 8), bytes, sizeof(bytes)))
		return TRB_E_FORMAT;
	*ret = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
	       bytes[3];
	return TRB_OK;
}

/* n bytes and the padding to 4 after them must lie inside the archive. */
static int check_left(const struct reader *in, uint64_t n, trb_error **err)
{
	if (n > in->size - in->at)
		return trb_fail(err, TRB_E_FORMAT, "cpio: the archive ends at byte %llu",
				(unsigned long long)in->size);
	return TRB_OK;
}

static int take(struct reader *in, void *buf, size_t n, trb_error **err)
{
	int r = check_left(in, n, err);

	if (r == TRB_OK)
		r = trb_pread_full(in->fd, buf, n, in->base + in->at, err);
	if (r == TRB_OK)
		in->at += n;
	return r;
}

static int skip_padding(struct reader *in, trb_error **err)
{
	uint64_t n = cpio_align(in->at, 4) - in->at;
	int r = check_left(in, n, err);

	if (r == TRB_OK)
		in->at += n;
	return r;
}

static int parse_head(const char *raw, struct head *h, uint64_t at, trb_error **err)
{
	static const uint8_t fields[] = { 1, 4, 6, 11 };
	uint32_t *out[] = { &h->mode, &h->links, &h->size, &h->name_size };

	if (memcmp(raw, "070701", 6) != 0)
		return trb_fail(err, TRB_E_FORMAT, "cpio: no 'newc' header at byte %llu",
				(unsigned long long)at);
	for (size_t i = 0; i < 4; i++)
		if (hex_field(raw + 6 + 8 * fields[i], out[i]) < 0)
			return trb_fail(err, TRB_E_FORMAT,
					"cpio: bad number in the header at byte %llu",
					(unsigned long long)at);
	if (h->name_size < 2 || h->name_size > CPIO_MAX_NAME)
		return trb_fail(err, TRB_E_LIMIT, "cpio: name of %u bytes at byte %llu",
				h->name_size, (unsigned long long)at);
	return TRB_OK;
}

static int read_head(struct reader *in, struct head *h, trb_error **err)
{
	char raw[CPIO_HEADER];
	uint64_t at = in->at;
	int r = take(in, raw, sizeof(raw), err);

	if (r == TRB_OK)
		r = parse_head(raw, h, at, err);
	if (r == TRB_OK)
		r = take(in, h->name, h->name_size, err);
	if (r < 0)
		return r;
	if (memchr(h->name, '\0', h->name_size) != h->name + h->name_size - 1)
		return trb_fail(err, TRB_E_FORMAT, "cpio: name without its end at byte %llu",
				(unsigned long long)at);
	return skip_padding(in, err);
}

/* The directory of name, without following a link; *ret_base is the last step. */
static int open_parent(int dirfd, const char *name, int *ret_fd, const char **ret_base,
		       trb_error **err)
{
	_cleanup_close_ int fd = fcntl(dirfd, F_DUPFD_CLOEXEC, 3);
	const char *slash;

	for (; fd >= 0 && (slash = strchr(name, '/')) != NULL; name = slash + 1) {
		char step[CPIO_MAX_NAME];
		int next;

		memcpy(step, name, (size_t)(slash - name));
		step[slash - name] = '\0';
		next = openat(fd, step, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0 && errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
			return trb_fail_errno(err, errno, "open directory '%s'", step);
		if (next < 0)
			return trb_fail(err, TRB_E_FORMAT, "cpio: no directory '%s' for '%s'", step,
					name);
		close(fd);
		fd = next;
	}
	if (fd < 0)
		return trb_fail_errno(err, errno, "open the directory of '%s'", name);
	*ret_base = name;
	*ret_fd = steal_fd(&fd);
	return TRB_OK;
}

static int copy_data(struct reader *in, int out, uint64_t left, trb_error **err)
{
	while (left > 0) {
		size_t n = left < COPY_CHUNK ? (size_t)left : COPY_CHUNK;
		int r = take(in, in->chunk, n, err);

		if (r == TRB_OK)
			r = trb_write_full(out, TRB_BYTES(in->chunk, n), err);
		if (r < 0)
			return r;
		left -= n;
	}
	return TRB_OK;
}

static int make_failed(const struct head *h, trb_error **err)
{
	if (errno == EEXIST)
		return trb_fail(err, TRB_E_FORMAT, "cpio: '%s' is there twice", h->name);
	return trb_fail_errno(err, errno, "extract '%s'", h->name);
}

static int extract_file(struct reader *in, const struct head *h, int parent, const char *base,
			trb_error **err)
{
	_cleanup_close_ int fd =
		openat(parent, base, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r;

	if (fd < 0)
		return make_failed(h, err);
	r = copy_data(in, fd, h->size, err);
	if (r == TRB_OK && fchmod(fd, h->mode & 0755) < 0)
		r = trb_fail_errno(err, errno, "set the mode of '%s'", h->name);
	return r;
}

static int extract_dir(const struct head *h, int parent, const char *base, trb_error **err)
{
	if (h->size != 0)
		return trb_fail(err, TRB_E_FORMAT, "cpio: directory '%s' with data", h->name);
	if (mkdirat(parent, base, 0700) < 0)
		return make_failed(h, err);
	/* our own access is kept whatever the archive says: entries below may follow */
	if (fchmodat(parent, base, (h->mode & 0755) | 0700, 0) < 0)
		return trb_fail_errno(err, errno, "set the mode of '%s'", h->name);
	return TRB_OK;
}

static int extract_link(struct reader *in, const struct head *h, int parent, const char *base,
			trb_error **err)
{
	char target[CPIO_MAX_LINK];
	int r;

	if (h->size == 0 || h->size >= sizeof(target))
		return trb_fail(err, TRB_E_LIMIT, "cpio: link '%s' with a target of %u bytes",
				h->name, h->size);
	r = take(in, target, h->size, err);
	if (r < 0)
		return r;
	target[h->size] = '\0';
	if (strlen(target) != h->size || !trb_cpio_link_ok(h->name, target))
		return trb_fail(err, TRB_E_FORMAT, "cpio: link '%s' leaves the ramdisk", h->name);
	return symlinkat(target, parent, base) < 0 ? make_failed(h, err) : TRB_OK;
}

static int extract_entry(struct reader *in, const struct head *h, int dirfd, trb_error **err)
{
	_cleanup_close_ int parent = -1;
	const char *base = NULL;
	int r;

	if (!trb_cpio_name_ok(h->name))
		return trb_fail(err, TRB_E_FORMAT, "cpio: '%s' is not a name inside the ramdisk",
				h->name);
	if (!S_ISDIR(h->mode) && h->links > 1)
		return trb_fail(err, TRB_E_FORMAT, "cpio: '%s' is a hard link", h->name);
	r = open_parent(dirfd, h->name, &parent, &base, err);
	if (r < 0)
		return r;
	switch (h->mode & S_IFMT) {
	case S_IFREG:
		r = extract_file(in, h, parent, base, err);
		break;
	case S_IFDIR:
		r = extract_dir(h, parent, base, err);
		break;
	case S_IFLNK:
		r = extract_link(in, h, parent, base, err);
		break;
	default:
		return trb_fail(err, TRB_E_FORMAT,
				"cpio: '%s' is a device, pipe or socket (mode %o)", h->name,
				h->mode);
	}
	return r < 0 ? r : skip_padding(in, err);
}

static int check_rest(struct reader *in, trb_error **err)
{
	while (in->at < in->size) {
		size_t n =
			in->size - in->at < COPY_CHUNK ? (size_t)(in->size - in->at) : COPY_CHUNK;
		uint64_t at = in->at;
		int r = take(in, in->chunk, n, err);

		if (r < 0)
			return r;
		if (!trb_bytes_all_zero(TRB_BYTES(in->chunk, n)))
			return trb_fail(
				err, TRB_E_FORMAT,
				"cpio: something follows the end of the archive, after byte %llu",
				(unsigned long long)at);
	}
	return TRB_OK;
}

int trb_cpio_extract(int fd, uint64_t offset, uint64_t size, int dirfd, trb_error **err)
{
	_cleanup_free_ uint8_t *chunk = malloc(COPY_CHUNK);
	struct reader in = { fd, offset, size, 0, chunk };
	struct head h;

	if (chunk == NULL)
		return trb_fail_nomem(err);
	for (size_t n = 0; n <= CPIO_MAX_ENTRIES; n++) {
		int r = read_head(&in, &h, err);

		if (r < 0)
			return r;
		if (strcmp(h.name, CPIO_TRAILER) == 0)
			return check_rest(&in, err);
		r = extract_entry(&in, &h, dirfd, err);
		if (r < 0)
			return r;
	}
	return trb_fail(err, TRB_E_LIMIT, "cpio: more than %u entries", CPIO_MAX_ENTRIES);
}
