/* SPDX-License-Identifier: Apache-2.0 */
/* What the fetcher gives up before it reads the first byte of others. */
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "core/error.h"
#include "core/io.h"
#include "fetch/fetch.h"

#define FETCH_UID 64999 /* inside 0..65535, nobody's on Debian */
#if defined(__SANITIZE_ADDRESS__)
#define WITH_SANITIZER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_SANITIZER
#endif
#endif

#define MEMORY_EXTRA (UINT64_C(4) << 30)

static int write_text(const char *path, const char *text, trb_error **err)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return trb_fail_errno(err, errno, "open '%s'", path);
	return trb_write_full(fd, trb_bytes_str(text), err);
}

/* An ordinary user gets namespaces by way of a user namespace, in which it is itself. */
static int own_user_namespace(trb_error **err)
{
	unsigned uid = getuid(), gid = getgid();
	char map[64];
	int r;

	if (unshare(CLONE_NEWUSER) < 0)
		return trb_fail_errno(err, errno, "make a user namespace for the fetcher");
	r = write_text("/proc/self/setgroups", "deny", err);
	snprintf(map, sizeof(map), "%u %u 1", uid, uid);
	if (r == TRB_OK)
		r = write_text("/proc/self/uid_map", map, err);
	snprintf(map, sizeof(map), "%u %u 1", gid, gid);
	return r == TRB_OK ? write_text("/proc/self/gid_map", map, err) : r;
}

/* The pack, its index and nothing else: one memory file system, which goes with the process. */
static int own_root(const struct fetch *f, trb_error **err)
{
	uint64_t size = f->limits.pack_bytes + f->limits.pack_bytes / 4 + (UINT64_C(256) << 20);
	char options[96];

	snprintf(options, sizeof(options), "mode=0700,size=%llu", (unsigned long long)size);
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("fetch", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, options) < 0 ||
	    chdir("/tmp") < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
	    umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return trb_fail_errno(err, errno, "give the fetcher a root of its own");
	return TRB_OK;
}

/* As root of a range of ids: one of them that nobody else has.  With one id alone there is none. */
static int own_uid(trb_error **err)
{
	if (geteuid() != 0)
		return TRB_OK;
	if (chown("/", FETCH_UID, FETCH_UID) < 0)
		return errno == EINVAL || errno == EPERM
			       ? TRB_OK
			       : trb_fail_errno(err, errno, "hand the root over");
	if ((setgroups(0, NULL) < 0 && errno != EPERM) ||
	    setresgid(FETCH_UID, FETCH_UID, FETCH_UID) < 0 ||
	    setresuid(FETCH_UID, FETCH_UID, FETCH_UID) < 0)
		return trb_fail_errno(err, errno, "take an own user id");
	return TRB_OK;
}

static int drop_capabilities(trb_error **err)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { 0 };

	for (int cap = 0; prctl(PR_CAPBSET_READ, cap) >= 0; cap++)
		prctl(PR_CAPBSET_DROP, cap); /* fails without CAP_SETPCAP: nothing to drop then */
	if (syscall(SYS_capset, &head, none) < 0)
		return trb_fail_errno(err, errno, "drop capabilities");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0)
		return trb_fail_errno(err, errno, "forgo new privileges");
	return TRB_OK;
}

static int bound(int what, uint64_t value, trb_error **err)
{
	struct rlimit old, limit = { value, value };

	if (getrlimit((__rlimit_resource_t)what, &old) < 0)
		return trb_fail_errno(err, errno, "read a limit");
	if (old.rlim_max < limit.rlim_max)
		limit = (struct rlimit){ old.rlim_max, old.rlim_max };
	if (setrlimit((__rlimit_resource_t)what, &limit) < 0)
		return trb_fail_errno(err, errno, "set a limit");
	return TRB_OK;
}

static int own_limits(const struct fetch *f, trb_error **err)
{
	int r = bound(RLIMIT_CORE, 0, err);

	if (r == TRB_OK)
		r = bound(RLIMIT_CPU, f->limits.wall_s + 5, err);
	if (r == TRB_OK)
		r = bound(RLIMIT_NOFILE, 64, err);
	if (r == TRB_OK)
		r = bound(RLIMIT_FSIZE, 2 * f->limits.pack_bytes + (UINT64_C(256) << 20), err);
#ifndef WITH_SANITIZER /* whose shadow is larger than any bound */
	if (r == TRB_OK)
		r = bound(RLIMIT_AS,
			  f->limits.pack_bytes + 4 * f->limits.object_bytes + MEMORY_EXTRA, err);
#endif
	return r;
}

/* What neither the libraries nor we need once the broker runs. */
static const int refused[] = {
	SCMP_SYS(socket),
	SCMP_SYS(socketpair),
	SCMP_SYS(bind),
	SCMP_SYS(listen),
	SCMP_SYS(accept),
	SCMP_SYS(accept4),
	SCMP_SYS(execve),
	SCMP_SYS(execveat),
	SCMP_SYS(fork),
	SCMP_SYS(vfork),
	SCMP_SYS(ptrace),
	SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev),
	SCMP_SYS(process_madvise),
	SCMP_SYS(pidfd_getfd),
	SCMP_SYS(pidfd_open),
	SCMP_SYS(kcmp),
	SCMP_SYS(mount),
	SCMP_SYS(umount2),
	SCMP_SYS(pivot_root),
	SCMP_SYS(chroot),
	SCMP_SYS(unshare),
	SCMP_SYS(setns),
	SCMP_SYS(open_tree),
	SCMP_SYS(move_mount),
	SCMP_SYS(fsopen),
	SCMP_SYS(fsmount),
	SCMP_SYS(fspick),
	SCMP_SYS(mount_setattr),
	SCMP_SYS(name_to_handle_at),
	SCMP_SYS(open_by_handle_at),
	SCMP_SYS(mknod),
	SCMP_SYS(mknodat),
	SCMP_SYS(bpf),
	SCMP_SYS(perf_event_open),
	SCMP_SYS(userfaultfd),
	SCMP_SYS(io_uring_setup),
	SCMP_SYS(io_uring_enter),
	SCMP_SYS(io_uring_register),
	SCMP_SYS(keyctl),
	SCMP_SYS(add_key),
	SCMP_SYS(request_key),
	SCMP_SYS(init_module),
	SCMP_SYS(finit_module),
	SCMP_SYS(kexec_load),
	SCMP_SYS(setuid),
	SCMP_SYS(setresuid),
	SCMP_SYS(setgid),
	SCMP_SYS(setresgid),
	SCMP_SYS(shmget),
	SCMP_SYS(msgget),
	SCMP_SYS(semget),
	SCMP_SYS(mq_open),
};

static const unsigned namespaces[] = { CLONE_NEWNS,   CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
				       CLONE_NEWUSER, CLONE_NEWPID,    CLONE_NEWNET };

/* A new process may be a thread, but not one with namespaces, in which it would have capabilities
 * again.  clone3()'s flags are in memory, where no filter sees them: the C library falls back. */
static int filter_clone(scmp_filter_ctx ctx)
{
	int r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);

	for (size_t i = 0; r == 0 && i < sizeof(namespaces) / sizeof(namespaces[0]); i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
				     SCMP_A0(SCMP_CMP_MASKED_EQ, namespaces[i], namespaces[i]));
	return r;
}

static int filter_calls(trb_error **err)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	int r = ctx != NULL ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < sizeof(refused) / sizeof(refused[0]); i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), refused[i], 0);
	/* not made either; libcurl 7.88 (Debian 12) calls it on a socket that it was told is
	 * connected, and then looks whether it is */
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EINPROGRESS), SCMP_SYS(connect), 0);
	if (r == 0)
		r = filter_clone(ctx);
	if (r == 0)
		r = seccomp_load(ctx);
	seccomp_release(ctx);
	if (r < 0)
		return trb_fail_errno(err, -r, "filter the fetcher's system calls");
	return TRB_OK;
}

static int own_namespaces(struct fetch *f, trb_error **err)
{
	int r = TRB_OK;

	if (geteuid() != 0)
		r = own_user_namespace(err);
	if (r < 0)
		return r;
	if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) < 0)
		return trb_fail_errno(err, errno, "make namespaces for the fetcher");
	r = own_root(f, err);
	return r == TRB_OK ? own_uid(err) : r;
}

int fetch_isolate(struct fetch *f, trb_error **err)
{
	int r = own_namespaces(f, err);

	if (r == TRB_OK)
		r = own_limits(f, err);
	if (r == TRB_OK)
		r = drop_capabilities(err);
	if (r == TRB_OK)
		r = filter_calls(err);
	return r < 0 ? trb_wrap(err, r, "isolate the fetcher") : r;
}
