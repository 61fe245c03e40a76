/* SPDX-License-Identifier: Apache-2.0 */
/* The rooms of tb-fetch, the only program that speaks to git servers and inflates what they send.
 */
#ifndef TRB_LIBEXEC_FETCH_H
#define TRB_LIBEXEC_FETCH_H

#include "core/cleanup.h"
#include "format/facts.h"
#include "format/fetch.h"
#include "upstream/upstream.h"

struct fetch_http_state;

struct fetch {
	/* what the arguments say */
	const char *repository, *commit_hex, *ref, *name, *egress, *ca;
	struct trb_commit commit;
	struct trb_source_limits limits;
	char *token;       /* "user:secret" or the secret alone */
	int64_t now;       /* for certificates, seconds since 1970; 0: the machine's clock */
	int64_t now_at_ms; /* the monotonic clock then */

	struct trb_upstream upstream; /* the broker's alone */

	int out;    /* frames go here */
	int broker; /* connections come from here */
	pid_t broker_pid;
	int64_t deadline;
	bool broken; /* nobody reads what we send */

	struct fetch_http_state *http;
	const char *url; /* the repository that is being fetched */
	char host[256];  /* where it is */
	char port[8];
	bool receiving;         /* its pack, that is: past the list of refs */
	uint64_t wire_bytes;    /* from the network, for that repository */
	bool again;             /* the last failure may pass */
	uint64_t again_after_s; /* when, so the server says; 0: it does not */
	unsigned n_stores;      /* for their paths */
};

/* Frames (frame.c). */
int fetch_frame(struct fetch *f, unsigned type, trb_bytes body, trb_error **err);
int fetch_progress(struct fetch *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The commit, its way down from the ref's tip, and its tree (send.c). */
int fetch_send_all(struct fetch *f, trb_error **err);

/* Whether time is left, and whether somebody reads what is sent (tries.c). */
int fetch_still_wanted(struct fetch *f, trb_error **err);
/* Calls once() until it succeeds, fails for good, or has had its tries; each is whole in itself. */
int fetch_tries(struct fetch *f, int (*once)(void *user, trb_error **err), void *user,
		trb_error **err);

/* The broker, a child that makes connections for the part that talks to strangers (broker.c). */
int fetch_broker_start(struct fetch *f, trb_error **err);
int fetch_broker_connect(struct fetch *f, const char *host, const char *port, int *ret_fd,
			 trb_error **err);
void fetch_broker_stop(struct fetch *f);

/* Takes every right away that fetching does not need (isolate.c): own empty root file system in
 * memory, network namespace without an interface, own uid where there is one to have, no
 * capabilities, and no system call that opens sockets, looks into processes or starts any. */
int fetch_isolate(struct fetch *f, trb_error **err);

/* A branch, tag or abbreviated id (resolve.c). */
int fetch_resolve(struct fetch *f, trb_error **err);

#endif
