/* SPDX-License-Identifier: Apache-2.0 */
/* The gate before libcbor: one encoding, within bounds. */
#include "format/cbor_gate.h"

#include "core/error.h"

#define DEPTH_MAX 8
/* A full list of materials: each entry has eight items.  libcbor spends under 100 bytes an item:
 * this keeps a tree below 8 MB. */
#define ITEMS_MAX (8192 * 8 + 1)
/* Maps with free key order are compared key against key. */
#define NSM_KEYS_MAX 128

#define BREAK 0xff

/* A map's key: two are equal where kind, value and contents are, however long their heads. */
struct key {
	enum trb_cbor_major major;
	uint64_t value;
	trb_bytes contents; /* of a string */
	trb_bytes encoded;
};

static int fault(const struct trb_cbor_reader *g, const char *why)
{
	return trb_fail(g->err, TRB_E_FORMAT, "%s: CBOR at byte %zu: %s", g->what, g->pos, why);
}

static size_t left(const struct trb_cbor_reader *g)
{
	return g->in.len - g->pos;
}

/* info is 24..27: an argument of 1, 2, 4 or 8 bytes follows. */
static int read_argument(struct trb_cbor_reader *g, struct trb_cbor_head *h)
{
	static const uint64_t least[] = { 24, 0x100, 0x10000, 0x100000000 };
	size_t n = (size_t)1 << (h->info - 24);

	if (left(g) <= n)
		return fault(g, "the head is cut off");
	h->value = 0;
	for (size_t i = 1; i <= n; i++)
		h->value = h->value << 8 | g->in.ptr[g->pos + i];
	if (g->rules == TRB_CBOR_DETERMINISTIC && h->value < least[h->info - 24])
		return fault(g, "the head is longer than needed");
	g->pos += 1 + n;
	return TRB_OK;
}

int trb_cbor_read_head(struct trb_cbor_reader *g, struct trb_cbor_head *h)
{
	uint8_t first;

	if (left(g) == 0)
		return fault(g, "an item is missing");
	if (++g->items > ITEMS_MAX)
		return trb_fail(g->err, TRB_E_LIMIT, "%s: CBOR of more than %d items", g->what,
				ITEMS_MAX);
	first = g->in.ptr[g->pos];
	h->major = first >> 5;
	h->info = first & 31;
	h->value = h->info;
	if (h->major == TRB_CBOR_TAG)
		return fault(g, "tags are not accepted");
	if (h->major == TRB_CBOR_SIMPLE && (h->info < 20 || h->info > 22))
		return fault(g, "only false, true and null are accepted here");
	if (h->info == TRB_CBOR_INDEFINITE) {
		if (h->major != TRB_CBOR_MAP || g->rules != TRB_CBOR_NSM)
			return fault(g, "indefinite lengths are not accepted");
		g->pos++;
		return TRB_OK;
	}
	if (h->info > 27)
		return fault(g, "a reserved length");
	if (h->info >= 24)
		return read_argument(g, h);
	g->pos++;
	return TRB_OK;
}

static int read_string(struct trb_cbor_reader *g, const struct trb_cbor_head *h, trb_bytes *ret)
{
	trb_bytes contents;

	if (h->value > left(g))
		return fault(g, "a string is longer than what is left");
	contents = TRB_BYTES(g->in.ptr + g->pos, (size_t)h->value);
	if (h->major == TRB_CBOR_TSTR && !trb_utf8_valid(contents))
		return fault(g, "text is not UTF-8");
	g->pos += (size_t)h->value;
	*ret = contents;
	return TRB_OK;
}

static int read_key(struct trb_cbor_reader *g, struct key *ret)
{
	size_t start = g->pos;
	struct trb_cbor_head h;
	int r = trb_cbor_read_head(g, &h);

	if (r < 0)
		return r;
	if (h.major > TRB_CBOR_TSTR)
		return fault(g, "a map's key is neither an integer nor a string");
	*ret = (struct key){ .major = h.major, .value = h.value };
	if (h.major >= TRB_CBOR_BSTR) {
		r = read_string(g, &h, &ret->contents);
		if (r < 0)
			return r;
	}
	ret->encoded = TRB_BYTES(g->in.ptr + start, g->pos - start);
	return TRB_OK;
}

static int walk(struct trb_cbor_reader *g, unsigned depth);

static bool key_eq(const struct key *a, const struct key *b)
{
	return a->major == b->major && a->value == b->value &&
	       trb_bytes_eq(a->contents, b->contents);
}

/* RFC 8949, section 4.2.1: bytewise order of the encoded keys; so a duplicate is never in order. */
static int walk_sorted_map(struct trb_cbor_reader *g, uint64_t n, unsigned depth)
{
	trb_bytes before = TRB_BYTES_NULL;

	for (uint64_t i = 0; i < n; i++) {
		struct key key;
		int r = read_key(g, &key);

		if (r < 0)
			return r;
		if (i > 0 && trb_bytes_cmp(before, key.encoded) >= 0)
			return fault(g, "a map's keys are not unique and sorted");
		before = key.encoded;
		r = walk(g, depth);
		if (r < 0)
			return r;
	}
	return TRB_OK;
}

bool trb_cbor_map_ends(struct trb_cbor_reader *g, const struct trb_cbor_head *h, uint64_t n)
{
	if (h->info != TRB_CBOR_INDEFINITE)
		return n == h->value;
	if (left(g) == 0 || g->in.ptr[g->pos] != BREAK)
		return false;
	g->pos++;
	return true;
}

static int walk_free_map(struct trb_cbor_reader *g, const struct trb_cbor_head *h, unsigned depth)
{
	struct key keys[NSM_KEYS_MAX];

	for (size_t n = 0; !trb_cbor_map_ends(g, h, n); n++) {
		int r;

		if (n == NSM_KEYS_MAX)
			return trb_fail(g->err, TRB_E_LIMIT, "%s: a CBOR map of more than %d keys",
					g->what, NSM_KEYS_MAX);
		r = read_key(g, &keys[n]);
		if (r < 0)
			return r;
		for (size_t i = 0; i < n; i++)
			if (key_eq(&keys[i], &keys[n]))
				return fault(g, "a map's key is there twice");
		r = walk(g, depth);
		if (r < 0)
			return r;
	}
	return TRB_OK;
}

static int walk_map(struct trb_cbor_reader *g, const struct trb_cbor_head *h, unsigned depth)
{
	/* each entry takes two bytes at least */
	if (h->info != TRB_CBOR_INDEFINITE && h->value > left(g) / 2)
		return fault(g, "a map has more entries than bytes are left");
	if (g->rules == TRB_CBOR_DETERMINISTIC)
		return walk_sorted_map(g, h->value, depth);
	return walk_free_map(g, h, depth);
}

static int walk_array(struct trb_cbor_reader *g, const struct trb_cbor_head *h, unsigned depth)
{
	if (h->value > left(g))
		return fault(g, "an array has more items than bytes are left");
	for (uint64_t i = 0; i < h->value; i++) {
		int r = walk(g, depth);

		if (r < 0)
			return r;
	}
	return TRB_OK;
}

/* depth counts the arrays and maps around the item. */
static int walk(struct trb_cbor_reader *g, unsigned depth)
{
	trb_bytes contents;
	struct trb_cbor_head h;
	int r = trb_cbor_read_head(g, &h);

	if (r < 0)
		return r;
	if (h.major == TRB_CBOR_BSTR || h.major == TRB_CBOR_TSTR)
		return read_string(g, &h, &contents);
	if (h.major != TRB_CBOR_ARRAY && h.major != TRB_CBOR_MAP)
		return TRB_OK;
	if (depth == DEPTH_MAX)
		return fault(g, "nested deeper than 8");
	return h.major == TRB_CBOR_ARRAY ? walk_array(g, &h, depth + 1)
					 : walk_map(g, &h, depth + 1);
}

int trb_cbor_gate(trb_bytes in, enum trb_cbor_rules rules, const char *what, trb_error **err)
{
	struct trb_cbor_reader g = { .in = in, .rules = rules, .what = what, .err = err };
	int r = walk(&g, 0);

	if (r == TRB_OK && left(&g) > 0)
		return fault(&g, "bytes after the end");
	return r;
}
