/* SPDX-License-Identifier: Apache-2.0 */
/* What the helper program tb-launch does: runs a userland's /init as pid 1 of namespaces of its
 * own, and leaves nothing behind when it ends.  It clones, mounts and waits, which a library in
 * somebody's threaded process must not do. */
#ifndef TRB_LAUNCH_LAUNCH_H
#define TRB_LAUNCH_LAUNCH_H

#include <sys/types.h>

#include "core/cleanup.h"
#include "core/error.h"
#include "host/tee/launcher.h"

#define TRB_LAUNCH_ENV "TRUSTBUILD_ENCLAVE=transport=unix:/run/trustbuild/ports,nsm=softnsm"
/* The same where root has mounted the builds' root file system. */
#define TRB_LAUNCH_MOUNTED     "/run/trustbuild/rootfs"
#define TRB_LAUNCH_ENV_MOUNTED TRB_LAUNCH_ENV ",mounted=" TRB_LAUNCH_MOUNTED
#define TRB_LAUNCH_IDS         65536u /* of an enclave */

struct trb_launch {
	const char *run;                      /* name below TRB_LAUNCH_RUNS, removed at the end */
	struct trb_launch_limit memory, pids; /* in bytes, and processes */
};

/* Runs the enclave to its end; ret_status is what tb-launch exits with. */
int trb_launch(const struct trb_launch *launch, int *ret_status, trb_error **err);

/* Writes error to TRB_LAUNCH_REPORT. */
void trb_launch_report(const trb_error *error);

/* Prints what TRB_LAUNCH_NEEDS asks for. */
void trb_launch_check(void);

/* The parts. */

/* Raises this process's resource limits to what the caller may have.  TRB_E_UNSUPPORTED where that
 * is too little to run an enclave. */
int trb_launch_limits(trb_error **err);

/* Which of them are too low for an enclave, as text; "" where none is. */
void trb_launch_limits_low(char *text, size_t size);

/* For root: the range of this system; 0 for others. */
int trb_launch_find_ids(uint32_t *ret_first, trb_error **err);
/* Gives process pid's user namespace its ids.  As root 0 is first and so on; as an ordinary user 0
 * is the caller, and 1 to 65535 come from /etc/subuid where newuidmap is there. */
int trb_launch_map_ids(pid_t pid, uint32_t first, trb_error **err);
/* The first of TRB_LAUNCH_IDS ids, beyond what systems give away, that no user and no group is, and
 * that are nobody's subordinate ones: who owns a range can become every id in it.  files has a
 * directory's passwd, group, subuid and subgid, of which each may be missing.  TRB_E_UNSUPPORTED
 * where there is none. */
int trb_launch_free_range(int files, uint32_t *ret_first, trb_error **err);
/* The range of user in a file of the form of /etc/subuid: the first of at least TRB_LAUNCH_IDS.
 * False where there is none. */
bool trb_launch_sub_range(const char *path, const char *name, uid_t uid, uint64_t *ret_start);

/* In the child, under the caller's own ids, which may reach the directories: mounts to move. */
struct trb_launch_trees {
	int place, userland, ports;
	int image; /* the root file system; -1: none */
};
int trb_launch_open(struct trb_launch_trees *ret, trb_error **err);
/* Under the enclave's ids: mounts, then / is the userland. */
int trb_launch_enter(const struct trb_launch_trees *trees, trb_error **err);

/* For an image that has a runtime besides gVisor's: the mount of its root file system, not attached
 * anywhere; *ret_tree is -1 where there is no such runtime, or where the caller is not root. */
int trb_launch_image_open(int *ret_tree, trb_error **err);
/* Its files get the ids of the user namespace of process pid. */
int trb_launch_image_map(int tree, pid_t pid, trb_error **err);

/* A cgroup, in whichever of the two layouts; for root alone. */
#define TRB_CGROUPS 3
struct trb_cgroup {
	char *path[TRB_CGROUPS]; /* one a hierarchy, NULL ends */
};
/* Makes it with the limits that can be had.  TRB_E_UNSUPPORTED, or why else, where a demanded one
 * cannot. */
int trb_cgroup_make(const char *name, struct trb_launch_limit memory, struct trb_launch_limit pids,
		    struct trb_cgroup *ret, trb_error **err);
int trb_cgroup_enter(const struct trb_cgroup *cgroup, pid_t pid, trb_error **err);
/* Kills what is inside and removes it. */
void trb_cgroup_remove(struct trb_cgroup *cgroup);
/* Removes what launchers left that were killed themselves; so many tries, 10 ms apart, where
 * processes are still dying inside. */
void trb_cgroup_sweep(unsigned tries);

#endif
