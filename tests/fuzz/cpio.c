/* SPDX-License-Identifier: Apache-2.0 */
/* Ramdisks from outside, extracted into a folder that is emptied each time. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/io.h"
#include "image/cpio.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[] = "/tmp/trb-fuzz-cpio-XXXXXX";

static void remove_folder(void)
{
	trb_remove_tree(AT_FDCWD, folder, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool made;
	trb_error *err = NULL;
	int fd, dirfd;

	if (!made && (mkdtemp(folder) == NULL || atexit(remove_folder) != 0))
		abort();
	made = true;
	fd = size <= 64 * 1024 ? memfd_create("fuzz", MFD_CLOEXEC) : -1;
	if (fd < 0)
		return 0;
	trb_remove_tree(AT_FDCWD, folder, NULL);
	mkdir(folder, 0700);
	dirfd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd >= 0 && pwrite(fd, data, size, 0) == (ssize_t)size)
		trb_cpio_extract(fd, 0, size, dirfd, &err);
	trb_error_unref(err);
	close(dirfd);
	close(fd);
	return 0;
}
