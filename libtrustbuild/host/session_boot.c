/* SPDX-License-Identifier: Apache-2.0 */
/* From a backend to an enclave that has its request. */
#include "host/session.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#include <trustbuild/attestation.h>

#include "core/context.h"
#include "core/state.h"
#include "host/tee/ops.h"

#define BOOT_SECONDS 60

static int watch_nonblock(struct trb_session *session, int fd, trb_error **err)
{
	int flags = fd >= 0 ? fcntl(fd, F_GETFL) : 0;

	if (fd >= 0 && (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0))
		return trb_fail_errno(err, errno, "set a descriptor up");
	return trb_session_watch(session, fd, err);
}

static int start_nsm(struct trb_session *session, trb_error **err)
{
	const char *state_dir;
	int r;

	if (session->run.nsm_fd < 0)
		return TRB_OK;
	if (trb_session_get_assurance(session) == TRB_ASSURANCE_HARDWARE)
		return trb_fail(err, TRB_E_STATE,
				"backend '%s' says that its enclaves are hardware's, and asks for "
				"a software NSM",
				session->ops->name);
	r = trb_state_open(session->context, &state_dir, err);
	return r < 0 ? r
		     : trb_softnsm_new(state_dir, (const uint8_t(*)[48])session->run.pcrs,
				       &session->nsm.nsm, err);
}

static int watch_all(struct trb_session *session, trb_error **err)
{
	const int fds[] = { session->run.control_fd, session->run.nsm_fd, session->run.console_fd,
			    session->run.content_fd };
	int r = trb_session_watch(session, session->run.end_fd, err);

	for (size_t i = 0; r == TRB_OK && i < sizeof(fds) / sizeof(fds[0]); i++)
		r = watch_nonblock(session, fds[i], err);
	return r;
}

/* The backend has started it. */
static int booted(struct trb_session *session, trb_error **err)
{
	const struct trb_commit none = { 0 };
	int r;

	session->booting = -1;
	trb_reader_init(&session->reader, TRB_FRAME_MAX);
	trb_ratchet_init(&session->ratchet, &none);
	r = start_nsm(session, err);
	if (r == TRB_OK)
		r = watch_all(session, err);
	if (r == TRB_OK)
		r = trb_session_arm_timer(session, BOOT_SECONDS, err);
	if (r < 0)
		return r;
	session->state = TRB_SESSION_BOOTED;
	return session->request != NULL ? trb_session_run_request(session, err) : TRB_OK;
}

static int open_descriptors(struct trb_session *session, trb_error **err)
{
	int r;

	session->epoll = epoll_create1(EPOLL_CLOEXEC);
	session->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (session->epoll < 0 || session->timer < 0)
		return trb_fail_errno(err, errno, "make the session's descriptors");
	r = trb_session_watch(session, session->cancel, err);
	return r == TRB_OK ? trb_session_watch(session, session->timer, err) : r;
}

int trb_session_begin_boot(struct trb_session *session, trb_error **err)
{
	int fd = -1, r = open_descriptors(session, err);

	if (r < 0)
		return r;
	session->state = TRB_SESSION_BOOTING;
	if (!trb_tee_has_steps(session->ops)) {
		r = session->ops->boot(session->tee, &session->run, err);
		return r == TRB_OK ? booted(session, err) : r;
	}
	r = session->ops->begin(session->tee, &fd, err);
	if (r == TRB_OK)
		r = trb_session_watch(session, fd, err);
	if (r == TRB_OK)
		session->booting = fd;
	return r;
}

int trb_session_step_boot(struct trb_session *session, trb_error **err)
{
	int r = trb_check_canceled(session->context, err);

	if (r == TRB_OK)
		r = session->ops->step(session->tee, &session->run, err);
	if (r < 0)
		return r;
	if (session->booting >= 0)
		epoll_ctl(session->epoll, EPOLL_CTL_DEL, session->booting, NULL);
	return booted(session, err);
}

/* What the proxy takes its connections from: the listening socket, or, where the backend alone
 * knows which of them are this enclave's, a socket over which the session hands them on. */
static int connections(struct trb_session *session, int *ret_fd, trb_error **err)
{
	int pair[2];

	if (!TRB_TEE_HAS(session->ops, accept)) {
		*ret_fd = steal_fd(&session->run.egress_fd);
		return TRB_OK;
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return trb_fail_errno(err, errno, "set the way to the proxy up");
	session->egress_pass = pair[0];
	*ret_fd = pair[1];
	return watch_nonblock(session, session->run.egress_fd, err);
}

static int spawn_egress(struct trb_session *session, trb_bytes url, trb_error **err)
{
	_cleanup_close_ int from = -1;
	int r = connections(session, &from, err);

	return r < 0 ? r : trb_session_start_egress(session, url, from, err);
}

int trb_session_run_request(struct trb_session *session, trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *owner = NULL;
	struct trb_request_facts facts;
	int r = trb_request_facts_decode(trb_blob_bytes(session->request), &facts, &owner, err);

	if (r < 0)
		return r;
	r = trb_ratchet_ask(&session->ratchet, &facts, err);
	if (r == TRB_OK)
		r = trb_intake_new(session->output, &session->intake, err);
	if (r == TRB_OK)
		r = watch_nonblock(session, session->run.artifact_fd, err);
	if (r == TRB_OK && session->run.egress_fd >= 0)
		r = spawn_egress(session, facts.repository, err);
	if (r == TRB_OK && session->proxy_log >= 0)
		r = trb_session_watch(session, session->proxy_log, err);
	if (r == TRB_OK && session->ready)
		r = trb_session_send_request(session, err);
	if (r == TRB_OK)
		session->state = TRB_SESSION_RUNNING;
	return r;
}
