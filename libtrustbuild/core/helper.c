/* SPDX-License-Identifier: Apache-2.0 */
/* A helper program that answers on a pipe. */
#include "core/helper.h"

#include <fcntl.h>
#include <stdio.h>

#include "core/cleanup.h"
#include "core/io.h"

#define PIPE_BYTES (1 << 20)

static int make_pipe(int *ret_read, int *ret_write, trb_error **err)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return trb_fail_errno(err, errno, "make a pipe");
	*ret_read = fds[0];
	*ret_write = fds[1];
	return TRB_OK;
}

/* A pipe that holds the secret, which is smaller than a pipe's buffer, so that nothing blocks. */
static int secret_pipe(trb_bytes secret, int *ret_fd, trb_error **err)
{
	_cleanup_close_ int in = -1, out = -1;
	int r;

	if (secret.len == 0)
		return TRB_OK;
	if (secret.len > TRB_HELPER_SECRET_MAX)
		return trb_fail(err, TRB_E_LIMIT, "a secret has at most %u bytes",
				TRB_HELPER_SECRET_MAX);
	r = make_pipe(&in, &out, err);
	if (r == TRB_OK)
		r = trb_write_full(out, secret, err);
	if (r == TRB_OK)
		*ret_fd = steal_fd(&in);
	return r;
}

static int start(const char *path, const struct trb_argv *args, char *const envp[],
		 trb_bytes secret, struct trb_child *ret_child, int *ret_fd, trb_error **err)
{
	_cleanup_close_ int token = -1, out = -1, in = -1;
	int r;

	r = make_pipe(&in, &out, err);
	if (r == TRB_OK)
		r = secret_pipe(secret, &token, err);
	if (r < 0)
		return r;
	fcntl(in, F_SETPIPE_SZ, PIPE_BYTES); /* fewer switches; the default does as well */
	if (fcntl(in, F_SETFL, O_NONBLOCK) < 0)
		return trb_fail_errno(err, errno, "prepare the pipe of %s", args->argv[0]);
	r = trb_spawn(path, args->argv, envp, (int[]){ -1, out, -1, token },
		      TRB_HELPER_SECRET_FD + 1, ret_child, err);
	if (r == TRB_OK)
		*ret_fd = steal_fd(&in);
	return r;
}

int trb_helper_start(const char *libexec_dir, const struct trb_argv *args,
		     const struct trb_argv *envp, trb_bytes secret, struct trb_child *ret_child,
		     int *ret_fd, trb_error **err)
{
	_cleanup_free_ char *path = NULL;
	char *const nothing[] = { NULL };
	int r = trb_argv_check(args, err);

	if (r == TRB_OK && envp != NULL)
		r = trb_argv_check(envp, err);

	if (r < 0)
		return r;
	if (asprintf(&path, "%s/%s", libexec_dir, args->argv[0]) < 0)
		return trb_fail_nomem(err);
	return start(path, args, envp != NULL ? envp->argv : nothing, secret, ret_child, ret_fd,
		     err);
}
