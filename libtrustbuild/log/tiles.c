/* SPDX-License-Identifier: Apache-2.0 */
#include "format/merkle.h"
#include "log/local.h"

void trb_local_tree_clear(struct trb_local_tree *tree)
{
	for (size_t i = 0; i < TRB_TILE_LEVELS; i++)
		tree->cache[i].bytes = trb_blob_unref(tree->cache[i].bytes);
}

static int cached(struct trb_local_tree *tree, unsigned level, uint64_t index, trb_bytes *ret,
		  trb_error **err)
{
	trb_blob *bytes = NULL;
	int r;

	if (tree->cache[level].bytes == NULL || tree->cache[level].index != index) {
		r = trb_local_tile(tree->log, level, index, tree->size, &bytes, err);
		if (r < 0)
			return r;
		trb_blob_unref(tree->cache[level].bytes);
		tree->cache[level].bytes = bytes;
		tree->cache[level].index = index;
	}
	*ret = trb_blob_bytes(tree->cache[level].bytes);
	return TRB_OK;
}

/* Tree level 8 L + h is h levels above the hashes of tiles of level L. */
static int node(void *user, unsigned level, uint64_t index, uint8_t ret[32], trb_error **err)
{
	struct trb_local_tree *tree = user;
	unsigned height = level % 8, per_tile = TRB_TILE_WIDTH >> height;
	trb_bytes hashes;
	int r;

	if (level / 8 >= TRB_TILE_LEVELS)
		return trb_fail(err, TRB_E_INVAL, "no level %u", level);
	r = cached(tree, level / 8, index / per_tile, &hashes, err);
	return r < 0 ? r : trb_tile_node(hashes, height, (unsigned)(index % per_tile), ret, err);
}

int trb_local_tree_root(struct trb_local_tree *tree, uint8_t ret[32], trb_error **err)
{
	struct trb_merkle_source source = { node, tree };

	return trb_merkle_root(&source, tree->size, ret, err);
}

int trb_local_tree_proof(struct trb_local_tree *tree, uint64_t index, struct trb_tlog_proof *ret,
			 trb_error **err)
{
	struct trb_merkle_source source = { node, tree };

	*ret = (struct trb_tlog_proof){ .index = index };
	return trb_merkle_inclusion(&source, index, tree->size, ret->hashes, &ret->n, err);
}

int trb_local_tree_find(struct trb_local_tree *tree, const uint8_t leaf[32], uint64_t *ret,
			trb_error **err)
{
	for (uint64_t tile = 0; tile * TRB_TILE_WIDTH < tree->size; tile++) {
		_cleanup_(trb_blob_unrefp) trb_blob *blob = NULL;
		int r = trb_local_tile(tree->log, 0, tile, tree->size, &blob, err);
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
	*ret = tree->size;
	return TRB_OK;
}
