/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of evidence: AWS Nitro's documents, and those of the simulated TEE, which are the same
 * to the byte under another root. */
#include "verifier/evidence.h"

static int nitro_parse(struct trb_tee_evidence *e, const struct trb_nitro_case *in, trb_error **err)
{
	int r = trb_nitro_judge_new(in, &e->verdict, &e->judge, err);

	if (r == TRB_OK)
		r = trb_nitro_judge_check(e->judge, TRB_NITRO_PARSE, err);
	e->attestation = e->verdict.attestation;
	return r;
}

static int nitro_verify(struct trb_tee_evidence *e, enum trb_evidence_check check, trb_error **err)
{
	static const enum trb_nitro_check checks[] = {
		[TRB_EVIDENCE_SIGNATURE] = TRB_NITRO_SIGNATURE,
		[TRB_EVIDENCE_CHAIN] = TRB_NITRO_CHAIN,
		[TRB_EVIDENCE_DEBUG] = TRB_NITRO_DEBUG,
	};
	int r = trb_nitro_judge_check(e->judge, checks[check], err);

	e->simulated_root = e->verdict.simulated_root;
	e->assurance = e->verdict.assurance;
	return r;
}

/* A Nitro document lists PCR0 to 15, and of the others those that were locked: being there is being
 * locked. */
static trb_bytes nitro_pcr(const struct trb_tee_evidence *e, unsigned index)
{
	return trb_attestation_get_pcr(e->attestation, index);
}

static struct trb_found_text nitro_found(const struct trb_tee_evidence *e, enum trb_check_id row)
{
	switch (row) {
	case TRB_CK_DOCUMENT_PARSE:
		return trb_show_found(&e->verdict, TRB_NITRO_PARSE);
	case TRB_CK_DOCUMENT_SIGNATURE:
		return trb_show_found(&e->verdict, TRB_NITRO_SIGNATURE);
	case TRB_CK_DOCUMENT_CHAIN:
		return trb_show_found(&e->verdict, TRB_NITRO_CHAIN);
	default:
		return trb_show_found(&e->verdict, TRB_NITRO_DEBUG);
	}
}

static void nitro_clear(struct trb_tee_evidence *e)
{
	e->judge = trb_nitro_judge_free(e->judge);
	trb_nitro_verdict_clear(&e->verdict);
}

static const struct trb_evidence_kind kinds[] = {
	{ .name = "nitro",
	  .parse = nitro_parse,
	  .verify = nitro_verify,
	  .measurement = nitro_pcr,
	  .locked = nitro_pcr,
	  .found = nitro_found,
	  .clear = nitro_clear },
};

const struct trb_evidence_kind *trb_evidence_kind_of(trb_bytes document)
{
	(void)document;
	return &kinds[0];
}

void trb_evidence_clear(struct trb_tee_evidence *e)
{
	if (e->kind != NULL)
		e->kind->clear(e);
	*e = (struct trb_tee_evidence){ 0 };
}
