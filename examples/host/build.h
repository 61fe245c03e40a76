/* SPDX-License-Identifier: Apache-2.0 */
/* tb-host build's parts. */
#ifndef TRB_EXAMPLES_HOST_BUILD_H
#define TRB_EXAMPLES_HOST_BUILD_H

#include <trustbuild/job.h>

#include "host/commands.h"

#define BUILD_PROGRAM   "tb-host build"
#define BUILD_TOKEN_MAX 4096u

struct build_token {
	char *url; /* NULL: the repository's own */
	size_t len;
	uint8_t bytes[BUILD_TOKEN_MAX];
};

/* The one line that a descriptor gives. */
int build_read_token(const struct cli_command *command, const char *option, const char *number,
		     struct build_token *ret);
/* Those of "URL=N"; *ret has list->n. */
int build_read_credentials(const struct cli_command *command, const struct cli_list *list,
			   struct build_token **ret);
void build_forget_credentials(struct build_token *all, size_t n);

/* Shows an event on standard error; simulated as the enclave's backend says of itself. */
void build_show_event(const trb_event *event, bool simulated);
/* Ends a line of the build's output that has no end. */
void build_end_output(void);
/* The results, below the directory out; log is NULL where they are in none. */
void build_print(const trb_job *job, const char *out, const char *log, bool json);

/* The log of that backend: what "local" names is made where it is not there yet, which is said.
 * Without make, *ret_log may stay NULL then. */
int build_open_log(trb_context *context, const char *name, bool make, trb_log **ret_log,
		   trb_error **err);

#endif
