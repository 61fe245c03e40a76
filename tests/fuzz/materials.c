/* SPDX-License-Identifier: Apache-2.0 */
/* A list of materials from outside. */
#include <stdlib.h>

#include "format/facts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	trb_bytes in = TRB_BYTES(data, size);
	struct trb_materials list;
	trb_blob *owner = NULL, *again = NULL;

	if (size > TRB_MATERIALS_BYTES + 16u || trb_materials_decode(in, &list, &owner, NULL) < 0)
		return 0;
	/* what was read is written as the same bytes */
	if (trb_materials_encode(&list, &again, NULL) < 0 ||
	    !trb_bytes_eq(in, trb_blob_bytes(again)))
		abort();
	trb_blob_unref(again);
	trb_materials_clear(&list);
	trb_blob_unref(owner);
	return 0;
}
