/* SPDX-License-Identifier: Apache-2.0 */
/* Where a job's files and its bundle go, decided before any of them gets its name. */
#ifndef TRB_HOST_JOB_NAMES_H
#define TRB_HOST_JOB_NAMES_H

#include "format/job_record.h"

#define TRB_JOB_UNATTESTED "unattested"       /* folder of what the steps after attestation made */
#define TRB_JOB_PREFIX     ".trustbuild-job-" /* of what a job saves, in the output directory */

/* Gives each file its path, and the bundle: no two meet.  The caller frees *ret_bundle_path.
 * Errors: TRB_E_ARTIFACT with check "artifact.name" where a file would look like a saved job,
 * TRB_E_NOMEM. */
int trb_job_place_names(struct trb_job_files *files, char **ret_bundle_path, trb_error **err);

#endif
