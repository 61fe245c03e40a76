/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the verifier share: one minted case, one policy, one expectation. */
#ifndef TRB_TESTS_JUDGING_H
#define TRB_TESTS_JUDGING_H

#include <check.h>

#include "mint.h"

/* The case; judging_set_up() makes it good. */
extern struct mint m;
extern struct mint_policy p;
extern struct judging {
	const char *file_name, *entry, *repository, *commit;
	trb_bytes nonce, digest;
	uint64_t now_s;
	trb_claims *claims;
	trb_report *report;
} j;
void judging_set_up(void);
void judging_tear_down(void);

trb_verifier *judging_verifier(void);
/* Verifies; check is the id that has to refuse, or NULL: verified.  Also demands that the rows are
 * in order: nothing is run after a failure.  claims and report stay in j. */
void expect(const char *check);
void expect_parts(const struct mint_parts *parts, const char *check);
void expect_bundle(const trb_bundle *bundle, const char *check);
/* p loads; p, or this text, is refused by policy.parse with these words and a line, and p is the
 * good one again. */
void policy_loads(void);
void policy_refused(const char *says);
void policy_refused_text(const char *json, int code, const char *says);
/* The outcome of a check in j.report. */
int outcome_of(const char *check);
const char *actual_of(const char *check);

#endif
