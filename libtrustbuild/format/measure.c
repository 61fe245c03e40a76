/* SPDX-License-Identifier: Apache-2.0 */
/* The locked measurements of docs/spec/facts.cddl. */
#include "core/error.h"
#include "format/fact_cbor.h"

int trb_pcr16_data(trb_bytes request, uint8_t ret[32], trb_error **err)
{
	return trb_sha256(request, ret, err);
}

int trb_pcr17_data(const struct trb_commit *commit, const uint8_t source[32],
		   const uint8_t environment[32], uint8_t ret[32], trb_error **err)
{
	_cleanup_buf_ struct trb_buf b;
	int r;

	trb_buf_init(&b, TRB_CLAIM_MAX);
	trb_cbor_put_array(&b, 3);
	trb_cbor_put_commit(&b, commit);
	trb_cbor_put_bstr(&b, TRB_BYTES(source, 32));
	trb_cbor_put_bstr(&b, TRB_BYTES(environment, 32));
	r = trb_buf_check(&b, "the measured commit", err);
	return r < 0 ? r : trb_sha256(trb_buf_bytes(&b), ret, err);
}

int trb_pcr_extend_once(const uint8_t data[32], uint8_t ret[48], trb_error **err)
{
	uint8_t old_and_data[48 + 32] = { 0 };

	memcpy(old_and_data + 48, data, 32);
	return trb_sha384(TRB_BYTES(old_and_data, sizeof(old_and_data)), ret, err);
}
