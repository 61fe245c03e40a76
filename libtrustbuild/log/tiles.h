/* SPDX-License-Identifier: Apache-2.0 */
/* Hashes of a log's tree, out of its tiles, wherever those lie: a folder, a server, a cache. */
#ifndef TRB_LOG_TILES_H
#define TRB_LOG_TILES_H

#include "format/note.h"
#include "format/tile.h"

struct trb_tiles {
	/* A tile of the tree of size entries, of exactly the width that it has there. */
	int (*tile)(void *user, unsigned level, uint64_t index, uint64_t size, trb_blob **ret,
		    trb_error **err);
	void *user;
	uint64_t size;
	struct {
		trb_blob *bytes;
		uint64_t index;
	} cache[TRB_TILE_LEVELS];
};
/* Drops what is remembered; the tree may then be another size. */
void trb_tiles_clear(struct trb_tiles *tiles);
int trb_tiles_root(struct trb_tiles *tiles, uint8_t ret[32], trb_error **err);
int trb_tiles_proof(struct trb_tiles *tiles, uint64_t index, struct trb_tlog_proof *ret,
		    trb_error **err);
/* The first entry with this leaf hash, or size. */
int trb_tiles_find(struct trb_tiles *tiles, const uint8_t leaf[32], uint64_t *ret, trb_error **err);

#endif
