/* SPDX-License-Identifier: Apache-2.0 */
/* Stretches of libcrypto's calls, and whose fault their errors are. */
#include "format/crypto.h"

#include <openssl/ec.h>
#include <openssl/err.h>

/* Marks where the stretch begins: an error that nobody else makes. */
#define BEGIN_REASON 1

void trb_crypto_begin(void)
{
	ERR_set_mark();
	ERR_raise(ERR_LIB_USER, BEGIN_REASON);
}

unsigned long trb_crypto_end(void)
{
	unsigned long error = ERR_peek_last_error();

	ERR_pop_to_mark();
	return error == ERR_PACK(ERR_LIB_USER, 0, BEGIN_REASON) ? 0 : error;
}

bool trb_crypto_is_refusal(unsigned long error)
{
	if (ERR_GET_LIB(error) != ERR_LIB_EC)
		return false;
	switch (ERR_GET_REASON(error)) {
	case EC_R_BAD_SIGNATURE:
	case EC_R_BUFFER_TOO_SMALL:
	case EC_R_INVALID_ENCODING:
	case EC_R_INVALID_FORM:
	case EC_R_POINT_AT_INFINITY:
	case EC_R_POINT_IS_NOT_ON_CURVE:
		return true;
	default:
		return false;
	}
}
