/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>

#include "format/fetch.h"
#include "core/io.h"
#include "core/spawn.h"

#define ARGS_MAX   32
#define PIPE_BYTES (1 << 20)

struct args {
	size_t n;
	char *argv[ARGS_MAX + 1];
};

static void args_clear(struct args *a)
{
	for (size_t i = 0; i < a->n; i++)
		free(a->argv[i]);
}

__attribute__((format(printf, 2, 3))) static void args_add(struct args *a, const char *fmt, ...)
{
	va_list ap;

	if (a->n == ARGS_MAX)
		return;
	va_start(ap, fmt);
	if (vasprintf(&a->argv[a->n], fmt, ap) < 0)
		a->argv[a->n] = NULL;
	va_end(ap);
	a->n++;
}

static void args_text(struct args *a, const char *key, const char *value)
{
	if (value != NULL)
		args_add(a, "%s=%s", key, value);
}

static int make_args(const struct trb_fetch_args *args, struct args *a, trb_error **err)
{
	uint64_t value = 0;
	const char *name;

	args_add(a, "tb-fetch");
	args_add(a, "%s", args->mode);
	args_text(a, "repository", args->repository);
	args_text(a, "ca", args->ca_file);
	args_text(a, "commit", args->commit);
	args_text(a, "ref", args->ref);
	args_text(a, "name", args->name);
	args_text(a, "egress", args->egress);
	if (args->now != 0)
		args_add(a, "now=%lld", (long long)args->now);
	if (args->token.len > 0)
		args_add(a, "token=1");
	for (size_t i = 0; (name = trb_source_limits_get(args->limits, i, &value)) != NULL; i++)
		args_add(a, "limit.%s=%llu", name, (unsigned long long)value);
	for (size_t i = 0; i < a->n; i++)
		if (a->argv[i] == NULL)
			return trb_fail_nomem(err);
	return TRB_OK;
}

static int make_pipe(int *ret_read, int *ret_write, trb_error **err)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return trb_fail_errno(err, errno, "make a pipe");
	*ret_read = fds[0];
	*ret_write = fds[1];
	return TRB_OK;
}

/* A pipe that holds the token, which is smaller than a pipe's buffer, so that nothing blocks. */
static int token_pipe(trb_bytes token, int *ret_fd, trb_error **err)
{
	_cleanup_close_ int in = -1, out = -1;
	int r;

	if (token.len == 0)
		return TRB_OK;
	r = make_pipe(&in, &out, err);
	if (r == TRB_OK)
		r = trb_write_full(out, token, err);
	if (r == TRB_OK)
		*ret_fd = steal_fd(&in);
	return r;
}

static int spawn(const char *path, const struct trb_fetch_args *args, struct args *a,
		 struct trb_child *ret_child, int *ret_fd, trb_error **err)
{
	_cleanup_close_ int token = -1, out = -1, in = -1;
	char *const envp[] = { NULL };
	int r;

	r = make_pipe(&in, &out, err);
	if (r == TRB_OK)
		r = token_pipe(args->token, &token, err);
	if (r < 0)
		return r;
	fcntl(in, F_SETPIPE_SZ, PIPE_BYTES); /* fewer switches; the default does as well */
	if (fcntl(in, F_SETFL, O_NONBLOCK) < 0)
		return trb_fail_errno(err, errno, "prepare the fetcher's pipe");
	r = trb_spawn(path, a->argv, envp, (int[]){ -1, out, -1, token }, 4, ret_child, err);
	if (r == TRB_OK)
		*ret_fd = steal_fd(&in);
	return r;
}

int trb_fetch_spawn(const char *libexec_dir, const struct trb_fetch_args *args,
		    struct trb_child *ret_child, int *ret_fd, trb_error **err)
{
	_cleanup_free_ char *path = NULL;
	struct args a = { 0 };
	int r;

	if (asprintf(&path, "%s/tb-fetch", libexec_dir) < 0)
		return trb_fail_nomem(err);
	r = make_args(args, &a, err);
	if (r == TRB_OK)
		r = spawn(path, args, &a, ret_child, ret_fd, err);
	args_clear(&a);
	return r;
}

int trb_fetch_token_check(trb_bytes token, trb_error **err)
{
	if (token.len == 0 || memchr(token.ptr, '\0', token.len) != NULL ||
	    memchr(token.ptr, '\n', token.len) != NULL)
		return trb_fail(err, TRB_E_INVAL, "a token is one line, and not empty");
	if (token.len > TRB_FETCH_TOKEN_MAX)
		return trb_fail(err, TRB_E_LIMIT, "a token has at most %u bytes",
				TRB_FETCH_TOKEN_MAX);
	return TRB_OK;
}
