/* SPDX-License-Identifier: Apache-2.0 */
/* Questions for content, and their answers. */
#include <stdlib.h>

#include "format/control.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	trb_bytes in = TRB_BYTES(data, size);
	struct trb_content_ask ask;
	struct trb_content_answer answer;
	trb_blob *again = NULL;

	if (trb_content_ask_decode(in, &ask, NULL) == TRB_OK) {
		if (trb_content_ask_encode(&ask, &again, NULL) < 0 ||
		    !trb_bytes_eq(in, trb_blob_bytes(again)))
			abort();
		trb_blob_unref(again);
	}
	if (trb_content_answer_decode(in, &answer, NULL) == TRB_OK) {
		if (trb_content_answer_encode(&answer, &again, NULL) < 0 ||
		    !trb_bytes_eq(in, trb_blob_bytes(again)))
			abort();
		trb_blob_unref(again);
	}
	return 0;
}
