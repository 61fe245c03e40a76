/* SPDX-License-Identifier: Apache-2.0 */
/* One repository: no more of it than the commit, its tree and the way to it. */
#include "fetch/repository.h"

#include <stdio.h>

#include "core/error.h"
#include "fetch/fetch.h"
#include "fetch/history.h"
#include "fetch/remote.h"

#define TAGS_MAX 16u

/* How much of a history is asked for: the tip alone, then more, at last all of it.  Every round
 * asks anew for what is there already, which is little beside the next. */
static const unsigned depths[] = { 1, 64, 1024, 16384, 0 };
#define LAST_DEPTH (sizeof(depths) / sizeof(depths[0]) - 1)

/* A repository on its way in. */
struct getting {
	struct fetch *f;
	const char *url, *ref;
	const struct trb_commit *commit;
	struct remote remote;
	struct fetched got;
};

void fetched_clear(struct fetched *r)
{
	fetch_store_close(&r->store);
	free(r->location);
	free(r->chain);
	*r = (struct fetched){ 0 };
}

int fetch_peel(struct fetch *f, const struct fetch_store *store, struct trb_commit *id,
	       int (*on_tag)(void *user, trb_bytes body, trb_error **err), void *user,
	       trb_error **err)
{
	for (unsigned i = 0; i < TAGS_MAX; i++) {
		_cleanup_(git_odb_object_freep) git_odb_object *object = NULL;
		struct trb_git_tag tag;
		int r = fetch_store_read(f, store, id, &object, err);

		if (r == TRB_E_NOTFOUND)
			return trb_fail_check(err, TRB_E_FORMAT, TRB_CHECK_REF,
					      "%s sends a pack without what its ref points to",
					      f->url);
		if (r < 0 || git_odb_object_type(object) != GIT_OBJECT_TAG)
			return r;
		if (on_tag != NULL)
			r = on_tag(user, fetch_object_bytes(object), err);
		if (r == TRB_OK)
			r = trb_git_tag_parse(fetch_object_bytes(object), 1, &tag, err);
		if (r < 0)
			return r;
		*id = tag.target;
	}
	return trb_fail_check(err, TRB_E_LIMIT, TRB_CHECK_LIMIT,
			      "the ref leads through more than %u tags", TAGS_MAX);
}

static bool can(const struct getting *g, unsigned feature)
{
	return (g->remote.features & feature) != 0;
}

/* ret_refused NULL: a refusal is an error like any other. */
static int want(struct getting *g, const struct trb_commit *id, unsigned depth, bool commits_only,
		bool *ret_refused, trb_error **err)
{
	const struct trb_git_wants wants = {
		.n = 1,
		.ids = id,
		.depth = can(g, TRB_GIT_SHALLOW) ? depth : 0,
		.commits_only = commits_only && can(g, TRB_GIT_FILTER),
	};
	_cleanup_(trb_error_unrefp) trb_error *why = NULL;
	bool refused = false;
	int r = remote_fetch(&g->remote, &wants, &g->got.store, &refused, &why);

	if (ret_refused != NULL)
		*ret_refused = refused;
	if (r < 0 && !(refused && ret_refused != NULL) && err != NULL && *err == NULL)
		*err = steal_ptr(&why);
	return refused && ret_refused != NULL ? TRB_OK : r;
}

/* Whether the commit is there with its tree: a way may end at one that was cut off. */
static int has_tree(struct getting *g, bool *ret, trb_error **err)
{
	_cleanup_(git_odb_object_freep) git_odb_object *object = NULL;
	struct trb_git_commit commit;
	int r = fetch_store_read(g->f, &g->got.store, g->commit, &object, err);

	*ret = false;
	if (r == TRB_E_NOTFOUND)
		return TRB_OK;
	if (r < 0 || git_odb_object_type(object) != GIT_OBJECT_COMMIT)
		return r; /* what is sent of it says so */
	r = trb_git_commit_parse(fetch_object_bytes(object), 1, &commit, err);
	if (r == TRB_OK)
		*ret = fetch_store_has(&g->got.store, &commit.tree);
	return r;
}

/* With a ref. */

static int look_for_way(struct getting *g, trb_error **err)
{
	struct trb_commit at = g->got.tip;
	int r = fetch_peel(g->f, &g->got.store, &at, NULL, NULL, err);

	if (r == TRB_OK)
		r = history_find(g->f, &g->got.store, &at, g->commit, &g->got.chain,
				 &g->got.n_chain, err);
	if (r == TRB_E_NOTFOUND)
		return trb_fail_check(err, r, TRB_CHECK_REF,
				      "commit %s is not in the history of %s at %s",
				      g->f->commit_hex, g->ref, g->url);
	return r;
}

static int get_way(struct getting *g, bool is_tip, trb_error **err)
{
	size_t i = !can(g, TRB_GIT_SHALLOW) ? LAST_DEPTH : is_tip ? 0 : 1;

	for (;; i++) {
		int r = want(g, &g->got.tip, depths[i], !is_tip, NULL, err);

		if (r == TRB_OK)
			r = look_for_way(g, err);
		if (r != TRB_E_AGAIN)
			return r;
		if (i == LAST_DEPTH)
			return trb_fail_check(err, TRB_E_FORMAT, TRB_CHECK_REF,
					      "%s sends a history of %s that is not whole", g->url,
					      g->ref);
		is_tip = false;
		fetch_progress(g->f, "looking further back than %u commits", depths[i]);
	}
}

/* A server that gives out only what refs point to has the commit in a history of some depth. */
static int get_commit_by_way(struct getting *g, trb_error **err)
{
	bool there, refused = true;
	int r = has_tree(g, &there, err);

	if (r < 0 || there)
		return r;
	if (can(g, TRB_GIT_WANT_ANY))
		r = want(g, g->commit, 1, false, &refused, err);
	if (r < 0 || !refused)
		return r;
	return want(g, &g->got.tip, (unsigned)g->got.n_chain + 1, false, NULL, err);
}

static int get_by_ref(struct getting *g, trb_error **err)
{
	const struct fetch_names names = { .n = 1, .names = { g->ref } };
	const struct fetch_ref *ref;
	bool is_tip;
	int r = remote_open(&g->remote, g->f, g->url, &names, err);

	if (r < 0)
		return r;
	ref = remote_find(&g->remote, "", g->ref);
	if (ref == NULL)
		return trb_fail_check(err, TRB_E_NOTFOUND, TRB_CHECK_REF, "%s has no ref '%s'",
				      g->url, g->ref);
	g->got.tip = ref->id;
	is_tip = trb_commit_eq(&ref->id, g->commit) ||
		 (ref->peeled && trb_commit_eq(&ref->target, g->commit));
	fetch_progress(g->f, "fetching %s", g->ref);
	r = get_way(g, is_tip, err);
	return r == TRB_OK ? get_commit_by_way(g, err) : r;
}

/* Without one. */

static int fail_no_commit(const struct getting *g, trb_error **err)
{
	char hex[65];

	trb_commit_to_hex(g->commit, hex);
	return trb_fail_check(err, TRB_E_NOTFOUND, TRB_CHECK_COMMIT,
			      "%s has no branch or tag with commit %s, and does not give it out by "
			      "its id: name a ref whose history has it",
			      g->url, hex);
}

/* All branches and tags, for servers that do not give out commits by their ids. */
static int get_everything(struct getting *g, trb_error **err)
{
	const struct fetch_names names = { .branches_and_tags = true };
	_cleanup_free_ struct trb_commit *ids = NULL;
	struct trb_git_wants wants = { 0 };
	bool refused;
	int r;

	remote_clear(&g->remote);
	r = remote_open(&g->remote, g->f, g->url, &names, err);
	if (r < 0)
		return r;
	if (g->remote.n == 0)
		return fail_no_commit(g, err);
	ids = calloc(g->remote.n, sizeof(*ids));
	if (ids == NULL)
		return trb_fail_nomem(err);
	for (size_t i = 0; i < g->remote.n; i++)
		ids[wants.n++] = g->remote.refs[i].id;
	wants.ids = ids;
	fetch_progress(g->f, "fetching all branches and tags");
	r = remote_fetch(&g->remote, &wants, &g->got.store, &refused, err);
	if (r < 0 || fetch_store_has(&g->got.store, g->commit))
		return r;
	return fail_no_commit(g, err);
}

static int get_by_id(struct getting *g, trb_error **err)
{
	const struct fetch_names names = { .id = g->commit };
	bool refused = true;
	int r = remote_open(&g->remote, g->f, g->url, &names, err);

	if (r < 0)
		return r;
	fetch_progress(g->f, "fetching the commit by its id");
	if (can(g, TRB_GIT_WANT_ANY | TRB_GIT_WANT_TIP) || g->remote.n > 0)
		r = want(g, g->commit, 1, false, &refused, err);
	if (r < 0 || !refused)
		return r;
	return get_everything(g, err);
}

/* Whole tries. */

static int get_once(struct getting *g, int (*get)(struct getting *g, trb_error **err),
		    trb_error **err)
{
	int r;

	fetched_clear(&g->got);
	r = fetch_store_open(g->f, &g->got.store, err);
	if (r == TRB_OK)
		r = get(g, err);
	if (r == TRB_OK && g->remote.moved) {
		g->got.location = strdup(g->remote.base);
		r = g->got.location != NULL ? TRB_OK : trb_fail_nomem(err);
	}
	remote_clear(&g->remote);
	return r;
}

static int get_commit(void *user, trb_error **err)
{
	struct getting *g = user;

	return get_once(g, g->ref != NULL ? get_by_ref : get_by_id, err);
}

static int get_all_commits(struct getting *g, trb_error **err)
{
	const struct fetch_names names = { .n = 1, .names = { g->ref } };
	const struct fetch_ref *ref;
	int r = remote_open(&g->remote, g->f, g->url, &names, err);

	if (r < 0)
		return r;
	ref = remote_find(&g->remote, "", g->ref);
	if (ref == NULL)
		return trb_fail_check(err, TRB_E_NOTFOUND, TRB_CHECK_REF, "%s has no ref '%s'",
				      g->url, g->ref);
	g->got.tip = ref->id;
	return want(g, &ref->id, 0, true, NULL, err);
}

static int get_history(void *user, trb_error **err)
{
	return get_once(user, get_all_commits, err);
}

static int get(struct getting *g, int (*once)(void *user, trb_error **err), struct fetched *ret,
	       trb_error **err)
{
	int r = fetch_tries(g->f, once, g, err);

	if (r == TRB_OK)
		*ret = g->got;
	else
		fetched_clear(&g->got);
	return r;
}

int fetch_repository(struct fetch *f, const char *url, const struct trb_commit *commit,
		     const char *ref, struct fetched *ret, trb_error **err)
{
	struct getting g = { .f = f, .url = url, .commit = commit, .ref = ref };

	return get(&g, get_commit, ret, err);
}

int fetch_history(struct fetch *f, const char *url, const char *ref, struct fetched *ret,
		  trb_error **err)
{
	struct getting g = { .f = f, .url = url, .ref = ref };

	return get(&g, get_history, ret, err);
}
