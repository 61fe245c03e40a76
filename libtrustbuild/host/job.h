/* SPDX-License-Identifier: Apache-2.0 */
/* The job's insides, shared by its two files. */
#ifndef TRB_HOST_JOB_H
#define TRB_HOST_JOB_H

#include <stdatomic.h>

#include <trustbuild/job.h>

#include "host/job_place.h"
#include "host/resolve.h"

/* RESOLVE --> BUILD --> PUBLISH --> PLACE --> DONE; BUILD --any error--> FAILED.  RESOLVE, PUBLISH
 * and PLACE stay what they are after an error. */
struct trb_job {
	atomic_uint refs;
	atomic_bool canceled;
	int step;     /* TRB_JOB_* */
	bool started; /* the first step was begun */
	bool running; /* the session was */
	trb_context *context;
	trb_session *session; /* NULL: resumed */

	/* set before the first step */
	char *repository, *name, *ref, *ca_file; /* where there is something to resolve */
	trb_request *request;
	trb_blob *credential;
	uint32_t timeout_s;

	trb_log *log;
	bool replace;

	struct trb_resolving *resolving;
	struct trb_events events;
	int epoll, wake, cancel, timer;

	struct trb_job_store store;
	struct trb_job_files files;
	char *bundle_path;
	trb_bundle *bundle;
};

void trb_job_wipe_credential(struct trb_job *job);
struct trb_job_placing trb_job_placing_of(const struct trb_job *job);

/* job_run.c */
/* Works until there is an event, or nothing to do without waiting. */
int trb_job_work(struct trb_job *job, trb_event **ret_event, trb_error **err);

#endif
