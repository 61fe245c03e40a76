/* SPDX-License-Identifier: Apache-2.0 */
/* A repository on a server: which refs it has, and packs of it. */
#ifndef TRB_LIBEXEC_FETCH_REMOTE_H
#define TRB_LIBEXEC_FETCH_REMOTE_H

#include "fetch/store.h"
#include "format/git_wire.h"

#define FETCH_NAMES 6u

/* Which refs are kept of those that a server lists. */
struct fetch_names {
	size_t n;
	const char *names[FETCH_NAMES];
	const struct trb_commit *id; /* and those that are this commit; may be NULL */
	bool branches_and_tags;      /* and all of these */
};

struct fetch_ref {
	char *name;
	struct trb_commit id;
	bool peeled;
	struct trb_commit target; /* what an annotated tag comes to, so the server says */
};

struct remote {
	struct fetch *f;
	char *base; /* where it was found, after redirects */
	bool moved; /* to another path, that is */
	bool authorized;
	unsigned version, features;
	const struct fetch_names *names;
	size_t n, cap;
	struct fetch_ref *refs;
	char *head; /* the default branch; NULL: the server does not say */
};

/* Asks for the refs.  Redirects are followed to other paths of the same origin alone. */
int remote_open(struct remote *r, struct fetch *f, const char *url, const struct fetch_names *names,
		trb_error **err);
void remote_clear(struct remote *r);
const struct fetch_ref *remote_find(const struct remote *r, const char *prefix, const char *name);
/* One pack into the store.  *ret_refused: the server does not give out what was wanted. */
int remote_fetch(struct remote *r, const struct trb_git_wants *wants, struct fetch_store *store,
		 bool *ret_refused, trb_error **err);

TRB_DEFINE_CLEANUP(struct trb_git_refs *, trb_git_refs_free);
TRB_DEFINE_CLEANUP(struct trb_git_answer *, trb_git_answer_free);

#endif
