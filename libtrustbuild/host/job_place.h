/* SPDX-License-Identifier: Apache-2.0 */
/* Giving a saved job's files their names: one rename each, all of them or none. */
#ifndef TRB_HOST_JOB_PLACE_H
#define TRB_HOST_JOB_PLACE_H

#include "host/job_store.h"

struct trb_job_placing {
	const struct trb_job_store *store;
	const struct trb_job_files *files; /* with their paths */
	const char *bundle_path;
	bool replace;
};

/* Files that have their names already, from before a crash, keep them.  After an error all that
 * were given are taken back.  Errors: TRB_E_STATE where one is there and not to be replaced,
 * TRB_E_IO, TRB_E_NOMEM. */
int trb_job_place(const struct trb_job_placing *in, trb_error **err);
/* Takes back what was placed; files that were replaced are put back. */
int trb_job_unplace(const struct trb_job_placing *in, trb_error **err);

/* Each file, saved or placed, is what the record says, and each artifact what the bundle says.
 * Errors: TRB_E_ARTIFACT with check "artifact.digest" or "artifact.name", TRB_E_IO, TRB_E_NOMEM. */
int trb_job_place_check(const struct trb_job_placing *in, const trb_bundle *bundle,
			trb_error **err);

/* The bundle, wherever it is. */
int trb_job_place_bundle(const struct trb_job_placing *in, trb_bundle **ret, trb_error **err);

#endif
