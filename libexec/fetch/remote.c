/* SPDX-License-Identifier: Apache-2.0 */
/* One repository: connect, look at its refs, fetch what is needed, within bounds. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "core/error.h"
#include "core/io.h"
#include "fetch/fetch.h"
#include "format/times.h"

#define PROXY_URL "http://egress.invalid:5001" /* the broker knows better */
#define TIP       "refs/trustbuild/tip"

/* What libgit2 says in words only. */
static const struct {
	const char *text;
	int code;
	const char *check, *meaning;
} sayings[] = {
	{ "error parsing REF pkt-line", TRB_E_UNSUPPORTED, TRB_CHECK_REPOSITORY,
	  "its list of refs is not one of a SHA-1 repository: this libgit2 reads no others" },
	{ "too many objects", TRB_E_LIMIT, TRB_CHECK_LIMIT, "its pack has too many objects" },
};

static int fail_saying(const char *text, const char *what, trb_error **err)
{
	for (size_t i = 0; i < sizeof(sayings) / sizeof(sayings[0]); i++)
		if (strcmp(text, sayings[i].text) == 0)
			return trb_fail_check(err, sayings[i].code, sayings[i].check, "%s: %s",
					      what, sayings[i].meaning);
	return TRB_OK;
}

static int code_of(int git_code)
{
	switch (git_code) {
	case GIT_ENOTFOUND:
		return TRB_E_NOTFOUND;
	default:
		return TRB_E_IO;
	}
}

/* libgit2 does not say what is wrong with it; the time is the one thing that may be wrong here. */
static int bad_certificate(const char *what, const char *text, trb_error **err)
{
	char now[TRB_TIME_TEXT];

	if (!trb_time_format((uint64_t)time(NULL), now))
		snprintf(now, sizeof(now), "after 9999");
	return trb_fail_check(err, TRB_E_IO, TRB_CHECK_REPOSITORY,
			      "%s: the server's TLS certificate is not accepted: %s (the time here "
			      "is %s: if that is wrong, set the host's clock)",
			      what, text, now);
}

int fetch_fail(struct fetch *f, int git_code, const char *what, trb_error **err)
{
	const git_error *why = git_error_last();
	const char *text = why != NULL && why->message != NULL ? why->message : "no reason given";
	int r;

	if (f->stopped != NULL) {
		int code = trb_error_code(f->stopped);

		if (err != NULL && *err == NULL)
			*err = trb_error_ref(f->stopped);
		f->stopped = trb_error_unref(f->stopped);
		return code;
	}
	if (why != NULL && why->klass == GIT_ERROR_NOMEMORY)
		return trb_fail_nomem(err);
	r = fail_saying(text, what, err);
	if (r < 0)
		return r;
	if (git_code == GIT_ECERTIFICATE)
		return bad_certificate(what, text, err);
	if (git_code == GIT_EAUTH)
		return trb_fail_check(err, TRB_E_IO, TRB_CHECK_REPOSITORY,
				      "%s: the server wants a token, or refused the one it got: %s",
				      what, text);
	return trb_fail_check(err, code_of(git_code), TRB_CHECK_REPOSITORY, "%s: %s", what, text);
}

/* Scheme, host and port of an URL of the grammar. */
static size_t origin_length(const char *url)
{
	return strlen("https://") + strcspn(url + strlen("https://"), "/");
}

static bool same_origin(const char *a, const char *b)
{
	size_t n = origin_length(a);

	return n == origin_length(b) && strncmp(a, b, n) == 0;
}

/* The token is for the repository's own origin; asked twice, the answer was wrong. */
static int on_credential(git_credential **out, const char *url, const char *user, unsigned allowed,
			 void *payload)
{
	struct fetch *f = payload;
	_cleanup_free_ char *name = NULL;
	const char *secret;

	(void)url;
	(void)user;
	if (f->token == NULL || !(allowed & GIT_CREDENTIAL_USERPASS_PLAINTEXT) ||
	    !same_origin(f->url, f->repository) || f->token_uses++ > 0) {
		git_error_set_str(GIT_ERROR_HTTP, "no token for this server, or a refused one");
		return GIT_EAUTH;
	}
	secret = strchr(f->token, ':');
	name = secret != NULL ? strndup(f->token, (size_t)(secret - f->token))
			      : strdup("x-access-token");
	if (name == NULL)
		return -1;
	return git_credential_userpass_plaintext_new(out, name, secret ? secret + 1 : f->token);
}

static int on_transfer(const git_indexer_progress *p, void *payload)
{
	struct fetch *f = payload;

	f->receiving = true;
	if (p->received_bytes > f->limits.pack_bytes)
		trb_fail_check(&f->stopped, TRB_E_LIMIT, TRB_CHECK_LIMIT,
			       "%s sends a pack of more than %llu bytes", f->url,
			       (unsigned long long)f->limits.pack_bytes);
	if (p->total_objects > f->limits.objects)
		trb_fail_check(&f->stopped, TRB_E_LIMIT, TRB_CHECK_LIMIT,
			       "%s sends more than %llu objects", f->url,
			       (unsigned long long)f->limits.objects);
	return f->stopped != NULL || f->broken ? -1 : 0;
}

static void set_callbacks(struct fetch *f, git_remote_callbacks *c, git_proxy_options *p)
{
	c->credentials = on_credential;
	c->transfer_progress = on_transfer;
	c->payload = f;
	p->type = f->egress != NULL ? GIT_PROXY_SPECIFIED : GIT_PROXY_NONE;
	p->url = f->egress != NULL ? PROXY_URL : NULL;
}

int fetch_connect(struct fetch *f, git_repository *repo, const char *url, git_remote **ret,
		  const git_remote_head ***ret_heads, size_t *ret_n, trb_error **err)
{
	git_remote_connect_options options = GIT_REMOTE_CONNECT_OPTIONS_INIT;
	_cleanup_(git_remote_freep) git_remote *remote = NULL;
	int r;

	f->url = url;
	f->receiving = false;
	f->wire_bytes = 0;
	f->token_uses = 0;
	set_callbacks(f, &options.callbacks, &options.proxy_opts);
	options.follow_redirects = GIT_REMOTE_REDIRECT_NONE;
	fetch_progress(f, "connecting to %s", url);
	r = git_remote_create_anonymous(&remote, repo, url);
	if (r == 0)
		r = git_remote_connect_ext(remote, GIT_DIRECTION_FETCH, &options);
	if (r == 0)
		r = git_remote_ls(ret_heads, ret_n, remote);
	if (r < 0)
		return fetch_fail(f, r, url, err);
	*ret = steal_ptr(&remote);
	return TRB_OK;
}

static int download(struct fetch *f, git_remote *remote, char **specs, size_t n)
{
	git_fetch_options options = GIT_FETCH_OPTIONS_INIT;
	const git_strarray refspecs = { specs, n };

	set_callbacks(f, &options.callbacks, &options.proxy_opts);
	options.follow_redirects = GIT_REMOTE_REDIRECT_NONE;
	options.download_tags = GIT_REMOTE_DOWNLOAD_TAGS_NONE;
	options.update_fetchhead = 0;
	return git_remote_fetch(remote, &refspecs, &options, NULL);
}

/* Fetches one ref or commit, and says what it is. */
static int download_one(struct fetch *f, git_remote *remote, const char *what, git_oid *ret_tip,
			int *ret_git_code)
{
	_cleanup_free_ char *spec = NULL;
	int r;

	if (asprintf(&spec, "+%s:" TIP, what) < 0)
		return TRB_E_NOMEM;
	r = download(f, remote, &spec, 1);
	if (r == 0)
		r = git_reference_name_to_id(ret_tip, git_remote_owner(remote), TIP);
	*ret_git_code = r;
	return r < 0 ? TRB_E_IO : TRB_OK;
}

static bool has_ref(const git_remote_head **heads, size_t n, const char *ref)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(heads[i]->name, ref) == 0)
			return true;
	return false;
}

static int fetch_by_ref(struct fetch *f, struct fetched *r, const char *url, const char *ref,
			trb_error **err)
{
	_cleanup_(git_remote_freep) git_remote *remote = NULL;
	const git_remote_head **heads = NULL;
	int git_code = 0, res;
	size_t n = 0;

	res = fetch_connect(f, r->repo, url, &remote, &heads, &n, err);
	if (res < 0)
		return res;
	if (!has_ref(heads, n, ref))
		return trb_fail_check(err, TRB_E_NOTFOUND, TRB_CHECK_REF, "%s has no ref '%s'", url,
				      ref);
	fetch_progress(f, "fetching %s", ref);
	res = download_one(f, remote, ref, &r->tip, &git_code);
	return res < 0 ? fetch_fail(f, git_code, url, err) : TRB_OK;
}

/* All branches and tags: for servers that do not give out commits by their ids. */
static int fetch_everything(struct fetch *f, struct fetched *r, const char *url, trb_error **err)
{
	static char heads_spec[] = "+refs/heads/*:refs/trustbuild/heads/*";
	static char tags_spec[] = "+refs/tags/*:refs/trustbuild/tags/*";
	_cleanup_(git_remote_freep) git_remote *remote = NULL;
	const git_remote_head **heads = NULL;
	size_t n = 0;
	int res;

	res = fetch_connect(f, r->repo, url, &remote, &heads, &n, err);
	if (res < 0)
		return res;
	fetch_progress(f, "fetching all branches and tags");
	res = download(f, remote, (char *[]){ heads_spec, tags_spec }, 2);
	return res < 0 ? fetch_fail(f, res, url, err) : TRB_OK;
}

/* A failed try is forgotten, unless one of our bounds ended it. */
static int fetch_by_id(struct fetch *f, struct fetched *r, const char *url, const char *hex,
		       trb_error **err)
{
	_cleanup_(git_remote_freep) git_remote *remote = NULL;
	const git_remote_head **heads = NULL;
	int git_code = 0, res;
	size_t n = 0;

	res = fetch_connect(f, r->repo, url, &remote, &heads, &n, err);
	if (res < 0)
		return res;
	fetch_progress(f, "fetching %s", hex);
	git_oid_fromstr(&r->tip, hex);
	if (download_one(f, remote, hex, &r->tip, &git_code) == TRB_OK)
		return TRB_OK;
	if (f->stopped != NULL)
		return fetch_fail(f, git_code, url, err);
	git_oid_fromstr(&r->tip, hex);
	res = fetch_everything(f, r, url, err);
	if (res < 0)
		return res;
	if (!git_odb_exists(r->odb, &r->tip))
		return trb_fail_check(
			err, TRB_E_NOTFOUND, TRB_CHECK_COMMIT,
			"%s has no branch or tag with commit %s, and does not give it "
			"out by its id: name a ref whose history has it",
			url, hex);
	return TRB_OK;
}

static int open_repository(struct fetch *f, struct fetched *r, trb_error **err)
{
	git_repository_init_options options = GIT_REPOSITORY_INIT_OPTIONS_INIT;
	int res;

	snprintf(r->path, sizeof(r->path), "/r%u", f->n_repositories++);
	options.flags = GIT_REPOSITORY_INIT_BARE | GIT_REPOSITORY_INIT_MKDIR |
			GIT_REPOSITORY_INIT_NO_DOTGIT_DIR;
	res = git_repository_init_ext(&r->repo, r->path, &options);
	if (res == 0)
		res = git_repository_odb(&r->odb, r->repo);
	return res < 0 ? fetch_fail(f, res, "make a repository", err) : TRB_OK;
}

int fetch_repository(struct fetch *f, const char *url, const struct trb_commit *commit,
		     const char *ref, struct fetched *ret, trb_error **err)
{
	struct fetched r = { 0 };
	char hex[65];
	int res;

	trb_commit_to_hex(commit, hex);
	res = open_repository(f, &r, err);
	if (res == TRB_OK)
		res = ref != NULL ? fetch_by_ref(f, &r, url, ref, err)
				  : fetch_by_id(f, &r, url, hex, err);
	if (res == TRB_OK && git_odb_refresh(r.odb) < 0)
		res = fetch_fail(f, -1, "read the pack", err);
	if (res < 0) {
		fetched_clear(&r);
		return res;
	}
	*ret = r;
	return TRB_OK;
}

void fetched_clear(struct fetched *r)
{
	git_odb_free(r->odb);
	git_repository_free(r->repo);
	if (r->path[0] != '\0')
		trb_remove_tree(AT_FDCWD, r->path, NULL);
	*r = (struct fetched){ 0 };
}
