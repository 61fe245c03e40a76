/* SPDX-License-Identifier: Apache-2.0 */
/* tb-host image: make, measure and describe enclave images. */
#include <stdlib.h>
#include <string.h>

#include <trustbuild/image.h>

#include "host/commands.h"

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

static int print_blob(const char *name, int r, trb_blob *json, trb_error *err)
{
	int status = CLI_OK;

	if (r < 0) {
		status = cli_error(name, err);
	} else {
		fwrite(trb_blob_bytes(json).ptr, 1, trb_blob_bytes(json).len, stdout);
		putchar('\n');
	}
	trb_blob_unref(json);
	trb_error_unref(err);
	return status;
}

static int print_json(const char *name, const trb_eif *eif, bool all)
{
	trb_blob *json = NULL;
	trb_error *err = NULL;
	int r = all ? trb_eif_describe_json(eif, &json, &err)
		    : trb_eif_measurements_json(eif, &json, &err);

	return print_blob(name, r, json, err);
}

static void print_pcrs(const trb_eif *eif)
{
	static const unsigned indexes[] = { 0, 1, 2, 8 };

	for (size_t i = 0; i < sizeof(indexes) / sizeof(indexes[0]); i++) {
		trb_bytes pcr = trb_eif_get_pcr(eif, indexes[i]);

		if (pcr.len == 0)
			continue;
		printf("PCR%u ", indexes[i]);
		for (size_t k = 0; k < pcr.len; k++)
			printf("%02x", pcr.ptr[k]);
		putchar('\n');
	}
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
	} else {
		cli_say("image: %s", trb_image_get_path(image));
		print_pcrs(eif);
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
	{ "json", NULL, "print JSON, with the names of nitro-cli", .flag = &opts.json },
	{ 0 },
};

static const struct cli_command measure_command = {
	.name = "tb-host image measure",
	.synopsis = "FILE [--json]",
	.help = "Checks an enclave image and prints its measurements, which a verifier's policy "
		"names.",
	.examples = "  tb-host image measure enclave.eif\n",
	.options = measure_options,
	.min_args = 1,
	.max_args = 1,
};

static const struct cli_option describe_options[] = {
	{ 0 },
};

static const struct cli_command describe_command = {
	.name = "tb-host image describe",
	.synopsis = "FILE",
	.help = "Checks an enclave image and prints everything about it as JSON.",
	.examples = "  tb-host image describe enclave.eif\n",
	.options = describe_options,
	.min_args = 1,
	.max_args = 1,
};

static int show(const struct cli_command *command, int argc, char **argv)
{
	bool all = command == &describe_command;
	trb_error *err = NULL;
	trb_eif *eif = NULL;
	int status = CLI_OK, n;
	char **args;

	if (!cli_parse(command, argc, argv, &args, &n, &status))
		return status;
	if (trb_eif_open(NULL, args[0], &eif, &err) < 0)
		status = cli_error(command->name, err);
	else if (all || opts.json)
		status = print_json(command->name, eif, all);
	else
		print_pcrs(eif);
	trb_error_unref(err);
	trb_eif_unref(eif);
	return status;
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
