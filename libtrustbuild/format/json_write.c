/* SPDX-License-Identifier: Apache-2.0 */
/* JSON in its one spelling, with escapes for whatever is not text. */
#include "format/json.h"

#include <stdlib.h>

#include "core/error.h"
#include "format/base64.h"

static void fail_format(struct trb_json_out *out)
{
	trb_buf_clear(out->buf);
	if (out->buf->status == TRB_OK)
		out->buf->status = TRB_E_FORMAT;
}

static void new_line(struct trb_json_out *out)
{
	if (!out->indent)
		return;
	trb_buf_add_byte(out->buf, '\n');
	for (unsigned i = 0; i < out->depth; i++)
		trb_buf_add_byte(out->buf, '\t');
}

/* What stands between the last value and the next name or value. */
static void before_value(struct trb_json_out *out)
{
	if (out->named) {
		out->named = false;
	} else {
		if (out->comma)
			trb_buf_add_byte(out->buf, ',');
		if (out->depth > 0)
			new_line(out);
	}
	out->comma = true;
}

void trb_json_open(struct trb_json_out *out, char bracket)
{
	before_value(out);
	trb_buf_add_byte(out->buf, (uint8_t)bracket);
	out->comma = false;
	out->depth++;
}

void trb_json_close(struct trb_json_out *out, char bracket)
{
	bool empty = !out->comma;

	out->depth--;
	if (!empty)
		new_line(out);
	trb_buf_add_byte(out->buf, (uint8_t)bracket);
	out->comma = true;
}

/* The code point of the well-formed sequence at p and its length. */
static uint32_t code_point(const uint8_t *p, size_t *n)
{
	if (p[0] < 0x80) {
		*n = 1;
		return p[0];
	}
	if (p[0] < 0xe0) {
		*n = 2;
		return (p[0] & 0x1fu) << 6 | (p[1] & 0x3fu);
	}
	if (p[0] < 0xf0) {
		*n = 3;
		return (p[0] & 0x0fu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
	}
	*n = 4;
	return 0x10000; /* which one does not matter: none is escaped */
}

/* Controls, line separators, bidi controls (Unicode TR 9): they change what a terminal shows. */
static bool must_escape(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x61c || c == 0x200e || c == 0x200f ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

static void put_escaped(struct trb_buf *b, uint32_t c)
{
	static const char short_from[] = "\b\f\n\r\t", short_to[] = "bfnrt";
	const char *at = c < 0x20 ? strchr(short_from, (int)c) : NULL;

	if (at != NULL && *at != '\0')
		trb_buf_addf(b, "\\%c", short_to[at - short_from]);
	else
		trb_buf_addf(b, "\\u%04x", (unsigned)c);
}

/* text is UTF-8. */
static void put_content(struct trb_buf *b, trb_bytes text)
{
	size_t n, plain = 0;

	for (size_t i = 0; i < text.len; i += n) {
		uint32_t c = code_point(text.ptr + i, &n);
		bool quoted = c == '"' || c == '\\';

		if (!quoted && !must_escape(c))
			continue;
		trb_buf_add(b, TRB_BYTES(text.ptr + plain, i - plain));
		plain = i + n;
		if (quoted)
			trb_buf_addf(b, "\\%c", (int)c);
		else
			put_escaped(b, c);
	}
	if (plain < text.len)
		trb_buf_add(b, TRB_BYTES(text.ptr + plain, text.len - plain));
}

void trb_json_put_name(struct trb_json_out *out, const char *name)
{
	trb_json_put_str(out, name);
	trb_buf_add_str(out->buf, out->indent ? ": " : ":");
	out->named = true;
	out->comma = true;
}

void trb_json_put_text(struct trb_json_out *out, trb_bytes text)
{
	before_value(out);
	if (!trb_utf8_valid(text) || (text.len > 0 && memchr(text.ptr, '\0', text.len) != NULL)) {
		fail_format(out);
		return;
	}
	trb_buf_add_byte(out->buf, '"');
	put_content(out->buf, text);
	trb_buf_add_byte(out->buf, '"');
}

void trb_json_put_str(struct trb_json_out *out, const char *text)
{
	trb_json_put_text(out, trb_bytes_str(text));
}

void trb_json_put_lossy(struct trb_json_out *out, trb_bytes text)
{
	before_value(out);
	trb_buf_add_byte(out->buf, '"');
	while (text.len > 0) {
		size_t n = trb_utf8_prefix(text);

		put_content(out->buf, trb_bytes_take(&text, n));
		if (text.len == 0)
			break;
		trb_bytes_take(&text, 1);
		trb_buf_add_str(out->buf, "\xef\xbf\xbd");
	}
	trb_buf_add_byte(out->buf, '"');
}

void trb_json_put_uint(struct trb_json_out *out, uint64_t value)
{
	before_value(out);
	if (value > TRB_JSON_INT_MAX)
		fail_format(out);
	else
		trb_buf_addf(out->buf, "%llu", (unsigned long long)value);
}

void trb_json_put_uint_string(struct trb_json_out *out, uint64_t value)
{
	before_value(out);
	trb_buf_addf(out->buf, "\"%llu\"", (unsigned long long)value);
}

void trb_json_put_bool(struct trb_json_out *out, bool value)
{
	before_value(out);
	trb_buf_add_str(out->buf, value ? "true" : "false");
}

void trb_json_put_null(struct trb_json_out *out)
{
	before_value(out);
	trb_buf_add_str(out->buf, "null");
}

void trb_json_put_hex(struct trb_json_out *out, trb_bytes bytes)
{
	before_value(out);
	trb_buf_add_byte(out->buf, '"');
	for (size_t i = 0; i < bytes.len; i++)
		trb_buf_addf(out->buf, "%02x", bytes.ptr[i]);
	trb_buf_add_byte(out->buf, '"');
}

void trb_json_put_base64(struct trb_json_out *out, trb_bytes bytes)
{
	before_value(out);
	trb_buf_add_byte(out->buf, '"');
	trb_base64_put(out->buf, bytes);
	trb_buf_add_byte(out->buf, '"');
}

void trb_json_member_text(struct trb_json_out *out, const char *name, trb_bytes text)
{
	trb_json_put_name(out, name);
	trb_json_put_text(out, text);
}

void trb_json_member_str(struct trb_json_out *out, const char *name, const char *text)
{
	trb_json_put_name(out, name);
	trb_json_put_str(out, text);
}

void trb_json_member_uint(struct trb_json_out *out, const char *name, uint64_t value)
{
	trb_json_put_name(out, name);
	trb_json_put_uint(out, value);
}

void trb_json_member_bool(struct trb_json_out *out, const char *name, bool value)
{
	trb_json_put_name(out, name);
	trb_json_put_bool(out, value);
}

void trb_json_member_hex(struct trb_json_out *out, const char *name, trb_bytes bytes)
{
	trb_json_put_name(out, name);
	trb_json_put_hex(out, bytes);
}

void trb_json_member_base64(struct trb_json_out *out, const char *name, trb_bytes bytes)
{
	trb_json_put_name(out, name);
	trb_json_put_base64(out, bytes);
}

void trb_json_member_open(struct trb_json_out *out, const char *name, char bracket)
{
	trb_json_put_name(out, name);
	trb_json_open(out, bracket);
}
