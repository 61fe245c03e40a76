/* SPDX-License-Identifier: Apache-2.0 */
/* A host for the enclave client, outside of any image: ports, a simulated NSM, a way to the
 * network, a store for files; honest or not. */
#ifndef TRB_TESTS_ENCLAVE_HOSTS_H
#define TRB_TESTS_ENCLAVE_HOSTS_H

#include <sys/types.h>

#include "format/bundle.h"
#include "format/control.h"
#include "format/nsm.h"

enum nsm_mood {
	NSM_HONEST,
	NSM_EXTENDED, /* PCR16 was extended before */
	NSM_LYING,    /* signs another claim than it is asked for */
	NSM_FORGETFUL /* does not lock */
};
enum egress_mood { EGRESS_HONEST, EGRESS_SILENT };
enum store_mood { STORE_HONEST, STORE_SILENT, STORE_CLOSING };

struct host {
	enum nsm_mood nsm;
	enum egress_mood egress;
	enum store_mood store;
	const char *wrong_digest; /* text of the measured digest file; NULL: there is none */
	/* called first in those two processes, and before each answer of the NSM; may be NULL */
	void (*in_nsm)(void), (*in_enclave)(void);
	void (*on_nsm)(const struct host *h, const struct trb_nsm_request *request,
		       trb_bytes answer);
	/* filled by host_start() */
	char dir[32], address[48], work[48], state[48], out[48], pool[48];
	int listeners[4], lifeline, verdict;
	pid_t enclave, servers[3];
	int control; /* accepted, hello not exchanged yet */
	/* filled by host_follow() */
	struct trb_commit commit;
	bool has_commit;
	struct trb_history history;
	unsigned states[16];
	size_t n_states;
	struct trb_buf parts[7], printed[3];
	bool done[7];
};

/* What trb_enclave_serve() said. */
struct verdict {
	int code;
	char check[64], message[1024];
};

/* Zeroed memory that the test, its servers and its enclave share. */
void *host_share(size_t size);

void host_start(struct host *h);
/* Waits for the enclave's end, demands that nothing of it is left, and stops the rest. */
struct verdict host_stop(struct host *h);

void host_send(struct host *h, const struct trb_control *msg);
void host_send_bytes(struct host *h, enum trb_control_type type, trb_bytes bytes);
void host_send_raw(struct host *h, trb_bytes bytes);
void host_hello(struct host *h, uint64_t version);
/* Reads messages up to STATE state, and keeps what they bring; false where the enclave ends
 * before. */
bool host_follow(struct host *h, unsigned state);
/* The same, but the test fails there, with what the enclave said. */
void host_reach(struct host *h, unsigned state);
/* An honest host's part up to READY. */
void host_begin(struct host *h);

/* A request for the test repository's commit; recipe may be NULL. */
trb_blob *host_request(const char *recipe);
void host_send_request(struct host *h, const char *recipe);
/* The bundle of what came. */
trb_bundle *host_bundle(struct host *h, trb_bytes request);
/* Asks the NSM over a connection of one's own, as any process inside may. */
trb_blob *host_ask_nsm(struct host *h, const struct trb_nsm_request *request,
		       struct trb_nsm_response *ret);
/* SHA-256 of the NSM's root certificate, as digits. */
void host_root(struct host *h, char digits[65]);

#endif
