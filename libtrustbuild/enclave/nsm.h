/* SPDX-License-Identifier: Apache-2.0 */
/* The Nitro Security Module, as the enclave sees it (docs/spec/nsm.md). */
#ifndef TRB_ENCLAVE_NSM_H
#define TRB_ENCLAVE_NSM_H

#include "core/cleanup.h"
#include "format/nsm.h"

#define TRB_NSM_DEVICE "/dev/nsm"

struct trb_nsm;

/* name is the absolute path of the device, or "softnsm": the simulated NSM behind port 5002 of
 * transport.  Neither stands in for the other.  Errors: TRB_E_NOTFOUND, TRB_E_IO, TRB_E_INVAL. */
int trb_nsm_open(const char *name, const char *transport, struct trb_nsm **ret, trb_error **err);
struct trb_nsm *trb_nsm_free(struct trb_nsm *nsm);
TRB_DEFINE_CLEANUP(struct trb_nsm *, trb_nsm_free);

/* One request and its answer; what the NSM refuses is TRB_E_IO with its own word.  Views of ret
 * live as long as ret_owner. */
int trb_nsm_call(struct trb_nsm *nsm, const struct trb_nsm_request *request,
		 struct trb_nsm_response *ret, trb_blob **ret_owner, trb_error **err);

/* At least n bytes of the NSM's randomness into OpenSSL's pool and into the kernel's, the device
 * pool, which is what every other program of the enclave takes its keys from. */
int trb_nsm_seed(struct trb_nsm *nsm, const char *pool, size_t n, trb_error **err);
/* Extends a fresh PCR once by data, locks it, and checks that it then holds what it must: a PCR
 * that somebody extended before is TRB_E_MEASUREMENT. */
int trb_nsm_lock_to(struct trb_nsm *nsm, unsigned index, const uint8_t data[32], trb_error **err);
/* A document; empty views are null in it. */
int trb_nsm_attest(struct trb_nsm *nsm, trb_bytes user_data, trb_bytes nonce, trb_bytes public_key,
		   trb_blob **ret_document, trb_error **err);

#endif
