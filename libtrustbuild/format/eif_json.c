/* SPDX-License-Identifier: Apache-2.0 */
/* An image as JSON, with the names of nitro-cli. */
#include <stdio.h>

#include <cjson/cJSON.h>

#include "format/eif.h"

/* What nitro-cli prints for its only algorithm. */
#define HASH_ALGORITHM "Sha384 { ... }"
/* Metadata with their indentation, each character as \\uNNNN, are far below. */
#define JSON_MAX    (64u << 20)
#define CMDLINE_MAX (EIF_MAX_CMDLINE * TRB_ESCAPED_SIZE)

struct json_out {
	cJSON *root;
	bool failed;
};

static void put_text(struct json_out *o, cJSON *object, const char *name, const char *text)
{
	o->failed |= cJSON_AddStringToObject(object, name, text) == NULL;
}

static void put_number(struct json_out *o, cJSON *object, const char *name, uint64_t number)
{
	o->failed |= cJSON_AddNumberToObject(object, name, (double)number) == NULL;
}

static void put_pcr(struct json_out *o, cJSON *object, const trb_eif *eif, unsigned index)
{
	trb_bytes pcr = trb_eif_get_pcr(eif, index);
	char name[8], hex[2 * SHA384_SIZE + 1];

	if (pcr.len != SHA384_SIZE)
		return;
	snprintf(name, sizeof(name), "PCR%u", index);
	trb_hex_encode(pcr, hex);
	put_text(o, object, name, hex);
}

static void put_measurements(struct json_out *o, cJSON *object, const trb_eif *eif)
{
	static const unsigned indexes[] = { 0, 1, 2, 8 };

	put_text(o, object, "HashAlgorithm", HASH_ALGORITHM);
	for (size_t i = 0; i < sizeof(indexes) / sizeof(indexes[0]); i++)
		put_pcr(o, object, eif, indexes[i]);
}

static void put_sections(struct json_out *o, cJSON *object, const trb_eif *eif)
{
	cJSON *list = cJSON_AddArrayToObject(object, "Sections");

	o->failed |= list == NULL;
	for (size_t i = 0; list != NULL && i < trb_eif_count_sections(eif); i++) {
		cJSON *entry = cJSON_CreateObject();
		uint64_t offset, size;
		unsigned type;

		if (entry == NULL || !cJSON_AddItemToArray(list, entry) ||
		    trb_eif_get_section(eif, i, &type, &offset, &size, NULL) < 0) {
			o->failed = true;
			return;
		}
		put_text(o, entry, "Type", trb_eif_type_name(type));
		put_number(o, entry, "Offset", offset);
		put_number(o, entry, "Size", size);
	}
}

static void put_flags(struct json_out *o, const trb_eif *eif)
{
	static const struct {
		unsigned flag;
		const char *name;
	} known[] = { { TRB_EIF_FLAG_PCIE, "pcie" }, { TRB_EIF_FLAG_PCIE_VIRTIO, "pcie-virtio" } };
	cJSON *list = cJSON_AddArrayToObject(o->root, "Flags"), *item;
	char name[16];

	o->failed |= list == NULL;
	for (unsigned bit = 1; list != NULL && bit < 16; bit++) {
		if ((trb_eif_get_flags(eif) >> bit & 1) == 0)
			continue;
		snprintf(name, sizeof(name), "bit %u", bit);
		for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			if (known[i].flag == 1u << bit)
				snprintf(name, sizeof(name), "%s", known[i].name);
		item = cJSON_CreateString(name);
		o->failed |= item == NULL || !cJSON_AddItemToArray(list, item);
	}
}

static void put_code_unit(struct trb_buf *b, uint32_t c)
{
	if (c > 0xffff) {
		trb_buf_addf(b, "\\u%04x", (unsigned)(0xd800 + ((c - 0x10000) >> 10)));
		c = 0xdc00 + ((c - 0x10000) & 0x3ff);
	}
	trb_buf_addf(b, "\\u%04x", (unsigned)c);
}

/* What is not ASCII stands in strings alone, and is escaped there whatever it looks like. */
static void put_ascii(struct trb_buf *b, trb_bytes json)
{
	while (json.len > 0) {
		uint32_t c = 0xfffd;
		size_t n = trb_utf8_char(json, &c);

		if (n == 1 && c != 0x7f)
			trb_buf_add_byte(b, (uint8_t)c);
		else
			put_code_unit(b, n > 0 ? c : 0xfffd);
		trb_bytes_take(&json, n > 0 ? n : 1);
	}
}

static int finish(struct json_out *o, trb_blob **ret_json, trb_error **err)
{
	char *text = o->failed ? NULL : cJSON_Print(o->root);
	_cleanup_buf_ struct trb_buf b;

	trb_buf_init(&b, JSON_MAX);
	cJSON_Delete(o->root);
	if (text == NULL)
		return trb_fail_nomem(err);
	put_ascii(&b, trb_bytes_str(text));
	cJSON_free(text);
	return trb_buf_to_blob(&b, "the description", ret_json, err);
}

int trb_eif_measurements_json(const trb_eif *eif, trb_blob **ret_json, trb_error **err)
{
	struct json_out o = { cJSON_CreateObject(), false };

	put_measurements(&o, cJSON_AddObjectToObject(o.root, "Measurements"), eif);
	put_flags(&o, eif);
	put_sections(&o, o.root, eif);
	return finish(&o, ret_json, err);
}

static void put_name(struct json_out *o, const cJSON *metadata, const char *name)
{
	const cJSON *value = cJSON_GetObjectItemCaseSensitive(metadata, name);

	if (cJSON_IsString(value))
		put_text(o, o->root, name, value->valuestring);
}

static void put_metadata(struct json_out *o, const trb_eif *eif)
{
	trb_bytes text = trb_eif_get_metadata(eif);
	cJSON *metadata;

	if (text.len == 0)
		return;
	metadata = cJSON_ParseWithLength((const char *)text.ptr, text.len);
	put_name(o, metadata, "ImageName");
	put_name(o, metadata, "ImageVersion");
	if (metadata == NULL || !cJSON_AddItemToObject(o->root, "Metadata", metadata)) {
		cJSON_Delete(metadata);
		o->failed = true;
	}
}

/* JSON has no bytes: of what is no text each byte is shown that is none, and all are given. */
static void put_cmdline(struct json_out *o, const trb_eif *eif)
{
	trb_bytes cmdline = trb_eif_get_cmdline(eif);
	bool text = trb_utf8_valid(cmdline) && memchr(cmdline.ptr, '\0', cmdline.len) == NULL;
	_cleanup_free_ char *hex = malloc(2 * cmdline.len + 1);
	_cleanup_buf_ struct trb_buf shown;
	char one[TRB_ESCAPED_SIZE];

	trb_buf_init(&shown, CMDLINE_MAX);
	for (trb_bytes rest = cmdline; !text && rest.len > 0;) {
		trb_bytes_take(&rest, trb_escape_char(rest, one));
		trb_buf_add_str(&shown, one);
	}
	if (text)
		trb_buf_add(&shown, cmdline);
	trb_buf_add_byte(&shown, '\0');
	if (hex == NULL || shown.status < 0) {
		o->failed = true;
		return;
	}
	put_text(o, o->root, "Cmdline", (const char *)trb_buf_bytes(&shown).ptr);
	trb_hex_encode(cmdline, hex);
	if (!text)
		put_text(o, o->root, "CmdlineHex", hex);
}

int trb_eif_describe_json(const trb_eif *eif, trb_blob **ret_json, trb_error **err)
{
	struct json_out o = { cJSON_CreateObject(), false };
	cJSON *measurements = cJSON_AddObjectToObject(o.root, "Measurements");
	const char *signer = trb_eif_signer(eif);

	put_number(&o, o.root, "EifVersion", trb_eif_get_version(eif));
	put_text(&o, o.root, "Architecture", trb_eif_get_architecture(eif));
	put_flags(&o, eif);
	put_measurements(&o, measurements, eif);
	o.failed |= cJSON_AddBoolToObject(o.root, "IsSigned", signer != NULL) == NULL;
	o.failed |= cJSON_AddBoolToObject(o.root, "CheckCRC", true) == NULL;
	if (signer != NULL) {
		o.failed |= cJSON_AddBoolToObject(o.root, "SignatureCheck", true) == NULL;
		put_text(&o, o.root, "Signer", signer);
	}
	put_cmdline(&o, eif);
	put_sections(&o, o.root, eif);
	put_metadata(&o, eif);
	return finish(&o, ret_json, err);
}
