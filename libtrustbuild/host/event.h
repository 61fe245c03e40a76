/* SPDX-License-Identifier: Apache-2.0 */
/* A session's events, as its parts put them in. */
#ifndef TRB_HOST_EVENT_H
#define TRB_HOST_EVENT_H

#include <trustbuild/session.h>

#include "core/cleanup.h"

struct trb_event {
	int type, stream;
	const char *state;
	trb_blob *text;
	uint64_t size;
	bool attested;
	uint8_t digest[32]; /* of an artifact */
	trb_bundle *bundle;
	/* of READY */
	uint64_t cpus, memory_mib;
	char *model;
	/* of COMMITTED */
	const char *relation; /* NULL: the request has no ref */
	uint64_t steps;
	char tip[65], tag[65]; /* empty: none */
	char *location;
	struct trb_event *next;
};

/* A queue in order. */
struct trb_events {
	struct trb_event *first, **last;
};
void trb_events_init(struct trb_events *events);
void trb_events_clear(struct trb_events *events);
/* A new event at the end, to be filled; text is copied.  NULL when out of memory. */
struct trb_event *trb_events_add(struct trb_events *events, int type, trb_bytes text);
/* One that exists, which has no next one; taken over. */
void trb_events_put(struct trb_events *events, struct trb_event *event);
/* The first one, which the caller owns now, or NULL. */
struct trb_event *trb_events_take(struct trb_events *events);

/* As progress lines, for loops that run without anybody who looks at events. */
void trb_event_tell(trb_context *context, const trb_event *event);

TRB_DEFINE_CLEANUP(trb_event *, trb_event_unref);
TRB_DEFINE_CLEANUP(trb_session *, trb_session_unref);

#endif
