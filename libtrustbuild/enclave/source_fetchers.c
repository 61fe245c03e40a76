/* SPDX-License-Identifier: Apache-2.0 */
/* A fetcher for each repository, and the token that it gets, if any. */
#include "enclave/source_fetchers.h"

#include <openssl/crypto.h>

#include "core/cleanup.h"
#include "core/error.h"
#include "core/helper.h"

#define CHUNK        65536u
#define EXIT_WAIT_MS 5000

static struct trb_fetcher *top(struct trb_fetchers *f)
{
	return f->n > 0 ? &f->stack[f->n - 1] : NULL;
}

static void drop(struct trb_fetchers *f)
{
	struct trb_fetcher *last = &f->stack[--f->n];

	trb_child_kill(&last->child);
	trb_closep(&last->pipe);
	free(last->chunk);
	*last = (struct trb_fetcher){ .child = TRB_CHILD_NONE, .pipe = -1 };
}

int trb_fetchers_start(struct trb_fetchers *f, const char *libexec_dir,
		       const struct trb_fetch_args *args, trb_error **err)
{
	struct trb_fetcher *next = &f->stack[f->n];
	struct trb_argv argv = { 0 };
	int r;

	if (f->n == TRB_FETCHERS)
		return trb_fail_check(err, TRB_E_LIMIT, TRB_CHECK_LIMIT,
				      "more than %u repositories in one another", TRB_FETCHERS);
	*next = (struct trb_fetcher){ .child = TRB_CHILD_NONE, .pipe = -1 };
	next->chunk = malloc(CHUNK);
	if (next->chunk == NULL)
		return trb_fail_nomem(err);
	f->n++;
	trb_fetch_argv(args, &argv);
	r = trb_helper_start(libexec_dir, &argv, NULL, args->token, &next->child, &next->pipe, err);
	trb_argv_clear(&argv);
	if (r < 0)
		drop(f);
	return r;
}

/* It ended where more was due: what does its exit say? */
static int fail_early(struct trb_fetcher *last, trb_error **err)
{
	int status = 0, r = trb_child_wait(&last->child, EXIT_WAIT_MS, &status, err);

	if (r < 0)
		return r;
	if (status > 128)
		return trb_fail(err, TRB_E_IO, "the fetcher was ended by signal %d", status - 128);
	return trb_fail(err, TRB_E_IO, "the fetcher ended early, with status %d", status);
}

int trb_fetchers_read(struct trb_fetchers *f, trb_bytes *ret, trb_error **err)
{
	struct trb_fetcher *last = top(f);
	ssize_t n;

	if (last == NULL)
		return trb_fail(err, TRB_E_STATE, "there is no fetcher");
	if (last->at == last->len) {
		do
			n = read(last->pipe, last->chunk, CHUNK);
		while (n < 0 && errno == EINTR);
		if (n < 0 && errno == EAGAIN)
			return TRB_E_AGAIN;
		if (n < 0)
			return trb_fail_errno(err, errno, "read from the fetcher");
		if (n == 0)
			return fail_early(last, err);
		last->at = 0;
		last->len = (size_t)n;
	}
	*ret = TRB_BYTES(last->chunk + last->at, last->len - last->at);
	return TRB_OK;
}

void trb_fetchers_take(struct trb_fetchers *f, trb_bytes rest)
{
	struct trb_fetcher *last = top(f);

	last->at = last->len - rest.len;
}

int trb_fetchers_finish(struct trb_fetchers *f, trb_error **err)
{
	struct trb_fetcher *last = top(f);
	int status = 0, r;
	uint8_t more;

	r = trb_child_wait(&last->child, EXIT_WAIT_MS, &status, err);
	if (r < 0)
		return r;
	if (last->at < last->len || read(last->pipe, &more, 1) > 0)
		return trb_fail_check(err, TRB_E_FORMAT, TRB_CHECK_OBJECT,
				      "the fetcher sent more behind its stream's end");
	if (status != 0)
		return trb_fail(err, TRB_E_IO,
				"the fetcher ended with status %d behind its "
				"stream's end",
				status);
	drop(f);
	return TRB_OK;
}

int trb_fetchers_fd(const struct trb_fetchers *f)
{
	return f->n > 0 ? f->stack[f->n - 1].pipe : -1;
}

void trb_fetchers_kill(struct trb_fetchers *f)
{
	while (f->n > 0)
		drop(f);
}

/* Tokens. */

int trb_source_tokens_add(struct trb_source_tokens *t, const char *prefix, trb_bytes token,
			  trb_error **err)
{
	const char *fault = trb_repository_fault(trb_bytes_str(prefix));
	int r = trb_fetch_token_check(token, err);

	if (r < 0)
		return r;
	if (fault != NULL)
		return trb_fail_check(err, TRB_E_INVAL, TRB_CHECK_REPOSITORY,
				      "a token's URL '%s': %s", prefix, fault);
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->all[i].prefix, prefix) == 0)
			return trb_fail(err, TRB_E_INVAL, "a second token for '%s'", prefix);
	if (t->n == TRB_CREDENTIALS)
		return trb_fail(err, TRB_E_LIMIT, "more than %u tokens", TRB_CREDENTIALS);
	trb_buf_init(&t->all[t->n].token, TRB_FETCH_TOKEN_MAX);
	trb_buf_add(&t->all[t->n].token, token);
	t->all[t->n].prefix = strdup(prefix);
	t->n++; /* also half of one: it is wiped at the end */
	return t->all[t->n - 1].prefix != NULL
		       ? trb_buf_check(&t->all[t->n - 1].token, "a token", err)
		       : trb_fail_nomem(err);
}

static bool is_below(const char *url, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(url, prefix, n) == 0 && (url[n] == '\0' || url[n] == '/');
}

trb_bytes trb_source_tokens_find(const struct trb_source_tokens *t, const char *url)
{
	const char *longest = "";
	trb_bytes found = TRB_BYTES_NULL;

	for (size_t i = 0; i < t->n; i++)
		if (is_below(url, t->all[i].prefix) && strlen(t->all[i].prefix) > strlen(longest)) {
			longest = t->all[i].prefix;
			found = trb_buf_bytes(&t->all[i].token);
		}
	return found;
}

void trb_source_tokens_wipe(struct trb_source_tokens *t)
{
	for (size_t i = 0; i < t->n; i++) {
		if (t->all[i].token.ptr != NULL)
			OPENSSL_cleanse(t->all[i].token.ptr, t->all[i].token.cap);
		trb_buf_clear(&t->all[i].token);
		free(t->all[i].prefix);
	}
	*t = (struct trb_source_tokens){ 0 };
}
