/* SPDX-License-Identifier: Apache-2.0 */
/* image.lock: what went into an image, for whoever wants to make it again or look for a fault. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "core/io.h"
#include "format/json.h"
#include "image/image.h"

#define MAX_TABLE (4u << 20)
#define MAX_LOCK  (8u << 20)

int trb_image_lock_path(const char *out, char **ret_path, trb_error **err)
{
	size_t len = strlen(out);

	if (len > 4 && strcmp(out + len - 4, ".eif") == 0)
		len -= 4;
	if (asprintf(ret_path, "%.*s.lock", (int)len, out) < 0) {
		*ret_path = NULL;
		return trb_fail_nomem(err);
	}
	return TRB_OK;
}

/* The next field of a line, and the next line of a table. */
static trb_bytes until(trb_bytes *rest, char end)
{
	const uint8_t *at = rest->len > 0 ? memchr(rest->ptr, end, rest->len) : NULL;
	trb_bytes field = { rest->ptr, at != NULL ? (size_t)(at - rest->ptr) : rest->len };

	trb_bytes_take(rest, at != NULL ? field.len + 1 : field.len);
	return field;
}

static int load_table(const trb_image *image, enum image_part part, const char *name,
		      trb_blob **ret, trb_error **err)
{
	_cleanup_free_ char *path = NULL;
	int r = trb_image_part_path(image, part, name, &path, err);

	return r < 0 ? r : trb_read_file(AT_FDCWD, path, MAX_TABLE, ret, err);
}

static int put_packages(struct trb_json_out *out, const trb_image *image, enum image_part part,
			const char *table, const char *name, trb_error **err)
{
	static const char *const fields[] = { "name", "version", "architecture", "sha256" };
	_cleanup_(trb_blob_unrefp) trb_blob *blob = NULL;
	int r = load_table(image, part, table, &blob, err);
	trb_bytes rest;

	if (r < 0)
		return r;
	trb_json_member_open(out, name, '[');
	for (rest = trb_blob_bytes(blob); rest.len > 0;) {
		trb_bytes line = until(&rest, '\n');

		trb_json_open(out, '{');
		for (size_t i = 0; i < 4; i++)
			trb_json_member_text(out, fields[i], until(&line, '\t'));
		trb_json_close(out, '}');
	}
	trb_json_close(out, ']');
	return TRB_OK;
}

static int put_files(struct trb_json_out *out, const trb_image *image, trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *blob = NULL;
	int r = load_table(image, PART_USERLAND, "files", &blob, err);
	trb_bytes rest;

	if (r < 0)
		return r;
	trb_json_member_open(out, "files", '{');
	for (rest = trb_blob_bytes(blob); rest.len > 0;) {
		trb_bytes line = until(&rest, '\n'), digest = until(&line, ' ');
		char path[PATH_MAX];

		until(&line, ' '); /* sha256sum writes two */
		snprintf(path, sizeof(path), "%.*s", (int)line.len, (const char *)line.ptr);
		trb_json_member_text(out, path, digest);
	}
	trb_json_close(out, '}');
	return TRB_OK;
}

static int put_sources(struct trb_json_out *out, const trb_image *image, trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *blob = NULL;
	int r = load_table(image, PART_ROOTFS, "sources.list", &blob, err);
	trb_bytes rest;

	if (r < 0)
		return r;
	trb_json_member_open(out, "sources", '[');
	for (rest = trb_blob_bytes(blob); rest.len > 0;)
		trb_json_put_text(out, until(&rest, '\n'));
	trb_json_close(out, ']');
	return TRB_OK;
}

static int put_digest(struct trb_json_out *out, const trb_image *image, enum image_part part,
		      const char *name, trb_error **err)
{
	_cleanup_free_ char *path = NULL;
	char hex[SHA256_HEX];
	int r = trb_image_part_path(image, part, name, &path, err);

	if (r == TRB_OK)
		r = trb_image_file_hex(path, hex, err);
	if (r == TRB_OK)
		trb_json_member_str(out, "sha256", hex);
	return r;
}

static int put_rootfs(struct trb_json_out *out, const trb_image *image, trb_error **err)
{
	bool made = trb_image_value(image, IMAGE_ROOTFS) == NULL;
	int r;

	trb_json_member_open(out, "rootfs", '{');
	r = put_digest(out, image, PART_ROOTFS, "rootfs.erofs", err);
	if (r == TRB_OK && made)
		r = put_sources(out, image, err);
	if (r == TRB_OK && made)
		r = put_packages(out, image, PART_ROOTFS, "packages.tsv", "packages", err);
	trb_json_close(out, '}');
	return r;
}

static int put_runsc(struct trb_json_out *out, const trb_image *image, trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *table = NULL;
	trb_bytes rest;
	int r;

	trb_json_member_open(out, "runsc", '{');
	r = put_digest(out, image, PART_RUNSC, "runsc", err);
	if (r == TRB_OK && trb_image_value(image, IMAGE_RUNSC) == NULL) {
		r = load_table(image, PART_RUNSC, "runsc.tsv", &table, err);
		if (r < 0)
			return r;
		rest = trb_blob_bytes(table);
		trb_json_member_text(out, "module", until(&rest, '\t'));
		trb_json_member_text(out, "version", until(&rest, '\t'));
		trb_json_member_text(out, "toolchain", until(&rest, '\t'));
	}
	trb_json_close(out, '}');
	return r;
}

static int put_kernel(struct trb_json_out *out, const trb_image *image, trb_error **err)
{
	int r;

	trb_json_member_open(out, "kernel", '{');
	r = put_digest(out, image, PART_ROOTFS, "vmlinuz", err);
	if (r == TRB_OK && trb_image_value(image, IMAGE_KERNEL) == NULL)
		r = put_packages(out, image, PART_ROOTFS, "kernel.tsv", "packages", err);
	trb_json_close(out, '}');
	return r;
}

static int put_userland(struct trb_json_out *out, const trb_image *image, trb_error **err)
{
	int r;

	trb_json_member_open(out, "userland", '{');
	r = put_packages(out, image, PART_USERLAND, "packages.tsv", "packages", err);
	if (r == TRB_OK)
		r = put_files(out, image, err);
	trb_json_close(out, '}');
	return r;
}

static void put_measurements(struct trb_json_out *out, const trb_eif *eif)
{
	char name[8];

	trb_json_member_open(out, "measurements", '{');
	for (unsigned i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "PCR%u", i);
		trb_json_member_hex(out, name, trb_eif_get_pcr(eif, i));
	}
	trb_json_close(out, '}');
}

int trb_image_write_lock(const trb_image *image, const char *lock, const char *inputs,
			 const trb_eif *eif, trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *text = NULL;
	_cleanup_buf_ struct trb_buf b;
	struct trb_json_out out = { .buf = &b, .indent = true };
	bool recipe = image->values[IMAGE_RAMDISK].n == 0;
	int r;

	trb_buf_init(&b, MAX_LOCK);
	trb_json_open(&out, '{');
	trb_json_member_uint(&out, "lock", 1);
	trb_json_member_str(&out, "inputs", inputs);
	put_measurements(&out, eif);
	trb_json_member_uint(&out, "epoch", image->epoch);
	r = put_kernel(&out, image, err);
	if (r == TRB_OK && recipe)
		r = put_runsc(&out, image, err);
	if (r == TRB_OK && recipe)
		r = put_userland(&out, image, err);
	if (r == TRB_OK && recipe)
		r = put_rootfs(&out, image, err);
	trb_json_close(&out, '}');
	if (r == TRB_OK)
		r = trb_buf_to_blob(&b, "image lock", &text, err);
	return r < 0 ? r : trb_write_file(AT_FDCWD, lock, trb_blob_bytes(text), 0644, err);
}

bool trb_image_lock_matches(const char *lock, const char *inputs, char ret_pcr0[97])
{
	_cleanup_(trb_blob_unrefp) trb_blob *text = NULL;
	_cleanup_json_ struct trb_json json = { .what = "image lock" };
	const cJSON *found, *pcr0;

	if (trb_read_file(AT_FDCWD, lock, MAX_LOCK, &text, NULL) < 0 ||
	    trb_json_load(&json, trb_blob_bytes(text), MAX_LOCK, NULL) < 0)
		return false;
	found = cJSON_GetObjectItemCaseSensitive(json.root, "inputs");
	pcr0 = cJSON_GetObjectItemCaseSensitive(
		cJSON_GetObjectItemCaseSensitive(json.root, "measurements"), "PCR0");
	if (!cJSON_IsString(found) || !cJSON_IsString(pcr0) || strlen(pcr0->valuestring) != 96 ||
	    strcmp(found->valuestring, inputs) != 0)
		return false;
	memcpy(ret_pcr0, pcr0->valuestring, 97);
	return true;
}
