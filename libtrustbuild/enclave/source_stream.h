/* SPDX-License-Identifier: Apache-2.0 */
/* Takes the fetcher's stream of plain objects, and believes none of it: every object is hashed
 * again and must be the one that CT demands at that place.  The order is fixed
 * (docs/spec/source.md), so that the stream need not name what it sends:
 *
 *     stream = [LOCATION] chain COMMIT TREE [BLOB] *object END   ; CT, its tree, .gitmodules
 *     chain  = *TAG *COMMIT      ; only with a ref: from its tip down to, not including, CT
 *     object = TREE *object / BLOB              ; in the tree's order; nothing for a gitlink
 *
 * PROGRESS and ERROR frames may stand between any two.  Each repository has a stream, and a
 * fetcher, of its own: at a gitlink, the submodule's stream is taken up to its END, then the
 * superproject's goes on. */
#ifndef TRB_ENCLAVE_SOURCE_STREAM_H
#define TRB_ENCLAVE_SOURCE_STREAM_H

#include "enclave/source_tree.h"
#include "format/facts.h"
#include "format/fetch.h"

struct trb_source_submodule {
	char *path, *url;
	struct trb_commit commit;
};

/* What came out, whole once trb_source_stream_done(). */
struct trb_source_result {
	struct trb_history history;
	char *location; /* NULL: where the request says */
	uint8_t digest[32];
	int64_t time;
	trb_blob *recipe; /* NULL: the tree has none */
	uint64_t files, bytes;
	size_t n_submodules;
	struct trb_source_submodule *submodules;
};

struct trb_source_stream;

/* writer may be NULL: nothing is written then.  It and context must outlive the stream. */
int trb_source_stream_new(trb_context *context, const char *repository,
			  const struct trb_commit *commit, const char *ref,
			  const struct trb_source_limits *limits, struct trb_tree_writer *writer,
			  struct trb_source_stream **ret, trb_error **err);
struct trb_source_stream *trb_source_stream_free(struct trb_source_stream *s);
TRB_DEFINE_CLEANUP(struct trb_source_stream *, trb_source_stream_free);

/* Takes bytes of the present stream off, all of them or up to a turn. */
int trb_source_stream_feed(struct trb_source_stream *s, trb_bytes *bytes, trb_error **err);
enum trb_source_turn {
	TRB_TURN_NONE,
	TRB_TURN_SUBMODULE, /* the stream of another repository is due */
	TRB_TURN_END,       /* the present one has ended: the one before goes on, or all is done */
};
enum trb_source_turn trb_source_stream_turn(const struct trb_source_stream *s);
int trb_source_stream_go_on(struct trb_source_stream *s, trb_error **err);
/* The present repository; at TRB_TURN_SUBMODULE, the one that is due, and its commit. */
const char *trb_source_stream_repository(const struct trb_source_stream *s,
					 struct trb_commit *ret_commit);
bool trb_source_stream_done(const struct trb_source_stream *s);
const struct trb_source_result *trb_source_stream_result(const struct trb_source_stream *s);

#endif
