/* SPDX-License-Identifier: Apache-2.0 */
/* A control message from the peer. */
#include <stdlib.h>

#include "format/control.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	trb_bytes in = TRB_BYTES(data, size);
	struct trb_control message;
	trb_blob *owner = NULL, *again = NULL;

	if (size > TRB_FRAME_MAX + 16u || trb_control_decode(in, &message, &owner, NULL) < 0)
		return 0;
	/* what was read is written as the same bytes */
	if (trb_control_encode(&message, &again, NULL) < 0 ||
	    !trb_bytes_eq(in, trb_blob_bytes(again)))
		abort();
	trb_blob_unref(again);
	trb_blob_unref(owner);
	return 0;
}
