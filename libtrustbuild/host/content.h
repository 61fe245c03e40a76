/* SPDX-License-Identifier: Apache-2.0 */
/* Port 5004, the host's side: bytes by their SHA-256 out of one directory, or "not here".  The
 * enclave hashes what it gets; nothing here is trusted or decides anything. */
#ifndef TRB_HOST_CONTENT_H
#define TRB_HOST_CONTENT_H

#include "host/stream.h"

#define TRB_CONTENT_STREAMS 4u /* at a time; one question each */

struct trb_content_stream {
	int fd;
	struct trb_reader reader;
	int file; /* what is being sent; -1 before the question */
	uint64_t left;
};

struct trb_content {
	int dir; /* files named by their SHA-256 in hexadecimal; -1: nothing is here */
	struct trb_content_stream streams[TRB_CONTENT_STREAMS];
};
void trb_content_init(struct trb_content *content);
void trb_content_clear(struct trb_content *content);

bool trb_content_has(const struct trb_content *content, int fd);
/* Takes a stream over; false where there are too many, and it is closed. */
bool trb_content_add(struct trb_content *content, int fd);
/* Reads the question, or sends what there is room for.  *ret_sending: wait for room from now on;
 * the stream may be closed afterwards.  Errors: TRB_E_FORMAT or TRB_E_LIMIT where the question is
 * none. */
int trb_content_step(struct trb_content *content, int fd, bool *ret_sending, trb_error **err);

#endif
