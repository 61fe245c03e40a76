/* SPDX-License-Identifier: Apache-2.0 */
/* The policy: what a verifier demands (docs/spec/policy.md, docs/spec/policy.schema.json). */
#ifndef TRUSTBUILD_POLICY_H
#define TRUSTBUILD_POLICY_H

#include <trustbuild/bytes.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Immutable once parsed; may be shared between threads. */
typedef struct trb_policy trb_policy;

/* Reads a policy, at most 256 KiB of JSON.  Everything that the format makes mandatory must be
 * there, unknown names are errors, and a demand is waived only where the policy says "any" or
 * "none".  Errors: TRB_E_POLICY with check id "policy.parse" and a message that names line and
 * field; TRB_E_UNSUPPORTED with the same id for a demand that this release cannot check yet
 * (endorsements, revocations, running enclaves); TRB_E_LIMIT, TRB_E_INVAL, TRB_E_NOMEM. */
TRB_API TRB_CHECK int trb_policy_parse(trb_bytes json, trb_policy **ret_policy, trb_error **err);

/* One more reference; returns policy.  NULL is a no-op. */
TRB_API trb_policy *trb_policy_ref(trb_policy *policy);

/* Drops a reference; always returns NULL.  NULL is a no-op. */
TRB_API trb_policy *trb_policy_unref(trb_policy *policy);

/* Whether the policy accepts hardware evidence, simulated evidence: 1 or 0. */
TRB_API int trb_policy_accepts_hardware(const trb_policy *policy);
TRB_API int trb_policy_accepts_simulated(const trb_policy *policy);

#ifdef __cplusplus
}
#endif

#endif
