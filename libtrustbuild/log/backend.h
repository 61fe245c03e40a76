/* SPDX-License-Identifier: Apache-2.0 */
/* What a log backend does; log.c chooses one by name and never falls back to another. */
#ifndef TRB_LOG_BACKEND_H
#define TRB_LOG_BACKEND_H

#include <trustbuild/log.h>

#include "core/conf.h"
#include "format/log_kind.h"

/* A leaf's place under a checkpoint that the log signed. */
struct trb_log_place {
	struct trb_tlog_proof proof;
	trb_blob *checkpoint; /* proof.checkpoint points into it */
};
void trb_log_place_clear(struct trb_log_place *place);

#define TRB_LOG_BATCH 256u /* leaves at once */

struct trb_log_backend {
	const char *name;
	const char *const *keys;         /* of its conf, NULL-terminated */
	const struct trb_log_kind *kind; /* of the entries that bundles get */
	int (*init)(trb_context *context, const struct trb_conf *conf, const char *origin,
		    struct trb_vkey *ret_vkey, trb_error **err);
	int (*open)(trb_context *context, const struct trb_conf *conf, void **ret_self,
		    struct trb_vkey *ret_vkey, trb_error **err);
	void (*close)(void *self);
	/* The newest checkpoint, not verified. */
	int (*checkpoint)(void *self, trb_blob **ret, trb_error **err);
	/* The entry and its inclusion proof in the tree of size entries, neither verified. */
	int (*entry)(void *self, uint64_t index, uint64_t size, trb_blob **ret_entry,
		     struct trb_tlog_proof *ret_proof, trb_error **err);
	/* Any leaves, in their order, under one new checkpoint; durable when it returns.  A leaf
	 * that is there already keeps its place.  1 to TRB_LOG_BATCH of them; ret has room for n
	 * places, which the caller clears. */
	int (*append)(void *self, const trb_bytes *leaves, size_t n, struct trb_log_place *ret,
		      trb_error **err);
	/* Adds lines of witnesses' cosignatures to the newest checkpoint, as long as its text is
	 * that of text; they are served and handed out with it from then on.  NULL: not supported.
	 * Errors: TRB_E_STATE where the log has grown, TRB_E_FORMAT, TRB_E_LIMIT, TRB_E_IO. */
	int (*cosign)(void *self, trb_bytes text, trb_bytes lines, trb_blob **ret_checkpoint,
		      trb_error **err);
};
extern const struct trb_log_backend trb_log_local;

#endif
