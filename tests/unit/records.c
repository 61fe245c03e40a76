/* SPDX-License-Identifier: Apache-2.0 */
/* What a hostile sandbox may write in place of tb-sandbox-init. */
#include "support.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "core/cleanup.h"
#include "enclave/records.h"

static struct trb_records r;
static uint32_t begun;

static bool wanted(const char *name, void *user)
{
	(void)user;
	return strncmp(name, "out/", 4) == 0;
}

static void command(uint32_t index, void *user)
{
	(void)user;
	begun = index;
}

static void setup(void)
{
	r = (struct trb_records){ .max_bytes = 1000, .wanted = wanted, .command = command };
	ck_assert_int_eq(trb_records_init(&r, NULL), TRB_OK);
	begun = 99;
}

static void teardown(void)
{
	trb_records_clear(&r);
}

static int put(char type, uint32_t n, uint64_t v, const char *text, trb_error **err)
{
	uint8_t head[TRB_RECORD_HEAD] = { (uint8_t)type };
	int code;

	for (int i = 0; i < 4; i++)
		head[4 + i] = (uint8_t)(n >> (24 - 8 * i));
	for (int i = 0; i < 8; i++)
		head[8 + i] = (uint8_t)(v >> (56 - 8 * i));
	code = trb_records_feed(&r, TRB_BYTES(head, sizeof(head)), err);
	return code < 0 ? code : trb_records_feed(&r, trb_bytes_str(text), err);
}

START_TEST(files_are_kept_and_sealed)
{
	char text[4] = { 0 };

	ck_assert_int_eq(put('B', 3, 0, "", NULL), TRB_OK);
	ck_assert_uint_eq(begun, 3);
	ck_assert_int_eq(put('F', 5, 3, "out/aabc", NULL), TRB_OK);
	ck_assert_int_eq(put('F', 5, 0, "out/b", NULL), TRB_OK);
	ck_assert(!trb_records_whole(&r));
	ck_assert_int_eq(put('Z', 0, 0, "", NULL), TRB_OK);
	ck_assert(trb_records_whole(&r));
	ck_assert_uint_eq(r.n_files, 2);
	ck_assert_str_eq(r.files[0].name, "out/a");
	ck_assert_int_eq(pread(r.files[0].fd, text, 3, 0), 3);
	ck_assert_str_eq(text, "abc");
	ck_assert_int_lt(pwrite(r.files[0].fd, "x", 1, 0), 0);
	ck_assert_int_lt(ftruncate(r.files[0].fd, 0), 0);
}
END_TEST

START_TEST(zeros_cost_no_memory)
{
	static uint8_t zeros[65536];
	const uint64_t size = UINT64_C(64) << 20;
	char text[6] = { 0 };
	struct stat st;

	r.max_bytes = size + 6;
	ck_assert_int_eq(put('F', 5, size + 6, "out/aabc", NULL), TRB_OK);
	for (uint64_t done = 0; done < size; done += sizeof(zeros))
		ck_assert_int_eq(trb_records_feed(&r, TRB_BYTES(zeros, sizeof(zeros)), NULL),
				 TRB_OK);
	ck_assert_uint_eq(r.n_files, 0);
	ck_assert_int_eq(trb_records_feed(&r, TRB_BYTES_LIT("xyz"), NULL), TRB_OK);
	ck_assert_uint_eq(r.n_files, 1);
	ck_assert_int_eq(fstat(r.files[0].fd, &st), 0);
	ck_assert_int_eq(st.st_size, (int64_t)size + 6);
	ck_assert_int_le(st.st_blocks * 512, 65536);
	ck_assert_int_eq(pread(r.files[0].fd, text, 6, 0), 6);
	ck_assert_mem_eq(text, "abc\0\0\0", 6);
	ck_assert_int_eq(pread(r.files[0].fd, text, 6, (off_t)size), 6);
	ck_assert_mem_eq(text, "\0\0\0xyz", 6);
	/* what is all zeros is as long as it says */
	r.max_bytes += 100;
	ck_assert_int_eq(put('F', 5, 100, "out/b", NULL), TRB_OK);
	ck_assert_int_eq(trb_records_feed(&r, TRB_BYTES(zeros, 100), NULL), TRB_OK);
	ck_assert_uint_eq(r.n_files, 2);
	ck_assert_int_eq(fstat(r.files[1].fd, &st), 0);
	ck_assert_int_eq(st.st_size, 100);
	ck_assert_int_lt(ftruncate(r.files[1].fd, 101), 0);
}
END_TEST

static const struct {
	char type;
	uint32_t n;
	uint64_t v;
	const char *text;
	int code;
} bad[] = {
	{ 'F', 8, 1, "out/../a", TRB_E_FORMAT }, { 'F', 6, 1, "/out/a", TRB_E_FORMAT },
	{ 'F', 6, 1, "out//a", TRB_E_FORMAT },   { 'F', 5, 1, "out/\n", TRB_E_FORMAT },
	{ 'F', 5, 1, "out/\xff", TRB_E_FORMAT }, { 'F', 5, 1, "evil0", TRB_E_FORMAT },
	{ 'F', 0, 1, "", TRB_E_FORMAT },         { 'F', 256, 1, "", TRB_E_FORMAT },
	{ 'F', 5, 1001, "", TRB_E_LIMIT },       { 'F', 5, UINT64_MAX, "", TRB_E_LIMIT },
	{ 'E', 0, 0, "", TRB_E_FORMAT },         { 'E', 1024, 0, "", TRB_E_FORMAT },
	{ '?', 0, 0, "", TRB_E_FORMAT },         { 0, 0, 0, "", TRB_E_FORMAT },
};

START_TEST(bad_records_are_refused)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	int code = put(bad[_i].type, bad[_i].n, bad[_i].v, bad[_i].text, &err);

	ck_status(code, bad[_i].code, err);
	ck_assert_uint_eq(r.n_files, 0);
	ck_assert(!trb_records_whole(&r));
}
END_TEST

START_TEST(no_name_comes_twice)
{
	ck_assert_int_eq(put('F', 5, 1, "out/ax", NULL), TRB_OK);
	ck_assert_int_eq(put('F', 5, 1, "out/ay", NULL), TRB_E_FORMAT);
}
END_TEST

START_TEST(nothing_follows_the_end)
{
	ck_assert_int_eq(put('Z', 0, 0, "", NULL), TRB_OK);
	ck_assert_int_eq(put('B', 0, 0, "", NULL), TRB_E_FORMAT);
}
END_TEST

START_TEST(all_files_share_one_ceiling)
{
	char text[620];

	memset(text, 'x', sizeof(text));
	memcpy(text, "out/a", 5);
	text[605] = '\0';
	ck_assert_int_eq(put('F', 5, 600, text, NULL), TRB_OK);
	ck_assert_int_eq(put('F', 5, 401, "out/b", NULL), TRB_E_LIMIT);
}
END_TEST

START_TEST(an_unfinished_file_is_none)
{
	ck_assert_int_eq(put('F', 5, 10, "out/aabc", NULL), TRB_OK);
	ck_assert_uint_eq(r.n_files, 0);
	ck_assert(!trb_records_whole(&r));
}
END_TEST

START_TEST(files_are_counted)
{
	char name[16];

	for (unsigned i = 0; i < TRB_ARTIFACTS_MAX; i++) {
		snprintf(name, sizeof(name), "out/%03u", i);
		ck_assert_int_eq(put('F', 7, 0, name, NULL), TRB_OK);
	}
	ck_assert_int_eq(put('F', 5, 0, "", NULL), TRB_E_LIMIT);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("records");
	TCase *t = tcase_create("records");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, files_are_kept_and_sealed);
	tcase_add_test(t, zeros_cost_no_memory);
	tcase_add_loop_test(t, bad_records_are_refused, 0, (int)(sizeof(bad) / sizeof(bad[0])));
	tcase_add_test(t, no_name_comes_twice);
	tcase_add_test(t, nothing_follows_the_end);
	tcase_add_test(t, all_files_share_one_ceiling);
	tcase_add_test(t, an_unfinished_file_is_none);
	tcase_add_test(t, files_are_counted);
	suite_add_tcase(s, t);
	return test_run(s);
}
