/* SPDX-License-Identifier: Apache-2.0 */
/* The session's insides, shared by its two files. */
#ifndef TRB_HOST_SESSION_H
#define TRB_HOST_SESSION_H

#include <stdatomic.h>

#include <trustbuild/sys/backend.h>

#include "core/spawn.h"
#include "host/content.h"
#include "host/intake.h"
#include "host/proxy.h"
#include "host/ratchet.h"
#include "host/softnsm/server.h"

/* NEW --boot--> BOOTING --> BOOTED --start--> RUNNING --DONE--> FINISHED; any error--> FAILED;
 * close from each.  BOOTED is an enclave that waits for its request, from before it says READY on.
 */
enum trb_session_state {
	TRB_SESSION_NEW,
	TRB_SESSION_BOOTING,
	TRB_SESSION_BOOTED,
	TRB_SESSION_RUNNING,
	TRB_SESSION_FINISHED,
	TRB_SESSION_FAILED,
	TRB_SESSION_CLOSED,
};

#define TRB_CONSOLE_LINE 1024u

#define TRB_SESSION_CREDENTIALS (TRB_CREDENTIALS - 1u) /* beside the repository's own */

struct trb_session {
	atomic_uint refs;
	atomic_bool canceled;
	enum trb_session_state state;
	trb_context *context;

	/* set before the start */
	const trb_tee_ops *ops;
	void *tee;
	int output; /* directory, or -1 */
	bool keep;  /* files stay there under numbers: a job places them */
	trb_blob *credential;
	size_t n_credentials; /* for other URLs */
	struct trb_session_credential {
		char *prefix;
		trb_blob *token;
	} credentials[TRB_SESSION_CREDENTIALS];
	uint32_t timeout_s;
	size_t n_limits; /* of the source, with static names */
	struct trb_limit limits[TRB_HOST_LIMITS];
	size_t n_private;
	char *private[TRB_EGRESS_PRIVATE];

	trb_blob *request; /* also of a session that boots */

	/* from the boot on */
	trb_tee_run run;
	int booting;              /* the backend's: readable when its step() has work */
	bool ready;               /* the enclave waits for the request */
	int epoll, cancel, timer; /* cancel: an eventfd, there from the beginning */
	int control;              /* the enclave's one stream, -1 until it has come */
	struct trb_reader reader;
	struct trb_ratchet ratchet;
	struct trb_nsm_server nsm;
	struct trb_content content;
	struct trb_intake *intake;
	struct trb_child egress;
	int egress_lifeline;
	int egress_pass; /* where streams are handed to the proxy that the backend must accept */
	struct trb_events events;
	int proxy_log; /* what the proxy refuses */
	struct trb_line {
		char text[TRB_CONSOLE_LINE]; /* the line that is being received, or the last */
		size_t len;
	} console_line, proxy_line;
};

/* Offers the enclave the files of a directory, each named by its SHA-256 in hexadecimal digits;
 * before the boot.  The descriptor is duplicated. */
int trb_session_offer_content(struct trb_session *session, int dirfd, trb_error **err);

/* session_boot.c */
int trb_session_begin_boot(struct trb_session *session, trb_error **err);
/* One step of BOOTING: TRB_E_AGAIN, or BOOTED. */
int trb_session_step_boot(struct trb_session *session, trb_error **err);
/* BOOTED becomes RUNNING: the request is there. */
int trb_session_run_request(struct trb_session *session, trb_error **err);

/* session_parts.c */
int trb_session_watch(struct trb_session *session, int fd, trb_error **err);
int trb_session_arm_timer(struct trb_session *session, uint32_t seconds, trb_error **err);
int trb_session_send(struct trb_session *session, const struct trb_control *msg, trb_error **err);
int trb_session_send_request(struct trb_session *session, trb_error **err);

/* session_run.c */
/* The next stream at a listening socket; TRB_E_AGAIN where there is none. */
int trb_session_accept(struct trb_session *session, int listener, int *ret_fd, trb_error **err);
/* Handles everything that is ready now. */
int trb_session_turn(struct trb_session *session, trb_error **err);
/* Lets go of everything of the running enclave but the backend itself. */
void trb_session_teardown(struct trb_session *session);

/* session_egress.c: starts the proxy for a request of this repository; it takes its connections
 * from this descriptor, which stays the caller's. */
int trb_session_start_egress(struct trb_session *session, trb_bytes url, int from, trb_error **err);

/* session_credentials.c */
int trb_session_keep_credential(struct trb_session *session, trb_bytes token, trb_error **err);
int trb_session_keep_credential_for(struct trb_session *session, const char *prefix,
				    trb_bytes token, trb_error **err);
/* Views of all of them, the repository's own with an empty prefix; ret is zeroed. */
struct trb_session_secret {
	trb_bytes prefix, token;
};
size_t trb_session_list_credentials(const struct trb_session *session,
				    struct trb_session_secret ret[TRB_CREDENTIALS]);
void trb_session_wipe_credentials(struct trb_session *session);

#endif
