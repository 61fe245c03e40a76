/* SPDX-License-Identifier: Apache-2.0 */
/* Statements against fixed facts: what passes is exactly what the facts say. */
#include <stdlib.h>

#include "format/statement.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t source[32] = { 6 }, pcr0[48] = { 7 };
	static const struct trb_request_facts request = {
		.repository = TRB_BYTES_LIT("https://forge.example/project"),
		.commit = { .algorithm = 1, .id = { 0xab } },
		.sandbox = TRB_BYTES_LIT("runsc"),
		.nonce = TRB_BYTES_LIT("nonce of sixteen"),
	};
	static const struct trb_environment environment = {
		.runtime = TRB_BYTES_LIT("runsc"),
		.runtime_version = TRB_BYTES_LIT("1"),
		.platform = TRB_BYTES_LIT("systrap"),
		.machine = { 1, 1, TRB_BYTES_LIT("unknown") },
	};
	struct trb_artifact entry = { TRB_BYTES_LIT("out/a"), 1, { 5 }, TRB_MODE_PLAIN };
	struct trb_artifacts artifacts = { 1, &entry };
	struct trb_statement_input in = { &request, &environment, &artifacts, source, pcr0, 0, 0 };
	struct trb_statement_said said = { 0 };
	trb_blob *again = NULL;

	if (size > TRB_STATEMENT_MAX + 1u ||
	    trb_statement_check(TRB_BYTES(data, size), &in, &said, NULL) < 0)
		return 0;
	in.started = said.started;
	in.finished = said.finished;
	if (trb_statement_render(&in, &again, NULL) < 0 ||
	    !trb_bytes_eq(trb_blob_bytes(again), TRB_BYTES(data, size)))
		abort();
	trb_blob_unref(again);
	return 0;
}
