/* SPDX-License-Identifier: Apache-2.0 */
/* tb-verify document: judges bare NSM documents, without any claim. */
#include <string.h>

#include <trustbuild/attestation.h>

#include "verifier/commands.h"

#define DOCUMENT_MAX (64u * 1024) /* beyond the library's own ceiling, so that it says so */
#define ROOT_MAX     (64u * 1024)

static struct {
	const char *time;
	struct cli_list roots;
	bool allow_debug, json;
} opts;

static const struct cli_option options[] = {
	{ "time", "T", "judge at this time: document (default), now, or 2026-01-31T12:00:00Z",
	  .value = &opts.time },
	{ "root", "PEM", "trust this root instead of AWS's; may be repeated", .list = &opts.roots },
	{ "allow-debug", NULL, "let documents of debug enclaves pass", .flag = &opts.allow_debug },
	{ "json", NULL, "print every check with its outcome as JSON", .flag = &opts.json },
	{ 0 },
};

static const struct cli_command command = {
	.name = "tb-verify document",
	.synopsis = "FILE… [OPTION]…",
	.help = "Judges attestation documents of the AWS Nitro Security Module one by one, "
		"without\n"
		"any claim: VERIFIED FILE, or REFUSED, the check that failed, and FILE.\n"
		"Exit status: 0 all verified, 1 some refused, 2 usage, 3 something could not be "
		"decided.",
	.examples = "  tb-verify document nsm.bin\n"
		    "  tb-verify document --time now --json nsm.bin\n",
	.options = options,
	.min_args = 1,
	.max_args = -1,
};

static int add_roots(trb_document_verifier *verifier)
{
	int status = CLI_OK;

	for (size_t i = 0; status == CLI_OK && i < opts.roots.n; i++) {
		trb_blob *root = NULL;
		trb_error *err = NULL;

		status = cli_read_file(command.name, opts.roots.items[i], ROOT_MAX, &root);
		if (status == CLI_OK &&
		    trb_document_verifier_add_root(verifier, trb_blob_bytes(root), &err) < 0)
			status = cli_error_in(command.name, opts.roots.items[i], err);
		trb_error_unref(err);
		trb_blob_unref(root);
	}
	return status;
}

static int set_up(trb_document_verifier *verifier)
{
	uint64_t at;

	trb_document_verifier_set_allow_debug(verifier, opts.allow_debug);
	if (opts.time != NULL && strcmp(opts.time, "document") != 0) {
		if (!cli_time(&command, "time", opts.time, &at))
			return CLI_USAGE;
		trb_document_verifier_set_time(verifier, at);
	}
	return add_roots(verifier);
}

/* The verdict, and on standard error the reason of a refusal. */
static void print_line(const char *file, int assurance, const trb_error *err)
{
	if (err != NULL)
		printf("REFUSED %s ", trb_error_check(err));
	else
		printf("VERIFIED %s", assurance == TRB_ASSURANCE_HARDWARE ? "" : "(SIMULATED) ");
	cli_escape(stdout, cli_bytes(file), false);
	putchar('\n');
}

static void print_reason(const char *file, const trb_error *err)
{
	while (trb_error_cause(err) != NULL)
		err = trb_error_cause(err);
	fputs("  ", stderr);
	cli_escape(stderr, cli_bytes(file), false);
	fputs(": ", stderr);
	cli_escape(stderr, cli_bytes(trb_error_message(err)), false);
	fputc('\n', stderr);
}

/* One entry of the array; the report is null where the file could not be read. */
static void print_json(const char *file, trb_bytes report, bool first)
{
	fputs(first ? "[\n{\"file\":" : ",\n{\"file\":", stdout);
	cli_json_string(stdout, cli_bytes(file));
	printf(",\"report\":%.*s}", (int)report.len, (const char *)report.ptr);
}

/* The caller asked for it; it is said all the same. */
static void print_debug_note(const char *file)
{
	fputs("  ", stderr);
	cli_escape(stderr, cli_bytes(file), false);
	fputs(": an enclave in debug mode, let pass: its code is not attested\n", stderr);
}

static int judge_bytes(trb_document_verifier *verifier, const char *file, trb_bytes document,
		       trb_blob **ret_report)
{
	trb_attestation *attestation = NULL;
	trb_error *err = NULL;
	int assurance = 0, status = CLI_OK;
	int r = trb_document_verifier_check(verifier, document, &attestation, &assurance,
					    ret_report, &err);

	if (r != TRB_OK && !trb_error_is_verdict(err)) {
		status = cli_error(command.name, err);
	} else {
		if (!opts.json)
			print_line(file, assurance, err);
		if (r != TRB_OK) {
			print_reason(file, err);
			status = CLI_NO;
		} else if (trb_attestation_is_debug(attestation)) {
			print_debug_note(file);
		}
	}
	trb_attestation_unref(attestation);
	trb_error_unref(err);
	return status;
}

static int judge_file(trb_document_verifier *verifier, const char *file, bool first)
{
	trb_blob *document = NULL, *report = NULL;
	int status = cli_read_evidence(command.name, file, DOCUMENT_MAX, &document);

	if (status == CLI_OK)
		status = judge_bytes(verifier, file, trb_blob_bytes(document), &report);
	if (opts.json)
		print_json(file, report != NULL ? trb_blob_bytes(report) : cli_bytes("null"),
			   first);
	trb_blob_unref(report);
	trb_blob_unref(document);
	return status;
}

/* A file that cannot be read outweighs one that is refused. */
static int judge_all(trb_document_verifier *verifier, char **files, int n)
{
	int worst = CLI_OK;

	for (int i = 0; i < n && !ferror(stdout); i++) {
		int status = judge_file(verifier, files[i], i == 0);

		if (status > worst)
			worst = status;
		fflush(stdout); /* each verdict as soon as it is known; errors stay until the end */
	}
	if (opts.json)
		puts("\n]");
	return cli_flush(command.name) == CLI_OK ? worst : CLI_FAILED;
}

int cmd_document(int argc, char **argv)
{
	trb_document_verifier *verifier = NULL;
	trb_error *err = NULL;
	char **files;
	int n, status;

	if (!cli_parse(&command, argc, argv, &files, &n, &status)) {
		cli_list_clear(&opts.roots);
		return status;
	}
	if (trb_document_verifier_new(&verifier, &err) < 0)
		status = cli_error(command.name, err);
	else
		status = set_up(verifier);
	if (status == CLI_OK)
		status = judge_all(verifier, files, n);
	trb_error_unref(err);
	trb_document_verifier_unref(verifier);
	cli_list_clear(&opts.roots);
	return status;
}
