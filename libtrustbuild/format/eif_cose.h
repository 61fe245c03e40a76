/* SPDX-License-Identifier: Apache-2.0 */
/* COSE as the image signature needs it: ES256, ES384, ES512. */
#ifndef TRB_FORMAT_EIF_COSE_H
#define TRB_FORMAT_EIF_COSE_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "format/eif.h"

struct cose_alg {
	int id;
	const char *group, *digest;
	size_t half; /* bytes of r, and of s */
	uint8_t protected[4];
	size_t protected_len;
};

/* NULL for a key of another kind. */
const struct cose_alg *trb_cose_alg_of_key(EVP_PKEY *key);
int trb_eif_signed_payload(const uint8_t pcr0[SHA384_SIZE], trb_blob **ret, trb_error **err);
int trb_eif_certificate(trb_bytes pem, X509 **ret_cert, uint8_t ret_pcr8[SHA384_SIZE],
			trb_error **err);

#endif
