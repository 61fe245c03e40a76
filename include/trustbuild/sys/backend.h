/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of backends.  A weaker promise than the other headers: the tables may grow at their end,
 * and their ABI number may go up with a minor release.
 *
 * A table says with its size how much of it there is.  What an older or smaller table has not, and
 * what is NULL, is not supported by that backend, and the library does without; a table is refused
 * only where it lacks what the first ABI had, or has a number that this library does not know. */
#ifndef TRUSTBUILD_SYS_BACKEND_H
#define TRUSTBUILD_SYS_BACKEND_H

#include <trustbuild/session.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TRB_BACKEND_ABI 2u

/* A running enclave, as a session sees it.  Descriptors belong to the session from boot() on, and
 * are -1 before it. */
typedef struct trb_tee_run {
	/* Listening stream sockets for the ports 5000, 5001, 5002 and 5003 of docs/spec/channel.md;
	 * nsm_fd is -1 where the enclave has a real NSM. */
	int control_fd, egress_fd, nsm_fd, artifact_fd;
	int console_fd;      /* what the enclave prints, to be read and logged; -1: none */
	int end_fd;          /* readable when the enclave is gone; stays the backend's own */
	uint8_t pcrs[3][48]; /* PCR0 to 2 as measured from the image */
	/* ABI 1 ends here. */
	int content_fd; /* as the others, port 5004; -1: the enclave asks for no content */
} trb_tee_run;

/* What a backend found out about one thing that it needs here.  The texts are borrowed for the
 * call. */
typedef struct trb_tee_finding {
	const char *name;   /* for example "namespaces" */
	int good, needed;   /* 1 or 0; without what is needed no enclave starts */
	const char *detail; /* what was seen */
	const char *remedy; /* what to do where it is not good */
} trb_tee_finding;
/* Called for each; anything but TRB_OK ends the look and is what the caller gets. */
typedef int (*trb_tee_found)(void *user, const trb_tee_finding *finding);

typedef struct trb_tee_ops {
	uint32_t abi;     /* TRB_BACKEND_ABI, or an earlier one */
	uint32_t size;    /* sizeof(trb_tee_ops) */
	const char *name; /* before the colon */
	const char *help; /* one line: the options after it */
	int (*open)(trb_context *context, const char *options, void **ret_self, trb_error **err);
	/* Starts the enclave before it returns. */
	int (*boot)(void *self, trb_tee_run *ret_run, trb_error **err);
	/* Once end_fd is readable: fails with the reason why the enclave is gone. */
	int (*explain)(void *self, trb_error **err);
	/* Ends the enclave without waiting. */
	void (*kill)(void *self);
	/* Ends it, waits until nothing of it is left, and frees self. */
	int (*close)(void *self, trb_error **err);
	/* As close, but without waiting; for the last unref of a session that was not closed. */
	void (*drop)(void *self);

	/* ABI 1 ends here. */

	/* TRB_ASSURANCE_HARDWARE or TRB_ASSURANCE_SIMULATED (<trustbuild/attestation.h>): what its
	 * enclaves' documents can have.  0: not stated.  To one of hardware no software NSM is
	 * served, whatever its descriptors are. */
	int assurance;
	/* In place of boot(), without waiting: begin() starts, and *ret_fd, which stays the
	 * backend's own, is readable whenever step() has something to do; step() gives TRB_E_AGAIN
	 * until the enclave runs.  Both or neither; boot() may be NULL then. */
	int (*begin)(void *self, int *ret_fd, trb_error **err);
	int (*step)(void *self, trb_tee_run *ret_run, trb_error **err);
	/* The next stream that this very enclave has opened to one of the listening sockets, for
	 * the caller to own; TRB_E_AGAIN where none waits.  For sockets that several enclaves
	 * share: a stream of another one is not handed out.  NULL: whoever connects is the
	 * enclave. */
	int (*accept)(void *self, int listener, int *ret_fd, trb_error **err);
	/* Looks at what the backend needs here, without starting anything; options as of open(). */
	int (*check)(trb_context *context, const char *options, trb_tee_found found, void *user,
		     trb_error **err);
} trb_tee_ops;

/* trb_session_open() with a table of the caller's, which must outlive the session.  Errors: also
 * TRB_E_ABI. */
TRB_API TRB_CHECK int trb_session_open_tee(trb_context *context, const trb_tee_ops *ops,
					   const char *options, trb_session **ret_session,
					   trb_error **err);

/* The backends that are compiled in, by index; NULL past the last one. */
TRB_API const trb_tee_ops *trb_tee_get(size_t index);

/* What the backend of this name, with or without options ("name:key=value,…"), needs on this
 * machine.  Errors: TRB_E_NOTFOUND, TRB_E_UNSUPPORTED where the backend cannot tell, what found()
 * returned, TRB_E_INVAL, TRB_E_IO, TRB_E_NOMEM. */
TRB_API TRB_CHECK int trb_tee_check(trb_context *context, const char *backend, trb_tee_found found,
				    void *user, trb_error **err);

/* The helper programs and scripts that belong into the helper directory
 * (trb_context_get_libexec_dir()), by index; NULL past the last one. */
TRB_API const char *trb_helper_get(size_t index);

#ifdef __cplusplus
}
#endif

#endif
