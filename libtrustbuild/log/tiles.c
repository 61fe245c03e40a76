/* SPDX-License-Identifier: Apache-2.0 */
/* Roots, proofs and searches over tiles (tiles.h). */
#include "log/tiles.h"

#include "core/cleanup.h"
#include "core/error.h"
#include "format/merkle.h"

void trb_tiles_clear(struct trb_tiles *tiles)
{
	for (size_t i = 0; i < TRB_TILE_LEVELS; i++)
		tiles->cache[i].bytes = trb_blob_unref(tiles->cache[i].bytes);
}

static int cached(struct trb_tiles *tiles, unsigned level, uint64_t index, trb_bytes *ret,
		  trb_error **err)
{
	trb_blob *bytes = NULL;
	int r;

	if (tiles->cache[level].bytes == NULL || tiles->cache[level].index != index) {
		r = tiles->tile(tiles->user, level, index, tiles->size, &bytes, err);
		if (r < 0)
			return r;
		trb_blob_unref(tiles->cache[level].bytes);
		tiles->cache[level].bytes = bytes;
		tiles->cache[level].index = index;
	}
	*ret = trb_blob_bytes(tiles->cache[level].bytes);
	return TRB_OK;
}

/* Tree level 8 L + h is h levels above the hashes of tiles of level L. */
static int node(void *user, unsigned level, uint64_t index, uint8_t ret[32], trb_error **err)
{
	struct trb_tiles *tiles = user;
	unsigned height = level % 8, per_tile = TRB_TILE_WIDTH >> height;
	trb_bytes hashes;
	int r;

	if (level / 8 >= TRB_TILE_LEVELS)
		return trb_fail(err, TRB_E_INVAL, "no level %u", level);
	r = cached(tiles, level / 8, index / per_tile, &hashes, err);
	return r < 0 ? r : trb_tile_node(hashes, height, (unsigned)(index % per_tile), ret, err);
}

int trb_tiles_root(struct trb_tiles *tiles, uint8_t ret[32], trb_error **err)
{
	struct trb_merkle_source source = { node, tiles };

	return trb_merkle_root(&source, tiles->size, ret, err);
}

int trb_tiles_proof(struct trb_tiles *tiles, uint64_t index, struct trb_tlog_proof *ret,
		    trb_error **err)
{
	struct trb_merkle_source source = { node, tiles };

	*ret = (struct trb_tlog_proof){ .index = index };
	return trb_merkle_inclusion(&source, index, tiles->size, ret->hashes, &ret->n, err);
}

int trb_tiles_find(struct trb_tiles *tiles, const uint8_t leaf[32], uint64_t *ret, trb_error **err)
{
	for (uint64_t tile = 0; tile * TRB_TILE_WIDTH < tiles->size; tile++) {
		_cleanup_(trb_blob_unrefp) trb_blob *blob = NULL;
		int r = tiles->tile(tiles->user, 0, tile, tiles->size, &blob, err);
		trb_bytes hashes = trb_blob_bytes(blob);

		if (r < 0)
			return r;
		for (unsigned i = 0; i < hashes.len / 32; i++) {
			if (memcmp(hashes.ptr + 32 * i, leaf, 32) != 0)
				continue;
			*ret = tile * TRB_TILE_WIDTH + i;
			return TRB_OK;
		}
	}
	*ret = tiles->size;
	return TRB_OK;
}
