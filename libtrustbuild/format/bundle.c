/* SPDX-License-Identifier: Apache-2.0 */
/* The bundle: all evidence of one build in one JSON text. */
#include "format/bundle.h"

#include <stdatomic.h>

#include "core/error.h"
#include "format/dsse.h"
#include "format/json.h"
#include "format/log_kind.h"

#define CHECK "bundle.parse"

/* Parts are copied into one block behind the struct's own arrays. */
struct trb_bundle {
	atomic_uint refs;
	struct trb_bundle_parts parts;
	struct trb_bundle_log *logs;
	uint8_t *bytes;
};

static const struct {
	const char *name;
	size_t offset, max, min;
} part_rows[] = {
	{ "request", offsetof(struct trb_bundle_parts, request), TRB_REQUEST_MAX, 1 },
	{ "environment", offsetof(struct trb_bundle_parts, environment), TRB_ENVIRONMENT_MAX, 1 },
	{ "artifacts", offsetof(struct trb_bundle_parts, artifacts), TRB_ARTIFACTS_BYTES, 1 },
	{ "attestation", offsetof(struct trb_bundle_parts, attestation), TRB_ATTESTATION_MAX, 1 },
	{ "statement", offsetof(struct trb_bundle_parts, statement), TRB_STATEMENT_MAX, 1 },
	{ "signature", offsetof(struct trb_bundle_parts, signature), TRB_DSSE_SIGNATURE_MAX, 1 },
	{ "materials", offsetof(struct trb_bundle_parts, materials), TRB_MATERIALS_BYTES, 0 },
};
enum { STATEMENT = 4, SIGNATURE, MATERIALS };
#define N_PARTS (sizeof(part_rows) / sizeof(part_rows[0]))

static trb_bytes *part_at(struct trb_bundle_parts *parts, size_t i)
{
	return (trb_bytes *)(void *)((char *)parts + part_rows[i].offset);
}

static int check_parts(struct trb_bundle_parts *parts, size_t *ret_total, trb_error **err)
{
	size_t total = 0;

	for (size_t i = 0; i < N_PARTS; i++) {
		size_t n = part_at(parts, i)->len;

		if (n < part_rows[i].min || n > part_rows[i].max)
			return trb_fail_check(err, n == 0 ? TRB_E_FORMAT : TRB_E_LIMIT, CHECK,
					      "%s has %zu bytes, allowed are %zu to %zu",
					      part_rows[i].name, n, part_rows[i].min,
					      part_rows[i].max);
		total += n;
	}
	if (parts->n_logs > TRB_BUNDLE_LOGS)
		return trb_fail_check(err, TRB_E_LIMIT, CHECK, "%zu log entries, at most %d",
				      parts->n_logs, TRB_BUNDLE_LOGS);
	for (size_t i = 0; i < parts->n_logs; i++) {
		const struct trb_bundle_log *log = &parts->logs[i];

		if (trb_log_kind_find(log->kind) == NULL || log->n_proof > TRB_PROOF_HASHES ||
		    log->checkpoint.len == 0 || log->checkpoint.len > TRB_CHECKPOINT_MAX ||
		    !trb_utf8_valid(log->checkpoint))
			return trb_fail_check(err, TRB_E_FORMAT, CHECK,
					      "log entry %zu is malformed", i);
		total += log->checkpoint.len;
	}
	*ret_total = total;
	return TRB_OK;
}

static trb_bytes copy_part(uint8_t **to, trb_bytes from)
{
	trb_bytes copy = TRB_BYTES(*to, from.len);

	if (from.len == 0)
		return TRB_BYTES_NULL;
	memcpy(*to, from.ptr, from.len);
	*to += from.len;
	return copy;
}

int trb_bundle_new(const struct trb_bundle_parts *parts, trb_bundle **ret, trb_error **err)
{
	_cleanup_(trb_bundle_unrefp) trb_bundle *bundle = calloc(1, sizeof(*bundle));
	size_t total;
	uint8_t *to;
	int r;

	if (bundle == NULL)
		return trb_fail_nomem(err);
	atomic_init(&bundle->refs, 1);
	bundle->parts = *parts;
	r = check_parts(&bundle->parts, &total, err);
	if (r < 0)
		return r;
	bundle->bytes = to = malloc(total);
	bundle->logs = calloc(parts->n_logs + 1, sizeof(*bundle->logs));
	if (to == NULL || bundle->logs == NULL)
		return trb_fail_nomem(err);
	for (size_t i = 0; i < N_PARTS; i++)
		*part_at(&bundle->parts, i) = copy_part(&to, *part_at(&bundle->parts, i));
	for (size_t i = 0; i < parts->n_logs; i++) {
		bundle->logs[i] = parts->logs[i];
		bundle->logs[i].kind = trb_bytes_str(trb_log_kind_find(parts->logs[i].kind)->name);
		bundle->logs[i].checkpoint = copy_part(&to, parts->logs[i].checkpoint);
	}
	bundle->parts.logs = bundle->logs;
	*ret = steal_ptr(&bundle);
	return TRB_OK;
}

trb_bundle *trb_bundle_ref(trb_bundle *bundle)
{
	if (bundle != NULL)
		atomic_fetch_add_explicit(&bundle->refs, 1, memory_order_relaxed);
	return bundle;
}

trb_bundle *trb_bundle_unref(trb_bundle *bundle)
{
	if (bundle == NULL || atomic_fetch_sub_explicit(&bundle->refs, 1, memory_order_acq_rel) > 1)
		return NULL;
	free(bundle->logs);
	free(bundle->bytes);
	free(bundle);
	return NULL;
}

const struct trb_bundle_parts *trb_bundle_parts(const trb_bundle *bundle)
{
	return &bundle->parts;
}

trb_bytes trb_bundle_get_request(const trb_bundle *bundle)
{
	return bundle != NULL ? bundle->parts.request : TRB_BYTES_NULL;
}

trb_bytes trb_bundle_get_environment(const trb_bundle *bundle)
{
	return bundle != NULL ? bundle->parts.environment : TRB_BYTES_NULL;
}

trb_bytes trb_bundle_get_artifacts(const trb_bundle *bundle)
{
	return bundle != NULL ? bundle->parts.artifacts : TRB_BYTES_NULL;
}

trb_bytes trb_bundle_get_materials(const trb_bundle *bundle)
{
	return bundle != NULL ? bundle->parts.materials : TRB_BYTES_NULL;
}

trb_bytes trb_bundle_get_attestation(const trb_bundle *bundle)
{
	return bundle != NULL ? bundle->parts.attestation : TRB_BYTES_NULL;
}

trb_bytes trb_bundle_get_statement(const trb_bundle *bundle)
{
	return bundle != NULL ? bundle->parts.statement : TRB_BYTES_NULL;
}

size_t trb_bundle_count_logs(const trb_bundle *bundle)
{
	return bundle != NULL ? bundle->parts.n_logs : 0;
}

/* The checkpoint's first line names the log. */
static trb_bytes origin_of(const struct trb_bundle_log *log)
{
	const uint8_t *end = memchr(log->checkpoint.ptr, '\n', log->checkpoint.len);

	return TRB_BYTES(log->checkpoint.ptr,
			 end != NULL ? (size_t)(end - log->checkpoint.ptr) : log->checkpoint.len);
}

int trb_bundle_with_log(const trb_bundle *bundle, const struct trb_bundle_log *log,
			trb_bundle **ret, trb_error **err)
{
	_cleanup_free_ struct trb_bundle_log *logs = NULL;
	struct trb_bundle_parts parts = bundle->parts;

	logs = calloc(parts.n_logs + 1, sizeof(*logs));
	if (logs == NULL)
		return trb_fail_nomem(err);
	parts.n_logs = 0;
	for (size_t i = 0; i < bundle->parts.n_logs; i++)
		if (!trb_bytes_eq(origin_of(&bundle->logs[i]), origin_of(log)))
			logs[parts.n_logs++] = bundle->logs[i];
	logs[parts.n_logs++] = *log;
	parts.logs = logs;
	return trb_bundle_new(&parts, ret, err);
}

static void put_logs(struct trb_json_out *out, const trb_bundle *bundle)
{
	trb_json_member_open(out, "log", '[');
	for (size_t i = 0; i < bundle->parts.n_logs; i++) {
		const struct trb_bundle_log *log = &bundle->logs[i];

		trb_json_open(out, '{');
		trb_json_member_text(out, "kind", log->kind);
		trb_json_put_name(out, "index");
		trb_json_put_uint_string(out, log->index);
		trb_json_member_open(out, "proof", '[');
		for (size_t k = 0; k < log->n_proof; k++)
			trb_json_put_base64(out, TRB_BYTES(log->proof[k], 32));
		trb_json_close(out, ']');
		trb_json_member_text(out, "checkpoint", log->checkpoint);
		trb_json_close(out, '}');
	}
	trb_json_close(out, ']');
}

static void put_optional(struct trb_json_out *out, const char *name, trb_bytes part)
{
	trb_json_put_name(out, name);
	if (part.len > 0)
		trb_json_put_base64(out, part);
	else
		trb_json_put_null(out);
}

int trb_bundle_encode(const trb_bundle *bundle, trb_blob **ret_json, trb_error **err)
{
	_cleanup_buf_ struct trb_buf buf = { 0 };
	struct trb_json_out out = { .buf = &buf, .indent = true };
	const struct trb_bundle_parts *parts;

	if (bundle == NULL)
		return trb_fail(err, TRB_E_INVAL, "no bundle");
	parts = &bundle->parts;
	trb_buf_init(&buf, TRB_BUNDLE_MAX);
	trb_json_open(&out, '{');
	trb_json_member_str(&out, "mediaType", TRB_BUNDLE_TYPE);
	trb_json_member_base64(&out, "request", parts->request);
	trb_json_member_base64(&out, "environment", parts->environment);
	trb_json_member_base64(&out, "artifacts", parts->artifacts);
	put_optional(&out, "materials", parts->materials);
	put_optional(&out, "contacts", TRB_BYTES_NULL);
	put_optional(&out, "manifest", TRB_BYTES_NULL);
	trb_json_member_base64(&out, "attestation", parts->attestation);
	trb_json_member_open(&out, "envelope", '{');
	trb_json_member_str(&out, "payloadType", TRB_DSSE_TYPE);
	trb_json_member_base64(&out, "payload", parts->statement);
	trb_json_member_open(&out, "signatures", '[');
	trb_json_open(&out, '{');
	trb_json_member_base64(&out, "sig", parts->signature);
	trb_json_close(&out, '}');
	trb_json_close(&out, ']');
	trb_json_close(&out, '}');
	put_logs(&out, bundle);
	trb_json_member_open(&out, "endorsements", '[');
	trb_json_close(&out, ']');
	trb_json_member_open(&out, "revocations", '[');
	trb_json_close(&out, ']');
	trb_json_close(&out, '}');
	trb_buf_add_byte(&buf, '\n');
	return trb_buf_to_blob(&buf, "the bundle", ret_json, err);
}

/* What parsing fills: blobs own the decoded parts until the bundle has copied them. */
struct reading {
	struct trb_json doc;
	struct trb_bundle_parts parts;
	trb_blob *blobs[N_PARTS];
	struct trb_bundle_log *logs;
};

static void reading_clear(struct reading *in)
{
	for (size_t i = 0; i < N_PARTS; i++)
		trb_blob_unref(in->blobs[i]);
	free(in->logs);
	trb_json_clear(&in->doc);
}

static int read_part(struct reading *in, size_t i, const cJSON *item, trb_error **err)
{
	int r = trb_json_base64(&in->doc, item, 1, part_rows[i].max, &in->blobs[i], err);

	if (r == TRB_OK)
		*part_at(&in->parts, i) = trb_blob_bytes(in->blobs[i]);
	return r;
}

static int read_envelope(struct reading *in, const cJSON *item, trb_error **err)
{
	static const struct trb_json_field fields[] = {
		{ "payloadType", TRB_JSON_STRING, true },
		{ "payload", TRB_JSON_STRING, true },
		{ "signatures", TRB_JSON_ARRAY, true },
	};
	static const struct trb_json_field signature[] = { { "sig", TRB_JSON_STRING, true } };
	const cJSON *v[3], *sig[1];
	size_t n;
	int r = TRB_JSON_RECORD(&in->doc, item, fields, v, err);

	if (r < 0)
		return r;
	if (strcmp(v[0]->valuestring, TRB_DSSE_TYPE) != 0)
		return trb_json_fail(&in->doc, v[0], err, "must be %s", TRB_DSSE_TYPE);
	r = read_part(in, STATEMENT, v[1], err);
	if (r == TRB_OK)
		r = trb_json_array(&in->doc, v[2], 1, 1, &n, err);
	if (r == TRB_OK)
		r = TRB_JSON_RECORD(&in->doc, v[2]->child, signature, sig, err);
	if (r == TRB_OK)
		r = read_part(in, SIGNATURE, sig[0], err);
	return r;
}

static int read_proof(const struct trb_json *doc, const cJSON *item, struct trb_bundle_log *log,
		      trb_error **err)
{
	int r = trb_json_array(doc, item, 0, TRB_PROOF_HASHES, &log->n_proof, err);
	size_t i = 0;

	for (const cJSON *c = item->child; r == TRB_OK && c != NULL; c = c->next) {
		_cleanup_(trb_blob_unrefp) trb_blob *hash = NULL;

		r = trb_json_base64(doc, c, 32, 32, &hash, err);
		if (r == TRB_OK)
			memcpy(log->proof[i++], trb_blob_bytes(hash).ptr, 32);
	}
	return r;
}

static int read_log(const struct trb_json *doc, const cJSON *item, struct trb_bundle_log *log,
		    trb_error **err)
{
	static const struct trb_json_field fields[] = {
		{ "kind", TRB_JSON_STRING, true },
		{ "index", TRB_JSON_STRING, true },
		{ "proof", TRB_JSON_ARRAY, true },
		{ "checkpoint", TRB_JSON_STRING, true },
	};
	const cJSON *v[4];
	int r = TRB_JSON_RECORD(doc, item, fields, v, err);

	if (r < 0)
		return r;
	log->kind = trb_bytes_str(v[0]->valuestring);
	if (trb_log_kind_find(log->kind) == NULL)
		return trb_json_fail(doc, v[0], err, "this release knows %s", trb_log_kinds());
	r = trb_json_uint_string(doc, v[1], &log->index, err);
	if (r == TRB_OK)
		r = read_proof(doc, v[2], log, err);
	if (r == TRB_OK)
		r = trb_json_string(doc, v[3], 1, TRB_CHECKPOINT_MAX, &log->checkpoint, err);
	return r;
}

static int read_logs(struct reading *in, const cJSON *item, trb_error **err)
{
	int r = trb_json_array(&in->doc, item, 0, TRB_BUNDLE_LOGS, &in->parts.n_logs, err);
	size_t i = 0;

	if (r < 0)
		return r;
	in->logs = calloc(in->parts.n_logs + 1, sizeof(*in->logs));
	if (in->logs == NULL)
		return trb_fail_nomem(err);
	in->parts.logs = in->logs;
	for (const cJSON *c = item->child; r == TRB_OK && c != NULL; c = c->next)
		r = read_log(&in->doc, c, &in->logs[i++], err);
	return r;
}

/* First of all: what a later release adds must not look like damage. */
static int check_version(const struct trb_json *doc, trb_error **err)
{
	static const char family[] = "application/vnd.trustbuild.bundle.v";
	const cJSON *type = cJSON_IsObject(doc->root)
				    ? cJSON_GetObjectItemCaseSensitive(doc->root, "mediaType")
				    : NULL;

	if (!cJSON_IsString(type))
		return trb_json_fail(doc, doc->root, err, "not a bundle: needs the mediaType %s",
				     TRB_BUNDLE_TYPE);
	if (strcmp(type->valuestring, TRB_BUNDLE_TYPE) == 0)
		return TRB_OK;
	if (strcmp(type->valuestring, "application/vnd.trustbuild.bundle.v1+json") == 0)
		return trb_json_fail(doc, type, err,
				     "a bundle of version 1: version 1 was never released, build "
				     "again");
	if (strncmp(type->valuestring, family, sizeof(family) - 1) == 0)
		return trb_json_fail(doc, type, err,
				     "a bundle of version %.16s: needs a later release than this "
				     "one, which reads version 2",
				     type->valuestring + sizeof(family) - 1);
	return trb_json_fail(doc, type, err, "must be %s", TRB_BUNDLE_TYPE);
}

static int must_be_empty(const struct trb_json *doc, const cJSON *item, trb_error **err)
{
	return item->child == NULL ? TRB_OK
				   : trb_json_fail(doc, item->child, err,
						   "needs a later release than this one, which "
						   "cannot judge any");
}

/* null, until a later release gives it a meaning */
static int must_be_null(const struct trb_json *doc, const cJSON *item, trb_error **err)
{
	return cJSON_IsNull(item)
		       ? TRB_OK
		       : trb_json_fail(doc, item, err,
				       "needs a later release than this one, which cannot "
				       "judge it");
}

static int read_optional(struct reading *in, size_t i, const cJSON *item, trb_error **err)
{
	return cJSON_IsNull(item) ? TRB_OK : read_part(in, i, item, err);
}

static int read_bundle(struct reading *in, trb_error **err)
{
	static const struct trb_json_field fields[] = {
		{ "request", TRB_JSON_STRING, true },    { "environment", TRB_JSON_STRING, true },
		{ "artifacts", TRB_JSON_STRING, true },  { "attestation", TRB_JSON_STRING, true },
		{ "mediaType", TRB_JSON_STRING, true },  { "envelope", TRB_JSON_OBJECT, true },
		{ "log", TRB_JSON_ARRAY, true },         { "endorsements", TRB_JSON_ARRAY, true },
		{ "revocations", TRB_JSON_ARRAY, true }, { "materials", TRB_JSON_ANY, true },
		{ "contacts", TRB_JSON_ANY, true },      { "manifest", TRB_JSON_ANY, true },
	};
	const cJSON *v[12];
	int r = check_version(&in->doc, err);

	if (r == TRB_OK)
		r = TRB_JSON_RECORD(&in->doc, in->doc.root, fields, v, err);
	for (size_t i = 0; i < 4 && r == TRB_OK; i++)
		r = read_part(in, i, v[i], err);
	if (r == TRB_OK)
		r = read_optional(in, MATERIALS, v[9], err);
	for (size_t i = 10; i < 12 && r == TRB_OK; i++)
		r = must_be_null(&in->doc, v[i], err);
	if (r == TRB_OK)
		r = read_envelope(in, v[5], err);
	if (r == TRB_OK)
		r = read_logs(in, v[6], err);
	for (size_t i = 7; i < 9 && r == TRB_OK; i++)
		r = must_be_empty(&in->doc, v[i], err);
	return r;
}

int trb_bundle_parse(trb_bytes json, trb_bundle **ret_bundle, trb_error **err)
{
	_cleanup_(
		reading_clear) struct reading in = { .doc = { .what = "bundle", .check = CHECK } };
	int r = trb_json_load(&in.doc, json, TRB_BUNDLE_MAX, err);

	if (r == TRB_OK)
		r = read_bundle(&in, err);
	return r < 0 ? r : trb_bundle_new(&in.parts, ret_bundle, err);
}
