/* SPDX-License-Identifier: Apache-2.0 */
/* Reading, writing and extracting images with the n-th allocation or system call failing: no image
 * read that should have been refused, none half written. */
#include "../unit/support.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/error.h"
#include "core/io.h"
#include "image/eif_file.h"
#include "image/eif_write.h"
#include "torture.h"

static int image, damaged, archive; /* descriptors */
static char folder[64], kernel[128];

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
	struct eif_file opened;
	struct stat st;
	uint8_t *bytes;
	int copy = memfd_create("damaged", MFD_CLOEXEC);

	ck_assert(copy >= 0 && fstat(fd, &st) == 0);
	bytes = malloc((size_t)st.st_size);
	ck_assert_int_eq(trb_pread_full(fd, bytes, (size_t)st.st_size, 0, NULL), TRB_OK);
	ck_assert_int_eq(trb_eif_file_init(&opened, NULL, fd, NULL), TRB_OK);
	ck_assert_int_eq(trb_eif_read_layout(&opened.source, &layout, NULL), TRB_OK);
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

static int read_image(int fd, const char **ret_check)
{
	trb_error *err = NULL;
	trb_blob *json = NULL;
	trb_eif *eif = NULL;
	int r = trb_eif_open_fd(NULL, fd, &eif, &err);

	torture_note((r == TRB_OK) != (eif != NULL), "half an image");
	if (r == TRB_OK)
		r = trb_eif_describe_json(eif, &json, &err);
	torture_note(r == TRB_OK && trb_eif_get_pcr(eif, 8).len != 48, "no PCR8");
	trb_blob_unref(json);
	trb_eif_unref(eif);
	return torture_end(r, err, ret_check);
}

static int read_good(const char **ret_check)
{
	return read_image(image, ret_check);
}

static int read_damaged(const char **ret_check)
{
	return read_image(damaged, ret_check);
}

/* By its path, as a host does. */
static int measure(const char **ret_check)
{
	char path[4096];
	trb_error *err = NULL;
	trb_eif *eif = NULL;
	int r;

	snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/eif/v4_signed",
		 getenv("TRB_SOURCE_ROOT"));
	r = trb_eif_open(NULL, path, &eif, &err);
	trb_eif_unref(eif);
	return torture_end(r, err, ret_check);
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

static int written = -1;

static void empty_written(void)
{
	if (written < 0)
		written = memfd_create("written", MFD_CLOEXEC);
	ck_assert_int_eq(ftruncate(written, 0), 0);
	ck_assert_int_eq(lseek(written, 0, SEEK_SET), 0);
}

static int write_image(const char **ret_check)
{
	_cleanup_(trb_cpio_plan_freep) struct cpio_plan *ramdisk = NULL;
	_cleanup_(trb_eif_unrefp) trb_eif *eif = NULL;
	trb_error *err = NULL;
	struct eif_parts parts = { .kernel = kernel,
				   .cmdline = TRB_BYTES_LIT("c"),
				   .metadata = TRB_BYTES_LIT("{}"),
				   .n_ramdisks = 1 };
	int r = plan(&ramdisk, &err);
	struct eif_measurement measured;

	parts.ramdisks[0].plan = ramdisk;
	if (r == TRB_OK)
		r = trb_eif_write(written, &parts, &measured, &err);
	if (r == TRB_OK)
		r = trb_eif_open_measured(written, &measured, &eif, &err);
	return torture_end(r, err, ret_check);
}

static void empty_out(void)
{
	char out[128];

	snprintf(out, sizeof(out), "%s/out", folder);
	trb_remove_tree(AT_FDCWD, out, NULL);
	ck_assert_int_eq(mkdir(out, 0700), 0);
}

static int extract(const char **ret_check)
{
	trb_error *err = NULL;
	char out[128];
	struct stat st;
	int dirfd, r;

	snprintf(out, sizeof(out), "%s/out", folder);
	dirfd = open(out, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0 || fstat(archive, &st) < 0)
		r = trb_fail_errno(&err, errno, "open");
	else
		r = trb_cpio_extract(archive, 0, (uint64_t)st.st_size, dirfd, &err);
	if (dirfd >= 0)
		close(dirfd);
	return torture_end(r, err, ret_check);
}

static const struct torture rows[] = {
	{ "read a good image", read_good, TRB_OK, NULL, 50 },
	{ "read a damaged image", read_damaged, TRB_E_FORMAT, NULL, 10 },
	{ "measure an image", measure, TRB_OK, NULL, 50 },
	{ "write an image", write_image, TRB_OK, NULL, 20, empty_written,
	  .optional = "clone3 clone mmap mprotect" /* without a thread it takes longer */ },
	{ "extract a ramdisk", extract, TRB_OK, NULL, 1, empty_out },
};
TORTURE_MAIN("image", rows, set_up, tear_down)
