/* SPDX-License-Identifier: Apache-2.0 */
/* Merkle trees of RFC 9162: hashes, roots, proofs. */
#include "format/merkle.h"

#include <openssl/evp.h>

#include "core/error.h"
#include "format/crypto.h"
#include "format/dsse.h"
#include "format/facts.h"

int trb_merkle_leaf(trb_bytes leaf, uint8_t ret[32], trb_error **err)
{
	TRB_CRYPTO_SCOPE;
	_cleanup_(EVP_MD_CTX_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (ctx == NULL || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1 ||
	    EVP_DigestUpdate(ctx, "\0", 1) != 1 || EVP_DigestUpdate(ctx, leaf.ptr, leaf.len) != 1 ||
	    EVP_DigestFinal_ex(ctx, ret, NULL) != 1)
		return trb_fail(err, TRB_E_NOMEM, "OpenSSL cannot compute a digest");
	return TRB_OK;
}

int trb_merkle_node(const uint8_t left[32], const uint8_t right[32], uint8_t ret[32],
		    trb_error **err)
{
	uint8_t in[65] = { 1 };

	memcpy(in + 1, left, 32);
	memcpy(in + 33, right, 32);
	return trb_sha256(TRB_BYTES(in, sizeof(in)), ret, err);
}

int trb_merkle_empty(uint8_t ret[32], trb_error **err)
{
	return trb_sha256(TRB_BYTES_NULL, ret, err);
}

/* RFC 9162 section 2.1.3.2. */
static int fold_inclusion(uint64_t index, uint64_t size, const uint8_t leaf[32],
			  const uint8_t (*proof)[32], size_t n, uint8_t ret[32], bool *ret_whole,
			  trb_error **err)
{
	uint64_t fn = index, sn = size - 1;
	int r = TRB_OK;

	memcpy(ret, leaf, 32);
	for (size_t i = 0; i < n && r == TRB_OK; i++) {
		if (sn == 0) {
			*ret_whole = false;
			return TRB_OK;
		}
		if ((fn & 1) != 0 || fn == sn) {
			r = trb_merkle_node(proof[i], ret, ret, err);
			while ((fn & 1) == 0 && fn != 0) {
				fn >>= 1;
				sn >>= 1;
			}
		} else {
			r = trb_merkle_node(ret, proof[i], ret, err);
		}
		fn >>= 1;
		sn >>= 1;
	}
	*ret_whole = sn == 0;
	return r;
}

int trb_merkle_check_inclusion(uint64_t index, uint64_t size, const uint8_t leaf[32],
			       const uint8_t (*proof)[32], size_t n, const uint8_t root[32],
			       trb_error **err)
{
	static const char check[] = "log.inclusion";
	uint8_t got[32];
	bool whole = false;
	int r;

	if (index >= size)
		return trb_fail_check(err, TRB_E_LOG, check, "entry %llu of a log of %llu entries",
				      (unsigned long long)index, (unsigned long long)size);
	r = fold_inclusion(index, size, leaf, proof, n, got, &whole, err);
	if (r < 0)
		return r;
	if (!whole || memcmp(got, root, 32) != 0)
		return trb_fail_check(err, TRB_E_LOG, check,
				      "the proof does not lead from entry %llu to the root of "
				      "size %llu",
				      (unsigned long long)index, (unsigned long long)size);
	return TRB_OK;
}

/* Both roots at once: RFC 9162 section 2.1.4.2, steps 4 to 6. */
static int fold_consistency(uint64_t old_size, uint64_t size, const uint8_t first[32],
			    const uint8_t (*proof)[32], size_t n, uint8_t old_root[32],
			    uint8_t root[32], bool *ret_whole, trb_error **err)
{
	uint64_t fn = old_size - 1, sn = size - 1;
	int r = TRB_OK;

	while ((fn & 1) != 0) {
		fn >>= 1;
		sn >>= 1;
	}
	memcpy(old_root, first, 32);
	memcpy(root, first, 32);
	for (size_t i = 0; i < n && r == TRB_OK; i++) {
		if (sn == 0) {
			*ret_whole = false;
			return TRB_OK;
		}
		if ((fn & 1) != 0 || fn == sn) {
			r = trb_merkle_node(proof[i], old_root, old_root, err);
			if (r == TRB_OK)
				r = trb_merkle_node(proof[i], root, root, err);
			while ((fn & 1) == 0 && fn != 0) {
				fn >>= 1;
				sn >>= 1;
			}
		} else {
			r = trb_merkle_node(root, proof[i], root, err);
		}
		fn >>= 1;
		sn >>= 1;
	}
	*ret_whole = sn == 0;
	return r;
}

int trb_merkle_check_consistency(uint64_t old_size, uint64_t size, const uint8_t (*proof)[32],
				 size_t n, const uint8_t old_root[32], const uint8_t root[32],
				 trb_error **err)
{
	static const char check[] = "log.consistency";
	uint8_t got_old[32], got[32];
	bool whole = false, power = (old_size & (old_size - 1)) == 0;
	int r;

	if (old_size == 0 || old_size > size)
		return trb_fail_check(err, TRB_E_LOG, check, "no log grows from %llu to %llu",
				      (unsigned long long)old_size, (unsigned long long)size);
	if (old_size == size)
		return n == 0 && memcmp(old_root, root, 32) == 0
			       ? TRB_OK
			       : trb_fail_check(err, TRB_E_LOG, check, "two roots of one size");
	if (n == 0)
		return trb_fail_check(err, TRB_E_LOG, check, "the proof is empty");
	/* the old tree of a power of two is itself the first step, and is not repeated */
	r = power ? fold_consistency(old_size, size, old_root, proof, n, got_old, got, &whole, err)
		  : fold_consistency(old_size, size, proof[0], proof + 1, n - 1, got_old, got,
				     &whole, err);
	if (r < 0)
		return r;
	if (!whole || memcmp(got_old, old_root, 32) != 0 || memcmp(got, root, 32) != 0)
		return trb_fail_check(err, TRB_E_LOG, check,
				      "the tree of %llu entries is not the beginning of that of "
				      "%llu",
				      (unsigned long long)old_size, (unsigned long long)size);
	return TRB_OK;
}

/* The root over leaves begin .. end - 1, where begin is a multiple of the largest power of two
 * below the range's length, as every right-hand side of a split is. */
static int range_root(const struct trb_merkle_source *source, uint64_t begin, uint64_t end,
		      uint8_t ret[32], trb_error **err)
{
	uint8_t parts[TRB_MERKLE_PROOF][32];
	size_t n = 0;
	int r = TRB_OK;

	for (unsigned level = 63; level-- > 0 && r == TRB_OK;) {
		uint64_t width = UINT64_C(1) << level;

		if (((end - begin) & width) == 0)
			continue;
		r = source->node(source->user, level, begin >> level, parts[n++], err);
		begin += width;
		if (begin == end)
			break;
	}
	while (n > 1 && r == TRB_OK) {
		r = trb_merkle_node(parts[n - 2], parts[n - 1], parts[n - 2], err);
		n--;
	}
	if (r == TRB_OK)
		memcpy(ret, parts[0], 32);
	return r;
}

int trb_merkle_root(const struct trb_merkle_source *source, uint64_t size, uint8_t ret[32],
		    trb_error **err)
{
	if (size > TRB_MERKLE_SIZE)
		return trb_fail(err, TRB_E_INVAL, "a log of %llu entries",
				(unsigned long long)size);
	return size == 0 ? trb_merkle_empty(ret, err) : range_root(source, 0, size, ret, err);
}

/* The largest power of two below n, n > 1. */
static uint64_t split(uint64_t n)
{
	return UINT64_C(1) << (63 - (unsigned)__builtin_clzll(n - 1));
}

static void reverse(uint8_t (*proof)[32], size_t n)
{
	for (size_t i = 0; i < n / 2; i++) {
		uint8_t t[32];

		memcpy(t, proof[i], 32);
		memcpy(proof[i], proof[n - 1 - i], 32);
		memcpy(proof[n - 1 - i], t, 32);
	}
}

int trb_merkle_inclusion(const struct trb_merkle_source *source, uint64_t index, uint64_t size,
			 uint8_t (*ret_proof)[32], size_t *ret_n, trb_error **err)
{
	uint64_t begin = 0, end = size;
	size_t n = 0;
	int r = TRB_OK;

	if (index >= size || size > TRB_MERKLE_SIZE)
		return trb_fail(err, TRB_E_INVAL, "entry %llu of a log of %llu entries",
				(unsigned long long)index, (unsigned long long)size);
	/* from the root down; the proof goes the other way */
	while (end - begin > 1 && r == TRB_OK) {
		uint64_t middle = begin + split(end - begin);

		if (index < middle) {
			r = range_root(source, middle, end, ret_proof[n++], err);
			end = middle;
		} else {
			r = range_root(source, begin, middle, ret_proof[n++], err);
			begin = middle;
		}
	}
	if (r < 0)
		return r;
	reverse(ret_proof, n);
	*ret_n = n;
	return TRB_OK;
}

int trb_merkle_consistency(const struct trb_merkle_source *source, uint64_t old_size, uint64_t size,
			   uint8_t (*ret_proof)[32], size_t *ret_n, trb_error **err)
{
	uint64_t begin = 0, end = size;
	size_t n = 0;
	int r = TRB_OK;

	if (old_size == 0 || old_size > size || size > TRB_MERKLE_SIZE)
		return trb_fail(err, TRB_E_INVAL, "no log grows from %llu to %llu",
				(unsigned long long)old_size, (unsigned long long)size);
	/* down to the subtree that ends where the old tree ended */
	while (end != old_size && r == TRB_OK) {
		uint64_t middle = begin + split(end - begin);

		if (old_size <= middle) {
			r = range_root(source, middle, end, ret_proof[n++], err);
			end = middle;
		} else {
			r = range_root(source, begin, middle, ret_proof[n++], err);
			begin = middle;
		}
	}
	if (r == TRB_OK && begin != 0)
		r = range_root(source, begin, end, ret_proof[n++], err);
	if (r < 0)
		return r;
	reverse(ret_proof, n);
	*ret_n = n;
	return TRB_OK;
}
