/* SPDX-License-Identifier: Apache-2.0 */
/* tb-verify: which command is meant. */
#include <string.h>

#include "verifier/commands.h"

static const struct cli_subcommand commands[] = {
	{ "batch", "verify many artifacts on all cores", cmd_batch },
	{ "document", "judge bare NSM documents", cmd_document },
	{ "inspect", "show a bundle or a document without judging it", cmd_inspect },
	{ 0 },
};

/* The help of everything, or of one command; it is asked for in these words alone, because a file
 * may have this name. */
static bool asks_for_help(int argc, char **argv)
{
	if (argc < 2 || argc > 3 || strcmp(argv[1], "help") != 0)
		return false;
	return argc == 2 || argv[2][0] != '-';
}

static int help(int argc, char **argv)
{
	char *all[] = { argv[0], (char *)"--help", NULL };

	for (const struct cli_subcommand *c = commands; argc > 2 && c->name != NULL; c++)
		if (strcmp(argv[2], c->name) == 0)
			return c->run(2, all);
	return cmd_verify(2, all);
}

int main(int argc, char **argv)
{
	if (asks_for_help(argc, argv))
		return help(argc, argv);
	if (argc > 2 && strcmp(argv[1], "verify") == 0 && argv[2][0] != '-')
		return cli_usage("tb-verify", "there is no command 'verify'; usage: tb-verify "
					      "ARTIFACT --bundle FILE --policy FILE");
	for (const struct cli_subcommand *c = commands; argc > 1 && c->name != NULL; c++)
		if (strcmp(argv[1], c->name) == 0)
			return c->run(argc - 1, argv + 1);
	return cmd_verify(argc, argv);
}
