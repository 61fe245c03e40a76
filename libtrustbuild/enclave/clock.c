/* SPDX-License-Identifier: Apache-2.0 */
/* The enclave's own time, by what the NSM said (clock.h). */
#include "enclave/clock.h"

#include <stdlib.h>

#include "core/clock.h"
#include "core/release.h"
#include "format/times.h"

#define EXACT_MS 2000
#define SLACK_MS 300000

static int64_t now_ms(const struct trb_clock *clock)
{
	return clock->nsm_ms + trb_now_ms(CLOCK_MONOTONIC) - clock->mono_ms;
}

static int set_machine(int64_t ms, trb_error **err)
{
	const struct timespec to = { .tv_sec = (time_t)(ms / 1000),
				     .tv_nsec = (long)(ms % 1000) * 1000000 };
	int64_t off = llabs(trb_now_ms(CLOCK_REALTIME) - ms);

	if (off <= EXACT_MS || clock_settime(CLOCK_REALTIME, &to) == 0)
		return TRB_OK;
	if (off > SLACK_MS)
		return trb_fail(err, TRB_E_STATE,
				"the clock is %lld s away from the NSM's, and cannot be set here: "
				"set the host's clock",
				(long long)off / 1000);
	return TRB_OK;
}

int trb_clock_start(struct trb_clock *clock, uint64_t document_ms, trb_error **err)
{
	char text[TRB_TIME_TEXT];

	if (!trb_time_format(document_ms / 1000, text))
		return trb_fail(err, TRB_E_STATE, "the NSM's time is after the year 9999");
	if (document_ms / 1000 < TRB_RELEASE_TIME)
		return trb_fail(err, TRB_E_STATE,
				"the NSM's time, %s, is before this release was made: set the "
				"host's clock",
				text);
	*clock = (struct trb_clock){ .nsm_ms = (int64_t)document_ms,
				     .mono_ms = trb_now_ms(CLOCK_MONOTONIC) };
	return set_machine((int64_t)document_ms, err);
}

int64_t trb_clock_now(const struct trb_clock *clock)
{
	return now_ms(clock) / 1000;
}

int trb_clock_check(const struct trb_clock *clock, uint64_t document_ms, trb_error **err)
{
	int64_t back = now_ms(clock) - (int64_t)document_ms;

	/* the NSM's own clock may be corrected a little while a build runs */
	if (document_ms >= (uint64_t)clock->nsm_ms && back <= SLACK_MS)
		return TRB_OK;
	return trb_fail(err, TRB_E_EVIDENCE,
			"the NSM's clock was turned back: its document is %lld s behind",
			(long long)back / 1000);
}
