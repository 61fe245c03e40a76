/* SPDX-License-Identifier: Apache-2.0 */
/* The public judge of bare documents, over verifier/nitro.h. */
#include "verifier/document.h"

TRB_DEFINE_CLEANUP(trb_document_verifier *, trb_document_verifier_unref);

int trb_document_verifier_new(trb_document_verifier **ret_verifier, trb_error **err)
{
	_cleanup_(trb_document_verifier_unrefp) trb_document_verifier *v = NULL;
	int r;

	if (ret_verifier == NULL)
		return trb_fail(err, TRB_E_INVAL, "trb_document_verifier_new: nowhere to put it");
	v = calloc(1, sizeof(*v));
	if (v == NULL)
		return trb_fail_nomem(err);
	atomic_init(&v->refs, 1);
	v->time_s = TRB_NITRO_TIME_DOCUMENT;
	v->n_roots = 1;
	v->roots[0].name = TRB_NITRO_ROOT_AWS;
	r = trb_nitro_new(&v->nitro, err);
	if (r < 0)
		return r;
	*ret_verifier = steal_ptr(&v);
	return TRB_OK;
}

trb_document_verifier *trb_document_verifier_ref(trb_document_verifier *v)
{
	if (v != NULL)
		atomic_fetch_add_explicit(&v->refs, 1, memory_order_relaxed);
	return v;
}

trb_document_verifier *trb_document_verifier_unref(trb_document_verifier *v)
{
	if (v == NULL || atomic_fetch_sub_explicit(&v->refs, 1, memory_order_acq_rel) > 1)
		return NULL;
	trb_nitro_free(v->nitro);
	for (size_t i = 0; i < TRB_NSM_PCRS; i++)
		trb_blob_unref(v->pcrs[i]);
	for (size_t i = 0; i < TRB_DEMANDS; i++)
		trb_blob_unref(v->fields[i]);
	free(v);
	return NULL;
}

int trb_document_verifier_add_root(trb_document_verifier *v, trb_bytes certificate, trb_error **err)
{
	struct trb_nitro_root root;
	size_t n;
	int r;

	if (v == NULL)
		return trb_fail(err, TRB_E_INVAL, "trb_document_verifier_add_root: no verifier");
	n = v->own_roots ? v->n_roots : 0;
	if (n == TRB_DOCUMENT_ROOTS)
		return trb_fail(err, TRB_E_LIMIT, "there are more than %d roots",
				TRB_DOCUMENT_ROOTS);
	r = trb_nitro_root_read(certificate, &root, err);
	if (r < 0)
		return r;
	v->roots[n] = root;
	v->n_roots = n + 1;
	v->own_roots = true;
	return TRB_OK;
}

void trb_document_verifier_set_time(trb_document_verifier *v, uint64_t unix_s)
{
	/* a caller's time_t of -1 is a wrong time, not the document's own */
	if (v != NULL)
		v->time_s = unix_s == TRB_NITRO_TIME_DOCUMENT ? unix_s - 1 : unix_s;
}

void trb_document_verifier_set_allow_debug(trb_document_verifier *v, int allow)
{
	if (v != NULL)
		v->flags = allow != 0 ? TRB_NITRO_ALLOW_DEBUG : 0;
}

/* The checks of the document itself, then the caller's demands. */
static int judge(trb_document_verifier *v, trb_bytes document, struct trb_nitro_verdict *verdict,
		 struct trb_document_rows *rows, trb_error **err)
{
	int r = trb_nitro_judge(v->nitro, document, v->time_s, v->roots, v->n_roots, v->flags,
				verdict, err);

	return r < 0 ? r : trb_document_check_demands(v, verdict->attestation, rows, err);
}

int trb_document_verifier_check(trb_document_verifier *v, trb_bytes document,
				trb_attestation **ret_attestation, int *ret_assurance,
				trb_blob **ret_report, trb_error **err)
{
	_cleanup_(trb_nitro_verdict_clear) struct trb_nitro_verdict verdict = { 0 };
	_cleanup_(trb_document_rows_clear) struct trb_document_rows rows = { 0 };
	_cleanup_(trb_error_unrefp) trb_error *error = NULL;
	_cleanup_(trb_blob_unrefp) trb_blob *report = NULL;
	int r;

	if (v == NULL)
		return trb_fail(err, TRB_E_INVAL, "trb_document_verifier_check: no verifier");
	r = judge(v, document, &verdict, &rows, &error);
	if (ret_report != NULL && (r == TRB_OK || trb_is_verdict(r))) {
		int s = trb_document_report(&verdict, &rows, r, error, &report, err);

		if (s < 0)
			return s;
		*ret_report = steal_ptr(&report);
	}
	if (r < 0) {
		if (err != NULL && *err == NULL)
			*err = steal_ptr(&error);
		return r;
	}
	if (ret_attestation != NULL)
		*ret_attestation = steal_ptr(&verdict.attestation);
	if (ret_assurance != NULL)
		*ret_assurance = verdict.assurance;
	return TRB_OK;
}
