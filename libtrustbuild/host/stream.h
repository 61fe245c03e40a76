/* SPDX-License-Identifier: Apache-2.0 */
/* Frames without waiting, for the session's loop. */
#ifndef TRB_HOST_STREAM_H
#define TRB_HOST_STREAM_H

#include "core/buffer.h"
#include "core/error.h"

/* Reads one frame at a time and never a byte of the next one, so that what is not read yet stays
 * visible to poll(). */
struct trb_reader {
	uint8_t head[4];
	size_t have; /* bytes of head */
	size_t want; /* bytes of the body */
	size_t max;
	struct trb_buf body;
};
void trb_reader_init(struct trb_reader *reader, size_t max);
void trb_reader_clear(struct trb_reader *reader);
/* Errors: TRB_E_AGAIN, TRB_E_DONE at a clean end, TRB_E_LIMIT over max, TRB_E_IO, TRB_E_NOMEM. */
int trb_reader_step(struct trb_reader *reader, int fd, trb_blob **ret_frame, trb_error **err);

/* Sends one frame at once or fails with TRB_E_IO: a peer that does not read is not waited for. */
int trb_send_frame_now(int fd, trb_bytes body, trb_error **err);

/* A copy of fd to whoever has the other end of a SOCK_SEQPACKET socket; false where there is no
 * room for it now. */
bool trb_send_fd(int socket, int fd);

/* Accepts without waiting; TRB_E_AGAIN where nobody is there. */
int trb_accept(int listener, int *ret_fd, trb_error **err);

#endif
