/* SPDX-License-Identifier: Apache-2.0 */
/* What the programs read: files by name, and standard input as "-". */
#include "common/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Standard input can be read once, whoever asks for it. */
static const char *take_standard_input(void)
{
	static bool taken;
	const char *fault = taken ? "standard input was read already: '-' is given twice" : NULL;

	taken = true;
	return fault;
}

/* A file, or standard input for "-".  NULL, or why there is none. */
static const char *open_input(const char *path, int *ret_fd, struct stat *ret_st)
{
	bool standard = strcmp(path, "-") == 0;
	const char *fault = standard ? take_standard_input() : NULL;
	int fd;

	if (fault != NULL)
		return fault;
	fd = standard ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
		      : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return strerror(errno);
	if (fstat(fd, ret_st) < 0)
		fault = strerror(errno);
	else if (!standard && !S_ISREG(ret_st->st_mode))
		fault = S_ISFIFO(ret_st->st_mode) || S_ISSOCK(ret_st->st_mode)
				? "not a regular file: pipe it in, and give '-'"
				: "not a regular file";
	if (fault == NULL)
		*ret_fd = fd;
	else
		close(fd);
	return fault;
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

/* Of what is larger than max the beginning, a little more than max.  NULL, or why not. */
static const char *read_head(const char *path, size_t max, trb_blob **ret, uint64_t *ret_size)
{
	uint8_t *bytes = NULL;
	const char *fault;
	struct stat st;
	size_t len = 0;
	int fd = -1, r;

	fault = open_input(path, &fd, &st);
	if (fault != NULL)
		return fault;
	r = read_all(fd, max, &bytes, &len);
	if (r < 0 && r != TRB_E_LIMIT)
		fault = strerror(errno);
	else if (trb_blob_new((trb_bytes){ bytes, len }, ret, NULL) < 0)
		fault = "out of memory";
	else if (S_ISREG(st.st_mode) && (uint64_t)st.st_size > len)
		*ret_size = (uint64_t)st.st_size;
	else
		*ret_size = r == TRB_E_LIMIT && !S_ISREG(st.st_mode) ? CLI_SIZE_UNKNOWN : len;
	free(bytes);
	close(fd);
	return fault;
}

int cli_read_file(const char *program, const char *path, size_t max, trb_blob **ret)
{
	trb_blob *blob = NULL;
	uint64_t size = 0;
	const char *fault = read_head(path, max, &blob, &size);
	char text[96];

	if (fault == NULL && size > max) {
		if (size == CLI_SIZE_UNKNOWN)
			snprintf(text, sizeof(text), "it has more than %zu bytes", max);
		else
			snprintf(text, sizeof(text), "it has %llu bytes, at most %zu are read",
				 (unsigned long long)size, max);
		fault = text;
	}
	if (fault == NULL) {
		*ret = blob;
		return CLI_OK;
	}
	trb_blob_unref(blob);
	return cli_cannot(program, "read", path, fault);
}

int cli_read_evidence(const char *program, const char *path, size_t max, struct cli_evidence *ret)
{
	const char *fault = read_head(path, max, &ret->bytes, &ret->size);

	if (fault == NULL)
		return CLI_OK;
	snprintf(ret->fault, sizeof(ret->fault), "cannot read it: %s", fault);
	return cli_cannot(program, "read", path, fault);
}

void cli_evidence_clear(struct cli_evidence *evidence)
{
	trb_blob_unref(evidence->bytes);
	*evidence = (struct cli_evidence){ 0 };
}

int cli_open_input(const char *program, const char *path, int *ret_fd)
{
	struct stat st;
	const char *fault = open_input(path, ret_fd, &st);

	return fault != NULL ? cli_cannot(program, "read", path, fault) : CLI_OK;
}

static int copy(int from, int to, uint64_t max)
{
	static char block[1 << 16];
	ssize_t got;

	while ((got = read(from, block, sizeof(block))) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 || write(to, block, (size_t)got) != got)
			return -1;
		if ((uint64_t)got > max) {
			errno = EFBIG;
			return -1;
		}
		max -= (uint64_t)got;
	}
	return 0;
}

/* A copy without a name, gone with its descriptor; fd is closed. */
static int spool(int fd, uint64_t max)
{
	const char *folder = getenv("TMPDIR");
	int copied =
		open(folder != NULL ? folder : "/var/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	int why;

	if (copied >= 0 && copy(fd, copied, max) < 0) {
		why = errno;
		close(copied);
		errno = why;
		copied = -1;
	}
	why = errno;
	close(fd);
	errno = why;
	return copied;
}

int cli_open_file(const char *program, const char *path, uint64_t max, int *ret_fd)
{
	struct stat st;
	int fd, status = cli_open_input(program, path, &fd);

	if (status != CLI_OK)
		return status;
	/* only as a whole is a file what standard input gives */
	if (strcmp(path, "-") == 0 &&
	    (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || lseek(fd, 0, SEEK_CUR) != 0))
		fd = spool(fd, max);
	if (fd < 0)
		return cli_cannot(program, "read", path, strerror(errno));
	*ret_fd = fd;
	return CLI_OK;
}
