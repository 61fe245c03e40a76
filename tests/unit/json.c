/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON gate and what is read behind it. */
#include "support.h"

#include <dirent.h>
#include <stdio.h>

#include "core/error.h"
#include "format/base64.h"
#include "format/json.h"

static int load(struct trb_json *doc, const char *text, trb_error **err)
{
	*doc = (struct trb_json){ .what = "text" };
	return trb_json_load(doc, trb_bytes_str(text), 1 << 20, err);
}

static const struct {
	const char *text, *fault;
} faults[] = {
	{ "", "text: line 1, column 1: the text is empty" },
	{ " ", "line 1, column 2: the text ends too early" },
	{ "\xef\xbb\xbf{}", "column 1: a value must stand here" },
	{ "{\"a\":1} x", "line 1, column 9: more text" },
	{ "[1,]", "column 4: a value must stand here" },
	{ "[1 2]", "a comma or ]" },
	{ "{\"a\" 1}", "a colon" },
	{ "{a:1}", "a name in quotes" },
	{ "{\"a\":1,}", "a name in quotes" },
	{ "{\n \"a\": 1,\n \"a\": 2}", "line 3, column 2: a: the name 'a' stands twice" },
	{ "{\"x\":{\"a\":1,\"\\u0061\":2}}", "x.a: the name 'a' stands twice" },
	{ "[{\"b\":1,\"c\":1,\"b\":2}]", "[0].b: the name 'b' stands twice" },
	{ "01", "leading zero" },
	{ "-01", "leading zero" },
	{ "-0", "negative zero" },
	{ "-", "a digit must follow" },
	{ "+1", "a value must stand here" },
	{ "1.0", "fractions and exponents" },
	{ "1e0", "fractions and exponents" },
	{ "9007199254740993", "beyond 2^53" },
	{ "-9007199254740993", "beyond 2^53" },
	{ "99999999999999999999999999", "beyond 2^53" },
	{ "NaN", "a value must stand here" },
	{ "tru", "a value must stand here" },
	{ "True", "a value must stand here" },
	{ "\"\t\"", "raw control character" },
	{ "\"\\u0000\"", "\\u0000" },
	{ "{\"a\\u0000b\":1}", "\\u0000" },
	{ "\"\\ud800\"", "lone surrogate" },
	{ "\"\\ud800\\ud800\"", "lone surrogate" },
	{ "\"\\udc00\\ud800\"", "lone surrogate" },
	{ "\"\\u12g4\"", "four hexadecimal digits" },
	{ "\"\\x\"", "unknown escape" },
	{ "\"abc", "the string does not end" },
	{ "\"\xc0\x80\"", "not UTF-8" },
	{ "[\"\xe2\x82\xac\", \"\xed\xa0\x80\"]", "line 1, column 8: not UTF-8" },
	{ "// comment\n1", "a value must stand here" },
	{ "'a'", "a value must stand here" },
};

START_TEST(gate_refuses)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	struct trb_json doc;

	ck_assert_int_eq(load(&doc, faults[_i].text, &err), TRB_E_FORMAT);
	ck_assert_msg(strstr(trb_error_message(err), faults[_i].fault) != NULL,
		      "row %d: %s, wanted %s", _i, trb_error_message(err), faults[_i].fault);
}
END_TEST

static const char *const good[] = {
	"1",
	" null ",
	"\"\"",
	"-1",
	"9007199254740992",
	"-9007199254740992",
	"{}",
	"[[],{}]",
	"\"\\u0001\\ud83d\\ude00\\\"\\/\"",
	"{\"a\":1,\"A\":2}",
	"\t\r\n [ true , false ] ",
};

START_TEST(gate_passes)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	struct trb_json doc;
	int r = load(&doc, good[_i], &err);

	ck_status(r, TRB_OK, err);
	trb_json_clear(&doc);
}
END_TEST

START_TEST(gate_bounds_depth_and_values)
{
	static char text[TRB_JSON_VALUES * 2 + 8];
	struct trb_json doc;
	size_t n = 0;

	memset(text, '[', 32);
	memset(text + 32, ']', 32);
	ck_assert_int_eq(load(&doc, text, NULL), TRB_OK);
	trb_json_clear(&doc);
	memset(text, '[', 33);
	memset(text + 33, ']', 33);
	ck_assert_int_eq(load(&doc, text, NULL), TRB_E_FORMAT);
	text[n++] = '[';
	for (size_t i = 0; i < TRB_JSON_VALUES - 1; i++) {
		text[n++] = '1';
		text[n++] = ',';
	}
	text[n - 1] = ']';
	text[n] = '\0';
	ck_assert_int_eq(load(&doc, text, NULL), TRB_OK);
	trb_json_clear(&doc);
	memcpy(text + n - 1, ",1]", 4);
	ck_assert_int_eq(load(&doc, text, NULL), TRB_E_FORMAT);
	doc = (struct trb_json){ .what = "text" };
	ck_assert_int_eq(trb_json_load(&doc, trb_bytes_str("12345"), 4, NULL), TRB_E_LIMIT);
}
END_TEST

/* Other tools' JSON: any numbers and names, but no more of a tree than ours may have. */
START_TEST(shape_bounds_depth_and_values)
{
	static char text[TRB_JSON_VALUES + 8];
	static const struct {
		const char *text, *fault;
	} cases[] = {
		{ "{\"a\": 1.5e300, \"a\": [-0, null, \"\\u0000\\\"[[,\"]}", NULL },
		{ "[\"\x01\"]", "raw control character in a string" },
		{ "[\"\\\\\", \"\n\"]", "raw control character in a string" },
		{ "[\n\t]", NULL },
		{ "]]]]\"", NULL }, /* no JSON: for cJSON to refuse */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_pstr_eq(trb_json_shape_fault(trb_bytes_str(cases[i].text)),
				  cases[i].fault);
	memset(text, '[', 33);
	ck_assert_ptr_null(trb_json_shape_fault(TRB_BYTES(text, 32)));
	ck_assert_ptr_nonnull(trb_json_shape_fault(TRB_BYTES(text, 33)));
	memset(text, ',', TRB_JSON_VALUES);
	ck_assert_ptr_null(trb_json_shape_fault(TRB_BYTES(text, TRB_JSON_VALUES - 1)));
	ck_assert_ptr_nonnull(trb_json_shape_fault(TRB_BYTES(text, TRB_JSON_VALUES)));
	memset(text, '"', TRB_JSON_VALUES);
	ck_assert_ptr_null(trb_json_shape_fault(TRB_BYTES(text, TRB_JSON_VALUES)));
	for (size_t i = 0; i < TRB_JSON_VALUES; i += 2)
		memcpy(text + i, "{}", 2);
	ck_assert_ptr_null(trb_json_shape_fault(TRB_BYTES(text, TRB_JSON_VALUES)));
}
END_TEST

static const struct trb_json_field fields[] = {
	{ "count", TRB_JSON_UINT, true },
	{ "name", TRB_JSON_STRING, false },
};

static const struct {
	const char *text, *fault;
} records[] = {
	{ "{\"count\":1}", NULL },
	{ "{\"count\":1,\"name\":\"x\"}", NULL },
	{ "{\"name\":\"x\"}", "line 1, column 1: 'count' is missing" },
	{ "{\n\t\"count\": 1,\n\t\"Count\": 2}",
	  "line 3, column 2: Count: unknown name 'Count' (known here: count, name)" },
	{ "{\"count\":\"1\"}", "count: must be an integer" },
	{ "{\"count\":-1}", "count: must be an integer that is not negative" },
	{ "{\"count\":null}", "count: must be an integer" },
	{ "[]", "must be an object" },
};

START_TEST(record_is_exact)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	const cJSON *values[2];
	struct trb_json doc;
	int r = load(&doc, records[_i].text, &err);

	ck_status(r, TRB_OK, err);
	r = TRB_JSON_RECORD(&doc, doc.root, fields, values, &err);
	ck_assert_int_eq(r, records[_i].fault == NULL ? TRB_OK : TRB_E_FORMAT);
	ck_assert_msg(r == TRB_OK || strstr(trb_error_message(err), records[_i].fault) != NULL,
		      "row %d: %s", _i, trb_error_message(err));
	if (r == TRB_OK)
		ck_assert(values[0] != NULL && values[0]->valuedouble == 1);
	trb_json_clear(&doc);
}
END_TEST

START_TEST(errors_say_where)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	struct trb_json doc;
	const cJSON *item;
	uint64_t value;

	ck_assert_int_eq(load(&doc, "{\"a\":[1,\n {\"b\\u0063\": [true, 77]}]}", NULL), TRB_OK);
	item = doc.root->child->child->next->child->child->next;
	doc.code = TRB_E_POLICY;
	doc.check = "policy.parse";
	ck_assert_int_eq(trb_json_uint(&doc, item, 0, 76, &value, &err), TRB_E_POLICY);
	ck_assert_str_eq(trb_error_message(err), "text: line 2, column 21: a[1].bc[1]: "
						 "77 is not within 0 and 76");
	ck_assert_str_eq(trb_error_check(err), "policy.parse");
	err = trb_error_unref(err);
	trb_json_fail_at(&doc, 20, &err, "here");
	ck_assert_str_eq(trb_error_message(err), "text: line 2, column 12: a[1].bc: here");
	trb_json_clear(&doc);
}
END_TEST

START_TEST(strings_of_numbers)
{
	static const struct {
		const char *text;
		uint64_t value;
		bool good;
	} rows[] = {
		{ "\"0\"", 0, true },
		{ "\"18446744073709551615\"", UINT64_MAX, true },
		{ "\"18446744073709551616\"", 0, false },
		{ "\"00\"", 0, false },
		{ "\"\"", 0, false },
		{ "\"-1\"", 0, false },
		{ "\"1 \"", 0, false },
		{ "1", 0, false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct trb_json doc;
		uint64_t value = 0;

		ck_assert_int_eq(load(&doc, rows[i].text, NULL), TRB_OK);
		ck_assert_msg((trb_json_uint_string(&doc, doc.root, &value, NULL) == TRB_OK) ==
				      rows[i].good,
			      "row %zu", i);
		ck_assert_uint_eq(value, rows[i].value);
		trb_json_clear(&doc);
	}
}
END_TEST

START_TEST(base64_is_canonical)
{
	static const struct {
		const char *text;
		int result;
		const char *bytes;
	} rows[] = {
		{ "", TRB_OK, "" },
		{ "Zg==", TRB_OK, "f" },
		{ "Zm8=", TRB_OK, "fo" },
		{ "Zm9v", TRB_OK, "foo" },
		{ "Zm9vYmE=", TRB_OK, "fooba" },
		{ "Zh==", TRB_E_FORMAT, "" },
		{ "Zm9=", TRB_E_FORMAT, "" },
		{ "Zg=", TRB_E_FORMAT, "" },
		{ "Zg", TRB_E_FORMAT, "" },
		{ "Zm9v\n", TRB_E_FORMAT, "" },
		{ " Zm9", TRB_E_FORMAT, "" },
		{ "Zm-_", TRB_E_FORMAT, "" },
		{ "Z===", TRB_E_FORMAT, "" },
		{ "====", TRB_E_FORMAT, "" },
		{ "Zg==Zg==", TRB_E_FORMAT, "" },
		{ "Zm9vYmFy", TRB_E_LIMIT, "" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_(trb_blob_unrefp) trb_blob *blob = NULL;
		int r = trb_base64_decode(trb_bytes_str(rows[i].text), 5, &blob, NULL);

		ck_assert_msg(r == rows[i].result, "row %zu: %d", i, r);
		ck_assert(trb_bytes_eq_str(trb_blob_bytes(blob), rows[i].bytes));
	}
}
END_TEST

START_TEST(writer_is_exact)
{
	_cleanup_free_ char *text = NULL;
	struct trb_buf buf;
	struct trb_json_out out = { .buf = &buf };

	trb_buf_init(&buf, 1000);
	trb_json_open(&out, '{');
	trb_json_member_str(&out, "a\"", "\\\b\f\n\r\t\x01\x7f\xc2\x80\xe2\x80\xae\xe2\x82\xac/");
	trb_json_member_open(&out, "b", '[');
	trb_json_put_uint(&out, 9007199254740992);
	trb_json_put_bool(&out, true);
	trb_json_put_null(&out);
	trb_json_open(&out, '{');
	trb_json_close(&out, '}');
	trb_json_put_base64(&out, trb_bytes_str("foob"));
	trb_json_put_lossy(&out, trb_bytes_str("x\xffy"));
	trb_json_close(&out, ']');
	trb_json_member_hex(&out, "c", trb_bytes_str("\x01\xff"));
	trb_json_close(&out, '}');
	ck_assert_int_eq(trb_buf_to_str(&buf, "text", &text, NULL), TRB_OK);
	ck_assert_str_eq(text,
			 "{\"a\\\"\":\"\\\\\\b\\f\\n\\r\\t\\u0001\\u007f\\u0080\\u202e\xe2\x82\xac/"
			 "\",\"b\":[9007199254740992,true,null,{},\"Zm9vYg==\","
			 "\"x\xef\xbf\xbdy\"],\"c\":\"01ff\"}");
}
END_TEST

START_TEST(writer_indents)
{
	_cleanup_free_ char *text = NULL;
	struct trb_buf buf;
	struct trb_json_out out = { .buf = &buf, .indent = true };

	trb_buf_init(&buf, 1000);
	trb_json_open(&out, '{');
	trb_json_member_open(&out, "a", '[');
	trb_json_put_uint(&out, 1);
	trb_json_put_uint(&out, 2);
	trb_json_close(&out, ']');
	trb_json_member_open(&out, "b", '{');
	trb_json_close(&out, '}');
	trb_json_close(&out, '}');
	ck_assert_int_eq(trb_buf_to_str(&buf, "text", &text, NULL), TRB_OK);
	ck_assert_str_eq(text, "{\n\t\"a\": [\n\t\t1,\n\t\t2\n\t],\n\t\"b\": {}\n}");
}
END_TEST

START_TEST(writer_refuses)
{
	struct trb_buf buf;
	struct trb_json_out out = { .buf = &buf };

	trb_buf_init(&buf, 1000);
	trb_json_put_str(&out, "\xff");
	ck_assert_int_eq(trb_buf_check(&buf, "text", NULL), TRB_E_FORMAT);
	trb_buf_init(&buf, 1000);
	trb_json_put_text(&out, TRB_BYTES_LIT("a\0b"));
	ck_assert_int_eq(trb_buf_check(&buf, "text", NULL), TRB_E_FORMAT);
	trb_buf_init(&buf, 1000);
	trb_json_put_uint(&out, TRB_JSON_INT_MAX + 1);
	ck_assert_int_eq(trb_buf_check(&buf, "text", NULL), TRB_E_FORMAT);
}
END_TEST

/* y_ files pass, n_ files do not. */
START_TEST(vector_files)
{
	const char *folder = test_path(getenv("TRB_SOURCE_ROOT"), "tests/vectors/json");
	_cleanup_free_ char *kept = strdup(folder);
	DIR *dir = opendir(kept);
	struct dirent *entry;
	unsigned seen = 0;

	ck_assert_msg(dir != NULL, "no folder %s", kept);
	while ((entry = readdir(dir)) != NULL) {
		_cleanup_(trb_blob_unrefp) trb_blob *blob = NULL;
		_cleanup_json_ struct trb_json doc = { .what = "file" };
		bool wanted = entry->d_name[0] == 'y';
		int r;

		if (entry->d_name[0] == '.')
			continue;
		blob = test_file(test_path(kept, entry->d_name));
		r = trb_json_load(&doc, trb_blob_bytes(blob), 1 << 20, NULL);
		ck_assert_msg((r == TRB_OK) == wanted, "%s: %d", entry->d_name, r);
		seen++;
	}
	closedir(dir);
	ck_assert_uint_gt(seen, 20);
}
END_TEST

#define COUNT(a) (int)(sizeof(a) / sizeof((a)[0]))

int main(void)
{
	Suite *suite = suite_create("json");
	TCase *tc = tcase_create("json");

	tcase_add_loop_test(tc, gate_refuses, 0, COUNT(faults));
	tcase_add_loop_test(tc, gate_passes, 0, COUNT(good));
	tcase_add_test(tc, gate_bounds_depth_and_values);
	tcase_add_test(tc, shape_bounds_depth_and_values);
	tcase_add_loop_test(tc, record_is_exact, 0, COUNT(records));
	tcase_add_test(tc, errors_say_where);
	tcase_add_test(tc, strings_of_numbers);
	tcase_add_test(tc, base64_is_canonical);
	tcase_add_test(tc, writer_is_exact);
	tcase_add_test(tc, writer_indents);
	tcase_add_test(tc, writer_refuses);
	tcase_add_test(tc, vector_files);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
