/* SPDX-License-Identifier: Apache-2.0 */
/* ECDSA by OpenSSL's cheapest way.  EC_KEY is deprecated since 3.0, and kept because a key loads in
 * a sixth of what EVP_PKEY_fromdata() takes. */
#ifndef TRB_FORMAT_EC_H
#define TRB_FORMAT_EC_H

#include <openssl/types.h>

#include "core/bytes.h"

#define TRB_P384_POINT     97 /* uncompressed: 04 || x || y */
#define TRB_P384_SIGNATURE 96 /* raw: r || s */
#define TRB_P256_SPKI      91 /* a DER SubjectPublicKeyInfo with an uncompressed point */

/* A public key; immutable, may be used by many threads at once. */
struct trb_ec_key;

/* The curve's parameters, loaded once: they cost more than a key. */
struct trb_ec_curve;
enum trb_ec_name { TRB_P256, TRB_P384 };
int trb_ec_curve_new(enum trb_ec_name name, struct trb_ec_curve **ret, trb_error **err);
struct trb_ec_curve *trb_ec_curve_free(struct trb_ec_curve *curve);

/* Loads a point and checks that it is on the curve, which suffices: the cofactor is 1.
 * Errors: TRB_E_FORMAT, TRB_E_NOMEM. */
int trb_ec_key_new(const struct trb_ec_curve *curve, trb_bytes point, struct trb_ec_key **ret,
		   trb_error **err);
/* A key that OpenSSL has read, on P-256, P-384 or P-521.  TRB_E_FORMAT where its point is none to
 * verify with, TRB_E_NOMEM; the caller makes the error. */
int trb_ec_key_of(EVP_PKEY *pkey, struct trb_ec_key **ret);
struct trb_ec_key *trb_ec_key_free(struct trb_ec_key *key);

/* TRB_OK, TRB_E_EVIDENCE where the signature is not this key's over the digest (32 bytes for P-256,
 * 48 for P-384, 64 for P-521), TRB_E_NOMEM; the caller makes the error.  DER is strict; raw is r
 * and s, each as long as the curve's field. */
int trb_ec_verify_der(const struct trb_ec_key *key, const uint8_t *digest, trb_bytes der);
int trb_ec_verify_raw(const struct trb_ec_key *key, const uint8_t *digest, trb_bytes raw);

/* The point within a P-256 key in exactly the encoding of RFC 5480 (TRB_P256_SPKI bytes); false
 * where spki is anything else. */
bool trb_p256_spki_point(trb_bytes spki, trb_bytes *ret_point);
/* One verification with such a key.  Also TRB_E_FORMAT where the key is none. */
int trb_p256_verify_der(trb_bytes spki, const uint8_t digest[32], trb_bytes der);

#endif
