/* SPDX-License-Identifier: Apache-2.0 */
/* A session's way out: the helper program tb-egress, and what it is told. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/argv.h"
#include "core/context.h"
#include "host/proxy.h"
#include "host/session.h"

/* 443, and the repository's own port. */
static void ports_of(trb_bytes url, char *ret, size_t size)
{
	trb_bytes rest = url;
	const uint8_t *slash, *colon;

	snprintf(ret, size, "443");
	trb_bytes_take(&rest, strlen("https://"));
	slash = memchr(rest.ptr, '/', rest.len);
	if (slash == NULL)
		return;
	colon = memrchr(rest.ptr, ':', (size_t)(slash - rest.ptr));
	if (colon != NULL && slash - colon > 1 && slash - colon <= 6)
		snprintf(ret, size, "443,%.*s", (int)(slash - colon - 1), (const char *)colon + 1);
}

/* "PORT/HOST": the repository's own host is let through on the repository's port, any other on 443,
 * so that what is allowed for one URL is not allowed for another of the same host. */
static void add_private(struct trb_argv *argv, const char *host, trb_bytes url)
{
	trb_bytes origin = trb_repository_origin(url);
	size_t n = strlen(host), scheme = strlen("https://");
	const char *own = (const char *)origin.ptr + scheme;
	const char *port = "443";
	int len = 3;

	if (origin.len > scheme + n + 1 && own[n] == ':' &&
	    trb_bytes_eq_nocase(TRB_BYTES(own, n), trb_bytes_str(host))) {
		port = own + n + 1;
		len = (int)(origin.len - scheme - n - 1);
	}
	trb_argv_add(argv, "%.*s/%s", len, port, host);
}

void trb_proxy_environment(struct trb_argv *ret)
{
	static const char *const names[] = { "https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		trb_argv_add_text(ret, names[i], getenv(names[i]));
}

static int start_helper(struct trb_session *session, const struct trb_argv *argv,
			const struct trb_argv *envp, int from, trb_error **err)
{
	_cleanup_close_ int lifeline = -1, log = -1;
	_cleanup_free_ char *path = NULL;
	int pipes[2], r;

	r = trb_argv_check(argv, err);
	if (r == TRB_OK)
		r = trb_argv_check(envp, err);
	if (r < 0)
		return r;
	if (asprintf(&path, "%s/tb-egress", trb_context_get_libexec_dir(session->context)) < 0)
		return trb_fail_nomem(err);
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return trb_fail_errno(err, errno, "make a pipe");
	lifeline = pipes[0];
	session->egress_lifeline = pipes[1];
	if (pipe2(pipes, O_CLOEXEC | O_NONBLOCK) < 0)
		return trb_fail_errno(err, errno, "make a pipe");
	session->proxy_log = pipes[0];
	log = pipes[1];
	return trb_spawn(path, argv->argv, envp->argv, (int[]){ lifeline, -1, log, from },
			 TRB_EGRESS_FDS, &session->egress, err);
}

int trb_session_start_egress(struct trb_session *session, trb_bytes url, int from, trb_error **err)
{
	struct trb_argv argv = { 0 }, envp = { 0 };
	char ports[16];
	int r;

	ports_of(url, ports, sizeof(ports));
	trb_argv_add(&argv, "tb-egress");
	trb_argv_add(&argv, "%s", ports);
	for (size_t i = 0; i < session->n_private; i++)
		add_private(&argv, session->private[i], url);
	trb_argv_add(&envp, "PATH=/usr/bin:/bin");
	trb_proxy_environment(&envp);
	r = start_helper(session, &argv, &envp, from, err);
	trb_argv_clear(&argv);
	trb_argv_clear(&envp);
	return r;
}
