/* SPDX-License-Identifier: Apache-2.0 */
/* NSM messages: a request as the simulated NSM reads it, a response as the enclave reads it.  The
 * spelling is free on both sides, so what was read is written and read again. */
#include <stdlib.h>

#include "format/nsm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_request(trb_bytes in)
{
	struct trb_nsm_request req, same;
	trb_blob *owner = NULL, *again = NULL, *same_owner = NULL;

	if (trb_nsm_request_decode(in, &req, &owner) != TRB_NSM_SUCCESS)
		return;
	if (trb_nsm_request_encode(&req, &again, NULL) < 0) {
		if (in.len <= TRB_NSM_REQUEST_MAX - 64)
			abort();
		trb_blob_unref(owner);
		return;
	}
	if (trb_nsm_request_decode(trb_blob_bytes(again), &same, &same_owner) != TRB_NSM_SUCCESS ||
	    same.op != req.op || same.index != req.index || !trb_bytes_eq(same.data, req.data) ||
	    !trb_bytes_eq(same.nonce, req.nonce) ||
	    (same.user_data.ptr == NULL) != (req.user_data.ptr == NULL))
		abort();
	trb_blob_unref(same_owner);
	trb_blob_unref(again);
	trb_blob_unref(owner);
}

static void try_response(trb_bytes in, enum trb_nsm_op op)
{
	struct trb_nsm_response rsp, same;
	trb_blob *owner = NULL, *again = NULL, *same_owner = NULL;

	if (trb_nsm_response_decode(in, op, &rsp, &owner, NULL) < 0)
		return;
	if (trb_nsm_response_encode(&rsp, &again, NULL) < 0 ||
	    trb_nsm_response_decode(trb_blob_bytes(again), op, &same, &same_owner, NULL) < 0 ||
	    same.error != rsp.error || same.lock != rsp.lock ||
	    same.locked_pcrs != rsp.locked_pcrs || !trb_bytes_eq(same.data, rsp.data))
		abort();
	trb_blob_unref(same_owner);
	trb_blob_unref(again);
	trb_blob_unref(owner);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > TRB_NSM_RESPONSE_MAX + 1)
		return 0;
	try_request(TRB_BYTES(data, size));
	for (int op = TRB_NSM_DESCRIBE_NSM; op <= TRB_NSM_ATTESTATION; op++)
		try_response(TRB_BYTES(data, size), op);
	return 0;
}
