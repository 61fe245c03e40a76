/* SPDX-License-Identifier: Apache-2.0 */
/* The log as a directory (docs/spec/log.md):
 *
 *   DIR/checkpoint  DIR/tile/...   what is served
 *   DIR/.state/     lock, tree (size and root of what is integrated), scratch
 *   DIR.key         the private key; DIR.vkey the public one
 *
 * A writer holds the lock and goes: entry bundle, tiles from the leaves up, tree, checkpoint, each
 * file whole and on disk before the next.  What stands beyond tree's size was left by a writer that
 * died, and is written over; a checkpoint behind tree is signed again by the next writer. */
#ifndef TRB_LOG_LOCAL_H
#define TRB_LOG_LOCAL_H

#include "core/conf.h"
#include "log/backend.h"
#include "log/tiles.h"

struct trb_local {
	trb_context *context;
	char *dir, *key_path;
	int fd; /* DIR */
	struct trb_vkey key;
};

/* local_store.c: files of the directory.  Paths are relative to DIR. */
int trb_local_lock(struct trb_local *log, int *ret_fd, trb_error **err);
/* Needs the lock: makes folders as needed, replaces the file whole, all of it on disk. */
int trb_local_put(struct trb_local *log, const char *path, trb_bytes bytes, trb_error **err);
/* A tile of the tree of size entries, of exactly the width it has there: the partial one, or the
 * beginning of the full one. */
int trb_local_tile(struct trb_local *log, unsigned level, uint64_t index, uint64_t size,
		   trb_blob **ret, trb_error **err);
int trb_local_bundle(struct trb_local *log, uint64_t index, uint64_t size, trb_blob **ret,
		     trb_error **err);

/* A view of the tree of size entries. */
struct trb_tiles trb_local_tiles(struct trb_local *log, uint64_t size);

/* The newest checkpoint, not verified. */
int trb_local_checkpoint(void *self, trb_blob **ret, trb_error **err);

/* local_key.c */
int trb_local_make_key(const struct trb_local *log, EVP_PKEY **ret, trb_error **err);
int trb_local_read_key(const struct trb_local *log, EVP_PKEY **ret, trb_error **err);
/* The public key of a log of this name; of a name that is made of the key, where origin is NULL. */
int trb_local_public_key(EVP_PKEY *key, const char *origin, struct trb_vkey *ret, trb_error **err);
/* The private key that belongs to the log's public one. */
int trb_local_own_key(const struct trb_local *log, EVP_PKEY **ret, trb_error **err);

/* local_write.c: signs what tree says, and puts it where it is served. */
int trb_local_put_checkpoint(struct trb_local *log, const struct trb_checkpoint *tree,
			     trb_blob **ret, trb_error **err);
int trb_local_put_tree(struct trb_local *log, const struct trb_checkpoint *tree, trb_error **err);
int trb_local_append(void *self, const trb_bytes *leaves, size_t n, struct trb_log_place *ret,
		     trb_error **err);
int trb_local_cosign(void *self, trb_bytes text, trb_bytes lines, trb_blob **ret_checkpoint,
		     trb_error **err);

#endif
