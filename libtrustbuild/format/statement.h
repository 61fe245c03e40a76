/* SPDX-License-Identifier: Apache-2.0 */
/* The in-toto Statement v1 with SLSA provenance v1: rendered from the facts alone, so that the
 * verifier compares it by rendering it again. */
#ifndef TRB_FORMAT_STATEMENT_H
#define TRB_FORMAT_STATEMENT_H

#include "format/facts.h"

struct trb_submodule {
	trb_bytes path, repository;
	struct trb_commit commit;
};

struct trb_statement_input {
	const struct trb_request_facts *request;
	const struct trb_environment *environment;
	const struct trb_artifacts *artifacts;
	const uint8_t *source;      /* source digest, 32 bytes */
	const uint8_t *pcr0;        /* 48 bytes: builder.id */
	uint64_t started, finished; /* Unix seconds: the enclave's own word */
	size_t n_submodules;
	const struct trb_submodule *submodules;
};
int trb_statement_render(const struct trb_statement_input *in, trb_blob **ret, trb_error **err);

#endif
