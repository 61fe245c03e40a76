/* SPDX-License-Identifier: Apache-2.0 */
/* The control stream: below the stages, which wait while the host is listened to. */
#ifndef TRB_ENCLAVE_TALK_H
#define TRB_ENCLAVE_TALK_H

#include "enclave/client.h"

/* Connects, and agrees on the channel's version. */
int trb_enclave_hello(struct trb_enclave *e, trb_error **err);
int trb_enclave_send(struct trb_enclave *e, const struct trb_control *msg, trb_error **err);
/* Polls the control stream and fd once: TRB_OK where fd is ready, TRB_E_AGAIN where not. */
int trb_enclave_poll(struct trb_enclave *e, int fd, short events, int timeout_ms, trb_error **err);
/* Waits for fd, up to TRB_ENCLAVE_WAIT_MS, while the host is listened to.  fd -1: only looks at
 * what the host has said. */
int trb_enclave_wait(struct trb_enclave *e, int fd, short events, trb_error **err);
/* The host is told once, and may be gone. */
void trb_enclave_tell_failure(const struct trb_enclave *e, int code, const trb_error *error);
/* An enclave that ends at once may take its last bytes with it: the host closes first. */
void trb_enclave_linger(const struct trb_enclave *e);

/* Drops the last reference to what may be a credential, and wipes it; returns NULL. */
trb_blob *trb_enclave_wipe(trb_blob *blob);
/* All of them. */
void trb_enclave_forget_credentials(struct trb_enclave *e);

#endif
