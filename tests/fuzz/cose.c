/* SPDX-License-Identifier: Apache-2.0 */
/* COSE_Sign1: what is read and written again is the same, but for longer heads and the tag. */
#include <stdlib.h>

#include "format/cose.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_round_trip(const struct trb_cose_sign1 *sign1)
{
	struct trb_cose_sign1 again;
	cbor_item_t *item = NULL;
	trb_blob *encoded = NULL;
	uint8_t digest[48];

	if (trb_cose_sign1_digest(sign1->protected_header, sign1->payload, digest, NULL) < 0 ||
	    trb_cose_sign1_encode(sign1->protected_header, sign1->payload, sign1->signature,
				  &encoded, NULL) < 0 ||
	    trb_cose_sign1_decode(trb_blob_bytes(encoded), 32 * 1024, &again, &item, NULL) < 0 ||
	    !trb_bytes_eq(sign1->protected_header, again.protected_header) ||
	    !trb_bytes_eq(sign1->payload, again.payload) ||
	    !trb_bytes_eq(sign1->signature, again.signature))
		abort();
	trb_cbor_freep(&item);
	trb_blob_unref(encoded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct trb_cose_sign1 sign1;
	cbor_item_t *item = NULL;
	trb_error *err = NULL;

	if (size > 32 * 1024)
		return 0;
	if (trb_cose_sign1_decode(TRB_BYTES(data, size), 32 * 1024, &sign1, &item, &err) == TRB_OK)
		check_round_trip(&sign1);
	trb_cbor_freep(&item);
	trb_error_unref(err);
	return 0;
}
