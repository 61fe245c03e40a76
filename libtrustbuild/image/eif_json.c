/* SPDX-License-Identifier: Apache-2.0 */
/* An image as JSON, with the names of nitro-cli. */
#include <stdio.h>

#include <cjson/cJSON.h>

#include "image/eif.h"

/* What nitro-cli prints for its only algorithm. */
#define HASH_ALGORITHM "Sha384 { ... }"

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

static int finish(struct json_out *o, trb_blob **ret_json, trb_error **err)
{
	char *text = o->failed ? NULL : cJSON_Print(o->root);
	int r;

	cJSON_Delete(o->root);
	if (text == NULL)
		return trb_fail_nomem(err);
	r = trb_blob_new(trb_bytes_str(text), ret_json, err);
	cJSON_free(text);
	return r;
}

int trb_eif_measurements_json(const trb_eif *eif, trb_blob **ret_json, trb_error **err)
{
	struct json_out o = { cJSON_CreateObject(), false };

	put_measurements(&o, o.root, eif);
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

/* JSON has no bytes: a command line that is not UTF-8 is given in hexadecimal. */
static void put_cmdline(struct json_out *o, const trb_eif *eif)
{
	trb_bytes cmdline = trb_eif_get_cmdline(eif);
	bool text = trb_utf8_valid(cmdline) && memchr(cmdline.ptr, '\0', cmdline.len) == NULL;
	char *copy = malloc(2 * cmdline.len + 1);

	if (copy == NULL) {
		o->failed = true;
		return;
	}
	if (text) {
		memcpy(copy, cmdline.ptr, cmdline.len);
		copy[cmdline.len] = '\0';
	} else {
		trb_hex_encode(cmdline, copy);
	}
	put_text(o, o->root, text ? "Cmdline" : "CmdlineHex", copy);
	free(copy);
}

int trb_eif_describe_json(const trb_eif *eif, trb_blob **ret_json, trb_error **err)
{
	struct json_out o = { cJSON_CreateObject(), false };
	cJSON *measurements = cJSON_AddObjectToObject(o.root, "Measurements");
	const char *signer = trb_eif_signer(eif);

	put_number(&o, o.root, "EifVersion", trb_eif_get_version(eif));
	put_text(&o, o.root, "Architecture", trb_eif_get_architecture(eif));
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
