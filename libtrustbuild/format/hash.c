/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 and SHA-384 of bytes. */
#include <openssl/evp.h>

#include "core/error.h"
#include "format/crypto.h"
#include "format/facts.h"

static int digest(const EVP_MD *md, trb_bytes in, uint8_t *ret, trb_error **err)
{
	TRB_CRYPTO_SCOPE;

	if (EVP_Digest(in.ptr, in.len, ret, NULL, md, NULL) != 1)
		return trb_fail(err, TRB_E_NOMEM, "OpenSSL cannot compute a digest");
	return TRB_OK;
}

int trb_sha256(trb_bytes in, uint8_t ret[32], trb_error **err)
{
	return digest(EVP_sha256(), in, ret, err);
}

int trb_sha384(trb_bytes in, uint8_t ret[48], trb_error **err)
{
	return digest(EVP_sha384(), in, ret, err);
}
