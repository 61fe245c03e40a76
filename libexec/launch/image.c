/* SPDX-License-Identifier: Apache-2.0 */
/* The builds' root file system as a mount.  gVisor maps the image by itself; crun and runc want a
 * directory, and no user namespace may mount an image: root does it before the enclave has one. */
#include "launch/launch.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
/* after sys/mount.h, which has some of its names */
#include <linux/loop.h>

#define IMAGE "rootfs.erofs"

static bool has_runtime(void)
{
	static const char *const names[] = { "usr/libexec/trustbuild/crun",
					     "usr/libexec/trustbuild/runc" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (faccessat(TRB_LAUNCH_USERLAND, names[i], X_OK, 0) == 0)
			return true;
	return false;
}

static int configure(const char *source, trb_error **err)
{
	int fs = fsopen("erofs", FSOPEN_CLOEXEC);

	if (fs >= 0 && fsconfig(fs, FSCONFIG_SET_STRING, "source", source, 0) == 0 &&
	    fsconfig(fs, FSCONFIG_SET_FLAG, "ro", NULL, 0) == 0 &&
	    fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		return fs;
	trb_fail_errno(err, errno, "mount the root file system");
	if (fs >= 0)
		close(fs);
	return TRB_E_IO;
}

/* Before Linux 6.12 EROFS wants a block device, which goes away with its last user. */
static int attach_loop(int image, char device[32], trb_error **err)
{
	struct loop_config config = { .fd = (uint32_t)image,
				      .info.lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR };
	_cleanup_close_ int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	int number = control >= 0 ? ioctl(control, LOOP_CTL_GET_FREE) : -1, loop;

	if (number < 0)
		return trb_fail_errno(err, errno, "a loop device for the root file system");
	snprintf(device, 32, "/dev/loop%d", number);
	loop = open(device, O_RDONLY | O_CLOEXEC);
	if (loop >= 0 && ioctl(loop, LOOP_CONFIGURE, &config) == 0)
		return loop;
	trb_fail_errno(err, errno, "a loop device for the root file system");
	if (loop >= 0)
		close(loop);
	return TRB_E_IO;
}

static int mount_image(int image, trb_error **err)
{
	_cleanup_(trb_error_unrefp) trb_error *why = NULL;
	_cleanup_close_ int loop = -1, fs = -1;
	char source[32];
	int tree;

	snprintf(source, sizeof(source), "/proc/self/fd/%d", image);
	fs = configure(source, &why);
	if (fs < 0) {
		loop = attach_loop(image, source, err);
		if (loop < 0)
			return loop;
		fs = configure(source, err);
	}
	if (fs < 0)
		return TRB_E_IO;
	tree = fsmount(fs, FSMOUNT_CLOEXEC,
		       MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
	return tree >= 0 ? tree : trb_fail_errno(err, errno, "mount the root file system");
}

int trb_launch_image_open(int *ret_tree, trb_error **err)
{
	_cleanup_close_ int image = -1;
	int tree;

	*ret_tree = -1;
	if (geteuid() != 0 || !has_runtime())
		return TRB_OK;
	image = openat(TRB_LAUNCH_USERLAND, IMAGE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (image < 0)
		return trb_fail_errno(err, errno, "open the image's root file system");
	tree = mount_image(image, err);
	if (tree < 0)
		return tree;
	*ret_tree = tree;
	return TRB_OK;
}

int trb_launch_image_map(int tree, pid_t pid, trb_error **err)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP };
	_cleanup_close_ int users = -1;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%ld/ns/user", (long)pid);
	users = open(path, O_RDONLY | O_CLOEXEC);
	attr.userns_fd = (uint64_t)users;
	if (users < 0 || mount_setattr(tree, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return trb_fail_errno(err, errno,
				      "give the root file system's files the enclave's ids");
	return TRB_OK;
}
