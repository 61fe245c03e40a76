/* SPDX-License-Identifier: Apache-2.0 */
/* The materials: what was taken into the build besides the source, one list for all kinds. */
#include "core/error.h"
#include "format/fact_cbor.h"

#define WHAT "the list of materials"

#define URI_MAX 2048
#define PIN_MAX 1024

enum { KIND, URI, DIGEST, SIZE, PIN, FIELDS };

void trb_materials_clear(struct trb_materials *m)
{
	free(m->entries);
	*m = (struct trb_materials){ 0 };
}

static int compare(const void *a, const void *b)
{
	const struct trb_material *x = a, *y = b;
	int c = (x->kind > y->kind) - (x->kind < y->kind);

	if (c == 0)
		c = trb_bytes_cmp(x->uri, y->uri);
	return c == 0 ? trb_bytes_cmp(x->pin, y->pin) : c;
}

static const char *path_fault(trb_bytes path)
{
	if (path.len == 0 || path.len > PIN_MAX)
		return "the path of a submodule has 1 to 1024 bytes";
	return trb_path_fault(path);
}

static int check_submodule(const struct trb_material *m, trb_error **err)
{
	const char *fault = trb_repository_fault(m->uri);

	if (fault == NULL)
		fault = path_fault(m->pin);
	if (fault == NULL && m->digest.algorithm != 1 && m->digest.algorithm != 2)
		fault = "a submodule's digest is a commit";
	if (fault == NULL && m->sized)
		fault = "a submodule has no size";
	return trb_fact_fault(WHAT, fault, err);
}

/* What holds for a list that is read and for one that is written, sorted. */
static int check(const struct trb_material *entries, size_t n, trb_error **err)
{
	for (size_t i = 0; i < n; i++) {
		int r = entries[i].kind == TRB_MATERIAL_SUBMODULE
				? check_submodule(&entries[i], err)
				: trb_fact_later("the kind of a material", err);

		if (r < 0)
			return r;
		if (i > 0 && compare(&entries[i - 1], &entries[i]) >= 0)
			return trb_fail(err, TRB_E_FORMAT,
					WHAT ": \"%.*s\" is there twice or not in order",
					(int)entries[i].uri.len, (const char *)entries[i].uri.ptr);
	}
	return TRB_OK;
}

static int read_entry(const cbor_item_t *item, struct trb_material *ret, trb_error **err)
{
	cbor_item_t **v;
	size_t n;
	int r = trb_cbor_array(item, FIELDS, FIELDS, "a material", &v, &n, err);

	if (r == TRB_OK)
		r = trb_cbor_uint(v[KIND], UINT64_MAX, "a material's kind", &ret->kind, err);
	if (r == TRB_OK)
		r = trb_cbor_tstr(v[URI], 1, URI_MAX, "a material's URI", &ret->uri, err);
	if (r == TRB_OK)
		r = trb_cbor_digest(v[DIGEST], "a material's digest", &ret->digest, err);
	if (r < 0)
		return r;
	ret->sized = !trb_cbor_is_null(v[SIZE]);
	if (ret->sized)
		r = trb_cbor_uint(v[SIZE], TRB_AMOUNT_MAX, "a material's size", &ret->size, err);
	if (r == TRB_OK)
		r = trb_cbor_tstr(v[PIN], 0, PIN_MAX, "a material's pin", &ret->pin, err);
	return r;
}

int trb_materials_decode(trb_bytes in, struct trb_materials *ret, trb_blob **ret_owner,
			 trb_error **err)
{
	_cleanup_cbor_ cbor_item_t *item = NULL;
	_cleanup_free_ struct trb_material *entries = NULL;
	cbor_item_t **items;
	size_t n;
	int r = trb_fact_load(in, TRB_MATERIALS_BYTES, WHAT, &item, err);

	if (r == TRB_OK)
		r = trb_cbor_array(item, 1, TRB_MATERIALS_MAX, WHAT, &items, &n, err);
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
		*ret = (struct trb_materials){ n, steal_ptr(&entries) };
	return r;
}

static void put_entry(struct trb_buf *b, const struct trb_material *m)
{
	trb_cbor_put_array(b, FIELDS);
	trb_cbor_put_uint(b, m->kind);
	trb_cbor_put_tstr(b, m->uri);
	trb_cbor_put_digest(b, &m->digest);
	if (m->sized)
		trb_cbor_put_uint(b, m->size);
	else
		trb_cbor_put_null(b);
	trb_cbor_put_tstr(b, m->pin);
}

int trb_materials_encode(const struct trb_materials *m, trb_blob **ret, trb_error **err)
{
	_cleanup_free_ struct trb_material *sorted = NULL;
	_cleanup_buf_ struct trb_buf b;
	int r;

	trb_buf_init(&b, TRB_MATERIALS_BYTES);
	if (m->n < 1 || m->n > TRB_MATERIALS_MAX)
		return trb_fail(err, TRB_E_FORMAT, WHAT " has %zu entries, not 1 to %u", m->n,
				TRB_MATERIALS_MAX);
	sorted = calloc(m->n, sizeof(*sorted));
	if (sorted == NULL)
		return trb_fail_nomem(err);
	memcpy(sorted, m->entries, m->n * sizeof(*sorted));
	qsort(sorted, m->n, sizeof(*sorted), compare);
	r = check(sorted, m->n, err);
	if (r < 0)
		return r;
	trb_cbor_put_array(&b, m->n);
	for (size_t i = 0; i < m->n; i++)
		put_entry(&b, &sorted[i]);
	return trb_buf_to_blob(&b, WHAT, ret, err);
}

int trb_materials_check(trb_bytes materials, const struct trb_environment *env, trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *owner = NULL;
	struct trb_materials list;
	uint8_t digest[32];
	int r;

	if (env->has_materials != (materials.len > 0))
		return trb_fail_check(err, TRB_E_CLAIM, "claim.materials",
				      env->has_materials
					      ? "the environment's materials are not there"
					      : "the environment names no materials, and "
						"there are some");
	if (!env->has_materials)
		return TRB_OK;
	r = trb_sha256(materials, digest, err);
	if (r < 0)
		return r;
	if (memcmp(digest, env->materials, sizeof(digest)) != 0)
		return trb_fail_check(err, TRB_E_CLAIM, "claim.materials",
				      "the materials are not those that the environment names");
	r = trb_materials_decode(materials, &list, &owner, err);
	if (r < 0)
		return r;
	if (list.n != env->n_materials)
		r = trb_fail_check(err, TRB_E_CLAIM, "claim.materials",
				   "%zu materials, the environment counts %llu", list.n,
				   (unsigned long long)env->n_materials);
	trb_materials_clear(&list);
	return r;
}
