/* SPDX-License-Identifier: Apache-2.0 */
/* The bundle: all evidence of one build in one JSON file (docs/spec/bundle.md).  Immutable. */
#ifndef TRB_FORMAT_BUNDLE_H
#define TRB_FORMAT_BUNDLE_H

#include <trustbuild/bundle.h>

#include "format/facts.h"

#define TRB_BUNDLE_TYPE  "application/vnd.trustbuild.bundle.v2+json"
#define TRB_BUNDLE_LOGS  16
#define TRB_PROOF_HASHES 64

struct trb_bundle_log {
	trb_bytes kind; /* format/log_kind.h */
	uint64_t index;
	size_t n_proof;
	uint8_t proof[TRB_PROOF_HASHES][32]; /* leaf to root */
	trb_bytes checkpoint;                /* signed note, verbatim */
};

/* Everything a bundle holds, as views; the bundle copies them. */
struct trb_bundle_parts {
	trb_bytes request, environment, artifacts, attestation, statement;
	trb_bytes signature; /* DSSE, ECDSA P-256 in DER */
	trb_bytes materials; /* empty: none */
	size_t n_logs;
	const struct trb_bundle_log *logs;
};
/* Errors: TRB_E_FORMAT, TRB_E_LIMIT where a part is empty or over its ceiling; TRB_E_NOMEM. */
int trb_bundle_new(const struct trb_bundle_parts *parts, trb_bundle **ret, trb_error **err);
/* Views that live as long as the bundle. */
const struct trb_bundle_parts *trb_bundle_parts(const trb_bundle *bundle);
/* A copy with one log entry more; an entry of the same log (same origin line in the checkpoint) is
 * replaced. */
int trb_bundle_with_log(const trb_bundle *bundle, const struct trb_bundle_log *log,
			trb_bundle **ret, trb_error **err);

TRB_DEFINE_CLEANUP(trb_bundle *, trb_bundle_unref);

#endif
