/* SPDX-License-Identifier: Apache-2.0 */
/* A claim from outside. */
#include <stdlib.h>

#include "format/facts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	trb_bytes in = TRB_BYTES(data, size);
	struct trb_claim claim;
	trb_blob *again = NULL;

	if (size > TRB_CLAIM_MAX + 16u || trb_claim_decode(in, &claim, NULL) < 0)
		return 0;
	/* what was read is written as the same bytes */
	if (trb_claim_encode(&claim, &again, NULL) < 0 || !trb_bytes_eq(in, trb_blob_bytes(again)))
		abort();
	trb_blob_unref(again);
	return 0;
}
