/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes below libgit2's TLS: from the broker's connections, with a deadline and a ceiling. */
#include <git2/sys/stream.h>
#include <poll.h>
#include <sys/socket.h>

#include "core/clock.h"
#include "core/error.h"
#include "fetch/fetch.h"

#define STALL_MS      60000
#define REFS_MAX      (UINT64_C(64) << 20) /* bytes before a pack begins */
#define WIRE_OVERHEAD (UINT64_C(8) << 20)  /* TLS, HTTP, progress of the other side */

struct stream {
	git_stream parent; /* first, as libgit2 wants it */
	struct fetch *f;
	int fd;
	char *host, *port;
};

/* libgit2 gives its constructors no argument of ours. */
static struct fetch *the_fetch;

static int stop(struct fetch *f, int r)
{
	git_error_set_str(GIT_ERROR_NET, f->stopped ? trb_error_message(f->stopped) : "stopped");
	return r < 0 ? -1 : r;
}

static int stream_connect(git_stream *parent)
{
	struct stream *s = (struct stream *)parent;
	int r = fetch_broker_connect(s->f, s->host, s->port, &s->fd, &s->f->stopped);

	return r < 0 ? stop(s->f, r) : 0;
}

/* Waits for the peer, and notices where nobody wants the result any more. */
static int wait_for(struct stream *s, short events)
{
	struct pollfd p[2] = { { .fd = s->fd, .events = events }, { .fd = s->f->out } };
	int left = trb_deadline_left(s->f->deadline), r;

	do
		r = poll(p, 2, left < STALL_MS ? left : STALL_MS);
	while (r < 0 && errno == EINTR);
	if (r == 0 && trb_deadline_left(s->f->deadline) == 0)
		return trb_fail_check(&s->f->stopped, TRB_E_TIMEOUT, TRB_CHECK_LIMIT,
				      "the source was not fetched in %llu seconds",
				      (unsigned long long)s->f->limits.wall_s);
	if (r == 0)
		return trb_fail_check(&s->f->stopped, TRB_E_TIMEOUT, TRB_CHECK_REPOSITORY,
				      "%s sends nothing any more", s->f->url);
	if (r < 0 || (p[1].revents & (POLLERR | POLLHUP)) != 0)
		return trb_fail(&s->f->stopped, TRB_E_IO, "nobody waits for the source any more");
	return TRB_OK;
}

static int count_bytes(struct fetch *f, size_t n)
{
	uint64_t max = f->receiving ? f->limits.pack_bytes + f->limits.pack_bytes / 16 + REFS_MAX +
					      WIRE_OVERHEAD
				    : REFS_MAX;

	f->wire_bytes += n;
	if (f->wire_bytes <= max)
		return TRB_OK;
	return trb_fail_check(&f->stopped, TRB_E_LIMIT, TRB_CHECK_LIMIT,
			      "%s sent more than %llu bytes%s", f->url, (unsigned long long)max,
			      f->receiving ? "" : " before any object");
}

static ssize_t stream_read(git_stream *parent, void *data, size_t len)
{
	struct stream *s = (struct stream *)parent;
	ssize_t n;

	if (s->fd < 0)
		return -1;
	do {
		if (wait_for(s, POLLIN) < 0)
			return stop(s->f, -1);
		n = recv(s->fd, data, len, MSG_DONTWAIT);
	} while (n < 0 && (errno == EINTR || errno == EAGAIN));
	if (n < 0) {
		git_error_set_str(GIT_ERROR_NET, "the connection broke");
		return -1;
	}
	return count_bytes(s->f, (size_t)n) < 0 ? stop(s->f, -1) : n;
}

static ssize_t stream_write(git_stream *parent, const char *data, size_t len, int flags)
{
	struct stream *s = (struct stream *)parent;
	size_t done = 0;

	(void)flags;
	/* libgit2 closes a connection through a proxy, and then wants to say good-bye over it: why
	 * it did so is what is to be told */
	if (s->fd < 0)
		return -1;
	while (done < len) {
		ssize_t n;

		if (wait_for(s, POLLOUT) < 0)
			return stop(s->f, -1);
		n = send(s->fd, data + done, len - done, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno != EINTR && errno != EAGAIN) {
			git_error_set_str(GIT_ERROR_NET, "the connection broke");
			return -1;
		}
		done += n > 0 ? (size_t)n : 0;
	}
	return (ssize_t)len;
}

static int stream_close(git_stream *parent)
{
	struct stream *s = (struct stream *)parent;

	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	return 0;
}

static void stream_free(git_stream *parent)
{
	struct stream *s = (struct stream *)parent;

	if (s == NULL)
		return;
	stream_close(parent);
	free(s->host);
	free(s->port);
	free(s);
}

static int stream_new(git_stream **out, const char *host, const char *port)
{
	struct stream *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return -1;
	*s = (struct stream){ .parent = { .version = GIT_STREAM_VERSION,
					  .connect = stream_connect,
					  .read = stream_read,
					  .write = stream_write,
					  .close = stream_close,
					  .free = stream_free },
			      .f = the_fetch,
			      .fd = -1,
			      .host = strdup(host),
			      .port = strdup(port) };
	if (s->host == NULL || s->port == NULL) {
		stream_free(&s->parent);
		return -1;
	}
	*out = &s->parent;
	return 0;
}

int fetch_stream_register(struct fetch *f, trb_error **err)
{
	git_stream_registration registration = { .version = GIT_STREAM_VERSION,
						 .init = stream_new };

	the_fetch = f;
	if (git_stream_register(GIT_STREAM_STANDARD, &registration) < 0)
		return fetch_fail(f, -1, "register connections", err);
	return TRB_OK;
}
