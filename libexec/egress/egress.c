/* SPDX-License-Identifier: Apache-2.0 */
/* The proxy's loop: a process for each connection. */
#include "egress/egress.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "core/cleanup.h"

#define REAP_MS 1000

static void reap(unsigned *running)
{
	while (*running > 0 && waitpid(-1, NULL, WNOHANG) > 0)
		(*running)--;
}

static _Noreturn void serve_one(int fd, int lifeline, int listener, const struct trb_egress *egress)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(lifeline);
	close(listener);
	trb_egress_connection(fd, egress);
	_exit(0);
}

static void accept_one(int lifeline, int listener, const struct trb_egress *egress,
		       unsigned *running, unsigned *total)
{
	_cleanup_close_ int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	pid_t pid;

	if (fd < 0 || *total == TRB_EGRESS_TOTAL)
		return; /* closed: the enclave sees an end of stream */
	pid = fork();
	if (pid == 0)
		serve_one(fd, lifeline, listener, egress);
	if (pid > 0) {
		(*running)++;
		(*total)++;
	}
}

int trb_egress_serve(int lifeline, int listener, const struct trb_egress *egress, trb_error **err)
{
	unsigned running = 0, total = 0;

	for (;;) {
		bool room = running < TRB_EGRESS_CONNECTIONS;
		struct pollfd p[2] = { { .fd = lifeline, .events = POLLIN },
				       { .fd = room ? listener : -1, .events = POLLIN } };
		int r = poll(p, 2, running > 0 ? REAP_MS : -1);

		if (r < 0 && errno != EINTR)
			return trb_fail_errno(err, errno, "wait for connections");
		reap(&running);
		if (r > 0 && p[0].revents != 0)
			return TRB_OK;
		if (r > 0 && p[1].revents != 0)
			accept_one(lifeline, listener, egress, &running, &total);
	}
}
