/* SPDX-License-Identifier: Apache-2.0 */
/* The verifier's handle: what is set up before the first check, and read alone afterwards. */
#include "verifier/run.h"

int trb_verifier_new(trb_context *context, const trb_policy *policy, trb_verifier **ret_verifier,
		     trb_error **err)
{
	_cleanup_(trb_verifier_unrefp) trb_verifier *v = NULL;
	int r;

	(void)context;
	if (policy == NULL || ret_verifier == NULL)
		return trb_fail(err, TRB_E_INVAL,
				"trb_verifier_new: no policy, or nowhere to put it");
	v = calloc(1, sizeof(*v));
	if (v == NULL)
		return trb_fail_nomem(err);
	atomic_init(&v->refs, 1);
	v->policy = trb_policy_ref((trb_policy *)policy);
	r = trb_nitro_new(&v->nitro, err);
	if (r < 0)
		return r;
	*ret_verifier = steal_ptr(&v);
	return TRB_OK;
}

trb_verifier *trb_verifier_ref(trb_verifier *verifier)
{
	if (verifier != NULL)
		atomic_fetch_add_explicit(&verifier->refs, 1, memory_order_relaxed);
	return verifier;
}

trb_verifier *trb_verifier_unref(trb_verifier *verifier)
{
	if (verifier == NULL ||
	    atomic_fetch_sub_explicit(&verifier->refs, 1, memory_order_acq_rel) > 1)
		return NULL;
	trb_nitro_free(verifier->nitro);
	trb_policy_unref(verifier->policy);
	free(verifier->repository);
	free(verifier->entry);
	trb_blob_unref(verifier->nonce);
	free(verifier);
	return NULL;
}

int trb_verifier_set_now(trb_verifier *verifier, uint64_t unix_seconds, trb_error **err)
{
	if (verifier == NULL || unix_seconds == 0 || unix_seconds > INT64_MAX / 1000)
		return trb_fail(err, TRB_E_INVAL, "trb_verifier_set_now: no time");
	verifier->now_s = unix_seconds;
	return TRB_OK;
}

static int set_text(char **where, const char *text, trb_error **err)
{
	char *copy = strdup(text);

	if (copy == NULL)
		return trb_fail_nomem(err);
	free(*where);
	*where = copy;
	return TRB_OK;
}

int trb_verifier_set_repository(trb_verifier *verifier, const char *repository, trb_error **err)
{
	const char *fault;

	if (verifier == NULL || repository == NULL)
		return trb_fail(err, TRB_E_INVAL, "trb_verifier_set_repository: no repository");
	fault = trb_repository_fault(trb_bytes_str(repository));
	if (fault != NULL)
		return trb_fail(err, TRB_E_INVAL, "repository '%s': %s", repository, fault);
	return set_text(&verifier->repository, repository, err);
}

int trb_verifier_set_commit(trb_verifier *verifier, const char *commit, trb_error **err)
{
	struct trb_commit parsed;

	if (verifier == NULL || commit == NULL ||
	    !trb_commit_from_hex(trb_bytes_str(commit), &parsed))
		return trb_fail(err, TRB_E_INVAL,
				"a commit has 40 or 64 lower-case hexadecimal digits");
	verifier->commit = parsed;
	verifier->has_commit = true;
	return TRB_OK;
}

int trb_verifier_set_nonce(trb_verifier *verifier, trb_bytes nonce, trb_error **err)
{
	trb_blob *blob = NULL;
	int r;

	if (verifier == NULL || nonce.ptr == NULL || nonce.len < 16 || nonce.len > 64)
		return trb_fail(err, TRB_E_INVAL, "a nonce has 16 to 64 bytes");
	r = trb_blob_new(nonce, &blob, err);
	if (r < 0)
		return r;
	trb_blob_unref(verifier->nonce);
	verifier->nonce = blob;
	return TRB_OK;
}

int trb_verifier_set_entry(trb_verifier *verifier, const char *name, trb_error **err)
{
	const char *fault;

	if (verifier == NULL || name == NULL)
		return trb_fail(err, TRB_E_INVAL, "trb_verifier_set_entry: no name");
	fault = trb_artifact_name_fault(trb_bytes_str(name));
	if (fault != NULL)
		return trb_fail(err, TRB_E_INVAL, "artifact name '%s': %s", name, fault);
	return set_text(&verifier->entry, name, err);
}
