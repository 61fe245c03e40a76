/* SPDX-License-Identifier: Apache-2.0 */
/* A name of a commit, for people: branch, tag, full ref or abbreviated id. */
#include <stdio.h>

#include "core/error.h"
#include "fetch/fetch.h"
#include "fetch/remote.h"
#include "fetch/repository.h"

#define SHORT_MIN 4
#define SHORT_MAX 40
#define REF_BYTES 1100u

struct resolving {
	struct fetch *f;
	const char *name; /* NULL: the default branch */
	char branch[REF_BYTES], tag[REF_BYTES];
	struct fetch_names names;
	struct remote remote;
	char head[REF_BYTES]; /* the default branch, once it is known */
};

static bool is_short_id(const char *name)
{
	size_t n = strspn(name, "0123456789abcdef");

	return n >= SHORT_MIN && n < SHORT_MAX && name[n] == '\0';
}

/* The commit that a ref means, where the server says what a tag comes to. */
static const struct trb_commit *commit_of(const struct fetch_ref *ref)
{
	return ref->peeled ? &ref->target : &ref->id;
}

static int answer(struct fetch *f, const struct trb_commit *commit, const char *ref,
		  trb_error **err)
{
	char hex[65], text[TRB_FETCH_TEXT_MAX];
	int n;

	if (ref[0] != '\0' && trb_ref_fault(trb_bytes_str(ref)) != NULL)
		return trb_fail_check(err, TRB_E_FORMAT, TRB_CHECK_REF, "the ref '%s' is odd: %s",
				      ref, trb_ref_fault(trb_bytes_str(ref)));
	trb_commit_to_hex(commit, hex);
	n = snprintf(text, sizeof(text), "%s %s", hex, ref);
	if (n < 0 || (size_t)n >= sizeof(text))
		return trb_fail(err, TRB_E_LIMIT, "the ref's name is too long");
	return fetch_frame(f, TRB_FETCH_RESOLVED, TRB_BYTES(text, n), err);
}

/* What is asked for: the name in its two places, and the default branch where it may be needed. */
static void ask_for(struct resolving *s, const char *name)
{
	s->names.names[s->names.n++] = name;
}

static int name_refs(struct resolving *s, trb_error **err)
{
	const char *fault;

	if (s->name == NULL || (is_short_id(s->name) && s->f->ref == NULL)) {
		ask_for(s, "HEAD");
		ask_for(s, "refs/heads/main");
		ask_for(s, "refs/heads/master");
	}
	if (s->name == NULL)
		return TRB_OK;
	if (strncmp(s->name, "refs/", 5) == 0) {
		ask_for(s, s->name);
		return TRB_OK;
	}
	if (snprintf(s->branch, REF_BYTES, "refs/heads/%s", s->name) >= (int)REF_BYTES)
		return trb_fail_check(err, TRB_E_INVAL, TRB_CHECK_REF, "a name is too long");
	snprintf(s->tag, REF_BYTES, "refs/tags/%s", s->name);
	fault = trb_ref_fault(trb_bytes_str(s->branch));
	if (fault != NULL)
		return trb_fail_check(err, TRB_E_INVAL, TRB_CHECK_REF,
				      "'%s' names no branch and no tag: %s", s->name, fault);
	ask_for(s, s->branch);
	ask_for(s, s->tag);
	return TRB_OK;
}

/* Servers that do not say which branch HEAD is: the usual one of the same commit. */
static const char *guess_head(const struct remote *r, const struct fetch_ref *head)
{
	static const char *const usual[] = { "refs/heads/main", "refs/heads/master" };

	for (size_t i = 0; head != NULL && i < 2; i++) {
		const struct fetch_ref *ref = remote_find(r, "", usual[i]);

		if (ref != NULL && trb_commit_eq(&ref->id, &head->id))
			return usual[i];
	}
	return NULL;
}

static int default_branch(struct resolving *s, const struct trb_commit **ret, trb_error **err)
{
	const struct fetch_ref *head = remote_find(&s->remote, "", "HEAD");
	const char *name = s->remote.head != NULL ? s->remote.head : guess_head(&s->remote, head);

	if (head == NULL || name == NULL || strlen(name) >= REF_BYTES)
		return trb_fail_check(err, TRB_E_NOTFOUND, TRB_CHECK_REF,
				      "%s has no default branch: name a ref", s->f->repository);
	snprintf(s->head, sizeof(s->head), "%s", name);
	*ret = &head->id;
	return TRB_OK;
}

/* The ref that name means; NULL where it means none. */
static int find_named(struct resolving *s, const struct fetch_ref **ret, trb_error **err)
{
	const struct fetch_ref *branch, *tag;

	if (strncmp(s->name, "refs/", 5) == 0) {
		*ret = remote_find(&s->remote, "", s->name);
		return TRB_OK;
	}
	branch = remote_find(&s->remote, "refs/heads/", s->name);
	tag = remote_find(&s->remote, "refs/tags/", s->name);
	if (branch != NULL && tag != NULL)
		return trb_fail_check(err, TRB_E_INVAL, TRB_CHECK_REF,
				      "%s has a branch and a tag '%s': name it in full, "
				      "refs/heads/%s or refs/tags/%s",
				      s->f->repository, s->name, s->name, s->name);
	*ret = branch != NULL ? branch : tag;
	return TRB_OK;
}

/* The one commit of the ref's history whose id begins so, for which the history must be fetched. */
static int resolve_short(struct resolving *s, const char *ref, trb_error **err)
{
	_cleanup_(git_odb_object_freep) git_odb_object *object = NULL;
	struct trb_commit found = { .algorithm = 1 };
	struct fetched got = { 0 };
	int r = fetch_history(s->f, s->f->repository, ref, &got, err);

	if (r < 0)
		return r;
	r = fetch_store_find(s->f, &got.store, s->name, &found, err);
	if (r == TRB_OK)
		r = fetch_store_read(s->f, &got.store, &found, &object, err);
	if (r == TRB_E_NOTFOUND ||
	    (r == TRB_OK && git_odb_object_type(object) != GIT_OBJECT_COMMIT))
		r = trb_fail_check(err, TRB_E_NOTFOUND, TRB_CHECK_COMMIT,
				   "no commit in the history of %s has an id that begins with '%s'",
				   ref, s->name);
	if (r == TRB_OK)
		r = answer(s->f, &found, s->f->ref ? s->f->ref : "", err);
	git_odb_object_free(steal_ptr(&object));
	fetched_clear(&got);
	return r;
}

static int resolve_in(struct resolving *s, trb_error **err)
{
	const struct trb_commit *commit = NULL;
	const struct fetch_ref *ref = NULL;
	int r = TRB_OK;

	if (s->name == NULL) {
		r = default_branch(s, &commit, err);
		return r < 0 ? r : answer(s->f, commit, s->head, err);
	}
	r = find_named(s, &ref, err);
	if (r < 0)
		return r;
	if (ref != NULL)
		return answer(s->f, commit_of(ref), s->f->ref ? s->f->ref : ref->name, err);
	if (!is_short_id(s->name))
		return trb_fail_check(err, TRB_E_NOTFOUND, TRB_CHECK_REF,
				      "%s has no branch and no tag '%s'", s->f->repository,
				      s->name);
	if (s->f->ref != NULL)
		return resolve_short(s, s->f->ref, err);
	r = default_branch(s, &commit, err);
	return r < 0 ? r : resolve_short(s, s->head, err);
}

static int open_once(void *user, trb_error **err)
{
	struct resolving *s = user;

	remote_clear(&s->remote);
	return remote_open(&s->remote, s->f, s->f->repository, &s->names, err);
}

int fetch_resolve(struct fetch *f, trb_error **err)
{
	struct resolving s = { .f = f, .name = f->name != NULL ? f->name : f->ref };
	int r;

	if (s.name != NULL && strcmp(s.name, "HEAD") == 0)
		s.name = NULL;
	r = name_refs(&s, err);
	if (r == TRB_OK)
		r = fetch_tries(f, open_once, &s, err);
	if (r == TRB_OK)
		r = resolve_in(&s, err);
	remote_clear(&s.remote);
	return r;
}
