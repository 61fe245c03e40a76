/* SPDX-License-Identifier: Apache-2.0 */
/* tb-host policy init: a first policy, for a person to review. */
#include <stdlib.h>
#include <string.h>

#include <trustbuild/log.h>
#include <trustbuild/session.h>

#include "host/commands.h"
#include "host/policy.h"

static struct {
	const char *image, *describe, *bundle, *name, *out, *quorum, *runtime, *state;
	struct cli_list repositories, refs, commits, roots, logs, log_keys, witnesses;
	bool aws, simulated, no_log, force;
} opts;

static const struct cli_option options[] = {
	{ "image", "FILE", "measure this enclave image", .value = &opts.image },
	{ "describe", "FILE", "take the PCRs of nitro-cli's describe-eif",
	  .value = &opts.describe },
	{ "bundle", "FILE", "propose what this bundle says, for review", .value = &opts.bundle },
	{ "name", "NAME", "the measurement's name; default: the file's", .value = &opts.name },
	{ "aws", NULL, "trust the root of AWS Nitro Enclaves (default)", .flag = &opts.aws },
	{ "simulated", NULL, "trust this machine's own development root", .flag = &opts.simulated },
	{ "root", "FILE", "trust this certificate as a simulated root; may be repeated",
	  .list = &opts.roots },
	{ "repository", "URL", "accept this repository, or 'any'; may be repeated",
	  .list = &opts.repositories },
	{ "ref", "REF", "accept this ref, or 'any'; may be repeated", .list = &opts.refs },
	{ "commit", "ID", "accept this commit; default: any; may be repeated",
	  .list = &opts.commits },
	{ "runtime", "NAME", "accept this sandbox runtime; default: runsc",
	  .value = &opts.runtime },
	{ "log-key", "VKEY", "accept this log; may be repeated", .list = &opts.log_keys },
	{ "log", "LOG", "accept this log, as in local:dir=DIR; may be repeated",
	  .list = &opts.logs },
	{ "no-log", NULL, "accept evidence that is in no log", .flag = &opts.no_log },
	{ "witness", "VKEY", "count this witness; may be repeated", .list = &opts.witnesses },
	{ "quorum", "N", "so many witnesses are needed; default: all", .value = &opts.quorum },
	{ "out", "FILE", "write the policy there, and comments beside it", .value = &opts.out },
	{ "force", NULL, "replace a policy that is there", .flag = &opts.force },
	{ "state", "DIR", "keys, caches and logs", .value = &opts.state },
	{ 0 },
};

static const struct cli_command command = {
	.name = DRAFT_NAME,
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

static cJSON *strings(const struct cli_list *list)
{
	cJSON *array = cJSON_CreateArray();

	for (size_t i = 0; array != NULL && i < list->n; i++)
		cJSON_AddItemToArray(array, cJSON_CreateString(list->items[i]));
	return array;
}

static cJSON *any_or(const struct cli_list *list)
{
	if (list->n == 0 || (list->n == 1 && strcmp(list->items[0], "any") == 0))
		return cJSON_CreateString("any");
	return strings(list);
}

static int open_context(trb_context **ret)
{
	trb_error *err = NULL;
	int status = host_context(DRAFT_NAME, ret);

	if (status == CLI_OK && opts.state != NULL &&
	    trb_context_set_state_dir(*ret, opts.state, &err) < 0)
		status = cli_error(DRAFT_NAME, err);
	trb_error_unref(err);
	return status;
}

/* This machine's own development root, made where there is none yet. */
static int add_own_root(cJSON *roots)
{
	trb_context *context = NULL;
	trb_blob *der = NULL;
	trb_error *err = NULL;
	int status = open_context(&context);

	if (status == CLI_OK && trb_simulated_root_load(context, &der, &err) < 0)
		status = cli_error(DRAFT_NAME, err);
	if (status == CLI_OK)
		cJSON_AddItemToArray(roots, draft_root_of(trb_blob_bytes(der)));
	trb_error_unref(err);
	trb_blob_unref(der);
	trb_context_unref(context);
	return status;
}

static int add_root(cJSON *roots, const char *path)
{
	cJSON *root = NULL;
	int status = draft_root(path, &root);

	if (status == CLI_OK)
		cJSON_AddItemToArray(roots, root);
	return status;
}

static int add_roots(struct draft *draft)
{
	cJSON *roots = cJSON_CreateArray();
	int status = CLI_OK;

	if (opts.aws || (!opts.simulated && opts.roots.n == 0))
		cJSON_AddItemToArray(roots, cJSON_CreateString("aws-nitro"));
	if (opts.simulated)
		status = add_own_root(roots);
	for (size_t i = 0; status == CLI_OK && i < opts.roots.n; i++)
		status = add_root(roots, opts.roots.items[i]);
	if (status != CLI_OK) {
		cJSON_Delete(roots);
		return status;
	}
	return draft_add(draft, false, "roots", roots,
			 "Whose word counts that an enclave is one. A simulated root vouches for "
			 "nothing but its own key's holder.",
			 "your options%s",
			 opts.simulated ? " and this machine's state directory" : "")
		       ? CLI_OK
		       : CLI_FAILED;
}

static int add_source(struct draft *draft)
{
	cJSON *source = cJSON_CreateObject();

	cJSON_AddItemToObject(source, "repositories", any_or(&opts.repositories));
	cJSON_AddItemToObject(source, "refs", any_or(&opts.refs));
	cJSON_AddItemToObject(source, "commits", any_or(&opts.commits));
	return draft_add(draft, false, "source", source,
			 "Whose code you accept. \"any\" accepts everybody's; without refs, a "
			 "commit may come from a fork that shares storage with the repository.",
			 "your options")
		       ? CLI_OK
		       : CLI_FAILED;
}

static int add_sandbox(struct draft *draft)
{
	cJSON *sandbox = cJSON_CreateObject(), *runtimes = cJSON_CreateArray();

	cJSON_AddItemToArray(runtimes, cJSON_CreateString(opts.runtime ? opts.runtime : "runsc"));
	cJSON_AddItemToObject(sandbox, "runtimes", runtimes);
	cJSON_AddStringToObject(sandbox, "network", "none");
	if (!draft_add(draft, false, "recipe", cJSON_CreateString("source"), NULL,
		       "the strict default: the recipe is the commit's own"))
		return CLI_FAILED;
	return draft_add(draft, false, "sandbox", sandbox,
			 "What kept the build from the enclave's client. runc and crun share the "
			 "enclave's kernel with the build.",
			 opts.runtime != NULL ? "your option" : "the strict default")
		       ? CLI_OK
		       : CLI_FAILED;
}

static int read_quorum(uint64_t *ret)
{
	*ret = opts.witnesses.n;
	if (opts.quorum == NULL)
		return CLI_OK;
	return cli_number(&command, "quorum", opts.quorum, 1, opts.witnesses.n, ret) ? CLI_OK
										     : CLI_USAGE;
}

static int add_log_key(cJSON *keys, const char *backend)
{
	trb_context *context = NULL;
	trb_log *log = NULL;
	trb_error *err = NULL;
	int status = open_context(&context);

	if (status == CLI_OK && trb_log_open(context, backend, &log, &err) < 0)
		status = cli_error(DRAFT_NAME, err);
	if (status == CLI_OK)
		cJSON_AddItemToArray(keys, cJSON_CreateString(trb_log_get_vkey(log)));
	trb_error_unref(err);
	trb_log_unref(log);
	trb_context_unref(context);
	return status;
}

static cJSON *log_section(cJSON *keys, uint64_t quorum)
{
	cJSON *log = cJSON_CreateObject(), *witnesses;

	cJSON_AddItemToObject(log, "keys", keys);
	if (opts.witnesses.n == 0) {
		cJSON_AddStringToObject(log, "witnesses", "none");
		return log;
	}
	witnesses = cJSON_AddObjectToObject(log, "witnesses");
	cJSON_AddItemToObject(witnesses, "keys", strings(&opts.witnesses));
	cJSON_AddNumberToObject(witnesses, "quorum", (double)quorum);
	return log;
}

static int add_log_and_time(struct draft *draft)
{
	bool witnessed = opts.witnesses.n > 0;
	cJSON *time = cJSON_CreateObject(), *keys;
	uint64_t quorum = 0;
	int status = read_quorum(&quorum);

	cJSON_AddStringToObject(time, "mode", "archival");
	cJSON_AddStringToObject(time, "bound", witnessed ? "witness" : "none");
	if (witnessed)
		cJSON_AddNumberToObject(time, "slack_s", 3600);
	if (!draft_add(draft, false, "time", time,
		       witnessed
			       ? NULL
			       : "Nobody but the TEE says when this was built: a stolen key can be "
				 "used with an old date.",
		       "%s", witnessed ? "the witnesses that you name" : "no witness is named"))
		return CLI_FAILED;
	if (status != CLI_OK)
		return status;
	if (opts.no_log)
		return draft_add(draft, false, "log", cJSON_CreateString("none"),
				 "Nobody else can see what was built for you alone.",
				 "your option --no-log")
			       ? CLI_OK
			       : CLI_FAILED;
	keys = strings(&opts.log_keys);
	for (size_t i = 0; status == CLI_OK && i < opts.logs.n; i++)
		status = add_log_key(keys, opts.logs.items[i]);
	if (status != CLI_OK) {
		cJSON_Delete(keys);
		return status;
	}
	return draft_add(draft, false, "log", log_section(keys, quorum),
			 witnessed ? "Whose log, and which witnesses, you trust to show everybody "
				     "the same."
				   : "Whose log you trust. Without witnesses its own host can show "
				     "you another log than it shows to others.",
			 "your options")
		       ? CLI_OK
		       : CLI_FAILED;
}

/* With a bundle a section is proposed, or given whole: half of one would waive the other half, and
 * what goes into no section would be lost. */
static int check_halves(void)
{
	bool source = opts.repositories.n > 0 && opts.refs.n > 0;

	if (!source && opts.repositories.n + opts.refs.n + opts.commits.n > 0)
		return cli_usage(DRAFT_NAME,
				 "give both --repository and --ref (or any), or neither");
	if (opts.witnesses.n > 0 && opts.log_keys.n + opts.logs.n == 0)
		return cli_usage(DRAFT_NAME, "--witness needs --log or --log-key");
	return CLI_OK;
}

static int check_options(void)
{
	int sources = (opts.image != NULL) + (opts.describe != NULL) + (opts.bundle != NULL);

	if (sources != 1)
		return cli_usage(DRAFT_NAME, "give one of --image, --describe, --bundle");
	if (opts.no_log && (opts.log_keys.n + opts.logs.n > 0 || opts.witnesses.n > 0))
		return cli_usage(DRAFT_NAME,
				 "--no-log stands against --log, --log-key and --witness");
	if (opts.quorum != NULL && opts.witnesses.n == 0)
		return cli_usage(DRAFT_NAME, "--quorum needs --witness");
	if (opts.bundle != NULL)
		return check_halves();
	if (opts.repositories.n == 0 || opts.refs.n == 0)
		return cli_usage(DRAFT_NAME,
				 "whose code do you accept? --repository URL --ref REF (or any)");
	if (opts.log_keys.n + opts.logs.n == 0 && !opts.no_log)
		return cli_usage(DRAFT_NAME,
				 "which log do you accept? --log LOG, --log-key VKEY, or --no-log");
	return CLI_OK;
}

static int measure(struct draft *draft)
{
	if (opts.image != NULL)
		return draft_from_eif(draft, opts.image, opts.name);
	if (opts.describe != NULL)
		return draft_from_description(draft, opts.describe, opts.name);
	return draft_from_bundle(draft, opts.bundle, opts.name);
}

/* What a bundle proposes is left to it, unless options say it themselves. */
static int fill(struct draft *draft)
{
	bool all = opts.bundle == NULL;
	const struct {
		bool wanted;
		int (*add)(struct draft *draft);
	} sections[] = {
		{ true, measure },
		{ all || opts.aws || opts.simulated || opts.roots.n > 0, add_roots },
		{ all || opts.repositories.n > 0, add_source },
		{ all || opts.runtime != NULL, add_sandbox },
		{ all || opts.log_keys.n + opts.logs.n > 0 || opts.no_log, add_log_and_time },
	};
	int status = CLI_OK;

	for (size_t i = 0; status == CLI_OK && i < sizeof(sections) / sizeof(sections[0]); i++)
		if (sections[i].wanted)
			status = sections[i].add(draft);
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
	struct draft draft = { 0 };
	char **args;
	int n, status;

	if (!cli_parse(&command, argc, argv, &args, &n, &status)) {
		clear_options();
		return status;
	}
	draft_begin();
	status = check_options();
	if (status == CLI_OK) {
		draft.policy = cJSON_CreateObject();
		cJSON_AddNumberToObject(draft.policy, "policy", 1);
		status = fill(&draft);
	}
	if (status == CLI_OK)
		status = draft_write(&draft, opts.out, opts.force);
	draft_clear(&draft);
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
