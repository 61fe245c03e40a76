/* SPDX-License-Identifier: Apache-2.0 */
/* The time that certificates are held against.  libgit2's TLS (mbedTLS on Debian) asks the C
 * library, and has no setting for it: here the program's own time() answers for the C library's,
 * with the enclave's time and not the machine's. */
#include "core/clock.h"
#include "fetch/fetch.h"

static struct {
	int64_t start; /* 0: by the machine's clock */
	int64_t mono_ms;
} the_clock;

void fetch_clock_set(int64_t now)
{
	the_clock.start = now;
	the_clock.mono_ms = trb_now_ms(CLOCK_MONOTONIC);
}

__attribute__((visibility("default"))) time_t time(time_t *ret)
{
	time_t now = (time_t)(the_clock.start == 0
				      ? trb_now_ms(CLOCK_REALTIME) / 1000
				      : the_clock.start +
						(trb_now_ms(CLOCK_MONOTONIC) - the_clock.mono_ms) /
							1000);

	if (ret != NULL)
		*ret = now;
	return now;
}
