/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and responses of the NSM. */
#include "format/nsm.h"

#include "core/error.h"
#include "format/cbor.h"

const char *trb_nsm_error_name(enum trb_nsm_error error)
{
	static const char *const names[] = {
		"Success",         "InvalidArgument", "InvalidIndex",
		"InvalidResponse", "ReadOnlyIndex",   "InvalidOperation",
		"BufferTooSmall",  "InputTooLarge",   "InternalError",
	};

	return (size_t)error < sizeof(names) / sizeof(names[0]) ? names[error] : "?";
}

static const char *op_name(enum trb_nsm_op op)
{
	static const char *const names[] = {
		[TRB_NSM_DESCRIBE_NSM] = "DescribeNSM", [TRB_NSM_GET_RANDOM] = "GetRandom",
		[TRB_NSM_DESCRIBE_PCR] = "DescribePCR", [TRB_NSM_EXTEND_PCR] = "ExtendPCR",
		[TRB_NSM_LOCK_PCR] = "LockPCR",         [TRB_NSM_LOCK_PCRS] = "LockPCRs",
		[TRB_NSM_ATTESTATION] = "Attestation",
	};

	return op >= TRB_NSM_DESCRIBE_NSM && op <= TRB_NSM_ATTESTATION ? names[op] : NULL;
}

/* The text of item, or an empty view. */
static trb_bytes text_of(const cbor_item_t *item)
{
	trb_bytes text = TRB_BYTES_NULL;

	trb_cbor_tstr(item, 0, SIZE_MAX, "text", &text, NULL);
	return text;
}

/* The value of a text key, or NULL. */
static cbor_item_t *find(const cbor_item_t *map, const char *key)
{
	struct cbor_pair *pairs;
	size_t n;

	if (trb_cbor_map(map, 0, SIZE_MAX, "map", &pairs, &n, NULL) < 0)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (trb_bytes_eq_str(text_of(pairs[i].key), key))
			return pairs[i].value;
	return NULL;
}

/* The one entry of a message {name: body}. */
static bool single(const cbor_item_t *item, trb_bytes *ret_name, cbor_item_t **ret_body)
{
	struct cbor_pair *pairs;
	size_t n;

	if (trb_cbor_map(item, 1, 1, "message", &pairs, &n, NULL) < 0)
		return false;
	*ret_name = text_of(pairs[0].key);
	*ret_body = pairs[0].value;
	return true;
}

static void put_index(struct trb_buf *b, const struct trb_nsm_request *req)
{
	trb_cbor_put_str(b, req->op == TRB_NSM_LOCK_PCRS ? "range" : "index");
	trb_cbor_put_uint(b, req->index);
}

static void put_nullable(struct trb_buf *b, const char *key, trb_bytes bytes)
{
	trb_cbor_put_str(b, key);
	if (bytes.ptr != NULL)
		trb_cbor_put_bstr(b, bytes);
	else
		trb_cbor_put_null(b);
}

int trb_nsm_request_encode(const struct trb_nsm_request *req, trb_blob **ret, trb_error **err)
{
	const char *name = op_name(req->op);
	_cleanup_buf_ struct trb_buf b;

	trb_buf_init(&b, TRB_NSM_REQUEST_MAX);
	if (name == NULL)
		return trb_fail(err, TRB_E_INVAL, "no NSM request has number %d", req->op);
	if (req->op != TRB_NSM_DESCRIBE_NSM && req->op != TRB_NSM_GET_RANDOM)
		trb_cbor_put_map(&b, 1);
	trb_cbor_put_str(&b, name);
	switch (req->op) {
	case TRB_NSM_DESCRIBE_NSM:
	case TRB_NSM_GET_RANDOM:
		break;
	case TRB_NSM_DESCRIBE_PCR:
	case TRB_NSM_LOCK_PCR:
	case TRB_NSM_LOCK_PCRS:
		trb_cbor_put_map(&b, 1);
		put_index(&b, req);
		break;
	case TRB_NSM_EXTEND_PCR:
		trb_cbor_put_map(&b, 2);
		put_index(&b, req);
		trb_cbor_put_str(&b, "data");
		trb_cbor_put_bstr(&b, req->data);
		break;
	case TRB_NSM_ATTESTATION:
		trb_cbor_put_map(&b, 3);
		put_nullable(&b, "user_data", req->user_data);
		put_nullable(&b, "nonce", req->nonce);
		put_nullable(&b, "public_key", req->public_key);
		break;
	}
	return trb_buf_to_blob(&b, "the NSM request", ret, err);
}

/* A byte string, or text taken as bytes, as the real NSM does. */
static bool read_bytes(const cbor_item_t *item, trb_bytes *ret)
{
	static const uint8_t nothing;

	if (item != NULL && cbor_isa_bytestring(item))
		*ret = TRB_BYTES(cbor_bytestring_handle(item), cbor_bytestring_length(item));
	else if (item != NULL && cbor_isa_string(item))
		*ret = TRB_BYTES(cbor_string_handle(item), cbor_string_length(item));
	else
		return false;
	if (ret->ptr == NULL)
		ret->ptr = &nothing; /* empty is not null */
	return true;
}

static bool read_nullable(const cbor_item_t *body, const char *key, trb_bytes *ret)
{
	const cbor_item_t *item = find(body, key);

	*ret = TRB_BYTES_NULL;
	return item == NULL || trb_cbor_is_null(item) || read_bytes(item, ret);
}

static bool read_index(const cbor_item_t *body, const char *key, uint64_t *ret)
{
	return trb_cbor_uint(find(body, key), UINT64_MAX, "index", ret, NULL) == TRB_OK;
}

static bool read_body(const cbor_item_t *body, struct trb_nsm_request *req)
{
	if (!cbor_isa_map(body))
		return false;
	switch (req->op) {
	case TRB_NSM_DESCRIBE_PCR:
	case TRB_NSM_LOCK_PCR:
		return read_index(body, "index", &req->index);
	case TRB_NSM_LOCK_PCRS:
		return read_index(body, "range", &req->index);
	case TRB_NSM_EXTEND_PCR:
		return read_index(body, "index", &req->index) &&
		       read_bytes(find(body, "data"), &req->data);
	case TRB_NSM_ATTESTATION:
		return read_nullable(body, "user_data", &req->user_data) &&
		       read_nullable(body, "nonce", &req->nonce) &&
		       read_nullable(body, "public_key", &req->public_key);
	default:
		return false;
	}
}

static bool read_request(const cbor_item_t *item, struct trb_nsm_request *req)
{
	trb_bytes name = text_of(item);
	cbor_item_t *body = NULL;

	if (cbor_isa_map(item) && !single(item, &name, &body))
		return false;
	for (int op = TRB_NSM_DESCRIBE_NSM; op <= TRB_NSM_ATTESTATION; op++) {
		if (!trb_bytes_eq_str(name, op_name(op)))
			continue;
		req->op = op;
		if (op == TRB_NSM_DESCRIBE_NSM || op == TRB_NSM_GET_RANDOM)
			return body == NULL;
		return body != NULL && read_body(body, req);
	}
	return false;
}

enum trb_nsm_error trb_nsm_request_decode(trb_bytes in, struct trb_nsm_request *ret,
					  trb_blob **ret_owner)
{
	_cleanup_cbor_ cbor_item_t *item = NULL;
	struct trb_nsm_request req = { 0 };
	int r;

	if (in.len > TRB_NSM_REQUEST_MAX)
		return TRB_NSM_INPUT_TOO_LARGE;
	r = trb_cbor_load(in, TRB_CBOR_NSM, "the NSM request", &item, NULL);
	if (r == TRB_E_NOMEM)
		return TRB_NSM_INTERNAL_ERROR;
	if (r < 0 || !read_request(item, &req))
		return TRB_NSM_INVALID_OPERATION;
	if (trb_cbor_owner(in, &item, ret_owner, NULL) < 0)
		return TRB_NSM_INTERNAL_ERROR;
	*ret = req;
	return TRB_NSM_SUCCESS;
}

/* The order of the keys is the one that the NSM's own library writes. */
static void put_description(struct trb_buf *b, const struct trb_nsm_response *rsp)
{
	trb_cbor_put_map(b, 7);
	trb_cbor_put_str(b, "version_major");
	trb_cbor_put_uint(b, rsp->version_major);
	trb_cbor_put_str(b, "version_minor");
	trb_cbor_put_uint(b, rsp->version_minor);
	trb_cbor_put_str(b, "version_patch");
	trb_cbor_put_uint(b, rsp->version_patch);
	trb_cbor_put_str(b, "module_id");
	trb_cbor_put_tstr(b, rsp->module_id);
	trb_cbor_put_str(b, "max_pcrs");
	trb_cbor_put_uint(b, rsp->max_pcrs);
	trb_cbor_put_str(b, "locked_pcrs");
	trb_cbor_put_array(b, (size_t)__builtin_popcount(rsp->locked_pcrs));
	for (unsigned i = 0; i < TRB_NSM_PCRS; i++)
		if (rsp->locked_pcrs >> i & 1)
			trb_cbor_put_uint(b, i);
	trb_cbor_put_str(b, "digest");
	trb_cbor_put_tstr(b, rsp->digest);
}

/* {key: data} */
static void put_data(struct trb_buf *b, const char *key, trb_bytes data)
{
	trb_cbor_put_map(b, 1);
	trb_cbor_put_str(b, key);
	trb_cbor_put_bstr(b, data);
}

static void put_response_body(struct trb_buf *b, const struct trb_nsm_response *rsp)
{
	switch (rsp->op) {
	case TRB_NSM_DESCRIBE_NSM:
		put_description(b, rsp);
		break;
	case TRB_NSM_GET_RANDOM:
		put_data(b, "random", rsp->data);
		break;
	case TRB_NSM_DESCRIBE_PCR:
		trb_cbor_put_map(b, 2);
		trb_cbor_put_str(b, "lock");
		trb_cbor_put_bool(b, rsp->lock);
		trb_cbor_put_str(b, "data");
		trb_cbor_put_bstr(b, rsp->data);
		break;
	case TRB_NSM_EXTEND_PCR:
		put_data(b, "data", rsp->data);
		break;
	case TRB_NSM_ATTESTATION:
		put_data(b, "document", rsp->data);
		break;
	default: /* LockPCR and LockPCRs are bare text */
		break;
	}
}

int trb_nsm_response_encode(const struct trb_nsm_response *rsp, trb_blob **ret, trb_error **err)
{
	const char *name = op_name(rsp->op);
	_cleanup_buf_ struct trb_buf b;

	trb_buf_init(&b, TRB_NSM_RESPONSE_MAX);
	if (rsp->error != TRB_NSM_SUCCESS) {
		trb_cbor_put_map(&b, 1);
		trb_cbor_put_str(&b, "Error");
		trb_cbor_put_str(&b, trb_nsm_error_name(rsp->error));
		return trb_buf_to_blob(&b, "the NSM response", ret, err);
	}
	if (name == NULL)
		return trb_fail(err, TRB_E_INVAL, "no NSM request has number %d", rsp->op);
	if (rsp->op != TRB_NSM_LOCK_PCR && rsp->op != TRB_NSM_LOCK_PCRS)
		trb_cbor_put_map(&b, 1);
	trb_cbor_put_str(&b, name);
	put_response_body(&b, rsp);
	return trb_buf_to_blob(&b, "the NSM response", ret, err);
}

static int read_error(const cbor_item_t *body, struct trb_nsm_response *rsp, trb_error **err)
{
	trb_bytes name;
	int r = trb_cbor_tstr(body, 1, 64, "the NSM's error", &name, err);

	if (r < 0)
		return r;
	for (int e = TRB_NSM_INVALID_ARGUMENT; e <= TRB_NSM_INTERNAL_ERROR; e++)
		if (trb_bytes_eq_str(name, trb_nsm_error_name(e))) {
			rsp->error = e;
			return TRB_OK;
		}
	return trb_fail(err, TRB_E_FORMAT, "the NSM answered with an unknown error");
}

static int read_locked(const cbor_item_t *item, struct trb_nsm_response *rsp, trb_error **err)
{
	cbor_item_t **items;
	uint64_t index;
	size_t n;
	int r = trb_cbor_array(item, 0, TRB_NSM_PCRS, "the NSM's locked PCRs", &items, &n, err);

	for (size_t i = 0; r == TRB_OK && i < n; i++) {
		r = trb_cbor_uint(items[i], TRB_NSM_PCRS - 1, "the NSM's locked PCR", &index, err);
		if (r == TRB_OK)
			rsp->locked_pcrs |= UINT32_C(1) << index;
	}
	return r;
}

static int read_description(const cbor_item_t *body, struct trb_nsm_response *rsp, trb_error **err)
{
	const struct {
		const char *key;
		uint64_t *ret;
	} numbers[] = {
		{ "version_major", &rsp->version_major },
		{ "version_minor", &rsp->version_minor },
		{ "version_patch", &rsp->version_patch },
		{ "max_pcrs", &rsp->max_pcrs },
	};
	int r = TRB_OK;

	for (size_t i = 0; r == TRB_OK && i < sizeof(numbers) / sizeof(numbers[0]); i++)
		r = trb_cbor_uint(find(body, numbers[i].key), UINT16_MAX, numbers[i].key,
				  numbers[i].ret, err);
	if (r == TRB_OK)
		r = trb_cbor_tstr(find(body, "module_id"), 1, 256, "the NSM's module_id",
				  &rsp->module_id, err);
	if (r == TRB_OK)
		r = trb_cbor_tstr(find(body, "digest"), 1, 16, "the NSM's digest", &rsp->digest,
				  err);
	return r < 0 ? r : read_locked(find(body, "locked_pcrs"), rsp, err);
}

static int read_response_body(const cbor_item_t *body, struct trb_nsm_response *rsp,
			      trb_error **err)
{
	int r;

	switch (rsp->op) {
	case TRB_NSM_DESCRIBE_NSM:
		return read_description(body, rsp, err);
	case TRB_NSM_GET_RANDOM:
		return trb_cbor_bstr(find(body, "random"), 1, 256, "the NSM's random bytes",
				     &rsp->data, err);
	case TRB_NSM_DESCRIBE_PCR:
		r = trb_cbor_bool(find(body, "lock"), "the PCR's lock", &rsp->lock, err);
		if (r < 0)
			return r;
		return trb_cbor_bstr(find(body, "data"), 32, 64, "the PCR's value", &rsp->data,
				     err);
	case TRB_NSM_EXTEND_PCR:
		return trb_cbor_bstr(find(body, "data"), 32, 64, "the PCR's value", &rsp->data,
				     err);
	case TRB_NSM_ATTESTATION:
		return trb_cbor_bstr(find(body, "document"), 1, TRB_NSM_RESPONSE_MAX,
				     "the attestation document", &rsp->data, err);
	default:
		return trb_fail(err, TRB_E_FORMAT, "the NSM's answer has a body");
	}
}

static int read_response(const cbor_item_t *item, struct trb_nsm_response *rsp, trb_error **err)
{
	trb_bytes name = text_of(item);
	cbor_item_t *body = NULL;

	if (cbor_isa_map(item) && !single(item, &name, &body))
		return trb_fail(err, TRB_E_FORMAT, "the NSM's answer has not one entry");
	if (body != NULL && trb_bytes_eq_str(name, "Error"))
		return read_error(body, rsp, err);
	if (!trb_bytes_eq_str(name, op_name(rsp->op)))
		return trb_fail(err, TRB_E_FORMAT, "the NSM's answer is none to %s",
				op_name(rsp->op));
	if (body != NULL)
		return read_response_body(body, rsp, err);
	if (rsp->op != TRB_NSM_LOCK_PCR && rsp->op != TRB_NSM_LOCK_PCRS)
		return trb_fail(err, TRB_E_FORMAT, "the NSM's answer has no body");
	return TRB_OK;
}

int trb_nsm_response_decode(trb_bytes in, enum trb_nsm_op op, struct trb_nsm_response *ret,
			    trb_blob **ret_owner, trb_error **err)
{
	_cleanup_cbor_ cbor_item_t *item = NULL;
	struct trb_nsm_response rsp = { .op = op };
	int r;

	if (op_name(op) == NULL)
		return trb_fail(err, TRB_E_INVAL, "no NSM request has number %d", op);
	if (in.len > TRB_NSM_RESPONSE_MAX)
		return trb_fail(err, TRB_E_LIMIT, "the NSM's answer has %zu bytes", in.len);
	r = trb_cbor_load(in, TRB_CBOR_NSM, "the NSM's answer", &item, err);
	if (r == TRB_OK)
		r = read_response(item, &rsp, err);
	if (r == TRB_OK)
		r = trb_cbor_owner(in, &item, ret_owner, err);
	if (r == TRB_OK)
		*ret = rsp;
	return r;
}
