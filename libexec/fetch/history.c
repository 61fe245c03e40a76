/* SPDX-License-Identifier: Apache-2.0 */
/* The way from a ref to a commit, in a history that may be cut off. */
#include "fetch/history.h"

#include <stdlib.h>

#include "core/cleanup.h"
#include "core/error.h"
#include "fetch/fetch.h"
#include "fetch/store.h"
#include "format/fetch.h"
#include "format/git_object.h"

#define NO_CHILD SIZE_MAX

struct seen {
	uint8_t id[20];
	size_t child; /* the commit that led here */
};

/* Breadth first: the commits that were seen, in order, and an open-addressed index over them. */
struct search {
	struct fetch *f;
	const struct fetch_store *store;
	bool cut; /* a commit was missing: history goes on there */
	struct seen *seen;
	size_t n, cap;
	size_t *slots;  /* index + 1; 0: free */
	size_t n_slots; /* a power of two */
};

static void search_clear(struct search *s)
{
	free(s->seen);
	free(s->slots);
}

/* Commit ids are hashes already; that someone may aim them at one slot costs time, which is
 * bounded. */
static size_t first_slot(const struct search *s, const uint8_t id[20])
{
	uint64_t h;

	memcpy(&h, id, sizeof(h));
	return (size_t)h & (s->n_slots - 1);
}

static size_t find_slot(const struct search *s, const uint8_t id[20])
{
	size_t i = first_slot(s, id);

	while (s->slots[i] != 0 && memcmp(s->seen[s->slots[i] - 1].id, id, 20) != 0)
		i = (i + 1) & (s->n_slots - 1);
	return i;
}

static int grow(struct search *s, trb_error **err)
{
	size_t cap = s->cap ? s->cap * 2 : 1024;
	struct seen *seen = realloc(s->seen, cap * sizeof(*seen));
	size_t *slots;

	if (seen == NULL)
		return trb_fail_nomem(err);
	s->seen = seen;
	slots = calloc(cap * 2, sizeof(*slots));
	if (slots == NULL)
		return trb_fail_nomem(err);
	free(s->slots);
	s->slots = slots;
	s->n_slots = cap * 2;
	s->cap = cap;
	for (size_t i = 0; i < s->n; i++)
		s->slots[find_slot(s, s->seen[i].id)] = i + 1;
	return TRB_OK;
}

static int see(struct search *s, const uint8_t id[20], size_t child, trb_error **err)
{
	size_t slot;
	int r;

	if (s->n == s->cap) {
		r = grow(s, err);
		if (r < 0)
			return r;
	}
	slot = find_slot(s, id);
	if (s->slots[slot] != 0)
		return TRB_OK;
	memcpy(s->seen[s->n].id, id, 20);
	s->seen[s->n].child = child;
	s->slots[slot] = ++s->n;
	return TRB_OK;
}

/* Where the commit is there, its parents are seen, or the first of them alone. */
static int see_parents(struct search *s, size_t index, bool first, trb_error **err)
{
	_cleanup_(git_odb_object_freep) git_odb_object *object = NULL;
	struct trb_commit id = { .algorithm = 1 }, parent;
	struct trb_git_commit commit;
	int r;

	memcpy(id.id, s->seen[index].id, 20);
	r = fetch_store_read(s->f, s->store, &id, &object, err);
	if (r == TRB_E_NOTFOUND) {
		s->cut = true;
		return TRB_OK;
	}
	if (r < 0)
		return r;
	if (git_odb_object_type(object) != GIT_OBJECT_COMMIT)
		return trb_fail_check(err, TRB_E_FORMAT, TRB_CHECK_REF,
				      "the ref does not lead to a commit");
	r = trb_git_commit_parse(fetch_object_bytes(object), 1, &commit, err);
	while (r == TRB_OK && trb_git_commit_next_parent(&commit, &parent)) {
		r = see(s, parent.id, index, err);
		if (first)
			break;
	}
	return r;
}

static int collect(const struct search *s, size_t found, struct trb_commit **ret, size_t *ret_n,
		   trb_error **err)
{
	struct trb_commit *chain;
	size_t n = 0;

	for (size_t i = s->seen[found].child; i != NO_CHILD; i = s->seen[i].child)
		n++;
	chain = calloc(n + 1, sizeof(*chain));
	if (chain == NULL)
		return trb_fail_nomem(err);
	*ret_n = n;
	for (size_t i = s->seen[found].child; i != NO_CHILD; i = s->seen[i].child) {
		chain[--n].algorithm = 1;
		memcpy(chain[n].id, s->seen[i].id, 20);
	}
	*ret = chain;
	return TRB_OK;
}

static int fail_far(const struct search *s, trb_error **err)
{
	return trb_fail_check(err, TRB_E_LIMIT, TRB_CHECK_LIMIT,
			      "the commit is not among the ref's last %llu",
			      (unsigned long long)s->f->limits.history);
}

/* Goes on from what is seen until commit is: its index.  TRB_E_NOTFOUND where all is seen. */
static int go(struct search *s, bool first, const struct trb_commit *commit, size_t *ret,
	      trb_error **err)
{
	for (size_t i = 0; i < s->n; i++) {
		int r;

		if (memcmp(s->seen[i].id, commit->id, 20) == 0) {
			*ret = i;
			return TRB_OK;
		}
		if (s->n > s->f->limits.history)
			return fail_far(s, err);
		r = see_parents(s, i, first, err);
		if (r < 0)
			return r;
	}
	return TRB_E_NOTFOUND;
}

/* Whether the ref's own line, as far as it is known, comes to an ancestor of commit: below that,
 * commit cannot be on it. */
static int line_is_below(const struct search *line, const struct trb_commit *commit, bool *ret,
			 trb_error **err)
{
	struct search s = { .f = line->f, .store = line->store };
	int r = see(&s, commit->id, NO_CHILD, err);

	*ret = false;
	for (size_t i = 0; r == TRB_OK && !*ret && i < s.n; i++) {
		*ret = line->slots[find_slot(line, s.seen[i].id)] != 0;
		r = s.n > s.f->limits.history ? fail_far(&s, err) : see_parents(&s, i, false, err);
	}
	search_clear(&s);
	return r;
}

/* The shortest way; where the ref's own line is known to its end, or beyond commit, the right one.
 */
static int find_reachable(struct search *line, const struct trb_commit *tip,
			  const struct trb_commit *commit, struct trb_commit **ret, size_t *ret_n,
			  trb_error **err)
{
	struct search s = { .f = line->f, .store = line->store };
	bool decided = !line->cut;
	size_t found = 0;
	int r = see(&s, tip->id, NO_CHILD, err);

	if (r == TRB_OK)
		r = go(&s, false, commit, &found, err);
	if (r == TRB_E_NOTFOUND && s.cut)
		r = TRB_E_AGAIN;
	if (r == TRB_OK && !decided)
		r = line_is_below(line, commit, &decided, err);
	if (r == TRB_OK)
		r = decided ? collect(&s, found, ret, ret_n, err) : TRB_E_AGAIN;
	search_clear(&s);
	return r;
}

int history_find(struct fetch *f, const struct fetch_store *store, const struct trb_commit *tip,
		 const struct trb_commit *commit, struct trb_commit **ret, size_t *ret_n,
		 trb_error **err)
{
	struct search line = { .f = f, .store = store };
	size_t found = 0;
	int r = see(&line, tip->id, NO_CHILD, err);

	if (r == TRB_OK)
		r = go(&line, true, commit, &found, err);
	if (r == TRB_OK)
		r = collect(&line, found, ret, ret_n, err);
	else if (r == TRB_E_NOTFOUND)
		r = find_reachable(&line, tip, commit, ret, ret_n, err);
	search_clear(&line);
	return r;
}
