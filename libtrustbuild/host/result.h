/* SPDX-License-Identifier: Apache-2.0 */
/* The enclave's result: consistent in itself, with the request and with what was received.  This is
 * no verification: it stops a broken or foreign enclave before anybody takes its output for a
 * result. */
#ifndef TRB_HOST_RESULT_H
#define TRB_HOST_RESULT_H

#include <trustbuild/bundle.h>

#include "host/intake.h"
#include "host/ratchet.h"

/* Errors: a verdict with its check id, TRB_E_FORMAT, TRB_E_NOMEM. */
int trb_result_check(const struct trb_ratchet *ratchet, trb_bytes request,
		     const uint8_t pcrs[3][TRB_SHA384_LEN], struct trb_intake *intake,
		     trb_bundle **ret_bundle, trb_error **err);

#endif
