/* SPDX-License-Identifier: Apache-2.0 */
/* Enclave images from outside: the file as it is, and once more with its CRC made true, so that
 * what lies behind the CRC is reached. */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <zlib.h>

#include "format/eif.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void touch(int fd)
{
	trb_blob *json = NULL;
	trb_error *err = NULL;
	trb_eif *eif = NULL;

	if (trb_eif_open_fd(NULL, fd, &eif, &err) == TRB_OK &&
	    trb_eif_describe_json(eif, &json, &err) == TRB_OK)
		trb_blob_unref(json);
	trb_eif_unref(eif);
	trb_error_unref(err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = size <= 256 * 1024 ? memfd_create("fuzz", MFD_CLOEXEC) : -1;

	if (fd < 0)
		return 0;
	if (pwrite(fd, data, size, 0) == (ssize_t)size) {
		touch(fd);
		if (size >= EIF_HEADER_SIZE) {
			uint8_t crc[4];
			uLong sum = crc32(0, data, EIF_CRC_OFFSET);

			sum = crc32(sum, data + EIF_HEADER_SIZE, (uInt)(size - EIF_HEADER_SIZE));
			eif_put_be(crc, sum, 4);
			if (pwrite(fd, crc, 4, EIF_CRC_OFFSET) == 4)
				touch(fd);
		}
	}
	close(fd);
	return 0;
}
