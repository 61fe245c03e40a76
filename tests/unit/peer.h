/* SPDX-License-Identifier: Apache-2.0 */
/* An enclave for tests of the host: a process that speaks the channel, honestly but for one thing.
 */
#ifndef TRB_TESTS_PEER_H
#define TRB_TESTS_PEER_H

#include <trustbuild/sys/backend.h>

enum peer_fault {
	PEER_HONEST,
	/* the channel */
	PEER_VERSION,
	PEER_NO_HELLO,
	PEER_HELLO_TWICE,
	PEER_SKIPS_COMMITTED,
	PEER_COMMITS_TWICE,
	PEER_OTHER_COMMIT,
	PEER_REORDERS,
	PEER_SPEAKS_AS_HOST,
	PEER_GARBAGE,
	PEER_LARGE_FRAME,
	PEER_TRUNCATES,
	PEER_HANGS_UP,
	PEER_DIES,
	PEER_SECOND_CONTROL,
	PEER_FAILED_SILENTLY,
	PEER_BUILD_FAILED,
	PEER_HOSTS_CODE,
	/* the result's frames */
	PEER_EARLY_RESULT,
	PEER_UNKNOWN_PART,
	PEER_REPEATS_PART,
	PEER_MIXES_PARTS,
	PEER_LARGE_PART,
	PEER_MISSING_PART,
	PEER_NO_MATERIALS,
	PEER_OTHER_MATERIALS,
	PEER_MORE_MATERIALS,
	/* artifacts */
	PEER_NAME_ESCAPES,
	PEER_NAME_ABSOLUTE,
	PEER_NAME_UNATTESTED,
	PEER_NAME_TWICE,
	PEER_EARLY_ARTIFACT,
	PEER_LATE_ARTIFACT,
	PEER_EARLY_UNATTESTED,
	PEER_SHORT_ARTIFACT,
	PEER_NO_ARTIFACT,
	PEER_EXTRA_ARTIFACT,
	PEER_OTHER_DIGEST,
	PEER_OTHER_SIZE,
	PEER_MANY_STREAMS,
	/* what is attested */
	PEER_OTHER_NONCE,
	PEER_CLAIMS_OTHER_COMMIT,
	PEER_CLAIMS_OTHER_ARTIFACTS,
	PEER_CLAIMS_OTHER_STATEMENT,
	PEER_OTHER_MACHINE,
	PEER_CLAIMS_OTHER_ENVIRONMENT,
	PEER_NO_PCR16,
	PEER_NO_PCR17,
	PEER_NO_DOCUMENT,
	/* what must do no harm */
	PEER_FLOODS_NSM,
	PEER_LARGE_NSM_REQUEST,
	/* waits for ever after COMMITTED */
	PEER_SLEEPS,
	/* goes on without a request */
	PEER_IMPATIENT,
};

#define PEER_REPOSITORY       "https://forge.example/widget"
#define PEER_COMMIT           "1f7a7a472abf3dd9643fd615f6da379c4acb3e3a"
#define PEER_TOKEN            "secret-token"
#define PEER_OTHER_URL        "https://other.example/private"
#define PEER_OTHER_TOKEN      "another"
#define PEER_FILES            12345 /* where a session sets limits of the source */
#define PEER_ARTIFACT         "out/tool"
#define PEER_CONTENT          "#!/bin/sh\necho it works\n"
#define PEER_SECOND           "readme"
#define PEER_BELOW_UNATTESTED "unattested/tool"
#define PEER_UNATTESTED       "pack/tool.tar"

/* Backend "peer"; its options are a fault's number. */
extern const trb_tee_ops peer_ops;

/* What a session with it needs of its host: folders of its own, a context, a request. */
struct peer_host {
	char top[32], state[48], out[48];
	trb_context *context;
	trb_request *request;
};
/* The folder out is not made. */
void peer_host_set_up(struct peer_host *host);
void peer_host_tear_down(struct peer_host *host);

#endif
