/* SPDX-License-Identifier: Apache-2.0 */
/* ECDSA over P-384 by OpenSSL's cheapest way.  EC_KEY is deprecated since 3.0, and kept because a
 * key loads in a sixth of what EVP_PKEY_fromdata() takes. */
#ifndef TRB_FORMAT_P384_H
#define TRB_FORMAT_P384_H

#include "core/bytes.h"

#define TRB_P384_POINT     97 /* uncompressed: 04 || x || y */
#define TRB_P384_SIGNATURE 96 /* raw: r || s */

/* A public key; immutable, counted, may be used by many threads at once. */
struct trb_p384_key;

/* The curve's parameters, loaded once: they cost more than a key. */
struct trb_p384_curve;
int trb_p384_curve_new(struct trb_p384_curve **ret, trb_error **err);
struct trb_p384_curve *trb_p384_curve_free(struct trb_p384_curve *curve);

/* Loads a point and checks that it is on the curve, which suffices: the cofactor is 1.
 * Errors: TRB_E_FORMAT, TRB_E_NOMEM. */
int trb_p384_key_new(const struct trb_p384_curve *curve, trb_bytes point, struct trb_p384_key **ret,
		     trb_error **err);
struct trb_p384_key *trb_p384_key_ref(struct trb_p384_key *key);
struct trb_p384_key *trb_p384_key_unref(struct trb_p384_key *key);

/* TRB_OK, TRB_E_EVIDENCE where the signature is not this key's over the digest, TRB_E_NOMEM; the
 * caller makes the error. */
int trb_p384_verify_der(const struct trb_p384_key *key, const uint8_t digest[48], trb_bytes der);
int trb_p384_verify_raw(const struct trb_p384_key *key, const uint8_t digest[48], trb_bytes raw);

#endif
