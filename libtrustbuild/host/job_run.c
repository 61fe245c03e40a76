/* SPDX-License-Identifier: Apache-2.0 */
/* A job's steps.  What waits for somebody is in the epoll set; what does not keeps the descriptor
 * readable. */
#include <poll.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include "core/context.h"
#include "host/job.h"
#include "host/job_names.h"
#include "host/session.h"

static int say(struct trb_job *job, const char *state, trb_bytes text, trb_error **err)
{
	struct trb_event *event = trb_events_add(&job->events, TRB_EVENT_STEP, text);

	if (event == NULL)
		return trb_fail_nomem(err);
	event->state = state;
	return TRB_OK;
}

static int watch(struct trb_job *job, int fd, trb_error **err)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	if (fd < 0 || epoll_ctl(job->epoll, EPOLL_CTL_ADD, fd, &event) == 0)
		return TRB_OK;
	return trb_fail_errno(err, errno, "watch a descriptor");
}

/* From the first step on. */
static int begin(struct trb_job *job, trb_error **err)
{
	struct itimerspec when = { .it_value.tv_sec = job->timeout_s };

	if (job->started)
		return TRB_OK;
	if (job->request == NULL && job->repository == NULL)
		return trb_fail(err, TRB_E_STATE, "the job has nothing to build: set a request");
	if (timerfd_settime(job->timer, 0, &when, NULL) < 0)
		return trb_fail_errno(err, errno, "set the job's time limit");
	job->started = true;
	return TRB_OK;
}

static int check_timeout(struct trb_job *job, trb_error **err)
{
	struct pollfd p = { .fd = job->timer, .events = POLLIN };

	if (job->timeout_s == 0 || poll(&p, 1, 0) <= 0)
		return TRB_OK;
	return trb_fail(err, TRB_E_TIMEOUT, "the %s within the %u s of the time limit",
			job->step == TRB_JOB_RESOLVE ? "repository did not name the commit"
						     : "build did not end",
			job->timeout_s);
}

static int resolved(struct trb_job *job, trb_error **err)
{
	const char *commit = trb_request_get_commit(job->request);
	int r = say(job, "RESOLVED", trb_bytes_str(commit), err);

	if (r == TRB_OK)
		job->step = TRB_JOB_BUILD;
	return r;
}

static int start_resolving(struct trb_job *job, trb_error **err)
{
	int r = trb_resolving_start(job->context, job->repository, job->name, job->ref,
				    job->ca_file, trb_blob_bytes(job->credential), &job->events,
				    &job->resolving, err);

	return r == TRB_OK ? watch(job, trb_resolving_get_fd(job->resolving), err) : r;
}

static int do_resolve(struct trb_job *job, trb_error **err)
{
	int r = begin(job, err);

	if (r == TRB_OK)
		r = check_timeout(job, err);
	if (r == TRB_OK && job->repository == NULL)
		return resolved(job, err);
	if (r == TRB_OK && job->resolving == NULL)
		r = start_resolving(job, err);
	if (r == TRB_OK)
		r = trb_resolving_step(job->resolving, &job->request, err);
	if (r == TRB_E_AGAIN)
		return r;
	job->resolving = trb_resolving_free(job->resolving);
	return r == TRB_OK ? resolved(job, err) : r;
}

static int start_session(struct trb_job *job, trb_error **err)
{
	int r = trb_session_set_output_dirfd(job->session, job->store.dir, err);

	if (r == TRB_OK && job->credential != NULL)
		r = trb_session_set_credential(job->session, trb_blob_bytes(job->credential), err);
	trb_job_wipe_credential(job);
	if (r < 0)
		return r;
	job->session->keep = true;
	if (job->session->state == TRB_SESSION_NEW)
		r = trb_session_boot(job->session, err);
	if (r == TRB_OK)
		r = trb_session_start(job->session, job->request, err);
	if (r == TRB_OK)
		r = watch(job, trb_session_get_fd(job->session), err);
	if (r == TRB_OK)
		job->running = true;
	return r;
}

/* Passes a session's event on. */
static int take_event(struct trb_job *job, struct trb_event *event, trb_error **err)
{
	int r = TRB_OK;

	if (event->type == TRB_EVENT_BUNDLE)
		job->bundle = trb_bundle_ref(event->bundle);
	if (event->type == TRB_EVENT_ARTIFACT)
		r = trb_job_files_add(&job->files, trb_blob_bytes(event->text), event->size,
				      event->digest, event->attested, err);
	if (r < 0)
		trb_event_unref(event);
	else
		trb_events_put(&job->events, event);
	return r;
}

/* The enclave is gone before anything is made of what it said. */
static int end_build(struct trb_job *job, trb_error **err)
{
	int r = trb_session_close(job->session, err);

	if (r == TRB_OK && job->bundle == NULL)
		r = trb_fail(err, TRB_E_IO, "a session without a result");
	if (r == TRB_OK)
		r = trb_job_place_names(&job->files, &job->bundle_path, err);
	if (r == TRB_OK)
		r = trb_job_store_save(&job->store, job->bundle, &job->files, err);
	if (r == TRB_OK)
		r = say(job, "SAVED", TRB_BYTES_NULL, err);
	if (r == TRB_OK)
		job->step = TRB_JOB_PUBLISH;
	return r;
}

static int build(struct trb_job *job, trb_error **err)
{
	trb_event *event = NULL;
	int r = check_timeout(job, err);

	if (r == TRB_OK && !job->running)
		r = start_session(job, err);
	if (r == TRB_OK)
		r = trb_session_next_event(job->session, &event, err);
	if (r == TRB_E_DONE)
		return end_build(job, err);
	return r == TRB_OK ? take_event(job, event, err) : r;
}

static void forget_build(struct trb_job *job)
{
	trb_session_close(job->session, NULL);
	trb_job_store_remove(&job->store, NULL);
	trb_job_files_clear(&job->files);
	trb_events_clear(&job->events);
	job->bundle = trb_bundle_unref(job->bundle);
	free(steal_ptr(&job->bundle_path));
	job->step = TRB_JOB_FAILED;
}

static int do_build(struct trb_job *job, trb_error **err)
{
	int r = build(job, err);

	if (r < 0 && r != TRB_E_AGAIN)
		forget_build(job);
	return r;
}

static int do_publish(struct trb_job *job, trb_error **err)
{
	_cleanup_(trb_bundle_unrefp) trb_bundle *logged = NULL;
	int r;

	if (job->log == NULL) {
		job->step = TRB_JOB_PLACE;
		return TRB_OK;
	}
	r = trb_log_publish(job->log, job->bundle, &logged, err);
	if (r == TRB_OK)
		r = trb_job_store_save_bundle(&job->store, logged, err);
	if (r < 0)
		return r;
	trb_bundle_unref(job->bundle);
	job->bundle = steal_ptr(&logged);
	r = say(job, "PUBLISHED", TRB_BYTES_NULL, err);
	if (r == TRB_OK)
		job->step = TRB_JOB_PLACE;
	return r;
}

static int do_place(struct trb_job *job, trb_error **err)
{
	struct trb_job_placing placing = trb_job_placing_of(job);
	int r = trb_job_place(&placing, err);

	if (r == TRB_OK)
		r = trb_job_store_remove(&job->store, err);
	if (r == TRB_OK)
		r = say(job, "PLACED", TRB_BYTES_NULL, err);
	if (r == TRB_OK)
		job->step = TRB_JOB_DONE;
	return r;
}

static int do_step(struct trb_job *job, trb_error **err)
{
	int r = TRB_OK;

	if (job->step == TRB_JOB_DONE)
		return TRB_E_DONE;
	if (job->step == TRB_JOB_FAILED)
		return trb_fail(err, TRB_E_STATE, "the job has failed or was dropped before");
	if (job->step != TRB_JOB_BUILD && atomic_load(&job->canceled))
		r = trb_fail(err, TRB_E_CANCELED, "the job was canceled");
	if (r < 0)
		return r;
	switch (job->step) {
	case TRB_JOB_RESOLVE:
		return do_resolve(job, err);
	case TRB_JOB_BUILD:
		return do_build(job, err);
	case TRB_JOB_PUBLISH:
		return do_publish(job, err);
	default:
		return do_place(job, err);
	}
}

static void set_wake(struct trb_job *job, bool readable)
{
	static const uint64_t one = 1;
	uint64_t value;
	ssize_t n = readable ? write(job->wake, &one, sizeof(one))
			     : read(job->wake, &value, sizeof(value));

	(void)n; /* it was so already */
}

int trb_job_work(struct trb_job *job, trb_event **ret_event, trb_error **err)
{
	for (;;) {
		trb_event *event = trb_events_take(&job->events);
		int r;

		if (event != NULL) {
			*ret_event = event;
			return TRB_OK;
		}
		r = do_step(job, err);
		if (r == TRB_E_AGAIN && job->events.first == NULL)
			return r;
		if (r < 0 && r != TRB_E_AGAIN)
			return r;
	}
}

int trb_job_next_event(trb_job *job, trb_event **ret_event, trb_error **err)
{
	int r;

	if (job == NULL || ret_event == NULL)
		return trb_fail(err, TRB_E_INVAL, "no job");
	r = trb_job_work(job, ret_event, err);
	set_wake(job, r != TRB_E_AGAIN);
	return r;
}

/* Whether the event is the last one of the step before. */
static bool has_reached(const struct trb_job *job, int step)
{
	return job->step >= step && job->events.first == NULL;
}

int trb_job_run(trb_job *job, int step, trb_error **err)
{
	struct pollfd p = { .events = POLLIN };

	if (job == NULL || step < TRB_JOB_RESOLVE || step > TRB_JOB_DONE)
		return trb_fail(err, TRB_E_INVAL, "no job, or no step");
	p.fd = job->epoll;
	while (!has_reached(job, step) || job->step == TRB_JOB_FAILED) {
		_cleanup_(trb_event_unrefp) trb_event *event = NULL;
		int r = trb_job_next_event(job, &event, err);

		if (r == TRB_E_AGAIN && poll(&p, 1, -1) < 0 && errno != EINTR)
			return trb_fail_errno(err, errno, "wait for the job");
		if (r < 0 && r != TRB_E_AGAIN)
			return r;
		if (event != NULL)
			trb_event_tell(job->context, event);
	}
	return TRB_OK;
}
