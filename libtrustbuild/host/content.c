/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of the content port. */
#include "host/content.h"

#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "core/cleanup.h"
#include "format/control.h"

#define STEP_BYTES (1u << 20) /* so that other streams get their turn */

void trb_content_init(struct trb_content *content)
{
	content->dir = -1;
	for (size_t i = 0; i < TRB_CONTENT_STREAMS; i++)
		content->streams[i] = (struct trb_content_stream){ .fd = -1, .file = -1 };
}

static void drop(struct trb_content_stream *stream)
{
	if (stream->fd >= 0)
		close(stream->fd);
	if (stream->file >= 0)
		close(stream->file);
	trb_reader_clear(&stream->reader);
	*stream = (struct trb_content_stream){ .fd = -1, .file = -1 };
}

void trb_content_clear(struct trb_content *content)
{
	for (size_t i = 0; i < TRB_CONTENT_STREAMS; i++)
		drop(&content->streams[i]);
	if (content->dir >= 0)
		close(steal_fd(&content->dir));
}

static struct trb_content_stream *find(const struct trb_content *content, int fd)
{
	for (size_t i = 0; i < TRB_CONTENT_STREAMS; i++)
		if (content->streams[i].fd == fd)
			return (struct trb_content_stream *)&content->streams[i];
	return NULL;
}

bool trb_content_has(const struct trb_content *content, int fd)
{
	return fd >= 0 && find(content, fd) != NULL;
}

bool trb_content_add(struct trb_content *content, int fd)
{
	struct trb_content_stream *stream = find(content, -1);

	if (stream == NULL) {
		close(fd);
		return false;
	}
	stream->fd = fd;
	trb_reader_init(&stream->reader, TRB_CONTENT_ASK_MAX);
	return true;
}

/* Open and of no more bytes than asked for, or -1. */
static int look_up(const struct trb_content *content, const struct trb_content_ask *ask,
		   uint64_t *ret_size)
{
	char name[65];
	struct stat st;
	int fd;

	trb_hex_encode(TRB_BYTES(ask->sha256, sizeof(ask->sha256)), name);
	fd = content->dir >= 0
		     ? openat(content->dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
		     : -1;
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size <= ask->ceiling) {
		*ret_size = (uint64_t)st.st_size;
		return fd;
	}
	close(fd);
	return -1;
}

/* Whoever does not read its answer loses the stream, and nothing else. */
static int answer(struct trb_content *content, struct trb_content_stream *stream,
		  trb_bytes question, trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *frame = NULL;
	struct trb_content_answer reply = { 0 };
	struct trb_content_ask ask;
	int r = trb_content_ask_decode(question, &ask, err);

	if (r < 0)
		return r;
	stream->file = look_up(content, &ask, &reply.size);
	reply.there = stream->file >= 0;
	stream->left = reply.size;
	r = trb_content_answer_encode(&reply, &frame, err);
	if (r < 0)
		return r;
	if (trb_send_frame_now(stream->fd, trb_blob_bytes(frame), NULL) < 0 || !reply.there ||
	    reply.size == 0)
		drop(stream);
	return TRB_OK;
}

static void send_more(struct trb_content_stream *stream)
{
	size_t n = stream->left < STEP_BYTES ? (size_t)stream->left : STEP_BYTES;
	ssize_t sent = sendfile(stream->fd, stream->file, NULL, n);

	if (sent > 0)
		stream->left -= (uint64_t)sent;
	if (stream->left == 0 || sent == 0 || (sent < 0 && errno != EAGAIN && errno != EINTR))
		drop(stream);
}

int trb_content_step(struct trb_content *content, int fd, bool *ret_sending, trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *question = NULL;
	_cleanup_(trb_error_unrefp) trb_error *why = NULL;
	struct trb_content_stream *stream = find(content, fd);
	int r = TRB_OK;

	if (stream->file >= 0) {
		send_more(stream);
	} else {
		r = trb_reader_step(&stream->reader, fd, &question, &why);
		if (r == TRB_OK)
			r = answer(content, stream, trb_blob_bytes(question), &why);
		else if (r == TRB_E_AGAIN)
			r = TRB_OK;
		else if (r == TRB_E_DONE || r == TRB_E_IO) {
			drop(stream); /* it left without a question */
			r = TRB_OK;
		}
	}
	*ret_sending = stream->file >= 0;
	return r < 0 ? trb_fail_check(err, r, "channel", "content stream: %s",
				      trb_error_message(why))
		     : TRB_OK;
}
