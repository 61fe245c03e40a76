/* SPDX-License-Identifier: Apache-2.0 */
/* The session's loop.  All descriptors sit in one epoll set, which is what the caller polls. */
#include "host/session.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "core/channel.h"
#include "core/context.h"
#include "format/bundle.h"
#include "host/result.h"
#include "host/tee/ops.h"

#define BATCH        32
#define EGRESS_MS    1000 /* it ends by itself, with its connections */
#define LAST_READS   64
#define LAST_WORD_MS 1000 /* between the end of the control stream and that of the enclave */

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(steal_fd(fd));
}

static void log_byte(struct trb_session *session, struct trb_line *line, int level,
		     const char *what, char c)
{
	if (c != '\n' && line->len < sizeof(line->text) - 1)
		line->text[line->len++] = c;
	if (c != '\n' && line->len < sizeof(line->text) - 1)
		return;
	if (line->len > 0)
		line->text[line->len] = '\0';
	if (line->len > 0)
		trb_tell(session->context, level, "%s%s", what, line->text);
	line->len = 0;
}

/* Console and proxy decide nothing; they are for whoever looks for a fault.  False where nothing
 * was read. */
static bool take_lines(struct trb_session *session, int *fd, struct trb_line *line, int level,
		       const char *what)
{
	char buf[4096];
	ssize_t got = read(*fd, buf, sizeof(buf));

	if (got == 0)
		close_fd(fd); /* which takes it out of the set, too */
	for (ssize_t i = 0; i < got; i++)
		log_byte(session, line, level, what, buf[i]);
	return got > 0;
}

static bool take_console(struct trb_session *session)
{
	return take_lines(session, &session->run.console_fd, &session->console_line, TRB_LOG_DEBUG,
			  "console: ");
}

static bool take_proxy_log(struct trb_session *session)
{
	return take_lines(session, &session->proxy_log, &session->proxy_line, TRB_LOG_NOTICE, "");
}

/* What was said before the end may explain it. */
static void take_last_words(struct trb_session *session)
{
	for (int i = 0; i < LAST_READS && session->run.console_fd >= 0 && take_console(session);
	     i++)
		;
	for (int i = 0; i < LAST_READS && session->proxy_log >= 0 && take_proxy_log(session); i++)
		;
}

void trb_session_teardown(struct trb_session *session)
{
	int status;

	take_last_words(session);
	close_fd(&session->egress_lifeline);
	close_fd(&session->egress_pass);
	if (session->egress.pid > 0)
		trb_child_wait(&session->egress, EGRESS_MS, &status, NULL);
	trb_child_kill(&session->egress);
	close_fd(&session->proxy_log);
	close_fd(&session->control);
	close_fd(&session->run.control_fd);
	close_fd(&session->run.egress_fd);
	close_fd(&session->run.nsm_fd);
	close_fd(&session->run.artifact_fd);
	close_fd(&session->run.console_fd);
	close_fd(&session->run.content_fd);
	trb_nsm_server_clear(&session->nsm);
	trb_content_clear(&session->content);
	session->intake = trb_intake_free(session->intake);
	trb_reader_clear(&session->reader);
	trb_ratchet_clear(&session->ratchet);
}

static int finish(struct trb_session *session, trb_error **err)
{
	_cleanup_(trb_bundle_unrefp) trb_bundle *bundle = NULL;
	struct trb_event *event;
	int r = trb_result_check(&session->ratchet, trb_blob_bytes(session->request),
				 (const uint8_t(*)[48])session->run.pcrs, session->intake, &bundle,
				 err);

	if (r < 0)
		return r;
	/* before the files get their names: afterwards nothing may fail */
	event = trb_events_add(&session->events, TRB_EVENT_BUNDLE, TRB_BYTES_NULL);
	if (event == NULL)
		return trb_fail_nomem(err);
	event->bundle = steal_ptr(&bundle);
	r = session->keep ? trb_intake_keep(session->intake, &session->events, err)
			  : trb_intake_install(session->intake, &session->events, err);
	if (r == TRB_OK)
		session->state = TRB_SESSION_FINISHED;
	return r;
}

/* The enclave has booted; without a request it waits, for as long as the caller likes. */
static int take_ready(struct trb_session *session, trb_error **err)
{
	session->ready = true;
	return session->state == TRB_SESSION_RUNNING ? trb_session_send_request(session, err)
						     : trb_session_arm_timer(session, 0, err);
}

static int act(struct trb_session *session, enum trb_ratchet_do what, trb_error **err)
{
	struct trb_control hello = { .type = TRB_MSG_HELLO, .u.version = TRB_CONTROL_VERSION };

	switch (what) {
	case TRB_DO_NOTHING:
		break;
	case TRB_DO_GREET:
		return trb_session_send(session, &hello, err);
	case TRB_DO_REQUEST:
		return take_ready(session, err);
	case TRB_DO_FINISH:
		return finish(session, err);
	}
	return TRB_OK;
}

/* Why the enclave ended, with the last line of its console: a loader's complaint, mostly. */
static int explain_end(struct trb_session *session, trb_error **err)
{
	_cleanup_(trb_error_unrefp) trb_error *why = NULL;
	int r = session->ops->explain(session->tee, &why);

	if (r == TRB_OK)
		return TRB_OK;
	take_last_words(session);
	if (session->console_line.text[0] == '\0')
		return trb_fail(err, r, "%s", trb_error_message(why));
	return trb_fail(err, r, "%s; the last line of its console: %s", trb_error_message(why),
			session->console_line.text);
}

/* The control stream is at its end before DONE. */
static int lost(struct trb_session *session, trb_error **err)
{
	struct pollfd end = { .fd = session->run.end_fd, .events = POLLIN };
	int r = TRB_OK;

	if (end.fd >= 0 && poll(&end, 1, LAST_WORD_MS) > 0)
		r = explain_end(session, err);
	return r < 0 ? r : trb_fail(err, TRB_E_IO, "the enclave hung up in the middle of its work");
}

static int take_control(struct trb_session *session, trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *frame = NULL;
	_cleanup_(trb_error_unrefp) trb_error *why = NULL;
	enum trb_ratchet_do what;
	int r = trb_reader_step(&session->reader, session->control, &frame, &why);

	if (r == TRB_E_AGAIN)
		return TRB_OK;
	if (r == TRB_E_DONE || (r == TRB_E_IO && session->reader.have == 0))
		return lost(session, err);
	if (r < 0)
		return trb_fail_check(err, r, "channel", "control stream: %s",
				      trb_error_message(why));
	if (session->state == TRB_SESSION_BOOTED && session->ready)
		return trb_fail_check(err, TRB_E_FORMAT, "channel",
				      "the enclave goes on before it has a request");
	r = trb_ratchet_take(&session->ratchet, trb_blob_bytes(frame), &session->events, &what,
			     err);
	if (r < 0)
		return r;
	if (session->intake != NULL)
		trb_intake_open(session->intake,
				session->ratchet.state == TRB_HOST_BUILDING ||
					session->ratchet.state == TRB_HOST_BUILT,
				session->ratchet.state == TRB_HOST_ATTESTED);
	return act(session, what, err);
}

int trb_session_accept(struct trb_session *session, int listener, int *ret_fd, trb_error **err)
{
	int fd = -1, flags, r;

	if (!TRB_TEE_HAS(session->ops, accept))
		return trb_accept(listener, ret_fd, err);
	r = session->ops->accept(session->tee, listener, &fd, err);
	if (r < 0)
		return r;
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
		int error = errno;

		close(fd);
		return trb_fail_errno(err, error, "set a stream up");
	}
	*ret_fd = fd;
	return TRB_OK;
}

/* Hands a stream to the proxy; one that it has no room for ends here. */
static int pass_egress(struct trb_session *session, trb_error **err)
{
	int fd, r = trb_session_accept(session, session->run.egress_fd, &fd, err);

	if (r < 0)
		return r == TRB_E_AGAIN ? TRB_OK : r;
	trb_send_fd(session->egress_pass, fd);
	close(fd);
	return TRB_OK;
}

static int accept_control(struct trb_session *session, trb_error **err)
{
	int fd, r = trb_session_accept(session, session->run.control_fd, &fd, err);

	if (r < 0)
		return r == TRB_E_AGAIN ? TRB_OK : r;
	if (session->control >= 0) {
		close(fd);
		return trb_fail_check(err, TRB_E_FORMAT, "channel",
				      "somebody in the enclave opens a second control stream");
	}
	session->control = fd;
	return trb_session_watch(session, fd, err);
}

static int accept_other(struct trb_session *session, int listener, trb_error **err)
{
	int fd, r = trb_session_accept(session, listener, &fd, err);

	if (r < 0)
		return r == TRB_E_AGAIN ? TRB_OK : r;
	if (listener == session->run.artifact_fd)
		r = trb_intake_add(session->intake, fd, err);
	else if (listener == session->run.content_fd)
		return trb_content_add(&session->content, fd) ? trb_session_watch(session, fd, err)
							      : TRB_OK;
	else if (!trb_nsm_server_add(&session->nsm, fd))
		return TRB_OK;
	return r == TRB_OK ? trb_session_watch(session, fd, err) : r;
}

/* A stream that sends waits for room, in place of more questions. */
static int step_content(struct trb_session *session, int fd, trb_error **err)
{
	struct epoll_event event = { .events = EPOLLOUT, .data.fd = fd };
	bool sending = false;
	int r = trb_content_step(&session->content, fd, &sending, err);

	if (r == TRB_OK && sending && epoll_ctl(session->epoll, EPOLL_CTL_MOD, fd, &event) < 0)
		r = trb_fail_errno(err, errno, "watch a descriptor");
	return r;
}

/* One that was accepted. */
static int handle_stream(struct trb_session *session, int fd, trb_error **err)
{
	bool closed;

	if (trb_nsm_server_has(&session->nsm, fd))
		return trb_nsm_server_step(&session->nsm, fd, &closed, err);
	if (trb_content_has(&session->content, fd))
		return step_content(session, fd, err);
	if (session->intake != NULL && trb_intake_has(session->intake, fd))
		return trb_intake_step(session->intake, fd, &closed, err);
	return TRB_OK;
}

static int handle(struct trb_session *session, int fd, trb_error **err)
{
	if (fd == session->cancel)
		return TRB_OK; /* looked at before each turn */
	if (fd == session->timer)
		return trb_fail(err, TRB_E_TIMEOUT, "%s",
				session->ratchet.state < TRB_HOST_READY
					? "the enclave did not boot in time"
					: "the session's time limit has passed");
	if (fd == session->run.console_fd || fd == session->proxy_log) {
		if (fd == session->run.console_fd)
			take_console(session);
		else
			take_proxy_log(session);
		return TRB_OK;
	}
	if (fd == session->run.control_fd)
		return accept_control(session, err);
	if (fd == session->run.egress_fd)
		return pass_egress(session, err);
	if (fd == session->run.artifact_fd || fd == session->run.nsm_fd ||
	    fd == session->run.content_fd)
		return accept_other(session, fd, err);
	return handle_stream(session, fd, err);
}

static int check_canceled(struct trb_session *session, trb_error **err)
{
	struct trb_control msg = { .type = TRB_MSG_CANCEL };

	if (!atomic_load(&session->canceled))
		return TRB_OK;
	if (session->control >= 0)
		trb_session_send(session, &msg, NULL);
	return trb_fail(err, TRB_E_CANCELED, "the session was canceled");
}

/* The enclave is gone; but what it said before is read first. */
static int check_end(struct trb_session *session, bool ended, trb_error **err)
{
	int r;

	if (!ended || session->control >= 0)
		return TRB_OK;
	r = explain_end(session, err);
	return r < 0 ? r : trb_fail(err, TRB_E_IO, "the enclave ended before it said anything");
}

int trb_session_turn(struct trb_session *session, trb_error **err)
{
	struct epoll_event events[BATCH];
	bool control = false, ended = false;
	int n, r = check_canceled(session, err);

	if (r < 0)
		return r;
	if (session->state == TRB_SESSION_BOOTING)
		return trb_session_step_boot(session, err);
	n = epoll_wait(session->epoll, events, BATCH, 0);
	if (n < 0)
		return errno == EINTR ? TRB_OK : trb_fail_errno(err, errno, "wait");
	if (n == 0)
		return TRB_E_AGAIN;
	for (int i = 0; i < n; i++) {
		control = control || events[i].data.fd == session->control;
		ended = ended || events[i].data.fd == session->run.end_fd;
	}
	/* Alone, as long as there is something to read: a state says which files may come, and was
	 * sent before they were. */
	if (control && session->control >= 0)
		return take_control(session, err);
	for (int i = 0; r == TRB_OK && i < n; i++)
		if (events[i].data.fd != session->run.end_fd)
			r = handle(session, events[i].data.fd, err);
	return r == TRB_OK ? check_end(session, ended, err) : r;
}
