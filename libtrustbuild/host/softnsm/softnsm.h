/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated NSM: answers the NSM's own CBOR requests with byte-real documents, signed under a
 * development root whose subject says SIMULATED.  One object is one enclave's NSM. */
#ifndef TRB_HOST_SOFTNSM_H
#define TRB_HOST_SOFTNSM_H

#include "format/facts.h"

#define TRB_SOFTNSM_PCRS     32u
#define TRB_SOFTNSM_BOOTED   16u /* PCR0..15 are locked from boot */
#define TRB_SOFTNSM_CABUNDLE 4u  /* root, regional, zonal, instance */

struct trb_softnsm;

/* pcrs are PCR0..2 as measured.  The development root lives below state_dir and is made there at
 * the first use.  Errors: TRB_E_IO, TRB_E_FORMAT (damaged root), TRB_E_NOMEM. */
int trb_softnsm_new(const char *state_dir, const uint8_t pcrs[3][TRB_SHA384_LEN],
		    struct trb_softnsm **ret, trb_error **err);
struct trb_softnsm *trb_softnsm_free(struct trb_softnsm *nsm);

/* Answers one request; what a real NSM refuses is an answer, too.  Errors: TRB_E_NOMEM, TRB_E_IO
 * (OpenSSL). */
int trb_softnsm_answer(struct trb_softnsm *nsm, trb_bytes request, trb_blob **ret_response,
		       trb_error **err);

/* i-…-enc…, as long as nsm lives. */
const char *trb_softnsm_module_id(const struct trb_softnsm *nsm);
/* The root certificate's DER, as long as nsm lives. */
trb_bytes trb_softnsm_root(const struct trb_softnsm *nsm);

TRB_DEFINE_CLEANUP(struct trb_softnsm *, trb_softnsm_free);

#endif
