/* SPDX-License-Identifier: Apache-2.0 */
/* Times as text. */
#include "support.h"

#include <time.h>

#include "format/times.h"

START_TEST(agrees_with_libc)
{
	for (uint64_t t = 0; t < UINT64_C(253402300800); t += 86400 * 131 + 7919) {
		char wanted[TRB_TIME_TEXT], text[TRB_TIME_TEXT];
		time_t clock = (time_t)t;
		struct tm tm;
		uint64_t back;

		gmtime_r(&clock, &tm);
		strftime(wanted, sizeof(wanted), "%Y-%m-%dT%H:%M:%SZ", &tm);
		ck_assert(trb_time_format(t, text));
		ck_assert_str_eq(text, wanted);
		ck_assert(trb_time_parse(trb_bytes_str(text), &back));
		ck_assert_uint_eq(back, t);
	}
}
END_TEST

START_TEST(one_spelling_only)
{
	static const char *const bad[] = {
		"",
		"2026-02-29T00:00:00Z",
		"2026-02-30T00:00:00Z",
		"2026-13-01T00:00:00Z",
		"2026-00-01T00:00:00Z",
		"2026-01-00T00:00:00Z",
		"2026-01-01T24:00:00Z",
		"2026-01-01T23:60:00Z",
		"2026-01-01T23:59:60Z",
		"2026-01-01t00:00:00Z",
		"2026-01-01T00:00:00z",
		"2026-01-01T00:00:00",
		"2026-01-01T00:00:00+00:00",
		"1969-12-31T23:59:59Z",
		"2026-1-01T00:00:00Z",
		"2026-01-01 00:00:00Z",
		"20a6-01-01T00:00:00Z",
	};
	char text[TRB_TIME_TEXT];
	uint64_t t;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!trb_time_parse(trb_bytes_str(bad[i]), &t), "%s", bad[i]);
	ck_assert(trb_time_parse(trb_bytes_str("2024-02-29T23:59:59Z"), &t));
	ck_assert_uint_eq(t, 1709251199);
	ck_assert(trb_time_format(UINT64_C(253402300799), text));
	ck_assert_str_eq(text, "9999-12-31T23:59:59Z");
	ck_assert(!trb_time_format(UINT64_C(253402300800), text));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("times");
	TCase *tc = tcase_create("times");

	tcase_add_test(tc, agrees_with_libc);
	tcase_add_test(tc, one_spelling_only);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
