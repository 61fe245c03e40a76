/* SPDX-License-Identifier: Apache-2.0 */
/* The rooms of tb-fetch, the only program that libgit2 runs in. */
#ifndef TRB_LIBEXEC_FETCH_H
#define TRB_LIBEXEC_FETCH_H

#include <git2.h>
#if __has_include(<git2/sys/errors.h>) /* since libgit2 1.8 */
#include <git2/sys/errors.h>
#endif

#include "core/cleanup.h"
#include "format/facts.h"
#include "format/fetch.h"

struct fetch {
	/* what the arguments say */
	const char *repository, *commit_hex, *ref, *name, *egress, *ca;
	struct trb_commit commit;
	struct trb_source_limits limits;
	char *token; /* "user:secret" or the secret alone */

	int out;    /* frames go here */
	int broker; /* connections come from here */
	pid_t broker_pid;
	int64_t deadline;
	bool broken;         /* nobody reads what we send */
	const char *url;     /* the repository that is being fetched */
	bool receiving;      /* its pack, that is: past the list of refs */
	uint64_t wire_bytes; /* from the network, for that repository */
	unsigned token_uses;
	trb_error *stopped; /* why a callback of libgit2 said no */
	unsigned n_repositories;
};

/* Frames (fetch_send.c). */
int fetch_frame(struct fetch *f, unsigned type, trb_bytes body, trb_error **err);
int fetch_progress(struct fetch *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The commit, its way down from the ref's tip, its tree, its submodules. */
int fetch_send_all(struct fetch *f, trb_error **err);

/* The broker, a child that makes connections for the part that talks to strangers
 * (fetch_broker.c). */
int fetch_broker_start(struct fetch *f, trb_error **err);
int fetch_broker_connect(struct fetch *f, const char *host, const char *port, int *ret_fd,
			 trb_error **err);
void fetch_broker_stop(struct fetch *f);

/* Takes every right away that fetching does not need (fetch_isolate.c): own empty root file system
 * in memory, network namespace without an interface, own uid where there is one to have, no
 * capabilities, and no system call that opens sockets, looks into processes or starts any. */
int fetch_isolate(struct fetch *f, trb_error **err);

/* The time for certificates, in seconds since 1970, instead of the machine's (fetch_clock.c). */
void fetch_clock_set(int64_t now);

/* Connections of libgit2, with a deadline and a ceiling on bytes (fetch_stream.c). */
int fetch_stream_register(struct fetch *f, trb_error **err);

/* One repository (fetch_remote.c). */
struct fetched {
	git_repository *repo;
	git_odb *odb;
	char path[32];
	git_oid tip; /* what the ref or the commit id gave */
};
void fetched_clear(struct fetched *r);
/* ref NULL: the commit by its id. */
int fetch_repository(struct fetch *f, const char *url, const struct trb_commit *commit,
		     const char *ref, struct fetched *ret, trb_error **err);
/* Says what libgit2 said, or why one of our callbacks stopped it. */
int fetch_fail(struct fetch *f, int git_code, const char *what, trb_error **err);
/* A connected remote; *ret_heads live as long as it. */
int fetch_connect(struct fetch *f, git_repository *repo, const char *url, git_remote **ret,
		  const git_remote_head ***ret_heads, size_t *ret_n, trb_error **err);

/* A branch, tag or abbreviated id (fetch_resolve.c). */
int fetch_resolve(struct fetch *f, trb_error **err);

TRB_DEFINE_CLEANUP(git_remote *, git_remote_free);
TRB_DEFINE_CLEANUP(git_odb_object *, git_odb_object_free);

#endif
