/* SPDX-License-Identifier: Apache-2.0 */
/* tb-host policy init: where the values come from, and what is written. */
#ifndef TRB_EXAMPLES_HOST_POLICY_H
#define TRB_EXAMPLES_HOST_POLICY_H

#include <cjson/cJSON.h>

#include "common/cli.h"

#define DRAFT_NAME "tb-host policy init"

/* One value of the policy, for the reader: what it is, where it came from, what it decides. */
struct draft_note {
	const char *section;
	char *origin;
	const char *decision; /* NULL: no trust decision */
};

/* A policy in the making. */
struct draft {
	cJSON *policy;   /* what a person has given, or what was measured here */
	cJSON *proposed; /* what evidence says of itself; NULL where nothing does */
	struct draft_note notes[16];
	size_t n_notes;
};
/* Before anything else: from here on cJSON's want of memory is minded. */
void draft_begin(void);
/* Says what is wrong with a file; CLI_FAILED. */
int draft_refuse(const char *path, const char *why);
/* There was no memory elsewhere, either: nothing is written. */
void draft_exhausted(void);
void draft_clear(struct draft *draft);
/* item is taken over, also where there is no memory; false then. */
bool draft_add(struct draft *draft, bool proposed, const char *section, cJSON *item,
	       const char *decision, const char *fmt, ...) __attribute__((format(printf, 6, 7)));

/* Each adds measurements, and from a bundle more, as they are read.  CLI_OK, or what to leave with
 * after saying why. */
int draft_from_eif(struct draft *draft, const char *path, const char *name);
int draft_from_description(struct draft *draft, const char *path, const char *name);
int draft_from_bundle(struct draft *draft, const char *path, const char *name);
/* {"simulated": SHA-256} of the one certificate in a file, PEM or DER. */
int draft_root(const char *path, cJSON **ret);
cJSON *draft_root_of(trb_bytes der);

/* Writes the policy, or prints it where path is NULL, and the comments beside it.  A policy that
 * somebody has reviewed is not replaced without force. */
int draft_write(const struct draft *draft, const char *path, bool force);

#endif
