/* SPDX-License-Identifier: Apache-2.0 */
/* Merkle trees: roots and proofs. */
#include "support.h"

#include <cjson/cJSON.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/cleanup.h"
#include "core/error.h"
#include "format/base64.h"
#include "format/facts.h"
#include "format/merkle.h"

#define MOST 300

static uint8_t leaves[MOST][32];

/* Straight from the definition: MTH of leaves begin .. end - 1. */
static void reference(uint64_t begin, uint64_t end, uint8_t ret[32])
{
	uint8_t left[32], right[32];
	uint64_t k = 1;

	if (begin == end) {
		ck_assert_int_eq(trb_merkle_empty(ret, NULL), TRB_OK);
		return;
	}
	if (end - begin == 1) {
		memcpy(ret, leaves[begin], 32);
		return;
	}
	while (k * 2 < end - begin)
		k *= 2;
	reference(begin, begin + k, left);
	reference(begin + k, end, right);
	ck_assert_int_eq(trb_merkle_node(left, right, ret, NULL), TRB_OK);
}

static int node(void *user, unsigned level, uint64_t index, uint8_t ret[32], trb_error **err)
{
	(void)user;
	(void)err;
	reference(index << level, (index + 1) << level, ret);
	return TRB_OK;
}

static const struct trb_merkle_source source = { node, NULL };

static void setup(void)
{
	for (unsigned i = 0; i < MOST; i++) {
		char text[16];

		snprintf(text, sizeof(text), "entry-%03u", i);
		ck_assert_int_eq(trb_merkle_leaf(trb_bytes_str(text), leaves[i], NULL), TRB_OK);
	}
}

START_TEST(inclusion_proofs_of_all_small_trees)
{
	for (uint64_t size = 1; size <= 40; size++) {
		uint8_t root[32], wanted[32], proof[TRB_MERKLE_PROOF][32];
		size_t n;

		reference(0, size, wanted);
		ck_assert_int_eq(trb_merkle_root(&source, size, root, NULL), TRB_OK);
		ck_assert(memcmp(root, wanted, 32) == 0);
		for (uint64_t i = 0; i < size; i++) {
			ck_assert_int_eq(trb_merkle_inclusion(&source, i, size, proof, &n, NULL),
					 TRB_OK);
			ck_assert_int_eq(trb_merkle_check_inclusion(i, size, leaves[i],
								    (const uint8_t(*)[32])proof, n,
								    root, NULL),
					 TRB_OK);
			ck_assert_int_eq(trb_merkle_check_inclusion(
						 (i + 1) % size, size + 1, leaves[i],
						 (const uint8_t(*)[32])proof, n, root, NULL),
					 TRB_E_LOG);
			if (n > 0) {
				proof[n - 1][31] ^= 1;
				ck_assert_int_eq(
					trb_merkle_check_inclusion(i, size, leaves[i],
								   (const uint8_t(*)[32])proof, n,
								   root, NULL),
					TRB_E_LOG);
			}
		}
	}
}
END_TEST

START_TEST(consistency_proofs_of_all_small_trees)
{
	for (uint64_t size = 1; size <= 40; size++) {
		for (uint64_t old = 1; old <= size; old++) {
			uint8_t root[32], old_root[32], proof[TRB_MERKLE_PROOF][32];
			size_t n;
			int r;

			reference(0, size, root);
			reference(0, old, old_root);
			ck_assert_int_eq(
				trb_merkle_consistency(&source, old, size, proof, &n, NULL),
				TRB_OK);
			r = trb_merkle_check_consistency(old, size, (const uint8_t(*)[32])proof, n,
							 old_root, root, NULL);
			ck_assert_msg(r == TRB_OK, "%d to %d", (int)old, (int)size);
			old_root[0] ^= 1;
			ck_assert_int_eq(trb_merkle_check_consistency(old, size,
								      (const uint8_t(*)[32])proof,
								      n, old_root, root, NULL),
					 TRB_E_LOG);
		}
	}
}
END_TEST

START_TEST(sizes_are_bounded)
{
	uint8_t zero[32] = { 0 }, root[32], proof[TRB_MERKLE_PROOF][32];
	const uint64_t half = UINT64_C(1) << 63;
	size_t n;

	ck_assert_int_eq(trb_merkle_check_inclusion(0, 0, zero, NULL, 0, zero, NULL), TRB_E_LOG);
	ck_assert_int_eq(
		trb_merkle_check_inclusion(UINT64_MAX - 1, UINT64_MAX, zero, NULL, 0, zero, NULL),
		TRB_E_LOG);
	ck_assert_int_eq(trb_merkle_check_consistency(0, 1, NULL, 0, zero, zero, NULL), TRB_E_LOG);
	/* whoever has made such trees: proofs hold for all sizes of 64 bits */
	ck_assert_int_eq(trb_merkle_node(leaves[0], leaves[1], root, NULL), TRB_OK);
	memcpy(proof[0], leaves[0], 32);
	ck_assert_int_eq(trb_merkle_check_inclusion(half, half + 1, leaves[1],
						    (const uint8_t(*)[32])proof, 1, root, NULL),
			 TRB_OK);
	ck_assert_int_eq(trb_merkle_check_inclusion(half - 1, half + 1, leaves[1],
						    (const uint8_t(*)[32])proof, 1, root, NULL),
			 TRB_E_LOG);
	memcpy(proof[0], leaves[1], 32);
	ck_assert_int_eq(trb_merkle_check_consistency(half, half + 1, (const uint8_t(*)[32])proof,
						      1, leaves[0], root, NULL),
			 TRB_OK);
	ck_assert_int_eq(
		trb_merkle_check_consistency(UINT64_MAX, UINT64_MAX, NULL, 0, root, root, NULL),
		TRB_OK);
	/* nothing is proved by more than is needed */
	ck_assert_int_eq(trb_merkle_check_consistency(2, 2, (const uint8_t(*)[32])proof, 1, root,
						      root, NULL),
			 TRB_E_LOG);
	ck_assert_int_eq(trb_merkle_inclusion(&source, 1, 1, proof, &n, NULL), TRB_E_INVAL);
	ck_assert_int_eq(trb_merkle_consistency(&source, 2, 1, proof, &n, NULL), TRB_E_INVAL);
}
END_TEST

static bool hash_of(const cJSON *item, uint8_t out[32])
{
	return cJSON_IsString(item) &&
	       trb_base64_decode_exact(trb_bytes_str(item->valuestring), out, 32);
}

static bool proof_of(const cJSON *array, uint8_t (*proof)[32], size_t *n)
{
	*n = 0;
	for (const cJSON *c = array->child; c != NULL; c = c->next)
		if (*n == TRB_MERKLE_PROOF || !hash_of(c, proof[(*n)++]))
			return false;
	return true;
}

/* From the text: cJSON's double has 53 bits, the probes have numbers up to 2^64.  What is no number
 * of 64 bits becomes the largest one, which is no tree's. */
static uint64_t number_in(trb_bytes text, const char *name)
{
	_cleanup_free_ char *member = NULL;
	const uint8_t *at;
	uint64_t value = 0;

	ck_assert(asprintf(&member, "\"%s\":", name) > 0);
	at = memmem(text.ptr, text.len, member, strlen(member));
	ck_assert_msg(at != NULL, "no member '%s'", name);
	for (at += strlen(member); *at == ' '; at++)
		;
	for (; *at >= '0' && *at <= '9'; at++)
		if (__builtin_mul_overflow(value, 10u, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value))
			return UINT64_MAX;
	return *at == ',' || *at == '}' || *at == '\n' || *at == '\r' ? value : UINT64_MAX;
}

static bool inclusion_passes(const cJSON *root, trb_bytes text)
{
	uint8_t leaf[32], tree[32], proof[TRB_MERKLE_PROOF][32];
	size_t n;

	return hash_of(cJSON_GetObjectItem(root, "leafHash"), leaf) &&
	       hash_of(cJSON_GetObjectItem(root, "root"), tree) &&
	       proof_of(cJSON_GetObjectItem(root, "proof"), proof, &n) &&
	       trb_merkle_check_inclusion(number_in(text, "leafIdx"), number_in(text, "treeSize"),
					  leaf, (const uint8_t(*)[32])proof, n, tree,
					  NULL) == TRB_OK;
}

/* Some probes of equal sizes have texts in place of roots; only their equality matters. */
static bool root_of(const cJSON *item, uint8_t out[32])
{
	_cleanup_(trb_blob_unrefp) trb_blob *blob = NULL;

	if (!cJSON_IsString(item) ||
	    trb_base64_decode(trb_bytes_str(item->valuestring), 32, &blob, NULL) < 0)
		return false;
	memset(out, 0, 32);
	memcpy(out, trb_blob_bytes(blob).ptr, trb_blob_bytes(blob).len);
	return true;
}

static bool consistency_passes(const cJSON *root, trb_bytes text)
{
	uint8_t old[32], tree[32], proof[TRB_MERKLE_PROOF][32];
	size_t n;

	return root_of(cJSON_GetObjectItem(root, "root1"), old) &&
	       root_of(cJSON_GetObjectItem(root, "root2"), tree) &&
	       proof_of(cJSON_GetObjectItem(root, "proof"), proof, &n) &&
	       trb_merkle_check_consistency(number_in(text, "size1"), number_in(text, "size2"),
					    (const uint8_t(*)[32])proof, n, old, tree,
					    NULL) == TRB_OK;
}

static unsigned probes;

static int probe(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	_cleanup_(trb_blob_unrefp) trb_blob *blob = NULL;
	size_t n = strlen(path);
	cJSON *root;
	bool passes;

	(void)st;
	(void)ftw;
	if (kind != FTW_F || n < 5 || strcmp(path + n - 5, ".json") != 0)
		return 0;
	root = test_json(path);
	blob = test_file(path);
	if (cJSON_HasObjectItem(root, "leafIdx"))
		passes = inclusion_passes(root, trb_blob_bytes(blob));
	else
		passes = consistency_passes(root, trb_blob_bytes(blob));
	ck_assert_msg(passes == !cJSON_IsTrue(cJSON_GetObjectItem(root, "wantErr")), "%s: %s", path,
		      passes ? "passes" : "is refused");
	printf("%s: %s\n", path, passes ? "passes" : "refused");
	cJSON_Delete(root);
	probes++;
	return 0;
}

START_TEST(vectors_probes)
{
	const char *folder = test_vectors();

	if (folder == NULL)
		return;
	probes = 0;
	ck_assert_int_eq(nftw(test_path(folder, "tlog/merkle"), probe, 16, FTW_PHYS), 0);
	ck_assert_uint_gt(probes, 0);
}
END_TEST

static void hex_hash(const cJSON *item, uint8_t out[32])
{
	ck_assert(trb_hex_decode(trb_bytes_str(item->valuestring), out, 32));
}

static void check_hasher(const cJSON *row)
{
	const char *op = cJSON_GetObjectItem(row, "op")->valuestring;
	uint8_t wanted[32], got[32] = { 0 };

	hex_hash(cJSON_GetObjectItem(row, "want"), wanted);
	if (strcmp(op, "empty_root") == 0) {
		trb_merkle_empty(got, NULL);
	} else if (strcmp(op, "leaf") == 0) {
		trb_merkle_leaf(trb_bytes_str(cJSON_GetObjectItem(row, "in_ascii")->valuestring),
				got, NULL);
	} else {
		/* its children are not 32 bytes wide: the prefix and they are hashed as they stand
		 */
		_cleanup_free_ char *text = NULL;
		int n = asprintf(&text, "\x01%s%s",
				 cJSON_GetObjectItem(row, "left_ascii")->valuestring,
				 cJSON_GetObjectItem(row, "right_ascii")->valuestring);

		trb_sha256(TRB_BYTES(text, n), got, NULL);
	}
	ck_assert_msg(memcmp(wanted, got, 32) == 0, "%s", op);
}

START_TEST(vectors_golden_roots)
{
	const char *folder = test_vectors();
	const cJSON *hex, *row;
	unsigned n = 0;
	cJSON *root;

	if (folder == NULL)
		return;
	root = test_json(test_path(folder, "tlog/rfc6962_golden.json"));
	cJSON_ArrayForEach (hex, cJSON_GetObjectItem(root, "leaves_hex")) {
		uint8_t bytes[64];
		size_t len = strlen(hex->valuestring) / 2;

		ck_assert(trb_hex_decode(trb_bytes_str(hex->valuestring), bytes, len));
		trb_merkle_leaf(TRB_BYTES(bytes, len), leaves[n++], NULL);
	}
	n = 0;
	cJSON_ArrayForEach (hex, cJSON_GetObjectItem(root, "root_hashes_hex_by_size")) {
		uint8_t wanted[32], got[32];

		hex_hash(hex, wanted);
		ck_assert_int_eq(trb_merkle_root(&source, n, got, NULL), TRB_OK);
		ck_assert_msg(memcmp(wanted, got, 32) == 0, "size %u", n);
		n++;
	}
	ck_assert_uint_gt(n, 2);
	cJSON_ArrayForEach (row, cJSON_GetObjectItem(root, "hasher")) {
		check_hasher(row);
	}
	cJSON_Delete(root);
}
END_TEST

START_TEST(vectors_consistency_of_a_live_log)
{
	const char *folder = test_vectors();
	const cJSON *row;
	unsigned n = 0;
	cJSON *root;

	if (folder == NULL)
		return;
	root = test_json(test_path(folder, "tlog/live/consistency.json"));
	cJSON_ArrayForEach (row, cJSON_GetObjectItem(root, "consistency")) {
		uint8_t old[32], tree[32], proof[TRB_MERKLE_PROOF][32];
		size_t len;

		ck_assert(hash_of(cJSON_GetObjectItem(row, "old_root"), old));
		ck_assert(hash_of(cJSON_GetObjectItem(row, "new_root"), tree));
		ck_assert(proof_of(cJSON_GetObjectItem(row, "proof"), proof, &len));
		ck_assert_int_eq(trb_merkle_check_consistency(
					 (uint64_t)cJSON_GetObjectItem(row, "old")->valuedouble,
					 (uint64_t)cJSON_GetObjectItem(row, "new")->valuedouble,
					 (const uint8_t(*)[32])proof, len, old, tree, NULL),
				 TRB_OK);
		n++;
	}
	ck_assert_uint_gt(n, 0);
	cJSON_Delete(root);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("merkle");
	TCase *tc = tcase_create("merkle");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, inclusion_proofs_of_all_small_trees);
	tcase_add_test(tc, consistency_proofs_of_all_small_trees);
	tcase_add_test(tc, sizes_are_bounded);
	tcase_add_test(tc, vectors_probes);
	tcase_add_test(tc, vectors_golden_roots);
	tcase_add_test(tc, vectors_consistency_of_a_live_log);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
