/* SPDX-License-Identifier: Apache-2.0 */
/* COSE_Sign1 (RFC 9052 section 4.2) as the NSM writes it: ES384, payload embedded. */
#ifndef TRB_FORMAT_COSE_H
#define TRB_FORMAT_COSE_H

#include "core/bytes.h"
#include "format/cbor.h"
#include "format/ec.h"

/* The protected header {1: -35}: ES384 and nothing beside it. */
#define TRB_COSE_ES384 TRB_BYTES_LIT("\xa1\x01\x38\x22")

struct trb_cose_sign1 {
	trb_bytes protected_header; /* TRB_COSE_ES384 */
	trb_bytes payload;          /* raw: what is signed is never encoded again */
	trb_bytes signature;        /* r || s, 96 bytes */
};

/* Takes the envelope apart.  Tag 18 may stand before it; the protected header is exactly
 * {1: -35} and the unprotected one empty.  The views point into *ret_item, which the caller
 * releases.  Errors: TRB_E_FORMAT, TRB_E_LIMIT, TRB_E_NOMEM. */
int trb_cose_sign1_decode(trb_bytes in, size_t payload_max, struct trb_cose_sign1 *ret,
			  cbor_item_t **ret_item, trb_error **err);

/* The Sig_structure "Signature1" (RFC 9052 section 4.4): what is signed. */
int trb_cose_sig_structure(trb_bytes protected_header, trb_bytes payload, trb_blob **ret,
			   trb_error **err);
/* Its SHA-384: what ES384 signs. */
int trb_cose_sign1_digest(trb_bytes protected_header, trb_bytes payload, uint8_t ret[48],
			  trb_error **err);

/* Errors: TRB_E_EVIDENCE with check id document.signature, TRB_E_NOMEM. */
int trb_cose_sign1_verify(const struct trb_cose_sign1 *sign1, const struct trb_ec_key *key,
			  trb_error **err);

/* The envelope as the NSM and nitro-cli write it: untagged, the unprotected header empty. */
int trb_cose_sign1_encode(trb_bytes protected_header, trb_bytes payload, trb_bytes signature,
			  trb_blob **ret, trb_error **err);

#endif
