/* SPDX-License-Identifier: Apache-2.0 */
/* tb-verify inspect: what a bundle or a bare document says, believed by nobody. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cjson/cJSON.h>

#include "verifier/commands.h"

#define PCRS 32

static struct {
	bool json;
} opts;

static const struct cli_option options[] = {
	{ "json", NULL, "print JSON in place of a tree", .flag = &opts.json },
	{ 0 },
};

static const struct cli_command command = {
	.name = "tb-verify inspect",
	.synopsis = "FILE [--json]",
	.help = "Shows what a bundle or an attestation document says, without judging it: nothing\n"
		"that is shown has been verified.\n"
		"Exit status: 0 shown, 2 usage, 3 it could not be read.",
	.examples = "  tb-verify inspect app.bundle.json\n"
		    "  tb-verify inspect nsm.bin --json\n",
	.options = options,
	.min_args = 1,
	.max_args = 1,
};

static void put_hex(FILE *out, const char *name, trb_bytes bytes)
{
	fprintf(out, "\"%s\": ", name);
	if (bytes.ptr == NULL) {
		fputs("null", out);
		return;
	}
	fputc('"', out);
	for (size_t i = 0; i < bytes.len; i++)
		fprintf(out, "%02x", bytes.ptr[i]);
	fputc('"', out);
}

static void put_time(FILE *out, uint64_t ms)
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;
	char text[32];

	fprintf(out, "\"timestamp_ms\": \"%llu\"", (unsigned long long)ms);
	if (gmtime_r(&seconds, &tm) != NULL &&
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) > 0)
		fprintf(out, ", \"time\": \"%s\"", text);
}

static void put_document(FILE *out, const trb_attestation *a)
{
	const char *comma = "";

	fputs("{\"verified\": false, \"module_id\": ", out);
	cli_json_string(out, trb_attestation_get_module_id(a));
	fputs(", ", out);
	put_time(out, trb_attestation_get_timestamp_ms(a));
	fprintf(out, ", \"debug\": %s, \"pcrs\": {",
		trb_attestation_is_debug(a) ? "true" : "false");
	for (unsigned i = 0; i < PCRS; i++) {
		trb_bytes pcr = trb_attestation_get_pcr(a, i);
		char name[4];

		if (pcr.len == 0)
			continue;
		snprintf(name, sizeof(name), "%u", i);
		fputs(comma, out);
		put_hex(out, name, pcr);
		comma = ", ";
	}
	fputs("}, ", out);
	put_hex(out, "user_data", trb_attestation_get_user_data(a));
	fputs(", ", out);
	put_hex(out, "nonce", trb_attestation_get_nonce(a));
	fputs(", ", out);
	put_hex(out, "public_key", trb_attestation_get_public_key(a));
	fprintf(out, ", \"certificate_bytes\": %zu, \"issuers\": %zu}",
		trb_attestation_get_certificate(a).len, trb_attestation_count_cabundle(a));
}

static int describe_bundle(const trb_bundle *bundle, FILE *out)
{
	trb_attestation *a = NULL;
	trb_blob *json = NULL;
	trb_error *err = NULL;
	int status = CLI_OK;

	if (trb_bundle_describe(bundle, &json, &err) < 0) {
		status = cli_error(command.name, err);
	} else {
		fprintf(out, "{\"kind\": \"bundle\", \"bundle\": %.*s, \"document\": ",
			(int)trb_blob_bytes(json).len, (const char *)trb_blob_bytes(json).ptr);
		if (trb_attestation_parse(trb_bundle_get_attestation(bundle), &a, NULL) == TRB_OK)
			put_document(out, a);
		else
			fputs("null", out);
		fputs("}\n", out);
	}
	trb_attestation_unref(a);
	trb_blob_unref(json);
	trb_error_unref(err);
	return status;
}

/* A document begins with a COSE_Sign1 array or its tag, a bundle with a brace. */
static int describe(const char *path, trb_bytes bytes, FILE *out)
{
	trb_attestation *a = NULL;
	trb_bundle *bundle = NULL;
	trb_error *err = NULL;
	int r, status = CLI_OK;

	if (bytes.len > 0 && (bytes.ptr[0] & 0x80) != 0) {
		r = trb_attestation_parse(bytes, &a, &err);
		if (r == TRB_OK) {
			fputs("{\"kind\": \"document\", \"document\": ", out);
			put_document(out, a);
			fputs("}\n", out);
		}
	} else {
		r = trb_bundle_parse(bytes, &bundle, &err);
		if (r == TRB_OK)
			status = describe_bundle(bundle, out);
	}
	if (r < 0)
		status = cli_error_in(command.name, path, err);
	trb_attestation_unref(a);
	trb_bundle_unref(bundle);
	trb_error_unref(err);
	return status;
}

/* A text of several lines goes below its name. */
static void print_text(const char *text, const char *rails)
{
	const char *end = strchr(text, '\n');

	if (end == NULL) {
		cli_escape(stdout, cli_bytes(text), false);
		putchar('\n');
		return;
	}
	while (*text != '\0') {
		end = strchrnul(text, '\n');
		printf("\n%s", rails);
		cli_escape(stdout, (trb_bytes){ (const uint8_t *)text, (size_t)(end - text) },
			   false);
		text = *end == '\n' ? end + 1 : end;
	}
	putchar('\n');
}

static void print_scalar(const cJSON *item, const char *rails)
{
	if (cJSON_IsString(item))
		print_text(item->valuestring, rails);
	else if (cJSON_IsNumber(item))
		printf("%.0f\n", item->valuedouble);
	else
		puts(cJSON_IsNull(item) ? "none" : cJSON_IsTrue(item) ? "yes" : "no");
}

static bool has_members(const cJSON *item)
{
	return cJSON_IsObject(item) || cJSON_IsArray(item);
}

static void print_tree(const cJSON *item, const char *rails)
{
	const cJSON *child;
	char deeper[128];

	cJSON_ArrayForEach (child, item) {
		bool last = child->next == NULL;

		printf("%s%s ", rails, last ? "\u2514\u2500" : "\u251c\u2500");
		snprintf(deeper, sizeof(deeper), "%s%s", rails, last ? "   " : "\u2502  ");
		if (child->string != NULL) {
			cli_escape(stdout, cli_bytes(child->string), false);
			fputs(has_members(child) ? "" : ": ", stdout);
		} else if (has_members(child)) {
			fputs("\u2022", stdout);
		}
		if (has_members(child)) {
			putchar('\n');
			print_tree(child, deeper);
		} else {
			print_scalar(child, deeper);
		}
	}
}

static int no_memory(void)
{
	cli_say("%s: out of memory", command.name);
	return CLI_FAILED;
}

static int print(const char *json)
{
	cJSON *tree;

	if (opts.json) {
		fputs(json, stdout);
	} else {
		tree = cJSON_Parse(json);
		if (tree == NULL)
			return no_memory();
		puts("UNVERIFIED: what the file says about itself");
		print_tree(tree, "");
		cJSON_Delete(tree);
	}
	return cli_flush(command.name);
}

int cmd_inspect(int argc, char **argv)
{
	struct cli_evidence file = { 0 };
	char **args, *json = NULL;
	size_t len = 0;
	FILE *out;
	int n, status;

	if (!cli_parse(&command, argc, argv, &args, &n, &status))
		return status;
	status = cli_read_evidence(command.name, args[0], BUNDLE_READ_MAX, &file);
	if (status != CLI_OK)
		return status;
	out = open_memstream(&json, &len);
	if (out == NULL) {
		cli_evidence_clear(&file);
		return no_memory();
	}
	status = describe(args[0], trb_blob_bytes(file.bytes), out);
	if (fclose(out) != 0)
		status = no_memory();
	if (status == CLI_OK)
		status = print(json);
	free(json);
	cli_evidence_clear(&file);
	return status;
}
