/* SPDX-License-Identifier: Apache-2.0 */
/* Files that a command writes: whole, or not at all. */
#include "common/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_all(int fd, trb_bytes bytes)
{
	while (bytes.len > 0) {
		ssize_t put = write(fd, bytes.ptr, bytes.len);

		if (put < 0 && errno != EINTR)
			return -1;
		if (put > 0) {
			bytes.ptr += put;
			bytes.len -= (size_t)put;
		}
	}
	return 0;
}

/* A device or a pipe takes the bytes as they come: nothing is put in its place. */
static int write_special(const char *program, const char *path, trb_bytes bytes)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY), r = CLI_OK;

	if (fd < 0 || write_all(fd, bytes) < 0)
		r = cli_cannot(program, "write", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return r;
}

static int flush(int fd)
{
	int r;

	do
		r = fsync(fd);
	while (r < 0 && errno == EINTR);
	return r;
}

int cli_write_file(const char *program, const char *path, trb_bytes bytes)
{
	char *temporary = NULL;
	int fd = -1, r = CLI_OK;
	struct stat st;

	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return write_special(program, path, bytes);
	if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
		return cli_cannot(program, "write", path, "out of memory");
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0 || fchmod(fd, 0644) < 0 || write_all(fd, bytes) < 0 || flush(fd) < 0 ||
	    rename(temporary, path) < 0) {
		r = cli_cannot(program, "write", path, strerror(errno));
		if (fd >= 0)
			unlink(temporary);
	}
	if (fd >= 0)
		close(fd);
	free(temporary);
	return r;
}

int cli_flush(const char *program)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return CLI_OK;
	cli_say("%s: cannot write to standard output", program);
	return CLI_FAILED;
}
