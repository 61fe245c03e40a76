/* SPDX-License-Identifier: Apache-2.0 */
/* Proofs from outside: index, size, then hashes.  A forged proof never passes: the root that is
 * checked against is all ones, which no hash is. */
#include <stdlib.h>

#include "format/merkle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t number(trb_bytes *in)
{
	trb_bytes bytes = trb_bytes_take(in, 8);
	uint64_t value = 0;

	for (size_t i = 0; i < bytes.len && bytes.ptr != NULL; i++)
		value = value << 8 | bytes.ptr[i];
	return value;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	trb_bytes in = TRB_BYTES(data, size);
	uint8_t proof[TRB_MERKLE_PROOF][32], root[32], leaf[32] = { 0 };
	uint64_t a, b;
	size_t n;

	if (size < 16)
		return 0;
	a = number(&in);
	b = number(&in);
	n = in.len / 32 < TRB_MERKLE_PROOF ? in.len / 32 : TRB_MERKLE_PROOF;
	memcpy(proof, in.ptr, n * 32);
	memset(root, 0xff, sizeof(root));
	if (trb_merkle_check_inclusion(a, b, leaf, (const uint8_t(*)[32])proof, n, root, NULL) ==
	    TRB_OK)
		abort();
	if (trb_merkle_check_consistency(a, b, (const uint8_t(*)[32])proof, n, leaf, root, NULL) ==
	    TRB_OK)
		abort();
	return 0;
}
