/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/history.h"

#include <stdlib.h>

#include "core/cleanup.h"
#include "core/error.h"
#include "format/fetch.h"
#include "format/git_object.h"

#define NO_CHILD SIZE_MAX

struct seen {
	uint8_t id[20];
	size_t child; /* the commit that led here */
};

/* Breadth first: the commits that were seen, in order, and an open-addressed index over them. */
struct search {
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

static int see_parents(struct search *s, size_t index, git_odb *odb, trb_error **err)
{
	struct trb_git_commit commit;
	struct trb_commit parent;
	git_odb_object *object;
	git_oid oid;
	int r;

	git_oid_fromraw(&oid, s->seen[index].id);
	if (git_odb_read(&object, odb, &oid) < 0)
		return trb_fail_check(err, TRB_E_FORMAT, TRB_CHECK_REF,
				      "the ref's history is not whole");
	r = git_odb_object_type(object) == GIT_OBJECT_COMMIT
		    ? trb_git_commit_parse(
			      TRB_BYTES(git_odb_object_data(object), git_odb_object_size(object)),
			      1, &commit, err)
		    : trb_fail_check(err, TRB_E_FORMAT, TRB_CHECK_REF,
				     "the ref does not lead to a commit");
	while (r == TRB_OK && trb_git_commit_next_parent(&commit, &parent))
		r = see(s, parent.id, index, err);
	git_odb_object_free(object);
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

static int search(struct search *s, git_odb *odb, const struct trb_commit *tip,
		  const struct trb_commit *commit, uint64_t max, size_t *ret, trb_error **err)
{
	int r = see(s, tip->id, NO_CHILD, err);

	for (size_t i = 0; r == TRB_OK && i < s->n; i++) {
		if (memcmp(s->seen[i].id, commit->id, 20) == 0) {
			*ret = i;
			return TRB_OK;
		}
		if (s->n > max)
			return trb_fail_check(err, TRB_E_LIMIT, TRB_CHECK_LIMIT,
					      "the commit is not among the ref's last %llu",
					      (unsigned long long)max);
		r = see_parents(s, i, odb, err);
	}
	return r < 0 ? r : TRB_E_NOTFOUND;
}

int history_find(git_odb *odb, const struct trb_commit *tip, const struct trb_commit *commit,
		 uint64_t max, struct trb_commit **ret, size_t *ret_n, trb_error **err)
{
	struct search s = { 0 };
	size_t found = 0;
	int r = search(&s, odb, tip, commit, max, &found, err);

	if (r == TRB_OK)
		r = collect(&s, found, ret, ret_n, err);
	search_clear(&s);
	return r;
}
