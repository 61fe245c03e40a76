/* SPDX-License-Identifier: Apache-2.0 */
/* The time that certificates are held against.  libgit2's TLS (mbedTLS on Debian) asks the C
 * library, and has no setting for it: here the program's own time() answers for the C library's,
 * with the enclave's time and not the machine's. */
#include <time.h>

#include "core/channel.h"
#include "fetch.h"

static struct {
	int64_t start; /* 0: by the machine's clock */
	int64_t mono_ms;
} the_clock;

static int64_t read_ms(clockid_t which)
{
	struct timespec now;

	clock_gettime(which, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void fetch_clock_set(int64_t now)
{
	the_clock.start = now;
	the_clock.mono_ms = read_ms(CLOCK_MONOTONIC);
}

__attribute__((visibility("default"))) time_t time(time_t *ret)
{
	time_t now =
		(time_t)(the_clock.start == 0
				 ? read_ms(CLOCK_REALTIME) / 1000
				 : the_clock.start +
					   (read_ms(CLOCK_MONOTONIC) - the_clock.mono_ms) / 1000);

	if (ret != NULL)
		*ret = now;
	return now;
}
