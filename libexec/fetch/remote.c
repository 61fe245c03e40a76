/* SPDX-License-Identifier: Apache-2.0 */
/* git's smart HTTP: where the repository is, which refs it has, one pack at a time. */
#include "fetch/remote.h"

#include <stdio.h>

#include "core/error.h"
#include "fetch/fetch.h"
#include "fetch/http.h"

#define INFO_REFS     "/info/refs?service=git-upload-pack"
#define UPLOAD_PACK   "/git-upload-pack"
#define REDIRECTS     5u
#define REQUEST_BYTES ((size_t)64 << 20)
#define REFS_KEPT     1000000u

/* Where a URL leads. */

/* Host, in lower case, and port; url begins with https://. */
static bool split_origin(const char *url, char host[256], char port[8])
{
	const char *at = url + strlen("https://");
	size_t n = strcspn(at, "/?#"), colon = n;

	for (size_t i = 0; i < n; i++)
		if (at[i] == ':' && memchr(at + i, ']', n - i) == NULL)
			colon = i;
	if (colon == 0 || colon >= 256 || n - colon > 6 || memchr(at, '@', n) != NULL)
		return false;
	for (size_t i = 0; i < colon; i++)
		host[i] = at[i] >= 'A' && at[i] <= 'Z' ? (char)(at[i] + 32) : at[i];
	host[colon] = '\0';
	if (n - colon > 1)
		snprintf(port, 8, "%.*s", (int)(n - colon - 1), at + colon + 1);
	else
		snprintf(port, 8, "443");
	return true;
}

static bool same_origin(const char *a, const char *b)
{
	char host_a[256], host_b[256], port_a[8], port_b[8];

	return split_origin(a, host_a, port_a) && split_origin(b, host_b, port_b) &&
	       strcmp(host_a, host_b) == 0 && strcmp(port_a, port_b) == 0;
}

static int fail_redirect(const struct remote *r, const char *to, const char *why, trb_error **err)
{
	_cleanup_(trb_error_unrefp) trb_error *shown = NULL;

	trb_git_fail_said(&shown, TRB_E_IO, "it", trb_bytes_str(to));
	return trb_fail_check(err, TRB_E_IO, TRB_CHECK_REPOSITORY,
			      "%s is redirected: %s (the new address: %s)", r->f->url, why,
			      trb_error_message(shown) + strlen("it says: "));
}

/* The repository that a redirect of its list of refs names. */
static int follow(struct remote *r, const char *to, trb_error **err)
{
	size_t n = strlen(to), tail = strlen(INFO_REFS);
	_cleanup_free_ char *base = NULL;
	const char *fault;

	if (strncasecmp(to, "http://", 7) == 0)
		return fail_redirect(r, to, "to a server without TLS, which is not followed", err);
	if (strncmp(to, "https://", 8) != 0)
		return fail_redirect(r, to, "to what is no https URL", err);
	if (!same_origin(to, r->f->url))
		return fail_redirect(r, to,
				     "to another origin, which is not followed: name the URL there "
				     "in its place",
				     err);
	if (n <= tail || strcmp(to + n - tail, INFO_REFS) != 0)
		return fail_redirect(r, to,
				     "to a page that is no repository: it is not there, or it is "
				     "private and a token is needed",
				     err);
	base = strndup(to, n - tail);
	if (base == NULL)
		return trb_fail_nomem(err);
	fault = trb_repository_fault(trb_bytes_str(base));
	if (fault != NULL)
		return fail_redirect(r, to, fault, err);
	free(r->base);
	r->base = steal_ptr(&base);
	r->moved = strcmp(r->base, r->f->url) != 0;
	return TRB_OK;
}

/* The token is for the URL that this process was started for; asked twice, it was wrong. */
static int authorize(struct remote *r, trb_error **err)
{
	if (r->authorized)
		return trb_fail_check(err, TRB_E_IO, TRB_CHECK_REPOSITORY,
				      "%s: the server refuses the token", r->f->url);
	if (r->moved && r->f->token != NULL)
		return trb_fail_check(err, TRB_E_IO, TRB_CHECK_REPOSITORY,
				      "%s is redirected to %s, where a token is wanted: it goes to "
				      "no URL that it was not meant for; name that one in place of "
				      "this",
				      r->f->url, r->base);
	if (r->f->token == NULL)
		return trb_fail_check(
			err, TRB_E_IO, TRB_CHECK_REPOSITORY,
			"%s: the server wants a token, and there is none for this URL", r->f->url);
	r->authorized = true;
	return TRB_OK;
}

/* Refs. */

static bool is_kept(const struct remote *r, const struct trb_git_ref *ref)
{
	static const char heads[] = "refs/heads/", tags[] = "refs/tags/";
	const struct fetch_names *names = r->names;

	for (size_t i = 0; i < names->n; i++)
		if (trb_bytes_eq_str(ref->name, names->names[i]))
			return true;
	if (names->id != NULL && trb_commit_eq(names->id, &ref->id))
		return true;
	return names->branches_and_tags &&
	       ((ref->name.len > sizeof(heads) &&
		 memcmp(ref->name.ptr, heads, sizeof(heads) - 1) == 0) ||
		(ref->name.len > sizeof(tags) &&
		 memcmp(ref->name.ptr, tags, sizeof(tags) - 1) == 0));
}

static int add_ref(struct remote *r, const struct trb_git_ref *ref, trb_error **err)
{
	struct fetch_ref *grown,
		kept = { .id = ref->id, .peeled = ref->peeled, .target = ref->target };

	if (r->n == REFS_KEPT)
		return trb_fail_check(err, TRB_E_LIMIT, TRB_CHECK_LIMIT,
				      "%s has more than %u branches and tags", r->f->url,
				      REFS_KEPT);
	if (r->n == r->cap) {
		size_t cap = r->cap != 0 ? r->cap * 2 : 16;

		grown = realloc(r->refs, cap * sizeof(*grown));
		if (grown == NULL)
			return trb_fail_nomem(err);
		r->refs = grown;
		r->cap = cap;
	}
	kept.name = strndup((const char *)ref->name.ptr, ref->name.len);
	if (kept.name == NULL)
		return trb_fail_nomem(err);
	r->refs[r->n++] = kept;
	return TRB_OK;
}

static int on_ref(void *user, const struct trb_git_ref *ref, trb_error **err)
{
	struct remote *r = user;

	if (!is_kept(r, ref))
		return TRB_OK;
	if (trb_bytes_eq_str(ref->name, "HEAD") && ref->symref.len > 0 && r->head == NULL) {
		r->head = strndup((const char *)ref->symref.ptr, ref->symref.len);
		if (r->head == NULL)
			return trb_fail_nomem(err);
	}
	/* among all branches nobody looks for one by its name */
	for (size_t i = 0; !r->names->branches_and_tags && i < r->n; i++)
		if (trb_bytes_eq_str(ref->name, r->refs[i].name))
			return trb_fail_check(err, TRB_E_FORMAT, TRB_CHECK_REF,
					      "%s lists '%s' twice: which of them it is, it does "
					      "not say",
					      r->f->url, r->refs[i].name);
	return add_ref(r, ref, err);
}

static void forget_refs(struct remote *r)
{
	for (size_t i = 0; i < r->n; i++)
		free(r->refs[i].name);
	r->n = 0;
	free(r->head);
	r->head = NULL;
}

const struct fetch_ref *remote_find(const struct remote *r, const char *prefix, const char *name)
{
	size_t n = strlen(prefix);

	for (size_t i = 0; i < r->n; i++)
		if (strncmp(r->refs[i].name, prefix, n) == 0 &&
		    strcmp(r->refs[i].name + n, name) == 0)
			return &r->refs[i];
	return NULL;
}

/* Exchanges. */

static int on_refs(void *user, trb_bytes bytes, trb_error **err)
{
	return trb_git_refs_feed(user, bytes, err);
}

/* Says where it was, unless it is said already. */
static int fail_at(const struct remote *r, int code, trb_error **err)
{
	if (err == NULL || *err == NULL ||
	    strncmp(trb_error_message(*err), r->f->url, strlen(r->f->url)) == 0)
		return code;
	return trb_wrap(err, code, "%s", r->f->url);
}

/* One GET of the list of refs; TRB_E_AGAIN where it is to be asked for elsewhere, or with a token.
 */
static int ask_refs(struct remote *r, struct trb_git_refs *list, trb_error **err)
{
	struct fetch_exchange x = {
		.media = "application/x-git-upload-pack-advertisement",
		.with_token = r->authorized,
		.sink = on_refs,
		.user = list,
	};
	_cleanup_free_ char *url = NULL, *location = NULL;
	int res;

	if (asprintf(&url, "%s" INFO_REFS, r->base) < 0) {
		url = NULL;
		return trb_fail_nomem(err);
	}
	x.url = url;
	res = fetch_http(r->f, &x, err);
	location = x.location;
	if (res < 0)
		return res;
	if (x.status == 200) {
		res = trb_git_refs_end(list, err);
		return res < 0 ? fail_at(r, res, err) : TRB_OK;
	}
	res = location != NULL ? follow(r, location, err) : authorize(r, err);
	return res < 0 ? res : TRB_E_AGAIN;
}

/* A POST to the repository, whose answer sink() takes. */
static int post(struct remote *r, const char *media, const struct trb_buf *body,
		int (*sink)(void *user, trb_bytes bytes, trb_error **err), void *user,
		trb_error **err)
{
	struct fetch_exchange x = {
		.media = media,
		.body_type = "application/x-git-upload-pack-request",
		.body = trb_buf_bytes(body),
		.with_token = r->authorized,
		.sink = sink,
		.user = user,
	};
	_cleanup_free_ char *url = NULL, *location = NULL;
	int res = trb_buf_check(body, "a request to a git server", err);

	if (res < 0)
		return res;
	if (asprintf(&url, "%s" UPLOAD_PACK, r->base) < 0) {
		url = NULL;
		return trb_fail_nomem(err);
	}
	x.url = url;
	res = fetch_http(r->f, &x, err);
	location = x.location;
	if (res < 0 || x.status == 200)
		return res;
	if (location != NULL)
		return fail_redirect(r, location, "the request for a pack, which is not followed",
				     err);
	return trb_fail_check(err, TRB_E_IO, TRB_CHECK_REPOSITORY,
			      "%s: the server wants a token for a pack, after it gave its refs "
			      "without",
			      r->f->url);
}

static int list_refs(struct remote *r, trb_error **err)
{
	_cleanup_(trb_git_refs_freep) struct trb_git_refs *list = trb_git_refs_new(on_ref, r);
	const char *prefixes[FETCH_NAMES + 3];
	_cleanup_buf_ struct trb_buf body;
	size_t n = r->names->n;
	int res;

	trb_buf_init(&body, REQUEST_BYTES);
	if (list == NULL)
		return trb_fail_nomem(err);
	memcpy(prefixes, r->names->names, n * sizeof(*prefixes));
	if (r->names->branches_and_tags) {
		prefixes[n++] = "refs/heads/";
		prefixes[n++] = "refs/tags/";
	}
	prefixes[n] = NULL;
	if (n == 0)
		return TRB_OK;
	trb_git_refs_expect_list(list);
	trb_git_add_ls_refs(&body, r->features, prefixes);
	res = post(r, "application/x-git-upload-pack-result", &body, on_refs, list, err);
	if (res == TRB_OK)
		res = trb_git_refs_end(list, err);
	return res < 0 ? fail_at(r, res, err) : TRB_OK;
}

static int begin(struct remote *r, const char *url, trb_error **err)
{
	r->f->url = url;
	r->f->receiving = false;
	r->f->wire_bytes = 0;
	if (!split_origin(url, r->f->host, r->f->port))
		return trb_fail_check(err, TRB_E_INVAL, TRB_CHECK_REPOSITORY, "'%s' has no host",
				      url);
	r->base = strdup(url);
	return r->base != NULL ? TRB_OK : trb_fail_nomem(err);
}

int remote_open(struct remote *r, struct fetch *f, const char *url, const struct fetch_names *names,
		trb_error **err)
{
	int res;

	*r = (struct remote){ .f = f, .names = names };
	res = begin(r, url, err);
	fetch_progress(f, "connecting to %s", url);
	for (unsigned i = 0; res == TRB_OK; i++) {
		_cleanup_(trb_git_refs_freep) struct trb_git_refs *list = NULL;

		if (i > REDIRECTS)
			return fail_redirect(r, r->base, "again and again", err);
		forget_refs(r);
		list = trb_git_refs_new(on_ref, r);
		if (list == NULL)
			return trb_fail_nomem(err);
		res = ask_refs(r, list, err);
		r->version = list->version;
		r->features = list->features;
		if (res != TRB_E_AGAIN)
			break;
		res = TRB_OK;
	}
	return res == TRB_OK && r->version == 2 ? list_refs(r, err) : res;
}

void remote_clear(struct remote *r)
{
	forget_refs(r);
	free(r->refs);
	free(r->base);
	*r = (struct remote){ .f = r->f };
}

/* Packs. */

static int on_pack(void *user, trb_bytes bytes, trb_error **err)
{
	return fetch_pack_add(user, bytes, err);
}

static int on_answer(void *user, trb_bytes bytes, trb_error **err)
{
	return trb_git_answer_feed(user, bytes, err);
}

int remote_fetch(struct remote *r, const struct trb_git_wants *wants, struct fetch_store *store,
		 bool *ret_refused, trb_error **err)
{
	_cleanup_(trb_git_answer_freep) struct trb_git_answer *answer = NULL;
	_cleanup_(fetch_pack_freep) struct fetch_pack *pack = NULL;
	_cleanup_buf_ struct trb_buf body;
	int res;

	trb_buf_init(&body, REQUEST_BYTES);
	*ret_refused = false;
	trb_git_add_fetch(&body, r->version, r->features, wants);
	res = fetch_pack_begin(r->f, store, &pack, err);
	if (res < 0)
		return res;
	answer = trb_git_answer_new(r->version, r->features, wants->depth > 0, on_pack, pack);
	if (answer == NULL)
		return trb_fail_nomem(err);
	r->f->receiving = false;
	r->f->wire_bytes = 0;
	res = post(r, "application/x-git-upload-pack-result", &body, on_answer, answer, err);
	*ret_refused = answer->refused;
	if (res == TRB_OK)
		res = trb_git_answer_end(answer, err);
	if (res < 0)
		return fail_at(r, res, err);
	return fetch_pack_finish(pack, err);
}
