/* SPDX-License-Identifier: Apache-2.0 */
/* The enclave's time: what the NSM said once, and what has passed since.  The machine's clock is
 * the host's word, at boot and, where the enclave shares a kernel with the host, ever after. */
#ifndef TRB_ENCLAVE_CLOCK_H
#define TRB_ENCLAVE_CLOCK_H

#include <stdint.h>

#include "core/error.h"

struct trb_clock {
	int64_t nsm_ms;  /* since 1970 */
	int64_t mono_ms; /* when the NSM said so */
};

/* Starts from the time in a document, and sets the machine's clock by it, for the programs that ask
 * that one.  TRB_E_STATE where the time is before this release, or where the machine's clock is
 * minutes off and cannot be set. */
int trb_clock_start(struct trb_clock *clock, uint64_t document_ms, trb_error **err);
/* Seconds since 1970. */
int64_t trb_clock_now(const struct trb_clock *clock);
/* A later document's time.  TRB_E_EVIDENCE where it was turned back. */
int trb_clock_check(const struct trb_clock *clock, uint64_t document_ms, trb_error **err);

#endif
