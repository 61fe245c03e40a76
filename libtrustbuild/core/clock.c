/* SPDX-License-Identifier: Apache-2.0 */
/* Deadlines by the monotonic clock. */
#include "core/clock.h"

#include <limits.h>

int64_t trb_now_ms(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t trb_deadline(int timeout_ms)
{
	return timeout_ms < 0 ? INT64_MAX : trb_now_ms(CLOCK_MONOTONIC) + timeout_ms;
}

int trb_deadline_left(int64_t deadline)
{
	int64_t left;

	if (deadline == INT64_MAX)
		return -1;
	left = deadline - trb_now_ms(CLOCK_MONOTONIC);
	if (left < 0)
		return 0;
	return left > INT_MAX ? INT_MAX : (int)left;
}
