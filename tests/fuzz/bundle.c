/* SPDX-License-Identifier: Apache-2.0 */
/* Bundles: what is read is written in one stable form, whatever its parts hold. */
#include <stdlib.h>

#include "format/bundle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	trb_bundle *bundle = NULL, *again = NULL;
	trb_blob *first = NULL, *second = NULL, *text = NULL;

	if (size > TRB_BUNDLE_MAX + 1u ||
	    trb_bundle_parse(TRB_BYTES(data, size), &bundle, NULL) < 0)
		return 0;
	/* the indented form may pass the ceiling where a compact one did not */
	if (trb_bundle_encode(bundle, &first, NULL) == TRB_OK) {
		if (trb_bundle_parse(trb_blob_bytes(first), &again, NULL) < 0 ||
		    trb_bundle_encode(again, &second, NULL) < 0 ||
		    !trb_bytes_eq(trb_blob_bytes(first), trb_blob_bytes(second)))
			abort();
	}
	if ((trb_bundle_describe(bundle, &text, NULL) == TRB_OK) != (text != NULL))
		abort();
	trb_blob_unref(first);
	trb_blob_unref(second);
	trb_blob_unref(text);
	trb_bundle_unref(bundle);
	trb_bundle_unref(again);
	return 0;
}
