/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of JSON objects, each of one type and within bounds. */
#include "format/json.h"

#include "core/error.h"
#include "format/base64.h"

bool trb_json_is(const cJSON *item, enum trb_json_type type)
{
	switch (type) {
	case TRB_JSON_STRING:
		return cJSON_IsString(item);
	case TRB_JSON_UINT:
		return cJSON_IsNumber(item) && item->valuedouble >= 0;
	case TRB_JSON_BOOL:
		return cJSON_IsBool(item);
	case TRB_JSON_ARRAY:
		return cJSON_IsArray(item);
	case TRB_JSON_OBJECT:
		return cJSON_IsObject(item);
	case TRB_JSON_ANY:
		break;
	}
	return item != NULL;
}

bool trb_json_is_word(const cJSON *item, const char *word)
{
	return cJSON_IsString(item) && strcmp(item->valuestring, word) == 0;
}

static int need(const struct trb_json *doc, const cJSON *item, enum trb_json_type type,
		trb_error **err)
{
	static const char *const words[] = {
		[TRB_JSON_ANY] = "a value",
		[TRB_JSON_STRING] = "a string",
		[TRB_JSON_UINT] = "an integer that is not negative",
		[TRB_JSON_BOOL] = "true or false",
		[TRB_JSON_ARRAY] = "an array",
		[TRB_JSON_OBJECT] = "an object",
	};

	if (trb_json_is(item, type))
		return TRB_OK;
	return trb_json_fail(doc, item, err, "must be %s", words[type]);
}

static int unknown_name(const struct trb_json *doc, const cJSON *member,
			const struct trb_json_field *fields, size_t n, trb_error **err)
{
	_cleanup_buf_ struct trb_buf known = { 0 };
	const char *separator = "";

	trb_buf_init(&known, 512);
	for (size_t i = 0; i < n; i++) {
		trb_buf_addf(&known, "%s%s", separator, fields[i].name);
		separator = ", ";
	}
	return trb_json_fail(doc, member, err, "unknown name '%.64s' (known here: %.*s)",
			     member->string, (int)known.len, (const char *)known.ptr);
}

int trb_json_record(const struct trb_json *doc, const cJSON *item,
		    const struct trb_json_field *fields, size_t n, const cJSON **ret_values,
		    trb_error **err)
{
	const cJSON *values[TRB_JSON_NAMES] = { NULL };
	int r = need(doc, item, TRB_JSON_OBJECT, err);

	if (r < 0)
		return r;
	for (const cJSON *c = item->child; c != NULL; c = c->next) {
		size_t i = 0;

		while (i < n && strcmp(fields[i].name, c->string) != 0)
			i++;
		if (i == n)
			return unknown_name(doc, c, fields, n, err);
		r = need(doc, c, fields[i].type, err);
		if (r < 0)
			return r;
		values[i] = c;
	}
	for (size_t i = 0; i < n; i++)
		if (fields[i].required && values[i] == NULL)
			return trb_json_fail(doc, item, err, "'%s' is missing", fields[i].name);
	memcpy(ret_values, values, n * sizeof(values[0]));
	return TRB_OK;
}

int trb_json_uint(const struct trb_json *doc, const cJSON *item, uint64_t min, uint64_t max,
		  uint64_t *ret, trb_error **err)
{
	int r = need(doc, item, TRB_JSON_UINT, err);
	uint64_t value;

	if (r < 0)
		return r;
	value = (uint64_t)item->valuedouble; /* exact: the gate let nothing beyond 2^53 through */
	if (value < min || value > max)
		return trb_json_fail(doc, item, err, "%llu is not within %llu and %llu",
				     (unsigned long long)value, (unsigned long long)min,
				     (unsigned long long)max);
	*ret = value;
	return TRB_OK;
}

int trb_json_uint_string(const struct trb_json *doc, const cJSON *item, uint64_t *ret,
			 trb_error **err)
{
	int r = need(doc, item, TRB_JSON_STRING, err);
	uint64_t value = 0;
	const char *p;

	if (r < 0)
		return r;
	p = item->valuestring;
	for (; *p >= '0' && *p <= '9'; p++) {
		unsigned digit = (unsigned)(*p - '0');

		if (value > (UINT64_MAX - digit) / 10)
			break;
		value = value * 10 + digit;
	}
	if (*p != '\0' || p == item->valuestring ||
	    (item->valuestring[0] == '0' && p > item->valuestring + 1))
		return trb_json_fail(doc, item, err,
				     "must be a decimal number of 64 bits without leading zeros");
	*ret = value;
	return TRB_OK;
}

int trb_json_string(const struct trb_json *doc, const cJSON *item, size_t min, size_t max,
		    trb_bytes *ret, trb_error **err)
{
	int r = need(doc, item, TRB_JSON_STRING, err);
	trb_bytes text;

	if (r < 0)
		return r;
	text = trb_bytes_str(item->valuestring);
	if (text.len < min || text.len > max)
		return trb_json_fail(doc, item, err,
				     "has %zu bytes, which is not within %zu and %zu", text.len,
				     min, max);
	*ret = text;
	return TRB_OK;
}

int trb_json_hex(const struct trb_json *doc, const cJSON *item, uint8_t *out, size_t n,
		 trb_error **err)
{
	int r = need(doc, item, TRB_JSON_STRING, err);
	const char *text;

	if (r < 0)
		return r;
	text = item->valuestring;
	if (strlen(text) != 2 * n || strspn(text, "0123456789abcdef") != 2 * n ||
	    !trb_hex_decode(trb_bytes_str(text), out, n))
		return trb_json_fail(doc, item, err, "must be %zu lower-case hexadecimal digits",
				     2 * n);
	return TRB_OK;
}

int trb_json_base64(const struct trb_json *doc, const cJSON *item, size_t min, size_t max,
		    trb_blob **ret, trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *blob = NULL;
	_cleanup_(trb_error_unrefp) trb_error *why = NULL;
	int r = need(doc, item, TRB_JSON_STRING, err);

	if (r < 0)
		return r;
	r = trb_base64_decode(trb_bytes_str(item->valuestring), max, &blob, &why);
	if (r == TRB_E_NOMEM)
		return trb_fail_nomem(err);
	if (r < 0)
		return trb_json_fail(doc, item, err, "%s", trb_error_message(why));
	if (trb_blob_bytes(blob).len < min)
		return trb_json_fail(doc, item, err, "holds %zu bytes, needs at least %zu",
				     trb_blob_bytes(blob).len, min);
	*ret = steal_ptr(&blob);
	return TRB_OK;
}

int trb_json_array(const struct trb_json *doc, const cJSON *item, size_t min, size_t max,
		   size_t *ret_n, trb_error **err)
{
	int r = need(doc, item, TRB_JSON_ARRAY, err);
	size_t n = 0;

	if (r < 0)
		return r;
	for (const cJSON *c = item->child; c != NULL; c = c->next)
		n++;
	if (n < min || n > max)
		return trb_json_fail(doc, item, err,
				     "has %zu entries, which is not within %zu and %zu", n, min,
				     max);
	*ret_n = n;
	return TRB_OK;
}
