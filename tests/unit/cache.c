/* SPDX-License-Identifier: Apache-2.0 */
/* Folders that can be made again: which of them go, and which stay. */
#include "support.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/io.h"
#include "image/cache.h"

static char folder[64];

static const char *in_folder(const char *name)
{
	return test_path(folder, name);
}

static void setup(void)
{
	strcpy(folder, "/tmp/trb-cache-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void teardown(void)
{
	trb_remove_tree(AT_FDCWD, folder, NULL);
}

static bool any_name(const char *name)
{
	return name[0] != '.';
}

static void make_entry(const char *name, long used)
{
	struct timespec times[2] = { { .tv_sec = used }, { .tv_sec = used } };
	char text[64], *bytes = calloc(1, 65537);

	snprintf(text, sizeof(text), "cache/%s", name);
	ck_assert_int_eq(mkdir(in_folder(text), 0700), 0);
	snprintf(text, sizeof(text), "cache/%s/used", name);
	memset(bytes, 'x', 65536);
	ck_assert_int_eq(
		trb_write_file(AT_FDCWD, in_folder(text), trb_bytes_str(bytes), 0600, NULL),
		TRB_OK);
	free(bytes);
	snprintf(text, sizeof(text), "cache/%s", name);
	ck_assert_int_eq(utimensat(AT_FDCWD, in_folder(text), times, 0), 0);
}

START_TEST(the_longest_unused_goes_first_and_the_used_stays)
{
	static const char *const keep[] = { "kept", NULL };
	static const char *const left[] = { "kept", "held", "new", "touched" };
	struct trb_cache cache = { .is_entry = any_name, .keep = keep, .locked = "used" };
	char text[64];
	int held;

	ck_assert_int_eq(mkdir(in_folder("cache"), 0700), 0);
	make_entry("kept", 1000);
	make_entry("held", 2000);
	make_entry("touched", 2500);
	make_entry("older", 3000);
	make_entry("old", 4000);
	make_entry("new", 5000);
	cache.dir = open(in_folder("cache"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	held = open(in_folder("cache/held/used"), O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(flock(held, LOCK_SH), 0);
	trb_cache_use(cache.dir, "touched");
	/* six of 64 KiB, and a folder each, which takes no room on tmpfs */
	trb_cache_prune(&cache, 5 * 74 * 1024);
	ck_assert_int_ne(access(in_folder("cache/older"), F_OK), 0);
	ck_assert_int_eq(access(in_folder("cache/old"), F_OK), 0);
	trb_cache_prune(&cache, 4 * 74 * 1024);
	ck_assert_int_ne(access(in_folder("cache/old"), F_OK), 0);
	for (size_t i = 0; i < 4; i++) {
		snprintf(text, sizeof(text), "cache/%s", left[i]);
		ck_assert_msg(access(in_folder(text), F_OK) == 0, "%s", text);
	}
	trb_cache_prune(&cache, 0);
	ck_assert_int_ne(access(in_folder("cache/new"), F_OK), 0);
	ck_assert_int_ne(access(in_folder("cache/touched"), F_OK), 0);
	ck_assert_int_eq(access(in_folder("cache/held/used"), F_OK), 0);
	close(held);
	trb_cache_prune(&cache, 0);
	ck_assert_int_ne(access(in_folder("cache/held"), F_OK), 0);
	ck_assert_int_eq(access(in_folder("cache/kept/used"), F_OK), 0);
	close(cache.dir);
}
END_TEST

START_TEST(only_entries_go)
{
	struct trb_cache cache = { .is_entry = any_name };

	ck_assert_int_eq(mkdir(in_folder("cache"), 0700), 0);
	make_entry("entry", 1000);
	ck_assert_int_eq(mkdir(in_folder("cache/.new-half"), 0700), 0);
	ck_assert_int_eq(mkdir(in_folder("cache/.mine"), 0700), 0);
	ck_assert_int_eq(symlink("entry", in_folder("cache/link")), 0);
	cache.dir = open(in_folder("cache"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	trb_cache_prune(&cache, 0);
	ck_assert_int_ne(access(in_folder("cache/entry"), F_OK), 0);
	ck_assert_int_eq(access(in_folder("cache/.new-half"), F_OK), 0);
	trb_cache_sweep(cache.dir);
	ck_assert_int_ne(access(in_folder("cache/.new-half"), F_OK), 0);
	ck_assert_int_eq(access(in_folder("cache/.mine"), F_OK), 0);
	ck_assert_int_eq(faccessat(cache.dir, "link", F_OK, AT_SYMLINK_NOFOLLOW), 0);
	close(cache.dir);
}
END_TEST

START_TEST(the_ceiling_is_a_number_or_the_default)
{
	static const char *const rows[] = { "", "x", "-1", "1x", "99999999999999999999" };

	unsetenv("TRUSTBUILD_CACHE_MIB");
	ck_assert_uint_eq(trb_cache_ceiling(), (uint64_t)TRB_CACHE_MIB << 20);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		setenv("TRUSTBUILD_CACHE_MIB", rows[i], 1);
		ck_assert_uint_eq(trb_cache_ceiling(), (uint64_t)TRB_CACHE_MIB << 20);
	}
	setenv("TRUSTBUILD_CACHE_MIB", "0", 1);
	ck_assert_uint_eq(trb_cache_ceiling(), 0);
	setenv("TRUSTBUILD_CACHE_MIB", "10", 1);
	ck_assert_uint_eq(trb_cache_ceiling(), 10 << 20);
	unsetenv("TRUSTBUILD_CACHE_MIB");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cache");
	TCase *tc = tcase_create("cache");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, the_longest_unused_goes_first_and_the_used_stays);
	tcase_add_test(tc, only_entries_go);
	tcase_add_test(tc, the_ceiling_is_a_number_or_the_default);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
