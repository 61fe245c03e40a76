/* SPDX-License-Identifier: Apache-2.0 */
/* A policy in the making: what was given, and what a bundle proposes. */
#ifndef TRB_VERIFIER_DRAFT_H
#define TRB_VERIFIER_DRAFT_H

#include <trustbuild/draft.h>

#include "core/cleanup.h"
#include "verifier/policy.h"

#define TRB_DRAFT_TEXTS   (TRB_DRAFT_WITNESS + 1)
#define TRB_DRAFT_NUMBERS (TRB_DRAFT_MAX_AGE_S + 1)

enum trb_draft_section {
	TRB_DRAFT_S_ROOTS,
	TRB_DRAFT_S_MEASUREMENTS,
	TRB_DRAFT_S_SOURCE,
	TRB_DRAFT_S_RECIPE,
	TRB_DRAFT_S_SANDBOX,
	TRB_DRAFT_S_ARTIFACTS,
	TRB_DRAFT_S_TIME,
	TRB_DRAFT_S_LOG,
	TRB_DRAFT_SECTIONS
};
const char *trb_draft_section_name(enum trb_draft_section section);

/* Values from one side; a section that has an origin has a value. */
struct trb_draft_values {
	char *origin[TRB_DRAFT_SECTIONS];
	size_t n_roots;
	struct trb_nitro_root roots[TRB_POLICY_ROOTS];
	size_t n_measurements;
	struct trb_measurement *measurements; /* TRB_POLICY_MEASUREMENTS, or NULL */
	struct trb_texts texts[TRB_DRAFT_TEXTS];
	uint64_t numbers[TRB_DRAFT_NUMBERS];
	bool has_number[TRB_DRAFT_NUMBERS];
};

struct trb_draft {
	atomic_uint refs;
	char *origin; /* of what is added now */
	bool proposes;
	struct trb_draft_values given, proposed;
};

/* Whose values a section has: given, proposed, or NULL where it has its default, or is missing. */
const struct trb_draft_values *trb_draft_values_of(const trb_draft *draft,
						   enum trb_draft_section section);

/* The same as the public functions, for either side. */
int trb_draft_put_pcr(trb_draft *draft, struct trb_draft_values *to, const char *name,
		      unsigned index, trb_bytes pcr, trb_error **err);
int trb_draft_put_root(trb_draft *draft, struct trb_draft_values *to,
		       const struct trb_nitro_root *root, trb_error **err);
int trb_draft_put_text(trb_draft *draft, struct trb_draft_values *to, int what, const char *value,
		       trb_error **err);
int trb_draft_put_number(trb_draft *draft, struct trb_draft_values *to, int what, uint64_t value,
			 trb_error **err);

TRB_DEFINE_CLEANUP(trb_draft *, trb_draft_unref);

#endif
