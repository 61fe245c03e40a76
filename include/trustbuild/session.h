/* SPDX-License-Identifier: Apache-2.0 */
/* The host's side of one enclave: starts it, hands over a request, receives artifacts and evidence.
 *
 * The host is not trusted, and neither is the enclave by the host: what comes back is checked
 * against itself and against the request before a byte of it appears under its name, but only a
 * verifier judges it.  One session is one enclave is one build.
 *
 * A session has no thread of its own.  Its work is done inside the caller's calls: either
 * trb_session_build(), or trb_session_next_event() whenever the session's descriptor is readable.
 * A session belongs to one thread at a time; trb_session_cancel() may come from any thread and from
 * a signal handler. */
#ifndef TRUSTBUILD_SESSION_H
#define TRUSTBUILD_SESSION_H

#include <trustbuild/bundle.h>
#include <trustbuild/request.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct trb_session trb_session;
typedef struct trb_event trb_event;

/* Prepares a session with a backend, "name:key=value,…":
 *
 *   process:eif=FILE[,memory_mib=N][,pids=N]
 *     Simulated: runs the image's userland in namespaces of its own.  memory_mib and pids limit
 *     the enclave as a whole and need root; without them root's default is nine tenths of the
 *     machine's memory and 16384 processes, where the system has cgroups for it.
 *
 * A value that begins with a double quote goes to the next one, so that a path may hold commas; in
 * it \" is a quote and \\ a backslash.
 *
 * Nothing is started yet.  context must not be NULL.  Errors: TRB_E_INVAL, TRB_E_NOTFOUND where
 * there is no such backend, TRB_E_NOMEM. */
TRB_API TRB_CHECK int trb_session_open(trb_context *context, const char *backend,
				       trb_session **ret_session, trb_error **err);

/* One more reference; returns session.  NULL is a no-op. */
TRB_API trb_session *trb_session_ref(trb_session *session);

/* Drops a reference; always returns NULL.  NULL is a no-op.  Dropping the last one of a session
 * that is not closed kills its enclave without waiting for it. */
TRB_API trb_session *trb_session_unref(trb_session *session);

/* Sets the directory that artifacts are moved into, all of them or none, once everything about them
 * agrees; the same names are replaced.  The descriptor is duplicated.  Without a directory,
 * artifacts are hashed and dropped.  Outputs of the recipe's after_attestation commands go below
 * "unattested/".  Errors: TRB_E_INVAL, TRB_E_STATE after the start, TRB_E_IO. */
TRB_API TRB_CHECK int trb_session_set_output_dirfd(trb_session *session, int dirfd,
						   trb_error **err);

/* Sets the token with which the enclave authenticates to the repository, and to what lies below
 * its URL: one line of at most 4 KiB.  It enters no fact, log or statement; the copy is wiped when
 * it was sent.  Errors: TRB_E_INVAL, TRB_E_LIMIT over 4 KiB, TRB_E_STATE after the start,
 * TRB_E_NOMEM. */
TRB_API TRB_CHECK int trb_session_set_credential(trb_session *session, trb_bytes token,
						 trb_error **err);

/* The same for other URLs, such as submodules': prefix is a repository's URL, and the token is for
 * it and what lies below; of several that fit, the longest counts.  At most 15.  Errors: as above,
 * TRB_E_INVAL also for a second one of the same URL. */
TRB_API TRB_CHECK int trb_session_add_credential(trb_session *session, const char *prefix,
						 trb_bytes token, trb_error **err);

/* Lets the enclave reach this host (a name or address, as the repository's URL has it), though its
 * address is private: the repository's own on the repository's port, any other on 443.  May be
 * called up to 16 times.  Errors: TRB_E_INVAL, TRB_E_LIMIT, TRB_E_STATE
 * after the start, TRB_E_NOMEM. */
TRB_API TRB_CHECK int trb_session_allow_private(trb_session *session, const char *host,
						trb_error **err);

/* Sets a limit of the source, by name: "object_bytes" (one file), "pack_bytes" (what one repository
 * may send), "files" (of the whole tree), "tree_bytes" (its files together) or "wall_s" (the whole
 * fetch, seconds); docs/spec/source.md has their defaults and maxima.  They can only stop a build,
 * so they are no facts.  Errors: TRB_E_NOTFOUND for another name, TRB_E_INVAL for 0 or more than
 * the maximum, TRB_E_STATE after the start. */
TRB_API TRB_CHECK int trb_session_set_source_limit(trb_session *session, const char *name,
						   uint64_t value, trb_error **err);

/* Ends the session with TRB_E_TIMEOUT after this many seconds; 0, the default, for no limit but
 * those of the recipe.  Errors: TRB_E_STATE after the start. */
TRB_API TRB_CHECK int trb_session_set_timeout(trb_session *session, uint32_t seconds,
					      trb_error **err);

/* Boots the enclave without a request, and without waiting where the backend can: from here on
 * trb_session_next_event() does what there is to do, up to the state "READY", in which the enclave
 * waits for trb_session_start(), for as long as the caller likes.  Errors: TRB_E_STATE where it was
 * booted before, and those of trb_session_start(). */
TRB_API TRB_CHECK int trb_session_boot(trb_session *session, trb_error **err);

/* Gives the enclave this request, of which a copy is kept; one that was not booted is, and waited
 * for.  The first boot of an image
 * measures and unpacks it, which takes seconds; later ones take milliseconds.  Errors: TRB_E_STATE
 * where it was started before, TRB_E_LIMIT where the encoded request has more than 65,531 bytes,
 * after which the session can still be started with another; TRB_E_FORMAT (image),
 * TRB_E_UNSUPPORTED with what is missing here, TRB_E_NOTFOUND, TRB_E_IO, TRB_E_NOMEM. */
TRB_API TRB_CHECK int trb_session_start(trb_session *session, trb_request *request,
					trb_error **err);

/* What the backend says of its enclaves: TRB_ASSURANCE_HARDWARE or TRB_ASSURANCE_SIMULATED
 * (<trustbuild/attestation.h>); 0 where it does not say. */
TRB_API int trb_session_get_assurance(const trb_session *session);

/* A descriptor that is readable when trb_session_next_event() has work; for poll() and its kind
 * alone.  -1 before the boot, then the same as long as the session lives, and readable also when a
 * time limit passes or the session is canceled.  Owned by the session. */
TRB_API int trb_session_get_fd(trb_session *session);

/* Does what there is to do without waiting, and gives the next event, which the caller owns.
 * Errors: TRB_E_AGAIN where there is none yet: poll the descriptor; TRB_E_DONE after the last one;
 * TRB_E_CANCELED, TRB_E_TIMEOUT; TRB_E_BUILD where the build's own command failed; TRB_E_FORMAT,
 * TRB_E_LIMIT or a verdict where the enclave broke the protocol or contradicts itself; what the
 * enclave reports; TRB_E_IO, TRB_E_NOMEM; TRB_E_STATE before the boot; of a boot, those of
 * trb_session_start().  After any but the first two the enclave is gone, the output directory is as
 * it was, and the session can only be closed.
 */
TRB_API TRB_CHECK int trb_session_next_event(trb_session *session, trb_event **ret_event,
					     trb_error **err);

/* Starts and runs the whole session: the loop over the above, with its events as progress lines in
 * the context's log sink.  The caller owns the bundle, which is in no log yet.  Errors: those of
 * trb_session_start() and trb_session_next_event(). */
TRB_API TRB_CHECK int trb_session_build(trb_session *session, trb_request *request,
					trb_bundle **ret_bundle, trb_error **err);

/* Asks a session to end soon with TRB_E_CANCELED; from any thread or signal handler.  NULL is a
 * no-op. */
TRB_API void trb_session_cancel(trb_session *session);

/* Ends the enclave if it still runs, and waits until nothing of it is left: processes, mounts,
 * cgroups, temporary files.  Closing twice is fine.  Errors: TRB_E_IO, TRB_E_TIMEOUT. */
TRB_API int trb_session_close(trb_session *session, trb_error **err);

/* Kinds of events. */
enum {
	TRB_EVENT_STATE = 1,    /* the enclave went on: get_state(), and get_text() for COMMITTED */
	TRB_EVENT_PROGRESS = 2, /* the enclave client's words: get_text() */
	TRB_EVENT_OUTPUT = 3,   /* what the build printed: get_text(), get_stream() */
	TRB_EVENT_ARTIFACT =
		4,            /* a file was moved into place: get_text() is its name, get_size() */
	TRB_EVENT_BUNDLE = 5, /* the evidence: get_bundle() */
	TRB_EVENT_STEP = 6    /* a job's step ended: get_state(); <trustbuild/job.h> */
};

/* Drops the caller's event; always returns NULL.  NULL is a no-op. */
TRB_API trb_event *trb_event_unref(trb_event *event);

/* One of TRB_EVENT_*. */
TRB_API int trb_event_get_type(const trb_event *event);

/* The enclave's state, for example "FETCHING"; a static string.  NULL where the event has none. */
TRB_API const char *trb_event_get_state(const trb_event *event);

/* The event's text; outside text, which is to be escaped before it is shown.  For the state
 * COMMITTED it is the commit in hexadecimal digits.  Borrowed. */
TRB_API trb_bytes trb_event_get_text(const trb_event *event);

/* 1 for the build's standard output, 2 for its standard error, else 0. */
TRB_API int trb_event_get_stream(const trb_event *event);

/* An artifact's size in bytes, else 0. */
TRB_API uint64_t trb_event_get_size(const trb_event *event);

/* Whether the artifact is attested: 1, or 0 for the outputs of after_attestation commands. */
TRB_API int trb_event_is_attested(const trb_event *event);

/* What the build sees of the machine, with the state READY: CPUs, memory and the CPUs' model,
 * "unknown" where the system names none.  Else 0, 0 and NULL. */
TRB_API uint64_t trb_event_get_cpus(const trb_event *event);
TRB_API uint64_t trb_event_get_memory_mib(const trb_event *event);
TRB_API const char *trb_event_get_cpu_model(const trb_event *event);

/* How the commit stands to the request's ref, with the state COMMITTED: "tip"; "first-parent", on
 * the ref's own line; "reachable", in its history; the steps from the tip to the commit; the tip,
 * and the annotated tag object that the ref pointed to, in hexadecimal digits.  Else NULL and 0,
 * and without a ref. */
TRB_API const char *trb_event_get_relation(const trb_event *event);
TRB_API uint64_t trb_event_get_steps(const trb_event *event);
TRB_API const char *trb_event_get_tip(const trb_event *event);
TRB_API const char *trb_event_get_tag(const trb_event *event);

/* Where the server redirected the repository to, another path of its origin, with the state
 * COMMITTED; NULL for nowhere. */
TRB_API const char *trb_event_get_location(const trb_event *event);

/* The bundle, borrowed: take a reference to keep it.  NULL where the event has none. */
TRB_API trb_bundle *trb_event_get_bundle(const trb_event *event);

/* The certificate (DER) of this state directory's development root, under which simulated enclaves
 * of this machine sign; it is made at the first use.  A policy pins its SHA-256.  The caller owns
 * the blob.  Errors: TRB_E_INVAL, TRB_E_NOTFOUND without a state directory, TRB_E_IO, TRB_E_FORMAT,
 * TRB_E_NOMEM. */
TRB_API TRB_CHECK int trb_simulated_root_load(trb_context *context, trb_blob **ret_der,
					      trb_error **err);

#ifdef __cplusplus
}
#endif

#endif
