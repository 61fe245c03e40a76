/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSL's error queue belongs to the thread, and so to the program that embeds the library: what
 * a stretch of calls adds to it is taken off again, what stood there before stays. */
#ifndef TRB_FORMAT_CRYPTO_ERRORS_H
#define TRB_FORMAT_CRYPTO_ERRORS_H

#include <stdbool.h>

#include <openssl/err.h>

/* Begins the stretch; the value is for trb_crypto_end(). */
static inline unsigned long trb_crypto_begin(void)
{
	ERR_set_mark();
	return ERR_peek_last_error();
}

/* Ends it; true where it was memory that failed, which is no verdict. */
static inline bool trb_crypto_end(unsigned long begin)
{
	unsigned long last = ERR_peek_last_error();

	ERR_pop_to_mark();
	return last != begin && ERR_GET_REASON(last) == ERR_R_MALLOC_FAILURE;
}

#endif
