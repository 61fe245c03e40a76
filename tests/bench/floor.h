/* SPDX-License-Identifier: Apache-2.0 */
/* The floor of the benchmark: a document's signatures, and nothing but OpenSSL verifying them. */
#ifndef TRB_BENCH_FLOOR_H
#define TRB_BENCH_FLOOR_H

#include "core/bytes.h"

#define FLOOR_SIGNATURES 5

/* Keys loaded, digests computed, signatures in DER: ready to be verified. */
struct floor;
struct floor *floor_new(trb_bytes document);
void floor_free(struct floor *floor);
/* Verifies the five by the cheaper of OpenSSL's two ways, ECDSA_verify() with an EC_KEY; false
 * where one does not hold. */
bool floor_run(const struct floor *floor);
/* The same by EVP_PKEY_verify(), for comparison. */
bool floor_run_evp(const struct floor *floor);

#endif
