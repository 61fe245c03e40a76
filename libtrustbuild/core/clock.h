/* SPDX-License-Identifier: Apache-2.0 */
/* What time it is, and how much of it is left.  Not in the verifier half, which is told the time.
 */
#ifndef TRB_CORE_CLOCK_H
#define TRB_CORE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Milliseconds on one of the system's clocks. */
int64_t trb_now_ms(clockid_t clock);
/* Monotonic deadlines, so that several steps share one limit; -1 means for ever. */
int64_t trb_deadline(int timeout_ms);
/* Milliseconds left for poll(): -1 for ever, 0 when it has passed. */
int trb_deadline_left(int64_t deadline);

#endif
