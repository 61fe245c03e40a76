/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "verifier/commands.h"

static const struct cli_subcommand commands[] = {
	{ "batch", "verify many artifacts on all cores", cmd_batch },
	{ "document", "judge bare NSM documents", cmd_document },
	{ "inspect", "show a bundle or a document without judging it", cmd_inspect },
	{ 0 },
};

int main(int argc, char **argv)
{
	for (const struct cli_subcommand *c = commands; argc > 1 && c->name != NULL; c++)
		if (strcmp(argv[1], c->name) == 0)
			return c->run(argc - 1, argv + 1);
	return cmd_verify(argc, argv);
}
