/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-1 that notices collision attacks.  The code is libgit2's own copy of sha1dc: its two hashing
 * objects alone, out of its static library, so that no process loads libgit2 to hash. */
#ifndef TRB_FORMAT_SHA1_H
#define TRB_FORMAT_SHA1_H

#include "core/bytes.h"
#include "core/error.h"

/* The digest of head and then body.  TRB_E_FORMAT where they bear the marks of an attack. */
int trb_sha1(trb_bytes head, trb_bytes body, uint8_t ret[20], trb_error **err);

/* What sha1dc calls itself; no header of libgit2's declares it.  The state is private: it is given
 * room, and a test says how much of it is used. */
#define TRB_SHA1DC_ROOM 4096u
void SHA1DCInit(void *state);
void SHA1DCUpdate(void *state, const char *bytes, size_t len);
int SHA1DCFinal(unsigned char digest[20], void *state);

#endif
