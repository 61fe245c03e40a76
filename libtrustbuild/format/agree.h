/* SPDX-License-Identifier: Apache-2.0 */
/* What a document must say about the build that it stands for: compared in this one place, by the
 * enclave before anything leaves it, by the host before it stores anything, and by the verifier. */
#ifndef TRB_FORMAT_AGREE_H
#define TRB_FORMAT_AGREE_H

#include "format/facts.h"

enum trb_agree {
	TRB_AGREE_NONCE,     /* the document's nonce and the request's */
	TRB_AGREE_COMMIT,    /* the claim's commit and the request's */
	TRB_AGREE_ARTIFACTS, /* the claim's digests and the parts */
	TRB_AGREE_ENVIRONMENT,
	TRB_AGREE_STATEMENT,
	TRB_AGREE_PCR16, /* what was locked, and the request */
	TRB_AGREE_PCR17, /* what was locked, and commit, source digest, environment */
	TRB_AGREES
};

struct trb_agree_case {
	/* bytes, as they travel */
	trb_bytes request, environment, artifacts, statement;
	/* the request, decoded; the claim that the document carries */
	const struct trb_request_facts *facts;
	const struct trb_claim *claim;
	/* of the document; empty where it has none */
	trb_bytes nonce, pcr16, pcr17;
};

struct trb_agreement {
	bool good;
	trb_bytes wanted, found; /* views into the case, or into value */
	uint8_t value[TRB_SHA384_LEN];
};

/* One comparison.  *ret must not move afterwards.  Errors: TRB_E_NOMEM; disagreement is none. */
int trb_agree(const struct trb_agree_case *in, enum trb_agree what, struct trb_agreement *ret,
	      trb_error **err);
/* All of them: the first that does not hold is an error with its check's id and verdict. */
int trb_agree_all(const struct trb_agree_case *in, trb_error **err);

#endif
