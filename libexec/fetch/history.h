/* SPDX-License-Identifier: Apache-2.0 */
/* A shortest way down a commit graph. */
#ifndef TRB_LIBEXEC_HISTORY_H
#define TRB_LIBEXEC_HISTORY_H

#include <git2.h>

#include "format/facts.h"

/* The commits from tip down to commit, without commit itself; the caller frees them.  Errors:
 * TRB_E_NOTFOUND where commit is not in tip's history, TRB_E_LIMIT where more than max commits had
 * to be looked at, TRB_E_FORMAT, TRB_E_NOMEM. */
int history_find(git_odb *odb, const struct trb_commit *tip, const struct trb_commit *commit,
		 uint64_t max, struct trb_commit **ret, size_t *ret_n, trb_error **err);

#endif
