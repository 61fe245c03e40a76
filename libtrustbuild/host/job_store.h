/* SPDX-License-Identifier: Apache-2.0 */
/* What a job has on disk before its files have their names: a directory of its own in the output
 * directory, locked as long as its process lives.  It holds the files under their numbers, the
 * bundle, and, written last, the record: where that is, the job is saved. */
#ifndef TRB_HOST_JOB_STORE_H
#define TRB_HOST_JOB_STORE_H

#include "format/bundle.h"
#include "format/job_record.h"

#define TRB_JOB_BUNDLE "bundle.json"

struct trb_job_store {
	int out, dir; /* -1: none */
	char *name;   /* of dir in out */
};
#define TRB_JOB_STORE_NONE ((struct trb_job_store){ .out = -1, .dir = -1 })

/* Removes what dead processes left and had not saved, then makes a new one.  out is taken over.
 * Errors: TRB_E_STATE where something is saved there, TRB_E_IO, TRB_E_NOMEM. */
int trb_job_store_make(int out, struct trb_job_store *ret, trb_error **err);
/* The first that is saved.  Errors: TRB_E_NOTFOUND, TRB_E_STATE where a living process has it. */
int trb_job_store_find(int out, struct trb_job_store *ret, trb_error **err);
/* Closes; on disk everything stays. */
void trb_job_store_clear(struct trb_job_store *store);

/* Bundle, then record, each flushed. */
int trb_job_store_save(const struct trb_job_store *store, const trb_bundle *bundle,
		       const struct trb_job_files *files, trb_error **err);
int trb_job_store_save_bundle(const struct trb_job_store *store, const trb_bundle *bundle,
			      trb_error **err);
int trb_job_store_load(const struct trb_job_store *store, struct trb_job_files *ret_files,
		       trb_error **err);
/* Removes it, the record first: nobody takes over half of it. */
int trb_job_store_remove(const struct trb_job_store *store, trb_error **err);

#endif
