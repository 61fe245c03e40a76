/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-1 with collision detection: that it is SHA-1, that it detects, and that its private state has
 * the shape that format/sha1.h makes room for. */
#include "support.h"

#include <stdalign.h>
#include <stdio.h>

#include "core/cleanup.h"
#include "format/fetch.h"
#include "format/sha1.h"

/* How the two files of the first published collision (shattered.io) begin, up to the end of the
 * blocks in which they differ. */
#define BEGIN                                                              \
	"255044462d312e330a25e2e3cfd30a0a0a312030206f626a0a3c3c2f57696474" \
	"682032203020522f4865696768742033203020522f547970652034203020522f" \
	"537562747970652035203020522f46696c7465722036203020522f436f6c6f72" \
	"53706163652037203020522f4c656e6774682038203020522f42697473506572" \
	"436f6d706f6e656e7420383e3e0a73747265616d0affd8fffe00245348412d31" \
	"20697320646561642121212121852fec092339759c39b1a1c63c4c97e1fffe01"
static const char first[] =
	BEGIN "7346dc9166b67e118f029ab621b2560ff9ca67cca8c7f85ba84c79030c2b3de2"
	      "18f86db3a90901d5df45c14f26fedfb3dc38e96ac22fe7bd728f0e45bce046d2"
	      "3c570feb141398bb552ef5a0a82be331fea48037b8b5d71f0e332edf93ac3500"
	      "eb4ddc0decc1a864790c782c76215660dd309791d06bd0af3f98cda4bc4629b1";
static const char second[] =
	BEGIN "7f46dc93a6b67e013b029aaa1db2560b45ca67d688c7f84b8c4c791fe02b3df6"
	      "14f86db1690901c56b45c1530afedfb76038e972722fe7ad728f0e4904e046c2"
	      "30570fe9d41398abe12ef5bc942be33542a4802d98b5d70f2a332ec37fac3514"
	      "e74ddc0f2cc1a874cd0c78305a21566461309789606bd0bf3f98cda8044629a1";

static trb_bytes unhex(const char *hex, uint8_t out[320])
{
	ck_assert_uint_eq(strlen(hex), 640);
	for (size_t i = 0; i < 320; i++)
		ck_assert_int_eq(sscanf(hex + 2 * i, "%2hhx", &out[i]), 1);
	return TRB_BYTES(out, 320);
}

static void ck_digest(trb_bytes head, trb_bytes body, const char *hex)
{
	uint8_t digest[20];
	char text[41];

	ck_assert_int_eq(trb_sha1(head, body, digest, NULL), TRB_OK);
	for (size_t i = 0; i < 20; i++)
		snprintf(text + 2 * i, 3, "%02x", digest[i]);
	ck_assert_str_eq(text, hex);
}

START_TEST(digests_are_sha1s)
{
	static uint8_t million[1000000];

	memset(million, 'a', sizeof(million));
	ck_digest(TRB_BYTES_LIT(""), TRB_BYTES_LIT(""), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
	ck_digest(TRB_BYTES_LIT("a"), TRB_BYTES_LIT("bc"),
		  "a9993e364706816aba3e25717850c26c9cd0d89d");
	ck_digest(TRB_BYTES_LIT(""), TRB_BYTES(million, sizeof(million)),
		  "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
}
END_TEST

START_TEST(both_sides_of_a_collision_are_refused)
{
	const char *const sides[] = { first, second };
	uint8_t bytes[320], digest[20];

	for (size_t i = 0; i < 2; i++) {
		_cleanup_(trb_error_unrefp) trb_error *err = NULL;
		trb_bytes body = unhex(sides[i], bytes);

		memset(digest, 'x', sizeof(digest));
		ck_assert_int_eq(trb_sha1(TRB_BYTES_LIT(""), body, digest, &err), TRB_E_FORMAT);
		ck_assert_str_eq(trb_error_check(err), TRB_CHECK_OBJECT);
		ck_assert_uint_eq(digest[0], 'x');
		/* the same where it comes in two parts, and not where one bit is another */
		ck_assert_int_eq(
			trb_sha1(TRB_BYTES(bytes, 200), TRB_BYTES(bytes + 200, 120), digest, NULL),
			TRB_E_FORMAT);
		bytes[250] ^= 1;
		ck_assert_int_eq(trb_sha1(TRB_BYTES_LIT(""), body, digest, NULL), TRB_OK);
	}
}
END_TEST

/* The bytes of state that hashing may write to, found by two runs over other old contents. */
static size_t used(trb_bytes body)
{
	alignas(16) static uint8_t states[2][2 * TRB_SHA1DC_ROOM];
	uint8_t digest[20];
	size_t n = sizeof(states[0]);

	for (size_t i = 0; i < 2; i++) {
		memset(states[i], i == 0 ? 0 : 0xff, sizeof(states[i]));
		SHA1DCInit(states[i]);
		SHA1DCUpdate(states[i], (const char *)body.ptr, body.len);
		SHA1DCFinal(digest, states[i]);
	}
	while (n > 0 && states[0][n - 1] == 0 && states[1][n - 1] == 0xff)
		n--;
	return n;
}

/* The same in libgit2 1.5 of Debian 12 and in 1.9 of Debian 13.  Where another comes, look at its
 * structure before this number is changed. */
START_TEST(the_private_state_has_the_known_shape)
{
	uint8_t bytes[320];

	ck_assert_uint_eq(sizeof(void *), 8);
	ck_assert_uint_eq(used(TRB_BYTES_LIT("abc")), 2120);
	ck_assert_uint_eq(used(unhex(first, bytes)), 2120);
	ck_assert_uint_lt(2120, TRB_SHA1DC_ROOM);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sha1");
	TCase *tc = tcase_create("sha1");

	tcase_add_test(tc, digests_are_sha1s);
	tcase_add_test(tc, both_sides_of_a_collision_are_refused);
	tcase_add_test(tc, the_private_state_has_the_known_shape);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
