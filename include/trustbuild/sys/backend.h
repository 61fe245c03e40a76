/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of backends.  A weaker promise than the other headers: the tables may grow at their end,
 * and their ABI number may go up with a minor release. */
#ifndef TRUSTBUILD_SYS_BACKEND_H
#define TRUSTBUILD_SYS_BACKEND_H

#include <trustbuild/session.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TRB_BACKEND_ABI 1u

/* A running enclave, as a session sees it.  Descriptors belong to the session from boot() on. */
typedef struct trb_tee_run {
	/* Listening stream sockets for the ports 5000, 5001, 5002 and 5003 of docs/spec/channel.md;
	 * nsm_fd is -1 where the enclave has a real NSM. */
	int control_fd, egress_fd, nsm_fd, artifact_fd;
	int console_fd;      /* what the enclave prints, to be read and logged; -1: none */
	int end_fd;          /* readable when the enclave is gone; stays the backend's own */
	uint8_t pcrs[3][48]; /* PCR0 to 2 as measured from the image */
} trb_tee_run;

typedef struct trb_tee_ops {
	uint32_t abi;     /* TRB_BACKEND_ABI */
	uint32_t size;    /* sizeof(trb_tee_ops) */
	const char *name; /* before the colon */
	const char *help; /* one line: the options after it */
	int (*open)(trb_context *context, const char *options, void **ret_self, trb_error **err);
	int (*boot)(void *self, trb_tee_run *ret_run, trb_error **err);
	/* Once end_fd is readable: fails with the reason why the enclave is gone. */
	int (*explain)(void *self, trb_error **err);
	/* Ends the enclave without waiting. */
	void (*kill)(void *self);
	/* Ends it, waits until nothing of it is left, and frees self. */
	int (*close)(void *self, trb_error **err);
	/* As close, but without waiting; for the last unref of a session that was not closed. */
	void (*drop)(void *self);
} trb_tee_ops;

/* trb_session_open() with a table of the caller's, which must outlive the session.  Errors: also
 * TRB_E_ABI. */
TRB_API TRB_CHECK int trb_session_open_tee(trb_context *context, const trb_tee_ops *ops,
					   const char *options, trb_session **ret_session,
					   trb_error **err);

/* The backends that are compiled in, by index; NULL past the last one. */
TRB_API const trb_tee_ops *trb_tee_get(size_t index);

#ifdef __cplusplus
}
#endif

#endif
