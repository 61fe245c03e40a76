/* SPDX-License-Identifier: Apache-2.0 */
/* The control stream: what the host may say, and when; what it is told; waiting meanwhile. */
#include "enclave/talk.h"

#include <openssl/crypto.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#include "core/channel.h"
#include "core/clock.h"
#include "format/request.h"

#define HELLO_WAIT_MS 30000
#define FRAME_WAIT_MS 10000 /* for the rest of a frame that has begun */
#define FAREWELL_MS   2000

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

int trb_enclave_poll(struct trb_enclave *e, int fd, short events, int timeout_ms, trb_error **err)
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
		r = trb_enclave_poll(e, fd, events, trb_deadline_left(deadline), err);
		if (r != TRB_E_AGAIN)
			return r;
	} while (trb_deadline_left(deadline) > 0);
	return fd < 0 ? TRB_OK : trb_fail(err, TRB_E_TIMEOUT, "the host takes too long");
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

/* --- first and last words --- */

int trb_enclave_hello(struct trb_enclave *e, trb_error **err)
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

void trb_enclave_tell_failure(const struct trb_enclave *e, int code, const trb_error *error)
{
	struct trb_control msg = { .type = TRB_MSG_ERROR };
	_cleanup_(trb_blob_unrefp) trb_blob *first = NULL, *second = NULL;
	const char *check = trb_error_check(error);
	char text[TRB_CONTROL_TEXT];

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

void trb_enclave_linger(const struct trb_enclave *e)
{
	int64_t deadline = trb_deadline(FAREWELL_MS);
	uint8_t rest[4096];

	if (e->control < 0 || shutdown(e->control, SHUT_WR) < 0)
		return;
	while (trb_wait_fd(e->control, POLLIN, deadline, NULL) == TRB_OK &&
	       read(e->control, rest, sizeof(rest)) > 0)
		;
}
