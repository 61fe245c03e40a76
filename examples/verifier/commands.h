/* SPDX-License-Identifier: Apache-2.0 */
/* tb-verify's subcommands, one a file. */
#ifndef TRB_EXAMPLES_VERIFIER_COMMANDS_H
#define TRB_EXAMPLES_VERIFIER_COMMANDS_H

#include "common/cli.h"

int cmd_document(int argc, char **argv);

#endif
