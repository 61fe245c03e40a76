/* SPDX-License-Identifier: Apache-2.0 */
/* Ramdisks: the kernel's format out, hostile archives in. */
#include "support.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/io.h"
#include "image/cpio.h"

static char scratch[] = "/tmp/trb-cpio-XXXXXX";
static char path[256];

static const char *in_scratch(const char *name)
{
	snprintf(path, sizeof(path), "%s/%s", scratch, name);
	return path;
}

static int put_buf(void *user, trb_bytes bytes, trb_error **err)
{
	(void)err;
	return trb_buf_add(user, bytes);
}

/* An archive by hand: what the writer would never write. */
static void entry(struct trb_buf *b, const char *name, unsigned mode, unsigned links,
		  const char *data)
{
	size_t n = data != NULL ? strlen(data) : 0;

	trb_buf_addf(b, "070701%08X%08X%08X%08X%08X%08X%08zX%08X%08X%08X%08X%08zX%08X", 1, mode, 0,
		     0, links, 0, n, 0, 0, 5, 5, strlen(name) + 1, 0);
	trb_buf_add(b, TRB_BYTES(name, strlen(name) + 1));
	while (trb_buf_bytes(b).len % 4 != 0)
		trb_buf_add_byte(b, 0);
	trb_buf_add_str(b, data != NULL ? data : "");
	while (trb_buf_bytes(b).len % 4 != 0)
		trb_buf_add_byte(b, 0);
}

static int extract(const struct trb_buf *b, size_t len, trb_error **err)
{
	int fd = memfd_create("cpio", MFD_CLOEXEC), dirfd, r;

	trb_remove_tree(AT_FDCWD, in_scratch("out"), NULL);
	ck_assert_int_eq(mkdir(in_scratch("out"), 0700), 0);
	dirfd = open(in_scratch("out"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert(fd >= 0 && dirfd >= 0);
	/* not at the file's start, as in an image */
	ck_assert_int_eq(trb_write_full(fd, TRB_BYTES_LIT("prefix!"), NULL), TRB_OK);
	ck_assert_int_eq(trb_write_full(fd, trb_buf_bytes(b), NULL), TRB_OK);
	r = trb_cpio_extract(fd, 7, len, dirfd, err);
	close(fd);
	close(dirfd);
	return r;
}

static void write_file(const char *name, const char *text, mode_t mode)
{
	ck_assert_int_eq(
		trb_write_file(AT_FDCWD, in_scratch(name), trb_bytes_str(text), mode, NULL),
		TRB_OK);
}

static void check_file(const char *name, const char *text, mode_t mode)
{
	_cleanup_(trb_blob_unrefp) trb_blob *got = test_file(in_scratch(name));
	struct stat st;

	ck_assert_msg(trb_bytes_eq_str(trb_blob_bytes(got), text), "%s", name);
	ck_assert_int_eq(stat(in_scratch(name), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, mode);
}

static void pack(struct trb_buf *b)
{
	_cleanup_(trb_cpio_plan_freep) struct cpio_plan *plan = NULL;
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	char source[256];
	uint64_t size;

	ck_status(trb_cpio_plan_new(1700000000, &plan, &err), TRB_OK, err);
	snprintf(source, sizeof(source), "%s", in_scratch("a"));
	ck_status(trb_cpio_add_file(plan, "usr/bin/a", 0755, source, &err), TRB_OK, err);
	ck_status(trb_cpio_add_link(plan, "bin", "usr/bin", &err), TRB_OK, err);
	ck_status(trb_cpio_add_dir(plan, "usr", 0755, &err), TRB_OK, err);
	ck_status(trb_cpio_add_dir(plan, "usr/bin", 0755, &err), TRB_OK, err);
	ck_status(trb_cpio_add_link(plan, "usr/bin/b", "../../bin/a", &err), TRB_OK, err);
	ck_status(trb_cpio_add_tree(plan, in_scratch("tree"), &err), TRB_OK, err);
	trb_buf_init(b, 1 << 20);
	ck_status(trb_cpio_plan_write(plan, put_buf, b, &err), TRB_OK, err);
	ck_status(trb_cpio_plan_size(plan, &size, &err), TRB_OK, err);
	ck_assert_uint_eq(trb_buf_bytes(b).len, size);
	ck_assert_uint_eq(size % 512, 0);
}

START_TEST(round_trip)
{
	_cleanup_buf_ struct trb_buf first, second;
	char target[64] = "";

	write_file("a", "program", 0700);
	mkdir(in_scratch("tree"), 0700);
	mkdir(in_scratch("tree/etc"), 0700);
	write_file("tree/etc/conf", "text", 0600);
	write_file("tree/etc/script", "#!", 0700);
	pack(&first);
	pack(&second);
	ck_assert(trb_bytes_eq(trb_buf_bytes(&first), trb_buf_bytes(&second)));
	ck_assert_int_eq(extract(&first, trb_buf_bytes(&first).len, NULL), TRB_OK);
	check_file("out/usr/bin/a", "program", 0755);
	check_file("out/etc/conf", "text", 0644);
	check_file("out/etc/script", "#!", 0755);
	ck_assert_int_eq(readlink(in_scratch("out/usr/bin/b"), target, sizeof(target)), 11);
	ck_assert_str_eq(target, "../../bin/a");
}
END_TEST

/* GNU cpio, where it is installed, reads the same. */
START_TEST(gnu_cpio_reads_it)
{
	_cleanup_buf_ struct trb_buf b;
	char command[600], listing[256] = "";
	FILE *out;

	if (access("/usr/bin/cpio", X_OK) != 0) {
		fprintf(stderr, "LEFT OUT: no /usr/bin/cpio\n");
		return;
	}
	write_file("a", "program", 0700);
	mkdir(in_scratch("tree"), 0700);
	pack(&b);
	ck_assert_int_eq(
		trb_write_file(AT_FDCWD, in_scratch("archive"), trb_buf_bytes(&b), 0600, NULL),
		TRB_OK);
	snprintf(command, sizeof(command), "/usr/bin/cpio -t --quiet < %s | head -n 3",
		 in_scratch("archive"));
	out = popen(command, "r");
	ck_assert_ptr_nonnull(out);
	ck_assert_uint_gt(fread(listing, 1, sizeof(listing) - 1, out), 0);
	ck_assert_int_eq(pclose(out), 0);
	ck_assert_msg(strncmp(listing, "bin\n", 4) == 0, "%s", listing);
}
END_TEST

static const struct {
	const char *why, *name, *data;
	unsigned mode, links;
} hostile[] = {
	{ "absolute", "/etc/passwd", "x", 0100644, 1 },
	{ "parent", "../x", "x", 0100644, 1 },
	{ "parent inside", "d/../../x", "x", 0100644, 1 },
	{ "dot", ".", NULL, 0040755, 2 },
	{ "dot step", "d/./x", "x", 0100644, 1 },
	{ "empty step", "d//x", "x", 0100644, 1 },
	{ "trailing slash", "x/", NULL, 0040755, 2 },
	{ "character device", "null", NULL, 0020666, 1 },
	{ "block device", "sda", NULL, 0060666, 1 },
	{ "pipe", "pipe", NULL, 0010666, 1 },
	{ "socket", "sock", NULL, 0140666, 1 },
	{ "no type", "none", NULL, 0000644, 1 },
	{ "hard link", "hard", NULL, 0100644, 2 },
	{ "absolute link", "l", "/etc", 0120777, 1 },
	{ "link that leaves", "l", "..", 0120777, 1 },
	{ "deeper link that leaves", "d/l", "../x/../../y", 0120777, 1 },
	{ "link to nothing", "l", NULL, 0120777, 1 },
	{ "no directory", "nowhere/x", "x", 0100644, 1 },
	{ "through a link", "good-link/x", "x", 0100644, 1 },
	{ "over a link", "good-link", "x", 0100644, 1 },
	{ "twice", "file", "y", 0100644, 1 },
	{ "directory twice", "d", NULL, 0040755, 2 },
	{ "directory with data", "dd", "x", 0040755, 2 },
};

START_TEST(hostile_entries_are_refused)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	_cleanup_buf_ struct trb_buf b;
	int r;

	trb_buf_init(&b, 1 << 20);
	entry(&b, "d", 0040755, 2, NULL);
	entry(&b, "file", 0100644, 1, "x");
	entry(&b, "good-link", 0120777, 1, "d");
	entry(&b, hostile[_i].name, hostile[_i].mode, hostile[_i].links, hostile[_i].data);
	entry(&b, "TRAILER!!!", 0, 1, NULL);
	r = extract(&b, trb_buf_bytes(&b).len, &err);
	ck_assert_msg(r == TRB_E_FORMAT || r == TRB_E_LIMIT, "%s: %s", hostile[_i].why,
		      trb_status_name(r));
	ck_assert_msg(access(in_scratch("out/d/x"), F_OK) != 0, "%s", hostile[_i].why);
	ck_assert_msg(access(in_scratch("x"), F_OK) != 0, "%s", hostile[_i].why);
}
END_TEST

START_TEST(set_id_bits_are_dropped)
{
	_cleanup_buf_ struct trb_buf b;

	trb_buf_init(&b, 1 << 20);
	entry(&b, "d", 0041777, 2, NULL);
	entry(&b, "d/su", 0106777, 1, "x");
	entry(&b, "TRAILER!!!", 0, 1, NULL);
	ck_assert_int_eq(extract(&b, trb_buf_bytes(&b).len, NULL), TRB_OK);
	check_file("out/d/su", "x", 0755);
}
END_TEST

START_TEST(every_truncation_is_refused)
{
	_cleanup_buf_ struct trb_buf b;

	trb_buf_init(&b, 1 << 20);
	entry(&b, "d", 0040755, 2, NULL);
	entry(&b, "d/file", 0100644, 1, "12345");
	entry(&b, "TRAILER!!!", 0, 1, NULL);
	for (size_t n = 0; n < trb_buf_bytes(&b).len; n++)
		ck_assert_msg(extract(&b, n, NULL) < 0, "%zu bytes", n);
}
END_TEST

START_TEST(bytes_after_the_end_are_refused)
{
	_cleanup_buf_ struct trb_buf b;

	trb_buf_init(&b, 1 << 20);
	entry(&b, "TRAILER!!!", 0, 1, NULL);
	for (int i = 0; i < 100; i++)
		trb_buf_add_byte(&b, 0);
	ck_assert_int_eq(extract(&b, trb_buf_bytes(&b).len, NULL), TRB_OK);
	trb_buf_add_byte(&b, 1);
	ck_assert_int_eq(extract(&b, trb_buf_bytes(&b).len, NULL), TRB_E_FORMAT);
}
END_TEST

/* A size field of 4 GiB is compared with what is there before anything is made of it. */
START_TEST(declared_sizes_are_not_believed)
{
	_cleanup_buf_ struct trb_buf b;

	trb_buf_init(&b, 1 << 20);
	entry(&b, "big", 0100644, 1, "x");
	memcpy(b.ptr + 6 + 8 * 6, "FFFFFFFF", 8);
	ck_assert_int_eq(extract(&b, trb_buf_bytes(&b).len, NULL), TRB_E_FORMAT);
	memcpy(b.ptr + 6 + 8 * 6, "00000001", 8);
	memcpy(b.ptr + 6 + 8 * 11, "FFFFFFFF", 8);
	ck_assert_int_eq(extract(&b, trb_buf_bytes(&b).len, NULL), TRB_E_LIMIT);
	memcpy(b.ptr + 6 + 8 * 11, "0000000G", 8);
	ck_assert_int_eq(extract(&b, trb_buf_bytes(&b).len, NULL), TRB_E_FORMAT);
}
END_TEST

START_TEST(plans_are_checked)
{
	_cleanup_(trb_cpio_plan_freep) struct cpio_plan *plan = NULL;
	uint64_t size;

	ck_assert_int_eq(trb_cpio_plan_new(0, &plan, NULL), TRB_OK);
	ck_assert_int_eq(trb_cpio_add_dir(plan, "../x", 0755, NULL), TRB_E_INVAL);
	ck_assert_int_eq(trb_cpio_add_link(plan, "l", "../x", NULL), TRB_E_INVAL);
	ck_assert_int_eq(trb_cpio_add_file(plan, "x", 0644, "/dev/null", NULL), TRB_E_INVAL);
	ck_assert_int_eq(trb_cpio_add_dir(plan, "a/b", 0755, NULL), TRB_OK);
	ck_assert_int_eq(trb_cpio_plan_size(plan, &size, NULL), TRB_E_INVAL);
	ck_assert_int_eq(trb_cpio_add_dir(plan, "a", 0755, NULL), TRB_OK);
	ck_assert_int_eq(trb_cpio_plan_size(plan, &size, NULL), TRB_OK);
	ck_assert_int_eq(trb_cpio_add_dir(plan, "a", 0755, NULL), TRB_OK);
	ck_assert_int_eq(trb_cpio_plan_size(plan, &size, NULL), TRB_E_INVAL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cpio");
	TCase *tc = tcase_create("cpio");
	int status;

	if (mkdtemp(scratch) == NULL)
		return EXIT_FAILURE;
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, round_trip);
	tcase_add_test(tc, gnu_cpio_reads_it);
	tcase_add_loop_test(tc, hostile_entries_are_refused, 0,
			    (int)(sizeof(hostile) / sizeof(hostile[0])));
	tcase_add_test(tc, set_id_bits_are_dropped);
	tcase_add_test(tc, every_truncation_is_refused);
	tcase_add_test(tc, bytes_after_the_end_are_refused);
	tcase_add_test(tc, declared_sizes_are_not_believed);
	tcase_add_test(tc, plans_are_checked);
	suite_add_tcase(suite, tc);
	status = test_run(suite);
	trb_remove_tree(AT_FDCWD, scratch, NULL);
	return status;
}
