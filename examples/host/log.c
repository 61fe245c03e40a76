/* SPDX-License-Identifier: Apache-2.0 */
/* tb-host log: make a log, publish bundles, look at what is in it. */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include <trustbuild/log.h>

#include "host/commands.h"

#define BUNDLE_MAX   (4u * 1024 * 1024)
#define DEFAULT_LAST 20

static struct {
	const char *log, *origin, *out, *last;
	bool proof, checkpoint, json;
} opts;

static trb_context *context;
static trb_log *log_handle;

static int leave(const char *program, trb_error *err)
{
	int status = err != NULL ? cli_error(program, err) : CLI_OK;

	trb_error_unref(err);
	log_handle = trb_log_unref(log_handle);
	context = trb_context_unref(context);
	return status;
}

static int open_log(const char *program)
{
	trb_error *err = NULL;
	int status = host_context(program, &context);

	if (status != CLI_OK)
		return status;
	if (trb_log_open(context, opts.log != NULL ? opts.log : "local", &log_handle, &err) < 0)
		return leave(program, err);
	return CLI_OK;
}

static void print_blob(trb_blob *blob)
{
	trb_bytes bytes = trb_blob_bytes(blob);

	fwrite(bytes.ptr, 1, bytes.len, stdout);
	trb_blob_unref(blob);
}

#define LOG_OPTION                                                                        \
	{                                                                                 \
		"log", "BACKEND", "the log; default: local (dir=…,key=… set its places)", \
			.value = &opts.log                                                \
	}

static const struct cli_option init_options[] = {
	LOG_OPTION,
	{ "origin", "NAME", "its name in checkpoints, best its URL without https://",
	  .value = &opts.origin },
	{ 0 },
};
static const struct cli_command init_command = {
	.name = "tb-host log init",
	.synopsis = "[OPTION]…",
	.help = "Makes a new, empty log with a key of its own, and prints the public key (a vkey)\n"
		"for the policies of those who verify.",
	.examples = "  tb-host log init\n"
		    "  tb-host log init --log local:dir=/srv/log --origin log.example.org/builds\n",
	.options = init_options,
};

static int log_init(int argc, char **argv)
{
	trb_error *err = NULL;
	trb_blob *vkey = NULL;
	char **args;
	int n, status;

	if (!cli_parse(&init_command, argc, argv, &args, &n, &status))
		return status;
	status = host_context(init_command.name, &context);
	if (status != CLI_OK)
		return status;
	if (trb_log_init(context, opts.log != NULL ? opts.log : "local", opts.origin, &vkey,
			 &err) == TRB_OK) {
		print_blob(vkey);
		putchar('\n');
	}
	return leave(init_command.name, err);
}

static const struct cli_option publish_options[] = {
	LOG_OPTION,
	{ "out", "FILE", "write the logged bundle there; default: in place of BUNDLE",
	  .value = &opts.out },
	{ 0 },
};
static const struct cli_command publish_command = {
	.name = "tb-host log publish",
	.synopsis = "BUNDLE [OPTION]…",
	.help = "Publishes a bundle, and writes it again with index, inclusion proof and\n"
		"checkpoint.  A bundle that is in the log already gets a newer checkpoint.",
	.examples = "  tb-host log publish out/app.bundle.json\n",
	.options = publish_options,
	.min_args = 1,
	.max_args = 1,
};

static int publish(const trb_bundle *bundle, trb_blob **ret, trb_error **err)
{
	trb_bundle *logged = NULL;
	int r = trb_log_publish(log_handle, bundle, &logged, err);

	if (r == TRB_OK)
		r = trb_bundle_encode(logged, ret, err);
	trb_bundle_unref(logged);
	return r;
}

static int read_bundle(const char *path, trb_bundle **ret)
{
	trb_blob *json = NULL;
	trb_error *err = NULL;
	int status = cli_read_file(publish_command.name, path, BUNDLE_MAX, &json);

	if (status == CLI_OK && trb_bundle_parse(trb_blob_bytes(json), ret, &err) < 0)
		status = cli_error_in(publish_command.name, path, err);
	trb_error_unref(err);
	trb_blob_unref(json);
	return status;
}

static int log_publish(int argc, char **argv)
{
	trb_bundle *bundle = NULL;
	trb_blob *logged = NULL;
	trb_error *err = NULL;
	const char *out;
	char **args;
	int n, status, left;

	if (!cli_parse(&publish_command, argc, argv, &args, &n, &status))
		return status;
	out = opts.out != NULL ? opts.out : args[0];
	status = read_bundle(args[0], &bundle);
	if (status == CLI_OK)
		status = open_log(publish_command.name);
	if (status != CLI_OK) {
		trb_bundle_unref(bundle);
		return status;
	}
	if (publish(bundle, &logged, &err) == TRB_OK)
		status = cli_write_file(publish_command.name, out, trb_blob_bytes(logged));
	trb_bundle_unref(bundle);
	trb_blob_unref(logged);
	left = leave(publish_command.name, err);
	return left != CLI_OK ? left : status;
}

static const struct cli_option show_options[] = {
	LOG_OPTION,
	{ "last", "N", "list so many of the newest entries; default: 20", .value = &opts.last },
	{ "proof", NULL, "print the entry's inclusion proof (c2sp.org/tlog-proof)",
	  .flag = &opts.proof },
	{ "checkpoint", NULL, "print the newest checkpoint", .flag = &opts.checkpoint },
	{ "json", NULL, "list as JSON lines", .flag = &opts.json },
	{ 0 },
};
static const struct cli_command show_command = {
	.name = "tb-host log show",
	.synopsis = "[INDEX] [OPTION]…",
	.help = "Lists the newest entries, or says what one of them says.  That an entry is in "
		"the\n"
		"log is verified, what it says is not: that is tb-verify's work.",
	.examples = "  tb-host log show\n"
		    "  tb-host log show 7\n"
		    "  tb-host log show 7 --proof\n",
	.options = show_options,
	.max_args = 1,
};

static const char *text_of(const cJSON *object, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

	return cJSON_IsString(item) ? item->valuestring : "";
}

/* One line: index, commit, repository, artifacts. */
static void print_line(uint64_t index, trb_blob *json)
{
	trb_bytes bytes = trb_blob_bytes(json);
	cJSON *root = cJSON_ParseWithLength((const char *)bytes.ptr, bytes.len);
	const cJSON *says = cJSON_GetObjectItemCaseSensitive(root, "unverified");
	const cJSON *request = cJSON_GetObjectItemCaseSensitive(says, "request");

	if (opts.json) {
		char *line = cJSON_PrintUnformatted(root);

		puts(line != NULL ? line : "null");
		free(line);
	} else {
		printf("%llu  %.12s  ", (unsigned long long)index, text_of(request, "commit"));
		cli_escape(stdout, cli_bytes(text_of(request, "repository")), false);
		printf("  %d artifact(s)\n",
		       cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(says, "artifacts")));
	}
	cJSON_Delete(root);
}

static int show_list(trb_error **err)
{
	uint64_t size, last = DEFAULT_LAST;
	int r = trb_log_get_size(log_handle, &size, err);

	if (r < 0)
		return r;
	if (opts.last != NULL)
		last = strtoull(opts.last, NULL, 10);
	cli_say("%s: %llu entr%s", trb_log_get_vkey(log_handle), (unsigned long long)size,
		size == 1 ? "y" : "ies");
	for (uint64_t i = size > last ? size - last : 0; i < size; i++) {
		trb_error *why = NULL;
		trb_blob *json = NULL;

		r = trb_log_describe_entry(log_handle, i, &json, &why);
		if (r == TRB_OK)
			print_line(i, json);
		else if (r == TRB_E_FORMAT)
			printf(opts.json ? "{\"index\":\"%llu\"}\n"
					 : "%llu  (not an entry of this library)\n",
			       (unsigned long long)i);
		trb_blob_unref(json);
		if (r < 0 && r != TRB_E_FORMAT) {
			*err = why;
			return r;
		}
		trb_error_unref(why);
	}
	return TRB_OK;
}

static int show(const char *index_text, trb_error **err)
{
	trb_blob *text = NULL;
	uint64_t index;
	int r;

	if (index_text == NULL && !opts.checkpoint)
		return show_list(err);
	index = index_text != NULL ? strtoull(index_text, NULL, 10) : 0;
	if (opts.checkpoint)
		r = trb_log_get_checkpoint(log_handle, &text, err);
	else if (opts.proof)
		r = trb_log_get_proof(log_handle, index, &text, err);
	else
		r = trb_log_describe_entry(log_handle, index, &text, err);
	if (r == TRB_OK)
		print_blob(text);
	return r;
}

static int log_show(int argc, char **argv)
{
	trb_error *err = NULL;
	uint64_t ignored;
	char **args;
	int n, status;

	if (!cli_parse(&show_command, argc, argv, &args, &n, &status))
		return status;
	if (n == 1 && !cli_number(&show_command, "INDEX", args[0], 0, UINT64_MAX, &ignored))
		return CLI_USAGE;
	if (opts.last != NULL &&
	    !cli_number(&show_command, "last", opts.last, 1, UINT64_MAX, &ignored))
		return CLI_USAGE;
	if (opts.proof && n == 0)
		return cli_usage(show_command.name, "--proof needs an INDEX");
	status = open_log(show_command.name);
	if (status != CLI_OK)
		return status;
	show(n == 1 ? args[0] : NULL, &err);
	return leave(show_command.name, err);
}

int cmd_log(int argc, char **argv)
{
	static const struct cli_subcommand commands[] = {
		{ "init", "make a log and its key", log_init },
		{ "publish", "publish a bundle", log_publish },
		{ "show", "list entries, show one, give its proof", log_show },
		{ 0 },
	};

	return cli_dispatch("tb-host log", "Makes, fills and shows a transparency log.", commands,
			    argc, argv);
}
