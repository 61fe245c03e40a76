/* SPDX-License-Identifier: Apache-2.0 */
/* The sandboxed build: runs a recipe's commands over a sealed tree and gives back the declared
 * files (docs/spec/sandbox.md).  For whoever writes an enclave of their own; tb-enclave does all
 * this. */
#ifndef TRUSTBUILD_SYS_BUILD_H
#define TRUSTBUILD_SYS_BUILD_H

#include <trustbuild/context.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct trb_build trb_build;

/* Whose words a chunk of output is. */
enum {
	TRB_BUILD_RUNNER = 0, /* a line about the build, for example which command begins */
	TRB_BUILD_STDOUT = 1,
	TRB_BUILD_STDERR = 2
};

/* Takes what a build prints, on the caller's own thread, inside trb_build_step().  chunk holds any
 * bytes at all, is valid during the call, and is never truth.  A negative status ends the build
 * with it. */
typedef int (*trb_build_sink)(int stream, trb_bytes chunk, void *user);

/* A build by recipe (the bytes of a trustbuild.json, at most 64 KiB) under the OCI runtime named
 * sandbox ("runsc", "crun", "runc"), with the EROFS image at rootfs as root file system.  directory
 * is an existing, absolute directory for this build alone.  Every limit that the recipe demands is
 * in force, or this fails.  Errors: TRB_E_FORMAT for the recipe, TRB_E_NOTFOUND where the runtime,
 * a helper or rootfs is missing, TRB_E_UNSUPPORTED for a runtime that is none and for a recipe that
 * demands the network, TRB_E_LIMIT for limits that cannot be enforced, TRB_E_ABI for a context
 * of another release's libtrustbuild, TRB_E_INVAL, TRB_E_NOMEM. */
TRB_API TRB_CHECK int trb_build_new(trb_context *context, trb_bytes recipe, const char *sandbox,
				    const char *rootfs, const char *directory,
				    trb_build **ret_build, trb_error **err);

/* One more reference; returns build.  NULL is a no-op. */
TRB_API trb_build *trb_build_ref(trb_build *build);

/* Drops a reference; always returns NULL.  The last one ends what is running and removes what was
 * written to the directory.  NULL is a no-op. */
TRB_API trb_build *trb_build_unref(trb_build *build);

/* What will shape the outcome, known before the start; borrowed. */

/* config.json as it is given to the runtime.  It depends on runtime, rootfs, directory and limits
 * alone, so that it is the same for many builds. */
TRB_API trb_bytes trb_build_get_spec(const trb_build *build);
/* The runtime's name, its own word for its version, and what it stands on. */
TRB_API const char *trb_build_get_runtime(const trb_build *build);
TRB_API const char *trb_build_get_runtime_version(const trb_build *build);
TRB_API const char *trb_build_get_platform(const trb_build *build);
/* The limits in force: "disk_mib", "memory_mib", "output_mib", "pids", "root_mib", "tmp_mib",
 * "wall_s".  The name is NULL past the end. */
TRB_API size_t trb_build_count_limits(const trb_build *build);
TRB_API const char *trb_build_get_limit(const trb_build *build, size_t index, uint64_t *ret_value);

/* Paths that the sandbox's runtime must not even see, at most 8, for example that of the NSM.
 * Errors: TRB_E_INVAL, TRB_E_STATE after the start, TRB_E_NOMEM. */
TRB_API TRB_CHECK int trb_build_hide(trb_build *build, const char *path, trb_error **err);

/* Where output goes; NULL for nowhere.  user is handed to sink. */
TRB_API void trb_build_set_sink(trb_build *build, trb_build_sink sink, void *user);

/* Starts the sandbox over the tree at source, an absolute path.  commit and time (seconds since
 * 1970) become the build's TRUSTBUILD_COMMIT and SOURCE_DATE_EPOCH.  Errors: TRB_E_STATE,
 * TRB_E_INVAL, TRB_E_IO, TRB_E_NOMEM. */
TRB_API TRB_CHECK int trb_build_start(trb_build *build, const char *source, const char *commit,
				      int64_t time, trb_error **err);

/* The descriptor to poll for reading between steps; borrowed; -1 unless running. */
TRB_API int trb_build_get_fd(const trb_build *build);

/* Takes what the sandbox has said so far, without waiting.  TRB_OK: every command succeeded, every
 * pattern matched, and nothing of the sandbox lives.  TRB_E_AGAIN: call again when the descriptor
 * is readable.  Everything else is final: TRB_E_BUILD where a command failed or a pattern matched
 * no regular file, TRB_E_TIMEOUT after wall_s, TRB_E_LIMIT over another limit, TRB_E_FORMAT for a
 * file's name that none may have, what the sink returned, TRB_E_IO, TRB_E_NOMEM. */
TRB_API TRB_CHECK int trb_build_step(trb_build *build, trb_error **err);

/* Steps until done, up to timeout_ms (-1: until the build's own limit).  Errors: as of
 * trb_build_step(), and TRB_E_TIMEOUT, after which it may be called again. */
TRB_API TRB_CHECK int trb_build_wait(trb_build *build, int timeout_ms, trb_error **err);

/* The files that came out, in bytewise order of their names; empty before trb_build_step() gave
 * TRB_OK.  A name is relative to the tree.  The descriptor is of a sealed memory file, borrowed.
 * Past the end NULL, 0 and -1. */
TRB_API size_t trb_build_count_files(const trb_build *build);
TRB_API const char *trb_build_get_file_name(const trb_build *build, size_t index);
TRB_API uint64_t trb_build_get_file_size(const trb_build *build, size_t index);
/* Whether its owner may execute it: 1 or 0. */
TRB_API int trb_build_is_program(const trb_build *build, size_t index);
TRB_API int trb_build_get_file_fd(const trb_build *build, size_t index);

/* Whether the recipe has commands for after the attestation: 1 or 0. */
TRB_API int trb_build_has_after(const trb_build *build);

/* The step after the attestation of a finished build: a build of its own in a new sandbox with the
 * same specification and the same tree, which finds the attested files below
 * /trustbuild/attested/artifacts, the document and the statement as attestation.cbor and
 * statement.json in /trustbuild/attested, all read-only.  Its files are what it leaves in the
 * tree's directory "unattested"; they are nobody's evidence.  It is not started yet.  Errors:
 * TRB_E_STATE, TRB_E_NOTFOUND where the recipe has none, TRB_E_IO, TRB_E_NOMEM. */
TRB_API TRB_CHECK int trb_build_new_after(trb_build *build, trb_bytes attestation,
					  trb_bytes statement, trb_build **ret_after,
					  trb_error **err);

#ifdef __cplusplus
}
#endif

#endif
