/* SPDX-License-Identifier: Apache-2.0 */
/* Port 5002: the simulated NSM's streams. */
#ifndef TRB_HOST_NSM_SERVER_H
#define TRB_HOST_NSM_SERVER_H

#include "host/softnsm/softnsm.h"
#include "host/stream.h"

#define TRB_NSM_STREAMS 16u

struct trb_nsm_server {
	struct trb_softnsm *nsm;
	struct {
		int fd;
		struct trb_reader reader;
	} streams[TRB_NSM_STREAMS];
};

void trb_nsm_server_init(struct trb_nsm_server *server);
void trb_nsm_server_clear(struct trb_nsm_server *server);
/* Takes over a new stream; where there are too many, it is closed and false is given. */
bool trb_nsm_server_add(struct trb_nsm_server *server, int fd);
bool trb_nsm_server_has(const struct trb_nsm_server *server, int fd);
/* Answers one request.  ret_closed: the stream ended or was bad, and fd is closed.  Errors are the
 * host's own: TRB_E_NOMEM, TRB_E_IO. */
int trb_nsm_server_step(struct trb_nsm_server *server, int fd, bool *ret_closed, trb_error **err);

#endif
