/* SPDX-License-Identifier: Apache-2.0 */
/* A frame from tb-http, whose contents a server chose; and one to it. */
#include <stdlib.h>

#include "format/exchange.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same(trb_bytes in, trb_blob *again)
{
	if (!trb_bytes_eq(in, trb_blob_bytes(again)))
		abort();
	trb_blob_unref(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	trb_bytes in = TRB_BYTES(data, size);
	struct trb_http_request request;
	struct trb_http_answer answer;
	trb_blob *owner = NULL, *again = NULL;

	if (trb_http_request_decode(in, &request, &owner, NULL) == TRB_OK) {
		if (trb_http_request_encode(&request, &again, NULL) < 0)
			abort();
		same(in, again);
		trb_blob_unref(owner);
	} else if (trb_http_answer_decode(in, &answer, &owner, NULL) == TRB_OK) {
		if (trb_http_answer_encode(&answer, &again, NULL) < 0)
			abort();
		same(in, again);
		trb_blob_unref(owner);
	}
	return 0;
}
