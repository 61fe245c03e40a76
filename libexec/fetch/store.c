/* SPDX-License-Identifier: Apache-2.0 */
/* Packs: libgit2 indexes them and reads objects out of them, and does nothing else here. */
#include "fetch/store.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "core/error.h"
#include "core/io.h"
#include "fetch/fetch.h"

#define MAPPED_MAX ((size_t)32 << 20)
#define CACHE_MAX  ((ssize_t)16 << 20)

struct fetch_pack {
	struct fetch *f;
	struct fetch_store *store;
	git_indexer *indexer;
	git_indexer_progress progress;
	uint64_t bytes;
	trb_error *stopped;
};

static int fail_git(struct fetch *f, const char *what, trb_error **err)
{
	const git_error *why = git_error_last();
	const char *text = why != NULL && why->message != NULL ? why->message : "no reason given";
	const char *where = f->url != NULL ? f->url : "libgit2";

	if (why != NULL && why->klass == GIT_ERROR_NOMEMORY)
		return trb_fail_nomem(err);
	if (strcmp(text, "too many objects") == 0)
		return trb_fail_check(err, TRB_E_LIMIT, TRB_CHECK_LIMIT,
				      "%s sends more than %llu objects", where,
				      (unsigned long long)f->limits.objects);
	return trb_fail_check(err, TRB_E_IO, TRB_CHECK_REPOSITORY, "%s: %s: %s", where, what, text);
}

int fetch_store_start(struct fetch *f, trb_error **err)
{
	static const int levels[] = { GIT_CONFIG_LEVEL_PROGRAMDATA, GIT_CONFIG_LEVEL_SYSTEM,
				      GIT_CONFIG_LEVEL_XDG, GIT_CONFIG_LEVEL_GLOBAL };
	int r = git_libgit2_init();

	for (size_t i = 0; r >= 0 && i < sizeof(levels) / sizeof(levels[0]); i++)
		r = git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, levels[i], "");
	if (r >= 0)
		r = git_libgit2_opts(GIT_OPT_SET_PACK_MAX_OBJECTS, (size_t)f->limits.objects);
	if (r >= 0)
		r = git_libgit2_opts(GIT_OPT_SET_PACK_MAX_OBJECT_SIZE,
				     (size_t)f->limits.object_bytes);
	if (r >= 0)
		r = git_libgit2_opts(GIT_OPT_SET_MWINDOW_MAPPED_LIMIT, MAPPED_MAX);
	if (r >= 0)
		r = git_libgit2_opts(GIT_OPT_SET_MWINDOW_SIZE, MAPPED_MAX / 4);
	if (r >= 0)
		r = git_libgit2_opts(GIT_OPT_SET_CACHE_MAX_SIZE, CACHE_MAX);
	if (r >= 0) /* the receiver hashes every object it uses again */
		r = git_libgit2_opts(GIT_OPT_ENABLE_STRICT_HASH_VERIFICATION, 0);
	return r < 0 ? fail_git(f, "start libgit2", err) : TRB_OK;
}

int fetch_store_open(struct fetch *f, struct fetch_store *ret, trb_error **err)
{
	struct fetch_store s = { 0 };

	snprintf(s.path, sizeof(s.path), "/r%u", f->n_stores++);
	if (mkdir(s.path, 0700) < 0)
		return trb_fail_errno(err, errno, "make a place for packs");
	if (git_odb_new(&s.odb) < 0) {
		trb_remove_tree(AT_FDCWD, s.path, NULL);
		return fail_git(f, "make an object database", err);
	}
	*ret = s;
	return TRB_OK;
}

void fetch_store_close(struct fetch_store *s)
{
	git_odb_free(s->odb);
	if (s->path[0] != '\0')
		trb_remove_tree(AT_FDCWD, s->path, NULL);
	*s = (struct fetch_store){ 0 };
}

static int on_index(const git_indexer_progress *progress, void *user)
{
	struct fetch_pack *p = user;

	if (p->stopped == NULL && progress->total_objects > p->f->limits.objects)
		trb_fail_check(&p->stopped, TRB_E_LIMIT, TRB_CHECK_LIMIT,
			       "%s sends more than %llu objects", p->f->url,
			       (unsigned long long)p->f->limits.objects);
	if (p->stopped == NULL)
		fetch_still_wanted(p->f, &p->stopped);
	return p->stopped != NULL ? -1 : 0;
}

int fetch_pack_begin(struct fetch *f, struct fetch_store *s, struct fetch_pack **ret,
		     trb_error **err)
{
	git_indexer_options options = GIT_INDEXER_OPTIONS_INIT;
	_cleanup_(fetch_pack_freep) struct fetch_pack *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return trb_fail_nomem(err);
	p->f = f;
	p->store = s;
	options.progress_cb = on_index;
	options.progress_cb_payload = p;
	if (git_indexer_new(&p->indexer, s->path, 0600, NULL, &options) < 0)
		return fail_git(f, "index a pack", err);
	*ret = steal_ptr(&p);
	return TRB_OK;
}

void fetch_pack_free(struct fetch_pack *p)
{
	if (p == NULL)
		return;
	git_indexer_free(p->indexer);
	trb_error_unref(p->stopped);
	free(p);
}

static int fail_pack(struct fetch_pack *p, const char *what, trb_error **err)
{
	int r;

	if (p->stopped == NULL)
		return fail_git(p->f, what, err);
	r = trb_error_code(p->stopped);
	if (err != NULL && *err == NULL)
		*err = trb_error_ref(p->stopped);
	return r;
}

int fetch_pack_add(struct fetch_pack *p, trb_bytes bytes, trb_error **err)
{
	p->f->receiving = true;
	p->bytes += bytes.len;
	if (p->bytes > p->f->limits.pack_bytes)
		return trb_fail_check(err, TRB_E_LIMIT, TRB_CHECK_LIMIT,
				      "%s sends a pack of more than %llu bytes", p->f->url,
				      (unsigned long long)p->f->limits.pack_bytes);
	if (git_indexer_append(p->indexer, bytes.ptr, bytes.len, &p->progress) < 0)
		return fail_pack(p, "its pack", err);
	return TRB_OK;
}

int fetch_pack_finish(struct fetch_pack *p, trb_error **err)
{
	git_odb_backend *backend = NULL;
	char path[128];

	if (p->bytes == 0)
		return trb_fail_check(err, TRB_E_FORMAT, TRB_CHECK_REPOSITORY, "%s sends no pack",
				      p->f->url);
	if (git_indexer_commit(p->indexer, &p->progress) < 0)
		return fail_pack(p, "its pack", err);
	snprintf(path, sizeof(path), "%s/pack-%s.idx", p->store->path,
		 git_indexer_name(p->indexer));
	if (git_odb_backend_one_pack(&backend, path) < 0)
		return fail_git(p->f, "open its pack", err);
	if (git_odb_add_backend(p->store->odb, backend, 1) < 0) {
		backend->free(backend);
		return fail_git(p->f, "open its pack", err);
	}
	return TRB_OK;
}

static git_oid oid_of(const struct trb_commit *id)
{
	git_oid oid;

	git_oid_fromraw(&oid, id->id);
	return oid;
}

bool fetch_store_has(const struct fetch_store *s, const struct trb_commit *id)
{
	git_oid oid = oid_of(id);

	return git_odb_exists(s->odb, &oid);
}

int fetch_store_read(struct fetch *f, const struct fetch_store *s, const struct trb_commit *id,
		     git_odb_object **ret, trb_error **err)
{
	git_oid oid = oid_of(id);
	int r = git_odb_read(ret, s->odb, &oid);

	if (r == GIT_ENOTFOUND)
		return TRB_E_NOTFOUND;
	return r < 0 ? fail_git(f, "an object of the source", err) : TRB_OK;
}

int fetch_store_stat(struct fetch *f, const struct fetch_store *s, const struct trb_commit *id,
		     uint64_t *ret_size, enum trb_git_type *ret_type, trb_error **err)
{
	git_oid oid = oid_of(id);
	git_object_t type;
	size_t size;

	if (git_odb_read_header(&size, &type, s->odb, &oid) < 0)
		return fail_git(f, "an object of the source", err);
	*ret_size = size;
	*ret_type = (enum trb_git_type)type;
	return TRB_OK;
}

int fetch_store_find(struct fetch *f, const struct fetch_store *s, const char *digits,
		     struct trb_commit *ret, trb_error **err)
{
	git_oid given, full;
	int r = git_oid_fromstrn(&given, digits, strlen(digits));

	if (r == 0)
		r = git_odb_exists_prefix(&full, s->odb, &given, strlen(digits));
	if (r == GIT_ENOTFOUND)
		return TRB_E_NOTFOUND;
	if (r == GIT_EAMBIGUOUS)
		return trb_fail_check(err, TRB_E_INVAL, TRB_CHECK_COMMIT,
				      "more than one object's id begins with '%s'", digits);
	if (r < 0)
		return fail_git(f, "look for an id", err);
	*ret = (struct trb_commit){ .algorithm = 1 };
	memcpy(ret->id, full.id, 20);
	return TRB_OK;
}
