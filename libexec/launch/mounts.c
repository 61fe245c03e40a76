/* SPDX-License-Identifier: Apache-2.0 */
/* The enclave's file systems, and its root. */
#include "launch/launch.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* Everything is mounted while the old root is still in place: a user namespace may mount proc and
 * sysfs only where it sees them whole already. */

static const char *const devices[] = { "null", "zero", "full", "random", "urandom", "tty" };

/* The launcher's descriptors belong to the mounts of the namespace that it lives in, and only those
 * of our own can be cloned: the same directory again, by its path. */
static int open_again(int fd, const char *what, trb_error **err)
{
	char link[32], path[PATH_MAX];
	struct stat before, after;
	ssize_t n;
	int own;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n < 0)
		return trb_fail_errno(err, errno, "find %s", what);
	path[n] = '\0';
	own = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (own < 0)
		return trb_fail_errno(err, errno, "open %s '%s'", what, path);
	if (fstat(fd, &before) == 0 && fstat(own, &after) == 0 && before.st_dev == after.st_dev &&
	    before.st_ino == after.st_ino)
		return own;
	close(own);
	return trb_fail(err, TRB_E_IO, "%s '%s' was moved away", what, path);
}

static int clone_mount(int fd, uint64_t set, const char *what, trb_error **err)
{
	struct mount_attr attr = { .attr_set = set };
	int tree = open_tree(fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);

	if (tree < 0)
		return trb_fail_errno(err, errno, "clone the mount of %s", what);
	if (mount_setattr(tree, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0) {
		int error = errno;

		close(tree);
		return trb_fail_errno(err, error, "set the mount flags of %s", what);
	}
	return tree;
}

int trb_launch_open(struct trb_launch_trees *ret, trb_error **err)
{
	_cleanup_close_ int ports = -1;

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return trb_fail_errno(err, errno, "make the mounts private");
	ret->place = open_again(TRB_LAUNCH_USERLAND, "the image's userland", err);
	if (ret->place < 0)
		return ret->place;
	ret->userland = clone_mount(ret->place, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV,
				    "the image's userland", err);
	if (ret->userland < 0)
		return ret->userland;
	ports = open_again(TRB_LAUNCH_PORTS, "the ports' directory", err);
	if (ports < 0)
		return ports;
	ret->ports = clone_mount(
		ports, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC,
		"the ports", err);
	return ret->ports < 0 ? ret->ports : TRB_OK;
}

/* The userland becomes a mount of its own, read-only, on top of its own directory, and the working
 * directory. */
static int mount_userland(const struct trb_launch_trees *trees, trb_error **err)
{
	if (move_mount(trees->userland, "", trees->place, "",
		       MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return trb_fail_errno(err, errno, "mount the image's userland");
	if (fchdir(trees->userland) < 0)
		return trb_fail_errno(err, errno, "enter the image's userland");
	return TRB_OK;
}

static int mount_fs(const char *type, const char *where, unsigned long flags, const char *data,
		    trb_error **err)
{
	if (mount(type, where, type, flags, data) < 0)
		return trb_fail_errno(err, errno, "mount %s on /%s in the enclave%s", type, where,
				      errno == ENOENT ? " (the image lacks the directory)" : "");
	return TRB_OK;
}

static int bind_device(const char *name, trb_error **err)
{
	char from[32], to[32];
	int fd;

	snprintf(from, sizeof(from), "/dev/%s", name);
	snprintf(to, sizeof(to), "dev/%s", name);
	fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0)
		return trb_fail_errno(err, errno, "make /%s", to);
	close(fd);
	if (mount(from, to, NULL, MS_BIND, NULL) < 0)
		return trb_fail_errno(err, errno, "bind %s", from);
	return TRB_OK;
}

static int mount_dev(trb_error **err)
{
	static const char *const links[][2] = { { "/proc/self/fd", "dev/fd" },
						{ "/proc/self/fd/0", "dev/stdin" },
						{ "/proc/self/fd/1", "dev/stdout" },
						{ "/proc/self/fd/2", "dev/stderr" } };
	int r = mount_fs("tmpfs", "dev", MS_NOSUID | MS_NOEXEC, "mode=755,size=64k", err);

	for (size_t i = 0; r == TRB_OK && i < sizeof(devices) / sizeof(devices[0]); i++)
		r = bind_device(devices[i], err);
	for (size_t i = 0; r == TRB_OK && i < sizeof(links) / sizeof(links[0]); i++)
		if (symlink(links[i][0], links[i][1]) < 0)
			r = trb_fail_errno(err, errno, "make /%s", links[i][1]);
	if (r == TRB_OK && mkdir("dev/shm", 01777) < 0)
		r = trb_fail_errno(err, errno, "make /dev/shm");
	return r == TRB_OK ? mount_fs("tmpfs", "dev/shm", MS_NOSUID | MS_NODEV, "mode=1777", err)
			   : r;
}

static int mount_ports(const struct trb_launch_trees *trees, trb_error **err)
{
	if (mkdir("run/trustbuild", 0755) < 0 || mkdir("run/trustbuild/ports", 0755) < 0)
		return trb_fail_errno(err, errno, "make /run/trustbuild/ports");
	if (move_mount(trees->ports, "", AT_FDCWD, "run/trustbuild/ports",
		       MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return trb_fail_errno(err, errno, "mount the ports");
	return TRB_OK;
}

static int mount_image(const struct trb_launch_trees *trees, trb_error **err)
{
	static const char place[] = TRB_LAUNCH_MOUNTED;

	if (trees->image < 0)
		return TRB_OK;
	if (mkdir(place + 1, 0755) < 0)
		return trb_fail_errno(err, errno, "make %s", place);
	if (move_mount(trees->image, "", AT_FDCWD, place + 1, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return trb_fail_errno(err, errno, "mount the root file system");
	return TRB_OK;
}

/* Only runc and crun need these two, and not every system lets a user namespace have them. */
static void mount_sys(void)
{
	if (mount("sysfs", "sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0)
		mount("cgroup2", "sys/fs/cgroup", "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		      NULL);
}

static int change_root(trb_error **err)
{
	/* The old root ends up on top of the new one, from where it is taken off. */
	if (syscall(SYS_pivot_root, ".", ".") < 0)
		return trb_fail_errno(err, errno, "change the root directory");
	if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return trb_fail_errno(err, errno, "leave the old root directory");
	return TRB_OK;
}

int trb_launch_enter(const struct trb_launch_trees *trees, trb_error **err)
{
	int r = mount_userland(trees, err);

	umask(0);
	if (r == TRB_OK)
		r = mount_fs("proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL, err);
	if (r == TRB_OK)
		r = mount_dev(err);
	if (r == TRB_OK)
		r = mount_fs("tmpfs", "tmp", MS_NOSUID | MS_NODEV, "mode=1777", err);
	if (r == TRB_OK)
		r = mount_fs("tmpfs", "run", MS_NOSUID | MS_NODEV, "mode=755", err);
	if (r == TRB_OK)
		r = mount_ports(trees, err);
	if (r == TRB_OK)
		r = mount_image(trees, err);
	if (r < 0)
		return r;
	mount_sys();
	return change_root(err);
}
