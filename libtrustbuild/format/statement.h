/* SPDX-License-Identifier: Apache-2.0 */
/* The in-toto Statement v1 with SLSA provenance v1: rendered from the facts alone, so that the
 * verifier compares it by rendering it again (docs/spec/statement.md). */
#ifndef TRB_FORMAT_STATEMENT_H
#define TRB_FORMAT_STATEMENT_H

#include "format/facts.h"

#define TRB_STATEMENT_TYPE       "https://in-toto.io/Statement/v1"
#define TRB_STATEMENT_PREDICATE  "https://slsa.dev/provenance/v1"
#define TRB_STATEMENT_BUILD_TYPE "urn:trustbuild:build:v2"
#define TRB_STATEMENT_BUILDER    "urn:trustbuild:pcr0:" /* then 96 hexadecimal digits */

struct trb_statement_input {
	const struct trb_request_facts *request;
	const struct trb_environment *environment;
	const struct trb_artifacts *artifacts;
	const uint8_t *source;      /* source digest, 32 bytes */
	const uint8_t *pcr0;        /* 48 bytes: builder.id */
	uint64_t started, finished; /* Unix seconds: the enclave's own word */
};
/* Hosts, limits and artifacts are said in the structs' order: render from decoded facts, which have
 * the deterministic one.  Errors: TRB_E_LIMIT over TRB_STATEMENT_MAX, TRB_E_FORMAT where
 * a fact cannot be said in JSON, TRB_E_NOMEM. */
int trb_statement_render(const struct trb_statement_input *in, trb_blob **ret, trb_error **err);

/* What a statement says beyond the facts; the enclave's own word. */
struct trb_statement_said {
	uint64_t started, finished;
};

/* Takes the times out of statement, renders it again from facts (whose own times are not looked
 * at), and demands the same bytes.  ret_said may be NULL.  Errors: TRB_E_CLAIM with check id
 * "claim.statement" that says where, TRB_E_NOMEM. */
int trb_statement_check(trb_bytes statement, const struct trb_statement_input *facts,
			struct trb_statement_said *ret_said, trb_error **err);

#endif
