/* SPDX-License-Identifier: Apache-2.0 */
/* The host's half of the ratchet: what the enclave may say, and when.  Pure: messages in, replies
 * and events out. */
#ifndef TRB_HOST_RATCHET_H
#define TRB_HOST_RATCHET_H

#include "format/control.h"
#include "host/event.h"

#define TRB_RESULT_PARTS     6u                  /* enum trb_result_part, from 1 */
#define TRB_PROGRESS_CEILING (UINT64_C(1) << 30) /* bytes in a session */

/* Where the host stands; the transitions are a table in ratchet.c. */
enum trb_host_state {
	TRB_HOST_CONNECTED, /* nothing heard yet */
	TRB_HOST_GREETED,   /* HELLO exchanged */
	TRB_HOST_READY,     /* the request is sent */
	TRB_HOST_FETCHING,
	TRB_HOST_COMMITTED,
	TRB_HOST_BUILDING,
	TRB_HOST_BUILT,
	TRB_HOST_ATTESTED,
	TRB_HOST_DONE,
};

struct trb_ratchet {
	enum trb_host_state state;
	/* what was asked for */
	struct trb_commit commit;
	bool asked, has_ref;
	char repository[TRB_URL_MAX + 1];
	uint64_t memory_mib; /* of a recipe that the request brings; 0: the tree's is not known yet
			      */
	/* what the enclave said of machine and source */
	bool ready;
	struct trb_machine machine; /* its model is model_text */
	char model_text[TRB_WORD_MAX + 1];
	struct trb_history history;
	char location[TRB_URL_MAX + 1]; /* empty: none */
	uint64_t progress;              /* bytes so far */
	struct trb_buf parts[TRB_RESULT_PARTS];
	unsigned open_part;   /* the part that is being received, else 0 */
	unsigned whole_parts; /* bit part: received whole */
};

/* What a message asks the session to do. */
enum trb_ratchet_do {
	TRB_DO_NOTHING,
	TRB_DO_GREET,   /* send HELLO */
	TRB_DO_REQUEST, /* send CREDENTIAL and REQUEST */
	TRB_DO_FINISH,  /* DONE: judge the result */
};

void trb_ratchet_init(struct trb_ratchet *ratchet, const struct trb_commit *commit);
/* The request that will be sent, before it is.  Errors: what reading its recipe gives, and
 * TRB_E_LIMIT with check "sandbox.machine" where a machine that said READY already has too little
 * memory for it. */
int trb_ratchet_ask(struct trb_ratchet *ratchet, const struct trb_request_facts *request,
		    trb_error **err);
/* Is the environment about the machine, history and location that the enclave told before?  Errors:
 * TRB_E_CLAIM. */
int trb_ratchet_compare(const struct trb_ratchet *ratchet, const struct trb_environment *env,
			trb_error **err);
void trb_ratchet_clear(struct trb_ratchet *ratchet);
/* Takes one control frame; events go to the end of the queue.  Any error is for good: TRB_E_FORMAT
 * or TRB_E_LIMIT with check "channel" where the enclave breaks the protocol, TRB_E_SOURCE with
 * check "source.commit" for another commit, and what the enclave reports as its own failure. */
int trb_ratchet_take(struct trb_ratchet *ratchet, trb_bytes frame, struct trb_events *events,
		     enum trb_ratchet_do *ret_do, trb_error **err);
/* A received part, from DONE on. */
trb_bytes trb_ratchet_part(const struct trb_ratchet *ratchet, enum trb_result_part part);

#endif
