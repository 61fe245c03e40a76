/* SPDX-License-Identifier: Apache-2.0 */
/* Facts of one build that never was, for tests of forms. */
#ifndef TRB_TESTS_SAMPLE_H
#define TRB_TESTS_SAMPLE_H

#include "format/bundle.h"
#include "format/statement.h"

struct sample {
	trb_blob *request, *environment, *artifacts, *statement, *signature, *materials;
	struct trb_request_facts request_facts;
	struct trb_environment environment_facts;
	struct trb_artifacts artifact_facts;
	trb_blob *owners[3];
	uint8_t source[32], pcr0[48];
	struct trb_statement_input input;
	uint8_t spki[91];
};
/* tag makes samples differ. */
void sample_init(struct sample *s, unsigned tag);
void sample_clear(struct sample *s);
/* Its attestation is no document: for tests that judge none. */
trb_bundle *sample_bundle(const struct sample *s, size_t n_logs, const struct trb_bundle_log *logs);

#endif
