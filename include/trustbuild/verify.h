/* SPDX-License-Identifier: Apache-2.0 */
/* The verifier: evidence and policy in, verdict out.  No device, no network, no clock that it was
 * not given.  The rules are in docs/verification.md. */
#ifndef TRUSTBUILD_VERIFY_H
#define TRUSTBUILD_VERIFY_H

#include <trustbuild/attestation.h>
#include <trustbuild/bundle.h>
#include <trustbuild/policy.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A policy with a clock, narrowing demands and remembered CA certificates.  Set it up on one
 * thread; from then on any number of threads may call trb_verifier_check_*() at once. */
typedef struct trb_verifier trb_verifier;
/* Every check with its outcome, in order.  Immutable; may be shared between threads. */
typedef struct trb_report trb_report;
/* The facts of a build; only a successful verification makes them.  Immutable. */
typedef struct trb_claims trb_claims;

/* Outcomes of a check. */
enum {
	TRB_OUTCOME_PASS = 1,
	TRB_OUTCOME_FAIL = 2,
	TRB_OUTCOME_NOT_RUN = 3,     /* an earlier check failed */
	TRB_OUTCOME_NOT_DEMANDED = 4 /* the policy waives it */
};

/* A verifier for policy, which it keeps a reference to.  context may be NULL.  Errors:
 * TRB_E_INVAL, TRB_E_NOMEM. */
TRB_API TRB_CHECK int trb_verifier_new(trb_context *context, const trb_policy *policy,
				       trb_verifier **ret_verifier, trb_error **err);

/* One more reference; returns verifier.  NULL is a no-op. */
TRB_API trb_verifier *trb_verifier_ref(trb_verifier *verifier);

/* Drops a reference; always returns NULL.  NULL is a no-op. */
TRB_API trb_verifier *trb_verifier_unref(trb_verifier *verifier);

/* Tells the time, in seconds since 1970.  A policy whose time is "live" cannot be checked without;
 * an archival one never looks at it.  Errors: TRB_E_INVAL for 0 and for what cannot be counted in
 * milliseconds. */
TRB_API TRB_CHECK int trb_verifier_set_now(trb_verifier *verifier, uint64_t unix_seconds,
					   trb_error **err);

/* Demands that are added to the policy's, never in place of them.  Texts are copied.  Errors:
 * TRB_E_INVAL where the value is not of the grammar, TRB_E_NOMEM. */

/* Exactly this repository URL. */
TRB_API TRB_CHECK int trb_verifier_set_repository(trb_verifier *verifier, const char *repository,
						  trb_error **err);
/* Exactly this commit: 40 or 64 lower-case hexadecimal digits. */
TRB_API TRB_CHECK int trb_verifier_set_commit(trb_verifier *verifier, const char *commit,
					      trb_error **err);
/* Exactly this nonce, 16 to 64 bytes: the one that was given to the build. */
TRB_API TRB_CHECK int trb_verifier_set_nonce(trb_verifier *verifier, trb_bytes nonce,
					     trb_error **err);
/* The artifact is the entry with exactly this attested name; the file's own name no longer
 * matters. */
TRB_API TRB_CHECK int trb_verifier_set_entry(trb_verifier *verifier, const char *name,
					     trb_error **err);

/* Judges whether the file behind fd is an artifact that bundle attests, as policy and demands want
 * it.  fd is a file open for reading, hashed from its beginning by position (its offset does not
 * move; a pipe has none and is TRB_E_IO); it stays the caller's.  name is the file's name, of which
 * the part after the last "/" counts; it may be NULL where trb_verifier_set_entry() was called.
 *
 * TRB_OK: verified, *ret_claims has the facts.  A verdict (see trb_is_verdict()): refused, and the
 * error's check id says by which check.  Any other code: nothing was decided.  *ret_report is
 * written on TRB_OK and on a verdict, the one output that is written on a refusal too; ret_claims
 * and ret_report may be NULL.  The caller owns both.
 * Other errors: TRB_E_INVAL, TRB_E_STATE for a live policy without a time, TRB_E_IO, TRB_E_NOMEM.
 */
TRB_API TRB_CHECK int trb_verifier_check_fd(trb_verifier *verifier, const trb_bundle *bundle,
					    int fd, const char *name, trb_claims **ret_claims,
					    trb_report **ret_report, trb_error **err);

/* The same for an artifact that the caller hashed: sha256 has 32 bytes. */
TRB_API TRB_CHECK int trb_verifier_check_digest(trb_verifier *verifier, const trb_bundle *bundle,
						trb_bytes sha256, const char *name,
						trb_claims **ret_claims, trb_report **ret_report,
						trb_error **err);

/* A report for a bundle that trb_bundle_parse() refused with why: "bundle.parse" failed, everything
 * else was not run.  The caller owns it.  Errors: TRB_E_INVAL, TRB_E_NOMEM. */
TRB_API TRB_CHECK int trb_report_new_unreadable(const trb_error *why, trb_report **ret_report,
						trb_error **err);

/* One more reference; returns report.  NULL is a no-op. */
TRB_API trb_report *trb_report_ref(trb_report *report);

/* Drops a reference; always returns NULL.  NULL is a no-op. */
TRB_API trb_report *trb_report_unref(trb_report *report);

/* The verdict: TRB_OK or the verdict code of the check that failed. */
TRB_API int trb_report_get_verdict(const trb_report *report);
/* The id of the check that failed; NULL where all passed.  A static string. */
TRB_API const char *trb_report_get_refused(const trb_report *report);
/* What to do about the refusal, in a sentence or two; NULL where all passed.  A static string. */
TRB_API const char *trb_report_get_advice(const trb_report *report);
/* TRB_ASSURANCE_* (attestation.h); 0 as long as the document's chain was not found good. */
TRB_API int trb_report_get_assurance(const trb_report *report);

/* How many checks there are: all that this release knows, whatever the policy demands. */
TRB_API size_t trb_report_count_checks(const trb_report *report);
/* Check index, in the order of verification: its stable id, a sentence that says what is demanded,
 * and the section of docs/verification.md; static strings.  NULL for an index that is too big. */
TRB_API const char *trb_report_get_check(const trb_report *report, size_t index);
TRB_API const char *trb_report_get_title(const trb_report *report, size_t index);
TRB_API const char *trb_report_get_rule(const trb_report *report, size_t index);
/* TRB_OUTCOME_* of check index; 0 for an index that is too big. */
TRB_API int trb_report_get_outcome(const trb_report *report, size_t index);
/* What was wanted, what was found: one line each, which may carry outside text; NULL where there is
 * nothing to say.  Borrowed. */
TRB_API const char *trb_report_get_expected(const trb_report *report, size_t index);
TRB_API const char *trb_report_get_actual(const trb_report *report, size_t index);

/* The report as JSON (ASCII), as a tree of at most 100 columns in UTF-8, and as one self-contained
 * HTML page.  All outside text in them is escaped.  The caller owns the blob.  Errors:
 * TRB_E_INVAL, TRB_E_NOMEM. */
TRB_API TRB_CHECK int trb_report_to_json(const trb_report *report, trb_blob **ret_json,
					 trb_error **err);
TRB_API TRB_CHECK int trb_report_to_text(const trb_report *report, trb_blob **ret_text,
					 trb_error **err);
TRB_API TRB_CHECK int trb_report_to_html(const trb_report *report, trb_blob **ret_html,
					 trb_error **err);

/* One more reference; returns claims.  NULL is a no-op. */
TRB_API trb_claims *trb_claims_ref(trb_claims *claims);

/* Drops a reference; always returns NULL.  NULL is a no-op. */
TRB_API trb_claims *trb_claims_unref(trb_claims *claims);

/* Getters: borrowed views that live as long as the claims.  Texts may carry what an outsider chose
 * (names, URLs): escape them before showing them. */

/* TRB_ASSURANCE_HARDWARE or TRB_ASSURANCE_SIMULATED. */
TRB_API int trb_claims_get_assurance(const trb_claims *claims);
/* The verified artifact: attested name (relative to the tree), bytes, SHA-256. */
TRB_API const char *trb_claims_get_artifact(const trb_claims *claims);
TRB_API uint64_t trb_claims_get_artifact_size(const trb_claims *claims);
TRB_API trb_bytes trb_claims_get_artifact_digest(const trb_claims *claims);
/* Where the source came from; the ref is NULL where none was demanded of the enclave. */
TRB_API const char *trb_claims_get_repository(const trb_claims *claims);
TRB_API const char *trb_claims_get_ref(const trb_claims *claims);
/* CT in hexadecimal digits. */
TRB_API const char *trb_claims_get_commit(const trb_claims *claims);
/* The URL on the repository's own origin that its server redirected to; NULL where it did not. */
TRB_API const char *trb_claims_get_location(const trb_claims *claims);
/* The commit that the ref pointed to when the enclave asked for it, and the annotated tag object
 * between them (the outermost); NULL where no ref was asked for, and where it named no such tag. */
TRB_API const char *trb_claims_get_ref_tip(const trb_claims *claims);
TRB_API const char *trb_claims_get_ref_tag(const trb_claims *claims);
/* How CT stands to that tip: "tip", "first-parent" or "reachable", a static string, and the steps
 * from the tip back to CT; NULL and 0 where no ref was asked for. */
TRB_API const char *trb_claims_get_relation(const trb_claims *claims);
TRB_API uint64_t trb_claims_get_steps(const trb_claims *claims);
/* The git tree object id of the source, computed with SHA-256. */
TRB_API trb_bytes trb_claims_get_source_digest(const trb_claims *claims);
/* SHA-256 of the recipe, and whether it came from the tree: 1 or 0. */
TRB_API trb_bytes trb_claims_get_recipe_digest(const trb_claims *claims);
TRB_API int trb_claims_is_recipe_from_tree(const trb_claims *claims);
/* The sandbox's runtime, for example "runsc". */
TRB_API const char *trb_claims_get_runtime(const trb_claims *claims);
/* The machine that the build saw, which the host chose: CPUs, memory in MiB, the CPU's model (or
 * "unknown"). */
TRB_API uint64_t trb_claims_get_cpus(const trb_claims *claims);
TRB_API uint64_t trb_claims_get_memory_mib(const trb_claims *claims);
TRB_API const char *trb_claims_get_cpu_model(const trb_claims *claims);
/* How many materials (submodules) went into the build beside the source, and the SHA-256 of their
 * list; 0 and empty where there are none. */
TRB_API uint64_t trb_claims_count_materials(const trb_claims *claims);
TRB_API trb_bytes trb_claims_get_materials_digest(const trb_claims *claims);
/* PCR index of the document, 48 bytes; empty where the document has none. */
TRB_API trb_bytes trb_claims_get_pcr(const trb_claims *claims, unsigned index);
/* The policy's name for the measurement that matched. */
TRB_API const char *trb_claims_get_measurement(const trb_claims *claims);
/* The document's own time and the witnesses' time, in seconds since 1970; the latter is 0 where no
 * quorum of witnesses was demanded. */
TRB_API uint64_t trb_claims_get_time(const trb_claims *claims);
TRB_API uint64_t trb_claims_get_witnessed_time(const trb_claims *claims);
/* Origin and index of the log entry that was checked; NULL and 0 where no log was demanded. */
TRB_API const char *trb_claims_get_log(const trb_claims *claims);
TRB_API uint64_t trb_claims_get_log_index(const trb_claims *claims);

#ifdef __cplusplus
}
#endif

#endif
