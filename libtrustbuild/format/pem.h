/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and certificates in PEM, never with a password. */
#ifndef TRB_FORMAT_PEM_H
#define TRB_FORMAT_PEM_H

#include <openssl/x509.h>

#include "core/bytes.h"

/* The first private key, the first certificate of the text; what stands before it does not matter.
 * TRB_OK, TRB_E_FORMAT where there is none, TRB_E_NOMEM; the caller makes the error. */
int trb_pem_read_key(trb_bytes pem, EVP_PKEY **ret);
int trb_pem_read_cert(trb_bytes pem, X509 **ret);
/* Is this the certificate's private key?  TRB_OK, TRB_E_FORMAT, TRB_E_NOMEM. */
int trb_pem_check_pair(X509 *cert, EVP_PKEY *key);

#endif
