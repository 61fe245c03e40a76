/* SPDX-License-Identifier: Apache-2.0 */
/* Frames without waiting, for the session's loop. */
#include "host/stream.h"

#include <errno.h>
#include <sys/socket.h>

#include "core/cleanup.h"

#define CHUNK 16384u

void trb_reader_init(struct trb_reader *reader, size_t max)
{
	*reader = (struct trb_reader){ .max = max };
	trb_buf_init(&reader->body, max);
}

void trb_reader_clear(struct trb_reader *reader)
{
	size_t max = reader->max;

	trb_buf_clear(&reader->body);
	trb_reader_init(reader, max);
}

/* 0 bytes is the end of the stream. */
static int receive(int fd, void *buf, size_t n, size_t *ret_got, trb_error **err)
{
	ssize_t got;

	do
		got = recv(fd, buf, n, MSG_DONTWAIT);
	while (got < 0 && errno == EINTR);
	if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return TRB_E_AGAIN;
	if (got < 0)
		return trb_fail_errno(err, errno, "receive from the enclave");
	*ret_got = (size_t)got;
	return TRB_OK;
}

static int read_head(struct trb_reader *reader, int fd, trb_error **err)
{
	while (reader->have < sizeof(reader->head)) {
		size_t got;
		int r = receive(fd, reader->head + reader->have,
				sizeof(reader->head) - reader->have, &got, err);

		if (r < 0)
			return r;
		if (got == 0 && reader->have == 0)
			return trb_fail(err, TRB_E_DONE, "the enclave closed the stream");
		if (got == 0)
			return trb_fail(err, TRB_E_IO, "the stream ends inside a frame's head");
		reader->have += got;
	}
	reader->want = (size_t)reader->head[0] << 24 | (size_t)reader->head[1] << 16 |
		       (size_t)reader->head[2] << 8 | reader->head[3];
	if (reader->want > reader->max)
		return trb_fail(err, TRB_E_LIMIT,
				"the enclave declares a frame of %zu bytes, %zu are allowed",
				reader->want, reader->max);
	return TRB_OK;
}

int trb_reader_step(struct trb_reader *reader, int fd, trb_blob **ret_frame, trb_error **err)
{
	int r = read_head(reader, fd, err);

	if (r < 0)
		return r;
	while (reader->body.len < reader->want) {
		uint8_t chunk[CHUNK];
		size_t left = reader->want - reader->body.len, got;

		r = receive(fd, chunk, left < CHUNK ? left : CHUNK, &got, err);
		if (r < 0)
			return r;
		if (got == 0)
			return trb_fail(err, TRB_E_IO, "the stream ends after %zu of %zu bytes",
					reader->body.len, reader->want);
		if (trb_buf_add(&reader->body, TRB_BYTES(chunk, got)) < 0)
			return trb_buf_check(&reader->body, "frame", err);
	}
	r = trb_buf_to_blob(&reader->body, "frame", ret_frame, err);
	trb_reader_clear(reader);
	return r;
}

int trb_send_frame_now(int fd, trb_bytes body, trb_error **err)
{
	uint8_t head[4] = { (uint8_t)(body.len >> 24), (uint8_t)(body.len >> 16),
			    (uint8_t)(body.len >> 8), (uint8_t)body.len };
	struct iovec iov[2] = { { head, sizeof(head) }, { (void *)(uintptr_t)body.ptr, body.len } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
	ssize_t put;

	do
		put = sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (put < 0 && errno == EINTR);
	if (put == (ssize_t)(sizeof(head) + body.len))
		return TRB_OK;
	if (put >= 0 || errno == EAGAIN)
		return trb_fail(err, TRB_E_IO, "the enclave does not read what it asked for");
	return trb_fail_errno(err, errno == EPIPE ? ECONNRESET : errno, "send to the enclave");
}

int trb_accept(int listener, int *ret_fd, trb_error **err)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0) {
		*ret_fd = fd;
		return TRB_OK;
	}
	if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
		return TRB_E_AGAIN;
	return trb_fail_errno(err, errno, "accept a stream");
}

bool trb_send_fd(int socket, int fd)
{
	char byte = 0;
	struct iovec iov = { &byte, 1 };
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.bytes,
			      .msg_controllen = sizeof(control.bytes) };
	struct cmsghdr *head = CMSG_FIRSTHDR(&msg);

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(head), &fd, sizeof(int));
	return TEMP_FAILURE_RETRY(sendmsg(socket, &msg, MSG_DONTWAIT | MSG_NOSIGNAL)) == 1;
}
