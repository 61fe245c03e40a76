/* SPDX-License-Identifier: Apache-2.0 */
/* tb-verify document: judges bare NSM documents, without any claim. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <trustbuild/attestation.h>

#include "verifier/commands.h"

#define DOCUMENT_MAX (64u * 1024) /* beyond the library's own ceiling, so that it says so */
#define ROOT_MAX     (64u * 1024)
#define FIELD_MAX    1024
#define PCR_BYTES    48

static struct {
	const char *time, *max_age, *nonce, *user_data, *public_key;
	struct cli_list roots, pcrs;
	bool allow_debug, json;
} opts;

static const struct cli_option options[] = {
	{ "time", "T", "judge at this time: document (default), now, or 2026-01-31T12:00:00Z",
	  .value = &opts.time },
	{ "max-age", "AGE", "demand that it was signed at most so long before --time, or now",
	  .value = &opts.max_age },
	{ "pcr", "N=HEX", "demand this value of PCR N; may be repeated", .list = &opts.pcrs },
	{ "nonce", "HEX", "demand this nonce; @FILE for the bytes of a file",
	  .value = &opts.nonce },
	{ "user-data", "HEX", "demand these user data, or @FILE's", .value = &opts.user_data },
	{ "public-key", "HEX", "demand this public key, or @FILE's", .value = &opts.public_key },
	{ "root", "PEM", "trust this root instead of AWS's; may be repeated", .list = &opts.roots },
	{ "allow-debug", NULL, "let documents of debug enclaves pass", .flag = &opts.allow_debug },
	{ "json", NULL, "print every check with its outcome as JSON", .flag = &opts.json },
	{ 0 },
};

static const struct cli_command command = {
	.name = "tb-verify document",
	.synopsis = "FILE… [OPTION]…",
	.help = "Judges attestation documents of the AWS Nitro Security Module one by one ('-':\n"
		"standard input), without any claim: VERIFIED FILE and what it says, or REFUSED,\n"
		"the check that failed, and FILE.\n"
		"Exit status: 0 all verified, 1 some refused, 2 usage, 3 something could not be "
		"decided.",
	.examples = "  tb-verify document nsm.bin\n"
		    "  tb-verify document --time now --max-age 5m --nonce 5c1f… --json nsm.bin\n",
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

/* The demand was made, or it is none. */
static int demanded(int r, trb_error *err)
{
	int status = r == TRB_OK        ? CLI_OK
		     : r == TRB_E_INVAL ? cli_usage(command.name, "%s", trb_error_message(err))
					: cli_error(command.name, err);

	trb_error_unref(err);
	return status;
}

static int demand_field(trb_document_verifier *verifier, const char *name, const char *text,
			int (*demand)(trb_document_verifier *, trb_bytes, trb_error **))
{
	trb_error *err = NULL;
	trb_blob *value = NULL;
	int status, r = TRB_OK;

	if (text == NULL)
		return CLI_OK;
	status = cli_hex(&command, name, text, FIELD_MAX, &value);
	if (status == CLI_OK)
		r = demand(verifier, trb_blob_bytes(value), &err);
	if (status == CLI_OK)
		status = demanded(r, err);
	trb_blob_unref(value);
	return status;
}

static int demand_pcr(trb_document_verifier *verifier, const char *text)
{
	trb_error *err = NULL;
	trb_blob *value = NULL;
	char *end = NULL;
	unsigned long index = text[0] >= '0' && text[0] <= '9' ? strtoul(text, &end, 10) : 0;
	int status, r = TRB_OK;

	if (end == NULL || *end != '=' || end - text > 2)
		return cli_usage(command.name, "--pcr takes N=HEX, N from 0 to 31");
	status = cli_hex(&command, "pcr", end + 1, PCR_BYTES, &value);
	if (status == CLI_OK)
		r = trb_document_verifier_demand_pcr(verifier, (unsigned)index,
						     trb_blob_bytes(value), &err);
	if (status == CLI_OK)
		status = demanded(r, err);
	trb_blob_unref(value);
	return status;
}

static int demand_age(trb_document_verifier *verifier, uint64_t now)
{
	trb_error *err = NULL;
	uint64_t age;
	int r;

	if (opts.max_age == NULL)
		return CLI_OK;
	if (!cli_duration(&command, "max-age", opts.max_age, &age))
		return CLI_USAGE;
	r = trb_document_verifier_demand_age(verifier, now, age, &err);
	return demanded(r, err);
}

static bool at_its_own_time(void)
{
	return opts.time == NULL || strcmp(opts.time, "document") == 0;
}

/* *ret_now: the time from which ages count. */
static int set_up(trb_document_verifier *verifier, uint64_t *ret_now)
{
	int status = CLI_OK;

	if (!cli_time(&command, "time", at_its_own_time() ? "now" : opts.time, ret_now))
		return CLI_USAGE;
	trb_document_verifier_set_allow_debug(verifier, opts.allow_debug);
	if (!at_its_own_time())
		trb_document_verifier_set_time(verifier, *ret_now);
	status = demand_age(verifier, *ret_now);
	for (size_t i = 0; status == CLI_OK && i < opts.pcrs.n; i++)
		status = demand_pcr(verifier, opts.pcrs.items[i]);
	if (status == CLI_OK)
		status = demand_field(verifier, "nonce", opts.nonce,
				      trb_document_verifier_demand_nonce);
	if (status == CLI_OK)
		status = demand_field(verifier, "user-data", opts.user_data,
				      trb_document_verifier_demand_user_data);
	if (status == CLI_OK)
		status = demand_field(verifier, "public-key", opts.public_key,
				      trb_document_verifier_demand_public_key);
	return status == CLI_OK ? add_roots(verifier) : status;
}

/* The verdict alone. */
static void print_line(const char *file, int assurance, const trb_error *err)
{
	if (err != NULL)
		printf("REFUSED %s ", trb_error_check(err));
	else
		printf("VERIFIED %s", assurance == TRB_ASSURANCE_HARDWARE ? "" : "(SIMULATED) ");
	cli_escape(stdout, cli_bytes(file), false);
	putchar('\n');
}

static void print_time(uint64_t signed_s, uint64_t now)
{
	char text[32] = "", age[48];
	time_t seconds = (time_t)signed_s;
	struct tm tm;

	if (gmtime_r(&seconds, &tm) != NULL)
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	cli_show_age(now, signed_s, age, sizeof(age));
	printf("  signed     %s, %s%s%s\n", text, age, at_its_own_time() ? " now" : " --time",
	       at_its_own_time() && opts.max_age == NULL ? "; no age was demanded" : "");
}

static bool measures(trb_bytes pcr)
{
	for (size_t i = 0; i < pcr.len; i++)
		if (pcr.ptr[i] != 0)
			return true;
	return false;
}

/* What the signature covers and a reader decides by. */
static void print_facts(const trb_attestation *a, int assurance, uint64_t now)
{
	print_time(trb_attestation_get_timestamp_ms(a) / 1000, now);
	printf("  assurance  %s\n", assurance == TRB_ASSURANCE_HARDWARE
					    ? "hardware: the root of AWS Nitro Enclaves"
					    : "simulated: no hardware, only the root's key");
	for (unsigned i = 0; i < 32; i++) {
		trb_bytes pcr = trb_attestation_get_pcr(a, i);

		if (i > 2 && !measures(pcr))
			continue;
		printf("  PCR%-2u      ", i);
		for (size_t k = 0; k < pcr.len; k++)
			printf("%02x", pcr.ptr[k]);
		putchar('\n');
	}
}

/* Why it was refused, and of what cannot be read how large it is. */
static char *reason_of(const trb_error *err, uint64_t size)
{
	bool unreadable = strcmp(trb_error_check(err), "document.parse") == 0;
	char *text = NULL;
	int n;

	while (trb_error_cause(err) != NULL)
		err = trb_error_cause(err);
	if (unreadable && size != CLI_SIZE_UNKNOWN)
		n = asprintf(&text, "%s (the file has %llu bytes)", trb_error_message(err),
			     (unsigned long long)size);
	else
		n = asprintf(&text, "%s", trb_error_message(err));
	return n < 0 ? NULL : text;
}

/* One entry of the array; the report is null where nothing was decided. */
static void print_json(const char *file, trb_bytes report, const char *reason, bool first)
{
	fputs(first ? "[\n{\"file\":" : ",\n{\"file\":", stdout);
	cli_json_string(stdout, cli_bytes(file));
	fputs(",\"error\":", stdout);
	if (reason != NULL)
		cli_json_string(stdout, cli_bytes(reason));
	else
		fputs("null", stdout);
	printf(",\"report\":%.*s}", (int)report.len, (const char *)report.ptr);
}

/* The verdict on one document, or why there is none. */
struct verdict {
	trb_attestation *attestation;
	int assurance;
	trb_blob *report;
	trb_error *err;
};

static int judge_bytes(trb_document_verifier *verifier, const struct cli_evidence *document,
		       struct verdict *v)
{
	int r = trb_document_verifier_check(verifier, trb_blob_bytes(document->bytes),
					    &v->attestation, &v->assurance, &v->report, &v->err);

	if (r == TRB_OK)
		return CLI_OK;
	return trb_error_is_verdict(v->err) ? CLI_NO : cli_error(command.name, v->err);
}

/* debug: the caller asked for it; it is said all the same. */
static void print_verdict(const char *file, const struct verdict *v, const char *reason,
			  uint64_t now)
{
	if (!opts.json)
		print_line(file, v->assurance, v->err);
	if (v->err != NULL)
		cli_reason(file, reason != NULL ? reason : trb_error_message(v->err));
	else if (!opts.json)
		print_facts(v->attestation, v->assurance, now);
	if (v->err == NULL && trb_attestation_is_debug(v->attestation))
		cli_reason(file, "an enclave in debug mode, let pass: its code is not attested");
}

static int judge_file(trb_document_verifier *verifier, const char *file, bool first, uint64_t now)
{
	struct cli_evidence document = { 0 };
	struct verdict v = { 0 };
	char *reason = NULL;
	int status = cli_read_evidence(command.name, file, DOCUMENT_MAX, &document);

	if (status == CLI_OK) {
		status = judge_bytes(verifier, &document, &v);
		if (v.err != NULL)
			reason = status == CLI_NO ? reason_of(v.err, document.size)
						  : strdup(trb_error_message(v.err));
		if (status != CLI_FAILED)
			print_verdict(file, &v, reason, now);
	}
	if (opts.json)
		print_json(file, v.report != NULL ? trb_blob_bytes(v.report) : cli_bytes("null"),
			   reason != NULL              ? reason
			   : document.fault[0] != '\0' ? document.fault
						       : NULL,
			   first);
	free(reason);
	trb_attestation_unref(v.attestation);
	trb_blob_unref(v.report);
	trb_error_unref(v.err);
	cli_evidence_clear(&document);
	return status;
}

/* A file that cannot be read outweighs one that is refused. */
static int judge_all(trb_document_verifier *verifier, char **files, int n, uint64_t now)
{
	int worst = CLI_OK;

	for (int i = 0; i < n && !ferror(stdout); i++) {
		int status = judge_file(verifier, files[i], i == 0, now);

		if (status > worst)
			worst = status;
		fflush(stdout); /* each verdict as soon as it is known; errors stay until the end */
	}
	if (opts.json)
		puts("\n]");
	return cli_flush(command.name) == CLI_OK ? worst : CLI_FAILED;
}

static void clear_options(void)
{
	cli_list_clear(&opts.roots);
	cli_list_clear(&opts.pcrs);
}

int cmd_document(int argc, char **argv)
{
	trb_document_verifier *verifier = NULL;
	trb_error *err = NULL;
	uint64_t now = 0;
	char **files;
	int n, status;

	if (!cli_parse(&command, argc, argv, &files, &n, &status)) {
		clear_options();
		return status;
	}
	if (trb_document_verifier_new(&verifier, &err) < 0)
		status = cli_error(command.name, err);
	else
		status = set_up(verifier, &now);
	if (status == CLI_OK)
		status = judge_all(verifier, files, n, now);
	trb_error_unref(err);
	trb_document_verifier_unref(verifier);
	clear_options();
	return status;
}
