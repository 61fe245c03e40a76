/* SPDX-License-Identifier: Apache-2.0 */
/* The judge of bare documents: what it was told, and the rows that demands add to those of
 * verifier/nitro.h. */
#ifndef TRB_VERIFIER_DOCUMENT_H
#define TRB_VERIFIER_DOCUMENT_H

#include "verifier/nitro.h"
#include "verifier/report.h"

#define TRB_DOCUMENT_ROOTS 8

/* In the order in which they are checked, after all of enum trb_nitro_check. */
enum trb_document_demand {
	TRB_DEMAND_TIME,
	TRB_DEMAND_PCRS,
	TRB_DEMAND_NONCE,
	TRB_DEMAND_DATA,
	TRB_DEMAND_KEY,
	TRB_DEMANDS,
};

struct trb_document_verifier {
	atomic_uint refs;
	struct trb_nitro *nitro;
	uint64_t time_s;
	unsigned flags;
	bool own_roots; /* the caller has replaced AWS's */
	size_t n_roots;
	struct trb_nitro_root roots[TRB_DOCUMENT_ROOTS];
	/* demands; NULL and false where there is none */
	bool has_age;
	uint64_t now_s, max_age_s;
	trb_blob *pcrs[TRB_NSM_PCRS];
	trb_blob *fields[TRB_DEMANDS]; /* of NONCE, DATA and KEY */
};

struct trb_document_row {
	int outcome; /* TRB_OUTCOME_*; 0: not run */
	char *expected, *actual;
};
struct trb_document_rows {
	struct trb_document_row row[TRB_DEMANDS];
};
void trb_document_rows_clear(struct trb_document_rows *rows);

/* The rule of a demand, among those of checks.c. */
const struct trb_check_rule *trb_document_rule(enum trb_document_demand demand);
/* Makes the demands' checks in order up to the first that fails. */
int trb_document_check_demands(const trb_document_verifier *v, const trb_attestation *a,
			       struct trb_document_rows *rows, trb_error **err);

/* The report as JSON.  error: why result is not TRB_OK. */
int trb_document_report(const struct trb_nitro_verdict *verdict,
			const struct trb_document_rows *rows, int result, const trb_error *error,
			trb_blob **ret, trb_error **err);

#endif
