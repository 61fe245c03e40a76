/* SPDX-License-Identifier: Apache-2.0 */
/* The form of an enclave image: two views of its sections, which must agree. */
#include <string.h>

#include "format/eif.h"

static const struct {
	const char *name;
	uint64_t max;
	unsigned min_version;
} types[] = {
	[TRB_EIF_KERNEL] = { "kernel", EIF_MAX_SIZE, EIF_VERSION_MIN },
	[TRB_EIF_CMDLINE] = { "cmdline", EIF_MAX_CMDLINE, EIF_VERSION_MIN },
	[TRB_EIF_RAMDISK] = { "ramdisk", EIF_MAX_SIZE, EIF_VERSION_MIN },
	[TRB_EIF_SIGNATURE] = { "signature", EIF_MAX_SIGNATURE, EIF_VERSION_SIGNED },
	[TRB_EIF_METADATA] = { "metadata", EIF_MAX_METADATA, EIF_VERSION_METADATA },
};
#define N_TYPES (sizeof(types) / sizeof(types[0]))

const char *trb_eif_type_name(unsigned type)
{
	return type > 0 && type < N_TYPES ? types[type].name : "unknown";
}

void trb_eif_section_head(const struct eif_section *section, uint8_t out[EIF_SECTION_HEADER])
{
	eif_put_be(out, section->type, 2);
	eif_put_be(out + 2, 0, 2);
	eif_put_be(out + 4, section->size, 8);
}

static int parse_header(struct eif_layout *l, trb_error **err)
{
	const uint8_t *h = l->raw;

	if (memcmp(h, ".eif", 4) != 0)
		return trb_fail(err, TRB_E_FORMAT, "not an enclave image: no '.eif' at byte 0");
	l->version = (unsigned)eif_be(h + 4, 2);
	if (l->version < EIF_VERSION_MIN || l->version > EIF_VERSION_MAX)
		return trb_fail(err, TRB_E_FORMAT,
				"format version %u at byte 4: this release reads 2 to 4",
				l->version);
	l->flags = (unsigned)eif_be(h + 6, 2);
	l->default_memory = eif_be(h + 8, 8);
	l->default_cpus = eif_be(h + 16, 8);
	if (eif_be(h + 24, 2) != 0)
		return trb_fail(err, TRB_E_FORMAT, "reserved bytes at 24 are not zero");
	l->n_sections = (size_t)eif_be(h + 26, 2);
	if (l->n_sections < 2 || l->n_sections > EIF_MAX_SECTIONS)
		return trb_fail(err, TRB_E_FORMAT,
				"%zu sections according to byte 26, an image has 2 to %u",
				l->n_sections, EIF_MAX_SECTIONS);
	if (eif_be(h + 540, 4) != 0)
		return trb_fail(err, TRB_E_FORMAT, "unused bytes at 540 are not zero");
	l->crc = (uint32_t)eif_be(h + EIF_CRC_OFFSET, 4);
	return TRB_OK;
}

static int check_section_head(const struct eif_layout *l, const uint8_t *head,
			      struct eif_section *s, uint64_t at, uint64_t left, trb_error **err)
{
	s->type = (unsigned)eif_be(head, 2);
	s->size = eif_be(head + 4, 8);
	if (s->type == 0 || s->type >= N_TYPES)
		return trb_fail(err, TRB_E_FORMAT, "unknown section type %u at byte %llu", s->type,
				(unsigned long long)at);
	if (eif_be(head + 2, 2) != 0)
		return trb_fail(err, TRB_E_FORMAT, "unknown flags of the %s section at byte %llu",
				types[s->type].name, (unsigned long long)at + 2);
	if (l->version < types[s->type].min_version)
		return trb_fail(err, TRB_E_FORMAT,
				"%s section at byte %llu in an image of version %u",
				types[s->type].name, (unsigned long long)at, l->version);
	if (s->size > left)
		return trb_fail(err, TRB_E_FORMAT,
				"%s section at byte %llu claims %llu bytes, the file has %llu more",
				types[s->type].name, (unsigned long long)at,
				(unsigned long long)s->size, (unsigned long long)left);
	if (s->size > types[s->type].max)
		return trb_fail(err, TRB_E_LIMIT, "%s section of %llu bytes, at most %llu are read",
				types[s->type].name, (unsigned long long)s->size,
				(unsigned long long)types[s->type].max);
	return TRB_OK;
}

/* The sequential view is what the official reader follows, the table is what QEMU follows. */
static int check_table(const struct eif_layout *l, size_t i, uint64_t at, trb_error **err)
{
	uint64_t offset = eif_be(l->raw + 28 + 8 * i, 8), size = eif_be(l->raw + 284 + 8 * i, 8);

	if (offset != at)
		return trb_fail(err, TRB_E_FORMAT,
				"the header's table puts section %zu at byte %llu, it is at %llu",
				i, (unsigned long long)offset, (unsigned long long)at);
	if (size != l->sections[i].size)
		return trb_fail(
			err, TRB_E_FORMAT,
			"the header's table gives section %zu (%s) %llu bytes, its own header %llu"
			" (some signing tools leave this behind: pack and sign again)",
			i, types[l->sections[i].type].name, (unsigned long long)size,
			(unsigned long long)l->sections[i].size);
	return TRB_OK;
}

static int walk_sections(const struct eif_source *source, struct eif_layout *l, trb_error **err)
{
	uint64_t at = EIF_HEADER_SIZE, file_size = source->size;

	for (size_t i = 0; i < l->n_sections; i++) {
		struct eif_section *s = &l->sections[i];
		uint8_t head[EIF_SECTION_HEADER];
		int r;

		if (file_size - at < EIF_SECTION_HEADER)
			return trb_fail(
				err, TRB_E_FORMAT,
				"the file ends at byte %llu, where section %zu of %zu begins",
				(unsigned long long)file_size, i, l->n_sections);
		r = source->read(source->user, head, sizeof(head), at, err);
		if (r == TRB_OK)
			r = check_section_head(l, head, s, at, file_size - at - sizeof(head), err);
		if (r == TRB_OK)
			r = check_table(l, i, at, err);
		if (r < 0)
			return r;
		s->offset = at + sizeof(head);
		at = s->offset + s->size;
	}
	if (at != file_size)
		return trb_fail(err, TRB_E_FORMAT,
				"%llu bytes after the last section, from byte %llu on",
				(unsigned long long)(file_size - at), (unsigned long long)at);
	return TRB_OK;
}

static int check_unused_table(const struct eif_layout *l, trb_error **err)
{
	for (size_t i = l->n_sections; i < EIF_MAX_SECTIONS; i++)
		if (eif_be(l->raw + 28 + 8 * i, 8) != 0 || eif_be(l->raw + 284 + 8 * i, 8) != 0)
			return trb_fail(
				err, TRB_E_FORMAT,
				"the header's table has an entry %zu, but only %zu sections", i,
				l->n_sections);
	return TRB_OK;
}

static int check_order(const struct eif_layout *l, size_t counts[N_TYPES], trb_error **err)
{
	for (size_t i = 0; i < l->n_sections; i++) {
		unsigned type = l->sections[i].type;
		unsigned long long at = l->sections[i].offset - EIF_SECTION_HEADER;

		if (type == TRB_EIF_RAMDISK && counts[TRB_EIF_KERNEL] == 0)
			return trb_fail(err, TRB_E_FORMAT, "ramdisk at byte %llu before the kernel",
					at);
		if (type != TRB_EIF_RAMDISK && counts[type] > 0)
			return trb_fail(err, TRB_E_FORMAT, "a second %s section at byte %llu",
					types[type].name, at);
		counts[type]++;
	}
	return TRB_OK;
}

static int check_kinds(const struct eif_layout *l, trb_error **err)
{
	static const unsigned needed[] = { TRB_EIF_KERNEL, TRB_EIF_CMDLINE, TRB_EIF_RAMDISK };
	size_t counts[N_TYPES] = { 0 };
	int r = check_order(l, counts, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (counts[needed[i]] == 0)
			return trb_fail(err, TRB_E_FORMAT, "no %s section", types[needed[i]].name);
	if (l->version >= EIF_VERSION_METADATA && counts[TRB_EIF_METADATA] == 0)
		return trb_fail(err, TRB_E_FORMAT, "no metadata section, which version %u demands",
				l->version);
	return TRB_OK;
}

static int check_size(uint64_t size, trb_error **err)
{
	if (size < EIF_HEADER_SIZE)
		return trb_fail(err, TRB_E_FORMAT,
				"%llu bytes are too few for an image's header of %u",
				(unsigned long long)size, EIF_HEADER_SIZE);
	if (size > EIF_MAX_SIZE)
		return trb_fail(err, TRB_E_LIMIT, "the image has %llu bytes, at most %llu are read",
				(unsigned long long)size, EIF_MAX_SIZE);
	return TRB_OK;
}

int trb_eif_read_layout(const struct eif_source *source, struct eif_layout *ret_layout,
			trb_error **err)
{
	struct eif_layout l = { 0 };
	int r = check_size(source->size, err);

	if (r == TRB_OK)
		r = source->read(source->user, l.raw, sizeof(l.raw), 0, err);
	if (r == TRB_OK)
		r = parse_header(&l, err);
	if (r == TRB_OK)
		r = walk_sections(source, &l, err);
	if (r == TRB_OK)
		r = check_unused_table(&l, err);
	if (r == TRB_OK)
		r = check_kinds(&l, err);
	if (r == TRB_OK)
		*ret_layout = l;
	return r;
}
