/* SPDX-License-Identifier: Apache-2.0 */
/* The way down a commit graph: along first parents where that leads there, else a shortest one. */
#ifndef TRB_LIBEXEC_FETCH_HISTORY_H
#define TRB_LIBEXEC_FETCH_HISTORY_H

#include "format/facts.h"

struct fetch;
struct fetch_store;

/* The commits from tip down to commit, without commit itself; the caller frees them.  Errors:
 * TRB_E_AGAIN where the history that is there does not decide it, and TRB_E_NOTFOUND where commit
 * is not in it, both without an error; TRB_E_LIMIT where more commits than the limit says had to be
 * looked at, TRB_E_FORMAT, TRB_E_NOMEM. */
int history_find(struct fetch *f, const struct fetch_store *store, const struct trb_commit *tip,
		 const struct trb_commit *commit, struct trb_commit **ret, size_t *ret_n,
		 trb_error **err);

#endif
