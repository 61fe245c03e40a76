/* SPDX-License-Identifier: Apache-2.0 */
/* Many verifications in one process, on all cores.  In the full library alone: the verifier half
 * has no threads and opens no files; whoever links that calls trb_verifier_check_fd() from threads
 * of their own. */
#ifndef TRUSTBUILD_BATCH_H
#define TRUSTBUILD_BATCH_H

#include <trustbuild/verify.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A list of artifacts with their bundles, and the verdicts.  Belongs to one thread at a time.
 *
 * Everything that it made is kept until the last reference goes: paths, claims and reports, some
 * 20 KB for each that is verified, which is 20 GB for the million that a batch takes.  Judge a long
 * list in slices, a batch for each: with 512 entries, as in tb-verify batch, the threads are busy,
 * and what the verifier remembers passes from slice to slice.  A report or claims that shall stay
 * longer than their batch take a reference of their own. */
typedef struct trb_batch trb_batch;

/* An empty list for verifier, which it keeps a reference to and whose remembered CA certificates
 * all entries share.  Errors: TRB_E_INVAL, TRB_E_NOMEM. */
TRB_API TRB_CHECK int trb_batch_new(trb_verifier *verifier, trb_batch **ret_batch, trb_error **err);

/* One more reference; returns batch.  NULL is a no-op. */
TRB_API trb_batch *trb_batch_ref(trb_batch *batch);

/* Drops a reference; always returns NULL.  NULL is a no-op. */
TRB_API trb_batch *trb_batch_unref(trb_batch *batch);

/* Adds the artifact file at artifact with the bundle file at bundle.  entry names the attested
 * artifact; where it is NULL, the file's own name has to be an attested one.  Texts are copied.
 * Errors: TRB_E_INVAL, TRB_E_STATE after trb_batch_run(), TRB_E_LIMIT above a million entries,
 * TRB_E_NOMEM. */
TRB_API TRB_CHECK int trb_batch_add(trb_batch *batch, const char *artifact, const char *bundle,
				    const char *entry, trb_error **err);

/* Judges all entries on n_threads threads, the caller's among them; 0 is one for each processor.
 * TRB_OK says only that every entry has its own status: look at each.  Errors: TRB_E_INVAL,
 * TRB_E_STATE where it ran before. */
TRB_API TRB_CHECK int trb_batch_run(trb_batch *batch, unsigned n_threads, trb_error **err);

/* How many entries there are. */
TRB_API size_t trb_batch_count(const trb_batch *batch);

/* Entry index: TRB_OK is verified, a verdict is refused, all else means that nothing was decided
 * (TRB_E_STATE before trb_batch_run(), TRB_E_INVAL for an index that is too big). */
TRB_API int trb_batch_get_status(const trb_batch *batch, size_t index);
/* The entry's paths, claims (verified), report (verified or refused) and error (all but verified);
 * borrowed, and NULL where there is none. */
TRB_API const char *trb_batch_get_artifact(const trb_batch *batch, size_t index);
TRB_API const char *trb_batch_get_bundle(const trb_batch *batch, size_t index);
TRB_API const trb_claims *trb_batch_get_claims(const trb_batch *batch, size_t index);
TRB_API const trb_report *trb_batch_get_report(const trb_batch *batch, size_t index);
TRB_API const trb_error *trb_batch_get_error(const trb_batch *batch, size_t index);

#ifdef __cplusplus
}
#endif

#endif
