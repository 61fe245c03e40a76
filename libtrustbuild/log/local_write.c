/* SPDX-License-Identifier: Apache-2.0 */
/* The writer of a local log: what grows, in which order, and what it refuses (local.h). */
#include <openssl/evp.h>
#include <stdio.h>

#include "core/io.h"
#include "format/dsse.h"
#include "format/facts.h"
#include "format/merkle.h"
#include "log/local.h"

#define TREE ".state/tree"

/* Signs what tree says, and puts it where it is served. */
int trb_local_put_checkpoint(struct trb_local *log, const struct trb_checkpoint *tree,
			     trb_blob **ret, trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *note = NULL;
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = NULL;
	_cleanup_buf_ struct trb_buf text = { 0 };
	int r = trb_local_own_key(log, &key, err);

	if (r < 0)
		return r;
	trb_buf_init(&text, TRB_NOTE_MAX);
	trb_checkpoint_put(&text, tree);
	r = trb_buf_check(&text, "the checkpoint", err);
	if (r == TRB_OK)
		r = trb_note_sign(trb_buf_bytes(&text), log->key.name, key, &note, err);
	if (r == TRB_OK)
		r = trb_local_put(log, "checkpoint", trb_blob_bytes(note), err);
	if (r == TRB_OK)
		*ret = steal_ptr(&note);
	return r;
}

int trb_local_put_tree(struct trb_local *log, const struct trb_checkpoint *tree, trb_error **err)
{
	_cleanup_buf_ struct trb_buf text = { 0 };
	int r;

	trb_buf_init(&text, TRB_NOTE_MAX);
	trb_checkpoint_put(&text, tree);
	r = trb_buf_check(&text, "the tree's state", err);
	return r < 0 ? r : trb_local_put(log, TREE, trb_buf_bytes(&text), err);
}

/* What is integrated, with the tiles' own root beside it. */
static int load_tree(struct trb_local *log, trb_blob **ret_owner, struct trb_checkpoint *ret,
		     trb_error **err)
{
	_cleanup_(trb_tiles_clear) struct trb_tiles tiles = trb_local_tiles(log, 0);
	_cleanup_(trb_blob_unrefp) trb_blob *text = NULL;
	struct trb_checkpoint tree;
	uint8_t root[32];
	int r = trb_read_file(log->fd, TREE, TRB_NOTE_MAX, &text, err);

	if (r == TRB_OK)
		r = trb_checkpoint_parse(trb_blob_bytes(text), &tree, err);
	if (r < 0)
		return trb_wrap(err, r, "the state of the log '%s'", log->dir);
	tiles.size = tree.size;
	r = trb_tiles_root(&tiles, root, err);
	if (r < 0)
		return r;
	if (memcmp(root, tree.root, 32) != 0 || !trb_bytes_eq_str(tree.origin, log->key.name))
		return trb_fail(err, TRB_E_LOG,
				"the log '%s' is damaged: its tiles do not give "
				"the root of its %llu entries",
				log->dir, (unsigned long long)tree.size);
	*ret = tree;
	*ret_owner = steal_ptr(&text);
	return TRB_OK;
}

/* The checkpoint that goes with tree: signed again where a writer died before it did. */
static int settle(struct trb_local *log, const struct trb_checkpoint *tree, trb_blob **ret,
		  trb_error **err)
{
	_cleanup_(trb_tiles_clear) struct trb_tiles tiles = trb_local_tiles(log, 0);
	_cleanup_(trb_note_clear) struct trb_note note = { .n = 0 };
	_cleanup_(trb_blob_unrefp) trb_blob *text = NULL;
	struct trb_checkpoint shown;
	uint8_t root[32];
	int r = trb_local_checkpoint(log, &text, err);

	if (r == TRB_OK)
		r = trb_checkpoint_open(trb_blob_bytes(text), &log->key, &note, &shown, err);
	if (r < 0)
		return r;
	/* never take back what was shown: a backup of .state alone would fork the log */
	if (shown.size > tree->size ||
	    (shown.size == tree->size && memcmp(shown.root, tree->root, 32) != 0))
		return trb_fail(err, TRB_E_LOG,
				"the log '%s' has shown %llu entries, its state has %llu: refusing "
				"to fork it",
				log->dir, (unsigned long long)shown.size,
				(unsigned long long)tree->size);
	if (shown.size == tree->size) {
		*ret = steal_ptr(&text);
		return TRB_OK;
	}
	tiles.size = shown.size;
	r = trb_tiles_root(&tiles, root, err);
	if (r < 0)
		return r;
	if (memcmp(root, shown.root, 32) != 0)
		return trb_fail(err, TRB_E_LOG,
				"the log '%s' does not begin with the %llu entries "
				"that it has shown: refusing to fork it",
				log->dir, (unsigned long long)shown.size);
	return trb_local_put_checkpoint(log, tree, ret, err);
}

/* The old contents of a tile or bundle that grows, or nothing where it begins. */
static int old_contents(struct trb_local *log, bool entries, unsigned level, uint64_t index,
			uint64_t size, trb_blob **ret, trb_error **err)
{
	if (trb_tile_width(level, index, size) == 0)
		return trb_blob_new(TRB_BYTES_NULL, ret, err);
	return entries ? trb_local_bundle(log, index, size, ret, err)
		       : trb_local_tile(log, level, index, size, ret, err);
}

static int grow(struct trb_local *log, struct trb_tile tile, uint64_t size, trb_bytes addition,
		trb_blob **ret, trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *old = NULL, *new = NULL;
	_cleanup_buf_ struct trb_buf buf = { 0 };
	char path[TRB_TILE_PATH];
	int r = old_contents(log, tile.entries, tile.level, tile.index, size, &old, err);

	if (r < 0)
		return r;
	trb_buf_init(&buf, TRB_ENTRY_BUNDLE_BYTES);
	trb_buf_add(&buf, trb_blob_bytes(old));
	trb_buf_add(&buf, addition);
	r = trb_buf_to_blob(&buf, "a tile", &new, err);
	if (r < 0)
		return r;
	trb_tile_path(&tile, path);
	r = trb_local_put(log, path, trb_blob_bytes(new), err);
	if (r == TRB_OK)
		*ret = steal_ptr(&new);
	return r;
}

/* Leaves that lie in one tile, appended to a tree of size entries. */
struct run {
	const trb_bytes *const *leaves;
	const uint8_t (*hashes)[32];
	size_t n;
};

static int grow_entries(struct trb_local *log, uint64_t size, const struct run *run,
			trb_error **err)
{
	struct trb_tile tile = { .entries = true,
				 .index = size / TRB_TILE_WIDTH,
				 .width = (unsigned)(size % TRB_TILE_WIDTH + run->n) };
	_cleanup_(trb_blob_unrefp) trb_blob *new = NULL;
	_cleanup_buf_ struct trb_buf entries = { 0 };
	int r;

	trb_buf_init(&entries, run->n * (2 + TRB_LEAF_MAX));
	for (size_t i = 0; i < run->n; i++) {
		trb_buf_add_byte(&entries, (uint8_t)(run->leaves[i]->len >> 8));
		trb_buf_add_byte(&entries, (uint8_t)run->leaves[i]->len);
		trb_buf_add(&entries, *run->leaves[i]);
	}
	r = trb_buf_check(&entries, "the entries", err);
	return r < 0 ? r : grow(log, tile, size, trb_buf_bytes(&entries), &new, err);
}

/* A full tile's root is a hash of the level above. */
static int grow_tiles(struct trb_local *log, uint64_t size, const struct run *run, trb_error **err)
{
	uint64_t count = size; /* hashes that this level had */
	trb_bytes addition = TRB_BYTES(run->hashes, 32 * run->n);
	uint8_t hash[32];

	for (unsigned level = 0; level < TRB_TILE_LEVELS; level++) {
		struct trb_tile tile = { .level = level,
					 .index = count / TRB_TILE_WIDTH,
					 .width = (unsigned)(count % TRB_TILE_WIDTH +
							     addition.len / 32) };
		_cleanup_(trb_blob_unrefp) trb_blob *new = NULL;
		int r = grow(log, tile, size, addition, &new, err);

		if (r == TRB_OK && tile.width == TRB_TILE_WIDTH)
			r = trb_tile_node(trb_blob_bytes(new), 8, 0, hash, err);
		if (r < 0 || tile.width < TRB_TILE_WIDTH)
			return r;
		addition = TRB_BYTES(hash, 32);
		count /= TRB_TILE_WIDTH;
	}
	return trb_fail(err, TRB_E_LIMIT, "the log is full");
}

/* Partial tiles of a tile that is full under the newest checkpoint are not needed any more; it does
 * not matter where they stay. */
static void drop_partials(struct trb_local *log, uint64_t size)
{
	uint64_t count = size;

	for (unsigned level = 0; level < TRB_TILE_LEVELS; level++) {
		struct trb_tile tile = { .level = level, .width = 1 };
		char path[TRB_TILE_PATH];

		if (count == 0 || count % TRB_TILE_WIDTH != 0)
			return;
		tile.index = count / TRB_TILE_WIDTH - 1;
		for (int entries = 0; entries < (level == 0 ? 2 : 1); entries++) {
			tile.entries = entries == 1;
			trb_tile_path(&tile, path);
			*strrchr(path, '/') = '\0';
			trb_remove_tree(log->fd, path, NULL);
		}
		count /= TRB_TILE_WIDTH;
	}
}

/* What is to be appended, and where each leaf stands afterwards. */
struct batch {
	size_t n, n_new;
	uint64_t index[TRB_LOG_BATCH];
	const trb_bytes *leaves[TRB_LOG_BATCH]; /* those that are new, in order */
	uint8_t hashes[TRB_LOG_BATCH][32];
};

/* A leaf that the tree or the batch has already keeps its place. */
static int place_leaf(struct trb_tiles *tiles, struct batch *batch, const trb_bytes *leaf,
		      trb_error **err)
{
	uint8_t *hash = batch->hashes[batch->n_new];
	uint64_t index = 0;
	size_t same = 0;
	int r = trb_merkle_leaf(*leaf, hash, err);

	if (r == TRB_OK)
		r = trb_tiles_find(tiles, hash, &index, err);
	if (r < 0)
		return r;
	if (index == tiles->size) {
		while (same < batch->n_new && memcmp(batch->hashes[same], hash, 32) != 0)
			same++;
		index += same;
		if (same == batch->n_new)
			batch->leaves[batch->n_new++] = leaf;
	}
	batch->index[batch->n++] = index;
	return TRB_OK;
}

static int check_leaves(const trb_bytes *leaves, size_t n, trb_error **err)
{
	if (n < 1 || n > TRB_LOG_BATCH)
		return trb_fail(err, TRB_E_INVAL, "%zu leaves at once, not 1 to %u", n,
				TRB_LOG_BATCH);
	for (size_t i = 0; i < n; i++)
		if (leaves[i].len > TRB_LEAF_MAX)
			return trb_fail(err, TRB_E_LIMIT,
					"the leaf has %zu bytes, at most %u can be logged",
					leaves[i].len, TRB_LEAF_MAX);
	return TRB_OK;
}

/* Entries and tiles, one tile's worth at a time. */
static int grow_all(struct trb_local *log, uint64_t size, const struct batch *batch,
		    trb_error **err)
{
	int r = TRB_OK;

	for (size_t done = 0; r == TRB_OK && done < batch->n_new;) {
		uint64_t at = size + done, room = TRB_TILE_WIDTH - at % TRB_TILE_WIDTH;
		size_t left = batch->n_new - done;
		struct run run = { batch->leaves + done, batch->hashes + done,
				   left < room ? left : (size_t)room };

		r = grow_entries(log, at, &run, err);
		if (r == TRB_OK)
			r = grow_tiles(log, at, &run, err);
		done += run.n;
	}
	return r;
}

static int append_new(struct trb_local *log, struct trb_checkpoint *tree, const struct batch *batch,
		      trb_blob **ret_checkpoint, trb_error **err)
{
	uint64_t size = tree->size + batch->n_new;
	_cleanup_(trb_tiles_clear) struct trb_tiles tiles = trb_local_tiles(log, size);
	int r = grow_all(log, tree->size, batch, err);

	if (r == TRB_OK)
		r = trb_tiles_root(&tiles, tree->root, err);
	if (r < 0)
		return r;
	tree->size = size;
	r = trb_local_put_tree(log, tree, err);
	if (r == TRB_OK)
		r = trb_local_put_checkpoint(log, tree, ret_checkpoint, err);
	if (r == TRB_OK && size / TRB_TILE_WIDTH > (size - batch->n_new) / TRB_TILE_WIDTH)
		drop_partials(log, size - size % TRB_TILE_WIDTH);
	return r;
}

static int put_places(struct trb_local *log, const struct trb_checkpoint *tree,
		      const struct batch *batch, trb_blob *checkpoint, struct trb_log_place *ret,
		      trb_error **err)
{
	_cleanup_(trb_tiles_clear) struct trb_tiles tiles = trb_local_tiles(log, tree->size);
	int r = TRB_OK;

	for (size_t i = 0; r == TRB_OK && i < batch->n; i++) {
		ret[i] = (struct trb_log_place){ .checkpoint = NULL };
		r = trb_tiles_proof(&tiles, batch->index[i], &ret[i].proof, err);
	}
	for (size_t i = 0; r == TRB_OK && i < batch->n; i++) {
		ret[i].checkpoint = trb_blob_ref(checkpoint);
		ret[i].proof.checkpoint = trb_blob_bytes(checkpoint);
	}
	return r;
}

/* Needs the lock. */
static int append_locked(struct trb_local *log, const trb_bytes *leaves, size_t n,
			 struct batch *batch, struct trb_log_place *ret, trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *owner = NULL, *checkpoint = NULL;
	_cleanup_(trb_tiles_clear) struct trb_tiles tiles = trb_local_tiles(log, 0);
	struct trb_checkpoint tree;
	int r = load_tree(log, &owner, &tree, err);

	if (r == TRB_OK)
		r = settle(log, &tree, &checkpoint, err);
	tiles.size = r == TRB_OK ? tree.size : 0;
	for (size_t i = 0; r == TRB_OK && i < n; i++)
		r = place_leaf(&tiles, batch, &leaves[i], err);
	if (r == TRB_OK && batch->n_new > 0) {
		checkpoint = trb_blob_unref(checkpoint);
		r = append_new(log, &tree, batch, &checkpoint, err);
	}
	return r < 0 ? r : put_places(log, &tree, batch, checkpoint, ret, err);
}

int trb_local_append(void *self, const trb_bytes *leaves, size_t n, struct trb_log_place *ret,
		     trb_error **err)
{
	struct trb_local *log = self;
	_cleanup_free_ struct batch *batch = calloc(1, sizeof(*batch));
	_cleanup_close_ int lock = -1;
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = NULL;
	int r;

	if (batch == NULL)
		return trb_fail_nomem(err);
	r = check_leaves(leaves, n, err);
	/* before anything grows that could not be signed */
	if (r == TRB_OK)
		r = trb_local_own_key(log, &key, err);
	if (r == TRB_OK)
		r = trb_local_lock(log, &lock, err);
	return r < 0 ? r : append_locked(log, leaves, n, batch, ret, err);
}

/* note and the lines of lines that it does not have; whose they are is for readers to judge. */
static int add_lines(trb_bytes note, trb_bytes lines, trb_blob **ret, trb_error **err)
{
	_cleanup_(trb_note_clear) struct trb_note parsed = { .n = 0 };
	_cleanup_(trb_blob_unrefp) trb_blob *longer = NULL;
	_cleanup_buf_ struct trb_buf buf = { 0 };
	int r;

	trb_buf_init(&buf, TRB_NOTE_MAX);
	trb_buf_add(&buf, note);
	while (lines.len > 0) {
		const uint8_t *end = memchr(lines.ptr, '\n', lines.len);
		size_t len = end != NULL ? (size_t)(end - lines.ptr) + 1 : lines.len;
		trb_bytes line = TRB_BYTES(lines.ptr, len);

		if (memmem(note.ptr, note.len, line.ptr, line.len) == NULL)
			trb_buf_add(&buf, line);
		lines = TRB_BYTES(lines.ptr + len, lines.len - len);
	}
	r = trb_buf_to_blob(&buf, "the cosigned checkpoint", &longer, err);
	if (r == TRB_OK)
		r = trb_note_parse(trb_blob_bytes(longer), &parsed, err);
	if (r == TRB_OK)
		*ret = steal_ptr(&longer);
	return r;
}

int trb_local_cosign(void *self, trb_bytes text, trb_bytes lines, trb_blob **ret_checkpoint,
		     trb_error **err)
{
	struct trb_local *log = self;
	_cleanup_(trb_blob_unrefp) trb_blob *now = NULL, *cosigned = NULL;
	_cleanup_(trb_note_clear) struct trb_note note = { .n = 0 };
	_cleanup_close_ int lock = -1;
	int r = trb_local_lock(log, &lock, err);

	if (r == TRB_OK)
		r = trb_local_checkpoint(log, &now, err);
	if (r == TRB_OK)
		r = trb_note_parse(trb_blob_bytes(now), &note, err);
	if (r == TRB_OK && !trb_bytes_eq(note.text, text))
		r = trb_fail(err, TRB_E_STATE, "the log '%s' shows another checkpoint by now",
			     log->dir);
	if (r == TRB_OK)
		r = add_lines(trb_blob_bytes(now), lines, &cosigned, err);
	if (r == TRB_OK)
		r = trb_local_put(log, "checkpoint", trb_blob_bytes(cosigned), err);
	if (r == TRB_OK)
		*ret_checkpoint = steal_ptr(&cosigned);
	return r;
}
