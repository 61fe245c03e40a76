/* SPDX-License-Identifier: Apache-2.0 */
/* A session's events: queued, taken, read. */
#include "host/event.h"

#include "core/context.h"

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

void trb_events_put(struct trb_events *events, struct trb_event *event)
{
	*events->last = event;
	events->last = &event->next;
}

struct trb_event *trb_events_add(struct trb_events *events, int type, trb_bytes text)
{
	struct trb_event *event = calloc(1, sizeof(*event));

	if (event == NULL || trb_blob_new(text, &event->text, NULL) < 0) {
		free(event);
		return NULL;
	}
	event->type = type;
	trb_events_put(events, event);
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
	free(event->model);
	free(event->location);
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

uint64_t trb_event_get_cpus(const trb_event *event)
{
	return event->cpus;
}

uint64_t trb_event_get_memory_mib(const trb_event *event)
{
	return event->memory_mib;
}

const char *trb_event_get_cpu_model(const trb_event *event)
{
	return event->model;
}

const char *trb_event_get_relation(const trb_event *event)
{
	return event->relation;
}

uint64_t trb_event_get_steps(const trb_event *event)
{
	return event->steps;
}

const char *trb_event_get_tip(const trb_event *event)
{
	return event->tip[0] != '\0' ? event->tip : NULL;
}

const char *trb_event_get_tag(const trb_event *event)
{
	return event->tag[0] != '\0' ? event->tag : NULL;
}

const char *trb_event_get_location(const trb_event *event)
{
	return event->location;
}

trb_bundle *trb_event_get_bundle(const trb_event *event)
{
	return event->bundle;
}

/* A sink takes one line a call. */
static void tell_lines(trb_context *context, int level, const char *what, trb_bytes text)
{
	while (text.len > 0) {
		const uint8_t *end = memchr(text.ptr, '\n', text.len);
		size_t n = end != NULL ? (size_t)(end - text.ptr) : text.len;

		trb_tell(context, level, "%s%.*s", what, (int)n, (const char *)text.ptr);
		n += end != NULL;
		text.ptr += n;
		text.len -= n;
	}
}

void trb_event_tell(trb_context *context, const trb_event *event)
{
	trb_bytes text = trb_event_get_text(event);

	switch (trb_event_get_type(event)) {
	case TRB_EVENT_STATE:
	case TRB_EVENT_STEP:
		trb_tell(context, TRB_LOG_INFO, "%s%s%.*s", trb_event_get_state(event),
			 text.len > 0 ? " " : "", (int)text.len, (const char *)text.ptr);
		break;
	case TRB_EVENT_PROGRESS:
		tell_lines(context, TRB_LOG_INFO, "", text);
		break;
	case TRB_EVENT_OUTPUT:
		tell_lines(context, TRB_LOG_DEBUG, "build: ", text);
		break;
	case TRB_EVENT_ARTIFACT:
		tell_lines(context, TRB_LOG_INFO, "artifact ", text);
		break;
	}
}
