/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes, buffers, errors, contexts. */
#include "support.h"

#include <locale.h>
#include <time.h>

#include "core/buffer.h"
#include "core/cleanup.h"
#include "core/error.h"

START_TEST(buffer_keeps_its_ceiling)
{
	struct trb_buf b;

	trb_buf_init(&b, 4);
	ck_assert_int_eq(trb_buf_add_str(&b, "abcd"), TRB_OK);
	ck_assert(trb_bytes_eq_str(trb_buf_bytes(&b), "abcd"));
	ck_assert_int_eq(trb_buf_add_byte(&b, 'e'), TRB_E_LIMIT);
	ck_assert_int_eq(trb_buf_add_str(&b, ""), TRB_E_LIMIT);
	ck_assert_uint_eq(trb_buf_bytes(&b).len, 0);
	trb_buf_clear(&b);
}
END_TEST

START_TEST(buffer_gives_strings)
{
	_cleanup_free_ char *text = NULL;
	struct trb_buf b;

	trb_buf_init(&b, 100);
	trb_buf_addf(&b, "%d-%s", 7, "x");
	ck_assert_int_eq(trb_buf_to_str(&b, "text", &text, NULL), TRB_OK);
	ck_assert_str_eq(text, "7-x");
}
END_TEST

START_TEST(errors_chain)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;

	ck_assert_int_eq(trb_fail_check(&err, TRB_E_ARTIFACT, "artifact.digest", "a %d", 1),
			 TRB_E_ARTIFACT);
	ck_assert_int_eq(trb_fail(&err, TRB_E_IO, "the first failure wins"), TRB_E_IO);
	ck_assert_str_eq(trb_error_message(err), "a 1");
	trb_wrap(&err, TRB_E_ARTIFACT, "outer");
	ck_assert_str_eq(trb_error_message(err), "outer");
	ck_assert_str_eq(trb_error_check(err), "artifact.digest");
	ck_assert_str_eq(trb_error_message(trb_error_cause(err)), "a 1");
	ck_assert_int_eq(trb_is_verdict(trb_error_code(err)), 1);
	ck_assert_int_eq(trb_is_verdict(TRB_E_FORMAT), 0);
}
END_TEST

START_TEST(errors_keep_errno)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL, *other = NULL;

	ck_assert_int_eq(trb_error_errno(NULL), 0);
	ck_assert_int_eq(trb_fail_errno(&err, EACCES, "open '%s'", "x"), TRB_E_IO);
	ck_assert_int_eq(trb_error_errno(err), EACCES);
	trb_wrap(&err, TRB_E_STATE, "outer");
	ck_assert_int_eq(trb_error_errno(err), EACCES);
	trb_fail(&other, TRB_E_IO, "no system call failed");
	ck_assert_int_eq(trb_error_errno(other), 0);
}
END_TEST

START_TEST(errors_tell_refusals)
{
	static const struct {
		int code;
		const char *check;
		int verdict;
	} cases[] = {
		{ TRB_E_ARTIFACT, "artifact.digest", 1 },   { TRB_E_EVIDENCE, NULL, 1 },
		{ TRB_E_REVOKED, "revocation.listed", 1 },  { TRB_E_FORMAT, "bundle.parse", 1 },
		{ TRB_E_LIMIT, "bundle.parse", 1 },         { TRB_E_FORMAT, "document.parse", 1 },
		{ TRB_E_LIMIT, "document.parse", 1 },       { TRB_E_NOMEM, "bundle.parse", 0 },
		{ TRB_E_UNSUPPORTED, "document.parse", 0 }, { TRB_E_IO, "artifact.digest", 0 },
		{ TRB_E_FORMAT, "recipe.parse", 0 },        { TRB_E_FORMAT, NULL, 0 },
		{ TRB_E_POLICY, "policy.parse", 0 },
	};

	ck_assert_int_eq(trb_error_is_verdict(NULL), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_(trb_error_unrefp) trb_error *err = NULL;

		trb_fail_check(&err, cases[i].code, cases[i].check, "case %zu", i);
		ck_assert_int_eq(trb_error_is_verdict(err), cases[i].verdict);
	}
}
END_TEST

START_TEST(utf8_is_strict)
{
	static const char *const bad[] = { "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
					   "\x80",     "\xe2\x82",     "\xff" };

	static const uint32_t wanted[] = { 'a', 0xe9, 0x20ac, 0x1f600 };
	trb_bytes good = trb_bytes_str("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
	uint32_t c = 0;

	ck_assert(trb_utf8_valid(good));
	for (size_t i = 0; i < 4; i++) {
		ck_assert_uint_eq(trb_bytes_take(&good, trb_utf8_char(good, &c)).len, i + 1);
		ck_assert_uint_eq(c, wanted[i]);
	}
	ck_assert_uint_eq(trb_utf8_char(good, &c), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ck_assert_msg(!trb_utf8_valid(trb_bytes_str(bad[i])), "row %zu", i);
		ck_assert_msg(trb_utf8_char(trb_bytes_str(bad[i]), &c) == 0, "row %zu", i);
	}
}
END_TEST

START_TEST(hex_round_trip)
{
	uint8_t bytes[3];
	char text[7];

	ck_assert(trb_hex_decode(trb_bytes_str("00fFa1"), bytes, 3));
	trb_hex_encode(TRB_BYTES(bytes, 3), text);
	ck_assert_str_eq(text, "00ffa1");
	ck_assert(!trb_hex_decode(trb_bytes_str("0g"), bytes, 1));
	ck_assert(!trb_hex_decode(trb_bytes_str("000"), bytes, 1));
}
END_TEST

/* What a test setup says is so, or it would test what every run tests. */
START_TEST(the_language_is_what_the_setup_says)
{
	const char *language = getenv("LC_ALL"), *zone = getenv("TZ");
	time_t noon = 1700000000;
	struct tm local;

	if (language != NULL && strcmp(language, "tr_TR.UTF-8") == 0)
		ck_assert_str_eq(localeconv()->decimal_point, ",");
	if (zone != NULL && strcmp(zone, "Pacific/Apia") == 0)
		ck_assert_int_eq(localtime_r(&noon, &local)->tm_gmtoff, 13L * 3600);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("core");
	TCase *tc = tcase_create("core");

	tcase_add_test(tc, buffer_keeps_its_ceiling);
	tcase_add_test(tc, buffer_gives_strings);
	tcase_add_test(tc, errors_chain);
	tcase_add_test(tc, errors_keep_errno);
	tcase_add_test(tc, errors_tell_refusals);
	tcase_add_test(tc, utf8_is_strict);
	tcase_add_test(tc, hex_round_trip);
	tcase_add_test(tc, the_language_is_what_the_setup_says);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
