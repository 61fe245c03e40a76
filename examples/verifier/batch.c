/* SPDX-License-Identifier: Apache-2.0 */
/* tb-verify batch: a list of artifacts and bundles, one policy, all cores. */
#include <stdlib.h>
#include <string.h>

#include <trustbuild/batch.h>

#include "verifier/commands.h"

#define LIST_MAX (64u * 1024 * 1024)
/* So many entries are judged, printed and forgotten at a time: a long list needs no more memory
 * for its reports than a short one, and its first verdicts do not wait for the last. */
#define SLICE 512u

static struct {
	struct demands demands;
	const char *threads;
	bool json;
} opts;

static const struct cli_option options[] = {
	{ "policy", "FILE", "what is demanded (needed)", .value = &opts.demands.policy },
	{ "repository", "URL", "demand this repository, too", .value = &opts.demands.repository },
	{ "commit", "ID", "demand this commit, too", .value = &opts.demands.commit },
	{ "nonce", "HEX", "demand the nonce that was given to the build",
	  .value = &opts.demands.nonce },
	{ "now", "T", "the time, as in 2026-01-31T12:00:00Z; for policies with live time",
	  .value = &opts.demands.now },
	{ "threads", "N", "on so many threads; default: one for each processor",
	  .value = &opts.threads },
	{ "json", NULL, "print all reports as JSON", .flag = &opts.json },
	{ 0 },
};

static const struct cli_command command = {
	.name = "tb-verify batch",
	.synopsis = "LIST --policy FILE [OPTION]…",
	.help = "Verifies every artifact of LIST ('-': standard input).  A line of LIST is\n"
		"ARTIFACT, BUNDLE and NAME, separated by tabs (or by blanks, where the line has "
		"no\n"
		"tab).  NAME, the attested name, may be left out; so may BUNDLE, which then is\n"
		"ARTIFACT.bundle.json.  Empty lines are passed over, and so are lines whose first\n"
		"character is #: write ./ before a name that begins so.\n"
		"One line each: VERIFIED FILE, or REFUSED, the check that failed, and FILE.\n"
		"Exit status: 0 all verified, 1 some refused, 2 usage, 3 something could not be "
		"decided.",
	.examples = "  tb-verify batch release.list --policy policy.json\n"
		    "  ls dist/*.so | tb-verify batch - --policy policy.json --json\n",
	.options = options,
	.min_args = 1,
	.max_args = 1,
};

/* Cuts the next field off line; NULL where there is none. */
static char *next_field(char **line, const char *separators)
{
	char *field = *line + strspn(*line, separators);
	size_t n = strcspn(field, separators);

	if (n == 0)
		return NULL;
	*line = field + n;
	if (**line != '\0')
		*(*line)++ = '\0';
	return field;
}

static int no_memory(void)
{
	cli_say("%s: out of memory", command.name);
	return CLI_FAILED;
}

/* The list as batches of SLICE entries. */
struct slices {
	trb_verifier *verifier;
	trb_batch **list;
	size_t n;
};

static void slices_clear(struct slices *s)
{
	for (size_t i = 0; i < s->n; i++)
		trb_batch_unref(s->list[i]);
	free(s->list);
}

static int add_slice(struct slices *s)
{
	trb_batch **grown = realloc(s->list, (s->n + 1) * sizeof(*grown));
	trb_error *err = NULL;
	int status = CLI_OK;

	if (grown == NULL)
		return no_memory();
	s->list = grown;
	if (trb_batch_new(s->verifier, &s->list[s->n], &err) < 0)
		status = cli_error(command.name, err);
	else
		s->n++;
	trb_error_unref(err);
	return status;
}

static int add_entry(struct slices *s, size_t number, const char *artifact, const char *bundle,
		     const char *name)
{
	trb_error *err = NULL;
	int status = CLI_OK;

	if (s->n == 0 || trb_batch_count(s->list[s->n - 1]) == SLICE)
		status = add_slice(s);
	if (status == CLI_OK && trb_batch_add(s->list[s->n - 1], artifact, bundle, name, &err) < 0)
		status = trb_error_code(err) == TRB_E_INVAL
				 ? cli_usage(command.name, "line %zu of the list: %s", number,
					     trb_error_message(err))
				 : cli_error(command.name, err);
	trb_error_unref(err);
	return status;
}

static int add_line(struct slices *slices, char *line, size_t number)
{
	const char *separators = strchr(line, '\t') != NULL ? "\t\r" : " \r";
	bool is_comment = line[0] == '#';
	char *artifact = next_field(&line, separators);
	char *bundle = next_field(&line, separators);
	char *name = next_field(&line, separators);
	char *implied = NULL;
	int status;

	if (artifact == NULL || is_comment)
		return CLI_OK;
	if (next_field(&line, separators) != NULL)
		return cli_usage(command.name, "line %zu of the list has more than three fields",
				 number);
	if (bundle == NULL && asprintf(&implied, "%s.bundle.json", artifact) < 0)
		return no_memory();
	status = add_entry(slices, number, artifact, bundle != NULL ? bundle : implied, name);
	free(implied);
	return status;
}

static int read_list(struct slices *slices, const char *path)
{
	trb_blob *blob = NULL;
	char *text = NULL, *line, *end;
	size_t number = 0;
	int status = cli_read_file(command.name, path, LIST_MAX, &blob);
	trb_bytes bytes;

	if (status != CLI_OK)
		return status;
	bytes = trb_blob_bytes(blob);
	if (bytes.len > 0 && memchr(bytes.ptr, '\0', bytes.len) != NULL)
		status = cli_usage(command.name, "the list is not a text");
	if (status == CLI_OK) {
		text = strndup(bytes.len > 0 ? (const char *)bytes.ptr : "", bytes.len);
		if (text == NULL)
			status = no_memory();
	}
	for (line = text; status == CLI_OK && line != NULL; line = end) {
		end = strchr(line, '\n');
		if (end != NULL)
			*end++ = '\0';
		status = add_line(slices, line, ++number);
	}
	free(text);
	trb_blob_unref(blob);
	if (status == CLI_OK && slices->n == 0)
		return cli_usage(command.name, "the list is empty: nothing was verified");
	return status;
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
		fputs("  ", stderr);
		cli_escape(stderr, cli_bytes(file), false);
		fputs(": ", stderr);
		cli_escape(stderr, cli_bytes(trb_error_message(err)), false);
		fputc('\n', stderr);
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

static int judge_slice(struct slices *s, size_t i, unsigned threads)
{
	trb_error *err = NULL;
	int status;

	if (trb_batch_run(s->list[i], threads, &err) < 0)
		status = cli_error(command.name, err);
	else
		status = print_slice(s->list[i], i == 0);
	s->list[i] = trb_batch_unref(s->list[i]);
	trb_error_unref(err);
	return status;
}

static int run(trb_verifier *verifier, const char *list, unsigned threads)
{
	struct slices slices = { .verifier = verifier };
	int status = read_list(&slices, list);

	if (status != CLI_OK) {
		slices_clear(&slices);
		return status;
	}
	for (size_t i = 0; i < slices.n && !ferror(stdout); i++) {
		int worst = judge_slice(&slices, i, threads);

		if (worst > status)
			status = worst;
	}
	if (opts.json)
		puts("\n]");
	slices_clear(&slices);
	return cli_flush(command.name) == CLI_OK ? status : CLI_FAILED;
}

int cmd_batch(int argc, char **argv)
{
	trb_verifier *verifier = NULL;
	uint64_t threads = 0;
	char **args;
	int n, status;

	if (!cli_parse(&command, argc, argv, &args, &n, &status))
		return status;
	if (opts.threads != NULL &&
	    !cli_number(&command, "threads", opts.threads, 1, 256, &threads))
		return CLI_USAGE;
	status = demands_verifier(&command, &opts.demands, &verifier);
	if (status == CLI_OK)
		status = run(verifier, args[0], (unsigned)threads);
	trb_verifier_unref(verifier);
	return status;
}
