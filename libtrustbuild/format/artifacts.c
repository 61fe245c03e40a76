/* SPDX-License-Identifier: Apache-2.0 */
/* The list of artifacts: names, sizes, digests. */
#include "core/error.h"
#include "format/fact_cbor.h"

#define WHAT "the list of artifacts"

#define KIND_FILE 0 /* links, directories: a later release */

enum { NAME, SIZE, DIGEST, KIND, MODE, TARGET, FIELDS };

void trb_artifacts_clear(struct trb_artifacts *a)
{
	free(a->entries);
	*a = (struct trb_artifacts){ 0 };
}

static int compare(const void *a, const void *b)
{
	const struct trb_artifact *x = a, *y = b;

	return trb_bytes_cmp(x->name, y->name);
}

/* What holds for a list that is read and for one that is written, sorted. */
static int check(const struct trb_artifact *entries, size_t n, trb_error **err)
{
	for (size_t i = 0; i < n; i++) {
		int r = trb_fact_fault(WHAT, trb_artifact_name_fault(entries[i].name), err);

		if (r < 0)
			return r;
		if (entries[i].size > TRB_AMOUNT_MAX)
			return trb_fail(
				err, TRB_E_FORMAT, WHAT ": \"%.*s\" has more than 2^53 bytes",
				(int)entries[i].name.len, (const char *)entries[i].name.ptr);
		if (entries[i].mode != TRB_MODE_PLAIN && entries[i].mode != TRB_MODE_PROGRAM)
			return trb_fail(
				err, TRB_E_FORMAT, WHAT ": \"%.*s\" has neither mode 0644 nor 0755",
				(int)entries[i].name.len, (const char *)entries[i].name.ptr);
		if (i > 0 && compare(&entries[i - 1], &entries[i]) >= 0)
			return trb_fail(err, TRB_E_FORMAT,
					WHAT ": \"%.*s\" is there twice or not "
					     "in bytewise order",
					(int)entries[i].name.len,
					(const char *)entries[i].name.ptr);
	}
	return TRB_OK;
}

static int read_entry(const cbor_item_t *item, struct trb_artifact *ret, trb_error **err)
{
	cbor_item_t **v;
	uint64_t kind;
	size_t n;
	int r = trb_cbor_array(item, FIELDS, FIELDS, "an artifact", &v, &n, err);

	if (r == TRB_OK)
		r = trb_cbor_tstr(v[NAME], 1, TRB_ARTIFACT_NAME, "an artifact's name", &ret->name,
				  err);
	if (r == TRB_OK)
		r = trb_cbor_uint(v[SIZE], UINT64_MAX, "an artifact's size", &ret->size, err);
	if (r == TRB_OK)
		r = trb_cbor_copy(v[DIGEST], ret->digest, 32, "an artifact's digest", err);
	if (r == TRB_OK)
		r = trb_cbor_uint(v[KIND], UINT64_MAX, "an artifact's kind", &kind, err);
	if (r == TRB_OK && kind != KIND_FILE)
		r = trb_fact_later("an artifact that is no regular file", err);
	if (r == TRB_OK)
		r = trb_cbor_uint(v[MODE], 07777, "an artifact's mode", &ret->mode, err);
	return r < 0 ? r : trb_fact_reserved(v[TARGET], "an artifact's link target", err);
}

int trb_artifacts_decode(trb_bytes in, struct trb_artifacts *ret, trb_blob **ret_owner,
			 trb_error **err)
{
	_cleanup_cbor_ cbor_item_t *item = NULL;
	_cleanup_free_ struct trb_artifact *entries = NULL;
	cbor_item_t **items;
	size_t n;
	int r = trb_fact_load(in, TRB_ARTIFACTS_BYTES, WHAT, &item, err);

	if (r == TRB_OK)
		r = trb_cbor_array(item, 1, TRB_ARTIFACTS_MAX, WHAT, &items, &n, err);
	if (r < 0)
		return r;
	entries = calloc(n, sizeof(*entries));
	if (entries == NULL)
		return trb_fail_nomem(err);
	for (size_t i = 0; r == TRB_OK && i < n; i++)
		r = read_entry(items[i], &entries[i], err);
	if (r == TRB_OK)
		r = check(entries, n, err);
	if (r == TRB_OK)
		r = trb_cbor_owner(in, &item, ret_owner, err);
	if (r == TRB_OK)
		*ret = (struct trb_artifacts){ n, steal_ptr(&entries) };
	return r;
}

int trb_artifacts_encode(const struct trb_artifacts *a, trb_blob **ret, trb_error **err)
{
	_cleanup_free_ struct trb_artifact *sorted = NULL;
	_cleanup_buf_ struct trb_buf b;
	int r;

	trb_buf_init(&b, TRB_ARTIFACTS_BYTES);
	if (a->n < 1 || a->n > TRB_ARTIFACTS_MAX)
		return trb_fail(err, TRB_E_FORMAT, WHAT " has %zu entries, not 1 to %u", a->n,
				TRB_ARTIFACTS_MAX);
	sorted = calloc(a->n, sizeof(*sorted));
	if (sorted == NULL)
		return trb_fail_nomem(err);
	memcpy(sorted, a->entries, a->n * sizeof(*sorted));
	qsort(sorted, a->n, sizeof(*sorted), compare);
	r = check(sorted, a->n, err);
	if (r < 0)
		return r;
	trb_cbor_put_array(&b, a->n);
	for (size_t i = 0; i < a->n; i++) {
		trb_cbor_put_array(&b, FIELDS);
		trb_cbor_put_tstr(&b, sorted[i].name);
		trb_cbor_put_uint(&b, sorted[i].size);
		trb_cbor_put_bstr(&b, TRB_BYTES(sorted[i].digest, 32));
		trb_cbor_put_uint(&b, KIND_FILE);
		trb_cbor_put_uint(&b, sorted[i].mode);
		trb_cbor_put_null(&b);
	}
	return trb_buf_to_blob(&b, WHAT, ret, err);
}
