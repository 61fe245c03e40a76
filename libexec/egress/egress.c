/* SPDX-License-Identifier: Apache-2.0 */
/* The proxy's loop: a process for each connection. */
#include "egress/egress.h"

#include <fcntl.h>
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

/* One that the session has accepted, and hands on. */
static int receive_one(int socket)
{
	char byte;
	struct iovec iov = { &byte, 1 };
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.bytes,
			      .msg_controllen = sizeof(control.bytes) };
	const struct cmsghdr *head;
	int fd;

	if (recvmsg(socket, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) != 1)
		return -1;
	head = CMSG_FIRSTHDR(&msg);
	if (head == NULL || head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS ||
	    head->cmsg_len != CMSG_LEN(sizeof(int)))
		return -1;
	memcpy(&fd, CMSG_DATA(head), sizeof(fd));
	return fd;
}

/* The connection blocks, whatever its descriptor was before. */
static int next_connection(int listener)
{
	int listening = 0, flags, fd;
	socklen_t len = sizeof(listening);

	if (getsockopt(listener, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) < 0)
		return -1;
	if (listening)
		return accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	fd = receive_one(listener);
	flags = fd >= 0 ? fcntl(fd, F_GETFL) : 0;
	if (fd >= 0 && flags >= 0)
		fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
	return fd;
}

static void accept_one(int lifeline, int listener, const struct trb_egress *egress,
		       unsigned *running, unsigned *total)
{
	_cleanup_close_ int fd = next_connection(listener);
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
		if (r > 0 && (p[1].revents & (POLLIN | POLLHUP)) == POLLHUP)
			return TRB_OK; /* nobody hands connections on any more */
		if (r > 0 && p[1].revents != 0)
			accept_one(lifeline, listener, egress, &running, &total);
	}
}
