/* SPDX-License-Identifier: Apache-2.0 */
/* What the host asks for: repository, commit (CT), ref, recipe, sandbox, nonce.  The format is
 * "request" in docs/spec/facts.cddl; it never holds credentials. */
#ifndef TRUSTBUILD_REQUEST_H
#define TRUSTBUILD_REQUEST_H

#include <trustbuild/context.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct trb_request trb_request;

/* A request for commit of repository, sandbox "runsc", no ref, recipe from the tree, and a fresh
 * random nonce of 32 bytes.  repository is an https URL of the grammar in docs/spec/request.md;
 * commit is 40 (SHA-1) or 64 (SHA-256) lower-case hexadecimal digits: resolve names first with
 * trb_request_resolve().  context may be NULL.  Errors: TRB_E_INVAL, TRB_E_NOMEM, TRB_E_IO where
 * OpenSSL has no random bytes. */
TRB_API TRB_CHECK int trb_request_new(trb_context *context, const char *repository,
				      const char *commit, trb_request **ret_request,
				      trb_error **err);

/* A request as of trb_request_new() for a commit that has another name, which is resolved by asking
 * the repository's server, over HTTPS, in a helper process: a branch, a tag, a full ref name, or a
 * commit id, whole or cut to 4 digits or more; NULL for what ref points to, or for the tip of the
 * default branch.  The request gets ref, where given, else the full name of the branch or tag that
 * name was.  A cut id is looked for in the history of ref, or of the default branch.  ca_file is
 * one PEM file, NULL for /etc/ssl/certs/ca-certificates.crt; token may be empty.  Not in the
 * verifier's own library.  Errors: TRB_E_INVAL (also: an ambiguous name), TRB_E_NOTFOUND, TRB_E_IO,
 * TRB_E_TIMEOUT, TRB_E_CANCELED (trb_context_set_canceled()), TRB_E_LIMIT, TRB_E_NOMEM. */
TRB_API TRB_CHECK int trb_request_resolve(trb_context *context, const char *repository,
					  const char *name, const char *ref, const char *ca_file,
					  trb_bytes token, trb_request **ret_request,
					  trb_error **err);

/* Reads an encoded request, at most 70 KiB of deterministic CBOR, and judges the recipe in it.
 * Errors: TRB_E_FORMAT, TRB_E_LIMIT, TRB_E_NOMEM. */
TRB_API TRB_CHECK int trb_request_parse(trb_bytes bytes, trb_request **ret_request,
					trb_error **err);

/* One more reference; returns request.  NULL is a no-op. */
TRB_API trb_request *trb_request_ref(trb_request *request);

/* Drops a reference; always returns NULL.  NULL is a no-op. */
TRB_API trb_request *trb_request_unref(trb_request *request);

/* Demands that commit is in the history of this full ref name, for example "refs/heads/main"; NULL
 * for no demand.  Errors: TRB_E_INVAL, TRB_E_NOMEM. */
TRB_API TRB_CHECK int trb_request_set_ref(trb_request *request, const char *ref, trb_error **err);

/* Uses this recipe (trustbuild.json, at most 64 KiB) in place of the tree's own; an empty view goes
 * back to the tree's.  To be built, the whole request must fit into one frame: 65,531 bytes
 * encoded, of which a recipe gets about 65,400.  Errors: TRB_E_FORMAT with line and name,
 * TRB_E_LIMIT, TRB_E_NOMEM. */
TRB_API TRB_CHECK int trb_request_set_recipe(trb_request *request, trb_bytes recipe,
					     trb_error **err);

/* Selects the sandbox runtime: "runsc", "crun" or "runc".  Errors: TRB_E_NOTFOUND where there is no
 * such one, TRB_E_INVAL. */
TRB_API TRB_CHECK int trb_request_set_sandbox(trb_request *request, const char *runtime,
					      trb_error **err);

/* Sets the nonce, 16 to 64 bytes.  Errors: TRB_E_INVAL. */
TRB_API TRB_CHECK int trb_request_set_nonce(trb_request *request, trb_bytes nonce, trb_error **err);

/* Getters: borrowed views that live until the next setter.  get_ref() gives NULL, get_recipe() an
 * empty view where there is none; get_commit() gives hexadecimal digits. */
TRB_API const char *trb_request_get_repository(const trb_request *request);
TRB_API const char *trb_request_get_commit(const trb_request *request);
TRB_API const char *trb_request_get_ref(const trb_request *request);
TRB_API trb_bytes trb_request_get_recipe(const trb_request *request);
TRB_API const char *trb_request_get_sandbox(const trb_request *request);
TRB_API trb_bytes trb_request_get_nonce(const trb_request *request);

/* The request as deterministic CBOR; the caller owns the blob.  Errors: TRB_E_NOMEM. */
TRB_API TRB_CHECK int trb_request_encode(const trb_request *request, trb_blob **ret_blob,
					 trb_error **err);

#ifdef __cplusplus
}
#endif

#endif
