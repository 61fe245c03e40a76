/* SPDX-License-Identifier: Apache-2.0 */
/* What a session's boot and its loop share: its set of descriptors, its clock, its control stream.
 */
#include "host/session.h"

#include <sys/epoll.h>
#include <sys/timerfd.h>

#include <openssl/crypto.h>

#include "host/tee/ops.h"

int trb_session_watch(struct trb_session *session, int fd, trb_error **err)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	if (fd < 0 || epoll_ctl(session->epoll, EPOLL_CTL_ADD, fd, &event) == 0)
		return TRB_OK;
	return trb_fail_errno(err, errno, "watch a descriptor");
}

int trb_session_arm_timer(struct trb_session *session, uint32_t seconds, trb_error **err)
{
	struct itimerspec when = { .it_value.tv_sec = seconds };

	if (timerfd_settime(session->timer, 0, &when, NULL) < 0)
		return trb_fail_errno(err, errno, "set the session's time limit");
	return TRB_OK;
}

int trb_session_send(struct trb_session *session, const struct trb_control *msg, trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *frame = NULL;
	int r = trb_control_encode(msg, &frame, err);

	if (r == TRB_OK)
		r = trb_send_frame_now(session->control, trb_blob_bytes(frame), err);
	if (frame != NULL && msg->type == TRB_MSG_CREDENTIAL)
		OPENSSL_cleanse((void *)(uintptr_t)trb_blob_bytes(frame).ptr,
				trb_blob_bytes(frame).len);
	return r;
}

static int send_credentials(struct trb_session *session, trb_error **err)
{
	struct trb_session_secret all[TRB_CREDENTIALS] = { 0 };
	size_t n = trb_session_list_credentials(session, all);
	int r = TRB_OK;

	for (size_t i = 0; r == TRB_OK && i < n; i++) {
		struct trb_control msg = { .type = TRB_MSG_CREDENTIAL };

		msg.u.credential.prefix = all[i].prefix;
		msg.u.credential.token = all[i].token;
		r = trb_session_send(session, &msg, err);
	}
	trb_session_wipe_credentials(session);
	return r;
}

int trb_session_send_request(struct trb_session *session, trb_error **err)
{
	struct trb_control msg;
	int r = send_credentials(session, err);

	if (r == TRB_OK && session->n_limits > 0) {
		msg = (struct trb_control){ .type = TRB_MSG_LIMITS,
					    .u.limits.n = session->n_limits };
		memcpy(msg.u.limits.limits, session->limits, sizeof(session->limits));
		r = trb_session_send(session, &msg, err);
	}
	msg = (struct trb_control){ .type = TRB_MSG_REQUEST };
	msg.u.bytes = trb_blob_bytes(session->request);
	if (r == TRB_OK)
		r = trb_session_send(session, &msg, err);
	return r == TRB_OK ? trb_session_arm_timer(session, session->timeout_s, err) : r;
}

int trb_session_get_assurance(const trb_session *session)
{
	return TRB_TEE_HAS(session->ops, assurance) ? session->ops->assurance : 0;
}
