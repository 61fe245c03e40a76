/* SPDX-License-Identifier: Apache-2.0 */
/* tb-host: which command is meant. */
#include "host/commands.h"

static const struct cli_subcommand commands[] = {
	{ "build", "build a commit in an enclave, with evidence", cmd_build },
	{ "doctor", "say what this machine lacks, and how to get it", cmd_doctor },
	{ "image", "make, measure and describe enclave images", cmd_image },
	{ "log", "make, fill and show a transparency log", cmd_log },
	{ "policy", "write a first policy for a verifier", cmd_policy },
	{ 0 },
};

int main(int argc, char **argv)
{
	return cli_dispatch(
		"tb-host", "Builds software in an enclave so that others can check what was built.",
		commands, argc, argv);
}
