/* SPDX-License-Identifier: Apache-2.0 */
/* Backend "process": the image's userland in namespaces of its own.  Simulated. */
#ifndef TRB_HOST_TEE_PROCESS_H
#define TRB_HOST_TEE_PROCESS_H

#include <trustbuild/sys/backend.h>

#include "core/cleanup.h"
#include "format/facts.h"

extern const trb_tee_ops trb_tee_process;

/* Its slot check. */
int trb_process_check(trb_context *context, const char *options, trb_tee_found found, void *user,
		      trb_error **err);

/* The image's ramdisks, unpacked: measured and extracted once from one descriptor, found again by
 * what the file system says about the file. */
int trb_eif_cache(trb_context *context, const char *eif, int *ret_userland,
		  uint8_t ret_pcrs[3][TRB_SHA384_LEN], trb_error **err);

/* The same where that was done before; else TRB_E_NOTFOUND, without waiting. */
int trb_eif_cache_find(trb_context *context, const char *eif, int *ret_userland,
		       uint8_t ret_pcrs[3][TRB_SHA384_LEN], trb_error **err);

/* A run directory below the state directory, which holds the port sockets.  It is locked as long as
 * any copy of lock is open, and swept away by whoever comes next when it is not. */
struct trb_run_dir {
	int parent, lock, ports;
	char name[24];
	char *address; /* "unix:/…/ports" */
};
#define TRB_RUN_DIR_NONE ((struct trb_run_dir){ .parent = -1, .lock = -1, .ports = -1 })
int trb_run_dir_make(const char *state_dir, struct trb_run_dir *ret, trb_error **err);
/* Lets go of it without removing it. */
void trb_run_dir_clear(struct trb_run_dir *run);

#endif
