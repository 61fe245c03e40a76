/* SPDX-License-Identifier: Apache-2.0 */
/* Times as RFC 3339 writes them. */
#include "format/times.h"

#include <stdio.h>

#define DAY         86400u
#define YEAR_10000  UINT64_C(253402300800)
#define MARCH_FIRST 719468 /* days from 0000-03-01 to 1970-01-01 */

/* Years that begin in March keep the leap day last: months then follow one formula. */
struct date {
	unsigned year, month, day;
};

static struct date civil(uint64_t days)
{
	uint64_t z = days + MARCH_FIRST, era = z / 146097;
	unsigned doe = (unsigned)(z - era * 146097);
	unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	unsigned mp = (5 * doy + 2) / 153;
	unsigned month = mp < 10 ? mp + 3 : mp - 9;

	return (struct date){ .year = (unsigned)(yoe + era * 400) + (month <= 2),
			      .month = month,
			      .day = doy - (153 * mp + 2) / 5 + 1 };
}

static uint64_t days_of(struct date d)
{
	unsigned year = d.year - (d.month <= 2), era = year / 400, yoe = year - era * 400;
	unsigned doy = (153 * (d.month > 2 ? d.month - 3 : d.month + 9) + 2) / 5 + d.day - 1;
	unsigned doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;

	return (uint64_t)era * 146097 + doe - MARCH_FIRST;
}

bool trb_time_format(uint64_t seconds, char text[TRB_TIME_TEXT])
{
	struct date d;
	unsigned rest = (unsigned)(seconds % DAY);

	if (seconds >= YEAR_10000)
		return false;
	d = civil(seconds / DAY);
	snprintf(text, TRB_TIME_TEXT, "%04u-%02u-%02uT%02u:%02u:%02uZ", d.year % 10000,
		 d.month % 100, d.day % 100, rest / 3600, rest / 60 % 60, rest % 60);
	return true;
}

static unsigned digits(const uint8_t *p, size_t n)
{
	unsigned value = 0;

	for (size_t i = 0; i < n; i++)
		value = value * 10 + (p[i] - '0');
	return value;
}

bool trb_time_parse(trb_bytes text, uint64_t *ret_seconds)
{
	static const char form[] = "0000-00-00T00:00:00Z";
	char again[TRB_TIME_TEXT];
	const uint8_t *p = text.ptr;
	uint64_t seconds;
	struct date d;

	if (text.len != sizeof(form) - 1)
		return false;
	for (size_t i = 0; i < text.len; i++)
		if (form[i] == '0' ? p[i] < '0' || p[i] > '9' : p[i] != (uint8_t)form[i])
			return false;
	d = (struct date){ digits(p, 4), digits(p + 5, 2), digits(p + 8, 2) };
	if (d.year < 1970 || d.month < 1 || d.month > 12 || d.day < 1)
		return false;
	seconds = days_of(d) * DAY + digits(p + 11, 2) * 3600u + digits(p + 14, 2) * 60u +
		  digits(p + 17, 2);
	/* 30 February, hour 24 and the like come back as another text */
	if (!trb_time_format(seconds, again) || !trb_bytes_eq_str(text, again))
		return false;
	*ret_seconds = seconds;
	return true;
}
