/* SPDX-License-Identifier: Apache-2.0 */
/* A name of a commit, for people: branch, tag, full ref or abbreviated id. */
#include <stdio.h>

#include "core/error.h"
#include "fetch/fetch.h"

#define SHORT_MIN 4

struct refs {
	const git_remote_head **heads;
	size_t n;
};

static const git_remote_head *find_ref(const struct refs *refs, const char *prefix,
				       const char *name)
{
	size_t n = strlen(prefix);

	for (size_t i = 0; i < refs->n; i++)
		if (strncmp(refs->heads[i]->name, prefix, n) == 0 &&
		    strcmp(refs->heads[i]->name + n, name) == 0)
			return refs->heads[i];
	return NULL;
}

/* The commit that a ref means: servers list an annotated tag's own behind it, as "NAME^{}". */
static const git_oid *commit_of(const struct refs *refs, const git_remote_head *head)
{
	const git_remote_head *peeled = NULL;
	char name[1024];
	int n = snprintf(name, sizeof(name), "%s^{}", head->name);

	if (n > 0 && (size_t)n < sizeof(name))
		peeled = find_ref(refs, "", name);
	return peeled != NULL ? &peeled->oid : &head->oid;
}

static int answer(struct fetch *f, const git_oid *oid, const char *ref, trb_error **err)
{
	char hex[GIT_OID_HEXSZ + 1], text[TRB_FETCH_TEXT_MAX];
	int n;

	if (ref[0] != '\0' && trb_ref_fault(trb_bytes_str(ref)) != NULL)
		return trb_fail_check(err, TRB_E_FORMAT, TRB_CHECK_REF, "the ref '%s' is odd: %s",
				      ref, trb_ref_fault(trb_bytes_str(ref)));
	git_oid_tostr(hex, sizeof(hex), oid);
	n = snprintf(text, sizeof(text), "%s %s", hex, ref);
	if (n < 0 || (size_t)n >= sizeof(text))
		return trb_fail(err, TRB_E_LIMIT, "the ref's name is too long");
	return fetch_frame(f, TRB_FETCH_RESOLVED, TRB_BYTES(text, n), err);
}

static bool is_short_id(const char *name)
{
	size_t n = strspn(name, "0123456789abcdef");

	return n >= SHORT_MIN && n < GIT_OID_HEXSZ && name[n] == '\0';
}

/* Looks for the id among the commits of a ref's history, which must be fetched for that. */
static int resolve_short(struct fetch *f, const char *ref, const char *name, trb_error **err)
{
	struct trb_commit nothing = { .algorithm = 1 };
	struct fetched got = { 0 };
	git_object *object = NULL;
	git_oid oid;
	int r = fetch_repository(f, f->repository, &nothing, ref, &got, err);

	if (r < 0)
		return r;
	git_oid_fromstrn(&oid, name, strlen(name));
	r = git_object_lookup_prefix(&object, got.repo, &oid, strlen(name), GIT_OBJECT_ANY);
	if (r == GIT_EAMBIGUOUS)
		r = trb_fail_check(err, TRB_E_INVAL, TRB_CHECK_COMMIT,
				   "more than one object's id begins with '%s'", name);
	else if (r < 0 || git_object_type(object) != GIT_OBJECT_COMMIT)
		r = trb_fail_check(err, TRB_E_NOTFOUND, TRB_CHECK_COMMIT,
				   "no commit in the history of %s has an id that begins with '%s'",
				   ref, name);
	else
		r = answer(f, git_object_id(object), f->ref ? f->ref : "", err);
	git_object_free(object);
	fetched_clear(&got);
	return r;
}

static int default_branch(struct fetch *f, git_remote *remote, char *ret, size_t size,
			  trb_error **err)
{
	git_buf buf = GIT_BUF_INIT;
	int r = git_remote_default_branch(&buf, remote);

	if (r == 0 && buf.size < size)
		memcpy(ret, buf.ptr, buf.size + 1);
	else
		r = trb_fail_check(err, TRB_E_NOTFOUND, TRB_CHECK_REF,
				   "%s has no default branch: name a ref", f->repository);
	git_buf_dispose(&buf);
	return r;
}

/* The ref that name means, in refs; NULL where it means none. */
static int find_named(struct fetch *f, const struct refs *refs, const char *name,
		      const git_remote_head **ret, trb_error **err)
{
	const git_remote_head *branch, *tag;

	if (strncmp(name, "refs/", 5) == 0) {
		*ret = find_ref(refs, "", name);
		return TRB_OK;
	}
	branch = find_ref(refs, "refs/heads/", name);
	tag = find_ref(refs, "refs/tags/", name);
	if (branch != NULL && tag != NULL)
		return trb_fail_check(err, TRB_E_INVAL, TRB_CHECK_REF,
				      "%s has a branch and a tag '%s': name it in full, "
				      "refs/heads/%s or refs/tags/%s",
				      f->repository, name, name, name);
	*ret = branch != NULL ? branch : tag;
	return TRB_OK;
}

static int resolve_in(struct fetch *f, git_remote *remote, const struct refs *refs, trb_error **err)
{
	const git_remote_head *head = NULL;
	const char *name = f->name;
	char branch[1024] = "";
	int r = TRB_OK;

	if (name == NULL && f->ref != NULL)
		name = f->ref;
	if (name == NULL || strcmp(name, "HEAD") == 0 || (is_short_id(name) && f->ref == NULL))
		r = default_branch(f, remote, branch, sizeof(branch), err);
	if (r < 0)
		return r;
	if (name == NULL || strcmp(name, "HEAD") == 0)
		name = branch;
	r = find_named(f, refs, name, &head, err);
	if (r < 0)
		return r;
	if (head != NULL)
		return answer(f, commit_of(refs, head), f->ref ? f->ref : head->name, err);
	if (!is_short_id(name))
		return trb_fail_check(err, TRB_E_NOTFOUND, TRB_CHECK_REF,
				      "%s has no branch and no tag '%s'", f->repository, name);
	return resolve_short(f, f->ref ? f->ref : branch, name, err);
}

int fetch_resolve(struct fetch *f, trb_error **err)
{
	_cleanup_(git_remote_freep) git_remote *remote = NULL;
	git_repository *repo = NULL;
	struct refs refs = { 0 };
	int r;

	if (git_repository_init(&repo, "/resolve", 1) < 0)
		return fetch_fail(f, -1, "make a repository", err);
	r = fetch_connect(f, repo, f->repository, &remote, &refs.heads, &refs.n, err);
	if (r == TRB_OK)
		r = resolve_in(f, remote, &refs, err);
	git_remote_free(steal_ptr(&remote));
	git_repository_free(repo);
	return r;
}
