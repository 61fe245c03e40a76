/* SPDX-License-Identifier: Apache-2.0 */
/* How CT stands to the ref: its form, and what of it must agree with the request. */
#include "core/error.h"
#include "format/fact_cbor.h"

enum { TIP, TAG, RELATION, STEPS, FIELDS };

const char *trb_relation_name(uint64_t relation)
{
	static const char *const names[] = { [TRB_RELATION_TIP] = "tip",
					     [TRB_RELATION_FIRST_PARENT] = "first-parent",
					     [TRB_RELATION_REACHABLE] = "reachable" };

	return relation < sizeof(names) / sizeof(names[0]) ? names[relation] : NULL;
}

static bool is_algorithm(unsigned algorithm)
{
	return algorithm == 1 || algorithm == 2;
}

int trb_history_check(const struct trb_history *h, const char *what, trb_error **err)
{
	if (!h->there)
		return TRB_OK;
	if (trb_relation_name(h->relation) == NULL)
		return trb_fail(err, TRB_E_FORMAT, "%s: the relation to the ref is unknown", what);
	if (!is_algorithm(h->tip.algorithm) || (h->tagged && h->tag.algorithm != h->tip.algorithm))
		return trb_fail(err, TRB_E_FORMAT, "%s: tip and tag are not of one algorithm",
				what);
	if (h->steps > TRB_AMOUNT_MAX)
		return trb_fail(err, TRB_E_FORMAT, "%s: the steps are beyond 2^53", what);
	if ((h->relation == TRB_RELATION_TIP) != (h->steps == 0))
		return trb_fail(err, TRB_E_FORMAT,
				"%s: the tip has no steps, and every other relation at least one",
				what);
	return TRB_OK;
}

int trb_cbor_history(const cbor_item_t *item, const char *what, struct trb_history *ret,
		     trb_error **err)
{
	struct trb_history h = { .there = !trb_cbor_is_null(item) };
	cbor_item_t **v;
	size_t n;
	int r = TRB_OK;

	if (!h.there) {
		*ret = h;
		return TRB_OK;
	}
	r = trb_cbor_array(item, FIELDS, FIELDS, what, &v, &n, err);
	if (r == TRB_OK)
		r = trb_cbor_commit(v[TIP], what, &h.tip, err);
	if (r < 0)
		return r;
	h.tagged = !trb_cbor_is_null(v[TAG]);
	if (h.tagged)
		r = trb_cbor_commit(v[TAG], what, &h.tag, err);
	if (r == TRB_OK)
		r = trb_cbor_uint(v[RELATION], TRB_RELATION_REACHABLE, what, &h.relation, err);
	if (r == TRB_OK)
		r = trb_cbor_uint(v[STEPS], TRB_AMOUNT_MAX, what, &h.steps, err);
	if (r == TRB_OK)
		r = trb_history_check(&h, what, err);
	if (r == TRB_OK)
		*ret = h;
	return r;
}

void trb_cbor_put_history(struct trb_buf *b, const struct trb_history *h)
{
	if (!h->there) {
		trb_cbor_put_null(b);
		return;
	}
	trb_cbor_put_array(b, FIELDS);
	trb_cbor_put_commit(b, &h->tip);
	if (h->tagged)
		trb_cbor_put_commit(b, &h->tag);
	else
		trb_cbor_put_null(b);
	trb_cbor_put_uint(b, h->relation);
	trb_cbor_put_uint(b, h->steps);
}

const char *trb_environment_history_fault(const struct trb_environment *env,
					  const struct trb_request_facts *request)
{
	const struct trb_history *h = &env->history;

	if (h->there != (request->ref.len > 0))
		return h->there ? "a history, and no ref that it would be the history of"
				: "no history of the ref that was asked for";
	if (h->there && h->tip.algorithm != request->commit.algorithm)
		return "the commit and the ref's tip are ids of two algorithms";
	if (h->there &&
	    (h->relation == TRB_RELATION_TIP) != trb_commit_eq(&h->tip, &request->commit))
		return h->relation == TRB_RELATION_TIP
			       ? "the relation is \"tip\", and the tip is another commit"
			       : "the commit is the tip, and the relation is another one";
	return NULL;
}

const char *trb_environment_location_fault(const struct trb_environment *env,
					   const struct trb_request_facts *request)
{
	if (env->location.len == 0)
		return NULL;
	if (!trb_bytes_eq(trb_repository_origin(env->location),
			  trb_repository_origin(request->repository)))
		return "the repository was redirected to another origin";
	return trb_bytes_eq(env->location, request->repository)
		       ? "the repository was redirected to itself"
		       : NULL;
}
