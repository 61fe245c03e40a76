/* SPDX-License-Identifier: Apache-2.0 */
/* The public object: an image that was read, checked and measured. */
#include <stdatomic.h>
#include <string.h>

#include "format/eif.h"
#include "format/json.h"

struct trb_eif {
	atomic_uint refs;
	struct eif_layout layout;
	struct eif_measurement measured;
	bool is_signed;
	uint8_t pcr8[SHA384_SIZE];
	char *signer;
	trb_blob *cmdline, *metadata;
};

trb_eif *trb_eif_ref(trb_eif *eif)
{
	if (eif != NULL)
		atomic_fetch_add_explicit(&eif->refs, 1, memory_order_relaxed);
	return eif;
}

trb_eif *trb_eif_unref(trb_eif *eif)
{
	if (eif == NULL || atomic_fetch_sub_explicit(&eif->refs, 1, memory_order_acq_rel) > 1)
		return NULL;
	trb_blob_unref(eif->cmdline);
	trb_blob_unref(eif->metadata);
	free(eif->signer);
	free(eif);
	return NULL;
}

static const struct eif_section *find_section(const trb_eif *eif, unsigned type)
{
	for (size_t i = 0; i < eif->layout.n_sections; i++)
		if (eif->layout.sections[i].type == type)
			return &eif->layout.sections[i];
	return NULL;
}

/* A small section as a blob; *ret stays NULL where there is none. */
static int load_section(const trb_eif *eif, const struct eif_source *source, unsigned type,
			trb_blob **ret, trb_error **err)
{
	const struct eif_section *s = find_section(eif, type);
	uint8_t *bytes;
	int r;

	if (s == NULL)
		return TRB_OK;
	bytes = malloc(s->size + 1);
	if (bytes == NULL)
		return trb_fail_nomem(err);
	r = source->read(source->user, bytes, s->size, s->offset, err);
	if (r < 0) {
		free(bytes);
		return r;
	}
	return trb_blob_adopt(bytes, s->size, ret, err);
}

/* cJSON does not say why: is there memory, and does it fail again?  NULL: out of memory; else the
 * tree, which is no object where the text is none. */
static cJSON *parse_metadata(trb_bytes text, const char **ret_end)
{
	cJSON *json = cJSON_ParseWithLengthOpts((const char *)text.ptr, text.len, ret_end, false);

	if (json != NULL)
		return json;
	json = cJSON_CreateNull();
	if (json == NULL)
		return NULL;
	cJSON_Delete(json);
	json = cJSON_ParseWithLengthOpts((const char *)text.ptr, text.len, ret_end, false);
	return json != NULL ? json : cJSON_CreateNull();
}

/* Two readers of a name that stands twice may see two values. */
static int check_names(const cJSON *metadata, trb_error **err)
{
	const cJSON *twice = NULL;
	int r = trb_json_find_twice(metadata, &twice, err);

	if (r == TRB_OK && twice != NULL)
		return trb_fail(err, TRB_E_FORMAT,
				"metadata section: the name '%.64s' stands twice", twice->string);
	return r;
}

static int check_metadata(trb_bytes text, trb_error **err)
{
	const char *end = NULL, *why;
	cJSON *json;
	int r = TRB_OK;

	if (!trb_utf8_valid(text) || memchr(text.ptr, '\0', text.len) != NULL)
		return trb_fail(err, TRB_E_FORMAT, "metadata section: not UTF-8 text");
	why = trb_json_shape_fault(text);
	if (why != NULL)
		return trb_fail(err, TRB_E_FORMAT, "metadata section: %s", why);
	json = parse_metadata(text, &end);
	if (json == NULL)
		return trb_fail_nomem(err);
	while (cJSON_IsObject(json) && end < (const char *)text.ptr + text.len &&
	       strchr(" \t\r\n", *end) != NULL)
		end++;
	if (!cJSON_IsObject(json) || end != (const char *)text.ptr + text.len)
		r = trb_fail(err, TRB_E_FORMAT, "metadata section: not one JSON object");
	else
		r = check_names(json, err);
	cJSON_Delete(json);
	return r;
}

static int check_signature(trb_eif *eif, const struct eif_source *source, trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *section = NULL;
	int r = load_section(eif, source, TRB_EIF_SIGNATURE, &section, err);

	if (r < 0 || section == NULL)
		return r;
	r = trb_eif_check_signature(trb_blob_bytes(section), eif->measured.pcr[0], eif->pcr8,
				    &eif->signer, err);
	eif->is_signed = r == TRB_OK;
	return r;
}

static int open_into(trb_eif *eif, const struct eif_source *source,
		     const struct eif_measurement *measured, struct eif_helper *helper,
		     trb_error **err)
{
	int r = trb_eif_read_layout(source, &eif->layout, err);

	if (helper != NULL && (r < 0 || measured != NULL))
		helper->free(helper);
	if (r == TRB_OK && measured != NULL)
		eif->measured = *measured;
	else if (r == TRB_OK)
		r = trb_eif_measure(source, &eif->layout, helper, &eif->measured, err);
	if (r == TRB_OK && eif->measured.crc != eif->layout.crc)
		r = trb_fail(
			err, TRB_E_FORMAT,
			"the CRC at byte %u is %08x, the contents give %08x: damaged or altered",
			EIF_CRC_OFFSET, eif->layout.crc, eif->measured.crc);
	if (r == TRB_OK)
		r = load_section(eif, source, TRB_EIF_CMDLINE, &eif->cmdline, err);
	if (r == TRB_OK)
		r = load_section(eif, source, TRB_EIF_METADATA, &eif->metadata, err);
	if (r == TRB_OK && eif->metadata != NULL)
		r = check_metadata(trb_blob_bytes(eif->metadata), err);
	return r < 0 ? r : check_signature(eif, source, err);
}

int trb_eif_open_source(const struct eif_source *source, const struct eif_measurement *measured,
			struct eif_helper *helper, trb_eif **ret_eif, trb_error **err)
{
	trb_eif *eif = calloc(1, sizeof(*eif));
	int r;

	if (eif == NULL) {
		if (helper != NULL)
			helper->free(helper);
		return trb_fail_nomem(err);
	}
	atomic_init(&eif->refs, 1);
	r = open_into(eif, source, measured, helper, err);
	if (r < 0) {
		trb_eif_unref(eif);
		return r;
	}
	*ret_eif = eif;
	return TRB_OK;
}

trb_bytes trb_eif_get_pcr(const trb_eif *eif, unsigned index)
{
	if (index < 3)
		return TRB_BYTES(eif->measured.pcr[index], SHA384_SIZE);
	if (index == 8 && eif->is_signed)
		return TRB_BYTES(eif->pcr8, SHA384_SIZE);
	return TRB_BYTES_NULL;
}

unsigned trb_eif_get_version(const trb_eif *eif)
{
	return eif->layout.version;
}

const char *trb_eif_get_architecture(const trb_eif *eif)
{
	return eif->layout.flags & TRB_EIF_FLAG_AARCH64 ? "aarch64" : "x86_64";
}

unsigned trb_eif_get_flags(const trb_eif *eif)
{
	return eif->layout.flags;
}

trb_bytes trb_eif_get_cmdline(const trb_eif *eif)
{
	return trb_blob_bytes(eif->cmdline);
}

trb_bytes trb_eif_get_metadata(const trb_eif *eif)
{
	return eif->metadata != NULL ? trb_blob_bytes(eif->metadata) : TRB_BYTES_NULL;
}

const char *trb_eif_signer(const trb_eif *eif)
{
	return eif->signer;
}

size_t trb_eif_count_sections(const trb_eif *eif)
{
	return eif->layout.n_sections;
}

int trb_eif_get_section(const trb_eif *eif, size_t index, unsigned *ret_type, uint64_t *ret_offset,
			uint64_t *ret_size, trb_error **err)
{
	const struct eif_section *s = &eif->layout.sections[index % EIF_MAX_SECTIONS];

	if (index >= eif->layout.n_sections)
		return trb_fail(err, TRB_E_INVAL, "section %zu of %zu", index,
				eif->layout.n_sections);
	*ret_type = s->type;
	*ret_offset = s->offset;
	*ret_size = s->size;
	return TRB_OK;
}
