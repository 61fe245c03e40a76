/* SPDX-License-Identifier: Apache-2.0 */
/* The ratchet: one build, in one order, watched by one loop (docs/spec/channel.md). */
#include "enclave/client.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "core/channel.h"
#include "core/clock.h"
#include "core/context.h"
#include "core/io.h"
#include "format/request.h"

#define HELLO_WAIT_MS 30000
#define FRAME_WAIT_MS 10000 /* for the rest of a frame that has begun */
#define FAREWELL_MS   2000
#define STEP_WAIT_MS  1000 /* stages with a clock of their own want to be asked */

/* --- the ratchet: states, what leads into each, what is waited for in it --- */

struct stage {
	enum trb_enclave_state from, state;
	int (*enter)(struct trb_enclave *e, trb_error **err); /* the way into it */
	int (*get_fd)(const struct trb_enclave *e);           /* what is polled in it, or NULL */
	int (*step)(struct trb_enclave *e, trb_error **err);  /* TRB_E_AGAIN: not over */
};

static int fd_source(const struct trb_enclave *e)
{
	return trb_source_get_fd(e->source);
}

static int fd_build(const struct trb_enclave *e)
{
	return trb_build_get_fd(e->build);
}

static int fd_after(const struct trb_enclave *e)
{
	return e->after != NULL ? trb_build_get_fd(e->after) : -1;
}

static int step_request(struct trb_enclave *e, trb_error **err)
{
	(void)err;
	return e->request != NULL ? TRB_OK : TRB_E_AGAIN;
}

static int step_source(struct trb_enclave *e, trb_error **err)
{
	return trb_source_step(e->source, err);
}

static int step_build(struct trb_enclave *e, trb_error **err)
{
	return trb_build_step(e->build, err);
}

static int step_after(struct trb_enclave *e, trb_error **err)
{
	return e->after != NULL ? trb_build_step(e->after, err) : TRB_OK;
}

/* The order of the rows is the only order there is; TRB_STATE_FAILED is where every other way
 * leads, and nothing leads out of it. */
static const struct stage stages[] = {
	{ TRB_STATE_READY, TRB_STATE_READY, NULL, NULL, step_request },
	{ TRB_STATE_READY, TRB_STATE_FETCHING, trb_enclave_fetch, fd_source, step_source },
	{ TRB_STATE_FETCHING, TRB_STATE_COMMITTED, trb_enclave_commit, NULL, NULL },
	{ TRB_STATE_COMMITTED, TRB_STATE_BUILDING, trb_enclave_build, fd_build, step_build },
	{ TRB_STATE_BUILDING, TRB_STATE_BUILT, trb_enclave_collect, NULL, NULL },
	{ TRB_STATE_BUILT, TRB_STATE_ATTESTED, trb_enclave_attest, NULL, NULL },
	{ TRB_STATE_ATTESTED, TRB_STATE_ATTESTED, trb_enclave_after, fd_after, step_after },
	{ TRB_STATE_ATTESTED, TRB_STATE_DONE, trb_enclave_deliver, NULL, NULL },
};

static int announce(struct trb_enclave *e, trb_error **err)
{
	struct trb_control msg = { .type = TRB_MSG_STATE };

	msg.u.state.state = e->state;
	if (e->state == TRB_STATE_READY)
		msg.u.state.machine = trb_machine_view(&e->machine);
	if (e->state == TRB_STATE_COMMITTED) {
		msg.u.state.commit = e->facts.commit;
		msg.u.state.history = trb_source_get_result(e->source)->history;
		msg.u.state.location = trb_bytes_str(trb_source_get_location(e->source));
	}
	return trb_enclave_send(e, &msg, err);
}

/* The only place where the state changes to anything but FAILED. */
static int enter(struct trb_enclave *e, const struct stage *to, trb_error **err)
{
	int r = TRB_OK;

	if (e->state != to->from)
		return trb_fail(err, TRB_E_STATE, "%s does not follow %s",
				trb_enclave_state_name(to->state),
				trb_enclave_state_name(e->state));
	/* what the host has said so far counts before anything new begins */
	r = trb_enclave_wait(e, -1, 0, err);
	if (r == TRB_OK && to->enter != NULL)
		r = to->enter(e, err);
	if (r < 0)
		return r;
	if (to != stages && to->state == to->from)
		return TRB_OK; /* a second part of the same state */
	e->state = to->state;
	return announce(e, err);
}

/* --- what the host may say, and when --- */

static int take_credential(struct trb_enclave *e, const struct trb_control *msg, trb_error **err)
{
	struct trb_enclave_credential *next = &e->credentials[e->n_credentials];
	int r;

	/* until the loop takes its next turn, the state is READY behind a request, too */
	if (e->n_credentials == TRB_CREDENTIALS || e->request != NULL)
		return trb_fail_check(err, TRB_E_STATE, "channel.order",
				      "more than %u credentials, or one behind the request",
				      TRB_CREDENTIALS);
	for (size_t i = 0; i < e->n_credentials; i++)
		if (trb_bytes_eq(trb_blob_bytes(e->credentials[i].prefix),
				 msg->u.credential.prefix))
			return trb_fail_check(err, TRB_E_STATE, "channel.order",
					      "a second credential for the same URL");
	r = trb_blob_new(msg->u.credential.prefix, &next->prefix, err);
	if (r == TRB_OK)
		r = trb_blob_new(msg->u.credential.token, &next->token, err);
	e->n_credentials++; /* also half of one: it is wiped at the end */
	return r;
}

static int take_limits(struct trb_enclave *e, const struct trb_control *msg, trb_error **err)
{
	int r = TRB_OK;

	if (e->limited || e->request != NULL)
		return trb_fail_check(err, TRB_E_STATE, "channel.order",
				      "a second list of limits, or one behind the request");
	e->limited = true;
	for (size_t i = 0; r == TRB_OK && i < msg->u.limits.n; i++)
		r = trb_source_limits_set(&e->limits, msg->u.limits.limits[i].name,
					  msg->u.limits.limits[i].value, err);
	return r;
}

static int take_request(struct trb_enclave *e, const struct trb_control *msg, trb_error **err)
{
	int r;

	if (e->request != NULL)
		return trb_fail_check(err, TRB_E_STATE, "channel.order", "a second request");
	r = trb_blob_new(msg->u.bytes, &e->request_bytes, err);
	if (r == TRB_OK)
		r = trb_request_parse(trb_blob_bytes(e->request_bytes), &e->request, err);
	if (r == TRB_OK)
		e->facts = trb_request_view(e->request);
	return r;
}

static int take_cancel(struct trb_enclave *e, const struct trb_control *msg, trb_error **err)
{
	(void)e;
	(void)msg;
	return trb_fail(err, TRB_E_CANCELED, "the host canceled");
}

#define ANY_STATE -1

static const struct {
	int state;
	enum trb_control_type type;
	int (*take)(struct trb_enclave *e, const struct trb_control *msg, trb_error **err);
} accepted[] = {
	{ TRB_STATE_READY, TRB_MSG_CREDENTIAL, take_credential },
	{ TRB_STATE_READY, TRB_MSG_LIMITS, take_limits },
	{ TRB_STATE_READY, TRB_MSG_REQUEST, take_request },
	{ ANY_STATE, TRB_MSG_CANCEL, take_cancel },
};

static int dispatch(struct trb_enclave *e, const struct trb_control *msg, trb_error **err)
{
	for (size_t i = 0; i < sizeof(accepted) / sizeof(accepted[0]); i++)
		if (accepted[i].type == msg->type &&
		    (accepted[i].state == ANY_STATE || accepted[i].state == (int)e->state))
			return accepted[i].take(e, msg, err);
	return trb_fail_check(err, TRB_E_STATE, "channel.order",
			      "the host sends message %d in state %s", (int)msg->type,
			      trb_enclave_state_name(e->state));
}

/* Credentials pass through here: what held them is wiped. */
static void wipe_bytes(trb_bytes bytes)
{
	if (bytes.len > 0)
		OPENSSL_cleanse((void *)(uintptr_t)bytes.ptr, bytes.len);
}

trb_blob *trb_enclave_wipe(trb_blob *blob)
{
	wipe_bytes(trb_blob_bytes(blob));
	return trb_blob_unref(blob);
}

void trb_enclave_forget_credentials(struct trb_enclave *e)
{
	for (size_t i = 0; i < e->n_credentials; i++) {
		trb_enclave_wipe(e->credentials[i].token);
		trb_blob_unref(e->credentials[i].prefix);
	}
	e->n_credentials = 0;
}

static int receive(struct trb_enclave *e, int timeout_ms, struct trb_control *ret,
		   trb_blob **ret_frame, trb_blob **ret_owner, trb_error **err)
{
	trb_blob *frame = NULL;
	int r = trb_frame_recv(e->control, TRB_FRAME_MAX, timeout_ms, &frame, err);

	if (r == TRB_E_DONE)
		return trb_wrap(err, TRB_E_IO, "the host went away");
	if (r == TRB_OK)
		r = trb_control_decode(trb_blob_bytes(frame), ret, ret_owner, err);
	if (r < 0) {
		trb_enclave_wipe(frame);
		return trb_wrap(err, r, "a message of the host");
	}
	*ret_frame = frame;
	return TRB_OK;
}

static int take_message(struct trb_enclave *e, trb_error **err)
{
	trb_blob *frame = NULL, *owner = NULL;
	struct trb_control msg;
	int r = receive(e, FRAME_WAIT_MS, &msg, &frame, &owner, err);

	if (r < 0)
		return r;
	r = dispatch(e, &msg, err);
	if (msg.type == TRB_MSG_CREDENTIAL)
		wipe_bytes(msg.u.credential.token); /* the decoder's copy, which owner holds */
	trb_enclave_wipe(owner);
	trb_enclave_wipe(frame);
	return r;
}

/* --- the loop --- */

/* Polls the control stream and fd once: TRB_OK where fd is ready, TRB_E_AGAIN where not. */
static int poll_once(struct trb_enclave *e, int fd, short events, int timeout_ms, trb_error **err)
{
	struct pollfd p[2] = { { .fd = e->control, .events = POLLIN },
			       { .fd = fd, .events = events } };
	int n = poll(p, 2, timeout_ms), r = TRB_OK;

	if (n < 0 && errno != EINTR)
		return trb_fail_errno(err, errno, "poll");
	if (n > 0 && p[0].revents != 0)
		r = take_message(e, err);
	if (r < 0)
		return r;
	return n > 0 && p[1].revents != 0 ? TRB_OK : TRB_E_AGAIN;
}

int trb_enclave_wait(struct trb_enclave *e, int fd, short events, trb_error **err)
{
	int64_t deadline = trb_deadline(fd < 0 ? 0 : TRB_ENCLAVE_WAIT_MS);
	int r;

	do {
		r = poll_once(e, fd, events, trb_deadline_left(deadline), err);
		if (r != TRB_E_AGAIN)
			return r;
	} while (trb_deadline_left(deadline) > 0);
	return fd < 0 ? TRB_OK : trb_fail(err, TRB_E_TIMEOUT, "the host takes too long");
}

/* A step that only says "again" leaves no error behind. */
static int take_step(struct trb_enclave *e, const struct stage *stage, trb_error **err)
{
	trb_error *why = NULL;
	int r = stage->step(e, &why);

	if (r == TRB_OK || r == TRB_E_AGAIN || err == NULL || *err != NULL)
		trb_error_unref(why);
	else
		*err = why;
	return r;
}

static int stay(struct trb_enclave *e, const struct stage *stage, trb_error **err)
{
	int r;

	while (stage->step != NULL && (r = take_step(e, stage, err)) != TRB_OK) {
		if (r != TRB_E_AGAIN)
			return r;
		r = poll_once(e, stage->get_fd != NULL ? stage->get_fd(e) : -1, POLLIN,
			      stage->get_fd != NULL ? STEP_WAIT_MS : -1, err);
		if (r < 0 && r != TRB_E_AGAIN)
			return r;
	}
	return TRB_OK;
}

static int run(struct trb_enclave *e, trb_error **err)
{
	int r = TRB_OK;

	for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]) && r == TRB_OK; i++) {
		r = enter(e, &stages[i], err);
		if (r == TRB_OK)
			r = stay(e, &stages[i], err);
	}
	return r;
}

int trb_enclave_send(struct trb_enclave *e, const struct trb_control *msg, trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *bytes = NULL;
	int r = trb_control_encode(msg, &bytes, err);

	if (r == TRB_OK)
		r = trb_frame_send(e->control, trb_blob_bytes(bytes), TRB_FRAME_MAX,
				   TRB_ENCLAVE_WAIT_MS, err);
	return r;
}

/* --- begin and end --- */

static int say_hello(struct trb_enclave *e, trb_error **err)
{
	struct trb_control msg = { .type = TRB_MSG_HELLO, .u.version = TRB_CONTROL_VERSION };
	_cleanup_(trb_blob_unrefp) trb_blob *frame = NULL, *owner = NULL;
	int r = trb_stream_connect(e->transport, TRB_PORT_CONTROL, HELLO_WAIT_MS, &e->control, err);

	if (r == TRB_OK)
		r = trb_enclave_send(e, &msg, err);
	if (r == TRB_OK)
		r = receive(e, HELLO_WAIT_MS, &msg, &frame, &owner, err);
	if (r < 0)
		return r;
	if (msg.type != TRB_MSG_HELLO || msg.u.version != TRB_CONTROL_VERSION)
		return trb_fail_check(err, TRB_E_STATE, "channel.version",
				      "the host does not speak version %u of the channel",
				      TRB_CONTROL_VERSION);
	return TRB_OK;
}

/* The message and its causes in one line, cut where the channel cuts. */
static size_t describe(const trb_error *error, char text[TRB_CONTROL_TEXT])
{
	size_t len = 0;

	for (; error != NULL && len + 1 < TRB_CONTROL_TEXT; error = trb_error_cause(error)) {
		int n = snprintf(text + len, TRB_CONTROL_TEXT - len, "%s%s", len > 0 ? ": " : "",
				 trb_error_message(error));

		len += n > 0 ? (size_t)n : 0;
	}
	return len < TRB_CONTROL_TEXT ? len : TRB_CONTROL_TEXT - 1;
}

/* For good.  The host is told once, and may be gone. */
static void fail(struct trb_enclave *e, int code, const trb_error *error)
{
	struct trb_control msg = { .type = TRB_MSG_ERROR };
	_cleanup_(trb_blob_unrefp) trb_blob *first = NULL, *second = NULL;
	const char *check = trb_error_check(error);
	char text[TRB_CONTROL_TEXT];

	e->state = TRB_STATE_FAILED;
	if (e->control < 0)
		return;
	msg.u.error.code = code;
	msg.u.error.check = trb_bytes_str(check);
	msg.u.error.text = TRB_BYTES(text, describe(error, text));
	if (trb_control_encode(&msg, &first, NULL) < 0 ||
	    trb_frame_send(e->control, trb_blob_bytes(first), TRB_FRAME_MAX, FAREWELL_MS, NULL) < 0)
		return;
	msg = (struct trb_control){ .type = TRB_MSG_STATE };
	msg.u.state.state = TRB_STATE_FAILED;
	if (trb_control_encode(&msg, &second, NULL) == TRB_OK)
		trb_frame_send(e->control, trb_blob_bytes(second), TRB_FRAME_MAX, FAREWELL_MS,
			       NULL);
}

/* An enclave that ends at once may take its last bytes with it: the host closes first. */
static void linger(struct trb_enclave *e)
{
	int64_t deadline = trb_deadline(FAREWELL_MS);
	uint8_t rest[4096];

	if (e->control < 0 || shutdown(e->control, SHUT_WR) < 0)
		return;
	while (trb_wait_fd(e->control, POLLIN, deadline, NULL) == TRB_OK &&
	       read(e->control, rest, sizeof(rest)) > 0)
		;
}

static int read_conf(struct trb_enclave *e, const char *conf, trb_error **err)
{
	static const char *const keys[] = { "transport", "nsm",           "work",
					    "rootfs",    "rootfs_digest", "ca",
					    "pool",      "mounted",       NULL };
	int r = trb_conf_parse(conf, keys, &e->conf, err);

	if (r < 0)
		return r;
	e->transport = trb_conf_get(e->conf, "transport", "vsock:3");
	e->nsm_name = trb_conf_get(e->conf, "nsm", TRB_NSM_DEVICE);
	e->work = trb_conf_get(e->conf, "work", "/tmp/trustbuild");
	e->rootfs = trb_conf_get(e->conf, "rootfs", "/rootfs.erofs");
	e->rootfs_digest = trb_conf_get(e->conf, "rootfs_digest", "/etc/trustbuild/rootfs.sha256");
	e->ca = trb_conf_get(e->conf, "ca", "/etc/ssl/certs/ca-certificates.crt");
	e->pool = trb_conf_get(e->conf, "pool", "/dev/urandom");
	e->mounted = trb_conf_get(e->conf, "mounted", NULL);
	if (e->work[0] != '/' || e->rootfs[0] != '/')
		return trb_fail(err, TRB_E_INVAL, "work and rootfs are absolute paths");
	return TRB_OK;
}

static int make_work(struct trb_enclave *e, trb_error **err)
{
	/* one build each: what another left is no place to begin */
	if (mkdir(e->work, 0755) < 0)
		return trb_fail_errno(err, errno, "make '%s'", e->work);
	e->made_work = true;
	if (asprintf(&e->tree_dir, "%s/tree", e->work) < 0 ||
	    asprintf(&e->sandbox_dir, "%s/sandbox", e->work) < 0)
		return trb_fail_nomem(err);
	if (mkdir(e->tree_dir, 0755) < 0 || mkdir(e->sandbox_dir, 0755) < 0)
		return trb_fail_errno(err, errno, "make directories in '%s'", e->work);
	return TRB_OK;
}

static void close_all(struct trb_enclave *e)
{
	struct trb_evidence *ev = &e->evidence;
	trb_blob *blobs[] = { ev->environment, ev->artifacts, ev->statement,   ev->attestation,
			      ev->signature,   ev->materials, e->request_bytes };

	trb_build_unref(e->after);
	trb_build_unref(e->build);
	trb_source_unref(e->source);
	trb_request_unref(e->request);
	trb_child_kill(&e->hasher);
	if (e->hasher_out >= 0)
		close(e->hasher_out);
	trb_nsm_free(e->nsm);
	trb_enclave_forget_credentials(e);
	for (size_t i = 0; i < sizeof(blobs) / sizeof(blobs[0]); i++)
		trb_blob_unref(blobs[i]);
	if (e->control >= 0)
		close(e->control);
	if (e->made_work)
		trb_remove_tree(AT_FDCWD, e->work, NULL);
	free(e->tree_dir);
	free(e->sandbox_dir);
	trb_conf_free(e->conf);
}

int trb_enclave_serve(trb_context *context, const char *conf, trb_error **err)
{
	struct trb_enclave e = {
		.context = context,
		.control = -1,
		.hasher = TRB_CHILD_NONE,
		.hasher_out = -1,
		.state = TRB_STATE_READY,
	};
	trb_error *why = NULL;
	int r;

	if (context == NULL)
		return trb_fail(err, TRB_E_INVAL, "no context");
	r = trb_context_check_release(context, err);
	if (r < 0)
		return r;
	trb_source_limits_default(&e.limits);
	r = read_conf(&e, conf, &why);
	if (r == TRB_OK)
		r = say_hello(&e, &why);
	if (r == TRB_OK)
		r = make_work(&e, &why);
	if (r == TRB_OK)
		r = trb_enclave_boot(&e, &why);
	if (r == TRB_OK)
		r = run(&e, &why);
	if (r < 0)
		fail(&e, r, why);
	linger(&e);
	close_all(&e);
	if (r < 0 && err != NULL)
		*err = why;
	else
		trb_error_unref(why);
	return r;
}
