/* SPDX-License-Identifier: Apache-2.0 */
/* The walk down from the ref's tip over CT to the last blob: which object is due, and what an
 * object that arrived means.  source_stream.h has the order. */
#ifndef TRB_ENCLAVE_SOURCE_WALK_H
#define TRB_ENCLAVE_SOURCE_WALK_H

#include "enclave/source_stream.h"
#include "format/git_object.h"
#include "format/gitmodules.h"

#define TRB_PATH_BYTES 4096

/* What the next object must be. */
enum trb_want {
	WANT_CHAIN,
	WANT_COMMIT,
	WANT_ROOT,
	WANT_MODULES,
	WANT_ENTRY,
	WANT_SUBMODULE, /* whose own stream is to begin */
	WANT_END,       /* of the stream under way */
	WANT_PARENT,    /* whose stream is to go on */
	WANT_NOTHING
};

struct trb_walk_repository {
	struct trb_walk_repository *parent; /* the superproject */
	char *url;
	trb_blob *modules_text;
	struct trb_gitmodules modules;
	bool modules_read;
	size_t path_len; /* of the prefix before paths of this repository */
	unsigned depth;
	size_t submodule; /* its number in the result, where it has a parent */
	bool begun;       /* an object of it was taken, or its location */
};

/* A directory that is being received. */
struct trb_walk_level {
	trb_blob *body; /* owns what the entries' names point to */
	struct trb_git_tree tree;
	size_t next;     /* the entry that is due */
	size_t path_len; /* of the prefix before names of this directory */
	bool root;       /* of its repository */
};

struct trb_source_walk {
	struct trb_source_limits limits;
	struct trb_tree_writer *writer; /* may be NULL */
	struct trb_commit commit;       /* CT */
	struct trb_source_result result;

	enum trb_want want;
	struct trb_commit want_id;
	enum trb_git_type want_type;
	trb_blob *child; /* the commit before, on the way down from the tip */
	uint64_t n_chain;
	char *ref; /* of the request, or NULL */

	struct trb_walk_repository *repository; /* innermost */
	size_t n_levels;
	struct trb_walk_level levels[TRB_TREE_DEPTH_MAX + 1];
	trb_blob *root_body; /* the root tree that waits for its .gitmodules */
	char path[TRB_PATH_BYTES];
	size_t path_len;
	size_t n_winding;
	char **winding;
};

/* Where the present repository's URL led to: another path of its own origin, before its first
 * object. */
int trb_walk_locate(struct trb_source_walk *s, trb_bytes url, trb_error **err);
int trb_walk_begin(struct trb_source_walk *s, const char *repository,
		   const struct trb_commit *commit, const char *ref, trb_error **err);
/* source_chain.c: one step on the way from the ref's tip to CT, at which *ret_arrived says that the
 * object is CT itself. */
int trb_chain_take(struct trb_source_walk *s, enum trb_git_type type, trb_bytes body,
		   const struct trb_commit *id, bool *ret_arrived, trb_error **err);
void trb_walk_clear(struct trb_source_walk *s);
/* Says whether a frame of this type may come now, and how large it may be. */
bool trb_walk_wants(const struct trb_source_walk *s, unsigned type, uint64_t *ret_max);
int trb_walk_take(struct trb_source_walk *s, enum trb_git_type type, trb_bytes body,
		  trb_error **err);
/* After WANT_SUBMODULE or WANT_PARENT: another stream goes on now. */
int trb_walk_turn(struct trb_source_walk *s, trb_error **err);

#endif
