/* SPDX-License-Identifier: Apache-2.0 */
/* Helper programs: posix_spawn, a pidfd, no SIGCHLD handler.  Not in the verifier half. */
#ifndef TRB_CORE_SPAWN_H
#define TRB_CORE_SPAWN_H

#include <sys/types.h>

#include "core/error.h"

/* { -1, -1 } where there is none. */
struct trb_child {
	pid_t pid;
	int pidfd;
};
#define TRB_CHILD_NONE ((struct trb_child){ -1, -1 })

/* Spawns path with argv and envp (exact, nothing inherited); fds[i] becomes descriptor i in the
 * child (-1: /dev/null), n_fds >= 3; every other descriptor is closed there; all signals are reset;
 * the child leads a session of its own.
 */
int trb_spawn(const char *path, char *const argv[], char *const envp[], const int *fds,
	      size_t n_fds, struct trb_child *ret, trb_error **err);
/* Waits up to timeout_ms (-1: for ever); ret_status as of waitid: exit code, or 128 + signal.
 * TRB_E_TIMEOUT leaves the child as it is; after
 * success it is TRB_CHILD_NONE. */
int trb_child_wait(struct trb_child *child, int timeout_ms, int *ret_status, trb_error **err);
/* Kills the child and its process group, and reaps it; fine on a child that is gone or was never
 * there.  One that may not be sent a signal is left alone. */
void trb_child_kill(struct trb_child *child);

#endif
