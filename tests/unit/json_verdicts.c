/* SPDX-License-Identifier: Apache-2.0 */
/* For tests/unit/json_differential: reads texts (u32be length, bytes) from standard input, and
 * answers each with 'n', or with 'y' and what the getters see of it in the same framing. */
#include <stdio.h>
#include <stdlib.h>

#include "format/json.h"

#define TEXT_MAX (1u << 20)

static bool read_text(uint8_t *text, size_t *len)
{
	uint8_t head[4];

	if (fread(head, 1, 4, stdin) != 4)
		return false;
	*len = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
	if (*len > TEXT_MAX || fread(text, 1, *len, stdin) != *len)
		exit(3);
	return true;
}

/* cJSON's own printing rounds numbers near 2^53. */
static void put(struct trb_json_out *out, const cJSON *item)
{
	char number[32];

	if (cJSON_IsObject(item) || cJSON_IsArray(item)) {
		trb_json_open(out, cJSON_IsObject(item) ? '{' : '[');
		for (const cJSON *c = item->child; c != NULL; c = c->next) {
			if (cJSON_IsObject(item))
				trb_json_put_name(out, c->string);
			put(out, c);
		}
		trb_json_close(out, cJSON_IsObject(item) ? '}' : ']');
	} else if (cJSON_IsString(item)) {
		trb_json_put_str(out, item->valuestring);
	} else if (cJSON_IsBool(item)) {
		trb_json_put_bool(out, cJSON_IsTrue(item));
	} else if (cJSON_IsNull(item)) {
		trb_json_put_null(out);
	} else {
		/* numbers are marked: the writer has no negative ones */
		snprintf(number, sizeof(number), "int %.0f", item->valuedouble);
		trb_json_put_str(out, number);
	}
}

static void answer(trb_bytes text)
{
	_cleanup_json_ struct trb_json doc = { .what = "text" };
	_cleanup_buf_ struct trb_buf buf = { 0 };
	struct trb_json_out out = { .buf = &buf };
	uint32_t n;

	if (trb_json_load(&doc, text, TEXT_MAX, NULL) < 0) {
		putchar('n');
		return;
	}
	trb_buf_init(&buf, 16 * TEXT_MAX);
	put(&out, doc.root);
	if (trb_buf_check(&buf, "answer", NULL) < 0)
		exit(3);
	n = (uint32_t)buf.len;
	printf("y%c%c%c%c", (int)(n >> 24), (int)(n >> 16 & 255), (int)(n >> 8 & 255),
	       (int)(n & 255));
	fwrite(buf.ptr, 1, buf.len, stdout);
}

int main(void)
{
	uint8_t *text = malloc(TEXT_MAX);
	size_t len;

	if (text == NULL)
		return 3;
	while (read_text(text, &len))
		answer(TRB_BYTES(text, len));
	free(text);
	return ferror(stdin) || fflush(stdout) != 0 ? 3 : 0;
}
