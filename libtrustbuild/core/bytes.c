/* SPDX-License-Identifier: Apache-2.0 */
/* Views of bytes, shared blobs, UTF-8, hexadecimal digits. */
#include "core/bytes.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "core/error.h"

struct trb_blob {
	atomic_uint refs;
	size_t len;
	uint8_t *ptr;
	void (*drop)(void *arg);
	void *arg;
};

bool trb_bytes_eq(trb_bytes a, trb_bytes b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool trb_bytes_eq_str(trb_bytes a, const char *s)
{
	return trb_bytes_eq(a, trb_bytes_str(s));
}

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

bool trb_bytes_eq_nocase(trb_bytes a, trb_bytes b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (lower(a.ptr[i]) != lower(b.ptr[i]))
			return false;
	return true;
}

int trb_bytes_cmp(trb_bytes a, trb_bytes b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int c = n > 0 ? memcmp(a.ptr, b.ptr, n) : 0;

	return c != 0 ? c : (a.len > b.len) - (a.len < b.len);
}

bool trb_bytes_all_zero(trb_bytes a)
{
	for (size_t i = 0; i < a.len; i++)
		if (a.ptr[i] != 0)
			return false;
	return true;
}

trb_bytes trb_bytes_take(trb_bytes *in, size_t n)
{
	trb_bytes head = { in->ptr, n };

	if (n > in->len)
		return TRB_BYTES_NULL;
	if (n > 0)
		in->ptr += n;
	in->len -= n;
	return head;
}

/* The length of the well-formed sequence of two bytes or more (RFC 3629, section 4) at p, or 0. */
static size_t utf8_sequence(const uint8_t *p, size_t left)
{
	static const struct {
		uint8_t lo, hi, second_lo, second_hi, len;
	} rows[] = {
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 },
		{ 0xee, 0xef, 0x80, 0xbf, 3 }, { 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (p[0] < rows[i].lo || p[0] > rows[i].hi)
			continue;
		if (rows[i].len > left)
			return 0;
		if (p[1] < rows[i].second_lo || p[1] > rows[i].second_hi)
			return 0;
		for (size_t k = 2; k < rows[i].len; k++)
			if ((p[k] & 0xc0) != 0x80)
				return 0;
		return rows[i].len;
	}
	return 0;
}

size_t trb_utf8_prefix(trb_bytes text)
{
	size_t i = 0;

	while (i < text.len) {
		size_t n = text.ptr[i] < 0x80 ? 1 : utf8_sequence(text.ptr + i, text.len - i);

		if (n == 0)
			break;
		i += n;
	}
	return i;
}

size_t trb_utf8_char(trb_bytes text, uint32_t *ret)
{
	size_t n = text.len == 0 ? 0 : text.ptr[0] < 0x80 ? 1 : utf8_sequence(text.ptr, text.len);

	if (n > 0)
		*ret = n == 1 ? text.ptr[0] : text.ptr[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++)
		*ret = *ret << 6 | (text.ptr[i] & 0x3fu);
	return n;
}

bool trb_utf8_valid(trb_bytes text)
{
	return trb_utf8_prefix(text) == text.len;
}

void trb_hex_encode(trb_bytes in, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < in.len; i++) {
		out[2 * i] = digits[in.ptr[i] >> 4];
		out[2 * i + 1] = digits[in.ptr[i] & 15];
	}
	out[2 * in.len] = '\0';
}

static int hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool trb_hex_decode(trb_bytes text, uint8_t *out, size_t n)
{
	if (text.len != 2 * n)
		return false;
	for (size_t i = 0; i < n; i++) {
		int hi = hex_value(text.ptr[2 * i]), lo = hex_value(text.ptr[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return false;
		out[i] = (uint8_t)(hi << 4 | lo);
	}
	return true;
}

int trb_blob_adopt(uint8_t *buf, size_t len, trb_blob **ret_blob, trb_error **err)
{
	trb_blob *blob = malloc(sizeof(*blob));

	if (blob == NULL) {
		free(buf);
		return trb_fail_nomem(err);
	}
	atomic_init(&blob->refs, 1);
	blob->ptr = buf;
	blob->len = len;
	blob->drop = NULL;
	*ret_blob = blob;
	return TRB_OK;
}

int trb_blob_new(trb_bytes bytes, trb_blob **ret_blob, trb_error **err)
{
	uint8_t *copy = malloc(bytes.len > 0 ? bytes.len : 1);

	if (copy == NULL)
		return trb_fail_nomem(err);
	if (bytes.len > 0)
		memcpy(copy, bytes.ptr, bytes.len);
	return trb_blob_adopt(copy, bytes.len, ret_blob, err);
}

void trb_blob_attach(trb_blob *blob, void (*drop)(void *arg), void *arg)
{
	blob->drop = drop;
	blob->arg = arg;
}

trb_blob *trb_blob_ref(trb_blob *blob)
{
	if (blob != NULL)
		atomic_fetch_add_explicit(&blob->refs, 1, memory_order_relaxed);
	return blob;
}

trb_blob *trb_blob_unref(trb_blob *blob)
{
	if (blob == NULL || atomic_fetch_sub_explicit(&blob->refs, 1, memory_order_acq_rel) > 1)
		return NULL;
	if (blob->drop != NULL)
		blob->drop(blob->arg);
	free(blob->ptr);
	free(blob);
	return NULL;
}

trb_bytes trb_blob_bytes(const trb_blob *blob)
{
	return blob != NULL ? TRB_BYTES(blob->ptr, blob->len) : TRB_BYTES_NULL;
}
