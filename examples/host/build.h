/* SPDX-License-Identifier: Apache-2.0 */
/* tb-host build's parts. */
#ifndef TRB_EXAMPLES_HOST_BUILD_H
#define TRB_EXAMPLES_HOST_BUILD_H

#include <trustbuild/log.h>
#include <trustbuild/session.h>

#include "host/commands.h"

#define BUILD_PROGRAM    "tb-host build"
#define BUILD_UNATTESTED "unattested" /* folder of what the steps after attestation made */

/* What a session leaves in the staging directory. */
struct build_file {
	char *name; /* as attested */
	char *path; /* where it ends up, below the output directory */
	uint64_t size;
	bool attested;
};
struct build_files {
	struct build_file *items;
	size_t n;
};

struct build_result {
	trb_bundle *bundle;
	struct build_files files;
	char *bundle_path;
	char commit[65];
	char *log; /* the log's backend, NULL: published nowhere */
};
void build_result_clear(struct build_result *result);

/* Shows an event on standard error and keeps what matters.  false when out of memory. */
bool build_take_event(struct build_result *result, const trb_event *event);
/* Ends a line of the build's output that has no end. */
void build_end_output(void);

/* Says that there is no memory left; gives CLI_FAILED. */
int build_no_memory(void);

/* The output directory: made where it is missing; empty unless force says otherwise.  CLI_OK, or
 * after saying why another exit status. */
int build_check_output(const char *out, bool force);
/* A staging directory inside it, locked. */
int build_open_output(const char *out, char **ret_staging, int *ret_fd);
/* Decides on the path of each file and of the bundle: no two meet.  false when out of memory. */
bool build_place(struct build_result *result, const char *out);
/* Saves the bundle, then moves the files to their places.  CLI_OK or CLI_FAILED. */
int build_save(struct build_result *result, const char *out, const char *staging);
int build_save_bundle(const struct build_result *result);
void build_drop_staging(const char *staging);

/* Can the bundle be published there, as far as that can be said before there is one?  CLI_OK, or
 * CLI_FAILED after saying why not. */
int build_check_log(trb_context *context, const char *log);
/* Publishes the bundle and saves the new one.  CLI_OK or CLI_FAILED. */
int build_publish(trb_context *context, const char *log, struct build_result *result);

void build_print(const struct build_result *result, bool json);

#endif
