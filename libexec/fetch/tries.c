/* SPDX-License-Identifier: Apache-2.0 */
/* Servers have bad moments: a few tries, further and further apart, or as far as the server asks.
 */
#include <poll.h>

#include "core/clock.h"
#include "core/error.h"
#include "fetch/fetch.h"

#define TRIES        4u
#define FIRST_WAIT   1u /* seconds; each later one is twice as long */
#define WAIT_AT_MOST 300u

static int fail_late(const struct fetch *f, trb_error **err)
{
	return trb_fail_check(err, TRB_E_TIMEOUT, TRB_CHECK_LIMIT,
			      "the source was not fetched in %llu seconds",
			      (unsigned long long)f->limits.wall_s);
}

static int fail_unwanted(trb_error **err)
{
	return trb_fail(err, TRB_E_IO, "nobody waits for the source any more");
}

static int wait_ms(struct fetch *f, int ms, trb_error **err)
{
	struct pollfd p = { .fd = f->out };
	int r;

	do
		r = poll(&p, 1, ms);
	while (r < 0 && errno == EINTR);
	if (r < 0 || (p.revents & (POLLERR | POLLHUP)) != 0)
		return fail_unwanted(err);
	return trb_deadline_left(f->deadline) == 0 ? fail_late(f, err) : TRB_OK;
}

int fetch_still_wanted(struct fetch *f, trb_error **err)
{
	return wait_ms(f, 0, err);
}

/* A wait that the deadline or patience cannot hold is none: the server's own answer says why. */
static bool can_wait(const struct fetch *f, uint64_t seconds)
{
	int left = trb_deadline_left(f->deadline);

	return seconds <= WAIT_AT_MOST && (left < 0 || (uint64_t)left > seconds * 1000);
}

int fetch_tries(struct fetch *f, int (*once)(void *user, trb_error **err), void *user,
		trb_error **err)
{
	uint64_t wait = FIRST_WAIT;

	for (unsigned i = 1;; i++, wait *= 2) {
		_cleanup_(trb_error_unrefp) trb_error *why = NULL;
		uint64_t seconds;
		int r;

		f->again = false;
		f->again_after_s = 0;
		r = once(user, &why);
		seconds = f->again_after_s > wait ? f->again_after_s : wait;
		if (r == TRB_OK || !f->again || i == TRIES || !can_wait(f, seconds)) {
			if (r < 0 && err != NULL && *err == NULL)
				*err = steal_ptr(&why);
			return r < 0 && i > 1 ? trb_wrap(err, r, "after %u tries", i) : r;
		}
		fetch_progress(f, "%s; once more in %llu s", trb_error_message(why),
			       (unsigned long long)seconds);
		r = wait_ms(f, (int)seconds * 1000, err);
		if (r < 0)
			return r;
	}
}
