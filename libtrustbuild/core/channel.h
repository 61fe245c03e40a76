/* SPDX-License-Identifier: Apache-2.0 */
/* Frames on a stream: u32be length, then that many bytes.  Device code: not in the verifier half.
 */
#ifndef TRB_CORE_CHANNEL_H
#define TRB_CORE_CHANNEL_H

#include <trustbuild/context.h>

#include "core/buffer.h"

/* Waits until fd has one of events, or an error that the next read or write will show.  Errors:
 * TRB_E_TIMEOUT, TRB_E_IO. */
int trb_wait_fd(int fd, short events, int64_t deadline, trb_error **err);

/* The same, given up where context is canceled. */
int trb_wait_fd_in(const trb_context *context, int fd, short events, int64_t deadline,
		   trb_error **err);

/* Sends one frame whole, however long the peer takes up to timeout_ms (-1: for ever; 0 is not
 * allowed) on a socket.  Never raises SIGPIPE.  Errors: TRB_E_LIMIT over max, TRB_E_IO,
 * TRB_E_TIMEOUT. */
int trb_frame_send(int fd, trb_bytes body, size_t max, int timeout_ms, trb_error **err);
/* Receives one frame whole.  Errors: TRB_E_LIMIT where the peer declares more than max,
 * TRB_E_DONE at a clean end of stream before a frame, TRB_E_IO in the middle of one,
 * TRB_E_TIMEOUT. */
int trb_frame_recv(int fd, size_t max, int timeout_ms, trb_blob **ret_body, trb_error **err);

/* A blocking stream to "unix:/dir" (the socket /dir/PORT) or "vsock:CID". */
int trb_stream_connect(const char *address, unsigned port, int timeout_ms, int *ret_fd,
		       trb_error **err);
/* Listens on "unix:/dir" (creates /dir/PORT, mode 0600), "vsock:CID" or "vsock:any".  The
 * descriptor does not block: poll() it before accept(). */
int trb_stream_listen(const char *address, unsigned port, int *ret_fd, trb_error **err);

#endif
