/* SPDX-License-Identifier: Apache-2.0 */
/* An EIF, written and measured in one pass. */
#include "image/eif_write.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <zlib.h>

#include "core/io.h"
#include "image/eif_file.h"

#define CHUNK (512u << 10)

/* Bytes are gathered in two chunks in turn: one is hashed by the meter's thread while the other is
 * filled. */
struct writer {
	int fd;
	struct eif_layout layout;
	struct eif_meter *meter;
	uLong crc; /* of everything after the header */
	uint64_t at;
	uint8_t *chunks[2];
	unsigned turn;
	size_t fill;
};

static int flush(struct writer *w, trb_error **err)
{
	trb_bytes bytes = TRB_BYTES(w->chunks[w->turn], w->fill);

	w->turn ^= 1;
	w->fill = 0;
	w->crc = crc32(w->crc, bytes.ptr, (uInt)bytes.len);
	w->at += bytes.len;
	if (w->at > EIF_MAX_SIZE)
		return trb_fail(err, TRB_E_LIMIT, "the image exceeds %llu bytes", EIF_MAX_SIZE);
	trb_eif_meter_data(w->meter, bytes);
	return trb_write_full(w->fd, bytes, err);
}

static int put(void *user, trb_bytes bytes, trb_error **err)
{
	struct writer *w = user;

	while (bytes.len > 0) {
		size_t room = CHUNK - w->fill, n = bytes.len < room ? bytes.len : room;
		int r;

		memcpy(w->chunks[w->turn] + w->fill, bytes.ptr, n);
		w->fill += n;
		trb_bytes_take(&bytes, n);
		if (w->fill < CHUNK)
			return TRB_OK;
		r = flush(w, err);
		if (r < 0)
			return r;
	}
	return TRB_OK;
}

static int begin(struct writer *w, unsigned type, uint64_t size, trb_error **err)
{
	struct eif_layout *l = &w->layout;
	uint8_t head[EIF_SECTION_HEADER];
	trb_bytes bytes = TRB_BYTES(head, sizeof(head));
	struct eif_section *s;

	if (l->n_sections >= EIF_MAX_SECTIONS)
		return trb_fail(err, TRB_E_LIMIT, "an image has at most %u sections",
				EIF_MAX_SECTIONS);
	s = &l->sections[l->n_sections];
	s->type = type;
	s->size = size;
	eif_put_be(l->raw + 28 + 8 * l->n_sections, w->at, 8);
	eif_put_be(l->raw + 284 + 8 * l->n_sections, size, 8);
	l->n_sections++;
	trb_eif_section_head(s, head);
	w->crc = crc32(w->crc, head, sizeof(head));
	w->at += sizeof(head);
	s->offset = w->at;
	trb_eif_meter_section(w->meter, type);
	return trb_write_full(w->fd, bytes, err);
}

static int end(struct writer *w, trb_error **err)
{
	const struct eif_section *s = &w->layout.sections[w->layout.n_sections - 1];
	int r = w->fill > 0 ? flush(w, err) : TRB_OK;

	if (r == TRB_OK && w->at - s->offset != s->size)
		r = trb_fail(err, TRB_E_IO, "the %s section was to have %llu bytes and got %llu",
			     trb_eif_type_name(s->type), (unsigned long long)s->size,
			     (unsigned long long)(w->at - s->offset));
	return r;
}

static int write_bytes(struct writer *w, unsigned type, trb_bytes bytes, trb_error **err)
{
	int r = begin(w, type, bytes.len, err);

	if (r == TRB_OK)
		r = put(w, bytes, err);
	return r < 0 ? r : end(w, err);
}

static int copy_file(struct writer *w, int fd, uint64_t size, trb_error **err)
{
	uint8_t chunk[16384];

	while (size > 0) {
		size_t n = size < sizeof(chunk) ? (size_t)size : sizeof(chunk);
		int r = trb_read_full(fd, chunk, n, err);

		if (r == TRB_OK)
			r = put(w, TRB_BYTES(chunk, n), err);
		if (r < 0)
			return r;
		size -= n;
	}
	return TRB_OK;
}

static int write_file(struct writer *w, unsigned type, const char *path, trb_error **err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return trb_fail_errno(err, errno, "open %s '%s'", trb_eif_type_name(type), path);
	if (!S_ISREG(st.st_mode))
		return trb_fail(err, TRB_E_INVAL, "%s '%s' is not a regular file",
				trb_eif_type_name(type), path);
	r = begin(w, type, (uint64_t)st.st_size, err);
	if (r == TRB_OK)
		r = copy_file(w, fd, (uint64_t)st.st_size, err);
	return r < 0 ? trb_wrap(err, r, "pack '%s'", path) : end(w, err);
}

static int write_plan(struct writer *w, struct cpio_plan *plan, trb_error **err)
{
	uint64_t size;
	int r = trb_cpio_plan_size(plan, &size, err);

	if (r == TRB_OK)
		r = begin(w, TRB_EIF_RAMDISK, size, err);
	if (r == TRB_OK)
		r = trb_cpio_plan_write(plan, put, w, err);
	return r < 0 ? r : end(w, err);
}

static void fill_header(struct writer *w, unsigned flags)
{
	uint8_t *h = w->layout.raw;

	memcpy(h, ".eif", 4);
	eif_put_be(h + 4, EIF_VERSION_METADATA, 2);
	eif_put_be(h + 6, flags, 2);
	eif_put_be(h + 8, EIF_DEFAULT_MEMORY, 8);
	eif_put_be(h + 16, EIF_DEFAULT_CPUS, 8);
	eif_put_be(h + 26, w->layout.n_sections, 2);
}

/* The CRC runs over the header, which is complete only now, and everything after it. */
static uint32_t whole_crc(const struct writer *w)
{
	uLong head = crc32(0, w->layout.raw, EIF_CRC_OFFSET);

	return (uint32_t)crc32_combine(head, w->crc, (z_off_t)(w->at - EIF_HEADER_SIZE));
}

static int write_header(struct writer *w, unsigned flags, uint32_t *ret_crc, trb_error **err)
{
	uint32_t crc;
	int r;

	fill_header(w, flags);
	crc = whole_crc(w);
	eif_put_be(w->layout.raw + EIF_CRC_OFFSET, crc, 4);
	if (lseek(w->fd, 0, SEEK_SET) < 0)
		return trb_fail_errno(err, errno, "go back to the image's header");
	r = trb_write_full(w->fd, TRB_BYTES(w->layout.raw, EIF_HEADER_SIZE), err);
	if (r < 0)
		return trb_wrap(err, r, "write the image's header");
	*ret_crc = crc;
	return TRB_OK;
}

static int write_measured(struct writer *w, const struct eif_parts *parts, trb_error **err)
{
	int r = write_file(w, TRB_EIF_KERNEL, parts->kernel, err);

	if (r == TRB_OK)
		r = write_bytes(w, TRB_EIF_CMDLINE, parts->cmdline, err);
	if (r == TRB_OK)
		r = write_bytes(w, TRB_EIF_METADATA, parts->metadata, err);
	for (size_t i = 0; r == TRB_OK && i < parts->n_ramdisks; i++)
		r = parts->ramdisks[i].plan != NULL
			    ? write_plan(w, parts->ramdisks[i].plan, err)
			    : write_file(w, TRB_EIF_RAMDISK, parts->ramdisks[i].file, err);
	return r;
}

static int write_all(struct writer *w, const struct eif_parts *parts,
		     struct eif_measurement *measured, trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *signature = NULL;
	int r = trb_write_full(w->fd, TRB_BYTES(w->layout.raw, EIF_HEADER_SIZE), err);

	w->at = EIF_HEADER_SIZE;
	w->crc = crc32(0, NULL, 0);
	if (r == TRB_OK)
		r = trb_eif_meter_new(trb_eif_thread_new(), &w->meter, err);
	if (r == TRB_OK)
		r = write_measured(w, parts, err);
	if (r == TRB_OK)
		r = trb_eif_meter_finish(w->meter, measured->pcr, err);
	if (r == TRB_OK && parts->cert_pem.len > 0)
		r = trb_eif_sign(parts->cert_pem, parts->key_pem, measured->pcr[0], &signature,
				 err);
	if (r == TRB_OK && signature != NULL)
		r = write_bytes(w, TRB_EIF_SIGNATURE, trb_blob_bytes(signature), err);
	return r < 0 ? r : write_header(w, parts->flags, &measured->crc, err);
}

int trb_eif_write(int fd, const struct eif_parts *parts, struct eif_measurement *ret_measured,
		  trb_error **err)
{
	_cleanup_free_ uint8_t *first = malloc(CHUNK), *second = malloc(CHUNK);
	_cleanup_free_ struct writer *w = calloc(1, sizeof(*w));
	struct eif_measurement measured;
	int r;

	if (first == NULL || second == NULL || w == NULL)
		return trb_fail_nomem(err);
	w->fd = fd;
	w->chunks[0] = first;
	w->chunks[1] = second;
	r = write_all(w, parts, &measured, err);
	if (w->meter != NULL)
		trb_eif_meter_free(w->meter);
	if (r == TRB_OK)
		*ret_measured = measured;
	return r;
}
