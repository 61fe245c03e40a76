/* SPDX-License-Identifier: Apache-2.0 */
/* DER, element by element, in its shortest form alone. */
#include "format/der.h"

/* The length after the tag; true where it is in the shortest form. */
static bool take_length(trb_bytes *in, size_t *ret_len)
{
	trb_bytes bytes = trb_bytes_take(in, 1);
	size_t len = 0, n;

	if (bytes.ptr == NULL)
		return false;
	if (bytes.ptr[0] < 0x80) {
		*ret_len = bytes.ptr[0];
		return true;
	}
	n = bytes.ptr[0] & 0x7f;
	if (n == 0 || n > 3)
		return false;
	bytes = trb_bytes_take(in, n);
	if (bytes.ptr == NULL || bytes.ptr[0] == 0)
		return false;
	for (size_t i = 0; i < n; i++)
		len = len << 8 | bytes.ptr[i];
	*ret_len = len;
	return len >= 0x80;
}

bool trb_der_next(trb_bytes *in, uint8_t *ret_tag, trb_bytes *ret_contents, trb_bytes *ret_whole)
{
	trb_bytes rest = *in, contents;
	trb_bytes tag = trb_bytes_take(&rest, 1);
	size_t len;

	if (tag.ptr == NULL || (tag.ptr[0] & 0x1f) == 0x1f || !take_length(&rest, &len) ||
	    len > rest.len)
		return false;
	contents = TRB_BYTES(rest.ptr, len);
	*ret_tag = tag.ptr[0];
	*ret_contents = contents;
	if (ret_whole != NULL)
		*ret_whole = TRB_BYTES(tag.ptr, (size_t)(contents.ptr - tag.ptr) + len);
	*in = TRB_BYTES(rest.ptr + len, rest.len - len);
	return true;
}

bool trb_der_take(trb_bytes *in, uint8_t tag, trb_bytes *ret_contents)
{
	uint8_t found;

	return trb_der_peek(*in, tag) && trb_der_next(in, &found, ret_contents, NULL);
}

bool trb_der_only(trb_bytes in, uint8_t tag, trb_bytes *ret_contents)
{
	return trb_der_take(&in, tag, ret_contents) && in.len == 0;
}

bool trb_der_peek(trb_bytes in, uint8_t tag)
{
	return in.len > 0 && in.ptr[0] == tag;
}

bool trb_der_uint(trb_bytes contents, uint64_t max, uint64_t *ret)
{
	uint64_t value = 0;

	if (contents.len == 0 || contents.len > 9 || (contents.ptr[0] & 0x80) != 0)
		return false;
	if (contents.len > 1 && contents.ptr[0] == 0 && (contents.ptr[1] & 0x80) == 0)
		return false;
	if (contents.len == 9 && contents.ptr[0] != 0)
		return false;
	for (size_t i = 0; i < contents.len; i++)
		value = value << 8 | contents.ptr[i];
	if (value > max)
		return false;
	*ret = value;
	return true;
}

bool trb_der_bit_bytes(trb_bytes contents, trb_bytes *ret)
{
	if (contents.len < 1 || contents.ptr[0] != 0)
		return false;
	*ret = TRB_BYTES(contents.ptr + 1, contents.len - 1);
	return true;
}

/* n decimal digits. */
static bool take_digits(trb_bytes *in, size_t n, unsigned *ret)
{
	trb_bytes digits = trb_bytes_take(in, n);
	unsigned value = 0;

	if (digits.ptr == NULL)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (digits.ptr[i] < '0' || digits.ptr[i] > '9')
			return false;
		value = value * 10 + (digits.ptr[i] - '0');
	}
	*ret = value;
	return true;
}

static bool is_leap(unsigned year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static uint64_t days_before_year(unsigned year)
{
	uint64_t y = year - 1;

	return y * 365 + y / 4 - y / 100 + y / 400;
}

static bool days_of_date(unsigned year, unsigned month, unsigned day, uint64_t *ret)
{
	static const unsigned before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
	static const unsigned length[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = is_leap(year);

	if (year < 1970 || month < 1 || month > 12 || day < 1 ||
	    day > length[month - 1] + (leap && month == 2))
		return false;
	*ret = days_before_year(year) - days_before_year(1970) + before[month - 1] +
	       (leap && month > 2) + day - 1;
	return true;
}

/* The two digits of UTCTime through 2049, the four of GeneralizedTime from 2050 on: one time has
 * one form (RFC 5280 section 4.1.2.5). */
static bool take_year(uint8_t tag, trb_bytes *in, unsigned *ret)
{
	if (tag == TRB_DER_GENERALIZED_TIME)
		return take_digits(in, 4, ret) && *ret >= 2050;
	if (tag != TRB_DER_UTC_TIME || !take_digits(in, 2, ret))
		return false;
	*ret += *ret < 50 ? 2000 : 1900;
	return true;
}

bool trb_der_time(uint8_t tag, trb_bytes contents, uint64_t *ret_unix_s)
{
	unsigned year, month, day, hour, minute, second;
	uint64_t days;

	if (!take_year(tag, &contents, &year) || !take_digits(&contents, 2, &month) ||
	    !take_digits(&contents, 2, &day) || !take_digits(&contents, 2, &hour) ||
	    !take_digits(&contents, 2, &minute) || !take_digits(&contents, 2, &second) ||
	    !trb_bytes_eq_str(contents, "Z"))
		return false;
	if (hour > 23 || minute > 59 || second > 59 || !days_of_date(year, month, day, &days))
		return false;
	*ret_unix_s = ((days * 24 + hour) * 60 + minute) * 60 + second;
	return true;
}
