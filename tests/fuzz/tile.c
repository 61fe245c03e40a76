/* SPDX-License-Identifier: Apache-2.0 */
/* Paths of tiles, entry bundles, tiles. */
#include <stdlib.h>

#include "format/tile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	trb_bytes in = TRB_BYTES(data, size), rest = in, entry;
	char path[TRB_TILE_PATH];
	struct trb_tile tile;
	uint8_t hash[32];
	size_t total = 0;

	if (trb_tile_parse_path(in, &tile)) {
		trb_tile_path(&tile, path);
		if (!trb_bytes_eq_str(in, path) || tile.width == 0 || tile.width > TRB_TILE_WIDTH)
			abort();
	}
	while (trb_tile_next_entry(&rest, &entry))
		total += 2 + entry.len;
	if (total + rest.len != size)
		abort();
	for (unsigned height = 0; height <= 9; height++)
		trb_tile_node(in, height, size > 0 ? data[0] : 0, hash, NULL);
	trb_tile_entry(in, size > 0 ? data[0] : 0, 0, &entry, NULL);
	return 0;
}
