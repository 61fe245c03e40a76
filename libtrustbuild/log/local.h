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
#include "format/tile.h"
#include "log/backend.h"

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

/* local_tree.c: hashes of the tree of size entries, out of its tiles. */
struct trb_local_tree {
	struct trb_local *log;
	uint64_t size;
	struct {
		trb_blob *bytes;
		uint64_t index;
	} cache[TRB_TILE_LEVELS];
};
void trb_local_tree_clear(struct trb_local_tree *tree);
int trb_local_tree_root(struct trb_local_tree *tree, uint8_t ret[32], trb_error **err);
int trb_local_tree_proof(struct trb_local_tree *tree, uint64_t index, struct trb_tlog_proof *ret,
			 trb_error **err);
/* The first entry with this leaf hash, or size. */
int trb_local_tree_find(struct trb_local_tree *tree, const uint8_t leaf[32], uint64_t *ret,
			trb_error **err);

#endif
