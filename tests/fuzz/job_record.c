/* SPDX-License-Identifier: Apache-2.0 */
/* Records of saved jobs: what is read is written again as it was, and no name leaves its place. */
#include <stdlib.h>

#include "format/job_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct trb_job_files files = { 0 }, again = { 0 };
	trb_error *err = NULL;
	trb_blob *out = NULL;

	if (size > TRB_JOB_RECORD_MAX + 1)
		return 0;
	if (trb_job_record_decode(TRB_BYTES(data, size), &files, &err) == TRB_OK) {
		for (size_t i = 0; i < files.n; i++)
			if (trb_artifact_name_fault(trb_bytes_str(files.items[i].name)) != NULL)
				abort();
		if (trb_job_record_encode(&files, &out, NULL) != TRB_OK ||
		    trb_job_record_decode(trb_blob_bytes(out), &again, NULL) != TRB_OK ||
		    again.n != files.n)
			abort();
	} else if (files.n != 0 || err == NULL) {
		abort();
	}
	trb_job_files_clear(&files);
	trb_job_files_clear(&again);
	trb_blob_unref(out);
	trb_error_unref(err);
	return 0;
}
