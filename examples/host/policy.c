/* SPDX-License-Identifier: Apache-2.0 */
/* tb-host policy init: a first policy, for a person to review. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <trustbuild/draft.h>
#include <trustbuild/eif.h>
#include <trustbuild/log.h>
#include <trustbuild/policy.h>
#include <trustbuild/session.h>

#include "host/commands.h"

#define NAME            "tb-host policy init"
#define BUNDLE_MAX      (4u * 1024 * 1024)
#define DESCRIPTION_MAX (128u * 1024)
#define ROOT_MAX        (64u * 1024)
#define IMAGE_MAX       (UINT64_C(4) << 30)

static struct {
	const char *image, *describe, *bundle, *name, *out, *quorum, *runtime, *state;
	const char *history, *max_steps, *not_before;
	struct cli_list repositories, refs, commits, roots, logs, log_keys, witnesses;
	bool aws, simulated, no_log, force;
} opts;

static const struct cli_option options[] = {
	{ "image", "FILE", "measure this enclave image", .value = &opts.image },
	{ "describe", "FILE", "take the PCRs of nitro-cli's describe-eif, or of image describe",
	  .value = &opts.describe },
	{ "bundle", "FILE", "propose what this bundle says, for review", .value = &opts.bundle },
	{ "name", "NAME", "the measurement's name; default: the file's", .value = &opts.name },
	{ "aws", NULL, "trust the root of AWS Nitro Enclaves (default), and no simulated one",
	  .flag = &opts.aws },
	{ "simulated", NULL, "trust this machine's own development root", .flag = &opts.simulated },
	{ "root", "FILE", "trust this certificate as a simulated root; may be repeated",
	  .list = &opts.roots },
	{ "repository", "URL", "accept this repository, or 'any'; may be repeated",
	  .list = &opts.repositories },
	{ "ref", "REF", "accept this ref, or 'any'; may be repeated", .list = &opts.refs },
	{ "commit", "ID", "accept this commit; default: any; may be repeated",
	  .list = &opts.commits },
	{ "history", "RELATION",
	  "how the commit may stand to the ref: tip (default), first-parent, "
	  "reachable",
	  .value = &opts.history },
	{ "max-steps", "N", "with first-parent: at most so far behind the tip",
	  .value = &opts.max_steps },
	{ "runtime", "NAME", "accept this sandbox runtime; default: runsc",
	  .value = &opts.runtime },
	{ "log-key", "VKEY", "accept this log; may be repeated", .list = &opts.log_keys },
	{ "log", "LOG", "accept this log, as in local:dir=DIR; may be repeated",
	  .list = &opts.logs },
	{ "no-log", NULL, "accept evidence that is in no log", .flag = &opts.no_log },
	{ "witness", "VKEY", "count this witness; may be repeated", .list = &opts.witnesses },
	{ "quorum", "N", "so many witnesses are needed; default: all", .value = &opts.quorum },
	{ "not-before", "TIME", "the witnesses' time must be at or after it",
	  .value = &opts.not_before },
	{ "out", "FILE", "write the policy there, and comments beside it", .value = &opts.out },
	{ "force", NULL, "replace a policy that is there", .flag = &opts.force },
	{ "state", "DIR", "keys, caches and logs", .value = &opts.state },
	{ 0 },
};

static const struct cli_command command = {
	.name = NAME,
	.synopsis = "(--image FILE | --describe FILE | --bundle FILE) [OPTION]…",
	.help = "Writes a first policy, and FILE.comments.md, which says of each line where it "
		"comes\n"
		"from and which lines are trust decisions.  What a bundle says of itself goes "
		"under\n"
		"\"proposed\", and no verifier loads that before a person has moved it.",
	.examples = "  tb-host policy init --image builder.eif --repository "
		    "https://git.example/app \\\n"
		    "      --ref refs/heads/main --log local:dir=/srv/log --out policy.json\n"
		    "  tb-host policy init --bundle app.bundle.json --out policy.json\n",
	.options = options,
};

static int failed(const trb_error *err)
{
	return cli_error(NAME, err);
}

static int open_context(trb_context **ret)
{
	trb_error *err = NULL;
	int status = host_context(NAME, ret);

	if (status == CLI_OK && opts.state != NULL &&
	    trb_context_set_state_dir(*ret, opts.state, &err) < 0)
		status = failed(err);
	trb_error_unref(err);
	return status;
}

/* Where what is added next comes from: a phrase, and a file where there is one. */
static int set_origin(trb_draft *draft, const char *phrase, const char *path)
{
	trb_error *err = NULL;
	char *text = NULL;
	int status = CLI_OK;

	if (asprintf(&text, phrase, path) < 0) {
		cli_say(NAME ": out of memory");
		return CLI_FAILED;
	}
	if (trb_draft_set_origin(draft, text, &err) < 0)
		status = failed(err);
	trb_error_unref(err);
	free(text);
	return status;
}

/* What a measurement is called. */
static const char *name_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (opts.name != NULL)
		return opts.name;
	if (strcmp(path, "-") == 0)
		return "standard input";
	return slash != NULL ? slash + 1 : path;
}

static int add_image(trb_draft *draft, const char *path)
{
	static const unsigned indexes[] = { 0, 1, 2, 8 };
	trb_context *context = NULL;
	trb_eif *eif = NULL;
	trb_error *err = NULL;
	int fd = -1, status = host_context(NAME, &context);

	if (status == CLI_OK)
		status = set_origin(draft, "measured from %s", path);
	if (status == CLI_OK)
		status = cli_open_file(NAME, path, IMAGE_MAX, &fd);
	if (status == CLI_OK && trb_eif_open_fd(context, fd, &eif, &err) < 0)
		status = cli_error_in(NAME, path, err);
	if (status == CLI_OK)
		host_say_flags(NAME, path, eif);
	for (size_t i = 0; status == CLI_OK && i < sizeof(indexes) / sizeof(indexes[0]); i++) {
		trb_bytes pcr = trb_eif_get_pcr(eif, indexes[i]);

		if (pcr.ptr != NULL &&
		    trb_draft_add_pcr(draft, name_of(path), indexes[i], pcr, &err) < 0)
			status = cli_error_in(NAME, path, err);
	}
	if (fd >= 0)
		close(fd);
	trb_error_unref(err);
	trb_eif_unref(eif);
	trb_context_unref(context);
	return status;
}

static int add_description(trb_draft *draft, const char *path)
{
	trb_blob *text = NULL;
	trb_error *err = NULL;
	int status = cli_read_file(NAME, path, DESCRIPTION_MAX, &text);

	if (status == CLI_OK)
		status = set_origin(draft, "the description in %s", path);
	if (status == CLI_OK &&
	    trb_draft_add_description(draft, name_of(path), trb_blob_bytes(text), &err) < 0)
		status = cli_error_in(NAME, path, err);
	trb_error_unref(err);
	trb_blob_unref(text);
	return status;
}

static int add_bundle(trb_draft *draft, const char *path)
{
	trb_bundle *bundle = NULL;
	trb_blob *json = NULL;
	trb_error *err = NULL;
	int status = cli_read_file(NAME, path, BUNDLE_MAX, &json);

	if (status == CLI_OK)
		status = set_origin(draft, "the bundle %s says so of itself", path);
	if (status == CLI_OK && (trb_bundle_parse(trb_blob_bytes(json), &bundle, &err) < 0 ||
				 trb_draft_propose_bundle(draft, name_of(path), bundle, &err) < 0))
		status = cli_error_in(NAME, path, err);
	trb_error_unref(err);
	trb_bundle_unref(bundle);
	trb_blob_unref(json);
	return status;
}

/* This machine's own development root, made where there is none yet. */
static int add_own_root(trb_draft *draft)
{
	trb_context *context = NULL;
	trb_blob *der = NULL;
	trb_error *err = NULL;
	int status = open_context(&context);

	if (status == CLI_OK)
		status = set_origin(draft, "this machine's state directory", NULL);
	if (status == CLI_OK && (trb_simulated_root_load(context, &der, &err) < 0 ||
				 trb_draft_add_root(draft, trb_blob_bytes(der), &err) < 0))
		status = failed(err);
	trb_error_unref(err);
	trb_blob_unref(der);
	trb_context_unref(context);
	return status;
}

static int add_root(trb_draft *draft, const char *path)
{
	trb_blob *file = NULL;
	trb_error *err = NULL;
	int status = cli_read_file(NAME, path, ROOT_MAX, &file);

	if (status == CLI_OK)
		status = set_origin(draft, "the certificate in %s", path);
	if (status == CLI_OK && trb_draft_add_root(draft, trb_blob_bytes(file), &err) < 0)
		status = cli_error_in(NAME, path, err);
	trb_error_unref(err);
	trb_blob_unref(file);
	return status;
}

/* AWS's is the default, but not where a bundle proposes its own. */
static int add_roots(trb_draft *draft)
{
	trb_error *err = NULL;
	int status = CLI_OK;

	if (opts.simulated)
		status = add_own_root(draft);
	for (size_t i = 0; status == CLI_OK && i < opts.roots.n; i++)
		status = add_root(draft, opts.roots.items[i]);
	if (status != CLI_OK || opts.simulated || opts.roots.n > 0 ||
	    (opts.bundle != NULL && !opts.aws))
		return status;
	status = set_origin(draft, opts.aws ? "your option" : "the default", NULL);
	if (status == CLI_OK && trb_draft_add_aws_root(draft, &err) < 0)
		status = failed(err);
	trb_error_unref(err);
	return status;
}

static int accept_all(trb_draft *draft, int what, const struct cli_list *values)
{
	trb_error *err = NULL;
	int status = CLI_OK;

	for (size_t i = 0; status == CLI_OK && i < values->n; i++)
		if (trb_draft_accept(draft, what, values->items[i], &err) < 0)
			status = failed(err);
	trb_error_unref(err);
	return status;
}

static int accept_one(trb_draft *draft, int what, const char *value)
{
	const struct cli_list one = { &value, value != NULL };

	return accept_all(draft, what, &one);
}

static int set_number(trb_draft *draft, int what, const char *option, const char *text,
		      uint64_t max)
{
	trb_error *err = NULL;
	uint64_t value;
	int status = CLI_OK;

	if (text == NULL)
		return CLI_OK;
	if (!cli_number(&command, option, text, 1, max, &value))
		return CLI_USAGE;
	if (trb_draft_set_number(draft, what, value, &err) < 0)
		status = failed(err);
	trb_error_unref(err);
	return status;
}

static int set_not_before(trb_draft *draft)
{
	trb_error *err = NULL;
	uint64_t time;
	int status = CLI_OK;

	if (opts.not_before == NULL)
		return CLI_OK;
	if (!cli_time(&command, "not-before", opts.not_before, &time))
		return CLI_USAGE;
	if (trb_draft_set_number(draft, TRB_DRAFT_NOT_BEFORE, time, &err) < 0)
		status = failed(err);
	trb_error_unref(err);
	return status;
}

static int add_log_key(trb_draft *draft, const char *backend)
{
	trb_context *context = NULL;
	trb_log *log = NULL;
	trb_error *err = NULL;
	int status = open_context(&context);

	if (status == CLI_OK && trb_log_open(context, backend, &log, &err) < 0)
		status = failed(err);
	if (status == CLI_OK)
		status = accept_one(draft, TRB_DRAFT_LOG_KEY, trb_log_get_vkey(log));
	trb_error_unref(err);
	trb_log_unref(log);
	trb_context_unref(context);
	return status;
}

static int add_source(trb_draft *draft)
{
	int status = accept_all(draft, TRB_DRAFT_REPOSITORY, &opts.repositories);

	if (status == CLI_OK)
		status = accept_all(draft, TRB_DRAFT_REF, &opts.refs);
	if (status == CLI_OK)
		status = accept_all(draft, TRB_DRAFT_COMMIT, &opts.commits);
	if (status == CLI_OK)
		status = accept_one(draft, TRB_DRAFT_HISTORY, opts.history);
	if (status == CLI_OK)
		status = set_number(draft, TRB_DRAFT_MAX_STEPS, "max-steps", opts.max_steps,
				    UINT64_C(1) << 53);
	return status;
}

static int add_log_and_time(trb_draft *draft)
{
	int status = accept_all(draft, TRB_DRAFT_LOG_KEY, &opts.log_keys);

	for (size_t i = 0; status == CLI_OK && i < opts.logs.n; i++)
		status = add_log_key(draft, opts.logs.items[i]);
	if (status == CLI_OK)
		status = accept_one(draft, TRB_DRAFT_LOG_KEY, opts.no_log ? "none" : NULL);
	if (status == CLI_OK)
		status = accept_all(draft, TRB_DRAFT_WITNESS, &opts.witnesses);
	if (status == CLI_OK)
		status = set_number(draft, TRB_DRAFT_QUORUM, "quorum", opts.quorum,
				    opts.witnesses.n);
	return status == CLI_OK ? set_not_before(draft) : status;
}

static int fill(trb_draft *draft)
{
	int status;

	if (opts.image != NULL)
		status = add_image(draft, opts.image);
	else if (opts.describe != NULL)
		status = add_description(draft, opts.describe);
	else
		status = add_bundle(draft, opts.bundle);
	if (status == CLI_OK)
		status = add_roots(draft);
	if (status == CLI_OK)
		status = set_origin(draft, "your options", NULL);
	if (status == CLI_OK)
		status = add_source(draft);
	if (status == CLI_OK)
		status = accept_one(draft, TRB_DRAFT_RUNTIME, opts.runtime);
	return status == CLI_OK ? add_log_and_time(draft) : status;
}

/* With a bundle a section is proposed, or given whole: half of one would waive the other half, and
 * what goes into no section would be lost. */
static int check_halves(void)
{
	bool source = opts.repositories.n > 0 && opts.refs.n > 0;

	if (!source && (opts.repositories.n + opts.refs.n + opts.commits.n > 0 ||
			opts.history != NULL || opts.max_steps != NULL))
		return cli_usage(NAME, "give both --repository and --ref (or any), or neither");
	if (opts.witnesses.n > 0 && opts.log_keys.n + opts.logs.n == 0)
		return cli_usage(NAME, "--witness needs --log or --log-key");
	return CLI_OK;
}

/* Options of which one says what another denies. */
static int check_contradictions(void)
{
	if (opts.aws && (opts.simulated || opts.roots.n > 0))
		return cli_usage(NAME, "--aws stands against --simulated and --root: a policy "
				       "accepts hardware or simulated evidence, never both");
	if (opts.no_log && (opts.log_keys.n + opts.logs.n > 0 || opts.witnesses.n > 0))
		return cli_usage(NAME, "--no-log stands against --log, --log-key and --witness");
	if (opts.witnesses.n == 0 && (opts.quorum != NULL || opts.not_before != NULL))
		return cli_usage(NAME, "--quorum and --not-before need --witness");
	return CLI_OK;
}

static int check_options(void)
{
	int sources = (opts.image != NULL) + (opts.describe != NULL) + (opts.bundle != NULL);
	int status;

	if (sources != 1)
		return cli_usage(NAME, "give one of --image, --describe, --bundle");
	status = check_contradictions();
	if (status != CLI_OK)
		return status;
	if (opts.bundle != NULL)
		return check_halves();
	if (opts.repositories.n == 0 || opts.refs.n == 0)
		return cli_usage(NAME,
				 "whose code do you accept? --repository URL --ref REF (or any)");
	if (opts.log_keys.n + opts.logs.n == 0 && !opts.no_log)
		return cli_usage(NAME,
				 "which log do you accept? --log LOG, --log-key VKEY, or --no-log");
	return CLI_OK;
}

/* What an option brought in is wrong where the user wrote it, not in a file that is nowhere. */
static int bad_policy(const trb_error *err)
{
	static const struct {
		const char *path, *option;
	} from[] = {
		{ "source.repositories", "--repository" }, { "source.refs", "--ref" },
		{ "source.commits", "--commit" },          { "source.history", "--history" },
		{ "sandbox.runtimes", "--runtime" },       { "log.keys", "--log-key" },
		{ "log.witnesses", "--witness" },          { "time.not_before", "--not-before" },
	};
	const char *place = strstr(trb_error_message(err), ", column ");
	const char *path = place != NULL ? strstr(place, ": ") : NULL;
	const char *text = path != NULL ? strstr(path + 2, ": ") : NULL;

	for (size_t i = 0; text != NULL && i < sizeof(from) / sizeof(from[0]); i++)
		if (strncmp(path + 2, from[i].path, strlen(from[i].path)) == 0)
			return cli_usage(NAME, "%s%s", from[i].option, text);
	return failed(err);
}

static int write_both(trb_bytes json, trb_bytes text, const char *path)
{
	char *name = NULL;
	int status;

	if (path == NULL) {
		fwrite(json.ptr, 1, json.len, stdout);
		fwrite(text.ptr, 1, text.len, stderr);
		return cli_flush(NAME);
	}
	if (asprintf(&name, "%s.comments.md", path) < 0) {
		cli_say(NAME ": out of memory");
		return CLI_FAILED;
	}
	status = cli_write_file(NAME, path, json);
	if (status == CLI_OK)
		status = cli_write_file(NAME, name, text);
	free(name);
	return status;
}

/* A policy that somebody has reviewed is not replaced without --force. */
static int write_draft(const trb_draft *draft)
{
	trb_blob *json = NULL, *text = NULL;
	trb_error *err = NULL;
	int status;

	if (opts.out != NULL && !opts.force && access(opts.out, F_OK) == 0) {
		char *safe = cli_escaped(cli_bytes(opts.out));

		cli_say(NAME ": '%s' is there already; --force replaces it",
			safe != NULL ? safe : "");
		free(safe);
		return CLI_FAILED;
	}
	if (trb_draft_to_json(draft, &json, &err) < 0)
		status = bad_policy(err);
	else if (trb_draft_to_comments(draft, &text, &err) < 0)
		status = failed(err);
	else
		status = write_both(trb_blob_bytes(json), trb_blob_bytes(text), opts.out);
	trb_error_unref(err);
	trb_blob_unref(text);
	trb_blob_unref(json);
	return status;
}

static void clear_options(void)
{
	struct cli_list *const lists[] = { &opts.repositories, &opts.refs, &opts.commits,
					   &opts.roots,        &opts.logs, &opts.log_keys,
					   &opts.witnesses };

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		cli_list_clear(lists[i]);
	memset(&opts, 0, sizeof(opts));
}

static int policy_init(int argc, char **argv)
{
	trb_draft *draft = NULL;
	trb_error *err = NULL;
	char **args;
	int n, status;

	if (!cli_parse(&command, argc, argv, &args, &n, &status)) {
		clear_options();
		return status;
	}
	status = check_options();
	if (status == CLI_OK && trb_draft_new(&draft, &err) < 0)
		status = failed(err);
	if (status == CLI_OK)
		status = fill(draft);
	if (status == CLI_OK)
		status = write_draft(draft);
	trb_error_unref(err);
	trb_draft_unref(draft);
	clear_options();
	return status;
}

int cmd_policy(int argc, char **argv)
{
	static const struct cli_subcommand commands[] = {
		{ "init", "write a first policy for a person to review", policy_init },
		{ 0 },
	};

	return cli_dispatch("tb-host policy", "Policies: what a verifier demands.", commands, argc,
			    argv);
}
