/* SPDX-License-Identifier: Apache-2.0 */
/* Child processes by posix_spawn and pidfd. */
#include "core/spawn.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

#include "core/channel.h"
#include "core/cleanup.h"
#include "core/clock.h"

#define MAX_FDS 64u

/* Two steps, because a source may be the number of another's target: all sources to numbers that
 * are in nobody's way, then down to their places. */
static int plan_fds(posix_spawn_file_actions_t *plan, const int *fds, size_t n_fds)
{
	int base = (int)n_fds, r = 0;

	for (size_t i = 0; i < n_fds; i++)
		base = fds[i] >= base ? fds[i] + 1 : base;
	for (size_t i = 0; i < n_fds && r == 0; i++)
		r = fds[i] >= 0 ? posix_spawn_file_actions_adddup2(plan, fds[i], base + (int)i)
				: posix_spawn_file_actions_addopen(plan, base + (int)i, "/dev/null",
								   O_RDWR, 0);
	for (size_t i = 0; i < n_fds && r == 0; i++)
		r = posix_spawn_file_actions_adddup2(plan, base + (int)i, (int)i);
	return r == 0 ? posix_spawn_file_actions_addclosefrom_np(plan, (int)n_fds) : r;
}

static int plan_attributes(posix_spawnattr_t *attr)
{
	sigset_t all, none;
	int r;

	sigfillset(&all);
	sigemptyset(&none);
	r = posix_spawnattr_setsigdefault(attr, &all);
	if (r == 0)
		r = posix_spawnattr_setsigmask(attr, &none);
	/* a session of its own: a terminal's signals are the caller's to handle, and the child's
	 * own children can be killed as a group */
	if (r == 0)
		r = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK |
							   POSIX_SPAWN_SETSID);
	return r;
}

int trb_spawn(const char *path, char *const argv[], char *const envp[], const int *fds,
	      size_t n_fds, struct trb_child *ret, trb_error **err)
{
	posix_spawn_file_actions_t plan;
	struct trb_child child = { -1, -1 };
	posix_spawnattr_t attr;
	int r;

	if (n_fds < 3 || n_fds > MAX_FDS)
		return trb_fail(err, TRB_E_INVAL, "%zu descriptors for '%s'", n_fds, path);
	r = posix_spawn_file_actions_init(&plan);
	if (r != 0)
		return trb_fail_errno(err, r, "start '%s'", path);
	r = posix_spawnattr_init(&attr);
	if (r == 0) {
		r = plan_fds(&plan, fds, n_fds);
		if (r == 0)
			r = plan_attributes(&attr);
		if (r == 0)
			r = posix_spawn(&child.pid, path, &plan, &attr, argv, envp);
		posix_spawnattr_destroy(&attr);
	}
	posix_spawn_file_actions_destroy(&plan);
	if (r == EBADF) /* a number above the limit of open files: every fds[i] is open */
		r = EMFILE;
	if (r == EAGAIN)
		return trb_fail(err, TRB_E_IO,
				"start '%s': no process is left to this user; raise "
				"the limit of processes (ulimit -u)",
				path);
	if (r != 0)
		return trb_fail_errno(err, r, "start '%s'", path);
	child.pidfd = pidfd_open(child.pid, 0);
	if (child.pidfd < 0) {
		r = errno;
		trb_child_kill(&child);
		return trb_fail_errno(err, r, "watch '%s'", path);
	}
	*ret = child;
	return TRB_OK;
}

static void child_forget(struct trb_child *child)
{
	if (child->pidfd >= 0)
		close(child->pidfd);
	*child = (struct trb_child){ -1, -1 };
}

int trb_child_wait(struct trb_child *child, int timeout_ms, int *ret_status, trb_error **err)
{
	siginfo_t info = { 0 };
	int r;

	if (child->pid <= 0)
		return trb_fail(err, TRB_E_STATE, "no child to wait for");
	r = trb_wait_fd(child->pidfd, POLLIN, trb_deadline(timeout_ms), NULL);
	if (r == TRB_E_TIMEOUT)
		return trb_fail(err, r, "process %d is still running", (int)child->pid);
	if (r < 0)
		return trb_fail(err, r, "wait for process %d", (int)child->pid);
	while (waitid(P_PID, (id_t)child->pid, &info, WEXITED) < 0)
		if (errno != EINTR) {
			r = errno;
			child_forget(child);
			return trb_fail_errno(err, r, "wait for a child");
		}
	child_forget(child);
	*ret_status = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
	return TRB_OK;
}

void trb_child_kill(struct trb_child *child)
{
	siginfo_t info;

	if (child->pid > 0) {
		/* the group first, while the number cannot belong to anybody else */
		bool group = kill(-child->pid, SIGKILL) == 0;
		bool killed = kill(child->pid, SIGKILL) == 0 || group;
		/* a security module may refuse the signal: waiting then could be for ever */
		int options = killed ? WEXITED : WEXITED | WNOHANG;

		while (waitid(P_PID, (id_t)child->pid, &info, options) < 0 && errno == EINTR)
			;
	}
	child_forget(child);
}
