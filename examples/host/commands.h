/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of tb-host, and what they share. */
#ifndef TRB_EXAMPLES_HOST_COMMANDS_H
#define TRB_EXAMPLES_HOST_COMMANDS_H

#include <trustbuild/eif.h>
#include <trustbuild/job.h>

#include "common/cli.h"

int cmd_build(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_image(int argc, char **argv);
int cmd_log(int argc, char **argv);
int cmd_policy(int argc, char **argv);

/* A context with progress on standard error and the folders that the environment names
 * (TRUSTBUILD_LIBEXEC).  CLI_OK, or CLI_FAILED after saying why. */
int host_context(const char *program, trb_context **ret_context);

/* Says it where the image's measurements may be others on hardware than by the formula. */
void host_say_flags(const char *program, const char *path, const trb_eif *eif);

/* From here on the first signal that asks to end makes what works with the context end soon, with
 * an error and without leaving anything; the second one ends the program.  What is ignored already
 * stays so, as nohup has it.  SIGALRM counts as such a signal. */
void host_catch_signals(trb_context *context);
/* The job that a signal cancels, too; NULL: none. */
extern trb_job *volatile host_job;

#endif
