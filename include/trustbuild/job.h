/* SPDX-License-Identifier: Apache-2.0 */
/* A job: everything between the name of a commit and files in a directory.
 *
 *   RESOLVE  the repository's server is asked for the commit
 *   BUILD    one session; at its end bundle and files are on disk, under no names yet
 *   PUBLISH  the bundle goes into the log
 *   PLACE    files and bundle get their names in the output directory, all of them or none
 *
 * From the end of BUILD on the job outlives its process: what was saved lies in a directory
 * ".trustbuild-job-*" of the output directory, and trb_job_resume() goes on with it.  Each step can
 * be repeated after a failure or a crash: a bundle that is in the log already keeps its index, and
 * a file that has its name already keeps that.
 *
 * A job has no thread of its own: its work is done in trb_job_next_event(), whenever its descriptor
 * is readable, or in trb_job_run().  It belongs to one thread at a time; trb_job_cancel() may come
 * from any thread and from a signal handler. */
#ifndef TRUSTBUILD_JOB_H
#define TRUSTBUILD_JOB_H

#include <trustbuild/log.h>
#include <trustbuild/session.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct trb_job trb_job;

/* The step that comes next. */
enum {
	TRB_JOB_RESOLVE = 1,
	TRB_JOB_BUILD = 2,
	TRB_JOB_PUBLISH = 3,
	TRB_JOB_PLACE = 4,
	TRB_JOB_DONE = 5,
	TRB_JOB_FAILED = 6 /* before anything was saved: the job can only be dropped */
};

/* Prepares a job that builds in this session, which may have been booted, but not started, and
 * which the job closes when the build has ended.  Results go into the directory; the descriptor is
 * duplicated.  What killed jobs left there is removed, and what they have saved is not: TRB_E_STATE
 * then, with what to do. Errors: TRB_E_INVAL, TRB_E_STATE, TRB_E_IO, TRB_E_NOMEM. */
TRB_API TRB_CHECK int trb_job_new(trb_session *session, int dirfd, trb_job **ret_job,
				  trb_error **err);

/* Takes over the job that a process saved in this directory and did not finish; it goes on with
 * PUBLISH, or in the middle of PLACE.  Every file is compared with what was attested.  Where there
 * are several, the first by its directory's name.  Errors: TRB_E_NOTFOUND where there is none,
 * TRB_E_STATE where a living process has it, TRB_E_FORMAT and TRB_E_ARTIFACT where it is damaged,
 * TRB_E_INVAL, TRB_E_IO, TRB_E_NOMEM. */
TRB_API TRB_CHECK int trb_job_resume(trb_context *context, int dirfd, trb_job **ret_job,
				     trb_error **err);

/* One more reference; returns job.  NULL is a no-op. */
TRB_API trb_job *trb_job_ref(trb_job *job);

/* Drops a reference; always returns NULL.  NULL is a no-op.  With the last one goes what is not
 * saved; what is saved stays, for trb_job_resume(). */
TRB_API trb_job *trb_job_unref(trb_job *job);

/* What to build: this very request, of which the job keeps a reference; or what
 * trb_request_resolve() makes of the same arguments, in the job's first step.  The last call
 * counts.  Errors: TRB_E_INVAL, TRB_E_STATE after the first step, TRB_E_NOMEM. */
TRB_API TRB_CHECK int trb_job_set_request(trb_job *job, trb_request *request, trb_error **err);
TRB_API TRB_CHECK int trb_job_set_name(trb_job *job, const char *repository, const char *name,
				       const char *ref, const char *ca_file, trb_error **err);

/* The token for the repository, in resolving and in the session; a copy is kept and wiped.  Errors:
 * TRB_E_INVAL, TRB_E_LIMIT, TRB_E_STATE after the first step, TRB_E_NOMEM. */
TRB_API TRB_CHECK int trb_job_set_credential(trb_job *job, trb_bytes token, trb_error **err);

/* Ends resolving and building with TRB_E_TIMEOUT after this many seconds in all, counted from the
 * first step; 0, the default, for no limit.  Errors: TRB_E_STATE after the first step. */
TRB_API TRB_CHECK int trb_job_set_timeout(trb_job *job, uint32_t seconds, trb_error **err);

/* The log to publish in; NULL, the default, for none.  Up to the end of PUBLISH: where that fails,
 * the job can go on without a log.  Errors: TRB_E_STATE. */
TRB_API TRB_CHECK int trb_job_set_log(trb_job *job, trb_log *log, trb_error **err);

/* 1 lets PLACE replace files that have the same names, 0, the default, does not.  Up to the end of
 * PLACE.  Errors: TRB_E_STATE. */
TRB_API TRB_CHECK int trb_job_set_replace(trb_job *job, int replace, trb_error **err);

/* A descriptor that is readable when trb_job_next_event() has work; for poll() and its kind alone.
 * The same as long as the job lives.  Owned by the job. */
TRB_API int trb_job_get_fd(trb_job *job);

/* Does what there is to do without waiting for others, and gives the next event, which the caller
 * owns: those of the session, and one of TRB_EVENT_STEP at the end of each step, whose state is
 * "RESOLVED", "SAVED", "PUBLISHED" (not without a log) or "PLACED".
 *
 * After "RESOLVED" the request is there, and may be changed until the next call.  After "SAVED"
 * nothing is published and nothing has its name: that is the place to look at bundle and files, and
 * to go on or to call trb_job_drop().
 *
 * Errors: TRB_E_AGAIN where there is none yet: poll the descriptor; TRB_E_DONE after the last one.
 * RESOLVE: those of trb_request_resolve(); it can be called again.  BUILD: those of
 * trb_session_start() and trb_session_next_event(); the job has failed.  PUBLISH: those of
 * trb_log_publish(); it can be called again, also without the log.  PLACE: TRB_E_STATE where a file
 * of that name is there and is not to be replaced, TRB_E_IO also where a name leads through a link
 * or onto a directory, TRB_E_NOMEM; the output directory is as it was, and it can be called again.
 * Each: TRB_E_CANCELED, TRB_E_STATE. */
TRB_API TRB_CHECK int trb_job_next_event(trb_job *job, trb_event **ret_event, trb_error **err);

/* The loop over the above until the step that comes next is this one (TRB_JOB_PUBLISH for the place
 * between saving and publishing, TRB_JOB_DONE for the end), with events as progress lines in the
 * context's log sink.  Errors: TRB_E_INVAL, and those of trb_job_next_event(). */
TRB_API TRB_CHECK int trb_job_run(trb_job *job, int step, trb_error **err);

/* Asks the job to end soon with TRB_E_CANCELED; from any thread or signal handler.  What is saved
 * stays.  NULL is a no-op. */
TRB_API void trb_job_cancel(trb_job *job);

/* Removes what the job has saved, and takes back what a half-done PLACE has named; a job that is
 * done keeps its files.  Errors: TRB_E_IO, TRB_E_NOMEM. */
TRB_API TRB_CHECK int trb_job_drop(trb_job *job, trb_error **err);

/* One of TRB_JOB_*. */
TRB_API int trb_job_get_step(const trb_job *job);

/* The request, borrowed, NULL before it is resolved and in a resumed job; the bundle, borrowed,
 * NULL before the build's end, with its log entry after PUBLISH. */
TRB_API trb_request *trb_job_get_request(const trb_job *job);
TRB_API trb_bundle *trb_job_get_bundle(const trb_job *job);

/* What the job made, from the end of BUILD on.  Names are as attested, or as an after_attestation
 * command made them; get_path() is where the file goes, and get_bundle_path() where the bundle
 * goes, beneath the output directory: an attested file by its last step, or all by their whole
 * names where two would meet; the others below "unattested/".  Borrowed; NULL where there is none.
 * The size is in bytes; is_attested() is 1 or 0. */
TRB_API size_t trb_job_count_files(const trb_job *job);
TRB_API const char *trb_job_get_file_name(const trb_job *job, size_t index);
TRB_API const char *trb_job_get_file_path(const trb_job *job, size_t index);
TRB_API uint64_t trb_job_get_file_size(const trb_job *job, size_t index);
TRB_API int trb_job_is_file_attested(const trb_job *job, size_t index);
TRB_API const char *trb_job_get_bundle_path(const trb_job *job);

#ifdef __cplusplus
}
#endif

#endif
