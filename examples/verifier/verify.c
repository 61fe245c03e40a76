/* SPDX-License-Identifier: Apache-2.0 */
/* tb-verify ARTIFACT: one artifact, its bundle, a policy, a verdict. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "verifier/commands.h"

#define DIGEST_BYTES 32

static struct {
	struct demands demands;
	const char *bundle, *html;
	bool json;
} opts;

static const struct cli_option options[] = {
	{ "bundle", "FILE", "the evidence (needed)", .value = &opts.bundle },
	{ "policy", "FILE", "what is demanded (needed)", .value = &opts.demands.policy },
	{ "as", "NAME", "the artifact is the entry of this attested name",
	  .value = &opts.demands.entry },
	{ "repository", "URL", "demand this repository, too", .value = &opts.demands.repository },
	{ "commit", "ID", "demand this commit, too", .value = &opts.demands.commit },
	{ "nonce", "HEX", "demand the nonce that was given to the build",
	  .value = &opts.demands.nonce },
	{ "now", "T", "the time, as in 2026-01-31T12:00:00Z; for policies with live time",
	  .value = &opts.demands.now },
	{ "json", NULL, "print the report as JSON", .flag = &opts.json },
	{ "html", "FILE", "write the report as one HTML page, too", .value = &opts.html },
	{ 0 },
};

static const struct cli_command command = {
	.name = "tb-verify",
	.synopsis = "ARTIFACT --bundle FILE --policy FILE [OPTION]…",
	.help = "Verifies that ARTIFACT ('-': standard input) was built as its bundle says and as "
		"the\n"
		"policy demands.\n"
		"Exit status: 0 verified, 1 refused, 2 usage, 3 nothing could be decided.\n"
		"Other commands: tb-verify batch, inspect, document (each with --help).",
	.examples = "  tb-verify app --bundle app.bundle.json --policy policy.json\n"
		    "  tb-verify ~/Downloads/app-1.2 --as out/app --bundle b.json --policy p.json\n"
		    "  tb-verify app --bundle b.json --policy p.json --html report.html --json\n",
	.options = options,
	.min_args = 1,
	.max_args = 1,
	.version = true,
};

static int write_html(const trb_report *report)
{
	trb_blob *html = NULL;
	trb_error *err = NULL;
	int status;

	if (trb_report_to_html(report, &html, &err) < 0)
		status = cli_error(command.name, err);
	else
		status = cli_write_file(command.name, opts.html, trb_blob_bytes(html));
	trb_blob_unref(html);
	trb_error_unref(err);
	return status;
}

/* The verdict on standard output; it counts only where it could be written. */
static int print_report(const trb_report *report)
{
	trb_blob *text = NULL;
	trb_error *err = NULL;
	trb_bytes bytes;
	int r = opts.json ? trb_report_to_json(report, &text, &err)
			  : trb_report_to_text(report, &text, &err);
	int status;

	if (r < 0) {
		status = cli_error(command.name, err);
	} else {
		bytes = trb_blob_bytes(text);
		fwrite(bytes.ptr, 1, bytes.len, stdout);
		status = cli_flush(command.name);
	}
	if (status == CLI_OK && opts.html != NULL)
		status = write_html(report);
	trb_blob_unref(text);
	trb_error_unref(err);
	return status;
}

/* What is left of a verification: report and error, or operational trouble alone. */
static int conclude(int r, const trb_report *report, const trb_error *err)
{
	int status;

	if (report == NULL)
		return cli_error(command.name, err);
	status = print_report(report);
	if (status != CLI_OK)
		return status;
	return r == TRB_OK && trb_report_get_verdict(report) == TRB_OK ? CLI_OK : CLI_NO;
}

static bool is_standard_input(const char *artifact)
{
	return strcmp(artifact, "-") == 0;
}

/* Of what can be read once; CLI_OK, or CLI_FAILED after saying why. */
static int hash_stream(int fd, uint8_t digest[DIGEST_BYTES])
{
	static uint8_t block[1 << 16];
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool good = md != NULL && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1;
	ssize_t got = 1;

	while (good && got != 0) {
		got = read(fd, block, sizeof(block));
		if (got < 0 && errno != EINTR)
			break;
		good = got <= 0 || EVP_DigestUpdate(md, block, (size_t)got) == 1;
	}
	good = good && got == 0 && EVP_DigestFinal_ex(md, digest, NULL) == 1;
	EVP_MD_CTX_free(md);
	if (good)
		return CLI_OK;
	return cli_cannot(command.name, "read", "-", got < 0 ? strerror(errno) : "out of memory");
}

static int judge(trb_verifier *verifier, const trb_bundle *bundle, const char *artifact)
{
	uint8_t digest[DIGEST_BYTES];
	trb_report *report = NULL;
	trb_error *err = NULL;
	int fd, r = TRB_OK, status = cli_open_input(command.name, artifact, &fd);

	if (status != CLI_OK)
		return status;
	if (is_standard_input(artifact))
		status = hash_stream(fd, digest);
	else
		r = trb_verifier_check_fd(verifier, bundle, fd, artifact, NULL, &report, &err);
	close(fd);
	if (status == CLI_OK && is_standard_input(artifact))
		r = trb_verifier_check_digest(verifier, bundle,
					      (trb_bytes){ digest, sizeof(digest) }, NULL, NULL,
					      &report, &err);
	if (status == CLI_OK)
		status = conclude(r, report, err);
	trb_report_unref(report);
	trb_error_unref(err);
	return status;
}

/* A bundle that is none is a refusal, with a report of its own. */
static int refuse_bundle(const trb_error *why, uint64_t size)
{
	trb_report *report = NULL;
	trb_error *err = NULL;
	int status;

	if (!trb_error_is_verdict(why))
		return cli_error_in(command.name, opts.bundle, why);
	if (trb_report_new_unreadable(why, &report, &err) < 0)
		status = cli_error(command.name, err);
	else
		status = conclude(trb_error_code(why), report, why);
	cli_error_in(command.name, opts.bundle, why);
	if (size != CLI_SIZE_UNKNOWN)
		fprintf(stderr, "  the file has %llu bytes\n", (unsigned long long)size);
	trb_report_unref(report);
	trb_error_unref(err);
	return status;
}

static int read_and_judge(trb_verifier *verifier, const char *artifact)
{
	struct cli_evidence json = { 0 };
	trb_bundle *bundle = NULL;
	trb_error *err = NULL;
	int status = cli_read_evidence(command.name, opts.bundle, BUNDLE_READ_MAX, &json);

	if (status != CLI_OK)
		return status;
	if (trb_bundle_parse(trb_blob_bytes(json.bytes), &bundle, &err) < 0)
		status = refuse_bundle(err, json.size);
	else
		status = judge(verifier, bundle, artifact);
	trb_bundle_unref(bundle);
	cli_evidence_clear(&json);
	trb_error_unref(err);
	return status;
}

int cmd_verify(int argc, char **argv)
{
	trb_verifier *verifier = NULL;
	char **args;
	int n, status;

	if (!cli_parse(&command, argc, argv, &args, &n, &status))
		return status;
	if (opts.bundle == NULL)
		return cli_usage(command.name, "--bundle is missing: it holds the evidence");
	if (is_standard_input(args[0]) && opts.demands.entry == NULL)
		return cli_usage(command.name, "'-' has no name: --as says which artifact it is");
	status = demands_verifier(&command, &opts.demands, &verifier);
	if (status == CLI_OK)
		status = read_and_judge(verifier, args[0]);
	trb_verifier_unref(verifier);
	return status;
}
