/* SPDX-License-Identifier: Apache-2.0 */
/* What an enclave of the backend "process" needs here, looked at without starting one. */
#include "launch/launch.h"

#include <fcntl.h>
#include <pwd.h>
#include <sched.h>
#include <stdio.h>
#include <sys/wait.h>

#define DETAIL_BYTES 512

struct finding {
	const char *name;
	bool good, needed;
	char detail[DETAIL_BYTES];
	const char *remedy;
};

static void print(const struct finding *f)
{
	printf("%s\t%d\t%d\t%s\t%s\n", f->name, f->good, f->needed, f->detail, f->remedy);
}

static void look_at_namespaces(struct finding *f)
{
	const int flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC |
			  CLONE_NEWUTS;
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(unshare(flags) < 0 ? errno : 0);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		status = EAGAIN << 8;
	f->name = "namespaces";
	f->needed = true;
	f->good = WEXITSTATUS(status) == 0;
	snprintf(f->detail, sizeof(f->detail), "%s",
		 f->good ? "user, mount, pid, net, ipc and uts namespaces can be made"
			 : strerror(WEXITSTATUS(status)));
	f->remedy =
		"sysctl kernel.unprivileged_userns_clone=1 user.max_user_namespaces=10000 (and "
		"kernel.apparmor_restrict_unprivileged_userns=0 where it exists), or run as root";
}

static void look_at_roots_ids(struct finding *f)
{
	_cleanup_(trb_error_unrefp) trb_error *why = NULL;
	uint32_t first = 0;

	f->needed = true;
	f->good = trb_launch_find_ids(&first, &why) == TRB_OK;
	if (f->good)
		snprintf(f->detail, sizeof(f->detail), "root gives the enclave the ids %u to %u",
			 first, first + TRB_LAUNCH_IDS - 1);
	else
		snprintf(f->detail, sizeof(f->detail), "%s", trb_error_message(why));
	f->remedy = "give ids back that /etc/subuid and /etc/subgid give to users";
}

static void look_at_ids(struct finding *f)
{
	const struct passwd *user = getpwuid(geteuid());
	const char *name = user != NULL ? user->pw_name : "";
	uint64_t start;
	bool helper =
		access("/usr/bin/newuidmap", X_OK) == 0 && access("/usr/bin/newgidmap", X_OK) == 0;

	f->name = "ids";
	if (geteuid() == 0) {
		look_at_roots_ids(f);
		return;
	}
	f->needed = false;
	f->good = helper && trb_launch_sub_range("/etc/subuid", name, geteuid(), &start) &&
		  trb_launch_sub_range("/etc/subgid", name, geteuid(), &start);
	snprintf(f->detail, sizeof(f->detail), "%s",
		 f->good  ? "newuidmap and a range of 65535 ids"
		 : helper ? "no range of 65535 ids for this user: the enclave gets one id"
			  : "no newuidmap and newgidmap: the enclave gets one id");
	f->remedy = "apt-get install uidmap; usermod --add-subuids 100000-165535 --add-subgids "
		    "100000-165535 USER";
}

static void look_at_cgroup(struct finding *f)
{
	static const char *const files[] = { "/sys/fs/cgroup/cgroup.controllers",
					     "/sys/fs/cgroup/memory/memory.limit_in_bytes",
					     "/sys/fs/cgroup/pids/cgroup.procs" };
	bool v2 = access(files[0], F_OK) == 0;
	bool v1 = access(files[1], F_OK) == 0 && access(files[2], F_OK) == 0;

	f->name = "cgroup";
	f->needed = false;
	f->good = geteuid() == 0 && (v2 || v1);
	snprintf(f->detail, sizeof(f->detail), "%s",
		 geteuid() != 0 ? "limits on the whole enclave need root; the sandbox's own hold"
		 : v2           ? "cgroup v2"
		 : v1           ? "cgroup v1: memory and pids"
				: "no cgroup hierarchy with memory and pids");
	f->remedy = geteuid() != 0 ? "run as root where builds are hostile"
				   : "mount -t cgroup2 none /sys/fs/cgroup";
}

static void look_at_limits(struct finding *f)
{
	f->name = "limits";
	f->needed = true;
	trb_launch_limits_low(f->detail, sizeof(f->detail));
	f->good = f->detail[0] == '\0' || trb_launch_limits(NULL) == TRB_OK;
	if (f->detail[0] == '\0')
		snprintf(f->detail, sizeof(f->detail), "of files, memory and processes: enough");
	f->remedy = "raise them where they are set (sizes here are in bytes): "
		    "/etc/security/limits.conf, or the service's Limit… lines";
}

void trb_launch_check(void)
{
	static void (*const looks[])(struct finding * f) = { look_at_namespaces, look_at_ids,
							     look_at_cgroup, look_at_limits };

	for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++) {
		struct finding f = { .remedy = "" };

		looks[i](&f);
		print(&f);
	}
}
