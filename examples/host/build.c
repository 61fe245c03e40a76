/* SPDX-License-Identifier: Apache-2.0 */
/* tb-host build: one commit, one enclave, one bundle. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <trustbuild/attestation.h>
#include <trustbuild/image.h>

#include "host/build.h"

#define STARTS     3                  /* of builds whose ref moves on */
#define SAVED      ".trustbuild-job-" /* begins the names of what jobs keep */
#define RECIPE_MAX (64u * 1024)

static struct {
	const char *commit, *ref, *recipe, *backend, *sandbox, *out, *log, *token_fd, *timeout;
	const char *image, *state, *ca;
	struct cli_list private, limits, credentials;
	bool json, force, resume;
} opts;
static struct build_token *credentials; /* as many as opts has */

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
	{ "resume", NULL, "finish the build that is saved in DIR, without REPOSITORY",
	  .flag = &opts.resume },
	{ "log", "L", "log to publish in (default: local); none: publish later",
	  .value = &opts.log },
	{ "allow-private", "HOST",
	  "let the enclave reach HOST at a private address; may be repeated",
	  .list = &opts.private },
	{ "ca", "PEM", "certificates for resolving names on this host", .value = &opts.ca },
	{ "token-fd", "N", "read the repository's access token from this descriptor",
	  .value = &opts.token_fd },
	{ "credential-fd", "URL=N",
	  "read the token for this URL and what lies below it, such as a submodule's, from "
	  "descriptor N; may be repeated",
	  .list = &opts.credentials },
	{ "source-limit", "NAME=N",
	  "limit of the source: object_bytes, pack_bytes, files, tree_bytes, wall_s; may be "
	  "repeated",
	  .list = &opts.limits },
	{ "timeout", "SECONDS", "give up after so long", .value = &opts.timeout },
	{ "state", "DIR", "keys, caches and logs", .value = &opts.state },
	{ "json", NULL, "print the result as JSON", .flag = &opts.json },
	{ 0 },
};

static const struct cli_command command = {
	.name = BUILD_PROGRAM,
	.synopsis = "REPOSITORY [OPTION]…\n       tb-host build --resume [--out DIR] [--log L]",
	.help = "Builds a commit of an https repository in an enclave.  Leaves the artifacts and a "
		"bundle with\nall evidence about them, published in a log.",
	.examples = "  tb-host build https://forge.example/widget.git --ref refs/heads/main\n"
		    "  tb-host build https://forge.example/widget.git --commit v1.2 --out v1.2\n",
	.options = options,
	.min_args = 0,
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

static bool is_full_id(const char *text)
{
	size_t n = text != NULL ? strspn(text, "0123456789abcdef") : 0;

	return (n == 40 || n == 64) && text[n] == '\0';
}

static int no_memory(void)
{
	build_end_output();
	cli_progress_end();
	cli_say(BUILD_PROGRAM ": out of memory");
	return CLI_FAILED;
}

/* What the options say of a request, however it was made. */
static int shape(trb_request *request)
{
	trb_blob *recipe = NULL;
	trb_error *err = NULL;
	int status = CLI_OK;

	if (opts.sandbox != NULL && trb_request_set_sandbox(request, opts.sandbox, &err) < 0)
		return failed(err);
	if (opts.recipe != NULL)
		status = cli_read_file(BUILD_PROGRAM, opts.recipe, RECIPE_MAX, &recipe);
	if (recipe != NULL && trb_request_set_recipe(request, trb_blob_bytes(recipe), &err) < 0)
		status = failed(err);
	trb_blob_unref(recipe);
	return status;
}

/* A full id needs nobody's answer: what is wrong with the request is said before anything begins.
 * *ret_request is NULL for every other name, which is resolved once, and pinned. */
static int early_request(trb_context *context, const char *repository, trb_request **ret_request)
{
	trb_error *err = NULL;
	int r;

	if (!is_full_id(opts.commit))
		return CLI_OK;
	r = trb_request_new(context, repository, opts.commit, ret_request, &err);
	if (r == TRB_OK && opts.ref != NULL)
		r = trb_request_set_ref(*ret_request, opts.ref, &err);
	return r < 0 ? failed(err) : shape(*ret_request);
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
		status = no_memory();
	}
	trb_image_unref(image);
	return status;
}

/* As the value of a backend's option, which may hold a comma so. */
static bool put_quoted(FILE *out, const char *value)
{
	putc('"', out);
	for (; *value != '\0'; value++) {
		if (*value == '"' || *value == '\\')
			putc('\\', out);
		putc(*value, out);
	}
	return putc('"', out) != EOF;
}

/* "process", "process:pids=100": the image is added where the options do not name one. */
static int backend_text(trb_context *context, char **ret)
{
	const char *backend = opts.backend != NULL ? opts.backend : "process";
	char *image = NULL;
	int status = CLI_OK;
	size_t size;
	FILE *out;

	if (strstr(backend, "eif=") != NULL) {
		*ret = strdup(backend);
		return *ret != NULL ? CLI_OK : no_memory();
	}
	if (opts.image == NULL)
		status = default_image(context, &image);
	else if ((image = strdup(opts.image)) == NULL)
		status = no_memory();
	out = status == CLI_OK ? open_memstream(ret, &size) : NULL;
	if (out != NULL) {
		bool good = fprintf(out, "%s%ceif=", backend,
				    strchr(backend, ':') != NULL ? ',' : ':') > 0 &&
			    put_quoted(out, image);

		if (fclose(out) != 0 || !good)
			status = no_memory();
	} else if (status == CLI_OK) {
		status = no_memory();
	}
	free(image);
	return status;
}

static const char *output(void)
{
	return opts.out != NULL ? opts.out : "trustbuild-out";
}

/* NULL where the bundle is to be published later. */
static const char *log_name(void)
{
	if (opts.log == NULL)
		return "local";
	return strcmp(opts.log, "none") != 0 ? opts.log : NULL;
}

static int cannot(const char *what)
{
	int error = errno;
	char *safe = cli_escaped(cli_bytes(output()));

	cli_say(BUILD_PROGRAM ": cannot %s '%s': %s", what, safe != NULL ? safe : "?",
		strerror(error));
	free(safe);
	return CLI_FAILED;
}

/* But for what jobs keep there. */
static bool is_empty(int fd)
{
	DIR *dir = fdopendir(dup(fd));
	const struct dirent *entry;
	bool empty = true;

	while (dir != NULL && (entry = readdir(dir)) != NULL)
		empty = empty &&
			(strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
			 strncmp(entry->d_name, SAVED, strlen(SAVED)) == 0);
	if (dir != NULL)
		closedir(dir);
	return empty;
}

/* The output directory: made where it is missing; empty unless --force says otherwise. */
static int open_output(int *ret_fd)
{
	if (!opts.resume && mkdir(output(), 0777) < 0 && errno != EEXIST)
		return cannot("make the directory");
	*ret_fd = open(output(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*ret_fd < 0)
		return cannot("open the directory");
	if (!opts.resume && !opts.force && !is_empty(*ret_fd))
		return cli_usage(BUILD_PROGRAM,
				 "the directory '%s' is not empty: name another one with --out, or "
				 "replace what is there with --force",
				 output());
	return CLI_OK;
}

/* "files=1000000" */
static int set_limit(trb_session *session, const char *text)
{
	const char *equals = strchr(text, '=');
	trb_error *err = NULL;
	uint64_t value;
	char *name;
	int r;

	if (equals == NULL)
		return cli_usage(BUILD_PROGRAM, "--source-limit '%s' is not NAME=N", text);
	if (!cli_number(&command, "source-limit", equals + 1, 1, UINT64_MAX, &value))
		return CLI_USAGE;
	name = strndup(text, (size_t)(equals - text));
	if (name == NULL)
		return no_memory();
	r = trb_session_set_source_limit(session, name, value, &err);
	free(name);
	return r < 0 ? failed(err) : CLI_OK;
}

static int open_session(trb_context *context, trb_session **ret_session)
{
	trb_error *err = NULL;
	char *backend = NULL;
	int r, status = backend_text(context, &backend);

	if (status != CLI_OK)
		return status;
	r = trb_session_open(context, backend, ret_session, &err);
	for (size_t i = 0; r == TRB_OK && i < opts.private.n; i++)
		r = trb_session_allow_private(*ret_session, opts.private.items[i], &err);
	free(backend);
	for (size_t i = 0; r == TRB_OK && i < opts.credentials.n; i++)
		r = trb_session_add_credential(
			*ret_session, credentials[i].url,
			(trb_bytes){ credentials[i].bytes, credentials[i].len }, &err);
	if (r < 0)
		return failed(err);
	for (size_t i = 0; status == CLI_OK && i < opts.limits.n; i++)
		status = set_limit(*ret_session, opts.limits.items[i]);
	return status;
}

static int set_up(trb_job *job, const char *repository, trb_request *request, trb_bytes token,
		  uint32_t seconds)
{
	trb_error *err = NULL;
	int r = request != NULL
			? trb_job_set_request(job, request, &err)
			: trb_job_set_name(job, repository, opts.commit, opts.ref, opts.ca, &err);

	if (r == TRB_OK && token.len > 0)
		r = trb_job_set_credential(job, token, &err);
	if (r == TRB_OK)
		r = trb_job_set_timeout(job, seconds, &err);
	if (r == TRB_OK)
		r = trb_job_set_replace(job, opts.force, &err);
	return r < 0 ? failed(err) : CLI_OK;
}

/* A job on its way. */
struct run {
	trb_context *context;
	trb_job *job;
	bool simulated;
	bool shaped; /* the request is what the options say */
	bool moved;  /* the ref, between resolving and fetching */
	bool attached, unpublished;
};

/* What is saved is not lost, whatever happens afterwards. */
static int job_failed(const struct run *run, trb_error *err)
{
	int step = trb_job_get_step(run->job), status = failed(err);
	char *safe;

	if (step != TRB_JOB_PUBLISH && step != TRB_JOB_PLACE)
		return status;
	safe = cli_escaped(cli_bytes(output()));
	cli_say("  the build is saved: finish with 'tb-host build --resume --out %s'",
		safe != NULL ? safe : "?");
	free(safe);
	return status;
}

/* Late: a log that makes itself is made for a build that has ended well. */
static int attach_log(struct run *run, trb_error **err)
{
	trb_log *log = NULL;
	int r;

	if (log_name() == NULL || run->attached)
		return TRB_OK;
	run->attached = true;
	r = build_open_log(run->context, log_name(), true, &log, err);
	if (r == TRB_OK)
		r = trb_job_set_log(run->job, log, err);
	trb_log_unref(log);
	return r;
}

/* The log is down: files and bundle get their names all the same.  False where that is not it. */
static bool go_unpublished(struct run *run, trb_error **err)
{
	int code = trb_error_code(*err);

	if (trb_job_get_step(run->job) != TRB_JOB_PUBLISH || code == TRB_E_CANCELED ||
	    code == TRB_E_NOMEM)
		return false;
	run->unpublished = true;
	failed(*err);
	*err = NULL;
	return trb_job_set_log(run->job, NULL, err) == TRB_OK;
}

/* The tip was asked for, and the ref has a newer one: before a command runs. */
static bool has_moved(const trb_event *event)
{
	const char *relation = trb_event_get_relation(event);

	return opts.commit == NULL && relation != NULL && strcmp(relation, "tip") != 0;
}

static int take_event(struct run *run, const trb_event *event)
{
	build_show_event(event, run->simulated);
	run->moved = has_moved(event);
	if (trb_job_get_step(run->job) != TRB_JOB_BUILD || run->shaped)
		return CLI_OK;
	run->shaped = true;
	return shape(trb_job_get_request(run->job));
}

/* True where there is more to come; else *status is what to leave with. */
static bool take_step(struct run *run, int *status)
{
	struct pollfd p = { .fd = trb_job_get_fd(run->job), .events = POLLIN };
	trb_event *event = NULL;
	trb_error *err = NULL;
	int r = TRB_OK;

	*status = CLI_OK;
	if (trb_job_get_step(run->job) == TRB_JOB_PUBLISH)
		r = attach_log(run, &err);
	if (r == TRB_OK)
		r = trb_job_next_event(run->job, &event, &err);
	if (r == TRB_E_DONE)
		return false;
	if (r == TRB_E_AGAIN)
		poll(&p, 1, -1);
	else if (r == TRB_OK)
		*status = take_event(run, event);
	else if (!go_unpublished(run, &err))
		*status = job_failed(run, err);
	trb_event_unref(event);
	return *status == CLI_OK && !run->moved;
}

static int finish(const struct run *run)
{
	build_end_output();
	cli_progress_end();
	if (run->unpublished) {
		cli_say("  the bundle is saved: finish with 'tb-host log publish %s/%s --log %s'",
			output(), trb_job_get_bundle_path(run->job), log_name());
		return CLI_FAILED;
	}
	if (log_name() != NULL)
		cli_say("published in the log '%s'", log_name());
	build_print(run->job, output(), log_name(), opts.json);
	return CLI_OK;
}

static int run_job(struct run *run)
{
	int status;

	host_job = run->job;
	while (take_step(run, &status))
		;
	host_job = NULL;
	return status == CLI_OK && !run->moved ? finish(run) : status;
}

static int run_once(trb_context *context, const char *repository, trb_request *request, int fd,
		    trb_bytes token, uint32_t seconds, bool *ret_moved)
{
	struct run run = { .context = context, .shaped = request != NULL };
	trb_session *session = NULL;
	trb_error *err = NULL;
	int status = open_session(context, &session);

	if (status == CLI_OK && trb_job_new(session, fd, &run.job, &err) < 0) {
		status = failed(err);
		cli_say("  remedy: 'tb-host build --resume' takes the same --out and --log");
	}
	if (status == CLI_OK)
		status = set_up(run.job, repository, request, token, seconds);
	if (status == CLI_OK && request == NULL)
		cli_progress("asking %s for the commit", repository);
	if (status == CLI_OK) {
		run.simulated = trb_session_get_assurance(session) == TRB_ASSURANCE_SIMULATED;
		status = run_job(&run);
	}
	trb_job_unref(run.job);
	trb_session_unref(session);
	*ret_moved = run.moved;
	return status;
}

/* A ref that moves on while it is fetched is asked for anew. */
static int run_new(trb_context *context, const char *repository, trb_request *request, int fd,
		   trb_bytes token, uint32_t seconds)
{
	bool moved = true;
	int status = CLI_OK;

	for (int i = 0; i < STARTS && moved && status == CLI_OK; i++) {
		if (i > 0)
			cli_say("the ref moved on while it was fetched: starting anew with its new "
				"tip");
		status = run_once(context, repository, request, fd, token, seconds, &moved);
	}
	if (!moved || status != CLI_OK)
		return status;
	cli_say(BUILD_PROGRAM ": the ref moved on each of %d times: name a commit with --commit",
		STARTS);
	return CLI_FAILED;
}

static int resume(trb_context *context, int fd)
{
	struct run run = { .context = context };
	trb_error *err = NULL;
	int r = trb_job_resume(context, fd, &run.job, &err);
	int status;

	if (r == TRB_OK)
		r = trb_job_set_replace(run.job, opts.force, &err);
	status = r < 0 ? failed(err) : run_job(&run);
	trb_job_unref(run.job);
	return status;
}

/* What can be refused before anybody is asked anything. */
static int check_options(trb_context *context, uint32_t *ret_seconds)
{
	trb_error *err = NULL;
	uint64_t seconds = 0;
	trb_log *log = NULL;
	int r = TRB_OK;

	if (opts.state != NULL)
		r = trb_context_set_state_dir(context, opts.state, &err);
	if (r == TRB_OK && opts.timeout != NULL &&
	    !cli_number(&command, "timeout", opts.timeout, 1, UINT32_MAX, &seconds))
		return CLI_USAGE;
	*ret_seconds = (uint32_t)seconds;
	if (r == TRB_OK && log_name() != NULL)
		r = build_open_log(context, log_name(), false, &log, &err);
	trb_log_unref(log);
	if (r == TRB_OK)
		return CLI_OK;
	cli_error(BUILD_PROGRAM, err);
	trb_error_unref(err);
	return CLI_FAILED;
}

static int build(trb_context *context, const char *repository)
{
	struct build_token token = { 0 };
	trb_request *request = NULL;
	uint32_t seconds = 0;
	int fd = -1, status = CLI_OK;

	if (opts.token_fd != NULL)
		status = build_read_token(&command, "token-fd", opts.token_fd, &token);
	if (status == CLI_OK)
		status = build_read_credentials(&command, &opts.credentials, &credentials);

	if (status == CLI_OK)
		status = check_options(context, &seconds);
	host_catch_signals(context);
	if (status == CLI_OK && !opts.resume)
		status = early_request(context, repository, &request);
	if (status == CLI_OK)
		status = open_output(&fd);
	if (status == CLI_OK)
		status = opts.resume ? resume(context, fd)
				     : run_new(context, repository, request, fd,
					       (trb_bytes){ token.bytes, token.len }, seconds);
	explicit_bzero(&token, sizeof(token));
	build_forget_credentials(credentials, opts.credentials.n);
	credentials = NULL;
	trb_request_unref(request);
	if (fd >= 0)
		close(fd);
	return status;
}

int cmd_build(int argc, char **argv)
{
	trb_context *context = NULL;
	int status, n;
	char **args;

	if (!cli_parse(&command, argc, argv, &args, &n, &status))
		return status;
	if (opts.resume ? n != 0 : n != 1)
		return cli_usage(BUILD_PROGRAM, opts.resume ? "--resume takes no REPOSITORY"
							    : "there is no REPOSITORY");
	status = host_context(BUILD_PROGRAM, &context);
	if (status == CLI_OK)
		status = build(context, n > 0 ? args[0] : NULL);
	trb_context_unref(context);
	cli_list_clear(&opts.private);
	cli_list_clear(&opts.limits);
	return status;
}
