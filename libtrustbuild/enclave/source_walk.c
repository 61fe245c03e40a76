/* SPDX-License-Identifier: Apache-2.0 */
/* Objects in the order in which CT demands them, each hashed, named and placed. */
#include "enclave/source_walk.h"

#include <stdlib.h>

#include "core/error.h"
#include "format/recipe.h"

#define WINDING_MAX  1024
#define MODULES_NAME ".gitmodules"

static int fail_limit(const char *what, uint64_t limit, trb_error **err)
{
	return trb_fail_check(err, TRB_E_LIMIT, TRB_CHECK_LIMIT, "the source has more than %llu %s",
			      (unsigned long long)limit, what);
}

/* Repositories and levels. */

static void pop_repository(struct trb_source_walk *s)
{
	struct trb_walk_repository *r = s->repository;

	s->repository = r->parent;
	trb_gitmodules_clear(&r->modules);
	trb_blob_unref(r->modules_text);
	free(r->url);
	free(r);
}

/* Takes url over, also on failure. */
static int push_repository(struct trb_source_walk *s, char *url, const struct trb_commit *commit,
			   trb_error **err)
{
	struct trb_walk_repository *r = calloc(1, sizeof(*r));

	if (r == NULL || url == NULL) {
		free(url);
		free(r);
		return trb_fail_nomem(err);
	}
	*r = (struct trb_walk_repository){ .parent = s->repository,
					   .url = url,
					   .path_len = s->path_len,
					   .depth = s->repository ? s->repository->depth + 1 : 0 };
	s->repository = r;
	s->want = WANT_COMMIT;
	s->want_id = *commit;
	s->want_type = TRB_GIT_COMMIT;
	return TRB_OK;
}

static struct trb_walk_level *top(struct trb_source_walk *s)
{
	return s->n_levels ? &s->levels[s->n_levels - 1] : NULL;
}

static void drop_level(struct trb_source_walk *s)
{
	struct trb_walk_level *l = &s->levels[--s->n_levels];

	trb_git_tree_clear(&l->tree);
	trb_blob_unref(l->body);
}

static int path_push(struct trb_source_walk *s, trb_bytes name, trb_error **err)
{
	if (name.len + 2 > TRB_PATH_BYTES - s->path_len)
		return fail_limit("bytes in a path", TRB_PATH_BYTES - 1, err);
	memcpy(s->path + s->path_len, name.ptr, name.len);
	s->path_len += name.len;
	s->path[s->path_len] = '\0';
	return TRB_OK;
}

static void path_cut(struct trb_source_walk *s, size_t len)
{
	s->path_len = len;
	s->path[len] = '\0';
}

/* Opens the directory at the present path: "" is the root of all. */
static int push_level(struct trb_source_walk *s, trb_blob *body, bool root, trb_error **err)
{
	struct trb_walk_level *l = &s->levels[s->n_levels];
	int r;

	if (s->n_levels > 0 && s->n_levels > s->limits.depth)
		return fail_limit("directories in one another", s->limits.depth, err);
	*l = (struct trb_walk_level){ .root = root };
	r = trb_git_tree_parse(trb_blob_bytes(body), s->commit.algorithm, &l->tree, err);
	if (r < 0)
		return trb_wrap(err, r, "tree '%s'", s->path);
	l->body = trb_blob_ref(body);
	s->n_levels++;
	s->result.files += l->tree.n;
	if (s->result.files > s->limits.files)
		return fail_limit("files", s->limits.files, err);
	if (s->path_len > 0) {
		r = path_push(s, TRB_BYTES_LIT("/"), err);
		if (r < 0)
			return r;
	}
	l->path_len = s->path_len;
	if (root)
		s->repository->path_len = s->path_len;
	return TRB_OK;
}

/* Submodules. */

static bool has_control(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return true;
	return false;
}

static int note_submodule(struct trb_source_walk *s, const char *url,
			  const struct trb_commit *commit, trb_error **err)
{
	struct trb_source_result *res = &s->result;
	struct trb_source_submodule *grown, m = { .commit = *commit };

	if (has_control(s->path) || !trb_utf8_valid(trb_bytes_str(s->path)))
		return trb_fail_check(err, TRB_E_FORMAT, TRB_CHECK_SUBMODULE,
				      "the path of a submodule is not printable UTF-8");
	if (res->n_submodules == s->limits.submodules)
		return fail_limit("submodules", s->limits.submodules, err);
	grown = realloc(res->submodules, (res->n_submodules + 1) * sizeof(*grown));
	if (grown == NULL)
		return trb_fail_nomem(err);
	res->submodules = grown;
	m.path = strdup(s->path);
	m.url = strdup(url);
	grown[res->n_submodules++] = m; /* free()d whatever becomes of it */
	return m.path != NULL && m.url != NULL ? TRB_OK : trb_fail_nomem(err);
}

static int begin_submodule(struct trb_source_walk *s, const struct trb_git_entry *e,
			   trb_error **err)
{
	struct trb_walk_repository *repo = s->repository;
	_cleanup_free_ char *url = NULL;
	int r = TRB_OK;

	if (repo->depth + 1 > s->limits.submodule_depth)
		return fail_limit("submodules in one another", s->limits.submodule_depth, err);
	if (!repo->modules_read)
		r = trb_gitmodules_parse(trb_blob_bytes(repo->modules_text), &repo->modules, err);
	if (r < 0)
		return r;
	repo->modules_read = true;
	r = trb_gitmodules_url(&repo->modules,
			       TRB_BYTES(s->path + repo->path_len, s->path_len - repo->path_len),
			       repo->url, &url, err);
	if (r == TRB_OK)
		r = note_submodule(s, url, &e->id, err);
	if (r < 0)
		return r;
	r = push_repository(s, steal_ptr(&url), &e->id, err);
	if (r < 0)
		return r;
	s->repository->submodule = s->result.n_submodules - 1;
	s->want = WANT_SUBMODULE;
	return TRB_OK;
}

/* The walk. */

static int finish_level(struct trb_source_walk *s, trb_error **err)
{
	struct trb_walk_level *l = top(s), *up;
	bool root = l->root;
	uint8_t digest[32];
	int r;

	r = trb_git_tree_digest(&l->tree, digest, err);
	if (r < 0)
		return r;
	drop_level(s);
	if (root)
		s->want = WANT_END;
	up = top(s);
	if (up == NULL) {
		memcpy(s->result.digest, digest, 32);
		return TRB_OK;
	}
	memcpy(up->tree.entries[up->next++].digest, digest, 32);
	path_cut(s, up->path_len);
	return s->writer != NULL ? trb_tree_leave(s->writer, err) : TRB_OK;
}

/* Says what is due after an object was taken: the next entry, or a directory's end. */
static int advance(struct trb_source_walk *s, trb_error **err)
{
	const struct trb_git_entry *e;
	struct trb_walk_level *l;
	int r;

	for (l = top(s); l->next == l->tree.n; l = top(s)) {
		r = finish_level(s, err);
		if (r < 0 || s->want == WANT_END)
			return r;
	}
	e = &l->tree.entries[l->next];
	r = path_push(s, e->name, err);
	if (r < 0)
		return r;
	if (e->mode == TRB_GIT_MODE_COMMIT)
		return begin_submodule(s, e, err);
	s->want = WANT_ENTRY;
	s->want_id = e->id;
	s->want_type = e->mode == TRB_GIT_MODE_TREE ? TRB_GIT_TREE : TRB_GIT_BLOB;
	return TRB_OK;
}

static int enter_directory(struct trb_source_walk *s, trb_error **err)
{
	const struct trb_walk_level *l = top(s);

	if (l == NULL || s->writer == NULL)
		return TRB_OK;
	return trb_tree_enter(s->writer, l->tree.entries[l->next].name, err);
}

static int open_level(struct trb_source_walk *s, trb_blob *body, bool root, trb_error **err)
{
	int r = TRB_OK;

	if (s->n_levels > TRB_TREE_DEPTH_MAX)
		return fail_limit("directories in one another", TRB_TREE_DEPTH_MAX, err);
	r = enter_directory(s, err);
	if (r == TRB_OK)
		r = push_level(s, body, root, err);
	return r < 0 ? r : advance(s, err);
}

/* Blobs. */

static int note_winding(struct trb_source_walk *s, trb_error **err)
{
	char **grown;

	if (s->n_winding == WINDING_MAX)
		return fail_limit("links that go down and up again", WINDING_MAX, err);
	grown = realloc(s->winding, (s->n_winding + 1) * sizeof(*grown));
	if (grown == NULL)
		return trb_fail_nomem(err);
	s->winding = grown;
	grown[s->n_winding] = strdup(s->path);
	if (grown[s->n_winding] == NULL)
		return trb_fail_nomem(err);
	s->n_winding++;
	return TRB_OK;
}

static int take_link(struct trb_source_walk *s, const struct trb_git_entry *e, trb_bytes target,
		     trb_error **err)
{
	bool winding = false;
	const char *fault = trb_git_link_fault(target, s->n_levels - 1, &winding);
	int r;

	if (fault != NULL)
		return trb_fail_check(err, TRB_E_FORMAT, TRB_CHECK_TREE, "the link '%s': %s",
				      s->path, fault);
	if (winding) {
		r = note_winding(s, err);
		if (r < 0)
			return r;
	}
	return s->writer != NULL ? trb_tree_link(s->writer, e->name, target, err) : TRB_OK;
}

static int take_file(struct trb_source_walk *s, const struct trb_git_entry *e, trb_bytes body,
		     trb_error **err)
{
	bool recipe = s->n_levels == 1 && trb_bytes_eq_str(e->name, TRB_RECIPE_NAME);
	int r;

	if (recipe && body.len > TRB_RECIPE_MAX)
		return trb_fail_check(err, TRB_E_LIMIT, TRB_CHECK_LIMIT,
				      TRB_RECIPE_NAME " is larger than %u bytes", TRB_RECIPE_MAX);
	if (recipe) {
		r = trb_blob_new(body, &s->result.recipe, err);
		if (r < 0)
			return r;
	}
	if (s->writer == NULL)
		return TRB_OK;
	return trb_tree_file(s->writer, e->name, body, e->mode == TRB_GIT_MODE_PROGRAM, err);
}

static int take_blob(struct trb_source_walk *s, trb_bytes body, trb_error **err)
{
	struct trb_walk_level *l = top(s);
	struct trb_git_entry *e = &l->tree.entries[l->next];
	struct trb_commit id;
	int r;

	if (body.len > s->limits.tree_bytes - s->result.bytes)
		return fail_limit("bytes in its files", s->limits.tree_bytes, err);
	s->result.bytes += body.len;
	r = trb_git_hash(2, TRB_GIT_BLOB, body, &id, err);
	if (r < 0)
		return r;
	memcpy(e->digest, id.id, 32);
	r = e->mode == TRB_GIT_MODE_LINK ? take_link(s, e, body, err) : take_file(s, e, body, err);
	if (r < 0)
		return r;
	l->next++;
	path_cut(s, l->path_len);
	return advance(s, err);
}

/* Commits and root trees. */

static int take_commit(struct trb_source_walk *s, trb_bytes body, trb_error **err)
{
	struct trb_git_commit c;
	int r = trb_git_commit_parse(body, s->commit.algorithm, &c, err);

	if (r < 0)
		return r;
	if (s->repository->parent == NULL) {
		s->result.time = c.time;
		if (s->writer != NULL)
			s->writer->time = c.time;
	}
	s->want = WANT_ROOT;
	s->want_id = c.tree;
	s->want_type = TRB_GIT_TREE;
	return TRB_OK;
}

/* One step on the way from the ref's tip to CT. */
static int take_chain(struct trb_source_walk *s, enum trb_git_type type, trb_bytes body,
		      const struct trb_commit *id, trb_error **err)
{
	bool arrived;
	int r = trb_chain_take(s, type, body, id, &arrived, err);

	return r == TRB_OK && arrived ? take_commit(s, body, err) : r;
}

static int take_root(struct trb_source_walk *s, trb_bytes body, trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *blob = NULL;
	struct trb_git_tree tree = { 0 };
	int r = trb_git_tree_parse(body, s->commit.algorithm, &tree, err);

	if (r == TRB_OK)
		r = trb_blob_new(body, &blob, err);
	if (r < 0) {
		trb_git_tree_clear(&tree);
		return r;
	}
	for (size_t i = 0; i < tree.n; i++) {
		const struct trb_git_entry *e = &tree.entries[i];

		if (!trb_bytes_eq_str(e->name, MODULES_NAME) ||
		    (e->mode != TRB_GIT_MODE_FILE && e->mode != TRB_GIT_MODE_PROGRAM))
			continue;
		s->want = WANT_MODULES;
		s->want_id = e->id;
		s->want_type = TRB_GIT_BLOB;
		s->root_body = steal_ptr(&blob);
	}
	trb_git_tree_clear(&tree);
	return s->want == WANT_MODULES ? TRB_OK : open_level(s, blob, true, err);
}

static int take_modules(struct trb_source_walk *s, trb_bytes body, trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *root = steal_ptr(&s->root_body);
	int r = trb_blob_new(body, &s->repository->modules_text, err);

	return r < 0 ? r : open_level(s, root, true, err);
}

int trb_walk_take(struct trb_source_walk *s, enum trb_git_type type, trb_bytes body,
		  trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *blob = NULL;
	struct trb_commit id;
	int r = trb_git_hash(s->commit.algorithm, type, body, &id, err);

	if (r < 0)
		return r;
	s->repository->begun = true;
	if (s->want == WANT_CHAIN)
		return take_chain(s, type, body, &id, err);
	if (!trb_commit_eq(&id, &s->want_id))
		return trb_fail_check(err, TRB_E_FORMAT, TRB_CHECK_OBJECT,
				      "an object at '%s' is not the one that the commit names",
				      s->path);
	switch (s->want) {
	case WANT_COMMIT:
		return take_commit(s, body, err);
	case WANT_ROOT:
		return take_root(s, body, err);
	case WANT_MODULES:
		return take_modules(s, body, err);
	default:
		break;
	}
	if (s->want_type == TRB_GIT_BLOB)
		return take_blob(s, body, err);
	r = trb_blob_new(body, &blob, err);
	return r < 0 ? r : open_level(s, blob, false, err);
}

/* From outside. */

static uint64_t object_max(const struct trb_source_walk *s, unsigned type)
{
	switch (type) {
	case TRB_GIT_COMMIT:
	case TRB_GIT_TAG:
		return TRB_GIT_COMMIT_MAX;
	case TRB_GIT_TREE:
		return TRB_GIT_TREE_MAX;
	default:
		return s->want == WANT_MODULES ? TRB_GIT_MODULES_MAX : s->limits.object_bytes;
	}
}

static bool is_wanted(const struct trb_source_walk *s, unsigned type)
{
	if (s->want == WANT_END)
		return type == TRB_FETCH_END;
	if (s->want == WANT_CHAIN)
		return type == TRB_GIT_COMMIT || type == TRB_GIT_TAG;
	return s->want < WANT_SUBMODULE && type == s->want_type;
}

bool trb_walk_wants(const struct trb_source_walk *s, unsigned type, uint64_t *ret_max)
{
	if (!is_wanted(s, type))
		return false;
	*ret_max = type == TRB_FETCH_END ? 0 : object_max(s, type);
	return true;
}

static int compare_submodules(const void *a, const void *b)
{
	const struct trb_source_submodule *x = a, *y = b;

	return strcmp(x->path, y->path);
}

static int finish(struct trb_source_walk *s, trb_error **err)
{
	int r = TRB_OK;

	for (size_t i = 0; r == TRB_OK && s->writer != NULL && i < s->n_winding; i++)
		r = trb_tree_walk_link(s->writer, s->winding[i], err);
	if (r < 0)
		return r;
	if (s->result.n_submodules > 0)
		qsort(s->result.submodules, s->result.n_submodules, sizeof(*s->result.submodules),
		      compare_submodules);
	s->want = WANT_NOTHING;
	return TRB_OK;
}

int trb_walk_turn(struct trb_source_walk *s, trb_error **err)
{
	if (s->want == WANT_SUBMODULE) {
		s->want = WANT_COMMIT;
		return TRB_OK;
	}
	if (s->repository->parent == NULL)
		return finish(s, err);
	pop_repository(s);
	return advance(s, err);
}

int trb_walk_locate(struct trb_source_walk *s, trb_bytes url, trb_error **err)
{
	trb_bytes asked = trb_bytes_str(s->repository->url);
	const char *fault = trb_repository_fault(url);
	char **where;

	if (fault == NULL &&
	    !trb_bytes_eq(trb_repository_origin(url), trb_repository_origin(asked)))
		fault = "it is another origin";
	if (fault == NULL && trb_bytes_eq(url, asked))
		fault = "it is the same URL";
	if (fault != NULL)
		return trb_fail_check(err, TRB_E_SOURCE, TRB_CHECK_REPOSITORY,
				      "%s is redirected to '%.*s': %s", s->repository->url,
				      (int)url.len, (const char *)url.ptr, fault);
	/* a submodule's material is the URL that it came from */
	where = s->repository->parent == NULL ? &s->result.location
					      : &s->result.submodules[s->repository->submodule].url;
	free(*where);
	*where = strndup((const char *)url.ptr, url.len);
	s->repository->begun = true;
	return *where != NULL ? TRB_OK : trb_fail_nomem(err);
}

int trb_walk_begin(struct trb_source_walk *s, const char *repository,
		   const struct trb_commit *commit, const char *ref, trb_error **err)
{
	int r;

	s->commit = *commit;
	r = push_repository(s, strdup(repository), commit, err);
	if (r < 0 || ref == NULL)
		return r;
	s->want = WANT_CHAIN;
	s->ref = strdup(ref);
	return s->ref != NULL ? TRB_OK : trb_fail_nomem(err);
}

void trb_walk_clear(struct trb_source_walk *s)
{
	while (s->n_levels > 0)
		drop_level(s);
	while (s->repository != NULL)
		pop_repository(s);
	for (size_t i = 0; i < s->result.n_submodules; i++) {
		free(s->result.submodules[i].path);
		free(s->result.submodules[i].url);
	}
	free(s->result.submodules);
	for (size_t i = 0; i < s->n_winding; i++)
		free(s->winding[i]);
	free(s->winding);
	free(s->ref);
	free(s->result.location);
	trb_blob_unref(s->result.recipe);
	trb_blob_unref(s->root_body);
	trb_blob_unref(s->child);
}
