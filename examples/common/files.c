/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int failed(const char *program, const char *what, const char *path, const char *why)
{
	char *safe = cli_escaped(cli_bytes(path));

	cli_say("%s: cannot %s '%s': %s", program, what, safe != NULL ? safe : "", why);
	free(safe);
	return CLI_FAILED;
}

static int too_large(const char *program, const char *path, size_t max)
{
	char why[64];

	snprintf(why, sizeof(why), "it has more than %zu bytes", max);
	return failed(program, "read", path, why);
}

static int read_all(int fd, size_t max, uint8_t **ret, size_t *ret_len)
{
	size_t len = 0, cap = 0;
	uint8_t *bytes = NULL;

	for (;;) {
		uint8_t *more;
		ssize_t got;

		if (len == cap) {
			cap = cap > 0 ? cap * 2 : 16384;
			more = realloc(bytes, cap);
			if (more == NULL)
				break;
			bytes = more;
		}
		got = read(fd, bytes + len, cap - len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			break;
		len += (size_t)got;
		if (got == 0 || len > max) {
			*ret = bytes;
			*ret_len = len;
			return len > max ? TRB_E_LIMIT : 0;
		}
	}
	free(bytes);
	return TRB_E_IO;
}

static int read_file(const char *program, const char *path, size_t max, bool head, trb_blob **ret)
{
	bool standard = strcmp(path, "-") == 0;
	int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	uint8_t *bytes = NULL;
	struct stat st;
	size_t len = 0;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		r = failed(program, "open", path, strerror(errno));
	else if (!standard && !S_ISREG(st.st_mode))
		r = failed(program, "read", path, "not a regular file");
	else if ((r = read_all(fd, max, &bytes, &len)) == TRB_E_LIMIT && !head)
		r = too_large(program, path, max);
	else if (r < 0 && r != TRB_E_LIMIT)
		r = failed(program, "read", path, strerror(errno));
	else if (trb_blob_new((trb_bytes){ bytes, len }, ret, NULL) < 0)
		r = failed(program, "read", path, "out of memory");
	else
		r = CLI_OK;
	free(bytes);
	if (fd >= 0 && !standard)
		close(fd);
	return r;
}

int cli_read_file(const char *program, const char *path, size_t max, trb_blob **ret)
{
	return read_file(program, path, max, false, ret);
}

int cli_read_evidence(const char *program, const char *path, size_t max, trb_blob **ret)
{
	return read_file(program, path, max, true, ret);
}

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
		r = failed(program, "write", path, strerror(errno));
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
		return failed(program, "write", path, "out of memory");
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0 || fchmod(fd, 0644) < 0 || write_all(fd, bytes) < 0 || flush(fd) < 0 ||
	    rename(temporary, path) < 0) {
		r = failed(program, "write", path, strerror(errno));
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
