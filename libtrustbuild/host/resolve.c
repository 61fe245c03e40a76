/* SPDX-License-Identifier: Apache-2.0 */
/* Names of commits, resolved before the enclave sees a request.  libgit2 runs in the helper. */
#include "host/resolve.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include "core/context.h"
#include "core/helper.h"
#include "format/facts.h"
#include "format/fetch.h"
#include "host/proxy.h"

struct trb_resolving {
	trb_context *context;
	struct trb_events *events;
	char *repository, *name, *ref;
	struct trb_child child;
	int fd, timer, epoll; /* frames; their end; both of them */
	uint64_t wall_s;
	uint8_t head[TRB_FETCH_HEADER];
	size_t have;   /* bytes of head and text */
	unsigned type; /* once head is there */
	uint64_t size;
	char text[TRB_FETCH_TEXT_MAX + 1];
};

/* TRB_OK where all of the frame is there. */
static int read_more(struct trb_resolving *in, uint8_t *out, size_t from, size_t n, trb_error **err)
{
	while (in->have < from + n) {
		ssize_t got = read(in->fd, out + (in->have - from), from + n - in->have);

		if (got == 0)
			return trb_fail(err, TRB_E_IO, "the helper tb-fetch ended early");
		if (got > 0)
			in->have += (size_t)got;
		else if (errno == EAGAIN)
			return TRB_E_AGAIN;
		else if (errno != EINTR)
			return trb_fail_errno(err, errno, "read from tb-fetch");
	}
	return TRB_OK;
}

static int read_frame(struct trb_resolving *in, trb_error **err)
{
	int r = read_more(in, in->head, 0, sizeof(in->head), err);

	if (r < 0)
		return r;
	trb_fetch_header_decode(in->head, &in->type, &in->size);
	if (in->size > TRB_FETCH_TEXT_MAX)
		return trb_fail(err, TRB_E_FORMAT, "tb-fetch sent a frame of %llu bytes",
				(unsigned long long)in->size);
	r = read_more(in, (uint8_t *)in->text, sizeof(in->head), (size_t)in->size, err);
	if (r == TRB_OK)
		in->text[in->size] = '\0';
	return r;
}

static int tell_progress(struct trb_resolving *in, trb_error **err)
{
	if (in->events == NULL)
		trb_tell(in->context, TRB_LOG_INFO, "%s", in->text);
	else if (trb_events_add(in->events, TRB_EVENT_PROGRESS, trb_bytes_str(in->text)) == NULL)
		return trb_fail_nomem(err);
	return TRB_OK;
}

/* "COMMIT REF" as a request. */
static int take_answer(struct trb_resolving *in, trb_request **ret_request, trb_error **err)
{
	_cleanup_(trb_request_unrefp) trb_request *request = NULL;
	char *ref = strchr(in->text, ' ');
	int r;

	if (ref == NULL)
		return trb_fail(err, TRB_E_FORMAT, "tb-fetch gave half an answer");
	*ref++ = '\0';
	r = trb_request_new(in->context, in->repository, in->text, &request, err);
	if (r == TRB_OK && *ref != '\0')
		r = trb_request_set_ref(request, ref, err);
	if (r == TRB_OK)
		*ret_request = steal_ptr(&request);
	return r;
}

/* Nothing to ask: the name is the commit. */
static int pin(struct trb_resolving *in, trb_request **ret_request, trb_error **err)
{
	_cleanup_(trb_request_unrefp) trb_request *request = NULL;
	int r = trb_request_new(in->context, in->repository, in->name, &request, err);

	if (r == TRB_OK && in->ref != NULL)
		r = trb_request_set_ref(request, in->ref, err);
	if (r == TRB_OK)
		*ret_request = steal_ptr(&request);
	return r;
}

/* Reads frames up to the answer. */
static int read_answer(struct trb_resolving *in, trb_request **ret_request, trb_error **err)
{
	for (;;) {
		int r = read_frame(in, err);

		if (r < 0)
			return r;
		in->have = 0;
		if (in->type == TRB_FETCH_RESOLVED)
			return take_answer(in, ret_request, err);
		if (in->type == TRB_FETCH_ERROR)
			return trb_fetch_error_raise(TRB_BYTES(in->text, in->size), err);
		if (in->type != TRB_FETCH_PROGRESS)
			return trb_fail(err, TRB_E_FORMAT, "tb-fetch sent a frame of type %u",
					in->type);
		r = tell_progress(in, err);
		if (r < 0)
			return r;
	}
}

static int step(struct trb_resolving *in, trb_request **ret_request, trb_error **err)
{
	uint64_t times;
	int r;

	if (in->fd < 0)
		return pin(in, ret_request, err);
	r = trb_check_canceled(in->context, err);
	if (r == TRB_OK)
		r = read_answer(in, ret_request, err);
	if (r == TRB_E_AGAIN && read(in->timer, &times, sizeof(times)) > 0)
		r = trb_fail(err, TRB_E_TIMEOUT, "no answer within %llu s",
			     (unsigned long long)in->wall_s);
	return r;
}

int trb_resolving_step(struct trb_resolving *resolving, trb_request **ret_request, trb_error **err)
{
	int r = step(resolving, ret_request, err);

	if (r == TRB_OK || r == TRB_E_AGAIN)
		return r;
	return trb_wrap(err, r, "resolve '%s' in %s",
			resolving->name  ? resolving->name
			: resolving->ref ? resolving->ref
					 : "HEAD",
			resolving->repository);
}

int trb_resolving_get_fd(const struct trb_resolving *resolving)
{
	return resolving->epoll;
}

struct trb_resolving *trb_resolving_free(struct trb_resolving *resolving)
{
	if (resolving == NULL)
		return NULL;
	trb_child_kill(&resolving->child);
	for (size_t i = 0; i < 3; i++) {
		const int fds[] = { resolving->fd, resolving->timer, resolving->epoll };

		if (fds[i] >= 0)
			close(fds[i]);
	}
	free(resolving->repository);
	free(resolving->name);
	free(resolving->ref);
	trb_context_unref(resolving->context);
	free(resolving);
	return NULL;
}

static bool is_full_id(const char *name)
{
	struct trb_commit commit;

	return name != NULL && trb_commit_from_hex(trb_bytes_str(name), &commit);
}

static int watch_both(struct trb_resolving *in, trb_error **err)
{
	struct itimerspec when = { .it_value.tv_sec = (time_t)in->wall_s };
	struct epoll_event event = { .events = EPOLLIN };

	in->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	in->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (in->timer < 0 || in->epoll < 0 || timerfd_settime(in->timer, 0, &when, NULL) < 0 ||
	    epoll_ctl(in->epoll, EPOLL_CTL_ADD, in->fd, &event) < 0 ||
	    epoll_ctl(in->epoll, EPOLL_CTL_ADD, in->timer, &event) < 0)
		return trb_fail_errno(err, errno, "watch tb-fetch");
	return TRB_OK;
}

static int ask_helper(struct trb_resolving *in, const char *ca_file, trb_bytes token,
		      trb_error **err)
{
	struct trb_source_limits limits;
	const struct trb_fetch_args args = {
		.mode = "resolve",
		.repository = in->repository,
		.ca_file = ca_file != NULL ? ca_file : TRB_FETCH_CA_FILE,
		.ref = in->ref,
		.name = in->name,
		.limits = &limits,
		.token = token,
	};
	struct trb_argv argv = { 0 }, envp = { 0 };
	int r = token.len > 0 ? trb_fetch_token_check(token, err) : TRB_OK;

	if (r < 0)
		return r;
	trb_source_limits_default(&limits);
	in->wall_s = limits.wall_s;
	trb_fetch_argv(&args, &argv);
	trb_proxy_environment(&envp);
	r = trb_helper_start(trb_context_get_libexec_dir(in->context), &argv, &envp, token,
			     &in->child, &in->fd, err);
	trb_argv_clear(&argv);
	trb_argv_clear(&envp);
	return r == TRB_OK ? watch_both(in, err) : r;
}

static int check_names(const char *repository, const char *ref, trb_error **err)
{
	const char *fault = trb_repository_fault(trb_bytes_str(repository));

	if (fault != NULL)
		return trb_fail_check(err, TRB_E_INVAL, TRB_CHECK_REPOSITORY, "repository: %s",
				      fault);
	fault = ref != NULL ? trb_ref_fault(trb_bytes_str(ref)) : NULL;
	if (fault != NULL)
		return trb_fail_check(err, TRB_E_INVAL, TRB_CHECK_REF, "ref '%s': %s", ref, fault);
	return TRB_OK;
}

static int copy_names(struct trb_resolving *in, const char *repository, const char *name,
		      const char *ref, trb_error **err)
{
	in->repository = strdup(repository);
	in->name = name != NULL ? strdup(name) : NULL;
	in->ref = ref != NULL ? strdup(ref) : NULL;
	if (in->repository == NULL || (name != NULL && in->name == NULL) ||
	    (ref != NULL && in->ref == NULL))
		return trb_fail_nomem(err);
	return TRB_OK;
}

int trb_resolving_start(trb_context *context, const char *repository, const char *name,
			const char *ref, const char *ca_file, trb_bytes token,
			struct trb_events *events, struct trb_resolving **ret, trb_error **err)
{
	_cleanup_(trb_resolving_freep) struct trb_resolving *in = NULL;
	int r = check_names(repository, ref, err);

	if (r < 0)
		return r;
	in = calloc(1, sizeof(*in));
	if (in == NULL)
		return trb_fail_nomem(err);
	in->context = trb_context_ref(context);
	in->events = events;
	in->child = TRB_CHILD_NONE;
	in->fd = in->timer = in->epoll = -1;
	r = copy_names(in, repository, name, ref, err);
	if (r == TRB_OK && !is_full_id(name))
		r = ask_helper(in, ca_file, token, err);
	if (r == TRB_OK)
		*ret = steal_ptr(&in);
	return r;
}

int trb_request_resolve(trb_context *context, const char *repository, const char *name,
			const char *ref, const char *ca_file, trb_bytes token,
			trb_request **ret_request, trb_error **err)
{
	_cleanup_(trb_resolving_freep) struct trb_resolving *resolving = NULL;
	struct pollfd p = { .events = POLLIN };
	int r;

	if (context == NULL || repository == NULL || ret_request == NULL)
		return trb_fail(err, TRB_E_INVAL, "resolving needs a context and a repository");
	r = trb_resolving_start(context, repository, name, ref, ca_file, token, NULL, &resolving,
				err);
	if (r < 0)
		return r;
	p.fd = trb_resolving_get_fd(resolving);
	while ((r = trb_resolving_step(resolving, ret_request, err)) == TRB_E_AGAIN)
		if (poll(&p, 1, TRB_CANCEL_MS) < 0 && errno != EINTR)
			return trb_fail_errno(err, errno, "wait for tb-fetch");
	return r;
}
