/* SPDX-License-Identifier: Apache-2.0 */
/* Merkle trees of transparency logs: RFC 6962 section 2.1, RFC 9162 section 2.1. */
#ifndef TRB_FORMAT_MERKLE_H
#define TRB_FORMAT_MERKLE_H

#include "core/bytes.h"

#define TRB_MERKLE_PROOF 64 /* no proof of fewer than 2^63 leaves is longer */
#define TRB_MERKLE_SIZE  (UINT64_C(1) << 62)

/* SHA-256 of 00 and the leaf; of 01 and both children; of nothing.  Errors: TRB_E_NOMEM. */
int trb_merkle_leaf(trb_bytes leaf, uint8_t ret[32], trb_error **err);
int trb_merkle_node(const uint8_t left[32], const uint8_t right[32], uint8_t ret[32],
		    trb_error **err);
int trb_merkle_empty(uint8_t ret[32], trb_error **err);

/* Proofs go from the leaf to the root.  Errors: TRB_E_LOG with check id "log.inclusion" or
 * "log.consistency", TRB_E_NOMEM.  A consistency proof from size 0 says nothing and is refused. */
int trb_merkle_check_inclusion(uint64_t index, uint64_t size, const uint8_t leaf[32],
			       const uint8_t (*proof)[32], size_t n, const uint8_t root[32],
			       trb_error **err);
int trb_merkle_check_consistency(uint64_t old_size, uint64_t size, const uint8_t (*proof)[32],
				 size_t n, const uint8_t old_root[32], const uint8_t root[32],
				 trb_error **err);

/* Where hashes come from: the root of the full subtree over leaves index << level up to
 * (index + 1) << level. */
struct trb_merkle_source {
	int (*node)(void *user, unsigned level, uint64_t index, uint8_t ret[32], trb_error **err);
	void *user;
};
int trb_merkle_root(const struct trb_merkle_source *source, uint64_t size, uint8_t ret[32],
		    trb_error **err);
/* index < size <= TRB_MERKLE_SIZE; 0 < old_size <= size; else TRB_E_INVAL. */
int trb_merkle_inclusion(const struct trb_merkle_source *source, uint64_t index, uint64_t size,
			 uint8_t (*ret_proof)[32], size_t *ret_n, trb_error **err);
int trb_merkle_consistency(const struct trb_merkle_source *source, uint64_t old_size, uint64_t size,
			   uint8_t (*ret_proof)[32], size_t *ret_n, trb_error **err);

#endif
