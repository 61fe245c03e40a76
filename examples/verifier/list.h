/* SPDX-License-Identifier: Apache-2.0 */
/* A batch's list, as lines or as names that end with NUL: every byte of it is a name's or ends one,
 * so that no artifact is passed over. */
#ifndef TRB_EXAMPLES_VERIFIER_LIST_H
#define TRB_EXAMPLES_VERIFIER_LIST_H

#include "common/cli.h"

struct list {
	const char *program;
	trb_bytes rest; /* what has not been read yet */
	size_t number;  /* of the last entry */
	bool nul;
	unsigned fields; /* of an entry whose names end with NUL */
};

/* NULL: left out. */
struct list_entry {
	char *text; /* owns the others */
	const char *artifact, *bundle, *name;
};
void list_entry_clear(struct list_entry *entry);

/* The next entry of a list that has more.  CLI_OK, or what to leave with after saying why. */
int list_take(struct list *list, struct list_entry *ret);
/* Says what is wrong with the last entry; gives CLI_USAGE. */
int list_fault(const struct list *list, const char *why);

#endif
