/* SPDX-License-Identifier: Apache-2.0 */
/* tb-host image: make, measure and describe enclave images. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <trustbuild/image.h>

#include "host/commands.h"

#define IMAGE_MAX (UINT64_C(4) << 30)

static struct {
	const char *single[13];
	struct cli_list helpers, packages, ramdisks, runtimes;
	bool fresh, json;
} opts;

/* The single-valued inputs of trb_image_set(), in the order of opts.single. */
static const char *const inputs[] = { "out",     "enclave",   "sources", "extra-ca", "kernel",
				      "cmdline", "runsc",     "rootfs",  "name",     "version",
				      "epoch",   "sign-cert", "sign-key" };

static const struct cli_option build_options[] = {
	{ "out", "FILE", "write the image here instead of the state directory",
	  .value = &opts.single[0] },
	{ "extra-ca", "PEM", "certificates that the enclave trusts for fetching, too",
	  .value = &opts.single[3] },
	{ "package", "NAME", "one more Debian package for builds; may be repeated",
	  .list = &opts.packages },
	{ "sources", "FILE", "an apt sources.list to take packages from",
	  .value = &opts.single[2] },
	{ "kernel", "FILE", "this kernel instead of Debian's cloud kernel",
	  .value = &opts.single[4] },
	{ "cmdline", "TEXT", "the kernel's command line", .value = &opts.single[5] },
	{ "enclave", "FILE", "this enclave program instead of the installed one",
	  .value = &opts.single[1] },
	{ "helper", "FILE", "these helper programs instead of the installed ones; may be repeated",
	  .list = &opts.helpers },
	{ "runsc", "FILE", "this runsc instead of building the pinned one",
	  .value = &opts.single[6] },
	{ "runtime", "NAME", "Debian's crun or runc, too, for --sandbox; may be repeated",
	  .list = &opts.runtimes },
	{ "rootfs", "FILE", "this EROFS file as the build's root file system",
	  .value = &opts.single[7] },
	{ "ramdisk", "FILE", "pack ready-made ramdisks instead (with --kernel); may be repeated",
	  .list = &opts.ramdisks },
	{ "name", "TEXT", "name in the metadata, which are not measured",
	  .value = &opts.single[8] },
	{ "version", "TEXT", "version in the metadata", .value = &opts.single[9] },
	{ "epoch", "SECONDS", "all times in the image (default: $SOURCE_DATE_EPOCH, or a constant)",
	  .value = &opts.single[10] },
	{ "sign-cert", "PEM", "sign the image: the signer's certificate",
	  .value = &opts.single[11] },
	{ "sign-key", "PEM", "and its private key, on P-256, P-384 or P-521",
	  .value = &opts.single[12] },
	{ "fresh", NULL, "make everything anew, whatever is cached", .flag = &opts.fresh },
	{ "json", NULL, "print the measurements as JSON", .flag = &opts.json },
	{ 0 },
};

static const struct cli_command build_command = {
	.name = "tb-host image build",
	.synopsis = "[OPTION]…",
	.help = "Makes an enclave image: minutes the first time, seconds afterwards.  The same "
		"inputs give\n"
		"the same image; what went in is written to image.lock beside it.",
	.examples =
		"  tb-host image build\n"
		"  tb-host image build --extra-ca forge-ca.pem --package cmake --out builder.eif\n",
	.options = build_options,
};

static int set_all(trb_image *image, const char *key, const char *const *values, size_t n,
		   trb_error **err)
{
	int r = TRB_OK;

	for (size_t i = 0; r == TRB_OK && i < n; i++)
		if (values[i] != NULL)
			r = trb_image_set(image, key, values[i], err);
	return r;
}

static int set_inputs(trb_image *image, trb_error **err)
{
	int r = TRB_OK;

	for (size_t i = 0; r == TRB_OK && i < sizeof(inputs) / sizeof(inputs[0]); i++)
		r = set_all(image, inputs[i], &opts.single[i], 1, err);
	if (r == TRB_OK)
		r = set_all(image, "helper", opts.helpers.items, opts.helpers.n, err);
	if (r == TRB_OK)
		r = set_all(image, "package", opts.packages.items, opts.packages.n, err);
	if (r == TRB_OK)
		r = set_all(image, "runtime", opts.runtimes.items, opts.runtimes.n, err);
	if (r == TRB_OK)
		r = set_all(image, "ramdisk", opts.ramdisks.items, opts.ramdisks.n, err);
	if (r == TRB_OK && opts.fresh)
		r = trb_image_set(image, "fresh", "yes", err);
	return r;
}

static int print_json(const char *name, const trb_eif *eif, bool all)
{
	trb_blob *json = NULL;
	trb_error *err = NULL;
	int status = CLI_OK, r = all ? trb_eif_describe_json(eif, &json, &err)
				     : trb_eif_measurements_json(eif, &json, &err);

	if (r < 0)
		status = cli_error(name, err);
	else
		fwrite(trb_blob_bytes(json).ptr, 1, trb_blob_bytes(json).len, stdout);
	trb_blob_unref(json);
	trb_error_unref(err);
	return status;
}

static void print_pcrs(const trb_eif *eif, const char *indent)
{
	static const unsigned indexes[] = { 0, 1, 2, 8 };

	for (size_t i = 0; i < sizeof(indexes) / sizeof(indexes[0]); i++) {
		trb_bytes pcr = trb_eif_get_pcr(eif, indexes[i]);

		if (pcr.len == 0)
			continue;
		printf("%sPCR%u ", indent, indexes[i]);
		for (size_t k = 0; k < pcr.len; k++)
			printf("%02x", pcr.ptr[k]);
		putchar('\n');
	}
}

static void say_path(const char *path)
{
	char *safe = cli_escaped(cli_bytes(path));

	cli_say("image: %s", safe != NULL ? safe : "");
	free(safe);
}

static int build_with(trb_context *context)
{
	trb_image *image = NULL;
	trb_error *err = NULL;
	trb_eif *eif = NULL;
	int status = CLI_OK, r = trb_image_new(context, &image, &err);

	if (r == TRB_OK)
		r = set_inputs(image, &err);
	if (r == TRB_OK)
		r = trb_image_build(image, &eif, &err);
	cli_progress_end();
	if (r < 0) {
		status = cli_error(build_command.name, err);
	} else if (opts.json) {
		status = print_json(build_command.name, eif, false);
		putchar('\n');
	} else {
		say_path(trb_image_get_path(image));
		print_pcrs(eif, "");
	}
	trb_error_unref(err);
	trb_eif_unref(eif);
	trb_image_unref(image);
	return status;
}

static int image_build(int argc, char **argv)
{
	trb_context *context = NULL;
	int status, n;
	char **args;

	if (!cli_parse(&build_command, argc, argv, &args, &n, &status))
		return status;
	status = host_context(build_command.name, &context);
	if (status == CLI_OK) {
		host_catch_signals(context);
		status = build_with(context);
	}
	trb_context_unref(context);
	cli_list_clear(&opts.helpers);
	cli_list_clear(&opts.packages);
	cli_list_clear(&opts.ramdisks);
	cli_list_clear(&opts.runtimes);
	return status;
}

static const struct cli_option measure_options[] = {
	{ "json", NULL, "print JSON, in the form of nitro-cli", .flag = &opts.json },
	{ 0 },
};

static const struct cli_command measure_command = {
	.name = "tb-host image measure",
	.synopsis = "FILE… [--json]",
	.help = "Checks enclave images ('-': standard input) and prints their measurements, which "
		"a\n"
		"verifier's policy names.",
	.examples = "  tb-host image measure enclave.eif\n"
		    "  tb-host image measure --json enclave.eif | jq -r .Measurements.PCR0\n",
	.options = measure_options,
	.min_args = 1,
	.max_args = -1,
};

static const struct cli_option describe_options[] = {
	{ 0 },
};

static const struct cli_command describe_command = {
	.name = "tb-host image describe",
	.synopsis = "FILE…",
	.help = "Checks enclave images ('-': standard input) and prints everything about them as "
		"JSON:\n"
		"an object for one file, an array for several.",
	.examples = "  tb-host image describe enclave.eif\n",
	.options = describe_options,
	.min_args = 1,
	.max_args = -1,
};

/* One of the files; several get their names. */
struct shown {
	const struct cli_command *command;
	const char *path;
	bool first, alone;
};

static void show_text(const struct shown *s, const trb_eif *eif)
{
	if (!s->alone) {
		cli_escape(stdout, cli_bytes(s->path), false);
		putchar('\n');
	}
	print_pcrs(eif, s->alone ? "" : "  ");
}

/* What could not be read has its place in the array, too. */
static int show_json(const struct shown *s, const trb_eif *eif, const char *fault)
{
	int status = CLI_OK;

	if (!s->alone) {
		fputs(s->first ? "[\n{\"File\": " : ",\n{\"File\": ", stdout);
		cli_json_string(stdout, cli_bytes(s->path));
		fputs(", \"Error\": ", stdout);
		if (fault != NULL)
			cli_json_string(stdout, cli_bytes(fault));
		else
			fputs("null", stdout);
		fputs(", \"Image\": ", stdout);
	}
	if (eif != NULL)
		status = print_json(s->command->name, eif, s->command == &describe_command);
	else if (!s->alone)
		fputs("null", stdout);
	if (!s->alone)
		putchar('}');
	else if (eif != NULL)
		putchar('\n');
	return status;
}

/* The image, or NULL and why; what is wrong has been said. */
static trb_eif *open_image(const struct shown *s, trb_error **err)
{
	trb_eif *eif = NULL;
	int fd;

	if (cli_open_file(s->command->name, s->path, IMAGE_MAX, &fd) != CLI_OK)
		return NULL;
	if (trb_eif_open_fd(NULL, fd, &eif, err) < 0)
		cli_error_in(s->command->name, s->path, *err);
	close(fd);
	return eif;
}

static int show_file(const struct shown *s)
{
	trb_error *err = NULL;
	trb_eif *eif = open_image(s, &err);
	int status = eif != NULL ? CLI_OK : CLI_FAILED;
	const char *fault = err != NULL ? trb_error_message(err) : "it cannot be read";

	if (s->command == &describe_command || opts.json)
		status = show_json(s, eif, eif != NULL ? NULL : fault) != CLI_OK ? CLI_FAILED
										 : status;
	else if (eif != NULL)
		show_text(s, eif);
	if (eif != NULL)
		host_say_flags(s->command->name, s->path, eif);
	trb_error_unref(err);
	trb_eif_unref(eif);
	return status;
}

static int show(const struct cli_command *command, int argc, char **argv)
{
	int worst = CLI_OK, n, status;
	char **args;

	if (!cli_parse(command, argc, argv, &args, &n, &status))
		return status;
	for (int i = 0; i < n; i++) {
		status = show_file(&(struct shown){ command, args[i], i == 0, n == 1 });
		worst = status > worst ? status : worst;
	}
	if (n > 1 && (command == &describe_command || opts.json))
		puts("\n]");
	return cli_flush(command->name) == CLI_OK ? worst : CLI_FAILED;
}

static int image_measure(int argc, char **argv)
{
	return show(&measure_command, argc, argv);
}

static int image_describe(int argc, char **argv)
{
	return show(&describe_command, argc, argv);
}

static const struct cli_subcommand subcommands[] = {
	{ "build", "make an image", image_build },
	{ "measure", "print an image's measurements", image_measure },
	{ "describe", "print everything about an image as JSON", image_describe },
	{ 0 },
};

int cmd_image(int argc, char **argv)
{
	return cli_dispatch("tb-host image", "Enclave images: make, measure, describe.",
			    subcommands, argc, argv);
}
