/* SPDX-License-Identifier: Apache-2.0 */
/* The context: log sink, state directory, backends.  Nothing else in the library is shared. */
#ifndef TRUSTBUILD_CONTEXT_H
#define TRUSTBUILD_CONTEXT_H

#include <trustbuild/bytes.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct trb_context trb_context;

/* Severity of a progress line. */
enum { TRB_LOG_DEBUG = 0, TRB_LOG_INFO = 1, TRB_LOG_NOTICE = 2 };

/* A sink for progress lines of long work.  It is called on the caller's own thread, inside a call
 * of the caller's.  text is one line, without newline, valid during the call, and may carry outside
 * text.  It never carries what decides anything. */
typedef void (*trb_log_sink)(int level, const char *text, void *user);

/* A context without sink, with the default state directory.  Errors: TRB_E_NOMEM. */
TRB_API TRB_CHECK int trb_context_new(trb_context **ret_context, trb_error **err);

/* One more reference; returns context.  NULL is a no-op. */
TRB_API trb_context *trb_context_ref(trb_context *context);

/* Drops a reference; always returns NULL.  NULL is a no-op. */
TRB_API trb_context *trb_context_unref(trb_context *context);

/* Sets where progress goes; NULL for nowhere.  user is handed to sink. */
TRB_API void trb_context_set_log_sink(trb_context *context, trb_log_sink sink, void *user);

/* Sets the directory for keys, caches and logs.  Where it is not set, it is $TRUSTBUILD_STATE, else
 * $XDG_STATE_HOME/trustbuild, else $HOME/.local/state/trustbuild, read at the first use.  The path
 * is copied.  It is looked at when it is used: TRB_E_STATE then where it is another user's, where
 * others may write to it, and where it is of a later release.  Errors: TRB_E_INVAL where it is not
 * absolute, TRB_E_NOMEM. */
TRB_API TRB_CHECK int trb_context_set_state_dir(trb_context *context, const char *path,
						trb_error **err);

/* The state directory in force; borrowed.  NULL where neither it nor the environment names one. */
TRB_API const char *trb_context_get_state_dir(trb_context *context);

/* Sets where the library finds its helper programs and the image's recipe; the default is the
 * installed libexec directory.  The path is copied.  Errors: TRB_E_INVAL where it is not absolute,
 * TRB_E_NOMEM. */
TRB_API TRB_CHECK int trb_context_set_libexec_dir(trb_context *context, const char *path,
						  trb_error **err);

/* The helper directory in force; borrowed. */
TRB_API const char *trb_context_get_libexec_dir(const trb_context *context);

/* 1 asks every call that waits or works for long with this context, or with what was made of it, to
 * end soon with TRB_E_CANCELED: trb_request_resolve(), trb_image_build(), trb_eif_open_fd(), the
 * start of a session with a new image, and waiting for another writer of a log.  It stays so, for
 * later calls, too, until 0 takes it back.  From any thread and from signal handlers.  A session
 * that runs has trb_session_cancel().  NULL is a no-op. */
TRB_API void trb_context_set_canceled(trb_context *context, int canceled);

#ifdef __cplusplus
}
#endif

#endif
