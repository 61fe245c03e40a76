/* SPDX-License-Identifier: Apache-2.0 */
/* The gate and cJSON behind it: what passes, cJSON reads whole, and the writer writes again. */
#include <stdlib.h>

#include "format/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put(struct trb_json_out *out, const cJSON *item)
{
	if (cJSON_IsString(item)) {
		trb_json_put_str(out, item->valuestring);
	} else if (cJSON_IsNumber(item)) {
		if (item->valuedouble < 0)
			trb_json_put_null(out);
		else
			trb_json_put_uint(out, (uint64_t)item->valuedouble);
	} else if (cJSON_IsBool(item)) {
		trb_json_put_bool(out, cJSON_IsTrue(item));
	} else if (cJSON_IsNull(item)) {
		trb_json_put_null(out);
	} else {
		trb_json_open(out, cJSON_IsObject(item) ? '{' : '[');
		for (const cJSON *c = item->child; c != NULL; c = c->next) {
			if (cJSON_IsObject(item))
				trb_json_put_name(out, c->string);
			put(out, c);
		}
		trb_json_close(out, cJSON_IsObject(item) ? '}' : ']');
	}
}

/* Places of errors are found for every value. */
static void touch(const struct trb_json *doc, const cJSON *item, unsigned *budget)
{
	trb_error *err = NULL;

	if (*budget == 0)
		return;
	--*budget;
	trb_json_fail(doc, item, &err, "here");
	trb_error_unref(err);
	for (const cJSON *c = item->child; c != NULL; c = c->next)
		touch(doc, c, budget);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct trb_json doc = { .what = "input" }, again = { .what = "again" };
	struct trb_buf first, second;
	struct trb_json_out out = { .buf = &first };
	unsigned budget = 20;

	if (size > 65536 || trb_json_load(&doc, TRB_BYTES(data, size), 65536, NULL) < 0)
		return 0;
	touch(&doc, doc.root, &budget);
	trb_json_fail_at(&doc, size / 2, NULL, "there");
	trb_buf_init(&first, 1 << 20);
	trb_buf_init(&second, 1 << 20);
	put(&out, doc.root);
	/* what was written passes the gate, and is written as the same bytes */
	if (trb_buf_check(&first, "output", NULL) < 0 ||
	    trb_json_load(&again, trb_buf_bytes(&first), 1 << 20, NULL) < 0)
		abort();
	out = (struct trb_json_out){ .buf = &second };
	put(&out, again.root);
	if (!trb_bytes_eq(trb_buf_bytes(&first), trb_buf_bytes(&second)))
		abort();
	trb_buf_clear(&first);
	trb_buf_clear(&second);
	trb_json_clear(&doc);
	trb_json_clear(&again);
	return 0;
}
