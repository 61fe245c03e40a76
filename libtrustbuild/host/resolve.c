/* SPDX-License-Identifier: Apache-2.0 */
/* Names of commits, resolved before the enclave sees a request.  libgit2 runs in the helper. */
#include <trustbuild/request.h>

#include <poll.h>

#include "core/channel.h"
#include "core/clock.h"
#include "core/context.h"
#include "core/helper.h"
#include "core/io.h"
#include "format/facts.h"
#include "format/fetch.h"

static int read_full(trb_context *context, int fd, uint8_t *out, size_t n, int64_t deadline,
		     trb_error **err)
{
	while (n > 0) {
		ssize_t got = read(fd, out, n);
		int r;

		if (got == 0)
			return trb_fail(err, TRB_E_IO, "the helper tb-fetch ended early");
		if (got > 0) {
			out += got;
			n -= (size_t)got;
			continue;
		}
		if (errno != EAGAIN && errno != EINTR)
			return trb_fail_errno(err, errno, "read from tb-fetch");
		r = trb_wait_fd_in(context, fd, POLLIN, deadline, err);
		if (r < 0)
			return r;
	}
	return TRB_OK;
}

/* Reads frames up to the answer, which text then holds with a NUL. */
static int read_answer(trb_context *context, int fd, int64_t deadline,
		       char text[TRB_FETCH_TEXT_MAX + 1], trb_error **err)
{
	uint8_t head[TRB_FETCH_HEADER];
	unsigned type;
	uint64_t size;
	int r;

	for (;;) {
		r = read_full(context, fd, head, sizeof(head), deadline, err);
		if (r < 0)
			return r;
		trb_fetch_header_decode(head, &type, &size);
		if (size > TRB_FETCH_TEXT_MAX)
			return trb_fail(err, TRB_E_FORMAT, "tb-fetch sent a frame of %llu bytes",
					(unsigned long long)size);
		r = read_full(context, fd, (uint8_t *)text, (size_t)size, deadline, err);
		if (r < 0)
			return r;
		text[size] = '\0';
		if (type == TRB_FETCH_RESOLVED)
			return TRB_OK;
		if (type == TRB_FETCH_ERROR)
			return trb_fetch_error_raise(TRB_BYTES(text, size), err);
		if (type != TRB_FETCH_PROGRESS)
			return trb_fail(err, TRB_E_FORMAT, "tb-fetch sent a frame of type %u",
					type);
		trb_tell(context, TRB_LOG_INFO, "%s", text);
	}
}

/* "COMMIT REF" as a request. */
static int take_answer(trb_context *context, const char *repository, char *text,
		       trb_request **ret_request, trb_error **err)
{
	_cleanup_(trb_request_unrefp) trb_request *request = NULL;
	char *ref = strchr(text, ' ');
	int r;

	if (ref == NULL)
		return trb_fail(err, TRB_E_FORMAT, "tb-fetch gave half an answer");
	*ref++ = '\0';
	r = trb_request_new(context, repository, text, &request, err);
	if (r == TRB_OK && *ref != '\0')
		r = trb_request_set_ref(request, ref, err);
	if (r == TRB_OK)
		*ret_request = steal_ptr(&request);
	return r;
}

static int ask_helper(trb_context *context, const struct trb_fetch_args *args,
		      trb_request **ret_request, trb_error **err)
{
	int64_t deadline = trb_deadline((int)(args->limits->wall_s * 1000));
	struct trb_child child = TRB_CHILD_NONE;
	char text[TRB_FETCH_TEXT_MAX + 1];
	_cleanup_close_ int fd = -1;
	struct trb_argv argv = { 0 };
	int r;

	trb_fetch_argv(args, &argv);
	r = trb_helper_start(trb_context_get_libexec_dir(context), &argv, args->token, &child, &fd,
			     err);
	trb_argv_clear(&argv);
	if (r == TRB_OK)
		r = read_answer(context, fd, deadline, text, err);
	trb_child_kill(&child);
	if (r == TRB_OK)
		r = take_answer(context, args->repository, text, ret_request, err);
	return r;
}

static bool is_full_id(const char *name)
{
	struct trb_commit commit;

	return name != NULL && trb_commit_from_hex(trb_bytes_str(name), &commit);
}

/* Nothing to ask: the name is the commit. */
static int pin(trb_context *context, const char *repository, const char *name, const char *ref,
	       trb_request **ret_request, trb_error **err)
{
	_cleanup_(trb_request_unrefp) trb_request *request = NULL;
	int r = trb_request_new(context, repository, name, &request, err);

	if (r == TRB_OK && ref != NULL)
		r = trb_request_set_ref(request, ref, err);
	if (r == TRB_OK)
		*ret_request = steal_ptr(&request);
	return r;
}

int trb_request_resolve(trb_context *context, const char *repository, const char *name,
			const char *ref, const char *ca_file, trb_bytes token,
			trb_request **ret_request, trb_error **err)
{
	struct trb_source_limits limits;
	const struct trb_fetch_args args = {
		.mode = "resolve",
		.repository = repository,
		.ca_file = ca_file != NULL ? ca_file : TRB_FETCH_CA_FILE,
		.ref = ref,
		.name = name,
		.limits = &limits,
		.token = token,
	};
	const char *fault;
	int r = TRB_OK;

	if (context == NULL || repository == NULL || ret_request == NULL)
		return trb_fail(err, TRB_E_INVAL, "resolving needs a context and a repository");
	fault = trb_repository_fault(trb_bytes_str(repository));
	if (fault != NULL)
		return trb_fail_check(err, TRB_E_INVAL, TRB_CHECK_REPOSITORY, "repository: %s",
				      fault);
	fault = ref != NULL ? trb_ref_fault(trb_bytes_str(ref)) : NULL;
	if (fault != NULL)
		return trb_fail_check(err, TRB_E_INVAL, TRB_CHECK_REF, "ref '%s': %s", ref, fault);
	if (is_full_id(name))
		return pin(context, repository, name, ref, ret_request, err);
	if (token.len > 0)
		r = trb_fetch_token_check(token, err);
	trb_source_limits_default(&limits);
	if (r == TRB_OK)
		r = ask_helper(context, &args, ret_request, err);
	return r < 0 ? trb_wrap(err, r, "resolve '%s' in %s",
				name  ? name
				: ref ? ref
				      : "HEAD",
				repository)
		     : r;
}
