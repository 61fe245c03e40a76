/* SPDX-License-Identifier: Apache-2.0 */
/* Ids of root's enclaves: a range that this system gives to nobody. */
#include <fcntl.h>
#include <stdio.h>

#include "launch/launch.h"

/* Above the ids that containers get by convention (524288 to 1879048191), below those that are
 * negative as 32-bit numbers. */
#define FIRST UINT64_C(0x70000000)
#define LAST  UINT64_C(0x7fff0000)

/* Where a line has its first id, counted in colons, and how many there are; 0: one. */
static const struct file {
	const char *name;
	unsigned first, count;
} files[] = {
	{ "passwd", 2, 0 },
	{ "group", 2, 0 },
	{ "subuid", 1, 2 },
	{ "subgid", 1, 2 },
};

/* Field i of a line, as a number; UINT64_MAX where it is none. */
static uint64_t number_at(const char *line, unsigned i)
{
	char *end;
	uint64_t value;

	for (; line != NULL && i > 0; i--) {
		line = strchr(line, ':');
		line = line != NULL ? line + 1 : NULL;
	}
	if (line == NULL || line[0] < '0' || line[0] > '9')
		return UINT64_MAX;
	errno = 0;
	value = strtoull(line, &end, 10);
	return errno == 0 && (*end == ':' || *end == '\n' || *end == '\0') ? value : UINT64_MAX;
}

/* Moves *first behind the line's ids where they meet; true where it did. */
static bool step_over(const struct file *file, const char *line, uint64_t *first)
{
	uint64_t start = number_at(line, file->first);
	uint64_t count = file->count > 0 ? number_at(line, file->count) : 1;
	uint64_t end;

	if (start == UINT64_MAX || count == UINT64_MAX || count > UINT64_MAX - start)
		return false; /* no line that gives ids away */
	end = start + count;
	if (start >= *first + TRB_LAUNCH_IDS || end <= *first)
		return false;
	*first = (end + TRB_LAUNCH_IDS - 1) / TRB_LAUNCH_IDS * TRB_LAUNCH_IDS;
	return true;
}

static int step_over_all(int dir, const struct file *file, uint64_t *first, bool *moved,
			 trb_error **err)
{
	int fd = openat(dir, file->name, O_RDONLY | O_CLOEXEC);
	FILE *stream = fd >= 0 ? fdopen(fd, "r") : NULL;
	char *line = NULL;
	size_t size = 0;
	int error = stream == NULL ? errno : 0;

	if (stream == NULL && fd >= 0)
		close(fd);
	while (stream != NULL && (errno = 0, getline(&line, &size, stream)) >= 0)
		*moved = step_over(file, line, first) || *moved;
	if (stream != NULL) {
		error = errno;
		fclose(stream);
	}
	free(line);
	return error == 0 || error == ENOENT
		       ? TRB_OK
		       : trb_fail_errno(err, error, "read '/etc/%s'", file->name);
}

int trb_launch_free_range(int dir, uint32_t *ret_first, trb_error **err)
{
	uint64_t first = FIRST;
	bool moved = true;
	int r = TRB_OK;

	while (r == TRB_OK && moved && first <= LAST) {
		moved = false;
		for (size_t i = 0; r == TRB_OK && i < sizeof(files) / sizeof(files[0]); i++)
			r = step_over_all(dir, &files[i], &first, &moved, err);
	}
	if (r == TRB_OK && first > LAST)
		r = trb_fail(err, TRB_E_UNSUPPORTED,
			     "/etc/subuid and /etc/subgid leave no %u ids from %llu to %llu, of "
			     "which root's enclaves take theirs: give some back",
			     TRB_LAUNCH_IDS, (unsigned long long)FIRST,
			     (unsigned long long)LAST + TRB_LAUNCH_IDS - 1);
	if (r == TRB_OK)
		*ret_first = (uint32_t)first;
	return r;
}

int trb_launch_find_ids(uint32_t *ret_first, trb_error **err)
{
	_cleanup_close_ int etc = -1;

	if (geteuid() != 0)
		return TRB_OK;
	etc = open("/etc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return etc >= 0 ? trb_launch_free_range(etc, ret_first, err)
			: trb_fail_errno(err, errno, "open '/etc'");
}
