/* SPDX-License-Identifier: Apache-2.0 */
/* The way from the ref to CT, one object after the other: it is the proof of how they stand to one
 * another, so each step is held against the object before it. */
#include "core/error.h"
#include "enclave/source_walk.h"

static int broken(const char *what, trb_error **err)
{
	return trb_fail_check(err, TRB_E_FORMAT, TRB_CHECK_REF,
			      "the way from the ref to the commit %s", what);
}

/* "refs/tags/a/b" calls a tag "a/b"; so does any other folder of refs. */
static trb_bytes name_in_ref(const char *ref)
{
	const char *name = strchr(ref + strlen("refs/"), '/');

	return trb_bytes_str(name != NULL ? name + 1 : ref + strlen("refs/"));
}

/* The object that the ref itself points to must be the tag of that name: else a server could show
 * an old release's signed tag under the new release's ref. */
static int outermost(struct trb_source_walk *s, const struct trb_git_tag *tag,
		     const struct trb_commit *id, trb_error **err)
{
	trb_bytes wanted = name_in_ref(s->ref);

	if (!trb_bytes_eq(tag->name, wanted))
		return trb_fail_check(err, TRB_E_SOURCE, TRB_CHECK_REF,
				      "%s points to a tag that calls itself '%.*s', not '%.*s'",
				      s->ref, (int)tag->name.len, (const char *)tag->name.ptr,
				      (int)wanted.len, (const char *)wanted.ptr);
	s->result.history.tagged = true;
	s->result.history.tag = *id;
	return TRB_OK;
}

static int take_tag(struct trb_source_walk *s, trb_bytes body, const struct trb_commit *id,
		    trb_error **err)
{
	struct trb_git_tag tag;
	int r;

	if (s->child != NULL ||
	    (s->n_chain > 0 && (s->want_type != TRB_GIT_TAG || !trb_commit_eq(id, &s->want_id))))
		return broken("has a tag out of place", err);
	r = trb_git_tag_parse(body, s->commit.algorithm, &tag, err);
	if (r == TRB_OK && s->n_chain == 0)
		r = outermost(s, &tag, id, err);
	if (r < 0)
		return r;
	s->want_id = tag.target;
	s->want_type = tag.type;
	s->n_chain++;
	return TRB_OK;
}

/* Which parent of the commit before is it, counted from 1; 0: none. */
static unsigned which_parent(const struct trb_source_walk *s, const struct trb_commit *parent)
{
	struct trb_git_commit c;
	struct trb_commit id;
	unsigned n = 0;

	if (trb_git_commit_parse(trb_blob_bytes(s->child), s->commit.algorithm, &c, NULL) < 0)
		return 0;
	while (trb_git_commit_next_parent(&c, &id)) {
		n++;
		if (trb_commit_eq(&id, parent))
			return n;
	}
	return 0;
}

/* A step from a commit to one of its parents: to any but the first, it leaves the ref's own line
 * for good. */
static int step_down(struct trb_source_walk *s, const struct trb_commit *id, trb_error **err)
{
	struct trb_history *h = &s->result.history;
	unsigned n = which_parent(s, id);

	if (n == 0)
		return broken("is broken", err);
	if (n > 1)
		h->relation = TRB_RELATION_REACHABLE;
	else if (h->steps == 0)
		h->relation = TRB_RELATION_FIRST_PARENT;
	h->steps++;
	return TRB_OK;
}

static int begin_at_tip(struct trb_source_walk *s, const struct trb_commit *id, trb_error **err)
{
	struct trb_history *h = &s->result.history;

	if (s->n_chain > 0 && (s->want_type != TRB_GIT_COMMIT || !trb_commit_eq(id, &s->want_id)))
		return broken("is broken", err);
	h->there = true;
	h->tip = *id;
	h->relation = TRB_RELATION_TIP;
	return TRB_OK;
}

int trb_chain_take(struct trb_source_walk *s, enum trb_git_type type, trb_bytes body,
		   const struct trb_commit *id, bool *ret_arrived, trb_error **err)
{
	struct trb_git_commit c;
	int r;

	if (s->n_chain > s->limits.history)
		return trb_fail_check(err, TRB_E_LIMIT, TRB_CHECK_LIMIT,
				      "the source has more than %llu commits between the ref and "
				      "the commit",
				      (unsigned long long)s->limits.history);
	*ret_arrived = false;
	if (type == TRB_GIT_TAG)
		return take_tag(s, body, id, err);
	r = s->child != NULL ? step_down(s, id, err) : begin_at_tip(s, id, err);
	if (r < 0)
		return r;
	s->n_chain++;
	*ret_arrived = trb_commit_eq(id, &s->commit);
	if (*ret_arrived)
		return TRB_OK;
	r = trb_git_commit_parse(body, s->commit.algorithm, &c, err);
	if (r < 0)
		return r;
	s->child = trb_blob_unref(s->child);
	return trb_blob_new(body, &s->child, err);
}
