/* SPDX-License-Identifier: Apache-2.0 */
/* tb-verify batch: a list of artifacts and bundles, one policy, all cores. */
#include <stdlib.h>
#include <string.h>

#include <trustbuild/batch.h>

#include "verifier/commands.h"
#include "verifier/list.h"

#define LIST_MAX (4u * 1024 * 1024)
/* So many entries are read, judged, printed and forgotten at a time: a long list needs little more
 * memory than a short one, and its first verdicts do not wait for the last. */
#define SLICE 128u

static struct {
	struct demands demands;
	const char *threads, *fields;
	bool json, nul;
} opts;

static const struct cli_option options[] = {
	{ "policy", "FILE", "what is demanded (needed)", .value = &opts.demands.policy },
	{ "repository", "URL", "demand this repository, too", .value = &opts.demands.repository },
	{ "commit", "ID", "demand this commit, too", .value = &opts.demands.commit },
	{ "nonce", "HEX", "demand the nonce that was given to the build",
	  .value = &opts.demands.nonce },
	{ "now", "T", "the time, as in 2026-01-31T12:00:00Z; for policies with live time",
	  .value = &opts.demands.now },
	{ "null", NULL, "LIST has names that end with NUL, as find -print0 writes them",
	  .flag = &opts.nul, .letter = '0' },
	{ "fields", "N",
	  "so many of them make an entry: 1 (default), 2 or 3; an empty one is left out",
	  .value = &opts.fields },
	{ "threads", "N", "on so many threads; default: one for each processor",
	  .value = &opts.threads },
	{ "json", NULL, "print all reports as JSON", .flag = &opts.json },
	{ 0 },
};

static const struct cli_command command = {
	.name = "tb-verify batch",
	.synopsis = "LIST --policy FILE [OPTION]…",
	.help = "Verifies every artifact of LIST ('-': standard input).  A line of LIST is\n"
		"ARTIFACT, BUNDLE and NAME, separated by single tabs.  NAME, the attested name, "
		"may "
		"be\n"
		"left out; so may BUNDLE, which then is ARTIFACT.bundle.json.  Nothing is trimmed "
		"or\n"
		"passed over: an empty line, or one that begins with #, is refused.\n"
		"One line each: VERIFIED FILE, or REFUSED, the check that failed, and FILE.\n"
		"Exit status: 0 all verified, 1 some refused, 2 usage, 3 something could not be "
		"decided.",
	.examples =
		"  tb-verify batch release.list --policy policy.json\n"
		"  find dist -name '*.so' -print0 | tb-verify batch -0 - --policy policy.json\n",
	.options = options,
	.min_args = 1,
	.max_args = 1,
};

static int no_memory(void)
{
	cli_say("%s: out of memory", command.name);
	return CLI_FAILED;
}

static int add_entry(trb_batch *slice, const struct list_entry *entry, const struct list *list)
{
	const char *bundle = entry->bundle;
	trb_error *err = NULL;
	char *implied = NULL;
	int status = CLI_OK;

	if (bundle == NULL && asprintf(&implied, "%s.bundle.json", entry->artifact) < 0)
		return no_memory();
	if (trb_batch_add(slice, entry->artifact, bundle != NULL ? bundle : implied, entry->name,
			  &err) < 0)
		status = trb_error_code(err) == TRB_E_INVAL
				 ? list_fault(list, trb_error_message(err))
				 : cli_error(command.name, err);
	trb_error_unref(err);
	free(implied);
	return status;
}

static int take_entry(struct list *list, trb_batch *slice)
{
	struct list_entry entry = { 0 };
	int status = list_take(list, &entry);

	if (status == CLI_OK)
		status = add_entry(slice, &entry, list);
	list_entry_clear(&entry);
	return status;
}

/* The next entries, at most SLICE; none where the list has ended. */
static int take_slice(struct list *list, trb_verifier *verifier, trb_batch **ret)
{
	trb_batch *slice = NULL;
	trb_error *err = NULL;
	int status = CLI_OK;

	if (trb_batch_new(verifier, &slice, &err) < 0)
		status = cli_error(command.name, err);
	while (status == CLI_OK && list->rest.len > 0 && trb_batch_count(slice) < SLICE)
		status = take_entry(list, slice);
	trb_error_unref(err);
	if (status == CLI_OK)
		*ret = slice;
	else
		trb_batch_unref(slice);
	return status;
}

/* The whole list is read before the first entry is judged, and nothing of it is kept. */
static int check_list(struct list list, trb_verifier *verifier)
{
	size_t entries = 0;

	while (list.rest.len > 0) {
		trb_batch *slice = NULL;
		int status = take_slice(&list, verifier, &slice);

		if (status != CLI_OK)
			return status;
		entries += trb_batch_count(slice);
		trb_batch_unref(slice);
	}
	return entries > 0 ? CLI_OK
			   : cli_usage(command.name, "the list is empty: nothing was verified");
}

static void print_file(const char *word, const char *check, const char *file)
{
	printf("%s%s%s ", word, check != NULL ? " " : "", check != NULL ? check : "");
	cli_escape(stdout, cli_bytes(file), false);
	putchar('\n');
}

static int print_line(const trb_batch *batch, size_t i)
{
	const char *file = trb_batch_get_artifact(batch, i);
	const trb_report *report = trb_batch_get_report(batch, i);
	const trb_error *err = trb_batch_get_error(batch, i);

	if (trb_batch_get_status(batch, i) == TRB_OK) {
		bool hardware = trb_report_get_assurance(report) == TRB_ASSURANCE_HARDWARE;

		print_file(hardware ? "VERIFIED" : "VERIFIED (SIMULATED)", NULL, file);
		return CLI_OK;
	}
	if (report != NULL) {
		print_file("REFUSED", trb_report_get_refused(report), file);
		cli_reason(file, trb_error_message(err));
		return CLI_NO;
	}
	print_file("ERROR", NULL, file);
	return cli_error(command.name, err);
}

static int print_json(const trb_batch *batch, size_t i, bool first)
{
	const trb_report *report = trb_batch_get_report(batch, i);
	const trb_error *err = trb_batch_get_error(batch, i);
	int status = trb_batch_get_status(batch, i) == TRB_OK ? CLI_OK : CLI_NO;
	trb_blob *json = NULL;

	printf("%s{\"file\":", first ? "[\n" : ",\n");
	cli_json_string(stdout, cli_bytes(trb_batch_get_artifact(batch, i)));
	fputs(",\"bundle\":", stdout);
	cli_json_string(stdout, cli_bytes(trb_batch_get_bundle(batch, i)));
	fputs(",\"error\":", stdout);
	if (err != NULL)
		cli_json_string(stdout, cli_bytes(trb_error_message(err)));
	else
		fputs("null", stdout);
	fputs(",\"report\":", stdout);
	if (report == NULL || trb_report_to_json(report, &json, NULL) < 0) {
		fputs("null}", stdout);
		return CLI_FAILED;
	}
	printf("%.*s}", (int)trb_blob_bytes(json).len, (const char *)trb_blob_bytes(json).ptr);
	trb_blob_unref(json);
	return status;
}

/* What could not be decided outweighs what was refused. */
static int print_slice(const trb_batch *batch, bool first)
{
	int worst = CLI_OK;

	for (size_t i = 0; i < trb_batch_count(batch); i++) {
		int status =
			opts.json ? print_json(batch, i, first && i == 0) : print_line(batch, i);

		if (status > worst)
			worst = status;
	}
	fflush(stdout); /* errors stay until the end */
	return worst;
}

static int judge_slice(trb_batch *slice, bool first, unsigned threads)
{
	trb_error *err = NULL;
	int status;

	if (trb_batch_run(slice, threads, &err) < 0)
		status = cli_error(command.name, err);
	else
		status = print_slice(slice, first);
	trb_error_unref(err);
	return status;
}

static int judge_list(struct list list, trb_verifier *verifier, unsigned threads)
{
	int worst = CLI_OK;

	for (bool first = true; list.rest.len > 0 && !ferror(stdout); first = false) {
		trb_batch *slice = NULL;
		int status = take_slice(&list, verifier, &slice);

		if (status == CLI_OK)
			status = judge_slice(slice, first, threads);
		if (status > worst)
			worst = status;
		trb_batch_unref(slice);
	}
	if (opts.json)
		puts("\n]");
	return cli_flush(command.name) == CLI_OK ? worst : CLI_FAILED;
}

static int run(trb_verifier *verifier, const char *path, unsigned threads, uint64_t fields)
{
	struct list list = { .program = command.name, .nul = opts.nul, .fields = (unsigned)fields };
	trb_blob *text = NULL;
	int status = cli_read_file(command.name, path, LIST_MAX, &text);

	if (status != CLI_OK)
		return status;
	list.rest = trb_blob_bytes(text);
	status = check_list(list, verifier);
	if (status == CLI_OK)
		status = judge_list(list, verifier, threads);
	trb_blob_unref(text);
	return status;
}

int cmd_batch(int argc, char **argv)
{
	trb_verifier *verifier = NULL;
	uint64_t threads = 0, fields = 1;
	char **args;
	int n, status;

	if (!cli_parse(&command, argc, argv, &args, &n, &status))
		return status;
	if (opts.threads != NULL &&
	    !cli_number(&command, "threads", opts.threads, 1, 256, &threads))
		return CLI_USAGE;
	if (opts.fields != NULL && !opts.nul)
		return cli_usage(command.name, "--fields needs --null");
	if (opts.fields != NULL && !cli_number(&command, "fields", opts.fields, 1, 3, &fields))
		return CLI_USAGE;
	status = demands_verifier(&command, &opts.demands, &verifier);
	if (status == CLI_OK)
		status = run(verifier, args[0], (unsigned)threads, fields);
	trb_verifier_unref(verifier);
	return status;
}
