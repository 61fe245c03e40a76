/* SPDX-License-Identifier: Apache-2.0 */
/* tb-verify's subcommands, one a file, and what they share. */
#ifndef TRB_EXAMPLES_VERIFIER_COMMANDS_H
#define TRB_EXAMPLES_VERIFIER_COMMANDS_H

#include <trustbuild/verify.h>

#include "common/cli.h"

int cmd_batch(int argc, char **argv);
int cmd_document(int argc, char **argv);
int cmd_inspect(int argc, char **argv);
/* The program without a subcommand. */
int cmd_verify(int argc, char **argv);

/* Files are read beyond the library's own ceilings, so that it says so. */
#define BUNDLE_READ_MAX (4u * 1024 * 1024 + 1)
#define POLICY_READ_MAX (1u * 1024 * 1024)

/* Demands that options add to the policy's; NULL where an option is absent. */
struct demands {
	const char *policy, *repository, *commit, *nonce, *entry, *now;
};
/* A verifier with all of them.  CLI_OK, or what to leave with after saying why. */
int demands_verifier(const struct cli_command *command, const struct demands *demands,
		     trb_verifier **ret);

#endif
