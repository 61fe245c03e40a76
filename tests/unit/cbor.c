/* SPDX-License-Identifier: Apache-2.0 */
/* The CBOR gate and what is read behind it. */
#include "support.h"

#include <sys/resource.h>

#include "core/error.h"
#include "format/cbor.h"

/* Which rules accept a row. */
enum { NEITHER = 0, STRICT = 1, NSM = 2, BOTH = 3 };

/* Bytes written by hand from RFC 8949 (section 3 and appendix A). */
static const struct {
	const char *hex;
	unsigned accepted;
	const char *why;
} rows[] = {
	{ "00", BOTH, "0" },
	{ "17", BOTH, "23" },
	{ "1818", BOTH, "24" },
	{ "18ff", BOTH, "255" },
	{ "190100", BOTH, "256" },
	{ "1a00010000", BOTH, "65536" },
	{ "1b0000000100000000", BOTH, "2^32" },
	{ "1bffffffffffffffff", BOTH, "2^64 - 1" },
	{ "20", BOTH, "-1" },
	{ "3903e7", BOTH, "-1000" },
	{ "40", BOTH, "h''" },
	{ "4401020304", BOTH, "h'01020304'" },
	{ "60", BOTH, "\"\"" },
	{ "62c3bc", BOTH, "u umlaut" },
	{ "80", BOTH, "[]" },
	{ "8301820203820405", BOTH, "[1, [2, 3], [4, 5]]" },
	{ "a0", BOTH, "{}" },
	{ "a201020304", BOTH, "{1: 2, 3: 4}" },
	{ "f4", BOTH, "false" },
	{ "f5", BOTH, "true" },
	{ "f6", BOTH, "null" },
	{ "8888f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6", BOTH, "16 items" },
	{ "818181818181818100", BOTH, "8 deep" },

	{ "1817", NSM, "23 in two bytes" },
	{ "190017", NSM, "23 in three bytes" },
	{ "1900ff", NSM, "255 in three bytes" },
	{ "1a0000ffff", NSM, "65535 in five bytes" },
	{ "1b00000000ffffffff", NSM, "2^32 - 1 in nine bytes" },
	{ "3800", NSM, "-1 in two bytes" },
	{ "580101", NSM, "a longer head than needed of a byte string" },
	{ "780161", NSM, "of text" },
	{ "980100", NSM, "of an array" },
	{ "b8010000", NSM, "of a map" },
	{ "a203040102", NSM, "keys out of order" },
	{ "a2616200616100", NSM, "text keys out of order" },
	{ "a2626161006162f6", NSM, "a longer key before a shorter one" },
	{ "bfff", NSM, "an empty map of indefinite length" },
	{ "bf01020304ff", NSM, "a map of indefinite length" },
	{ "bf0301bf0102ffff", NEITHER, "a map of indefinite length cut in a key" },
	{ "bf03bf0102ff0401ff", NSM, "one inside another" },

	{ "", NEITHER, "nothing" },
	{ "0000", NEITHER, "bytes after the end" },
	{ "a000", NEITHER, "bytes after a map" },
	{ "18", NEITHER, "a head that is cut off" },
	{ "1901", NEITHER, "a head that is cut off" },
	{ "1a000000", NEITHER, "a head that is cut off" },
	{ "1b00000000000000", NEITHER, "a head that is cut off" },
	{ "1c", NEITHER, "a reserved length" },
	{ "1d00", NEITHER, "a reserved length" },
	{ "1e00", NEITHER, "a reserved length" },
	{ "1f", NEITHER, "an indefinite integer" },
	{ "4201", NEITHER, "a byte string that is cut off" },
	{ "5affffffff00", NEITHER, "a byte string of 4 GB" },
	{ "5bffffffffffffffff00", NEITHER, "a byte string of 2^64 - 1 bytes" },
	{ "6261", NEITHER, "text that is cut off" },
	{ "5f4101ff", NEITHER, "an indefinite byte string" },
	{ "7f6161ff", NEITHER, "indefinite text" },
	{ "9f00ff", NEITHER, "an indefinite array" },
	{ "ff", NEITHER, "a lone break" },
	{ "81ff", NEITHER, "a break in an array" },
	{ "a1ff", NEITHER, "a break in a map" },
	{ "bf01ff", NEITHER, "a key without value" },
	{ "bf0102", NEITHER, "a map without end" },
	{ "bf", NEITHER, "a map without end" },
	{ "8200", NEITHER, "an item is missing" },
	{ "a100", NEITHER, "a value is missing" },
	{ "9a10000000", NEITHER, "an array of 2^28 items in five bytes" },
	{ "9bffffffffffffffff", NEITHER, "an array of 2^64 - 1 items" },
	{ "ba10000000", NEITHER, "a map of 2^28 entries in five bytes" },
	{ "bbffffffffffffffff", NEITHER, "a map of 2^64 - 1 entries" },
	{ "a201020102", NEITHER, "a key twice" },
	{ "a20102180103", NEITHER, "a key twice, once in a longer head" },
	{ "a2616100616101", NEITHER, "a text key twice" },
	{ "bf616100616101ff", NEITHER, "a text key twice in an indefinite map" },
	{ "a1616100ff", NEITHER, "a definite map with a break" },
	{ "a1a000", NEITHER, "a map as a key" },
	{ "a18000", NEITHER, "an array as a key" },
	{ "a1f600", NEITHER, "null as a key" },
	{ "c000", NEITHER, "a tag" },
	{ "d28400", NEITHER, "tag 18" },
	{ "f90000", NEITHER, "a half float" },
	{ "fa00000000", NEITHER, "a float" },
	{ "fb0000000000000000", NEITHER, "a double" },
	{ "f7", NEITHER, "undefined" },
	{ "e0", NEITHER, "simple value 0" },
	{ "f820", NEITHER, "simple value 32" },
	{ "61ff", NEITHER, "text that is not UTF-8" },
	{ "62c080", NEITHER, "an overlong NUL" },
	{ "63eda080", NEITHER, "a surrogate" },
	{ "a161ff00", NEITHER, "a key that is not UTF-8" },
	{ "81818181818181818100", NEITHER, "9 deep" },
	{ "a100a100a100a100a100a100a100a100a0", NEITHER, "9 deep, in maps" },
};

static trb_bytes unhex(const char *hex, uint8_t *room)
{
	size_t n = strlen(hex) / 2;

	ck_assert(trb_hex_decode(trb_bytes_str(hex), room, n));
	return TRB_BYTES(room, n);
}

static int load(const char *hex, enum trb_cbor_rules rules, cbor_item_t **ret)
{
	uint8_t room[256];

	return trb_cbor_load(unhex(hex, room), rules, "row", ret, NULL);
}

START_TEST(rules_hold)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_cbor_ cbor_item_t *strict = NULL, *nsm = NULL;
		int r = load(rows[i].hex, TRB_CBOR_DETERMINISTIC, &strict);
		int q = load(rows[i].hex, TRB_CBOR_NSM, &nsm);

		ck_assert_msg((r == TRB_OK) == ((rows[i].accepted & STRICT) != 0),
			      "deterministic, %s: %s", rows[i].hex, rows[i].why);
		ck_assert_msg((q == TRB_OK) == ((rows[i].accepted & NSM) != 0), "NSM, %s: %s",
			      rows[i].hex, rows[i].why);
		ck_assert(r == TRB_OK || r == TRB_E_FORMAT);
		ck_assert(q == TRB_OK || q == TRB_E_FORMAT);
	}
}
END_TEST

START_TEST(errors_say_where)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	cbor_item_t *item = NULL;

	ck_assert_int_eq(trb_cbor_load(TRB_BYTES("\x82\x00\xc0\x00", 4), TRB_CBOR_DETERMINISTIC,
				       "claim", &item, &err),
			 TRB_E_FORMAT);
	ck_assert_str_eq(trb_error_message(err), "claim: CBOR at byte 2: tags are not accepted");
	ck_assert_ptr_null(item);
}
END_TEST

START_TEST(items_are_counted)
{
	static uint8_t bytes[80000];
	cbor_item_t *item = NULL;

	memcpy(bytes, "\x9a\x00\x01\x00\x01", 5); /* 65537 and the array itself */
	ck_assert_int_eq(trb_cbor_load(TRB_BYTES(bytes, 5 + 65537), TRB_CBOR_DETERMINISTIC, "row",
				       &item, NULL),
			 TRB_E_LIMIT);
	memcpy(bytes, "\x9a\x00\x01\x00\x00", 5); /* 65536 and the array itself */
	ck_assert_int_eq(trb_cbor_load(TRB_BYTES(bytes, 5 + 65536), TRB_CBOR_DETERMINISTIC, "row",
				       &item, NULL),
			 TRB_OK);
	ck_assert_uint_eq(cbor_array_size(item), 65536);
	cbor_decref(&item);
}
END_TEST

/* n keys in a map of the NSM's rules */
static int load_keys(unsigned n)
{
	_cleanup_cbor_ cbor_item_t *item = NULL;
	struct trb_buf b;
	int r;

	trb_buf_init(&b, 4096);
	trb_cbor_put_map(&b, n);
	for (unsigned i = 0; i < n; i++) {
		trb_cbor_put_uint(&b, n - i);
		trb_cbor_put_null(&b);
	}
	r = trb_cbor_load(trb_buf_bytes(&b), TRB_CBOR_NSM, "row", &item, NULL);
	trb_buf_clear(&b);
	return r;
}

START_TEST(keys_are_counted)
{
	ck_assert_int_eq(load_keys(128), TRB_OK);
	ck_assert_int_eq(load_keys(129), TRB_E_LIMIT);
}
END_TEST

START_TEST(bombs_cost_no_memory)
{
	static const char *const bombs[] = { "9a10000000", "ba10000000", "5b0000001000000000",
					     "bf00bf00bf009a40000000" };
	struct rusage before, after;

	getrusage(RUSAGE_SELF, &before);
	for (size_t i = 0; i < sizeof(bombs) / sizeof(bombs[0]); i++) {
		cbor_item_t *item = NULL;

		ck_assert_int_eq(load(bombs[i], TRB_CBOR_DETERMINISTIC, &item), TRB_E_FORMAT);
		ck_assert_int_eq(load(bombs[i], TRB_CBOR_NSM, &item), TRB_E_FORMAT);
	}
	getrusage(RUSAGE_SELF, &after);
	ck_assert_int_lt(after.ru_maxrss - before.ru_maxrss, 4096); /* KiB */
}
END_TEST

START_TEST(getters_check_types)
{
	_cleanup_cbor_ cbor_item_t *item = NULL;
	cbor_item_t **items;
	trb_bytes bytes;
	uint8_t two[2];
	uint64_t number;
	int64_t signed_number;
	bool truth;
	size_t n;

	/* [500, -3, h'0102', "ab", null, true, "a\0", -2^64] */
	ck_assert_int_eq(load("881901f4224201026261"
			      "62f6f5"
			      "6261003bffffffffffffffff",
			      TRB_CBOR_DETERMINISTIC, &item),
			 TRB_OK);
	ck_assert_int_eq(trb_cbor_array(item, 8, 8, "x", &items, &n, NULL), TRB_OK);
	ck_assert_int_eq(trb_cbor_array(item, 0, 7, "x", &items, &n, NULL), TRB_E_FORMAT);
	ck_assert_int_eq(trb_cbor_array(item, 9, 10, "x", &items, &n, NULL), TRB_E_FORMAT);
	ck_assert_int_eq(trb_cbor_array(items[0], 0, 9, "x", &items, &n, NULL), TRB_E_FORMAT);

	ck_assert_int_eq(trb_cbor_uint(items[0], 500, "x", &number, NULL), TRB_OK);
	ck_assert_uint_eq(number, 500);
	ck_assert_int_eq(trb_cbor_uint(items[0], 499, "x", &number, NULL), TRB_E_FORMAT);
	ck_assert_int_eq(trb_cbor_uint(items[1], 499, "x", &number, NULL), TRB_E_FORMAT);
	ck_assert_int_eq(trb_cbor_uint(NULL, 499, "x", &number, NULL), TRB_E_FORMAT);
	ck_assert_int_eq(trb_cbor_int(items[1], -3, 0, "x", &signed_number, NULL), TRB_OK);
	ck_assert_int_eq(signed_number, -3);
	ck_assert_int_eq(trb_cbor_int(items[1], -2, 0, "x", &signed_number, NULL), TRB_E_FORMAT);
	ck_assert_int_eq(trb_cbor_int(items[7], INT64_MIN, 0, "x", &signed_number, NULL),
			 TRB_E_FORMAT);

	ck_assert_int_eq(trb_cbor_bstr(items[2], 2, 2, "x", &bytes, NULL), TRB_OK);
	ck_assert(trb_bytes_eq(bytes, TRB_BYTES("\1\2", 2)));
	ck_assert_int_eq(trb_cbor_bstr(items[2], 3, 4, "x", &bytes, NULL), TRB_E_FORMAT);
	ck_assert_int_eq(trb_cbor_bstr(items[3], 0, 9, "x", &bytes, NULL), TRB_E_FORMAT);
	ck_assert_int_eq(trb_cbor_copy(items[2], two, 2, "x", NULL), TRB_OK);
	ck_assert_int_eq(trb_cbor_copy(items[2], two, 1, "x", NULL), TRB_E_FORMAT);

	ck_assert_int_eq(trb_cbor_tstr(items[3], 1, 2, "x", &bytes, NULL), TRB_OK);
	ck_assert(trb_bytes_eq_str(bytes, "ab"));
	ck_assert_int_eq(trb_cbor_tstr(items[3], 3, 9, "x", &bytes, NULL), TRB_E_FORMAT);
	ck_assert_int_eq(trb_cbor_tstr(items[2], 0, 9, "x", &bytes, NULL), TRB_E_FORMAT);
	ck_assert_int_eq(trb_cbor_tstr(items[6], 0, 9, "x", &bytes, NULL), TRB_E_FORMAT);

	ck_assert(trb_cbor_is_null(items[4]) && !trb_cbor_is_null(items[5]) &&
		  !trb_cbor_is_null(items[0]) && !trb_cbor_is_null(NULL));
	ck_assert_int_eq(trb_cbor_bool(items[5], "x", &truth, NULL), TRB_OK);
	ck_assert(truth);
	ck_assert_int_eq(trb_cbor_bool(items[4], "x", &truth, NULL), TRB_E_FORMAT);
}
END_TEST

START_TEST(records_have_exact_keys)
{
	static const struct {
		const char *hex;
		int r;
	} maps[] = {
		{ "a2010502f6", TRB_OK },         { "a20105", TRB_E_FORMAT },
		{ "a10105", TRB_E_FORMAT },       { "a3010502f60300", TRB_E_FORMAT },
		{ "a2010503f6", TRB_E_FORMAT },   { "a2000502f6", TRB_E_FORMAT },
		{ "a201056102f6", TRB_E_FORMAT }, { "80", TRB_E_FORMAT },
	};

	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
		_cleanup_cbor_ cbor_item_t *item = NULL;
		cbor_item_t *values[2];
		int r = load(maps[i].hex, TRB_CBOR_DETERMINISTIC, &item);

		if (r == TRB_OK)
			r = trb_cbor_record(item, 2, "x", values, NULL);
		ck_assert_msg(r == maps[i].r, "%s", maps[i].hex);
		if (r == TRB_OK)
			ck_assert(cbor_get_int(values[0]) == 5 && trb_cbor_is_null(values[1]));
	}
}
END_TEST

START_TEST(encoder_is_deterministic)
{
	static const uint64_t numbers[] = { 0,     23,    24,         255,         256,
					    65535, 65536, 0xffffffff, 0x100000000, UINT64_MAX };
	char hex[512];
	struct trb_buf b;

	trb_buf_init(&b, 1024);
	trb_cbor_put_array(&b, sizeof(numbers) / sizeof(numbers[0]));
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		trb_cbor_put_uint(&b, numbers[i]);
	trb_cbor_put_map(&b, 2);
	trb_cbor_put_int(&b, 7);
	trb_cbor_put_int(&b, -1000);
	trb_cbor_put_bstr(&b, TRB_BYTES("\xff", 1));
	trb_cbor_put_str(&b, "ab");
	trb_cbor_put_bool(&b, true);
	trb_cbor_put_null(&b);
	trb_cbor_put_int(&b, INT64_MIN);
	ck_assert_int_eq(trb_buf_check(&b, "x", NULL), TRB_OK);
	trb_hex_encode(trb_buf_bytes(&b), hex);
	ck_assert_str_eq(hex, "8a0017181818ff19010019ffff1a000100001affffffff1b0000000100000000"
			      "1bffffffffffffffff"
			      "a2073903e741ff626162f5f63b7fffffffffffffff");
	trb_buf_clear(&b);
}
END_TEST

START_TEST(owner_keeps_views)
{
	trb_blob *owner = NULL;
	trb_bytes view;
	cbor_item_t *item = NULL;

	ck_assert_int_eq(load("43616263", TRB_CBOR_DETERMINISTIC, &item), TRB_OK);
	ck_assert_int_eq(trb_cbor_bstr(item, 0, 9, "x", &view, NULL), TRB_OK);
	ck_assert_int_eq(trb_cbor_owner(TRB_BYTES("C", 1), &item, &owner, NULL), TRB_OK);
	ck_assert_ptr_null(item);
	ck_assert(trb_bytes_eq_str(view, "abc"));
	ck_assert(trb_bytes_eq_str(trb_blob_bytes(owner), "C"));
	trb_blob_unref(owner);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cbor");
	TCase *tc = tcase_create("cbor");

	tcase_add_test(tc, rules_hold);
	tcase_add_test(tc, errors_say_where);
	tcase_add_test(tc, items_are_counted);
	tcase_add_test(tc, keys_are_counted);
	tcase_add_test(tc, bombs_cost_no_memory);
	tcase_add_test(tc, getters_check_types);
	tcase_add_test(tc, records_have_exact_keys);
	tcase_add_test(tc, encoder_is_deterministic);
	tcase_add_test(tc, owner_keeps_views);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
