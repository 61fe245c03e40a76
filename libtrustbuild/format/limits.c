/* SPDX-License-Identifier: Apache-2.0 */
/* Maps of limits: those of a build in its environment, those of a source in a control message. */
#include "core/error.h"
#include "format/fact_cbor.h"

/* The order of encoded keys: the head of a shorter text comes first. */
static int compare(const void *a, const void *b)
{
	const struct trb_limit *x = a, *y = b;

	if (x->name.len != y->name.len)
		return x->name.len < y->name.len ? -1 : 1;
	return trb_bytes_cmp(x->name, y->name);
}

void trb_limits_sort(struct trb_limit *limits, size_t n)
{
	qsort(limits, n, sizeof(*limits), compare);
}

int trb_limits_check(const struct trb_limit *limits, size_t n, const char *what, trb_error **err)
{
	for (size_t i = 0; i < n; i++) {
		const struct trb_limit *l = &limits[i];
		int r = trb_fact_fault(what, trb_limit_name_fault(l->name), err);

		if (r < 0)
			return r;
		if (l->value > TRB_AMOUNT_MAX)
			return trb_fail(err, TRB_E_FORMAT, "%s: \"%.*s\" is beyond 2^53", what,
					(int)l->name.len, (const char *)l->name.ptr);
		if (i > 0 && compare(l - 1, l) >= 0)
			return trb_fail(err, TRB_E_FORMAT, "%s are not unique and sorted", what);
	}
	return TRB_OK;
}

int trb_cbor_limits(const cbor_item_t *item, size_t max, const char *what, struct trb_limit *ret,
		    size_t *ret_n, trb_error **err)
{
	struct cbor_pair *pairs;
	int r = trb_cbor_map(item, 0, max, what, &pairs, ret_n, err);

	for (size_t i = 0; r == TRB_OK && i < *ret_n; i++) {
		r = trb_cbor_tstr(pairs[i].key, 1, 64, what, &ret[i].name, err);
		if (r == TRB_OK)
			r = trb_cbor_uint(pairs[i].value, UINT64_MAX, what, &ret[i].value, err);
	}
	return r < 0 ? r : trb_limits_check(ret, *ret_n, what, err);
}

void trb_cbor_put_limits(struct trb_buf *b, const struct trb_limit *limits, size_t n)
{
	trb_cbor_put_map(b, n);
	for (size_t i = 0; i < n; i++) {
		trb_cbor_put_tstr(b, limits[i].name);
		trb_cbor_put_uint(b, limits[i].value);
	}
}
