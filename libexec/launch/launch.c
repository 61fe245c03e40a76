/* SPDX-License-Identifier: Apache-2.0 */
/* One enclave from its first process to its last. */
#include "launch/launch.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "core/io.h"

#define NAMESPACES \
	(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS)

struct enclave {
	pid_t pid;
	int pidfd;
	int go; /* our end of the pipe for which the child waits */
	int image;
};

/* What is written to it. */
enum { GO = 'g', GO_MOUNTED = 'm' };

static int explain_clone(int error, trb_error **err)
{
	if (error == EPERM || error == EACCES)
		return trb_fail(
			err, TRB_E_UNSUPPORTED,
			"this system does not let us make namespaces: allow user namespaces "
			"(sysctl kernel.unprivileged_userns_clone=1, and "
			"kernel.apparmor_restrict_unprivileged_userns=0 where it exists), or "
			"run as root outside of a container");
	if (error == ENOSPC || error == EUSERS)
		return trb_fail(err, TRB_E_UNSUPPORTED,
				"this system's limit of namespaces is reached: raise sysctl "
				"user.max_user_namespaces");
	return trb_fail_errno(err, error, "make the enclave's namespaces");
}

/* In the enclave from here on. */

static int loopback_up(trb_error **err)
{
	struct ifreq req = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &req) < 0)
		return trb_fail_errno(err, errno, "bring the loopback interface up");
	return TRB_OK;
}

static int become_root(trb_error **err)
{
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return trb_fail_errno(err, errno, "become the enclave's root");
	/* where groups can be set at all: a map of one id forbids it */
	if (setgroups(0, NULL) < 0 && errno != EPERM)
		return trb_fail_errno(err, errno, "drop the groups");
	return TRB_OK;
}

/* A change of ids forgets the signal that was asked for, so this comes after it; and whoever asks
 * may already be an orphan, which the pipe tells. */
static int die_with_parent(int wait_fd, trb_error **err)
{
	struct pollfd p = { .fd = wait_fd, .events = POLLIN };

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return trb_fail_errno(err, errno, "tie the enclave to its launcher");
	if (poll(&p, 1, 0) != 0)
		return trb_fail(err, TRB_E_CANCELED, "the launcher is gone");
	return TRB_OK;
}

static void set_resources(void)
{
	const struct rlimit none = { 0, 0 };
	_cleanup_close_ int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	/* The machine's memory runs out: the enclave goes first. */
	if (fd >= 0 && write(fd, "500", 3) < 0)
		close(steal_fd(&fd));
	setrlimit(RLIMIT_CORE, &none);
}

/* image becomes -1 where it is not to be mounted. */
static int prepare(int wait_fd, int *image, trb_error **err)
{
	struct trb_launch_trees trees;
	char go;
	int r = trb_read_full(wait_fd, &go, 1, NULL) < 0 ? TRB_E_CANCELED : TRB_OK;

	if (r < 0)
		return trb_fail(err, r, "the launcher gave up");
	if (go != GO_MOUNTED)
		*image = -1;
	trees.image = *image;
	/* After the launcher has put us into our cgroup, so that this is where the new one begins.
	 */
	unshare(CLONE_NEWCGROUP);
	set_resources();
	r = trb_launch_open(&trees, err);
	if (r == TRB_OK)
		r = become_root(err);
	if (r == TRB_OK)
		r = die_with_parent(wait_fd, err);
	if (r == TRB_OK)
		r = loopback_up(err);
	if (r == TRB_OK && sethostname("enclave", 7) < 0)
		r = trb_fail_errno(err, errno, "set the host name");
	return r == TRB_OK ? trb_launch_enter(&trees, err) : r;
}

void trb_launch_report(const trb_error *error)
{
	dprintf(TRB_LAUNCH_REPORT, "%d ", trb_error_code(error));
	for (; error != NULL; error = trb_error_cause(error))
		dprintf(TRB_LAUNCH_REPORT, "%s%s", trb_error_message(error),
			trb_error_cause(error) != NULL ? ": " : "");
}

static _Noreturn void run_child(int wait_fd, int image)
{
	static char *const argv[] = { (char *)"/init", NULL };
	char *envp[] = { (char *)TRB_LAUNCH_ENV, NULL };
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;

	if (prepare(wait_fd, &image, &err) == TRB_OK) {
		int null = open("/dev/null", O_RDONLY);

		if (image >= 0)
			envp[0] = (char *)TRB_LAUNCH_ENV_MOUNTED;
		umask(022);
		if (null >= 0 && dup2(null, 0) == 0 &&
		    fcntl(TRB_LAUNCH_REPORT, F_SETFD, FD_CLOEXEC) == 0) {
			/* the report alone stays until exec has worked */
			close_range(3, TRB_LAUNCH_REPORT - 1, 0);
			close_range(TRB_LAUNCH_REPORT + 1, ~0u, 0);
			execve(argv[0], argv, envp);
		}
		trb_fail_errno(&err, errno, "start the image's /init");
	}
	trb_launch_report(err);
	_exit(TRB_LAUNCH_FAILED);
}

/* In the launcher again. */

static int clone_child(struct enclave *ret, trb_error **err)
{
	int pipes[2], pidfd = -1;
	struct clone_args args = { .flags = NAMESPACES | CLONE_PIDFD,
				   .pidfd = (uint64_t)(uintptr_t)&pidfd,
				   .exit_signal = SIGCHLD };
	long pid;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return trb_fail_errno(err, errno, "make a pipe");
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0) {
		close(pipes[1]);
		run_child(pipes[0], ret->image);
	}
	close(pipes[0]);
	if (pid < 0) {
		int error = errno;

		close(pipes[1]);
		return explain_clone(error, err);
	}
	ret->pid = (pid_t)pid;
	ret->pidfd = pidfd;
	ret->go = pipes[1];
	return TRB_OK;
}

/* The sockets are root's alone inside, but for the way out, which the fetcher uses under an id of
 * its own. */
static int hand_over_ports(uint32_t first, trb_error **err)
{
	static const char *const ports[] = { "5000", "5001", "5002", "5003", "5004" };

	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
		int r = geteuid() == 0 ? fchownat(TRB_LAUNCH_PORTS, ports[i], first, first,
						  AT_SYMLINK_NOFOLLOW)
				       : 0;

		if (r == 0 && i == 1)
			r = fchmodat(TRB_LAUNCH_PORTS, ports[i], 0666, 0);
		if (r < 0 && errno != ENOENT)
			return trb_fail_errno(err, errno, "hand over port %s", ports[i]);
	}
	return TRB_OK;
}

static int wait_status(const struct enclave *enclave)
{
	siginfo_t info = { 0 };

	while (waitid(P_PIDFD, (id_t)enclave->pidfd, &info, WEXITED) < 0)
		if (errno != EINTR)
			return TRB_LAUNCH_FAILED;
	return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
}

/* Until the enclave ends by itself or the lifeline is cut. */
static int watch(const struct enclave *enclave)
{
	struct pollfd fds[2] = { { .fd = TRB_LAUNCH_LIFELINE, .events = POLLIN },
				 { .fd = enclave->pidfd, .events = POLLIN } };

	while (poll(fds, 2, -1) < 0)
		if (errno != EINTR)
			break;
	if (fds[1].revents != 0)
		return wait_status(enclave);
	/* pid 1 takes everything with it; waiting for it is waiting for all */
	kill(enclave->pid, SIGKILL);
	wait_status(enclave);
	return TRB_LAUNCH_CUT;
}

static int make_cgroup(const struct trb_launch *launch, struct trb_cgroup *ret, trb_error **err)
{
	bool demanded;
	char name[64];
	int r;

	if (geteuid() != 0) /* an ordinary user's limits are the sandbox's alone */
		return launch->memory.value == 0 && launch->pids.value == 0
			       ? TRB_OK
			       : trb_fail(err, TRB_E_UNSUPPORTED,
					  "only root can limit the enclave's memory and processes");
	trb_cgroup_sweep(1);
	snprintf(name, sizeof(name), "trustbuild-%ld", (long)getpid());
	demanded = launch->memory.demanded || launch->pids.demanded;
	r = trb_cgroup_make(name, launch->memory, launch->pids, ret, demanded ? err : NULL);
	return demanded ? r : TRB_OK;
}

/* Without a mount the enclave runs, and builds under gVisor: why there is none is said once. */
static void no_image(const trb_error *error)
{
	dprintf(TRB_LAUNCH_CONSOLE, "tb-launch: crun and runc will not start: %s\n",
		trb_error_message(error));
}

static char map_image(const struct enclave *enclave)
{
	_cleanup_(trb_error_unrefp) trb_error *why = NULL;

	if (enclave->image < 0)
		return GO;
	if (trb_launch_image_map(enclave->image, enclave->pid, &why) == TRB_OK)
		return GO_MOUNTED;
	no_image(why);
	return GO;
}

static int start(struct enclave *enclave, const struct trb_cgroup *cgroup, uint32_t first,
		 trb_error **err)
{
	int r = trb_cgroup_enter(cgroup, enclave->pid, err);
	char go;

	if (r == TRB_OK)
		r = trb_launch_map_ids(enclave->pid, first, err);
	go = r == TRB_OK ? map_image(enclave) : 0;
	if (r == TRB_OK)
		r = trb_write_full(enclave->go, TRB_BYTES(&go, 1), err);
	if (enclave->image >= 0)
		close(steal_fd(&enclave->image));
	if (r < 0) {
		kill(enclave->pid, SIGKILL);
		wait_status(enclave);
	}
	return r;
}

int trb_launch(const struct trb_launch *launch, int *ret_status, trb_error **err)
{
	struct enclave enclave = { -1, -1, -1, -1 };
	_cleanup_(trb_error_unrefp) trb_error *why = NULL;
	struct trb_cgroup cgroup = { 0 };
	uint32_t first = 0;
	int r = trb_launch_limits(err);

	if (r == TRB_OK)
		r = make_cgroup(launch, &cgroup, err);
	if (r == TRB_OK)
		r = trb_launch_find_ids(&first, err);
	if (r == TRB_OK)
		r = hand_over_ports(first, err);
	if (r == TRB_OK && trb_launch_image_open(&enclave.image, &why) < 0)
		no_image(why);
	if (r == TRB_OK)
		r = clone_child(&enclave, err);
	if (r == TRB_OK)
		r = start(&enclave, &cgroup, first, err);
	if (r == TRB_OK) {
		/* our copy would keep the report's pipe open for the enclave's whole life */
		close(TRB_LAUNCH_REPORT);
		*ret_status = watch(&enclave);
	}
	trb_cgroup_remove(&cgroup);
	trb_remove_tree(TRB_LAUNCH_RUNS, launch->run, NULL);
	return r;
}
