/* SPDX-License-Identifier: Apache-2.0 */
/* Transparency logs: where bundles are published, so that every attestation is public. */
#ifndef TRUSTBUILD_LOG_H
#define TRUSTBUILD_LOG_H

#include <trustbuild/bundle.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A client of one log.  It belongs to one thread at a time; any number of handles and processes may
 * write to the same log at once. */
typedef struct trb_log trb_log;

/* A backend is named "name" or "name:key=value,...", quoted as of trb_session_open().  There is
 *
 *   local   a directory in the layout of c2sp.org/tlog-tiles that any static file server can serve.
 *           dir=  the directory, absolute; default: "log" in the state directory
 *           key=  the private key's file; default: the directory's path and ".key"
 *
 * Makes a new, empty log with a fresh Ed25519 key (PEM, mode 0600, outside the directory), and
 * gives its public key as a note verifier key ("name+id+base64", c2sp.org/signed-note), which goes
 * into policies; it is also kept beside the directory, with the ending ".vkey".  origin names the
 * log in its checkpoints, best its URL without the scheme; NULL makes a unique name.  The caller
 * owns the blob.  Errors: TRB_E_STATE where there is a log already, TRB_E_INVAL, TRB_E_NOTFOUND
 * where there is no such backend, TRB_E_IO, TRB_E_NOMEM. */
TRB_API TRB_CHECK int trb_log_init(trb_context *context, const char *backend, const char *origin,
				   trb_blob **ret_vkey, trb_error **err);

/* Opens a log that exists.  Errors: TRB_E_NOTFOUND, and those of trb_log_init(). */
TRB_API TRB_CHECK int trb_log_open(trb_context *context, const char *backend, trb_log **ret_log,
				   trb_error **err);

/* One more reference; returns log.  NULL is a no-op. */
TRB_API trb_log *trb_log_ref(trb_log *log);

/* Drops a reference; always returns NULL.  NULL is a no-op. */
TRB_API trb_log *trb_log_unref(trb_log *log);

/* The log's public key as a note verifier key; borrowed. */
TRB_API const char *trb_log_get_vkey(const trb_log *log);

/* The entries under the log's newest checkpoint, whose signature is verified.  Errors: TRB_E_LOG
 * with check id "log.checkpoint", TRB_E_IO, TRB_E_NOMEM. */
TRB_API TRB_CHECK int trb_log_get_size(trb_log *log, uint64_t *ret_size, trb_error **err);

/* The newest checkpoint, verified, verbatim; the caller owns the blob.  Errors: as above. */
TRB_API TRB_CHECK int trb_log_get_checkpoint(trb_log *log, trb_blob **ret_checkpoint,
					     trb_error **err);

/* Entry index as it was logged, its inclusion under the newest checkpoint verified; the caller owns
 * the blob.  Errors: TRB_E_DONE at the log's size and beyond, TRB_E_LOG with check id
 * "log.inclusion" where the log is damaged, and those of trb_log_get_size(). */
TRB_API TRB_CHECK int trb_log_get_entry(trb_log *log, uint64_t index, trb_blob **ret_entry,
					trb_error **err);

/* What entry index says, as JSON marked unverified throughout (its inclusion alone was verified);
 * the caller owns the blob.  Errors: TRB_E_FORMAT where it is no entry of this library, and those
 * of trb_log_get_entry(). */
TRB_API TRB_CHECK int trb_log_describe_entry(trb_log *log, uint64_t index, trb_blob **ret_json,
					     trb_error **err);

/* The inclusion proof of entry index under the newest checkpoint as a c2sp.org/tlog-proof file; the
 * caller owns the blob.  Errors: those of trb_log_get_entry(). */
TRB_API TRB_CHECK int trb_log_get_proof(trb_log *log, uint64_t index, trb_blob **ret_proof,
					trb_error **err);

/* Publishes the bundle's leaf and gives a copy of the bundle that carries index, inclusion proof
 * and checkpoint.  A leaf that is in the log already keeps its index.  When this returns TRB_OK,
 * entry and checkpoint are on disk; after any failure it may be called again.  Errors: TRB_E_LIMIT
 * where the leaf is larger than 65,535 bytes, TRB_E_LOG where the log is damaged, TRB_E_IO,
 * TRB_E_NOMEM. */
TRB_API TRB_CHECK int trb_log_publish(trb_log *log, const trb_bundle *bundle,
				      trb_bundle **ret_logged, trb_error **err);

#ifdef __cplusplus
}
#endif

#endif
