/* SPDX-License-Identifier: Apache-2.0 */
/* Port 5004, the enclave's side: bytes by their SHA-256, which are hashed on arrival. */
#ifndef TRB_ENCLAVE_CONTENT_H
#define TRB_ENCLAVE_CONTENT_H

#include "core/bytes.h"
#include "core/error.h"

/* Asks the host at transport for the bytes, at most ceiling of them, and writes them to fd.  The
 * host is not trusted: where it sends others, fd is empty again.  Errors: TRB_E_NOTFOUND where it
 * has them not; TRB_E_LIMIT where it announces more; TRB_E_FORMAT where they are others;
 * TRB_E_TIMEOUT where nothing came for wait_ms; TRB_E_IO, TRB_E_NOMEM. */
int trb_content_get(const char *transport, const uint8_t sha256[32], uint64_t ceiling, int wait_ms,
		    int fd, uint64_t *ret_size, trb_error **err);

#endif
