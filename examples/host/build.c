/* SPDX-License-Identifier: Apache-2.0 */
/* tb-host build: one commit, one enclave, one bundle. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <trustbuild/image.h>

#include "host/build.h"

#define RECIPE_MAX (64u * 1024)
#define TOKEN_MAX  4096u
#define TOKEN_ROOM (TOKEN_MAX + 3) /* its line's end, and a byte that shows that it is longer */

static struct {
	const char *commit, *ref, *recipe, *backend, *sandbox, *out, *log, *token_fd, *timeout;
	const char *image, *state, *ca;
	struct cli_list private;
	bool json, force;
} opts;

static const struct cli_option options[] = {
	{ "commit", "NAME",
	  "commit id, branch or tag (default: the tip of --ref or of the "
	  "default branch)",
	  .value = &opts.commit },
	{ "ref", "REF", "full ref name that must contain the commit, such as refs/heads/main",
	  .value = &opts.ref },
	{ "recipe", "FILE", "this recipe in place of the tree's trustbuild.json",
	  .value = &opts.recipe },
	{ "image", "EIF", "enclave image (default: the one of 'tb-host image build')",
	  .value = &opts.image },
	{ "backend", "B", "enclave backend: process[:memory_mib=N,pids=N]",
	  .value = &opts.backend },
	{ "sandbox", "S", "runtime: runsc (default), crun, runc", .value = &opts.sandbox },
	{ "out", "DIR", "where the results go (default: trustbuild-out)", .value = &opts.out },
	{ "force", NULL, "replace files of the same names in DIR", .flag = &opts.force },
	{ "log", "L", "log to publish in (default: local); none: publish later",
	  .value = &opts.log },
	{ "allow-private", "HOST",
	  "let the enclave reach HOST at a private address; may be repeated",
	  .list = &opts.private },
	{ "ca", "PEM", "certificates for resolving names on this host", .value = &opts.ca },
	{ "token-fd", "N", "read the repository's access token from this descriptor",
	  .value = &opts.token_fd },
	{ "timeout", "SECONDS", "give up after so long", .value = &opts.timeout },
	{ "state", "DIR", "keys, caches and logs", .value = &opts.state },
	{ "json", NULL, "print the result as JSON", .flag = &opts.json },
	{ 0 },
};

static const struct cli_command command = {
	.name = BUILD_PROGRAM,
	.synopsis = "REPOSITORY [OPTION]…",
	.help = "Builds a commit of an https repository in an enclave.  Leaves the artifacts and a "
		"bundle with\nall evidence about them, published in a log.",
	.examples = "  tb-host build https://forge.example/widget.git --ref refs/heads/main\n"
		    "  tb-host build https://forge.example/widget.git --commit v1.2 --out v1.2\n",
	.options = options,
	.min_args = 1,
	.max_args = 1,
};

static int failed(trb_error *err)
{
	int code = trb_error_code(err);

	build_end_output();
	cli_progress_end();
	cli_error(BUILD_PROGRAM, err);
	trb_error_unref(err);
	if (code == TRB_E_UNSUPPORTED)
		cli_say("  remedy: 'tb-host doctor' tells what this machine can do");
	return code == TRB_E_BUILD ? CLI_NO : CLI_FAILED;
}

/* At most TOKEN_MAX bytes up to the end, without the last newline. */
static int read_token(uint8_t token[TOKEN_ROOM], size_t *ret_len)
{
	size_t len = 0;
	uint64_t fd;

	if (!cli_number(&command, "token-fd", opts.token_fd, 0, 1u << 20, &fd))
		return CLI_USAGE;
	while (len < TOKEN_ROOM) {
		ssize_t got = read((int)fd, token + len, TOKEN_ROOM - len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return cli_usage(BUILD_PROGRAM, "--token-fd %s: %s", opts.token_fd,
					 strerror(errno));
		if (got == 0)
			break;
		len += (size_t)got;
	}
	while (len > 0 && len < TOKEN_ROOM && (token[len - 1] == '\n' || token[len - 1] == '\r'))
		len--;
	if (len == 0 || len > TOKEN_MAX)
		return cli_usage(BUILD_PROGRAM, "--token-fd %s gives no token of 1 to %u bytes",
				 opts.token_fd, TOKEN_MAX);
	*ret_len = len;
	return CLI_OK;
}

static bool is_full_id(const char *text)
{
	size_t n = text != NULL ? strspn(text, "0123456789abcdef") : 0;

	return (n == 40 || n == 64) && text[n] == '\0';
}

/* A full id needs nobody's answer; every other name is resolved once, here, and pinned. */
static int make_request(trb_context *context, const char *repository, trb_bytes token,
			trb_request **ret, trb_error **err)
{
	int r;

	if (!is_full_id(opts.commit)) {
		cli_progress("asking %s for the commit", repository);
		return trb_request_resolve(context, repository, opts.commit, opts.ref, opts.ca,
					   token, ret, err);
	}
	r = trb_request_new(context, repository, opts.commit, ret, err);
	return r == TRB_OK && opts.ref != NULL ? trb_request_set_ref(*ret, opts.ref, err) : r;
}

static int set_recipe(trb_request *request)
{
	trb_blob *recipe = NULL;
	trb_error *err = NULL;
	int status = cli_read_file(BUILD_PROGRAM, opts.recipe, RECIPE_MAX, &recipe);

	if (status == CLI_OK && trb_request_set_recipe(request, trb_blob_bytes(recipe), &err) < 0)
		status = failed(err);
	trb_blob_unref(recipe);
	return status;
}

/* Asking for the commit is part of what --timeout counts; what it leaves is the session's. */
static int open_request(trb_context *context, const char *repository, trb_bytes token,
			uint32_t *seconds, trb_request **ret)
{
	uint32_t given = *seconds;
	trb_error *err = NULL;
	int r;

	alarm(given);
	r = make_request(context, repository, token, ret, &err);
	*seconds = alarm(0);
	if (r == TRB_E_CANCELED && given > 0 && *seconds == 0) {
		trb_error_unref(err);
		cli_progress_end();
		cli_say(BUILD_PROGRAM ": the repository did not name the commit within the %u s of "
				      "--timeout",
			given);
		return CLI_FAILED;
	}
	if (r == TRB_OK && opts.sandbox != NULL)
		r = trb_request_set_sandbox(*ret, opts.sandbox, &err);
	if (r < 0)
		return failed(err);
	return opts.recipe != NULL ? set_recipe(*ret) : CLI_OK;
}

/* The default image's path, which exists. */
static int default_image(trb_context *context, char **ret)
{
	trb_image *image = NULL;
	trb_error *err = NULL;
	const char *path;
	int status = CLI_OK;

	if (trb_image_new(context, &image, &err) < 0)
		return failed(err);
	path = trb_image_get_path(image);
	if (path == NULL || access(path, R_OK) < 0) {
		cli_say(BUILD_PROGRAM ": there is no enclave image yet: run 'tb-host image build'");
		status = CLI_FAILED;
	} else if ((*ret = strdup(path)) == NULL) {
		status = build_no_memory();
	}
	trb_image_unref(image);
	return status;
}

/* "process", "process:pids=100": the image is added where the options do not name one. */
static int backend_text(trb_context *context, char **ret)
{
	const char *backend = opts.backend != NULL ? opts.backend : "process";
	char *image = NULL;
	int status = CLI_OK, n;

	if (strstr(backend, "eif=") != NULL) {
		*ret = strdup(backend);
		return *ret != NULL ? CLI_OK : build_no_memory();
	}
	if (opts.image == NULL)
		status = default_image(context, &image);
	else if ((image = strdup(opts.image)) == NULL)
		status = build_no_memory();
	if (status == CLI_OK && strchr(image, ',') != NULL)
		status = cli_usage(BUILD_PROGRAM,
				   "'%s': a backend's options cannot carry a comma: "
				   "link the image under another name",
				   image);
	if (status != CLI_OK) {
		free(image);
		return status;
	}
	n = asprintf(ret, "%s%ceif=%s", backend, strchr(backend, ':') != NULL ? ',' : ':', image);
	free(image);
	if (n >= 0)
		return CLI_OK;
	*ret = NULL;
	return build_no_memory();
}

static int set_up(trb_session *session, int staging, trb_bytes token, uint32_t seconds,
		  trb_error **err)
{
	int r = trb_session_set_output_dirfd(session, staging, err);

	if (r == TRB_OK && token.len > 0)
		r = trb_session_set_credential(session, token, err);
	for (size_t i = 0; r == TRB_OK && i < opts.private.n; i++)
		r = trb_session_allow_private(session, opts.private.items[i], err);
	if (r == TRB_OK && seconds > 0)
		r = trb_session_set_timeout(session, seconds, err);
	return r;
}

static int run_events(trb_session *session, struct build_result *result, trb_error **err)
{
	struct pollfd p = { .fd = trb_session_get_fd(session), .events = POLLIN };

	for (;;) {
		trb_event *event = NULL;
		int r = trb_session_next_event(session, &event, err);

		if (r == TRB_E_DONE)
			return TRB_OK;
		if (r == TRB_E_AGAIN)
			poll(&p, 1, -1);
		else if (r < 0)
			return r;
		else if (!build_take_event(result, event))
			r = TRB_E_NOMEM;
		trb_event_unref(event);
		if (r == TRB_E_NOMEM)
			return r;
	}
}

static int run_session(trb_context *context, trb_request *request, const char *backend, int staging,
		       trb_bytes token, uint32_t seconds, struct build_result *result)
{
	trb_session *session = NULL;
	trb_error *err = NULL, *close_err = NULL;
	int r = trb_session_open(context, backend, &session, &err);

	if (r == TRB_OK)
		r = set_up(session, staging, token, seconds, &err);
	if (r == TRB_OK) {
		host_session = session;
		r = trb_session_start(session, request, &err);
	}
	if (r == TRB_OK)
		r = run_events(session, result, &err);
	host_session = NULL;
	if (trb_session_close(session, &close_err) < 0 && r == TRB_OK)
		r = TRB_E_IO;
	trb_session_unref(session);
	if (r == TRB_OK)
		return CLI_OK;
	if (err == NULL && close_err == NULL)
		return build_no_memory();
	if (err == NULL) {
		err = close_err;
		close_err = NULL;
	}
	trb_error_unref(close_err);
	return failed(err);
}

static const char *output(void)
{
	return opts.out != NULL ? opts.out : "trustbuild-out";
}

static int build_into(trb_context *context, trb_request *request, trb_bytes token, uint32_t seconds,
		      struct build_result *result)
{
	const char *out = output();
	char *backend = NULL, *staging = NULL;
	int fd = -1, status = backend_text(context, &backend);

	if (status == CLI_OK)
		status = build_open_output(out, &staging, &fd);
	if (status == CLI_OK)
		status = run_session(context, request, backend, fd, token, seconds, result);
	if (status == CLI_OK)
		status = build_save(result, out, staging);
	if (staging != NULL)
		build_drop_staging(staging);
	if (fd >= 0)
		close(fd);
	free(staging);
	free(backend);
	return status;
}

/* NULL where the bundle is to be published later. */
static const char *log_name(void)
{
	if (opts.log == NULL)
		return "local";
	return strcmp(opts.log, "none") != 0 ? opts.log : NULL;
}

/* What can be refused before anybody is asked anything. */
static int check_options(trb_context *context, uint32_t *ret_seconds)
{
	trb_error *err = NULL;
	uint64_t seconds = 0;
	int status = CLI_OK;

	if (opts.state != NULL && trb_context_set_state_dir(context, opts.state, &err) < 0)
		return failed(err);
	if (opts.timeout != NULL &&
	    !cli_number(&command, "timeout", opts.timeout, 1, UINT32_MAX, &seconds))
		return CLI_USAGE;
	*ret_seconds = (uint32_t)seconds;
	if (log_name() != NULL)
		status = build_check_log(context, log_name());
	return status == CLI_OK ? build_check_output(output(), opts.force) : status;
}

static int build(trb_context *context, const char *repository)
{
	uint8_t token[TOKEN_ROOM] = { 0 };
	struct build_result result = { 0 };
	trb_request *request = NULL;
	uint32_t seconds = 0;
	size_t len = 0;
	int status = opts.token_fd != NULL ? read_token(token, &len) : CLI_OK;

	if (status == CLI_OK)
		status = check_options(context, &seconds);
	host_catch_signals(context);
	if (status == CLI_OK)
		status = open_request(context, repository, (trb_bytes){ token, len }, &seconds,
				      &request);
	if (status == CLI_OK)
		status = build_into(context, request, (trb_bytes){ token, len }, seconds, &result);
	explicit_bzero(token, sizeof(token));
	if (status == CLI_OK && log_name() != NULL)
		status = build_publish(context, log_name(), &result);
	if (status == CLI_OK)
		build_print(&result, opts.json);
	build_result_clear(&result);
	trb_request_unref(request);
	return status;
}

int cmd_build(int argc, char **argv)
{
	trb_context *context = NULL;
	int status, n;
	char **args;

	if (!cli_parse(&command, argc, argv, &args, &n, &status))
		return status;
	status = host_context(BUILD_PROGRAM, &context);
	if (status == CLI_OK)
		status = build(context, args[0]);
	trb_context_unref(context);
	cli_list_clear(&opts.private);
	return status;
}
