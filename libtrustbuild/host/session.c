/* SPDX-License-Identifier: Apache-2.0 */
/* The handle of a session: its options, its start and its end. */
#include "host/session.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <openssl/crypto.h>

#include "core/context.h"
#include "format/fetch.h"
#include "host/tee/ops.h"

/* Turns in one call: an enclave that never stops asking must not keep the caller. */
#define TURNS_MAX 64

static int session_new(trb_context *context, const trb_tee_ops *ops, trb_session **ret,
		       trb_error **err)
{
	trb_session *session = calloc(1, sizeof(*session));

	if (session == NULL)
		return trb_fail_nomem(err);
	atomic_init(&session->refs, 1);
	atomic_init(&session->canceled, false);
	session->context = trb_context_ref(context);
	session->ops = ops;
	session->output = session->epoll = session->timer = session->control = -1;
	session->proxy_log = session->booting = -1;
	session->egress_lifeline = session->egress_pass = -1;
	session->egress = TRB_CHILD_NONE;
	session->run = (trb_tee_run){ .control_fd = -1,
				      .egress_fd = -1,
				      .nsm_fd = -1,
				      .artifact_fd = -1,
				      .console_fd = -1,
				      .end_fd = -1,
				      .content_fd = -1 };
	trb_nsm_server_init(&session->nsm);
	trb_content_init(&session->content);
	trb_events_init(&session->events);
	session->cancel = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (session->cancel < 0) {
		int error = errno;

		trb_session_unref(session);
		return trb_fail_errno(err, error, "make a session");
	}
	*ret = session;
	return TRB_OK;
}

int trb_session_open_tee(trb_context *context, const trb_tee_ops *ops, const char *options,
			 trb_session **ret_session, trb_error **err)
{
	trb_session *session = NULL;
	int r;

	if (context == NULL || ops == NULL)
		return trb_fail(err, TRB_E_INVAL, "a session needs a context and a backend");
	r = trb_tee_check_table(ops, err);
	if (r == TRB_OK)
		r = session_new(context, ops, &session, err);
	if (r == TRB_OK)
		r = ops->open(context, options != NULL ? options : "", &session->tee, err);
	if (r < 0) {
		trb_session_unref(session);
		return trb_wrap(err, r, "backend '%s'", ops->name);
	}
	*ret_session = session;
	return TRB_OK;
}

int trb_session_open(trb_context *context, const char *backend, trb_session **ret_session,
		     trb_error **err)
{
	const char *options;
	const trb_tee_ops *ops;
	int r = trb_tee_find(backend, &ops, &options, err);

	return r == TRB_OK ? trb_session_open_tee(context, ops, options, ret_session, err) : r;
}

trb_session *trb_session_ref(trb_session *session)
{
	if (session != NULL)
		atomic_fetch_add_explicit(&session->refs, 1, memory_order_relaxed);
	return session;
}

static void close_all(trb_session *session)
{
	const int fds[] = { session->output, session->epoll, session->timer, session->cancel };

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

trb_session *trb_session_unref(trb_session *session)
{
	if (session == NULL ||
	    atomic_fetch_sub_explicit(&session->refs, 1, memory_order_acq_rel) > 1)
		return NULL;
	trb_session_teardown(session);
	if (session->tee != NULL)
		session->ops->drop(session->tee);
	trb_events_clear(&session->events);
	trb_session_wipe_credentials(session);
	trb_blob_unref(session->request);
	for (size_t i = 0; i < session->n_private; i++)
		free(session->private[i]);
	close_all(session);
	trb_context_unref(session->context);
	free(session);
	return NULL;
}

/* It may boot, or have booted. */
static int need_unstarted(const trb_session *session, trb_error **err)
{
	if (session->state <= TRB_SESSION_BOOTED && session->request == NULL)
		return TRB_OK;
	return trb_fail(err, TRB_E_STATE, "the session was started already");
}

int trb_session_set_output_dirfd(trb_session *session, int dirfd, trb_error **err)
{
	int fd, r = need_unstarted(session, err);

	if (r < 0)
		return r;
	/* opened again, not duplicated: whatever dirfd was opened with, ours can be read */
	fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return trb_fail_errno(err, errno, "open the output directory");
	if (session->output >= 0)
		close(session->output);
	session->output = fd;
	return TRB_OK;
}

int trb_session_offer_content(trb_session *session, int dirfd, trb_error **err)
{
	int fd;

	if (session->state != TRB_SESSION_NEW)
		return trb_fail(err, TRB_E_STATE, "the session was booted already");
	fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return trb_fail_errno(err, errno, "open the directory of content");
	if (session->content.dir >= 0)
		close(session->content.dir);
	session->content.dir = fd;
	return TRB_OK;
}

int trb_session_set_credential(trb_session *session, trb_bytes token, trb_error **err)
{
	int r = need_unstarted(session, err);

	return r < 0 ? r : trb_session_keep_credential(session, token, err);
}

int trb_session_add_credential(trb_session *session, const char *prefix, trb_bytes token,
			       trb_error **err)
{
	int r = need_unstarted(session, err);

	return r < 0 ? r : trb_session_keep_credential_for(session, prefix, token, err);
}

int trb_session_allow_private(trb_session *session, const char *host, trb_error **err)
{
	static const char of_a_host[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					"0123456789-_.:";
	int r = need_unstarted(session, err);
	char *copy;

	if (r < 0)
		return r;
	if (host == NULL || host[0] == '\0' || strlen(host) > 253)
		return trb_fail(err, TRB_E_INVAL, "no host name");
	if (host[strspn(host, of_a_host)] != '\0')
		return trb_fail(err, TRB_E_INVAL, "'%s' is no host name or address", host);
	if (session->n_private == TRB_EGRESS_PRIVATE)
		return trb_fail(err, TRB_E_LIMIT, "at most %u hosts", TRB_EGRESS_PRIVATE);
	copy = strdup(host);
	if (copy == NULL)
		return trb_fail_nomem(err);
	session->private[session->n_private++] = copy;
	return TRB_OK;
}

int trb_session_set_source_limit(trb_session *session, const char *name, uint64_t value,
				 trb_error **err)
{
	struct trb_source_limits scratch = { 0 };
	const char *known = NULL;
	uint64_t ignored;
	size_t i = 0;
	int r = need_unstarted(session, err);

	if (r < 0)
		return r;
	if (name == NULL || trb_host_limit_fault(trb_bytes_str(name)) != NULL)
		return trb_fail(err, TRB_E_NOTFOUND, "source limit '%s': %s",
				name != NULL ? name : "", trb_host_limit_fault(TRB_BYTES_NULL));
	r = trb_source_limits_set(&scratch, trb_bytes_str(name), value, err);
	while (r == TRB_OK && (known == NULL || strcmp(known, name) != 0))
		known = trb_source_limits_get(&scratch, i++, &ignored);
	for (i = 0; r == TRB_OK && i < session->n_limits; i++)
		if (trb_bytes_eq_str(session->limits[i].name, name))
			break;
	if (r < 0)
		return r;
	session->limits[i] = (struct trb_limit){ trb_bytes_str(known), value };
	session->n_limits += i == session->n_limits;
	return TRB_OK;
}

int trb_session_set_timeout(trb_session *session, uint32_t seconds, trb_error **err)
{
	int r = need_unstarted(session, err);

	if (r == TRB_OK)
		session->timeout_s = seconds;
	return r;
}

/* For good: the enclave is killed now, not at close. */
static int fail(trb_session *session, int code)
{
	session->state = TRB_SESSION_FAILED;
	trb_session_teardown(session);
	trb_events_clear(&session->events);
	session->ops->kill(session->tee);
	return code;
}

static int take_request(trb_session *session, const trb_request *request, trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *encoded = NULL;
	size_t len;
	int r;

	if (request == NULL)
		return trb_fail(err, TRB_E_INVAL, "a session needs a request");
	r = trb_request_encode(request, &encoded, err);
	if (r < 0)
		return r;
	len = trb_blob_bytes(encoded).len;
	if (len > TRB_REQUEST_SENT)
		return trb_fail(err, TRB_E_LIMIT,
				"the request has %zu bytes, and the frame that carries it to the "
				"enclave has room for %u: the recipe must be at least %zu bytes "
				"shorter, or come from the tree",
				len, TRB_REQUEST_SENT, len - TRB_REQUEST_SENT);
	session->request = steal_ptr(&encoded);
	return TRB_OK;
}

int trb_session_boot(trb_session *session, trb_error **err)
{
	int r;

	if (session->state != TRB_SESSION_NEW)
		return trb_fail(err, TRB_E_STATE, "the session was booted already");
	r = trb_session_begin_boot(session, err);
	if (r == TRB_OK)
		return TRB_OK;
	trb_wrap(err, r, "start the enclave");
	return fail(session, r);
}

/* Waits for the backend. */
static int boot_now(trb_session *session, trb_error **err)
{
	struct pollfd p = { .events = POLLIN };
	int r = trb_session_begin_boot(session, err);

	p.fd = session->epoll;
	while (r == TRB_OK && session->state == TRB_SESSION_BOOTING) {
		r = trb_session_turn(session, err);
		if (r == TRB_E_AGAIN)
			r = poll(&p, 1, TRB_CANCEL_MS) < 0 && errno != EINTR
				    ? trb_fail_errno(err, errno, "wait for the enclave")
				    : TRB_OK;
	}
	return r;
}

int trb_session_start(trb_session *session, trb_request *request, trb_error **err)
{
	int r = need_unstarted(session, err);

	if (r == TRB_OK)
		r = take_request(session, request, err);
	if (r < 0)
		return r;
	if (session->state == TRB_SESSION_NEW)
		r = boot_now(session, err);
	else if (session->state == TRB_SESSION_BOOTED)
		r = trb_session_run_request(session, err);
	if (r == TRB_OK)
		return TRB_OK;
	trb_wrap(err, r, "start the enclave");
	return fail(session, r);
}

int trb_session_get_fd(trb_session *session)
{
	return session->epoll;
}

static int run(trb_session *session, trb_event **ret_event, trb_error **err)
{
	for (int i = 0; i < TURNS_MAX; i++) {
		int r;

		*ret_event = trb_events_take(&session->events);
		if (*ret_event != NULL)
			return TRB_OK;
		r = trb_session_turn(session, err);
		if (r == TRB_E_AGAIN)
			return TRB_E_AGAIN;
		if (r < 0)
			return fail(session, r);
		if (session->state == TRB_SESSION_FINISHED)
			trb_session_teardown(session);
	}
	return TRB_E_AGAIN;
}

int trb_session_next_event(trb_session *session, trb_event **ret_event, trb_error **err)
{
	trb_event *event = NULL;
	int r = TRB_OK;

	switch (session->state) {
	case TRB_SESSION_BOOTING:
	case TRB_SESSION_BOOTED:
	case TRB_SESSION_RUNNING:
		r = run(session, &event, err);
		break;
	case TRB_SESSION_FINISHED:
		event = trb_events_take(&session->events);
		if (event == NULL)
			return TRB_E_DONE;
		break;
	case TRB_SESSION_FAILED:
		return trb_fail(err, TRB_E_STATE, "the session has failed before");
	default:
		return trb_fail(err, TRB_E_STATE, "the session is not running");
	}
	if (r == TRB_OK)
		*ret_event = event;
	return r;
}

void trb_session_cancel(trb_session *session)
{
	static const uint64_t one = 1;

	if (session == NULL)
		return;
	atomic_store(&session->canceled, true);
	if (write(session->cancel, &one, sizeof(one)) < 0)
		return; /* the counter is full: it is readable already */
}

static int wait_event(trb_session *session, trb_event **ret, trb_error **err)
{
	struct pollfd p = { .fd = session->epoll, .events = POLLIN };
	int r;

	while ((r = trb_session_next_event(session, ret, err)) == TRB_E_AGAIN)
		if (poll(&p, 1, -1) < 0 && errno != EINTR)
			return trb_fail_errno(err, errno, "wait for the enclave");
	return r;
}

int trb_session_build(trb_session *session, trb_request *request, trb_bundle **ret_bundle,
		      trb_error **err)
{
	trb_bundle *bundle = NULL;
	int r = trb_session_start(session, request, err);

	while (r == TRB_OK) {
		_cleanup_(trb_event_unrefp) trb_event *event = NULL;

		r = wait_event(session, &event, err);
		if (r < 0)
			break;
		trb_event_tell(session->context, event);
		if (trb_event_get_bundle(event) != NULL && bundle == NULL)
			bundle = trb_bundle_ref(trb_event_get_bundle(event));
	}
	if (r != TRB_E_DONE || bundle == NULL) {
		trb_bundle_unref(bundle);
		return r == TRB_E_DONE ? trb_fail(err, TRB_E_IO, "a session without a result") : r;
	}
	*ret_bundle = bundle;
	return TRB_OK;
}

int trb_session_close(trb_session *session, trb_error **err)
{
	int r = TRB_OK;

	if (session == NULL || session->state == TRB_SESSION_CLOSED)
		return TRB_OK;
	session->state = TRB_SESSION_CLOSED;
	trb_session_teardown(session);
	trb_events_clear(&session->events);
	if (session->tee != NULL)
		r = session->ops->close(session->tee, err);
	session->tee = NULL;
	return r;
}
