/* SPDX-License-Identifier: Apache-2.0 */
/* Tiles and entry bundles of a log: paths, widths, contents. */
#include "format/tile.h"

#include <stdio.h>

#include "core/error.h"
#include "format/merkle.h"

void trb_tile_path(const struct trb_tile *tile, char path[TRB_TILE_PATH])
{
	unsigned groups[7];
	size_t n = 0, used;
	uint64_t rest = tile->index;

	do {
		groups[n++] = (unsigned)(rest % 1000);
		rest /= 1000;
	} while (rest > 0 && n < 7);
	used = tile->entries ? (size_t)snprintf(path, TRB_TILE_PATH, "tile/entries")
			     : (size_t)snprintf(path, TRB_TILE_PATH, "tile/%u", tile->level % 64);
	while (n-- > 0)
		used += (size_t)snprintf(path + used, TRB_TILE_PATH - used, "/%s%03u",
					 n > 0 ? "x" : "", groups[n]);
	if (tile->width < TRB_TILE_WIDTH)
		snprintf(path + used, TRB_TILE_PATH - used, ".p/%u", tile->width);
}

/* Up to three digits that go on top of *value. */
static bool take_number(trb_bytes *text, size_t min, size_t max, uint64_t *value)
{
	size_t n = 0;

	while (n < max && n < text->len && text->ptr[n] >= '0' && text->ptr[n] <= '9') {
		*value = *value * 10 + (uint64_t)(text->ptr[n] - '0');
		n++;
	}
	trb_bytes_take(text, n);
	return n >= min;
}

static bool take(trb_bytes *text, const char *word)
{
	size_t n = strlen(word);

	if (text->len < n || memcmp(text->ptr, word, n) != 0)
		return false;
	trb_bytes_take(text, n);
	return true;
}

static bool take_level(trb_bytes *text, struct trb_tile *tile)
{
	uint64_t level = 0;

	tile->entries = take(text, "entries");
	if (tile->entries)
		return true;
	if (!take_number(text, 1, 2, &level) || level > 63)
		return false;
	tile->level = (unsigned)level;
	return true;
}

static bool take_index(trb_bytes *text, uint64_t *index)
{
	unsigned groups = 1;

	while (take(text, "/x"))
		if (++groups > 6 || !take_number(text, 3, 3, index))
			return false;
	return take(text, "/") && take_number(text, 3, 3, index);
}

bool trb_tile_parse_path(trb_bytes path, struct trb_tile *ret)
{
	struct trb_tile tile = { .width = TRB_TILE_WIDTH };
	trb_bytes rest = path;
	char again[TRB_TILE_PATH];
	uint64_t width = 0;

	if (path.len >= TRB_TILE_PATH || !take(&rest, "tile/") || !take_level(&rest, &tile) ||
	    !take_index(&rest, &tile.index))
		return false;
	if (take(&rest, ".p/")) {
		if (!take_number(&rest, 1, 3, &width) || width == 0 || width >= TRB_TILE_WIDTH)
			return false;
		tile.width = (unsigned)width;
	}
	/* leading zeros, needless groups and what is left over come back as another path */
	trb_tile_path(&tile, again);
	if (!trb_bytes_eq_str(path, again))
		return false;
	*ret = tile;
	return true;
}

unsigned trb_tile_width(unsigned level, uint64_t index, uint64_t size)
{
	uint64_t nodes = level < 8 ? size >> (8 * level) : 0;

	if (index >= (UINT64_C(1) << 56) || nodes <= index * TRB_TILE_WIDTH)
		return 0;
	nodes -= index * TRB_TILE_WIDTH;
	return nodes < TRB_TILE_WIDTH ? (unsigned)nodes : TRB_TILE_WIDTH;
}

int trb_tile_node(trb_bytes hashes, unsigned height, unsigned position, uint8_t ret[32],
		  trb_error **err)
{
	uint8_t work[TRB_TILE_WIDTH][32];
	size_t n = (size_t)1 << height;
	int r = TRB_OK;

	if (height > 8 || hashes.len / 32 / n <= position)
		return trb_fail(err, TRB_E_INVAL, "no such subtree in a tile of %zu hashes",
				hashes.len / 32);
	memcpy(work, hashes.ptr + position * n * 32, n * 32);
	for (; n > 1; n /= 2)
		for (size_t i = 0; i < n / 2 && r == TRB_OK; i++)
			r = trb_merkle_node(work[2 * i], work[2 * i + 1], work[i], err);
	if (r == TRB_OK)
		memcpy(ret, work[0], 32);
	return r;
}

bool trb_tile_next_entry(trb_bytes *bundle, trb_bytes *ret_entry)
{
	trb_bytes rest = *bundle, head = trb_bytes_take(&rest, 2);
	size_t n;

	if (head.ptr == NULL)
		return false;
	n = (size_t)head.ptr[0] << 8 | head.ptr[1];
	if (n > rest.len)
		return false;
	*ret_entry = trb_bytes_take(&rest, n);
	*bundle = rest;
	return true;
}

int trb_tile_entry(trb_bytes bundle, unsigned width, unsigned number, trb_bytes *ret,
		   trb_error **err)
{
	trb_bytes entry = TRB_BYTES_NULL, found = TRB_BYTES_NULL;

	if (number >= width)
		return trb_fail(err, TRB_E_INVAL, "entry %u of %u", number, width);
	for (unsigned i = 0; i < width; i++) {
		if (!trb_tile_next_entry(&bundle, &entry))
			return trb_fail(err, TRB_E_FORMAT,
					"the entry bundle ends after %u of %u entries", i, width);
		if (i == number)
			found = entry;
	}
	if (bundle.len > 0)
		return trb_fail(err, TRB_E_FORMAT, "%zu bytes behind the %u entries of a bundle",
				bundle.len, width);
	*ret = found;
	return TRB_OK;
}
