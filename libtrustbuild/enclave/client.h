/* SPDX-License-Identifier: Apache-2.0 */
/* The enclave client's inside; the stage itself is <trustbuild/sys/enclave.h>. */
#ifndef TRB_ENCLAVE_CLIENT_H
#define TRB_ENCLAVE_CLIENT_H

#include <trustbuild/sys/enclave.h>

#include "core/conf.h"
#include "core/spawn.h"
#include "enclave/build.h"
#include "enclave/clock.h"
#include "enclave/machine.h"
#include "enclave/nsm.h"
#include "enclave/source.h"
#include "format/control.h"

#define TRB_ENCLAVE_WAIT_MS 60000 /* how long the host may take to read, or to acknowledge */

struct trb_evidence {
	trb_blob *environment, *artifacts, *statement, *attestation, *signature;
	trb_blob *materials; /* NULL: none */
};

struct trb_enclave_credential {
	trb_blob *prefix; /* empty: the request's repository */
	trb_blob *token;
};

struct trb_enclave {
	trb_context *context;
	struct trb_conf *conf;
	const char *transport, *nsm_name, *rootfs, *rootfs_digest, *ca, *work, *pool;
	const char *mounted; /* the root file system; NULL: tb-sandbox may mount it */
	bool made_work;
	char *tree_dir, *sandbox_dir; /* below work */
	enum trb_enclave_state state;
	int control;
	struct trb_nsm *nsm;
	struct trb_clock clock;
	uint8_t pcr0[TRB_SHA384_LEN];
	/* the root file system's digest: claimed by a measured file, computed by a child */
	struct trb_child hasher;
	int hasher_out;
	bool has_digest;
	uint8_t digest[32];
	struct trb_machine_read machine;
	/* the one build */
	size_t n_credentials;
	struct trb_enclave_credential credentials[TRB_CREDENTIALS];
	bool limited; /* the host has set limits of the source */
	struct trb_source_limits limits;
	trb_blob *request_bytes;
	trb_request *request;
	struct trb_request_facts facts; /* views into request */
	trb_source *source;
	trb_build *build, *after;
	int64_t started;
	struct trb_evidence evidence;
};

/* boot.c */
/* The NSM, the clock, the random pool, and the child that hashes the root file system. */
int trb_enclave_boot(struct trb_enclave *e, trb_error **err);
/* The digest that the environment names. */
int trb_enclave_rootfs_digest(struct trb_enclave *e, uint8_t ret[32], trb_error **err);
/* Waits for the child, and demands that it computed what the environment names. */
int trb_enclave_rootfs_confirm(struct trb_enclave *e, trb_error **err);

/* stages.c: each begins a state, and is called once. */
int trb_enclave_fetch(struct trb_enclave *e, trb_error **err);
int trb_enclave_commit(struct trb_enclave *e, trb_error **err);
int trb_enclave_build(struct trb_enclave *e, trb_error **err);
int trb_enclave_collect(struct trb_enclave *e, trb_error **err);
int trb_enclave_attest(struct trb_enclave *e, trb_error **err);
int trb_enclave_after(struct trb_enclave *e, trb_error **err);
int trb_enclave_deliver(struct trb_enclave *e, trb_error **err);

/* deliver.c */
/* Streams a build's files to the host, and hashes what it streams: entries (borrowing the build's
 * names) are filled where ret is not NULL. */
int trb_enclave_stream_files(struct trb_enclave *e, const trb_build *build, unsigned kind,
			     struct trb_artifacts *ret, trb_error **err);
int trb_enclave_send_result(struct trb_enclave *e, trb_error **err);

/* attest.c */
/* Environment, and the list of materials where there are any. */
int trb_attest_environment(struct trb_enclave *e, const uint8_t rootfs[32], trb_error **err);
/* CT of the fetched source. */
int trb_attest_commit(const struct trb_enclave *e, struct trb_commit *ret, trb_error **err);
/* Statement, claim, document, signature, from facts that are all there. */
int trb_attest_seal(struct trb_enclave *e, trb_error **err);

#endif
