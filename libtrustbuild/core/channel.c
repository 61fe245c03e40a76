/* SPDX-License-Identifier: Apache-2.0 */
/* Streams and frames between processes and enclaves (channel.h). */
#include "core/channel.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
/* after sys/socket.h, which it needs */
#include <linux/vm_sockets.h>

#include "core/cleanup.h"
#include "core/clock.h"
#include "core/context.h"
#include "core/error.h"

#define HEAD          4u
#define BACKLOG       16
#define RETRY_MS      5
#define FIRST_READ    4096u
#define ADDRESS_FAULT "address '%s' is neither unix:/directory nor vsock:cid"

int trb_wait_fd(int fd, short events, int64_t deadline, trb_error **err)
{
	struct pollfd p = { .fd = fd, .events = events };

	for (;;) {
		int r = poll(&p, 1, trb_deadline_left(deadline));

		if (r > 0)
			return TRB_OK;
		if (r == 0)
			return trb_fail(err, TRB_E_TIMEOUT, "the peer took too long");
		if (errno != EINTR)
			return trb_fail_errno(err, errno, "poll");
	}
}

int trb_wait_fd_in(const trb_context *context, int fd, short events, int64_t deadline,
		   trb_error **err)
{
	for (;;) {
		int64_t turn = trb_deadline(TRB_CANCEL_MS);
		int r = trb_check_canceled(context, err);

		if (r < 0)
			return r;
		if (turn >= deadline)
			return trb_wait_fd(fd, events, deadline, err);
		r = trb_wait_fd(fd, events, turn, NULL);
		if (r == TRB_E_TIMEOUT)
			continue;
		return r < 0 ? trb_fail(err, r, "poll") : TRB_OK;
	}
}

/* Drops what was sent from the front of the two parts. */
static void iov_advance(struct iovec iov[2], size_t n)
{
	for (int i = 0; i < 2; i++) {
		size_t step = n < iov[i].iov_len ? n : iov[i].iov_len;

		iov[i].iov_base = (uint8_t *)iov[i].iov_base + step;
		iov[i].iov_len -= step;
		n -= step;
	}
}

int trb_frame_send(int fd, trb_bytes body, size_t max, int timeout_ms, trb_error **err)
{
	int64_t deadline = trb_deadline(timeout_ms);
	uint8_t head[HEAD] = { (uint8_t)(body.len >> 24), (uint8_t)(body.len >> 16),
			       (uint8_t)(body.len >> 8), (uint8_t)body.len };
	struct iovec iov[2] = { { head, HEAD }, { (void *)(uintptr_t)body.ptr, body.len } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };

	if (body.len > max)
		return trb_fail(err, TRB_E_LIMIT, "frame of %zu bytes, at most %zu are allowed",
				body.len, max);
	while (iov[0].iov_len + iov[1].iov_len > 0) {
		ssize_t n = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
		int r;

		if (n >= 0) {
			iov_advance(iov, (size_t)n);
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN && errno != EWOULDBLOCK)
			return trb_fail_errno(err, errno == EPIPE ? ECONNRESET : errno,
					      "send a frame of %zu bytes", body.len);
		r = trb_wait_fd(fd, POLLOUT, deadline, err);
		if (r < 0)
			return r;
	}
	return TRB_OK;
}

/* Waits for bytes and reads some: 0 at the end of the stream. */
static int read_some(int fd, void *buf, size_t n, int64_t deadline, size_t *ret_got,
		     trb_error **err)
{
	for (;;) {
		ssize_t got;
		int r = trb_wait_fd(fd, POLLIN, deadline, err);

		if (r < 0)
			return r;
		got = read(fd, buf, n);
		if (got >= 0) {
			*ret_got = (size_t)got;
			return TRB_OK;
		}
		if (errno != EINTR && errno != EAGAIN)
			return trb_fail_errno(err, errno, "receive");
	}
}

static int recv_head(int fd, int64_t deadline, uint32_t *ret_len, trb_error **err)
{
	uint8_t head[HEAD];
	size_t done = 0, got;

	while (done < HEAD) {
		int r = read_some(fd, head + done, HEAD - done, deadline, &got, err);

		if (r < 0)
			return r;
		if (got == 0 && done == 0)
			return trb_fail(err, TRB_E_DONE, "the peer closed the stream");
		if (got == 0)
			return trb_fail(err, TRB_E_IO, "the stream ends inside a frame's head");
		done += got;
	}
	*ret_len = (uint32_t)head[0] << 24 | (uint32_t)head[1] << 16 | (uint32_t)head[2] << 8 |
		   head[3];
	return TRB_OK;
}

int trb_frame_recv(int fd, size_t max, int timeout_ms, trb_blob **ret_body, trb_error **err)
{
	int64_t deadline = trb_deadline(timeout_ms);
	_cleanup_buf_ struct trb_buf buf = { 0 };
	uint32_t len;
	int r = recv_head(fd, deadline, &len, err);

	if (r < 0)
		return r;
	if (len > max)
		return trb_fail(err, TRB_E_LIMIT,
				"the peer declares a frame of %u bytes, %zu are "
				"allowed",
				len, max);
	trb_buf_init(&buf, max);
	while (buf.len < len) {
		/* grows with what arrives, not with what was declared */
		size_t left = len - buf.len, n = left < FIRST_READ ? left : FIRST_READ, got;
		uint8_t chunk[FIRST_READ];

		r = read_some(fd, chunk, n, deadline, &got, err);
		if (r < 0)
			return r;
		if (got == 0)
			return trb_fail(err, TRB_E_IO, "the stream ends after %zu of %u bytes",
					buf.len, len);
		r = trb_buf_add(&buf, TRB_BYTES(chunk, got));
		explicit_bzero(chunk, got); /* credentials come in frames, too */
		if (r < 0)
			return trb_buf_check(&buf, "frame", err);
	}
	return trb_buf_to_blob(&buf, "frame", ret_body, err);
}

/* A socket's path that fits sockaddr_un whatever the directory's length: through the directory's
 * descriptor, which must stay open as long as the address is used. */
static int unix_address(const char *dir, unsigned port, struct sockaddr_un *ret, int *ret_dirfd,
			trb_error **err)
{
	size_t room = sizeof(ret->sun_path);
	int dirfd;

	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if ((size_t)snprintf(ret->sun_path, room, "%s/%u", dir, port) < room)
		return TRB_OK;
	dirfd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0)
		return trb_fail_errno(err, errno, "open '%s'", dir);
	snprintf(ret->sun_path, room, "/proc/self/fd/%d/%u", dirfd, port);
	*ret_dirfd = dirfd;
	return TRB_OK;
}

static int vsock_address(const char *text, unsigned port, struct sockaddr_vm *ret, trb_error **err)
{
	char *end = NULL;
	unsigned long cid = VMADDR_CID_ANY;

	if (strcmp(text, "any") != 0) {
		errno = 0;
		cid = strtoul(text, &end, 10);
		if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 ||
		    cid > UINT32_MAX)
			return trb_fail(err, TRB_E_INVAL, "vsock cid '%s' is not a number", text);
	}
	*ret = (struct sockaddr_vm){ .svm_family = AF_VSOCK,
				     .svm_port = port,
				     .svm_cid = (unsigned)cid };
	return TRB_OK;
}

union any_address {
	struct sockaddr any;
	struct sockaddr_un un;
	struct sockaddr_vm vm;
};

static int parse_address(const char *address, unsigned port, union any_address *ret,
			 socklen_t *ret_len, int *ret_dirfd, trb_error **err)
{
	if (strncmp(address, "unix:/", 6) == 0) {
		*ret_len = sizeof(ret->un);
		return unix_address(address + 5, port, &ret->un, ret_dirfd, err);
	}
	if (strncmp(address, "vsock:", 6) == 0) {
		*ret_len = sizeof(ret->vm);
		return vsock_address(address + 6, port, &ret->vm, err);
	}
	return trb_fail(err, TRB_E_INVAL, ADDRESS_FAULT, address);
}

static int open_socket(int family, trb_error **err)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return trb_fail_errno(err, errno == EAFNOSUPPORT ? EOPNOTSUPP : errno,
				      "open a %s socket", family == AF_VSOCK ? "vsock" : "unix");
	return fd;
}

static int finish_connect(int fd, int64_t deadline, trb_error **err)
{
	int error = 0, r = trb_wait_fd(fd, POLLOUT, deadline, err);
	socklen_t len = sizeof(error);

	if (r < 0)
		return r;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	return error == 0 ? TRB_OK : trb_fail_errno(err, error, "connect");
}

static int connect_by(int fd, const union any_address *addr, socklen_t len, int64_t deadline,
		      trb_error **err)
{
	while (connect(fd, &addr->any, len) < 0) {
		if (errno == EINPROGRESS)
			return finish_connect(fd, deadline, err);
		if (errno != EAGAIN && errno != EINTR)
			return trb_fail_errno(err, errno, "connect");
		/* the listener's queue is full, which a unix socket cannot wait for */
		if (trb_deadline_left(deadline) == 0)
			return trb_fail(err, TRB_E_TIMEOUT, "connect: the listener is busy");
		poll(NULL, 0, RETRY_MS);
	}
	return TRB_OK;
}

int trb_stream_connect(const char *address, unsigned port, int timeout_ms, int *ret_fd,
		       trb_error **err)
{
	int64_t deadline = trb_deadline(timeout_ms);
	_cleanup_close_ int dirfd = -1, fd = -1;
	union any_address addr;
	socklen_t len;
	int r = parse_address(address, port, &addr, &len, &dirfd, err);

	if (r < 0)
		return r;
	fd = open_socket(addr.any.sa_family, err);
	if (fd < 0)
		return fd;
	r = connect_by(fd, &addr, len, deadline, err);
	if (r < 0)
		return trb_wrap(err, r, "stream to %s port %u", address, port);
	if (fcntl(fd, F_SETFL, 0) < 0)
		return trb_fail_errno(err, errno, "stream to %s port %u", address, port);
	*ret_fd = steal_fd(&fd);
	return TRB_OK;
}

int trb_stream_listen(const char *address, unsigned port, int *ret_fd, trb_error **err)
{
	_cleanup_close_ int dirfd = -1, fd = -1;
	union any_address addr;
	socklen_t len;
	int r = parse_address(address, port, &addr, &len, &dirfd, err);

	if (r < 0)
		return r;
	fd = open_socket(addr.any.sa_family, err);
	if (fd < 0)
		return fd;
	/* the socket's file takes its mode from the descriptor, so that there is no moment in
	 * which others may connect */
	if (addr.any.sa_family == AF_UNIX && fchmod(fd, 0600) < 0)
		return trb_fail_errno(err, errno, "listen on %s port %u", address, port);
	if (bind(fd, &addr.any, len) < 0 || listen(fd, BACKLOG) < 0)
		return trb_fail_errno(err, errno, "listen on %s port %u", address, port);
	*ret_fd = steal_fd(&fd);
	return TRB_OK;
}
