/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSL's error queue belongs to the caller's thread: what the library puts into it is read and
 * taken out again. */
#ifndef TRB_FORMAT_CRYPTO_H
#define TRB_FORMAT_CRYPTO_H

#include "core/cleanup.h"

/* Begins and ends a stretch of OpenSSL calls; nests.  The end gives the newest error of the
 * stretch, 0 where there was none, and leaves the queue as it was. */
void trb_crypto_begin(void);
unsigned long trb_crypto_end(void);

static inline void trb_crypto_endp(const int *scope)
{
	(void)scope;
	trb_crypto_end();
}
/* A stretch that ends with the scope. */
#define TRB_CRYPTO_SCOPE                                                       \
	_cleanup_(trb_crypto_endp) int crypto_scope_ __attribute__((unused)) = \
		(trb_crypto_begin(), 0)

/* Does this error say that a signature, or a point, is none?  Everything else that goes wrong is
 * OpenSSL's own trouble (memory, mostly), of which no verdict may be made. */
bool trb_crypto_is_refusal(unsigned long error);

#endif
