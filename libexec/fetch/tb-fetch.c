/* SPDX-License-Identifier: Apache-2.0 */
/* tb-fetch fetch|resolve KEY=VALUE…: the program that talks to git servers, started by the library
 * (docs/spec/source.md).  Descriptor 1 takes frames, 3 gives the token where token=1. */
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>

#include "core/clock.h"
#include "core/error.h"
#include "core/io.h"
#include "fetch/fetch.h"
#include "fetch/http.h"
#include "fetch/store.h"

#define TOKEN_FD  3
#define TOKEN_MAX 4096

static int set_limit(struct fetch *f, const char *text, trb_error **err)
{
	const char *equals = strchr(text, '=');
	char *end = NULL;
	unsigned long long value;

	errno = 0;
	value = equals != NULL ? strtoull(equals + 1, &end, 10) : 0;
	if (equals == NULL || errno != 0 || end == equals + 1 || *end != '\0')
		return trb_fail(err, TRB_E_INVAL, "limit '%s' is no number", text);
	return trb_source_limits_set(&f->limits, TRB_BYTES(text, equals - text), value, err);
}

static int set_clock(struct fetch *f, const char *text, trb_error **err)
{
	char *end;
	long long now;

	errno = 0;
	now = strtoll(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || now <= 0)
		return trb_fail(err, TRB_E_INVAL, "'%s' is no time", text);
	f->now = now;
	f->now_at_ms = trb_now_ms(CLOCK_MONOTONIC);
	return TRB_OK;
}

static int read_token(struct fetch *f, trb_error **err)
{
	size_t n = 0;
	ssize_t got;

	f->token = calloc(1, TOKEN_MAX + 1);
	if (f->token == NULL)
		return trb_fail_nomem(err);
	while (n < TOKEN_MAX && (got = read(TOKEN_FD, f->token + n, TOKEN_MAX - n)) > 0)
		n += (size_t)got;
	close(TOKEN_FD);
	return n > 0 ? TRB_OK : trb_fail(err, TRB_E_INVAL, "the token's pipe is empty");
}

static int set_argument(struct fetch *f, const char *arg, trb_error **err)
{
	const struct {
		const char *key;
		const char **slot;
	} texts[] = {
		{ "repository=", &f->repository },
		{ "commit=", &f->commit_hex },
		{ "ref=", &f->ref },
		{ "name=", &f->name },
		{ "egress=", &f->egress },
		{ "ca=", &f->ca },
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (strncmp(arg, texts[i].key, strlen(texts[i].key)) == 0) {
			*texts[i].slot = arg + strlen(texts[i].key);
			return TRB_OK;
		}
	if (strncmp(arg, "limit.", 6) == 0)
		return set_limit(f, arg + 6, err);
	if (strncmp(arg, "now=", 4) == 0)
		return set_clock(f, arg + 4, err);
	if (strcmp(arg, "token=1") == 0)
		return read_token(f, err);
	return trb_fail(err, TRB_E_INVAL, "unknown argument '%s'", arg);
}

static int set_arguments(struct fetch *f, char **args, trb_error **err)
{
	const char *fault;

	trb_source_limits_default(&f->limits);
	for (; *args != NULL; args++) {
		int r = set_argument(f, *args, err);

		if (r < 0)
			return r;
	}
	if (f->repository == NULL || f->ca == NULL)
		return trb_fail(err, TRB_E_INVAL, "repository and ca must be given");
	fault = trb_repository_fault(trb_bytes_str(f->repository));
	if (fault != NULL)
		return trb_fail_check(err, TRB_E_INVAL, TRB_CHECK_REPOSITORY, "repository '%s': %s",
				      f->repository, fault);
	fault = f->ref != NULL ? trb_ref_fault(trb_bytes_str(f->ref)) : NULL;
	if (fault != NULL)
		return trb_fail_check(err, TRB_E_INVAL, TRB_CHECK_REF, "ref '%s': %s", f->ref,
				      fault);
	if (f->commit_hex != NULL && !trb_commit_from_hex(trb_bytes_str(f->commit_hex), &f->commit))
		return trb_fail(err, TRB_E_INVAL, "commit '%s' is no object id", f->commit_hex);
	f->deadline = trb_deadline((int)(f->limits.wall_s * 1000));
	return TRB_OK;
}

/* The host's proxy may have a password, which the part that talks to strangers does not need. */
static void forget_upstream(struct fetch *f)
{
	extern char **environ;

	for (char **e = environ; e != NULL && *e != NULL; e++)
		explicit_bzero(*e, strlen(*e));
	if (f->upstream.authorization != NULL)
		explicit_bzero(f->upstream.authorization, strlen(f->upstream.authorization));
	trb_upstream_clear(&f->upstream);
}

static int run(struct fetch *f, const char *mode, char **args, trb_error **err)
{
	int r = set_arguments(f, args, err);

	if (r == TRB_OK)
		r = trb_upstream_from_env(&f->upstream, err);
	if (r == TRB_OK)
		r = fetch_broker_start(f, err);
	forget_upstream(f);
	if (r == TRB_OK)
		r = fetch_store_start(f, err);
	if (r == TRB_OK)
		r = fetch_http_start(f, err);
	if (r == TRB_OK)
		r = fetch_isolate(f, err);
	if (r < 0)
		return r;
	if (strcmp(mode, "resolve") == 0)
		return fetch_resolve(f, err);
	if (strcmp(mode, "fetch") == 0 && f->commit_hex != NULL)
		return fetch_send_all(f, err);
	return trb_fail(err, TRB_E_INVAL, "tb-fetch does not know '%s'", mode);
}

int main(int argc, char **argv)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct fetch f = { .out = STDOUT_FILENO, .broker = -1 };
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	_cleanup_buf_ struct trb_buf text = { 0 };
	int r;

	if (argc < 2) {
		fprintf(stderr, "tb-fetch is started by libtrustbuild, not by people\n");
		return 2;
	}
	sigaction(SIGPIPE, &ignore, NULL);
	sigaction(SIGXFSZ, &ignore, NULL);
	r = run(&f, argv[1], argv + 2, &err);
	if (r < 0 && !f.broken) {
		trb_buf_init(&text, TRB_FETCH_TEXT_MAX);
		trb_fetch_error_encode(err, &text);
		fetch_frame(&f, TRB_FETCH_ERROR, trb_buf_bytes(&text), NULL);
	}
	fetch_broker_stop(&f);
	/* what the libraries hold goes with the process, and a leak check would trace it, which is
	 * refused */
	_exit(r < 0 ? 1 : 0);
}
