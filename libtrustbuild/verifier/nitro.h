/* SPDX-License-Identifier: Apache-2.0 */
/* Judges NSM documents (docs/verification.md): bytes, a time and roots in, a verdict out. */
#ifndef TRB_VERIFIER_NITRO_H
#define TRB_VERIFIER_NITRO_H

#include <trustbuild/attestation.h>

#include "format/attestation.h"
#include "format/facts.h"

#define TRB_NITRO_ROOT_AWS "aws-nitro"

/* A root that the caller trusts.  name == TRB_NITRO_ROOT_AWS (by value) is the compiled-in root,
 * compared as bytes: HARDWARE.  name == NULL pins the SHA-256 of a certificate's DER: SIMULATED. */
struct trb_nitro_root {
	const char *name;
	uint8_t sha256[TRB_SHA256_LEN];
};

/* Is this, byte for byte, the compiled-in root of AWS Nitro Enclaves? */
bool trb_nitro_is_aws_root(trb_bytes der);

/* One certificate, in DER or PEM, at most 4 KiB, as a root to trust.  Errors: TRB_E_FORMAT where it
 * is none that the judge would take, TRB_E_LIMIT, TRB_E_NOMEM. */
int trb_nitro_root_read(trb_bytes certificate, struct trb_nitro_root *ret, trb_error **err);

enum trb_nitro_check {
	TRB_NITRO_PARSE,     /* document.parse */
	TRB_NITRO_SIGNATURE, /* document.signature */
	TRB_NITRO_CHAIN,     /* document.chain */
	TRB_NITRO_DEBUG,     /* document.debug */
	TRB_NITRO_CHECKS,
};

enum trb_nitro_outcome {
	TRB_NITRO_NOT_RUN, /* one before it failed */
	TRB_NITRO_PASS,
	TRB_NITRO_FAIL,
	TRB_NITRO_WAIVED, /* document.debug alone: failed, and the caller allows that */
};

struct trb_nitro_verdict {
	enum trb_nitro_outcome outcome[TRB_NITRO_CHECKS];
	trb_attestation *attestation; /* from document.parse on; NULL before */
	uint64_t time_s;              /* the time at which the chain was judged */
	bool debug;                   /* PCR0, 1 and 2 are zero; set from document.parse on */
	/* From document.chain on: */
	bool simulated_root; /* the root is not AWS's, whether it is trusted or not */
	int assurance;       /* TRB_ASSURANCE_*; 0 before */
	size_t root;         /* index into roots */
	uint8_t sha256[32];  /* of the root's DER */
};
void trb_nitro_verdict_clear(struct trb_nitro_verdict *verdict);

/* Remembers signatures of issuers' certificates that it has checked; thread-safe, bounded. */
struct trb_nitro;
int trb_nitro_new(struct trb_nitro **ret, trb_error **err);
struct trb_nitro *trb_nitro_free(struct trb_nitro *nitro);
/* Forgets every certificate; tests race it against look-ups, as eviction does. */
void trb_nitro_forget(struct trb_nitro *nitro);

/* The document's own signed time, as a time to judge at. */
#define TRB_NITRO_TIME_DOCUMENT UINT64_MAX

enum { TRB_NITRO_ALLOW_DEBUG = 1 };

/* What is judged, and by whom. */
struct trb_nitro_case {
	struct trb_nitro *nitro;
	trb_bytes document;
	uint64_t at_s; /* seconds since 1970, or TRB_NITRO_TIME_DOCUMENT */
	const struct trb_nitro_root *roots;
	size_t n_roots;
	unsigned flags;
};

/* One document on its way through the checks, each of which is made once, in order, after the one
 * before it has passed.  What *in points to must outlive the judge.  *verdict must be zeroed; it is
 * written on a refusal, too, and is the caller's to clear, after the judge.  Errors: TRB_E_EVIDENCE
 * with the check's id; TRB_E_NOMEM; TRB_E_INVAL where there is no root; TRB_E_STATE for another
 * order. */
struct trb_nitro_judge;
int trb_nitro_judge_new(const struct trb_nitro_case *in, struct trb_nitro_verdict *verdict,
			struct trb_nitro_judge **ret, trb_error **err);
int trb_nitro_judge_check(struct trb_nitro_judge *judge, enum trb_nitro_check check,
			  trb_error **err);
struct trb_nitro_judge *trb_nitro_judge_free(struct trb_nitro_judge *judge);

/* All of them up to the first that fails. */
int trb_nitro_judge(struct trb_nitro *nitro, trb_bytes document, uint64_t at_s,
		    const struct trb_nitro_root *roots, size_t n_roots, unsigned flags,
		    struct trb_nitro_verdict *ret, trb_error **err);

#endif
