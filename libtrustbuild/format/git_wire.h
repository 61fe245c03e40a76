/* SPDX-License-Identifier: Apache-2.0 */
/* What git servers answer: lists of refs and packs, in version 2 of git's protocol and in the one
 * before it.  Bytes in, refs and the pack's bytes out; the server is believed nothing.
 * gitprotocol-v2(5), gitprotocol-pack(5), gitprotocol-http(5). */
#ifndef TRB_FORMAT_GIT_WIRE_H
#define TRB_FORMAT_GIT_WIRE_H

#include "core/buffer.h"
#include "format/facts.h"
#include "format/pktline.h"

/* What a server can do. */
enum {
	TRB_GIT_SHALLOW = 1,    /* deepen N */
	TRB_GIT_FILTER = 2,     /* filter tree:0 */
	TRB_GIT_WANT_ANY = 4,   /* says that it gives out what no ref points to */
	TRB_GIT_WANT_TIP = 8,   /* says that it gives out what a hidden ref points to */
	TRB_GIT_SIDE_BAND = 16, /* before version 2: the pack comes in packets */
	TRB_GIT_FORMAT = 32,    /* version 2: the object format is named in requests */
};

struct trb_git_ref {
	trb_bytes name;
	struct trb_commit id;
	bool peeled; /* target: what an annotated tag comes to, so the server says */
	struct trb_commit target;
	trb_bytes symref; /* the ref that this one stands for; empty: none is named */
};
typedef int (*trb_git_ref_fn)(void *user, const struct trb_git_ref *ref, trb_error **err);

/* The answer to GET info/refs, and to ls-refs: fed as it arrives. */
struct trb_git_refs {
	/* set before the first byte; may be NULL */
	trb_git_ref_fn on_ref;
	void *user;
	/* what was found */
	unsigned version, features;
	/* inner */
	unsigned state;
	struct trb_git_ref last; /* its name in name */
	struct trb_buf name, head;
	struct trb_pktline line;
};
struct trb_git_refs *trb_git_refs_new(trb_git_ref_fn on_ref, void *user);
void trb_git_refs_free(struct trb_git_refs *r);
/* The same object for an answer to ls-refs of version 2. */
void trb_git_refs_expect_list(struct trb_git_refs *r);
/* Errors: TRB_E_FORMAT, TRB_E_UNSUPPORTED (SHA-256, other versions), TRB_E_IO where the server says
 * no itself, with check id source.repository; and on_ref()'s. */
int trb_git_refs_feed(struct trb_git_refs *r, trb_bytes in, trb_error **err);
/* After the last byte. */
int trb_git_refs_end(struct trb_git_refs *r, trb_error **err);

/* The answer to a fetch. */
typedef int (*trb_git_pack_fn)(void *user, trb_bytes bytes, trb_error **err);
struct trb_git_answer {
	trb_git_pack_fn on_pack;
	void *user;
	bool refused; /* the server said no before it sent a pack */
	/* inner */
	unsigned state, features;
	struct trb_pktline line;
};
/* deepened: the request had a depth. */
struct trb_git_answer *trb_git_answer_new(unsigned version, unsigned features, bool deepened,
					  trb_git_pack_fn on_pack, void *user);
void trb_git_answer_free(struct trb_git_answer *a);
int trb_git_answer_feed(struct trb_git_answer *a, trb_bytes in, trb_error **err);
int trb_git_answer_end(struct trb_git_answer *a, trb_error **err);

/* What somebody outside said, in an error: one line, escaped, shortened.  Always fails. */
int trb_git_fail_said(trb_error **err, int code, const char *who, trb_bytes said);

/* Requests.  A failure stays in out's status. */
void trb_git_add_line(struct trb_buf *out, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void trb_git_add_special(struct trb_buf *out, enum trb_pkt_kind kind);
/* prefixes ends with NULL. */
void trb_git_add_ls_refs(struct trb_buf *out, unsigned features, const char *const *prefixes);
struct trb_git_wants {
	size_t n;
	const struct trb_commit *ids;
	unsigned depth;    /* 0: all of the history */
	bool commits_only; /* needs TRB_GIT_FILTER */
};
void trb_git_add_fetch(struct trb_buf *out, unsigned version, unsigned features,
		       const struct trb_git_wants *wants);

#endif
