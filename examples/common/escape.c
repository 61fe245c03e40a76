/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cli.h"

#include <stdlib.h>
#include <string.h>

trb_bytes cli_bytes(const char *text)
{
	return (trb_bytes){ (const uint8_t *)text, text != NULL ? strlen(text) : 0 };
}

/* Length of the well-formed UTF-8 sequence at p, and its code point; 0 where there is none. */
static size_t sequence(const uint8_t *p, size_t n, uint32_t *ret)
{
	static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = p[0] < 0x80             ? 1
		     : (p[0] & 0xe0) == 0xc0 ? 2
		     : (p[0] & 0xf0) == 0xe0 ? 3
		     : (p[0] & 0xf8) == 0xf0 ? 4
					     : 0;
	uint32_t c;

	if (len == 0 || len > n)
		return 0;
	c = len == 1 ? p[0] : p[0] & (0xffu >> (len + 1));
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3fu);
	}
	if (c < smallest[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*ret = c;
	return len;
}

/* What a terminal acts on, hides, or writes in another direction. */
static bool harmful(uint32_t c)
{
	static const uint32_t ranges[][2] = {
		{ 0, 0x1f },        { 0x7f, 0x9f },     { 0xad, 0xad },       { 0x61c, 0x61c },
		{ 0x180e, 0x180e }, { 0x200b, 0x200f }, { 0x2028, 0x202e },   { 0x2060, 0x206f },
		{ 0xfeff, 0xfeff }, { 0xfff9, 0xfffb }, { 0xe0000, 0xe007f },
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (c >= ranges[i][0] && c <= ranges[i][1])
			return true;
	return false;
}

void cli_escape(FILE *out, trb_bytes text, bool keep_newlines)
{
	for (size_t i = 0; i < text.len;) {
		uint32_t c = 0;
		size_t n = sequence(text.ptr + i, text.len - i, &c);

		if (n == 0 || (n == 1 && harmful(c) && !(keep_newlines && c == '\n'))) {
			fprintf(out, "\\x%02x", text.ptr[i]);
			i++;
			continue;
		}
		if (n > 1 && harmful(c))
			fprintf(out, "\\u{%x}", c);
		else
			fwrite(text.ptr + i, 1, n, out);
		i += n;
	}
}

char *cli_escaped(trb_bytes text)
{
	char *string = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&string, &size);

	if (out == NULL)
		return NULL;
	cli_escape(out, text, false);
	if (fclose(out) != 0) {
		free(string);
		return NULL;
	}
	return string;
}

void cli_json_string(FILE *out, trb_bytes text)
{
	fputc('"', out);
	for (size_t i = 0; i < text.len;) {
		uint32_t c = 0;
		size_t n = sequence(text.ptr + i, text.len - i, &c);

		if (n == 0) {
			fputs("\\ufffd", out);
			i++;
			continue;
		}
		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", (int)c);
		else if (harmful(c) && c <= 0xffff)
			fprintf(out, "\\u%04x", c);
		else
			fwrite(text.ptr + i, 1, n, out);
		i += n;
	}
	fputc('"', out);
}
