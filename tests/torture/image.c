/* SPDX-License-Identifier: Apache-2.0 */
/* Reading, writing and extracting images with the n-th call failing, for every n: no crash, no
 * leak, no descriptor left open, and no image read that should have been refused. */
#include "../unit/support.h"

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
#include "fault.h"
#include "image/eif_write.h"

static int image, damaged, archive; /* descriptors */
static char folder[64], kernel[128];
static bool inconsistent;

static int corpus(const char *name)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/%s", getenv("TRB_SOURCE_ROOT"), name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_msg(fd >= 0, "%s", path);
	return fd;
}

/* The signed image with another byte in its first ramdisk: the CRC is what notices. */
static int damage(int fd)
{
	struct eif_layout layout;
	struct stat st;
	uint8_t *bytes;
	int copy = memfd_create("damaged", MFD_CLOEXEC);

	ck_assert(copy >= 0 && fstat(fd, &st) == 0);
	bytes = malloc((size_t)st.st_size);
	ck_assert_int_eq(trb_pread_full(fd, bytes, (size_t)st.st_size, 0, NULL), TRB_OK);
	ck_assert_int_eq(trb_eif_read_layout(fd, &layout, NULL), TRB_OK);
	bytes[layout.sections[3].offset] ^= 1;
	ck_assert_int_eq(trb_write_full(copy, TRB_BYTES(bytes, st.st_size), NULL), TRB_OK);
	free(bytes);
	return copy;
}

static void set_up(void)
{
	snprintf(folder, sizeof(folder), "/tmp/trb-torture-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(kernel, sizeof(kernel), "%s/kernel", folder);
	ck_assert_int_eq(trb_write_file(AT_FDCWD, kernel, TRB_BYTES_LIT("kernel"), 0600, NULL),
			 TRB_OK);
	image = corpus("eif/v4_signed");
	archive = corpus("cpio/small");
	damaged = damage(image);
}

static void tear_down(void)
{
	close(image);
	close(archive);
	close(damaged);
	trb_remove_tree(AT_FDCWD, folder, NULL);
}

static int read_image(int fd)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	trb_blob *json = NULL;
	trb_eif *eif = NULL;
	int r = trb_eif_open_fd(NULL, fd, &eif, &err);

	if ((r == TRB_OK) != (eif != NULL))
		inconsistent = true;
	if (r == TRB_OK)
		r = trb_eif_describe_json(eif, &json, &err);
	if (r == TRB_OK && trb_eif_get_pcr(eif, 8).len != 48)
		inconsistent = true;
	trb_blob_unref(json);
	trb_eif_unref(eif);
	return r;
}

static int read_good(void)
{
	return read_image(image);
}

static int read_damaged(void)
{
	return read_image(damaged);
}

static int plan(struct cpio_plan **ret, trb_error **err)
{
	int r = trb_cpio_plan_new(7, ret, err);

	if (r == TRB_OK)
		r = trb_cpio_add_dir(*ret, "d", 0755, err);
	if (r == TRB_OK)
		r = trb_cpio_add_file(*ret, "d/kernel", 0644, kernel, err);
	if (r == TRB_OK)
		r = trb_cpio_add_data(*ret, "data", 0644, TRB_BYTES_LIT("data"), err);
	return r < 0 ? r : trb_cpio_add_link(*ret, "link", "d/kernel", err);
}

static int write_image(void)
{
	_cleanup_(trb_cpio_plan_freep) struct cpio_plan *ramdisk = NULL;
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	_cleanup_(trb_eif_unrefp) trb_eif *eif = NULL;
	struct eif_parts parts = { .kernel = kernel,
				   .cmdline = TRB_BYTES_LIT("c"),
				   .metadata = TRB_BYTES_LIT("{}"),
				   .n_ramdisks = 1 };
	int fd = memfd_create("written", MFD_CLOEXEC), r = plan(&ramdisk, &err);
	struct eif_measurement measured;

	parts.ramdisks[0].plan = ramdisk;
	if (r == TRB_OK)
		r = trb_eif_write(fd, &parts, &measured, &err);
	if (r == TRB_OK)
		r = trb_eif_open_measured(fd, &measured, &eif, &err);
	close(fd);
	return r;
}

static int extract(void)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	char out[128];
	struct stat st;
	int dirfd, r;

	snprintf(out, sizeof(out), "%s/out", folder);
	mkdir(out, 0700);
	dirfd = open(out, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fstat(archive, &st);
	r = trb_cpio_extract(archive, 0, (uint64_t)st.st_size, dirfd, &err);
	close(dirfd);
	return r;
}

static void empty_out(void)
{
	char out[128];

	snprintf(out, sizeof(out), "%s/out", folder);
	trb_remove_tree(AT_FDCWD, out, NULL);
}

static unsigned open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

static const struct {
	const char *name;
	int (*run)(void);
	bool good;
} rows[] = {
	{ "read a good image", read_good, true },
	{ "read a damaged image", read_damaged, false },
	{ "write an image", write_image, true },
	{ "extract a ramdisk", extract, true },
};

/* Each row with each kind of fault. */
START_TEST(every_call_fails_once)
{
	static const enum fault kinds[] = { FAULT_MEMORY, FAULT_OPENSSL, FAULT_READ, FAULT_EINTR };
	size_t row = (size_t)_i / 4;
	enum fault kind = kinds[_i % 4];
	unsigned before = open_descriptors();
	bool fired = true;
	int r;

	/* first without a fault: OpenSSL keeps what it could not load the first time */
	empty_out();
	r = rows[row].run();
	ck_assert_int_eq(r == TRB_OK, rows[row].good);
	for (unsigned n = 1; fired; n++) {
		ck_assert_uint_lt(n, 20000);
		empty_out();
		fault_arm(kind, n);
		r = rows[row].run();
		fired = fault_disarm();
		ck_assert_msg(rows[row].good || r < 0, "%s: read with call %u failing",
			      rows[row].name, n);
		/* libcrypto may do without some of its memory */
		ck_assert_msg(!fired || r < 0 || kind == FAULT_OPENSSL || kind == FAULT_EINTR,
			      "%s: call %u failed unnoticed", rows[row].name, n);
		ck_assert_msg(kind != FAULT_EINTR || !rows[row].good || r == TRB_OK,
			      "%s: interrupted call %u is an error", rows[row].name, n);
		ck_assert_msg(!inconsistent, "%s: %u", rows[row].name, n);
	}
	ck_assert_msg((r == TRB_OK) == rows[row].good, "%s: %s", rows[row].name,
		      trb_status_name(r));
	ck_assert_uint_eq(open_descriptors(), before);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("torture-image");
	TCase *tc = tcase_create("image");

	fault_init();
	tcase_set_timeout(tc, 300);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_loop_test(tc, every_call_fails_once, 0,
			    (int)(4 * sizeof(rows) / sizeof(rows[0])));
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
