/* SPDX-License-Identifier: Apache-2.0 */
/* The bundle: all evidence for one build in one portable, immutable file (docs/spec/bundle.md). */
#ifndef TRUSTBUILD_BUNDLE_H
#define TRUSTBUILD_BUNDLE_H

#include <trustbuild/context.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct trb_bundle trb_bundle;

/* Reads a bundle, at most 4 MiB of JSON.  Parsing judges the form alone: nothing is verified.
 * Errors: TRB_E_FORMAT with check id "bundle.parse", TRB_E_LIMIT, TRB_E_NOMEM. */
TRB_API TRB_CHECK int trb_bundle_parse(trb_bytes json, trb_bundle **ret_bundle, trb_error **err);

/* One more reference; returns bundle.  NULL is a no-op. */
TRB_API trb_bundle *trb_bundle_ref(trb_bundle *bundle);

/* Drops a reference; always returns NULL.  NULL is a no-op. */
TRB_API trb_bundle *trb_bundle_unref(trb_bundle *bundle);

/* The bundle as JSON; the caller owns the blob.  Errors: TRB_E_NOMEM. */
TRB_API TRB_CHECK int trb_bundle_encode(const trb_bundle *bundle, trb_blob **ret_json,
					trb_error **err);

/* The parts, verbatim and unverified: encoded request, environment, artifacts, attestation document
 * (AT) and in-toto statement.  Views that live as long as the bundle. */
TRB_API trb_bytes trb_bundle_get_request(const trb_bundle *bundle);
TRB_API trb_bytes trb_bundle_get_environment(const trb_bundle *bundle);
TRB_API trb_bytes trb_bundle_get_artifacts(const trb_bundle *bundle);
TRB_API trb_bytes trb_bundle_get_attestation(const trb_bundle *bundle);
TRB_API trb_bytes trb_bundle_get_statement(const trb_bundle *bundle);

/* What was taken into the build besides the source, encoded; ptr is NULL where there is nothing. */
TRB_API trb_bytes trb_bundle_get_materials(const trb_bundle *bundle);

/* How many log entries it carries. */
TRB_API size_t trb_bundle_count_logs(const trb_bundle *bundle);

/* What the bundle says, as JSON for people and tools, marked unverified throughout.  The caller
 * owns the blob.  Errors: TRB_E_FORMAT where a part cannot be decoded, TRB_E_NOMEM. */
TRB_API TRB_CHECK int trb_bundle_describe(const trb_bundle *bundle, trb_blob **ret_json,
					  trb_error **err);

#ifdef __cplusplus
}
#endif

#endif
