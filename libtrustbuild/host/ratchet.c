/* SPDX-License-Identifier: Apache-2.0 */
/* The host's half of the ratchet (ratchet.h). */
#include "host/ratchet.h"

#include <stdio.h>

#include "core/error.h"
#include "format/check_ids.h"
#include "format/recipe.h"

#define CHECK "channel"

/* GREETED → READY → FETCHING → COMMITTED → BUILDING → BUILT → ATTESTED → DONE, one step at a time;
 * indexed by the enclave's state. */
static const struct {
	enum trb_host_state from, to;
} steps[] = {
	[TRB_STATE_READY] = { TRB_HOST_GREETED, TRB_HOST_READY },
	[TRB_STATE_FETCHING] = { TRB_HOST_READY, TRB_HOST_FETCHING },
	[TRB_STATE_COMMITTED] = { TRB_HOST_FETCHING, TRB_HOST_COMMITTED },
	[TRB_STATE_BUILDING] = { TRB_HOST_COMMITTED, TRB_HOST_BUILDING },
	[TRB_STATE_BUILT] = { TRB_HOST_BUILDING, TRB_HOST_BUILT },
	[TRB_STATE_ATTESTED] = { TRB_HOST_BUILT, TRB_HOST_ATTESTED },
	[TRB_STATE_DONE] = { TRB_HOST_ATTESTED, TRB_HOST_DONE },
};

static const size_t part_max[TRB_RESULT_PARTS] = {
	TRB_ENVIRONMENT_MAX, TRB_ARTIFACTS_BYTES, TRB_ATTESTATION_MAX, TRB_STATEMENT_MAX, 256,
	TRB_MATERIALS_BYTES,
};
/* Bits of the parts that every result has: all but the materials. */
#define MANDATORY ((1u << (TRB_PART_SIGNATURE)) - 1)

void trb_ratchet_init(struct trb_ratchet *ratchet, const struct trb_commit *commit)
{
	*ratchet = (struct trb_ratchet){ .state = TRB_HOST_CONNECTED, .commit = *commit };
	for (unsigned i = 0; i < TRB_RESULT_PARTS; i++)
		trb_buf_init(&ratchet->parts[i], part_max[i]);
}

void trb_ratchet_clear(struct trb_ratchet *ratchet)
{
	for (unsigned i = 0; i < TRB_RESULT_PARTS; i++)
		trb_buf_clear(&ratchet->parts[i]);
}

trb_bytes trb_ratchet_part(const struct trb_ratchet *ratchet, enum trb_result_part part)
{
	return trb_buf_bytes(&ratchet->parts[part - 1]);
}

static int take_hello(struct trb_ratchet *ratchet, const struct trb_control *msg,
		      enum trb_ratchet_do *ret_do, trb_error **err)
{
	if (ratchet->state != TRB_HOST_CONNECTED)
		return trb_fail_check(err, TRB_E_FORMAT, CHECK, "the enclave greets twice");
	if (msg->u.version != TRB_CONTROL_VERSION)
		return trb_fail_check(err, TRB_E_FORMAT, CHECK,
				      "the image speaks version %llu of the channel, this host %u: "
				      "use image and host of one release",
				      (unsigned long long)msg->u.version, TRB_CONTROL_VERSION);
	ratchet->state = TRB_HOST_GREETED;
	*ret_do = TRB_DO_GREET;
	return TRB_OK;
}

static int check_commit(const struct trb_ratchet *ratchet, const struct trb_control *msg,
			trb_error **err)
{
	char asked[65], got[65];

	if (trb_commit_eq(&ratchet->commit, &msg->u.state.commit))
		return TRB_OK;
	trb_commit_to_hex(&ratchet->commit, asked);
	trb_commit_to_hex(&msg->u.state.commit, got);
	return trb_fail_check(err, TRB_E_SOURCE, "source.commit",
			      "the enclave committed to %s, asked for was %s", got, asked);
}

/* As soon as both are known: the machine, and a recipe that the request brings. */
static int check_machine(const struct trb_ratchet *ratchet, trb_error **err)
{
	if (!ratchet->ready || !ratchet->asked)
		return TRB_OK;
	return trb_machine_suffices(ratchet->machine.memory_mib, ratchet->memory_mib, err);
}

int trb_ratchet_ask(struct trb_ratchet *ratchet, const struct trb_request_facts *request,
		    trb_error **err)
{
	_cleanup_(trb_recipe_freep) struct trb_recipe *recipe = NULL;
	int r;

	if (request->recipe.ptr != NULL) {
		r = trb_recipe_parse(request->recipe, &recipe, err);
		if (r < 0)
			return r;
		ratchet->memory_mib = recipe->memory_mib;
	}
	ratchet->commit = request->commit;
	ratchet->has_ref = request->ref.len > 0;
	snprintf(ratchet->repository, sizeof(ratchet->repository), "%.*s",
		 (int)request->repository.len, (const char *)request->repository.ptr);
	ratchet->asked = true;
	return check_machine(ratchet, err);
}

static int take_ready(struct trb_ratchet *ratchet, const struct trb_control *msg, trb_error **err)
{
	const struct trb_machine *machine = &msg->u.state.machine;

	ratchet->machine = *machine;
	snprintf(ratchet->model_text, sizeof(ratchet->model_text), "%.*s", (int)machine->model.len,
		 (const char *)machine->model.ptr);
	ratchet->machine.model = trb_bytes_str(ratchet->model_text);
	ratchet->ready = true;
	return check_machine(ratchet, err);
}

/* What COMMITTED says must agree with the request; that it is true is the verifier's question. */
static int take_committed(struct trb_ratchet *ratchet, const struct trb_control *msg,
			  trb_error **err)
{
	const struct trb_request_facts asked = {
		.repository = trb_bytes_str(ratchet->repository),
		.commit = ratchet->commit,
		.ref = ratchet->has_ref ? TRB_BYTES_LIT("refs/") : TRB_BYTES_NULL,
	};
	const struct trb_environment said = { .history = msg->u.state.history,
					      .location = msg->u.state.location };
	const char *fault = trb_environment_history_fault(&said, &asked);
	int r = check_commit(ratchet, msg, err);

	if (r < 0)
		return r;
	if (fault != NULL)
		return trb_fail_check(err, TRB_E_SOURCE, "source.ref", "the enclave says %s",
				      fault);
	fault = trb_environment_location_fault(&said, &asked);
	if (fault != NULL)
		return trb_fail_check(err, TRB_E_SOURCE, "source.repository", "the enclave says %s",
				      fault);
	ratchet->history = said.history;
	snprintf(ratchet->location, sizeof(ratchet->location), "%.*s", (int)said.location.len,
		 (const char *)said.location.ptr);
	return TRB_OK;
}

static bool same_history(const struct trb_history *a, const struct trb_history *b)
{
	if (a->there != b->there || !a->there)
		return a->there == b->there;
	return trb_commit_eq(&a->tip, &b->tip) && a->tagged == b->tagged &&
	       (!a->tagged || trb_commit_eq(&a->tag, &b->tag)) && a->relation == b->relation &&
	       a->steps == b->steps;
}

int trb_ratchet_compare(const struct trb_ratchet *ratchet, const struct trb_environment *env,
			trb_error **err)
{
	const struct trb_machine *machine = &ratchet->machine;
	const char *what = NULL;

	if (machine->cpus != env->machine.cpus || machine->memory_mib != env->machine.memory_mib ||
	    !trb_bytes_eq(machine->model, env->machine.model))
		what = "machine";
	else if (!same_history(&ratchet->history, &env->history))
		what = "history";
	else if (!trb_bytes_eq_str(env->location, ratchet->location))
		what = "location";
	return what == NULL ? TRB_OK
			    : trb_fail_check(err, TRB_E_CLAIM, "claim.environment",
					     "the environment has another %s than the enclave "
					     "said before",
					     what);
}

/* What of a state's facts the event carries. */
static int fill_event(const struct trb_ratchet *ratchet, uint64_t state, struct trb_event *event)
{
	const struct trb_history *h = &ratchet->history;

	if (state == TRB_STATE_READY) {
		event->cpus = ratchet->machine.cpus;
		event->memory_mib = ratchet->machine.memory_mib;
		event->model = strdup(ratchet->model_text);
		return event->model != NULL ? TRB_OK : TRB_E_NOMEM;
	}
	if (state != TRB_STATE_COMMITTED)
		return TRB_OK;
	if (h->there) {
		event->relation = trb_relation_name(h->relation);
		event->steps = h->steps;
		trb_commit_to_hex(&h->tip, event->tip);
	}
	if (h->tagged)
		trb_commit_to_hex(&h->tag, event->tag);
	if (ratchet->location[0] == '\0')
		return TRB_OK;
	event->location = strdup(ratchet->location);
	return event->location != NULL ? TRB_OK : TRB_E_NOMEM;
}

static int announce(struct trb_ratchet *ratchet, const struct trb_control *msg,
		    struct trb_events *events, trb_error **err)
{
	char hex[65] = "";
	struct trb_event *event;

	if (msg->u.state.state == TRB_STATE_COMMITTED)
		trb_commit_to_hex(&ratchet->commit, hex);
	event = trb_events_add(events, TRB_EVENT_STATE, trb_bytes_str(hex));
	if (event == NULL || fill_event(ratchet, msg->u.state.state, event) < 0)
		return trb_fail_nomem(err);
	event->state = trb_enclave_state_name((unsigned)msg->u.state.state);
	return TRB_OK;
}

static int take_state(struct trb_ratchet *ratchet, const struct trb_control *msg,
		      struct trb_events *events, enum trb_ratchet_do *ret_do, trb_error **err)
{
	uint64_t state = msg->u.state.state;
	int r = TRB_OK;

	if (state == TRB_STATE_FAILED)
		return trb_fail(err, TRB_E_IO, "the enclave failed without saying why");
	if (state > TRB_STATE_DONE || steps[state].from != ratchet->state)
		return trb_fail_check(err, TRB_E_FORMAT, CHECK, "the enclave says %s out of order",
				      trb_enclave_state_name((unsigned)state));
	if (state == TRB_STATE_READY)
		r = take_ready(ratchet, msg, err);
	if (state == TRB_STATE_COMMITTED)
		r = take_committed(ratchet, msg, err);
	if (r < 0)
		return r;
	if (state == TRB_STATE_DONE && (ratchet->whole_parts & MANDATORY) != MANDATORY)
		return trb_fail_check(err, TRB_E_FORMAT, CHECK,
				      "the enclave is done before the result is whole");
	ratchet->state = steps[state].to;
	if (state == TRB_STATE_READY)
		*ret_do = TRB_DO_REQUEST;
	if (state == TRB_STATE_DONE)
		*ret_do = TRB_DO_FINISH;
	return announce(ratchet, msg, events, err);
}

static int take_progress(struct trb_ratchet *ratchet, const struct trb_control *msg,
			 struct trb_events *events, trb_error **err)
{
	bool output = msg->u.progress.stream != TRB_STREAM_CLIENT;
	struct trb_event *event;

	ratchet->progress += msg->u.progress.text.len;
	if (ratchet->progress > TRB_PROGRESS_CEILING)
		return trb_fail_check(err, TRB_E_LIMIT, CHECK,
				      "the enclave printed more than %llu bytes",
				      (unsigned long long)TRB_PROGRESS_CEILING);
	event = trb_events_add(events, output ? TRB_EVENT_OUTPUT : TRB_EVENT_PROGRESS,
			       msg->u.progress.text);
	if (event == NULL)
		return trb_fail_nomem(err);
	event->stream = (int)msg->u.progress.stream;
	return TRB_OK;
}

static int take_result(struct trb_ratchet *ratchet, const struct trb_control *msg, trb_error **err)
{
	uint64_t part = msg->u.result.part;
	struct trb_buf *buf;

	if (ratchet->state != TRB_HOST_ATTESTED)
		return trb_fail_check(err, TRB_E_FORMAT, CHECK,
				      "a result before the build is attested");
	if (part < 1 || part > TRB_RESULT_PARTS)
		return trb_fail_check(err, TRB_E_FORMAT, CHECK, "a result has no part %llu",
				      (unsigned long long)part);
	if ((ratchet->open_part != 0 && ratchet->open_part != part) ||
	    ratchet->whole_parts >> (part - 1) & 1)
		return trb_fail_check(err, TRB_E_FORMAT, CHECK,
				      "part %llu of the result comes again or out of turn",
				      (unsigned long long)part);
	buf = &ratchet->parts[part - 1];
	if (trb_buf_add(buf, msg->u.result.bytes) < 0)
		return buf->status == TRB_E_NOMEM
			       ? trb_fail_nomem(err)
			       : trb_fail_check(err, TRB_E_LIMIT, CHECK,
						"part %llu of the result passes %zu bytes",
						(unsigned long long)part, part_max[part - 1]);
	ratchet->open_part = msg->u.result.last ? 0 : (unsigned)part;
	if (msg->u.result.last)
		ratchet->whole_parts |= 1u << (part - 1);
	return TRB_OK;
}

/* Codes that mean something to our own caller only are not the enclave's to say. */
static int enclave_code(int64_t code)
{
	switch (code) {
	case TRB_E_NOMEM:
	case TRB_E_TIMEOUT:
	case TRB_E_NOTFOUND:
	case TRB_E_UNSUPPORTED:
	case TRB_E_LIMIT:
	case TRB_E_FORMAT:
	case TRB_E_BUILD:
		return (int)code;
	default:
		return code <= TRB_E_EVIDENCE && code >= TRB_E_POLICY ? (int)code : TRB_E_IO;
	}
}

static int take_error(const struct trb_control *msg, trb_error **err)
{
	int code = enclave_code(msg->u.error.code);
	/* an error keeps its check id as a static string, so the enclave picks one of ours */
	const char *check = trb_check_id(msg->u.error.check);
	trb_bytes text = msg->u.error.text, id = msg->u.error.check;

	if (check == NULL && id.len > 0)
		return trb_fail(err, code, "enclave: %.*s [%.*s]", (int)text.len,
				(const char *)text.ptr, (int)id.len, (const char *)id.ptr);
	return trb_fail_check(err, code, check, "enclave: %.*s", (int)text.len,
			      (const char *)text.ptr);
}

int trb_ratchet_take(struct trb_ratchet *ratchet, trb_bytes frame, struct trb_events *events,
		     enum trb_ratchet_do *ret_do, trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *owner = NULL;
	struct trb_control msg;
	int r = trb_control_decode(frame, &msg, &owner, err);

	*ret_do = TRB_DO_NOTHING;
	if (r < 0)
		return trb_wrap(err, r, "message from the enclave");
	if (msg.type == TRB_MSG_HELLO)
		return take_hello(ratchet, &msg, ret_do, err);
	if (ratchet->state == TRB_HOST_CONNECTED)
		return trb_fail_check(err, TRB_E_FORMAT, CHECK, "the enclave does not greet");
	if (ratchet->state == TRB_HOST_DONE)
		return trb_fail_check(err, TRB_E_FORMAT, CHECK, "a message after DONE");
	switch (msg.type) {
	case TRB_MSG_STATE:
		return take_state(ratchet, &msg, events, ret_do, err);
	case TRB_MSG_PROGRESS:
		return take_progress(ratchet, &msg, events, err);
	case TRB_MSG_RESULT:
		return take_result(ratchet, &msg, err);
	case TRB_MSG_ERROR:
		return take_error(&msg, err);
	default:
		return trb_fail_check(err, TRB_E_FORMAT, CHECK,
				      "the enclave sends what only a host may");
	}
}
