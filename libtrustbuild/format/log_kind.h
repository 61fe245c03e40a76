/* SPDX-License-Identifier: Apache-2.0 */
/* Kinds of logs, as a bundle's entries name them: what of the bundle is the leaf, and how an entry
 * proves that it is there.  Clients of logs and the verifier read the same table. */
#ifndef TRB_FORMAT_LOG_KIND_H
#define TRB_FORMAT_LOG_KIND_H

#include "format/bundle.h"
#include "format/note.h"

struct trb_log_kind {
	const char *name;
	/* The leaf's bytes, made anew from the bundle's parts.  Errors: TRB_E_LIMIT, TRB_E_NOMEM.
	 */
	int (*leaf)(const struct trb_bundle_parts *parts, trb_blob **ret, trb_error **err);
	/* Whether the entry proves that leaf is under the checkpoint, which was opened from the
	 * entry's own note.  Errors: TRB_E_LOG with check id "log.inclusion", TRB_E_NOMEM. */
	int (*prove)(const struct trb_bundle_log *entry, const struct trb_checkpoint *checkpoint,
		     trb_bytes leaf, trb_error **err);
};
extern const struct trb_log_kind trb_log_kind_tlog; /* any C2SP log; leaf of docs/spec/log.md */

/* NULL where this release does not know the kind. */
const struct trb_log_kind *trb_log_kind_find(trb_bytes name);
/* The names of all, for people: "tlog". */
const char *trb_log_kinds(void);

#endif
