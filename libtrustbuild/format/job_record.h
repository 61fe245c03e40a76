/* SPDX-License-Identifier: Apache-2.0 */
/* What a job keeps beside its bundle until its files have their names: a list of them, as JSON. Not
 * for others; a process reads it that goes on after a crash. */
#ifndef TRB_FORMAT_JOB_RECORD_H
#define TRB_FORMAT_JOB_RECORD_H

#include "format/facts.h"

#define TRB_JOB_RECORD_MAX (1u << 20)
#define TRB_JOB_FILES_MAX  (2 * TRB_ARTIFACTS_MAX) /* attested ones, and the others */

struct trb_job_file {
	char *name; /* as attested */
	char *path; /* where it goes beneath the output directory; NULL: not decided yet */
	uint64_t size;
	uint8_t digest[32];
	bool attested;
};
struct trb_job_files {
	size_t n;
	struct trb_job_file *items;
};
void trb_job_files_clear(struct trb_job_files *files);
/* A copy of name, at the end.  Errors: TRB_E_LIMIT, TRB_E_NOMEM. */
int trb_job_files_add(struct trb_job_files *files, trb_bytes name, uint64_t size,
		      const uint8_t digest[32], bool attested, trb_error **err);

int trb_job_record_encode(const struct trb_job_files *files, trb_blob **ret, trb_error **err);
/* Names are artifact names, and no two of a kind are the same.  Errors: TRB_E_FORMAT, TRB_E_LIMIT,
 * TRB_E_UNSUPPORTED of a later version, TRB_E_NOMEM. */
int trb_job_record_decode(trb_bytes in, struct trb_job_files *ret, trb_error **err);

#endif
