/* SPDX-License-Identifier: Apache-2.0 */
#include "host/event.h"

void trb_events_init(struct trb_events *events)
{
	events->first = NULL;
	events->last = &events->first;
}

void trb_events_clear(struct trb_events *events)
{
	struct trb_event *event;

	while ((event = trb_events_take(events)) != NULL)
		trb_event_unref(event);
}

struct trb_event *trb_events_add(struct trb_events *events, int type, trb_bytes text)
{
	struct trb_event *event = calloc(1, sizeof(*event));

	if (event == NULL || trb_blob_new(text, &event->text, NULL) < 0) {
		free(event);
		return NULL;
	}
	event->type = type;
	*events->last = event;
	events->last = &event->next;
	return event;
}

struct trb_event *trb_events_take(struct trb_events *events)
{
	struct trb_event *event = events->first;

	if (event == NULL)
		return NULL;
	events->first = event->next;
	if (events->first == NULL)
		events->last = &events->first;
	event->next = NULL;
	return event;
}

trb_event *trb_event_unref(trb_event *event)
{
	if (event == NULL)
		return NULL;
	trb_blob_unref(event->text);
	trb_bundle_unref(event->bundle);
	free(event);
	return NULL;
}

int trb_event_get_type(const trb_event *event)
{
	return event->type;
}

const char *trb_event_get_state(const trb_event *event)
{
	return event->state;
}

trb_bytes trb_event_get_text(const trb_event *event)
{
	return trb_blob_bytes(event->text);
}

int trb_event_get_stream(const trb_event *event)
{
	return event->stream;
}

uint64_t trb_event_get_size(const trb_event *event)
{
	return event->size;
}

int trb_event_is_attested(const trb_event *event)
{
	return event->attested;
}

trb_bundle *trb_event_get_bundle(const trb_event *event)
{
	return event->bundle;
}
