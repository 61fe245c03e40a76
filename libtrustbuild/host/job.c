/* SPDX-License-Identifier: Apache-2.0 */
/* A job's life, and what callers set and see of it. */
#include "host/job.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

#include <openssl/crypto.h>

#include "format/fetch.h"
#include "host/job_names.h"
#include "host/session.h"

TRB_DEFINE_CLEANUP(trb_job *, trb_job_unref);

static int watch(struct trb_job *job, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(job->epoll, EPOLL_CTL_ADD, fd, &event);
}

static int open_descriptors(struct trb_job *job, trb_error **err)
{
	job->epoll = epoll_create1(EPOLL_CLOEXEC);
	job->wake = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
	job->cancel = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	job->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (job->epoll < 0 || job->wake < 0 || job->cancel < 0 || job->timer < 0 ||
	    watch(job, job->wake) < 0 || watch(job, job->cancel) < 0 || watch(job, job->timer) < 0)
		return trb_fail_errno(err, errno, "make the job's descriptors");
	return TRB_OK;
}

static int job_new(trb_context *context, int step, struct trb_job **ret, trb_error **err)
{
	_cleanup_(trb_job_unrefp) trb_job *job = calloc(1, sizeof(*job));
	int r;

	if (job == NULL)
		return trb_fail_nomem(err);
	atomic_init(&job->refs, 1);
	atomic_init(&job->canceled, false);
	job->context = trb_context_ref(context);
	job->step = step;
	job->store = TRB_JOB_STORE_NONE;
	job->epoll = job->wake = job->cancel = job->timer = -1;
	trb_events_init(&job->events);
	r = open_descriptors(job, err);
	if (r == TRB_OK)
		*ret = steal_ptr(&job);
	return r;
}

/* Opened again, not duplicated: whatever dirfd was opened with, ours can be read. */
static int open_output(int dirfd, trb_error **err)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 ? fd : trb_fail_errno(err, errno, "open the output directory");
}

int trb_job_new(trb_session *session, int dirfd, trb_job **ret_job, trb_error **err)
{
	_cleanup_(trb_job_unrefp) trb_job *job = NULL;
	int out, r;

	if (session == NULL || ret_job == NULL)
		return trb_fail(err, TRB_E_INVAL, "a job needs a session");
	if (session->state > TRB_SESSION_BOOTED || session->request != NULL)
		return trb_fail(err, TRB_E_STATE, "the session was started already");
	r = job_new(session->context, TRB_JOB_RESOLVE, &job, err);
	if (r < 0)
		return r;
	out = open_output(dirfd, err);
	if (out < 0)
		return out;
	r = trb_job_store_make(out, &job->store, err);
	if (r < 0)
		return r;
	job->session = trb_session_ref(session);
	*ret_job = steal_ptr(&job);
	return TRB_OK;
}

static int load(struct trb_job *job, trb_error **err)
{
	struct trb_job_placing placing;
	int r = trb_job_store_load(&job->store, &job->files, err);

	if (r == TRB_OK)
		r = trb_job_place_names(&job->files, &job->bundle_path, err);
	placing = trb_job_placing_of(job);
	if (r == TRB_OK)
		r = trb_job_place_bundle(&placing, &job->bundle, err);
	if (r == TRB_OK)
		r = trb_job_place_check(&placing, job->bundle, err);
	if (r == TRB_OK)
		r = trb_request_parse(trb_bundle_get_request(job->bundle), &job->request, err);
	return r < 0 ? trb_wrap(err, r, "take over the job saved as '%s'", job->store.name) : r;
}

int trb_job_resume(trb_context *context, int dirfd, trb_job **ret_job, trb_error **err)
{
	_cleanup_(trb_job_unrefp) trb_job *job = NULL;
	int out, r;

	if (context == NULL || ret_job == NULL)
		return trb_fail(err, TRB_E_INVAL, "a job needs a context");
	r = job_new(context, TRB_JOB_PUBLISH, &job, err);
	if (r < 0)
		return r;
	out = open_output(dirfd, err);
	if (out < 0)
		return out;
	r = trb_job_store_find(out, &job->store, err);
	if (r == TRB_OK)
		r = load(job, err);
	if (r == TRB_OK)
		*ret_job = steal_ptr(&job);
	return r;
}

trb_job *trb_job_ref(trb_job *job)
{
	if (job != NULL)
		atomic_fetch_add_explicit(&job->refs, 1, memory_order_relaxed);
	return job;
}

void trb_job_wipe_credential(struct trb_job *job)
{
	trb_bytes token = trb_blob_bytes(job->credential);

	if (token.len > 0)
		OPENSSL_cleanse((void *)(uintptr_t)token.ptr, token.len);
	job->credential = trb_blob_unref(job->credential);
}

static void free_all(struct trb_job *job)
{
	const int fds[] = { job->epoll, job->wake, job->cancel, job->timer };
	char *const texts[] = { job->repository, job->name, job->ref, job->ca_file,
				job->bundle_path };

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		free(texts[i]);
	trb_events_clear(&job->events);
	trb_job_files_clear(&job->files);
	trb_job_store_clear(&job->store);
	free(job);
}

trb_job *trb_job_unref(trb_job *job)
{
	if (job == NULL || atomic_fetch_sub_explicit(&job->refs, 1, memory_order_acq_rel) > 1)
		return NULL;
	trb_resolving_free(job->resolving);
	if (job->session != NULL && job->step <= TRB_JOB_BUILD) {
		trb_session_close(job->session, NULL);
		trb_job_store_remove(&job->store, NULL);
	}
	trb_job_wipe_credential(job);
	trb_session_unref(job->session);
	trb_request_unref(job->request);
	trb_bundle_unref(job->bundle);
	trb_log_unref(job->log);
	trb_context_unref(job->context);
	free_all(job);
	return NULL;
}

static int need_new(const struct trb_job *job, trb_error **err)
{
	if (job == NULL)
		return trb_fail(err, TRB_E_INVAL, "no job");
	if (job->started || job->step != TRB_JOB_RESOLVE)
		return trb_fail(err, TRB_E_STATE, "the job's first step was begun already");
	return TRB_OK;
}

static int replace_text(char **slot, const char *text, trb_error **err)
{
	char *copy = text != NULL ? strdup(text) : NULL;

	if (text != NULL && copy == NULL)
		return trb_fail_nomem(err);
	free(*slot);
	*slot = copy;
	return TRB_OK;
}

int trb_job_set_request(trb_job *job, trb_request *request, trb_error **err)
{
	int r = need_new(job, err);

	if (r == TRB_OK && request == NULL)
		r = trb_fail(err, TRB_E_INVAL, "no request");
	if (r < 0)
		return r;
	replace_text(&job->repository, NULL, NULL);
	trb_request_ref(request);
	trb_request_unref(job->request);
	job->request = request;
	return TRB_OK;
}

int trb_job_set_name(trb_job *job, const char *repository, const char *name, const char *ref,
		     const char *ca_file, trb_error **err)
{
	int r = need_new(job, err);

	if (r == TRB_OK && repository == NULL)
		r = trb_fail(err, TRB_E_INVAL, "no repository");
	if (r == TRB_OK)
		r = replace_text(&job->name, name, err);
	if (r == TRB_OK)
		r = replace_text(&job->ref, ref, err);
	if (r == TRB_OK)
		r = replace_text(&job->ca_file, ca_file, err);
	if (r == TRB_OK)
		r = replace_text(&job->repository, repository, err);
	if (r == TRB_OK)
		job->request = trb_request_unref(job->request);
	return r;
}

int trb_job_set_credential(trb_job *job, trb_bytes token, trb_error **err)
{
	int r = need_new(job, err);

	if (r == TRB_OK)
		r = trb_fetch_token_check(token, err);
	if (r < 0)
		return r;
	trb_job_wipe_credential(job);
	return trb_blob_new(token, &job->credential, err);
}

int trb_job_set_timeout(trb_job *job, uint32_t seconds, trb_error **err)
{
	int r = need_new(job, err);

	if (r == TRB_OK)
		job->timeout_s = seconds;
	return r;
}

int trb_job_set_log(trb_job *job, trb_log *log, trb_error **err)
{
	if (job == NULL)
		return trb_fail(err, TRB_E_INVAL, "no job");
	if (job->step > TRB_JOB_PUBLISH)
		return trb_fail(err, TRB_E_STATE, "the job publishes no more");
	trb_log_ref(log);
	trb_log_unref(job->log);
	job->log = log;
	return TRB_OK;
}

int trb_job_set_replace(trb_job *job, int replace, trb_error **err)
{
	if (job == NULL)
		return trb_fail(err, TRB_E_INVAL, "no job");
	if (job->step > TRB_JOB_PLACE)
		return trb_fail(err, TRB_E_STATE, "the job places no more");
	job->replace = replace != 0;
	return TRB_OK;
}

int trb_job_get_fd(trb_job *job)
{
	return job->epoll;
}

void trb_job_cancel(trb_job *job)
{
	static const uint64_t one = 1;

	if (job == NULL)
		return;
	atomic_store(&job->canceled, true);
	trb_session_cancel(job->session);
	if (write(job->cancel, &one, sizeof(one)) < 0)
		return; /* the counter is full: it is readable already */
}

int trb_job_drop(trb_job *job, trb_error **err)
{
	struct trb_job_placing placing;
	int r = TRB_OK;

	if (job == NULL)
		return trb_fail(err, TRB_E_INVAL, "no job");
	if (job->step == TRB_JOB_DONE || job->store.dir < 0)
		return TRB_OK;
	if (job->session != NULL && job->step <= TRB_JOB_BUILD)
		r = trb_session_close(job->session, err);
	placing = trb_job_placing_of(job);
	if (r == TRB_OK && job->bundle != NULL)
		r = trb_job_unplace(&placing, err);
	if (r == TRB_OK)
		r = trb_job_store_remove(&job->store, err);
	if (r < 0)
		return r;
	job->step = TRB_JOB_FAILED;
	trb_job_store_clear(&job->store);
	return TRB_OK;
}

struct trb_job_placing trb_job_placing_of(const struct trb_job *job)
{
	return (struct trb_job_placing){ .store = &job->store,
					 .files = &job->files,
					 .bundle_path = job->bundle_path,
					 .replace = job->replace };
}

int trb_job_get_step(const trb_job *job)
{
	return job->step;
}

trb_request *trb_job_get_request(const trb_job *job)
{
	return job->step > TRB_JOB_RESOLVE ? job->request : NULL;
}

trb_bundle *trb_job_get_bundle(const trb_job *job)
{
	return job->bundle_path != NULL ? job->bundle : NULL;
}

/* Before the end of BUILD the list grows. */
size_t trb_job_count_files(const trb_job *job)
{
	return job->bundle_path != NULL ? job->files.n : 0;
}

static const struct trb_job_file *file_at(const trb_job *job, size_t index)
{
	return index < trb_job_count_files(job) ? &job->files.items[index] : NULL;
}

const char *trb_job_get_file_name(const trb_job *job, size_t index)
{
	return file_at(job, index) != NULL ? file_at(job, index)->name : NULL;
}

const char *trb_job_get_file_path(const trb_job *job, size_t index)
{
	return file_at(job, index) != NULL ? file_at(job, index)->path : NULL;
}

uint64_t trb_job_get_file_size(const trb_job *job, size_t index)
{
	return file_at(job, index) != NULL ? file_at(job, index)->size : 0;
}

int trb_job_is_file_attested(const trb_job *job, size_t index)
{
	return file_at(job, index) != NULL && file_at(job, index)->attested;
}

const char *trb_job_get_bundle_path(const trb_job *job)
{
	return job->bundle_path;
}
