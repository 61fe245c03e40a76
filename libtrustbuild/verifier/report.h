/* SPDX-License-Identifier: Apache-2.0 */
/* The report: one row for every check, filled in order by verify.c. */
#ifndef TRB_VERIFIER_REPORT_H
#define TRB_VERIFIER_REPORT_H

#include <stdatomic.h>

#include <trustbuild/verify.h>

#include "core/buffer.h"
#include "core/cleanup.h"
#include "core/error.h"
#include "verifier/nitro.h"

/* In the order of verification; the ids and rules are in checks.c. */
enum trb_check_id {
	TRB_CK_BUNDLE_PARSE,
	TRB_CK_REQUEST_PARSE,
	TRB_CK_ENVIRONMENT_PARSE,
	TRB_CK_ARTIFACTS_PARSE,
	TRB_CK_DOCUMENT_PARSE,
	TRB_CK_CLAIM_PARSE,
	TRB_CK_DOCUMENT_SIGNATURE,
	TRB_CK_DOCUMENT_CHAIN,
	TRB_CK_DOCUMENT_DEBUG,
	TRB_CK_MEASUREMENT_MATCH,
	TRB_CK_ENDORSEMENT_QUORUM,
	TRB_CK_PCR16_REQUEST,
	TRB_CK_PCR17_COMMIT,
	TRB_CK_PCR_OTHER,
	TRB_CK_CLAIM_COMMIT,
	TRB_CK_CLAIM_ARTIFACTS,
	TRB_CK_CLAIM_ENVIRONMENT,
	TRB_CK_CLAIM_MATERIALS,
	TRB_CK_CLAIM_STATEMENT,
	TRB_CK_ENVELOPE_SIGNATURE,
	TRB_CK_ARTIFACT_NAME,
	TRB_CK_ARTIFACT_DIGEST,
	TRB_CK_SOURCE_REPOSITORY,
	TRB_CK_SOURCE_REF,
	TRB_CK_SOURCE_COMMIT,
	TRB_CK_SOURCE_HISTORY,
	TRB_CK_RECIPE_ORIGIN,
	TRB_CK_SANDBOX_RUNTIME,
	TRB_CK_SANDBOX_NETWORK,
	TRB_CK_SANDBOX_MACHINE,
	TRB_CK_NONCE_MATCH,
	TRB_CK_LOG_CHECKPOINT,
	TRB_CK_LOG_INCLUSION,
	TRB_CK_LOG_WITNESS,
	TRB_CK_TIME_BOUND,
	TRB_CK_REVOCATION_FRESH,
	TRB_CK_REVOCATION_LISTED,
	TRB_CHECKS,
	/* of bare documents alone, after those that a bundle's report has */
	TRB_CK_DOCUMENT_TIME = TRB_CHECKS,
	TRB_CK_DOCUMENT_PCRS,
	TRB_CK_DOCUMENT_NONCE,
	TRB_CK_DOCUMENT_DATA,
	TRB_CK_DOCUMENT_KEY,
	TRB_CHECK_RULES
};

struct trb_check_rule {
	const char *id;
	int code;          /* the verdict where it fails */
	const char *group; /* heading in the report */
	const char *title; /* what is demanded */
	const char *rule;  /* section of docs/verification.md */
};
extern const struct trb_check_rule trb_check_rules[TRB_CHECK_RULES];

struct trb_check {
	int outcome; /* TRB_OUTCOME_* */
	char *expected, *actual;
};

struct trb_report {
	atomic_uint refs;
	int verdict;    /* TRB_OK only where every row is pass or not-demanded */
	int failed;     /* index, or -1 */
	int assurance;  /* TRB_ASSURANCE_*, or 0 */
	char *artifact; /* the name that was asked for, or NULL */
	char *warning;  /* a caution that a row has found; NULL: none */
	trb_claims *claims;
	struct trb_check checks[TRB_CHECKS]; /* TRB_OUTCOME_NOT_RUN at birth */
};

int trb_report_new(trb_report **ret, trb_error **err);
/* Each writes row id, which must not have been run; text is kept as it is, cut at 400 bytes. */
int trb_report_pass(trb_report *r, enum trb_check_id id, trb_error **err, const char *expected,
		    const char *fmt, ...) __attribute__((format(printf, 5, 6)));
int trb_report_waive(trb_report *r, enum trb_check_id id, trb_error **err, const char *why);
/* Returns the rule's verdict code, and TRB_E_NOMEM where the row could not be written. */
int trb_report_fail(trb_report *r, enum trb_check_id id, trb_error **err, const char *expected,
		    const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* The same with another verdict's code than the rule's own. */
int trb_report_fail_as(trb_report *r, enum trb_check_id id, int code, trb_error **err,
		       const char *expected, const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));
/* The same for a failure that cause describes: operational trouble (TRB_E_NOMEM, TRB_E_IO …) is
 * handed through and decides nothing; everything else becomes the rule's verdict. */
int trb_report_fail_from(trb_report *r, enum trb_check_id id, int code, const trb_error *cause,
			 trb_error **err);
/* A caution that takes numbers of this very build; at most one. */
int trb_report_warn(trb_report *r, trb_error **err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
const char *trb_outcome_name(int outcome);
/* "VERIFIED", "VERIFIED (SIMULATED)", "REFUSED". */
const char *trb_report_word(const trb_report *r);

/* What to do where the check of this id refuses; a static sentence or two. */
const char *trb_check_advice(const char *id);

/* Adds outside text as trb_escape_char() shows it.  Returns the columns that it takes. */
size_t trb_show_text(struct trb_buf *b, const char *text);
/* One character (or its escape) of text into b, and how far to go on. */
size_t trb_show_char(struct trb_buf *b, const char *text, size_t *ret_columns);
/* Seconds since 1970 as a date. */
struct trb_time_text {
	char text[40];
};
struct trb_time_text trb_show_time(uint64_t seconds);
/* What a check of a document found that passed or was waived, in one line. */
struct trb_found_text {
	char text[304];
};
struct trb_found_text trb_show_found(const struct trb_nitro_verdict *verdict,
				     enum trb_nitro_check check);
/* The facts of a verified build as name and value, for people; calls row for each in order. */
typedef void (*trb_fact_row)(void *user, const char *name, const char *value);
void trb_claims_list(const trb_claims *claims, trb_fact_row row, void *user);
/* What the policy waives and everybody should know, as a sentence; NULL at the end. */
const char *trb_report_caution(const trb_report *r, size_t index);

TRB_DEFINE_CLEANUP(trb_report *, trb_report_unref);
TRB_DEFINE_CLEANUP(trb_claims *, trb_claims_unref);
TRB_DEFINE_CLEANUP(trb_verifier *, trb_verifier_unref);

#endif
