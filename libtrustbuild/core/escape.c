/* SPDX-License-Identifier: Apache-2.0 */
/* Outside text on a terminal: one rule for reports, programs and bindings. */
#include <inttypes.h>
#include <stdio.h>

#include "core/bytes.h"

/* Characters that act on the terminal or hide: C0, DEL, C1, soft hyphen, Arabic letter mark, zero
 * width and bidi marks, line separators, bidi embeddings and isolates, invisible operators, byte
 * order mark, interlinear, variation and combining marks, tags, spaces that are not U+0020. */
static bool is_hidden(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{ 0x00, 0x1f },     { 0x7f, 0x9f },     { 0xad, 0xad },     { 0x61c, 0x61c },
		{ 0x180e, 0x180e }, { 0x200b, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f },
		{ 0xfe00, 0xfe0f }, { 0xfeff, 0xfeff }, { 0xfff9, 0xfffb }, { 0xe0000, 0xe0fff },
		{ 0x300, 0x36f },   { 0x1ab0, 0x1aff }, { 0x20d0, 0x20ff }, { 0x3000, 0x3000 },
		{ 0xa0, 0xa0 },     { 0x1680, 0x1680 }, { 0x2000, 0x200a },
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	return false;
}

size_t trb_escape_char(trb_bytes text, char shown[TRB_ESCAPED_SIZE])
{
	uint32_t c = 0;
	size_t n;

	shown[0] = '\0';
	if (text.len == 0)
		return 0;
	n = trb_utf8_char(text, &c);
	if (n == 0 || (c < 0x80 && is_hidden(c)))
		snprintf(shown, TRB_ESCAPED_SIZE, "\\x%02x", text.ptr[0]);
	else if (is_hidden(c))
		snprintf(shown, TRB_ESCAPED_SIZE, "\\u{%" PRIx32 "}", c);
	else if (c == '\\')
		snprintf(shown, TRB_ESCAPED_SIZE, "\\\\");
	else
		snprintf(shown, TRB_ESCAPED_SIZE, "%.*s", (int)n, (const char *)text.ptr);
	return n == 0 ? 1 : n;
}
