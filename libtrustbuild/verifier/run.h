/* SPDX-License-Identifier: Apache-2.0 */
/* One verification: what is judged, and what the checks have found out so far. */
#ifndef TRB_VERIFIER_RUN_H
#define TRB_VERIFIER_RUN_H

#include "format/agree.h"
#include "format/bundle.h"
#include "format/note.h"
#include "format/statement.h"
#include "verifier/claims.h"
#include "verifier/evidence.h"
#include "verifier/policy.h"
#include "verifier/report.h"

struct trb_verifier {
	atomic_uint refs;
	trb_policy *policy;
	struct trb_nitro *nitro;
	uint64_t now_s; /* 0: not told */
	/* narrowing demands; NULL or false where there is none */
	char *repository, *entry;
	bool has_commit;
	struct trb_commit commit;
	trb_blob *nonce;
};

/* trb_verifier_check_fd() with an entry of this call's own; NULL: the verifier's, if any. */
int trb_verifier_check_as(struct trb_verifier *verifier, const trb_bundle *bundle, int fd,
			  const char *name, const char *entry, trb_claims **ret_claims,
			  trb_report **ret_report, trb_error **err);

/* The artifact: a name and a digest, or a descriptor to hash. */
struct trb_subject {
	const char *name;  /* without directories; NULL where there is an entry */
	const char *entry; /* exact attested name, or NULL */
	int fd;            /* -1: digest is known */
	uint64_t size;     /* of what was read from fd */
	uint8_t digest[32];
};
/* Reads and hashes up to limit bytes; stops, with size over limit, where there are more. */
int trb_subject_hash(struct trb_subject *subject, uint64_t limit, trb_error **err);

/* A log entry that has passed the log checks up to now. */
struct trb_log_candidate {
	bool good;
	const struct trb_bundle_log *entry;
	const struct trb_vkey *key;
	struct trb_note note;
	struct trb_checkpoint checkpoint;
	size_t n_witnesses;
	uint64_t witnessed_s; /* when the quorum was reached; 0: none was demanded */
};

struct trb_run {
	const struct trb_verifier *verifier;
	const struct trb_policy *policy;
	const struct trb_bundle_parts *parts;
	trb_report *report;
	struct trb_subject subject;

	/* set by the form checks; owners keep the bytes that the views point into */
	trb_blob *owners[3];
	struct trb_request_facts request;
	struct trb_environment environment;
	struct trb_artifacts artifacts;
	struct trb_claim claim;
	struct trb_tee_evidence evidence;

	const struct trb_measurement *measurement;
	bool candidate[TRB_ARTIFACTS_MAX]; /* entries that the name may mean */
	const struct trb_artifact *artifact;

	/* one for each log entry of the bundle; the one that counts */
	struct trb_log_candidate *candidates;
	const struct trb_log_candidate *log;
};

/* Each makes one check and writes its row.  TRB_OK, the row's verdict, or operational trouble. */
typedef int (*trb_step)(struct trb_run *run, trb_error **err);
int trb_step_bundle_parse(struct trb_run *run, trb_error **err);
int trb_step_request_parse(struct trb_run *run, trb_error **err);
int trb_step_environment_parse(struct trb_run *run, trb_error **err);
int trb_step_artifacts_parse(struct trb_run *run, trb_error **err);
int trb_step_document_parse(struct trb_run *run, trb_error **err);
int trb_step_claim_parse(struct trb_run *run, trb_error **err);
int trb_step_document_signature(struct trb_run *run, trb_error **err);
int trb_step_document_chain(struct trb_run *run, trb_error **err);
int trb_step_document_debug(struct trb_run *run, trb_error **err);
int trb_step_measurement_match(struct trb_run *run, trb_error **err);
int trb_step_endorsement_quorum(struct trb_run *run, trb_error **err);
int trb_step_pcr16_request(struct trb_run *run, trb_error **err);
int trb_step_pcr17_commit(struct trb_run *run, trb_error **err);
int trb_step_pcr_other(struct trb_run *run, trb_error **err);
int trb_step_claim_commit(struct trb_run *run, trb_error **err);
int trb_step_claim_artifacts(struct trb_run *run, trb_error **err);
int trb_step_claim_environment(struct trb_run *run, trb_error **err);
int trb_step_claim_materials(struct trb_run *run, trb_error **err);
int trb_step_claim_statement(struct trb_run *run, trb_error **err);
int trb_step_envelope_signature(struct trb_run *run, trb_error **err);
int trb_step_artifact_name(struct trb_run *run, trb_error **err);
int trb_step_artifact_digest(struct trb_run *run, trb_error **err);
int trb_step_source_repository(struct trb_run *run, trb_error **err);
int trb_step_source_ref(struct trb_run *run, trb_error **err);
int trb_step_source_commit(struct trb_run *run, trb_error **err);
int trb_step_source_history(struct trb_run *run, trb_error **err);
int trb_step_recipe_origin(struct trb_run *run, trb_error **err);
int trb_step_sandbox_runtime(struct trb_run *run, trb_error **err);
int trb_step_sandbox_network(struct trb_run *run, trb_error **err);
int trb_step_sandbox_machine(struct trb_run *run, trb_error **err);
int trb_step_nonce_match(struct trb_run *run, trb_error **err);
int trb_step_log_checkpoint(struct trb_run *run, trb_error **err);
int trb_step_log_inclusion(struct trb_run *run, trb_error **err);
int trb_step_log_witness(struct trb_run *run, trb_error **err);
int trb_step_time_bound(struct trb_run *run, trb_error **err);
int trb_step_revocation_fresh(struct trb_run *run, trb_error **err);
int trb_step_revocation_listed(struct trb_run *run, trb_error **err);

/* Compares one thing that enclave and host have compared, too; as a row, with what was wanted and
 * what was found. */
int trb_run_agree(const struct trb_run *run, enum trb_agree what, struct trb_agreement *ret,
		  trb_error **err);
int trb_run_agree_row(struct trb_run *run, enum trb_check_id id, enum trb_agree what,
		      trb_error **err);
void trb_log_candidates_free(struct trb_run *run);

/* For rows: a view as a text of at most 300 bytes, bytes as hexadecimal digits. */
struct trb_row_text {
	char text[304];
};
struct trb_row_text trb_row_view(trb_bytes text);
struct trb_row_text trb_row_hex(trb_bytes bytes);
struct trb_row_text trb_row_commit(const struct trb_commit *commit);
struct trb_row_text trb_row_list(const struct trb_texts *texts);

#endif
