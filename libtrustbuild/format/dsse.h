/* SPDX-License-Identifier: Apache-2.0 */
/* DSSE envelopes (secure-systems-lab/dsse, protocol.md): one signature, ECDSA P-256 with SHA-256 in
 * DER, no key id.  The key is made for one build; its public half is the attestation's public_key.
 */
#ifndef TRB_FORMAT_DSSE_H
#define TRB_FORMAT_DSSE_H

#include <openssl/evp.h>

#include "core/bytes.h"
#include "core/cleanup.h"
#include "format/ec.h"

#define TRB_DSSE_TYPE          "application/vnd.in-toto+json"
#define TRB_DSSE_SPKI_LEN      TRB_P256_SPKI
#define TRB_DSSE_SIGNATURE_MAX 72

TRB_DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free);
TRB_DEFINE_CLEANUP(EVP_MD_CTX *, EVP_MD_CTX_free);

/* A fresh P-256 key; EVP_PKEY_free() wipes it. */
int trb_dsse_key_new(EVP_PKEY **ret_key, trb_error **err);
int trb_dsse_key_spki(EVP_PKEY *key, uint8_t ret[TRB_DSSE_SPKI_LEN], trb_error **err);
/* Signs the pre-authentication encoding of payload under TRB_DSSE_TYPE. */
int trb_dsse_sign(EVP_PKEY *key, trb_bytes payload, trb_blob **ret_signature, trb_error **err);
/* Errors: TRB_E_CLAIM with check id "envelope.signature" where spki is not exactly a P-256 key of
 * TRB_DSSE_SPKI_LEN bytes or the signature is not its own over payload; TRB_E_NOMEM. */
int trb_dsse_verify(trb_bytes spki, trb_bytes payload, trb_bytes signature, trb_error **err);

#endif
