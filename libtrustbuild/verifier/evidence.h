/* SPDX-License-Identifier: Apache-2.0 */
/* What a TEE signs, as the steps see it: a table with one row for each kind of evidence that this
 * release can judge. */
#ifndef TRB_VERIFIER_EVIDENCE_H
#define TRB_VERIFIER_EVIDENCE_H

#include "verifier/nitro.h"
#include "verifier/report.h"

struct trb_tee_evidence;

/* What is made of a document after its form is known, in this order. */
enum trb_evidence_check {
	TRB_EVIDENCE_SIGNATURE, /* it is signed by its certificate's key */
	TRB_EVIDENCE_CHAIN,     /* whose certificate leads to a trusted root */
	TRB_EVIDENCE_DEBUG,     /* and the TEE hides what runs in it */
};

struct trb_evidence_kind {
	const char *name;
	/* The form alone; fills the evidence's facts. */
	int (*parse)(struct trb_tee_evidence *e, const struct trb_nitro_case *in, trb_error **err);
	/* One check, after the one before it has passed. */
	int (*verify)(struct trb_tee_evidence *e, enum trb_evidence_check check, trb_error **err);
	/* What the image was measured as, by the numbers that policies use; empty: nothing. */
	trb_bytes (*measurement)(const struct trb_tee_evidence *e, unsigned index);
	/* What the enclave client has extended and locked; empty: not locked. */
	trb_bytes (*locked)(const struct trb_tee_evidence *e, unsigned index);
	/* What a check that passed has found, in one line. */
	struct trb_found_text (*found)(const struct trb_tee_evidence *e, enum trb_check_id row);
	void (*clear)(struct trb_tee_evidence *e);
};

/* One document.  Zeroed at birth; what its kind gave it, it takes back. */
struct trb_tee_evidence {
	const struct trb_evidence_kind *kind;
	/* its facts, which are nobody's word before the checks have passed */
	trb_attestation *attestation;
	/* from TRB_EVIDENCE_CHAIN on */
	int assurance;       /* TRB_ASSURANCE_*; 0 before */
	bool simulated_root; /* also where the chain was refused: it leads to no vendor's root */
	/* Nitro's own */
	struct trb_nitro_verdict verdict;
	struct trb_nitro_judge *judge;
};

/* The kind of evidence that a document is of; this release knows one. */
const struct trb_evidence_kind *trb_evidence_kind_of(trb_bytes document);
void trb_evidence_clear(struct trb_tee_evidence *e);

#endif
