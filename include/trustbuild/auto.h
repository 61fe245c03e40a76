/* SPDX-License-Identifier: Apache-2.0 */
/* Scope-bound handles for GCC and Clang; optional, and not for bindings:
 *
 *	TRB_AUTO(trb_bundle) *bundle = NULL;
 *
 * drops the reference when bundle goes out of scope. */
#ifndef TRUSTBUILD_AUTO_H
#define TRUSTBUILD_AUTO_H

#include <trustbuild/trustbuild.h>

#define TRB_AUTO(type) __attribute__((cleanup(type##_auto_unref))) type

#define TRB_DEFINE_AUTO(type)                               \
	static inline void type##_auto_unref(type **handle) \
	{                                                   \
		*handle = type##_unref(*handle);            \
	}

#ifdef __cplusplus
extern "C" {
#endif

TRB_DEFINE_AUTO(trb_attestation)
TRB_DEFINE_AUTO(trb_batch)
TRB_DEFINE_AUTO(trb_blob)
TRB_DEFINE_AUTO(trb_bundle)
TRB_DEFINE_AUTO(trb_claims)
TRB_DEFINE_AUTO(trb_context)
TRB_DEFINE_AUTO(trb_document_verifier)
TRB_DEFINE_AUTO(trb_draft)
TRB_DEFINE_AUTO(trb_eif)
TRB_DEFINE_AUTO(trb_error)
TRB_DEFINE_AUTO(trb_event)
TRB_DEFINE_AUTO(trb_image)
TRB_DEFINE_AUTO(trb_job)
TRB_DEFINE_AUTO(trb_log)
TRB_DEFINE_AUTO(trb_policy)
TRB_DEFINE_AUTO(trb_report)
TRB_DEFINE_AUTO(trb_request)
TRB_DEFINE_AUTO(trb_session)
TRB_DEFINE_AUTO(trb_verifier)

#ifdef __cplusplus
}
#endif

#endif
