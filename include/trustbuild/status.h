/* SPDX-License-Identifier: Apache-2.0 */
/* Status codes: what every fallible function of the library returns. */
#ifndef TRUSTBUILD_STATUS_H
#define TRUSTBUILD_STATUS_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define TRB_API   __attribute__((visibility("default")))
#define TRB_CHECK __attribute__((warn_unused_result))
#else
#define TRB_API
#define TRB_CHECK
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* int functions return TRB_OK or one of the negative codes below; there is no positive "success,
 * but".  Codes at -1000 and below are verdicts: the evidence was read and does not satisfy the
 * policy.  All others are operational: nothing was decided. */
enum {
	TRB_OK = 0,
	TRB_E_INVAL = -1,       /* the caller broke the contract */
	TRB_E_NOMEM = -2,       /* out of memory */
	TRB_E_IO = -3,          /* a file, device or peer could not be read or written */
	TRB_E_TIMEOUT = -4,     /* a time limit passed */
	TRB_E_CANCELED = -5,    /* the caller asked to stop */
	TRB_E_NOTFOUND = -6,    /* the named thing does not exist */
	TRB_E_UNSUPPORTED = -7, /* the backend lacks the operation */
	TRB_E_ABI = -8,         /* a backend table from another ABI */
	TRB_E_STATE = -9,       /* right call, wrong order */
	TRB_E_LIMIT = -10,      /* a stated bound was reached */
	TRB_E_FORMAT = -11,     /* malformed outside input */
	TRB_E_BUILD = -12,      /* the build's own command failed */
	TRB_E_AGAIN = -13,      /* nothing yet: poll the descriptor */
	TRB_E_DONE = -14,       /* an iterator's end */

	TRB_E_EVIDENCE = -1000,    /* signature, chain, form, debug */
	TRB_E_MEASUREMENT = -1001, /* PCRs, locked PCRs */
	TRB_E_CLAIM = -1002,       /* claim, facts, statement, envelope disagree */
	TRB_E_SOURCE = -1003,      /* repository, ref, commit, recipe */
	TRB_E_SANDBOX = -1004,     /* runtime, network, limits */
	TRB_E_ARTIFACT = -1005,    /* digest or name */
	TRB_E_FRESHNESS = -1006,   /* nonce, document time, list age */
	TRB_E_ASSURANCE = -1007,   /* simulated evidence, policy wants hardware */
	TRB_E_LOG = -1008,         /* inclusion, checkpoint, witness quorum */
	TRB_E_ENDORSEMENT = -1009, /* too few endorsers */
	TRB_E_REVOKED = -1010,     /* measurement, commit, repository, artifact, endorser, log */
	TRB_E_POLICY = -1011       /* the policy is not one, or demands nothing */
};

/* Says whether code is a verdict (-1000 and below): 1 or 0.  Of an error ask
 * trb_error_is_verdict(), which knows unreadable evidence, too. */
TRB_API int trb_is_verdict(int code);

/* The name of a code, for example "TRB_E_FORMAT"; "TRB_E_?" for one that this release does not
 * know.  A static string. */
TRB_API const char *trb_status_name(int code);

#ifdef __cplusplus
}
#endif

#endif
