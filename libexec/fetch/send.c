/* SPDX-License-Identifier: Apache-2.0 */
/* Plain objects onto the pipe, in the order of enclave/source_stream.h.  What is sent here is
 * judged there; here it is read only to know what comes next. */
#include <stdarg.h>
#include <stdio.h>

#include "core/error.h"
#include "core/io.h"
#include "fetch/fetch.h"
#include "fetch/history.h"
#include "format/git_object.h"
#include "format/gitmodules.h"

int fetch_frame(struct fetch *f, unsigned type, trb_bytes body, trb_error **err)
{
	uint8_t head[TRB_FETCH_HEADER];
	int r;

	trb_fetch_header_encode(type, body.len, head);
	r = trb_write_full(f->out, TRB_BYTES(head, sizeof(head)), err);
	if (r == TRB_OK)
		r = trb_write_full(f->out, body, err);
	f->broken |= r < 0;
	return r;
}

int fetch_progress(struct fetch *f, const char *fmt, ...)
{
	char text[TRB_FETCH_TEXT_MAX];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0)
		return TRB_OK;
	n = n < (int)sizeof(text) ? n : (int)sizeof(text) - 1;
	return fetch_frame(f, TRB_FETCH_PROGRESS, TRB_BYTES(text, n), NULL);
}

/* A repository on its way out; one for each level of submodules. */
struct sending {
	struct fetch *f;
	struct fetched got;
	const char *url;
	struct trb_gitmodules modules;
	unsigned depth;         /* of submodules */
	unsigned n_directories; /* of this repository's present path */
	char path[4096];
	size_t path_len;
};

static int send_object(struct sending *s, unsigned type, const struct trb_commit *id,
		       git_odb_object **ret, trb_error **err)
{
	_cleanup_(git_odb_object_freep) git_odb_object *object = NULL;
	git_object_t found;
	git_oid oid;
	size_t size;
	int r;

	git_oid_fromraw(&oid, id->id);
	r = git_odb_read_header(&size, &found, s->got.odb, &oid);
	if (r == 0 && found == GIT_OBJECT_BLOB && size > s->f->limits.object_bytes)
		return trb_fail_check(err, TRB_E_LIMIT, TRB_CHECK_LIMIT,
				      "'%.*s' has %zu bytes, more than %llu", (int)s->path_len,
				      s->path, size, (unsigned long long)s->f->limits.object_bytes);
	if (r == 0)
		r = git_odb_read(&object, s->got.odb, &oid);
	if (r < 0)
		return fetch_fail(s->f, r, "an object of the source", err);
	if ((unsigned)git_odb_object_type(object) != type && type == TRB_GIT_COMMIT)
		return trb_fail_check(err, TRB_E_FORMAT, TRB_CHECK_COMMIT, "%s is a %s, no commit",
				      git_oid_tostr_s(&oid),
				      git_object_type2string(git_odb_object_type(object)));
	if ((unsigned)git_odb_object_type(object) != type)
		return trb_fail_check(err, TRB_E_FORMAT, TRB_CHECK_TREE,
				      "'%.*s' is not what its tree says", (int)s->path_len,
				      s->path);
	r = fetch_frame(s->f, type,
			TRB_BYTES(git_odb_object_data(object), git_odb_object_size(object)), err);
	if (r == TRB_OK && ret != NULL)
		*ret = steal_ptr(&object);
	return r;
}

static trb_bytes object_bytes(git_odb_object *o)
{
	return TRB_BYTES(git_odb_object_data(o), git_odb_object_size(o));
}

static int send_repository(struct fetch *f, const char *url, const struct trb_commit *commit,
			   const char *ref, unsigned depth, trb_error **err);

static int send_submodule(struct sending *s, const struct trb_git_entry *e, trb_error **err)
{
	_cleanup_free_ char *url = NULL;
	int r;

	if (s->depth + 1 > s->f->limits.submodule_depth)
		return trb_fail_check(err, TRB_E_LIMIT, TRB_CHECK_LIMIT,
				      "the source has more than %llu submodules in one another",
				      (unsigned long long)s->f->limits.submodule_depth);
	if (s->f->n_repositories > s->f->limits.submodules)
		return trb_fail_check(err, TRB_E_LIMIT, TRB_CHECK_LIMIT,
				      "the source has more than %llu submodules",
				      (unsigned long long)s->f->limits.submodules);
	r = trb_gitmodules_url(&s->modules, TRB_BYTES(s->path, s->path_len), s->url, &url, err);
	if (r < 0)
		return r;
	return send_repository(s->f, url, &e->id, NULL, s->depth + 1, err);
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
		r = send_tree(s, object_bytes(object), err);
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
		r = send_submodule(s, e, err);
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

/* Sends the root's .gitmodules ahead of its turn, and reads it where a submodule needs it. */
static int send_modules(struct sending *s, const struct trb_git_tree *root, trb_error **err)
{
	_cleanup_(git_odb_object_freep) git_odb_object *object = NULL;
	const struct trb_git_entry *found = NULL;
	int r;

	for (size_t i = 0; i < root->n; i++)
		if (trb_bytes_eq_str(root->entries[i].name, ".gitmodules") &&
		    (root->entries[i].mode == TRB_GIT_MODE_FILE ||
		     root->entries[i].mode == TRB_GIT_MODE_PROGRAM))
			found = &root->entries[i];
	if (found == NULL)
		return TRB_OK;
	r = send_object(s, TRB_GIT_BLOB, &found->id, &object, err);
	if (r == TRB_OK && git_odb_object_size(object) <= TRB_GIT_MODULES_MAX)
		/* a fault in it matters only to a submodule, which then has no URL */
		trb_gitmodules_parse(object_bytes(object), &s->modules, NULL);
	return r;
}

static int send_root(struct sending *s, const struct trb_commit *id, trb_error **err)
{
	_cleanup_(git_odb_object_freep) git_odb_object *object = NULL;
	struct trb_git_tree tree = { 0 };
	int r;

	r = send_object(s, TRB_GIT_TREE, id, &object, err);
	if (r == TRB_OK)
		r = trb_git_tree_parse(object_bytes(object), 1, &tree, err);
	if (r == TRB_OK)
		r = send_modules(s, &tree, err);
	trb_git_tree_clear(&tree);
	return r == TRB_OK ? send_tree(s, object_bytes(object), err) : r;
}

/* The commits between a ref's tip and CT, and annotated tags before them. */
static int send_chain(struct sending *s, const struct trb_commit *commit, trb_error **err)
{
	_cleanup_free_ struct trb_commit *chain = NULL;
	struct trb_commit at = { .algorithm = 1 };
	size_t n = 0;
	int r;

	memcpy(at.id, s->got.tip.id, 20);
	for (unsigned i = 0; i < 16; i++) { /* tags of tags */
		_cleanup_(git_odb_object_freep) git_odb_object *object = NULL;
		enum trb_git_type type;

		if (git_odb_read(&object, s->got.odb, &s->got.tip) < 0)
			return fetch_fail(s->f, -1, "the tip of the ref", err);
		if (git_odb_object_type(object) != GIT_OBJECT_TAG)
			break;
		r = send_object(s, TRB_GIT_TAG, &at, NULL, err);
		if (r == TRB_OK)
			r = trb_git_tag_parse(object_bytes(object), 1, &at, &type, err);
		if (r < 0)
			return r;
		memcpy(s->got.tip.id, at.id, 20);
	}
	r = history_find(s->got.odb, &at, commit, s->f->limits.history, &chain, &n, err);
	if (r == TRB_E_NOTFOUND)
		return trb_fail_check(err, r, TRB_CHECK_REF,
				      "commit %s is not in the history of %s at %s",
				      s->f->commit_hex, s->f->ref, s->url);
	for (size_t i = 0; r == TRB_OK && i < n; i++)
		r = send_object(s, TRB_GIT_COMMIT, &chain[i], NULL, err);
	return r;
}

static int send_fetched(struct sending *s, const struct trb_commit *commit, const char *ref,
			trb_error **err)
{
	_cleanup_(git_odb_object_freep) git_odb_object *object = NULL;
	struct trb_git_commit parsed;
	int r = TRB_OK;

	if (ref != NULL)
		r = send_chain(s, commit, err);
	if (r == TRB_OK)
		r = send_object(s, TRB_GIT_COMMIT, commit, &object, err);
	if (r == TRB_OK)
		r = trb_git_commit_parse(object_bytes(object), 1, &parsed, err);
	return r == TRB_OK ? send_root(s, &parsed.tree, err) : r;
}

static int send_repository(struct fetch *f, const char *url, const struct trb_commit *commit,
			   const char *ref, unsigned depth, trb_error **err)
{
	struct sending *s = calloc(1, sizeof(*s));
	int r;

	if (s == NULL)
		return trb_fail_nomem(err);
	s->f = f;
	s->url = url;
	s->depth = depth;
	r = fetch_repository(f, url, commit, ref, &s->got, err);
	if (r == TRB_OK)
		r = send_fetched(s, commit, ref, err);
	fetched_clear(&s->got);
	trb_gitmodules_clear(&s->modules);
	free(s);
	return r;
}

int fetch_send_all(struct fetch *f, trb_error **err)
{
	int r = send_repository(f, f->repository, &f->commit, f->ref, 0, err);

	return r == TRB_OK ? fetch_frame(f, TRB_FETCH_END, TRB_BYTES_NULL, err) : r;
}
