/* SPDX-License-Identifier: Apache-2.0 */
/* Plain objects onto the pipe, in the order of enclave/source_stream.h.  What is sent here is
 * judged there; here it is read only to know what comes next. */
#include <stdio.h>

#include "core/error.h"
#include "fetch/fetch.h"
#include "fetch/repository.h"
#include "format/git_object.h"

/* The repository on its way out. */
struct sending {
	struct fetch *f;
	struct fetched got;
	unsigned n_directories; /* of the present path */
	char path[4096];
	size_t path_len;
};

static int send_object(struct sending *s, enum trb_git_type type, const struct trb_commit *id,
		       git_odb_object **ret, trb_error **err)
{
	_cleanup_(git_odb_object_freep) git_odb_object *object = NULL;
	enum trb_git_type found;
	uint64_t size = 0;
	int r = TRB_OK;

	if (type == TRB_GIT_BLOB)
		r = fetch_store_stat(s->f, &s->got.store, id, &size, &found, err);
	if (r == TRB_OK && size > s->f->limits.object_bytes)
		return trb_fail_check(err, TRB_E_LIMIT, TRB_CHECK_LIMIT,
				      "'%.*s' has %llu bytes, more than %llu", (int)s->path_len,
				      s->path, (unsigned long long)size,
				      (unsigned long long)s->f->limits.object_bytes);
	if (r == TRB_OK)
		r = fetch_store_read(s->f, &s->got.store, id, &object, err);
	if (r == TRB_E_NOTFOUND)
		return trb_fail_check(err, TRB_E_FORMAT, TRB_CHECK_REPOSITORY,
				      "%s sends a pack without '%.*s'", s->f->repository,
				      (int)s->path_len, s->path);
	if (r < 0)
		return r;
	if ((unsigned)git_odb_object_type(object) != type && type == TRB_GIT_COMMIT)
		return trb_fail_check(err, TRB_E_FORMAT, TRB_CHECK_COMMIT,
				      "what was asked for is a %s, no commit",
				      git_object_type2string(git_odb_object_type(object)));
	if ((unsigned)git_odb_object_type(object) != type)
		return trb_fail_check(err, TRB_E_FORMAT, TRB_CHECK_TREE,
				      "'%.*s' is not what its tree says", (int)s->path_len,
				      s->path);
	r = fetch_frame(s->f, type, fetch_object_bytes(object), err);
	if (r == TRB_OK && ret != NULL)
		*ret = steal_ptr(&object);
	return r;
}

static int send_tree(struct sending *s, trb_bytes body, trb_error **err);

static int send_directory(struct sending *s, const struct trb_git_entry *e, trb_error **err)
{
	_cleanup_(git_odb_object_freep) git_odb_object *object = NULL;
	int r;

	if (++s->n_directories > s->f->limits.depth)
		return trb_fail_check(err, TRB_E_LIMIT, TRB_CHECK_LIMIT,
				      "the source has more than %llu directories in one another",
				      (unsigned long long)s->f->limits.depth);
	r = send_object(s, TRB_GIT_TREE, &e->id, &object, err);
	if (r == TRB_OK)
		r = send_tree(s, fetch_object_bytes(object), err);
	s->n_directories--;
	return r;
}

static int send_entry(struct sending *s, const struct trb_git_entry *e, trb_error **err)
{
	size_t before = s->path_len;
	int n, r;

	n = snprintf(s->path + before, sizeof(s->path) - before, "%s%.*s", before > 0 ? "/" : "",
		     (int)e->name.len, (const char *)e->name.ptr);
	if (n < 0 || (size_t)n >= sizeof(s->path) - before)
		return trb_fail_check(err, TRB_E_LIMIT, TRB_CHECK_LIMIT, "a path is too long");
	s->path_len += (size_t)n;
	if (e->mode == TRB_GIT_MODE_TREE)
		r = send_directory(s, e, err);
	else if (e->mode == TRB_GIT_MODE_COMMIT)
		r = TRB_OK; /* its repository has a fetcher of its own */
	else
		r = send_object(s, TRB_GIT_BLOB, &e->id, NULL, err);
	s->path_len = before;
	return r;
}

static int send_tree(struct sending *s, trb_bytes body, trb_error **err)
{
	struct trb_git_tree tree = { 0 };
	int r = trb_git_tree_parse(body, 1, &tree, err);

	for (size_t i = 0; r == TRB_OK && i < tree.n; i++)
		r = send_entry(s, &tree.entries[i], err);
	trb_git_tree_clear(&tree);
	return r;
}

/* Sends the root's .gitmodules ahead of its turn. */
static int send_modules(struct sending *s, const struct trb_git_tree *root, trb_error **err)
{
	for (size_t i = 0; i < root->n; i++)
		if (trb_bytes_eq_str(root->entries[i].name, ".gitmodules") &&
		    (root->entries[i].mode == TRB_GIT_MODE_FILE ||
		     root->entries[i].mode == TRB_GIT_MODE_PROGRAM))
			return send_object(s, TRB_GIT_BLOB, &root->entries[i].id, NULL, err);
	return TRB_OK;
}

static int send_root(struct sending *s, const struct trb_commit *id, trb_error **err)
{
	_cleanup_(git_odb_object_freep) git_odb_object *object = NULL;
	struct trb_git_tree tree = { 0 };
	int r;

	r = send_object(s, TRB_GIT_TREE, id, &object, err);
	if (r == TRB_OK)
		r = trb_git_tree_parse(fetch_object_bytes(object), 1, &tree, err);
	if (r == TRB_OK)
		r = send_modules(s, &tree, err);
	trb_git_tree_clear(&tree);
	return r == TRB_OK ? send_tree(s, fetch_object_bytes(object), err) : r;
}

static int send_tag(void *user, trb_bytes body, trb_error **err)
{
	const struct sending *s = user;

	return fetch_frame(s->f, TRB_FETCH_TAG, body, err);
}

/* Annotated tags, and the commits between the ref's tip and CT. */
static int send_chain(struct sending *s, trb_error **err)
{
	struct trb_commit at = s->got.tip;
	int r = fetch_peel(s->f, &s->got.store, &at, send_tag, s, err);

	for (size_t i = 0; r == TRB_OK && i < s->got.n_chain; i++)
		r = send_object(s, TRB_GIT_COMMIT, &s->got.chain[i], NULL, err);
	return r;
}

static int send_fetched(struct sending *s, trb_error **err)
{
	_cleanup_(git_odb_object_freep) git_odb_object *object = NULL;
	struct trb_git_commit parsed;
	int r = TRB_OK;

	if (s->got.location != NULL)
		r = fetch_frame(s->f, TRB_FETCH_LOCATION, trb_bytes_str(s->got.location), err);
	if (r == TRB_OK && s->f->ref != NULL)
		r = send_chain(s, err);
	if (r == TRB_OK)
		r = send_object(s, TRB_GIT_COMMIT, &s->f->commit, &object, err);
	if (r == TRB_OK)
		r = trb_git_commit_parse(fetch_object_bytes(object), 1, &parsed, err);
	return r == TRB_OK ? send_root(s, &parsed.tree, err) : r;
}

int fetch_send_all(struct fetch *f, trb_error **err)
{
	struct sending *s = calloc(1, sizeof(*s));
	int r;

	if (s == NULL)
		return trb_fail_nomem(err);
	s->f = f;
	r = fetch_repository(f, f->repository, &f->commit, f->ref, &s->got, err);
	if (r == TRB_OK)
		r = send_fetched(s, err);
	fetched_clear(&s->got);
	free(s);
	return r == TRB_OK ? fetch_frame(f, TRB_FETCH_END, TRB_BYTES_NULL, err) : r;
}
