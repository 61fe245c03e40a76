/* SPDX-License-Identifier: Apache-2.0 */
/* Tiles of a log: c2sp.org/tlog-tiles v0.1.0.  A tile of level L holds up to 256 hashes of tree
 * level 8 L; an entry bundle holds up to 256 entries, each u16be length and data. */
#ifndef TRB_FORMAT_TILE_H
#define TRB_FORMAT_TILE_H

#include "core/buffer.h"

#define TRB_TILE_WIDTH  256u
#define TRB_TILE_BYTES  (TRB_TILE_WIDTH * 32u)
#define TRB_TILE_LEVELS 8u /* enough for 2^62 entries */
#define TRB_TILE_PATH   64u
/* 256 entries of 65,535 bytes. */
#define TRB_ENTRY_BUNDLE_BYTES (TRB_TILE_WIDTH * (2u + 65535u))

struct trb_tile {
	bool entries; /* an entry bundle, level 0 */
	unsigned level;
	uint64_t index;
	unsigned width; /* 1 .. 256 */
};
/* "tile/1/x001/067.p/12", "tile/entries/000". */
void trb_tile_path(const struct trb_tile *tile, char path[TRB_TILE_PATH]);
/* Only what trb_tile_path() writes. */
bool trb_tile_parse_path(trb_bytes path, struct trb_tile *ret);
/* How many hashes (entries) tile index of this level has in a tree of size entries: 0 .. 256. */
unsigned trb_tile_width(unsigned level, uint64_t index, uint64_t size);

/* The root of the full subtree of 1 << height leaves of the tile, the position-th of its kind.
 * Errors: TRB_E_INVAL where the tile's hashes do not hold it. */
int trb_tile_node(trb_bytes hashes, unsigned height, unsigned position, uint8_t ret[32],
		  trb_error **err);
/* Takes the next entry off an entry bundle; false where it is malformed. */
bool trb_tile_next_entry(trb_bytes *bundle, trb_bytes *ret_entry);
/* Entry number of a bundle that holds exactly width entries.  Errors: TRB_E_FORMAT. */
int trb_tile_entry(trb_bytes bundle, unsigned width, unsigned number, trb_bytes *ret,
		   trb_error **err);

#endif
