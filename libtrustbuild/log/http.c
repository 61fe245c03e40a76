/* SPDX-License-Identifier: Apache-2.0 */
/* The library's end of tb-http (http.h). */
#include "log/http.h"

#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#include "core/channel.h"
#include "core/clock.h"
#include "core/context.h"
#include "core/spawn.h"

#define GRACE_S 5 /* the helper's own limit comes first */

struct trb_http {
	trb_context *context;
	struct trb_child child;
	int fd; /* -1: no child */
};

int trb_http_new(trb_context *context, struct trb_http **ret, trb_error **err)
{
	struct trb_http *http = calloc(1, sizeof(*http));

	if (http == NULL)
		return trb_fail_nomem(err);
	http->context = trb_context_ref(context);
	http->child = TRB_CHILD_NONE;
	http->fd = -1;
	*ret = http;
	return TRB_OK;
}

/* Ends the child, so that no later answer is taken for that of another request. */
static void stop(struct trb_http *http)
{
	if (http->fd >= 0)
		close(http->fd);
	http->fd = -1;
	trb_child_kill(&http->child);
	http->child = TRB_CHILD_NONE;
}

struct trb_http *trb_http_free(struct trb_http *http)
{
	if (http == NULL)
		return NULL;
	stop(http);
	trb_context_unref(http->context);
	free(http);
	return NULL;
}

static int start(struct trb_http *http, trb_error **err)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int ours = -1, theirs = -1;
	char *const argv[] = { (char *)"tb-http", NULL }, *const envp[] = { NULL };
	int pair[2], r;

	if (http->fd >= 0)
		return TRB_OK;
	if (asprintf(&path, "%s/tb-http", trb_context_get_libexec_dir(http->context)) < 0) {
		path = NULL;
		return trb_fail_nomem(err);
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return trb_fail_errno(err, errno, "make a pair of sockets");
	ours = pair[0];
	theirs = pair[1];
	r = trb_spawn(path, argv, envp, (int[]){ theirs, theirs, -1 }, 3, &http->child, err);
	if (r < 0)
		return trb_wrap(err, r, "start the helper program '%s'", path);
	http->fd = steal_fd(&ours);
	return TRB_OK;
}

static int ask(struct trb_http *http, trb_bytes frame, const struct trb_http_request *request,
	       struct trb_http_answer *ret, trb_blob **ret_owner, trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *in = NULL;
	int limit_ms = ((int)request->timeout_s + GRACE_S) * 1000;
	int r = trb_frame_send(http->fd, frame, TRB_EXCHANGE_REQUEST, limit_ms, err);

	if (r == TRB_OK)
		r = trb_wait_fd_in(http->context, http->fd, POLLIN, trb_deadline(limit_ms), err);
	if (r == TRB_OK)
		r = trb_frame_recv(http->fd, TRB_EXCHANGE_ANSWER, limit_ms, &in, err);
	if (r == TRB_E_DONE)
		return trb_wrap(err, TRB_E_IO, "the helper program tb-http ended");
	return r < 0 ? r : trb_http_answer_decode(trb_blob_bytes(in), ret, ret_owner, err);
}

int trb_http_exchange(struct trb_http *http, const struct trb_http_request *request,
		      struct trb_http_answer *ret, trb_blob **ret_owner, trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *frame = NULL, *owner = NULL;
	struct trb_http_answer answer = { .code = TRB_OK };
	int r = trb_http_request_encode(request, &frame, err);

	if (r == TRB_OK)
		r = start(http, err);
	if (r < 0)
		return r;
	r = ask(http, trb_blob_bytes(frame), request, &answer, &owner, err);
	if (r < 0) {
		stop(http);
		return r;
	}
	if (answer.code != TRB_OK)
		return trb_fail(err, (int)answer.code, "%s '%.*s': %.*s",
				request->post ? "post to" : "get", (int)request->url.len,
				(const char *)request->url.ptr, (int)answer.text.len,
				(const char *)answer.text.ptr);
	*ret = answer;
	*ret_owner = steal_ptr(&owner);
	return TRB_OK;
}
