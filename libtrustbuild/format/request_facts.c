/* SPDX-License-Identifier: Apache-2.0 */
/* The facts of a request, read and written. */
#include "core/error.h"
#include "format/fact_cbor.h"

enum { VERSION, REPOSITORY, COMMIT, REF, RECIPE, SANDBOX, NONCE, FIELDS };

/* What holds for a request that is read and for one that is written. */
static int check(const struct trb_request_facts *f, trb_error **err)
{
	int r = trb_fact_fault("the request's repository", trb_repository_fault(f->repository),
			       err);

	if (r == TRB_OK && f->ref.len > 0)
		r = trb_fact_fault("the request's ref", trb_ref_fault(f->ref), err);
	if (r == TRB_OK)
		r = trb_fact_fault("the request's sandbox", trb_sandbox_fault(f->sandbox), err);
	if (r < 0)
		return r;
	if (f->commit.algorithm != 1 && f->commit.algorithm != 2)
		return trb_fail(err, TRB_E_FORMAT, "the request's commit has no algorithm");
	if (f->recipe.ptr != NULL && (f->recipe.len == 0 || f->recipe.len > TRB_RECIPE_MAX))
		return trb_fail(err, TRB_E_FORMAT, "the request's recipe has not 1 to %u bytes",
				TRB_RECIPE_MAX);
	if (f->nonce.len < TRB_NONCE_MIN || f->nonce.len > TRB_NONCE_MAX)
		return trb_fail(err, TRB_E_FORMAT, "the request's nonce has not %d to %d bytes",
				TRB_NONCE_MIN, TRB_NONCE_MAX);
	return TRB_OK;
}

static int read_nullable(cbor_item_t **v, struct trb_request_facts *f, trb_error **err)
{
	int r = TRB_OK;

	if (!trb_cbor_is_null(v[REF]))
		r = trb_cbor_tstr(v[REF], 1, TRB_REQUEST_MAX, "the request's ref", &f->ref, err);
	if (r == TRB_OK && !trb_cbor_is_null(v[RECIPE]))
		r = trb_cbor_bstr(v[RECIPE], 1, TRB_RECIPE_MAX, "the request's recipe", &f->recipe,
				  err);
	return r;
}

static int read_sandbox(const cbor_item_t *item, struct trb_request_facts *f, trb_error **err)
{
	cbor_item_t **v;
	size_t n;
	int r = trb_cbor_array(item, 2, 2, "the request's sandbox", &v, &n, err);

	if (r == TRB_OK)
		r = trb_cbor_tstr(v[0], 1, 64, "the request's sandbox", &f->sandbox, err);
	return r < 0 ? r : trb_fact_reserved(v[1], "the request's sandbox manager", err);
}

static int read_fields(cbor_item_t **v, struct trb_request_facts *f, trb_error **err)
{
	int r = trb_fact_version(v[VERSION], "the request's version", err);

	if (r == TRB_OK)
		r = trb_cbor_tstr(v[REPOSITORY], 1, TRB_REQUEST_MAX, "the request's repository",
				  &f->repository, err);
	if (r == TRB_OK)
		r = trb_cbor_commit(v[COMMIT], "the request's commit", &f->commit, err);
	if (r == TRB_OK)
		r = read_nullable(v, f, err);
	if (r == TRB_OK)
		r = read_sandbox(v[SANDBOX], f, err);
	if (r == TRB_OK)
		r = trb_cbor_bstr(v[NONCE], TRB_NONCE_MIN, TRB_NONCE_MAX, "the request's nonce",
				  &f->nonce, err);
	return r < 0 ? r : check(f, err);
}

int trb_request_facts_decode(trb_bytes in, struct trb_request_facts *ret, trb_blob **ret_owner,
			     trb_error **err)
{
	_cleanup_cbor_ cbor_item_t *item = NULL;
	struct trb_request_facts facts = { 0 };
	cbor_item_t *values[FIELDS];
	int r = trb_fact_load(in, TRB_REQUEST_MAX, "the request", &item, err);

	if (r == TRB_OK)
		r = trb_cbor_record(item, FIELDS, "the request", values, err);
	if (r == TRB_OK)
		r = read_fields(values, &facts, err);
	if (r == TRB_OK)
		r = trb_cbor_owner(in, &item, ret_owner, err);
	if (r == TRB_OK)
		*ret = facts;
	return r;
}

int trb_request_facts_encode(const struct trb_request_facts *f, trb_blob **ret, trb_error **err)
{
	_cleanup_buf_ struct trb_buf b;
	int r;

	trb_buf_init(&b, TRB_REQUEST_MAX);
	r = check(f, err);
	if (r < 0)
		return r;
	trb_cbor_put_map(&b, FIELDS);
	trb_cbor_put_uint(&b, VERSION + 1);
	trb_cbor_put_uint(&b, TRB_FORMAT_VERSION);
	trb_cbor_put_uint(&b, REPOSITORY + 1);
	trb_cbor_put_tstr(&b, f->repository);
	trb_cbor_put_uint(&b, COMMIT + 1);
	trb_cbor_put_commit(&b, &f->commit);
	trb_cbor_put_uint(&b, REF + 1);
	trb_cbor_put_text_or_null(&b, f->ref);
	trb_cbor_put_uint(&b, RECIPE + 1);
	if (f->recipe.ptr != NULL)
		trb_cbor_put_bstr(&b, f->recipe);
	else
		trb_cbor_put_null(&b);
	trb_cbor_put_uint(&b, SANDBOX + 1);
	trb_cbor_put_array(&b, 2);
	trb_cbor_put_tstr(&b, f->sandbox);
	trb_cbor_put_null(&b);
	trb_cbor_put_uint(&b, NONCE + 1);
	trb_cbor_put_bstr(&b, f->nonce);
	return trb_buf_to_blob(&b, "the request", ret, err);
}
