/* SPDX-License-Identifier: Apache-2.0 */
/* Making P-384 certificates. */
#ifndef TRB_HOST_SOFTNSM_CERT_H
#define TRB_HOST_SOFTNSM_CERT_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "core/bytes.h"
#include "core/error.h"

struct trb_cert_name {
	const char *common;
	bool place; /* C, ST and L, too */
};
struct trb_cert_form {
	struct trb_cert_name subject;
	int64_t not_before, not_after; /* Unix seconds */
	trb_bytes serial;              /* empty: 16 random bytes */
	const char *constraints, *usage;
	bool subject_id, authority_id;
};
/* issuer == NULL: self-signed. */
int trb_cert_make(const struct trb_cert_form *form, EVP_PKEY *key, X509 *issuer,
		  EVP_PKEY *issuer_key, X509 **ret, trb_error **err);
int trb_cert_der(X509 *cert, trb_blob **ret, trb_error **err);
/* TRB_E_IO with OpenSSL's own word; empties its queue. */
int trb_cert_fail(trb_error **err, const char *what);

#endif
