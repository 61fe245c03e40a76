/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes of others on a terminal and in JSON. */
#include "common/cli.h"

#include <stdlib.h>
#include <string.h>

trb_bytes cli_bytes(const char *text)
{
	return (trb_bytes){ (const uint8_t *)text, text != NULL ? strlen(text) : 0 };
}

static trb_bytes rest_of(trb_bytes text, size_t i)
{
	return (trb_bytes){ text.ptr + i, text.len - i };
}

void cli_escape(FILE *out, trb_bytes text, bool keep_newlines)
{
	char shown[TRB_ESCAPED_SIZE];

	for (size_t i = 0; i < text.len;) {
		bool newline = keep_newlines && text.ptr[i] == '\n';

		i += trb_escape_char(rest_of(text, i), shown);
		fputs(newline ? "\n" : shown, out);
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

/* A code point as JSON writes it: beyond U+FFFF as two surrogates. */
static void put_json_escape(FILE *out, uint32_t c)
{
	if (c > 0xffff)
		fprintf(out, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10),
			0xdc00 + ((c - 0x10000) & 0x3ff));
	else
		fprintf(out, "\\u%04x", c);
}

void cli_json_string(FILE *out, trb_bytes text)
{
	char shown[TRB_ESCAPED_SIZE];

	fputc('"', out);
	for (size_t i = 0; i < text.len;) {
		uint8_t first = text.ptr[i];

		i += trb_escape_char(rest_of(text, i), shown);
		if (strncmp(shown, "\\u{", 3) == 0)
			put_json_escape(out, (uint32_t)strtoul(shown + 3, NULL, 16));
		else if (strncmp(shown, "\\x", 2) == 0)
			put_json_escape(out, first < 0x80 ? first : 0xfffd);
		else
			fprintf(out, "%s%s", first == '"' ? "\\" : "", shown);
	}
	fputc('"', out);
}
