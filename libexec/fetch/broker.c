/* SPDX-License-Identifier: Apache-2.0 */
/* The broker: makes connections on request, and does nothing else.  With an egress address it
 * reaches that proxy alone, whatever it is asked for; without one, on a host, it goes by way of the
 * proxy that the host itself must use, if any. */
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "core/channel.h"
#include "core/clock.h"
#include "core/error.h"
#include "fetch/fetch.h"

#define EGRESS_PORT     5001
#define CONNECT_MS      30000
#define CONNECTIONS_MAX 4096
#define REQUEST_MAX     512

/* An answer: one descriptor, or text that says why there is none. */
static bool answer(int sock, int fd, const char *text)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { (void *)text, strlen(text) + 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (fd >= 0) {
		msg.msg_control = control.room;
		msg.msg_controllen = sizeof(control.room);
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.head), &fd, sizeof(int));
	}
	return sendmsg(sock, &msg, MSG_NOSIGNAL) >= 0;
}

static bool serve_one(const struct fetch *f, int sock)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	_cleanup_close_ int fd = -1;
	char request[REQUEST_MAX], *port;
	ssize_t n = recv(sock, request, sizeof(request) - 1, 0);
	int r;

	if (n <= 0)
		return false;
	request[n] = '\0';
	port = strchr(request, ' ');
	if (port == NULL)
		return false;
	*port++ = '\0';
	if (f->egress != NULL)
		r = trb_stream_connect(f->egress, EGRESS_PORT, CONNECT_MS, &fd, &err);
	else if (trb_upstream_is_for(&f->upstream, request))
		r = trb_upstream_connect(&f->upstream, request, port, CONNECT_MS, &fd, &err);
	else
		r = trb_upstream_connect_direct(request, port, CONNECT_MS, &fd, &err);
	return answer(sock, fd, r < 0 ? trb_error_message(err) : "");
}

int fetch_broker_start(struct fetch *f, trb_error **err)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return trb_fail_errno(err, errno, "make a socket pair");
	f->broker_pid = fork();
	if (f->broker_pid < 0) {
		close(pair[0]);
		close(pair[1]);
		return trb_fail_errno(err, errno, "start the broker of connections");
	}
	if (f->broker_pid == 0) {
		close(pair[0]);
		close(f->out);
		for (unsigned i = 0; i < CONNECTIONS_MAX && serve_one(f, pair[1]); i++)
			;
		_exit(0);
	}
	close(pair[1]);
	f->broker = pair[0];
	return TRB_OK;
}

/* libcurl is in the middle of a call: the answer must be there within the connection's time. */
static int receive(struct fetch *f, char *text, size_t size, int *ret_fd, trb_error **err)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { text, size - 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.room,
			      .msg_controllen = sizeof(control.room) };
	const struct cmsghdr *c;
	ssize_t n;
	int r = trb_wait_fd(f->broker, POLLIN, f->deadline, err);

	if (r < 0)
		return r;
	n = recvmsg(f->broker, &msg, MSG_CMSG_CLOEXEC);
	if (n <= 0)
		return trb_fail(err, TRB_E_IO, "the broker of connections is gone");
	text[n] = '\0';
	c = CMSG_FIRSTHDR(&msg);
	if (c == NULL || c->cmsg_type != SCM_RIGHTS)
		return trb_fail_check(err, TRB_E_IO, TRB_CHECK_REPOSITORY, "%s", text);
	memcpy(ret_fd, CMSG_DATA(c), sizeof(int));
	return TRB_OK;
}

int fetch_broker_connect(struct fetch *f, const char *host, const char *port, int *ret_fd,
			 trb_error **err)
{
	char text[1024];
	int n = snprintf(text, sizeof(text), "%s %s", host, port);

	if (n < 0 || n >= REQUEST_MAX)
		return trb_fail(err, TRB_E_INVAL, "the host's name is too long");
	if (send(f->broker, text, (size_t)n, MSG_NOSIGNAL) < 0)
		return trb_fail_errno(err, errno, "ask the broker of connections");
	return receive(f, text, sizeof(text), ret_fd, err);
}

void fetch_broker_stop(struct fetch *f)
{
	if (f->broker >= 0)
		close(f->broker);
	f->broker = -1;
	if (f->broker_pid > 0)
		waitpid(f->broker_pid, NULL, 0); /* it ends with the socket */
	f->broker_pid = 0;
}
