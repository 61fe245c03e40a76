/* SPDX-License-Identifier: Apache-2.0 */
/* Each step by itself, as openat2() with RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS would go, on
 * kernels and in sandboxes that lack it, too. */
#include "host/beneath.h"

#include <fcntl.h>
#include <sys/stat.h>

#define STEP_MAX 255

static int fail_step(const char *step, const char *name, trb_error **err)
{
	int error = errno;

	if (error == ENOTDIR || error == ELOOP)
		return trb_fail(err, TRB_E_IO,
				"'%s' in the output directory is a link or no directory, and '%s' "
				"would go through it: move it away",
				step, name);
	return trb_fail_errno(err, error, "open the directory '%s'", step);
}

static int enter(int dirfd, const char *step, const char *name, bool make, trb_error **err)
{
	int fd;

	if (step[0] == '\0' || strcmp(step, ".") == 0 || strcmp(step, "..") == 0)
		return trb_fail(err, TRB_E_INVAL, "'%s' is no name beneath a directory", name);
	if (make && mkdirat(dirfd, step, 0777) < 0 && errno != EEXIST)
		return trb_fail_errno(err, errno, "make the directory '%s'", step);
	fd = openat(dirfd, step, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd >= 0 ? fd : fail_step(step, name, err);
}

int trb_beneath_parent(int dirfd, const char *name, bool make, int *ret_fd, const char **ret_base,
		       trb_error **err)
{
	_cleanup_close_ int fd = fcntl(dirfd, F_DUPFD_CLOEXEC, 3);
	const char *rest = name, *slash;

	if (fd < 0)
		return trb_fail_errno(err, errno, "open the output directory");
	for (; (slash = strchr(rest, '/')) != NULL; rest = slash + 1) {
		char step[STEP_MAX + 1];
		int next;

		if (slash - rest > STEP_MAX)
			return trb_fail(err, TRB_E_INVAL, "'%s' has too long a step", name);
		memcpy(step, rest, (size_t)(slash - rest));
		step[slash - rest] = '\0';
		next = enter(fd, step, name, make, err);
		if (next < 0)
			return next;
		close(fd);
		fd = next;
	}
	*ret_base = rest;
	*ret_fd = steal_fd(&fd);
	return TRB_OK;
}
