/* SPDX-License-Identifier: Apache-2.0 */
/* An image that is in no file: read and measured from its bytes, alone and with a thread's help. */
#include "support.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/io.h"
#include "image/eif_file.h"
#include "image/eif_write.h"

#define KERNEL_SIZE (3u << 20) /* several chunks */

static uint8_t *image;
static size_t size, reads_left;

static int read_bytes(void *user, void *to, size_t n, uint64_t at, trb_error **err)
{
	ck_assert_ptr_eq(user, &size);
	if (reads_left-- == 0)
		return trb_fail(err, TRB_E_IO, "the bytes end here");
	ck_assert(at <= size && n <= size - at);
	memcpy(to, image + at, n);
	return TRB_OK;
}

static const struct eif_source *source(size_t reads)
{
	static struct eif_source it;

	it = (struct eif_source){ .size = size, .read = read_bytes, .user = &size };
	reads_left = reads;
	return &it;
}

/* A packed image: its bytes, and what packing it measured. */
static void pack(struct eif_measurement *ret)
{
	char kernel[] = "/tmp/trb-eif-source-XXXXXX";
	struct eif_parts parts = { .kernel = kernel,
				   .cmdline = TRB_BYTES_LIT("console=ttyS0"),
				   .metadata = TRB_BYTES_LIT("{}"),
				   .ramdisks = { { NULL, kernel }, { NULL, kernel } },
				   .n_ramdisks = 2 };
	int file = mkstemp(kernel), fd = memfd_create("eif", MFD_CLOEXEC);

	ck_assert(file >= 0 && fd >= 0);
	ck_assert_int_eq(ftruncate(file, KERNEL_SIZE), 0);
	ck_assert_int_eq(pwrite(file, "kernel", 6, KERNEL_SIZE / 2), 6);
	ck_assert_int_eq(trb_eif_write(fd, &parts, ret, NULL), TRB_OK);
	unlink(kernel);
	close(file);
	size = (size_t)lseek(fd, 0, SEEK_END);
	image = malloc(size);
	ck_assert_int_eq(trb_pread_full(fd, image, size, 0, NULL), TRB_OK);
	close(fd);
}

static void check(const struct eif_measurement *packed, struct eif_helper *helper)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	trb_eif *eif = NULL;
	int r = trb_eif_open_source(source(SIZE_MAX), NULL, helper, &eif, &err);

	ck_status(r, TRB_OK, err);
	for (unsigned i = 0; i < 3; i++)
		ck_assert(trb_bytes_eq(trb_eif_get_pcr(eif, i), TRB_BYTES(packed->pcr[i], 48)));
	trb_eif_unref(eif);
}

START_TEST(bytes_measure_as_the_file_does)
{
	struct eif_measurement packed;
	struct eif_helper *helper;

	pack(&packed);
	check(&packed, NULL);
	helper = trb_eif_thread_new();
	ck_assert_ptr_nonnull(helper);
	check(&packed, helper);
	free(image);
}
END_TEST

/* Whichever read fails: an error, and the helper is gone. */
START_TEST(a_read_that_fails_ends_it)
{
	struct eif_measurement packed;

	pack(&packed);
	for (size_t reads = 0;; reads++) {
		_cleanup_(trb_error_unrefp) trb_error *err = NULL;
		trb_eif *eif = NULL;
		int r = trb_eif_open_source(source(reads), NULL,
					    reads % 2 ? trb_eif_thread_new() : NULL, &eif, &err);

		if (r == TRB_OK) {
			trb_eif_unref(eif);
			ck_assert_uint_gt(reads, 10);
			break;
		}
		ck_status(r, TRB_E_IO, err);
		ck_assert_ptr_null(eif);
	}
	free(image);
}
END_TEST

START_TEST(a_changed_byte_is_seen)
{
	struct eif_measurement packed;
	trb_eif *eif = NULL;

	pack(&packed);
	image[size / 2] ^= 1;
	ck_assert_int_eq(trb_eif_open_source(source(SIZE_MAX), NULL, NULL, &eif, NULL),
			 TRB_E_FORMAT);
	image[size / 2] ^= 1;
	size = EIF_HEADER_SIZE - 1;
	ck_assert_int_eq(trb_eif_open_source(source(SIZE_MAX), NULL, NULL, &eif, NULL),
			 TRB_E_FORMAT);
	free(image);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("eif-source");
	TCase *tc = tcase_create("eif-source");

	tcase_add_test(tc, bytes_measure_as_the_file_does);
	tcase_add_test(tc, a_read_that_fails_ends_it);
	tcase_add_test(tc, a_changed_byte_is_seen);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
