/* SPDX-License-Identifier: Apache-2.0 */
/* What is fetched of one repository, and in which order. */
#ifndef TRB_LIBEXEC_FETCH_REPOSITORY_H
#define TRB_LIBEXEC_FETCH_REPOSITORY_H

#include "fetch/store.h"

struct fetched {
	struct fetch_store store;
	char *location;        /* where the server led to; NULL: nowhere else */
	struct trb_commit tip; /* what the ref points to: a tag or a commit */
	struct trb_commit
		*chain; /* the commits from the ref's down to, not including, the wanted */
	size_t n_chain;
};

/* The commit with its tree; with a ref, the way from it to the commit, too.  ref NULL: the commit
 * by its id.  Goes through bad moments of the server's. */
int fetch_repository(struct fetch *f, const char *url, const struct trb_commit *commit,
		     const char *ref, struct fetched *ret, trb_error **err);
/* All commits of a ref, with as little else as the server can leave away. */
int fetch_history(struct fetch *f, const char *url, const char *ref, struct fetched *ret,
		  trb_error **err);
void fetched_clear(struct fetched *r);
/* Goes from a tag to what it points to, tags of tags included: each to on_tag(), which may be NULL.
 * *id is the commit afterwards. */
int fetch_peel(struct fetch *f, const struct fetch_store *store, struct trb_commit *id,
	       int (*on_tag)(void *user, trb_bytes body, trb_error **err), void *user,
	       trb_error **err);

#endif
