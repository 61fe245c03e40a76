/* SPDX-License-Identifier: Apache-2.0 */
/* What an enclave says to the host: frames, u16be length each, against the host's half of the
 * ratchet. */
#include <stdlib.h>
#include <string.h>

#include "host/ratchet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* DONE means that every step before it was taken and every part is whole. */
static void check_done(const struct trb_ratchet *ratchet, const struct trb_events *events)
{
	size_t states = 0;

	for (const struct trb_event *e = events->first; e != NULL; e = e->next)
		states += e->type == TRB_EVENT_STATE;
	if (states != 7 || (ratchet->whole_parts & 31) != 31 || ratchet->open_part != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct trb_request_facts asked = { .repository = TRB_BYTES_LIT("https://e.org/r"),
					   .commit.algorithm = 1,
					   .ref = TRB_BYTES_LIT("refs/heads/main") };
	enum trb_ratchet_do what = TRB_DO_NOTHING;
	struct trb_ratchet ratchet;
	struct trb_events events;
	int r = TRB_OK;

	memset(asked.commit.id, 0x11, 20);
	trb_ratchet_init(&ratchet, &asked.commit);
	if (trb_ratchet_ask(&ratchet, &asked, NULL) < 0)
		abort();
	trb_events_init(&events);
	while (r == TRB_OK && size >= 2) {
		size_t n = (size_t)data[0] << 8 | data[1];

		data += 2;
		size -= 2;
		if (n > size)
			n = size;
		r = trb_ratchet_take(&ratchet, TRB_BYTES(data, n), &events, &what, NULL);
		if (r == TRB_OK && what == TRB_DO_FINISH)
			check_done(&ratchet, &events);
		if (what == TRB_DO_FINISH && r == TRB_OK && ratchet.state != TRB_HOST_DONE)
			abort();
		data += n;
		size -= n;
	}
	trb_events_clear(&events);
	trb_ratchet_clear(&ratchet);
	return 0;
}
