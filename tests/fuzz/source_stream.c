/* SPDX-License-Identifier: Apache-2.0 */
/* The fetcher's stream.  Random bytes would not come past the first hash, so that the input is read
 * as the plan of a repository, which is made whole with true ids; then one byte of the stream may
 * be changed, after which it must never be accepted. */
#include <stdlib.h>

#include "core/error.h"
#include "enclave/source_stream.h"
#include "format/git_object.h"

#define FRAMES_MAX (1u << 20)
#define OBJECT_MAX (1u << 16)
#define DEPTH_MAX  5
#define URL        "https://example.org/a/b.git"
#define MODULES    "[submodule \"x\"]\n\tpath = s\n\turl = ../c.git\n"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct plan {
	trb_bytes in;
	unsigned n_submodules;
};

static unsigned take(struct plan *p)
{
	trb_bytes b = trb_bytes_take(&p->in, 1);

	return b.len > 0 ? b.ptr[0] : 0;
}

static void add_frame(struct trb_buf *out, unsigned type, trb_bytes body)
{
	uint8_t head[TRB_FETCH_HEADER];

	trb_fetch_header_encode(type, body.len, head);
	trb_buf_add(out, TRB_BYTES(head, sizeof(head)));
	trb_buf_add(out, body);
}

/* An object as a frame, and its id. */
static void add_object(struct trb_buf *out, enum trb_git_type type, trb_bytes body,
		       struct trb_commit *ret)
{
	if (trb_git_hash(2, type, body, ret, NULL) < 0)
		abort();
	add_frame(out, type, body);
}

static trb_bytes take_some(struct plan *p)
{
	trb_bytes b = trb_bytes_take(&p->in, take(p) % 12);

	return b.ptr != NULL ? b : TRB_BYTES_LIT("x");
}

static void plan_tree(struct plan *p, unsigned depth, struct trb_buf *out, struct trb_commit *ret);

static void plan_commit(struct plan *p, const struct trb_commit *tree,
			const struct trb_commit *parent, struct trb_buf *out,
			struct trb_commit *ret)
{
	_cleanup_buf_ struct trb_buf body;
	char hex[65];

	trb_buf_init(&body, OBJECT_MAX);
	trb_commit_to_hex(tree, hex);
	trb_buf_addf(&body, "tree %s\n", hex);
	if (parent != NULL) {
		trb_commit_to_hex(parent, hex);
		trb_buf_addf(&body, "parent %s\n", hex);
	}
	trb_buf_addf(&body, "author a <a> 1 +0000\ncommitter c <c> %u +0000\n\n", take(p));
	add_object(out, TRB_GIT_COMMIT, trb_buf_bytes(&body), ret);
}

/* A whole repository: its commit first, which can be made only when its tree is known. */
static void plan_repository(struct plan *p, unsigned depth, struct trb_buf *out,
			    struct trb_commit *ret)
{
	_cleanup_buf_ struct trb_buf tree;
	struct trb_commit id;

	trb_buf_init(&tree, FRAMES_MAX);
	plan_tree(p, depth, &tree, &id);
	plan_commit(p, &id, NULL, out, ret);
	trb_buf_add(out, trb_buf_bytes(&tree));
}

/* One in the place of a gitlink: a stream of its own, with an end. */
static void plan_submodule(struct plan *p, unsigned depth, struct trb_buf *out,
			   struct trb_commit *ret)
{
	plan_repository(p, depth, out, ret);
	add_frame(out, TRB_FETCH_END, TRB_BYTES_NULL);
}

struct node {
	struct trb_buf body;     /* the tree's own */
	struct trb_buf children; /* their frames */
};

static void plan_entry(struct plan *p, unsigned depth, unsigned at, struct node *node)
{
	static const char *const modes[] = { "100644", "100755", "120000", "40000",
					     "160000", "100644", "100664", "100600" };
	unsigned kind = take(p) % 8;
	struct trb_commit id;
	trb_bytes name;
	char first = (char)('a' + at);

	if ((kind == 3 || kind == 4) && depth >= DEPTH_MAX)
		kind = 0;
	if (kind == 3)
		plan_tree(p, depth + 1, &node->children, &id);
	else if (kind == 4 && p->n_submodules++ < 4)
		plan_submodule(p, depth + 1, &node->children, &id);
	else
		add_object(&node->children, TRB_GIT_BLOB, take_some(p), &id);
	trb_buf_addf(&node->body, "%s ", modes[kind]);
	if (kind == 4) {
		trb_buf_add_str(&node->body, "s");
	} else {
		name = take(p) % 4 == 0 ? take_some(p) : TRB_BYTES_NULL;
		if (name.len == 0)
			trb_buf_add(&node->body, TRB_BYTES(&first, 1));
		trb_buf_add(&node->body, name);
	}
	trb_buf_add_byte(&node->body, 0);
	trb_buf_add(&node->body, TRB_BYTES(id.id, 32));
}

static void plan_tree(struct plan *p, unsigned depth, struct trb_buf *out, struct trb_commit *ret)
{
	_cleanup_buf_ struct trb_buf body, children;
	unsigned n = take(p), modules = n & 8;
	struct node node;
	struct trb_commit id;

	trb_buf_init(&node.body, OBJECT_MAX);
	trb_buf_init(&node.children, FRAMES_MAX);
	if (modules) {
		if (trb_git_hash(2, TRB_GIT_BLOB, TRB_BYTES_LIT(MODULES), &id, NULL) < 0)
			abort();
		trb_buf_addf(&node.body, "100644 .gitmodules");
		trb_buf_add_byte(&node.body, 0);
		trb_buf_add(&node.body, TRB_BYTES(id.id, 32));
		add_frame(&node.children, TRB_GIT_BLOB, TRB_BYTES_LIT(MODULES));
		/* a repository's root sends it ahead, too */
		if (n & 16)
			add_frame(&node.children, TRB_GIT_BLOB, TRB_BYTES_LIT(MODULES));
	}
	for (unsigned i = 0; i < (n & 7); i++)
		plan_entry(p, depth, i, &node);
	body = node.body;
	children = node.children;
	add_object(out, TRB_GIT_TREE, trb_buf_bytes(&body), ret);
	trb_buf_add(out, trb_buf_bytes(&children));
}

/* A commit on the way from the ref's tip to CT, which the plan's main repository is. */
static void plan_chain(struct plan *p, const struct trb_commit *ct, struct trb_buf *out)
{
	struct trb_commit tip;

	if (take(p) % 2)
		plan_commit(p, ct, ct, out, &tip);
}

static bool feed(struct trb_source_stream *s, trb_bytes stream, unsigned step)
{
	while (stream.len > 0) {
		size_t n = step > 0 && step < stream.len ? step : stream.len;
		trb_bytes some = TRB_BYTES(stream.ptr, n);

		if (trb_source_stream_feed(s, &some, NULL) < 0)
			return false;
		trb_bytes_take(&stream, n - some.len);
		if (trb_source_stream_turn(s) != TRB_TURN_NONE &&
		    trb_source_stream_go_on(s, NULL) < 0)
			return false;
	}
	return trb_source_stream_done(s);
}

static void run(struct plan *p, const struct trb_commit *ct, const char *ref, trb_bytes stream,
		uint8_t *proven, size_t n_proven)
{
	_cleanup_(trb_source_stream_freep) struct trb_source_stream *s = NULL;
	struct trb_source_limits limits;
	unsigned how = take(p), step = take(p);
	size_t at = (size_t)(take(p) << 8 | take(p));

	trb_source_limits_default(&limits);
	limits.submodules = 3;
	if (trb_source_stream_new(NULL, URL, ct, ref, &limits, NULL, &s, NULL) < 0)
		return;
	if ((how & 7) != 0)
		proven[at % n_proven] ^= (uint8_t)(how & 7);
	/* a changed END frame is another frame, a changed object another object */
	if (feed(s, stream, step) && (how & 7) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_buf_ struct trb_buf repository, stream;
	struct plan p = { TRB_BYTES(data, size), 0 };
	struct trb_commit ct;
	size_t chain;
	bool ref;

	trb_buf_init(&repository, FRAMES_MAX);
	trb_buf_init(&stream, FRAMES_MAX);
	if (size > 4096)
		return 0;
	ref = take(&p) % 2;
	plan_repository(&p, 0, &repository, &ct);
	if (ref)
		plan_chain(&p, &ct, &stream);
	chain = stream.len; /* the tip is the server's word */
	trb_buf_add(&stream, trb_buf_bytes(&repository));
	add_frame(&stream, TRB_FETCH_END, TRB_BYTES_NULL);
	if (stream.status == TRB_OK && repository.status == TRB_OK)
		run(&p, &ct, ref ? "refs/heads/main" : NULL, trb_buf_bytes(&stream),
		    stream.ptr + chain, stream.len - chain);
	return 0;
}
