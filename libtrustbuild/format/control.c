/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of the control stream and heads of files. */
#include "format/control.h"

#include "core/error.h"
#include "format/fact_cbor.h"

const char *trb_enclave_state_name(unsigned state)
{
	static const char *const names[] = { "READY", "FETCHING", "COMMITTED", "BUILDING",
					     "BUILT", "ATTESTED", "DONE",      "FAILED" };

	return state < sizeof(names) / sizeof(names[0]) ? names[state] : "?";
}

static int read_version(const cbor_item_t *body, struct trb_control *m, trb_error **err)
{
	return trb_cbor_uint(body, UINT32_MAX, "the version", &m->u.version, err);
}

static int read_request(const cbor_item_t *body, struct trb_control *m, trb_error **err)
{
	return trb_cbor_bstr(body, 1, TRB_REQUEST_MAX, "the request message", &m->u.bytes, err);
}

static int read_credential(const cbor_item_t *body, struct trb_control *m, trb_error **err)
{
	cbor_item_t **v;
	size_t n;
	int r = trb_cbor_array(body, 2, 2, "the credential", &v, &n, err);

	if (r == TRB_OK)
		r = trb_cbor_location(v[0], "the credential's prefix", &m->u.credential.prefix,
				      err);
	return r < 0 ? r
		     : trb_cbor_bstr(v[1], 1, TRB_CREDENTIAL_MAX, "the credential",
				     &m->u.credential.token, err);
}

/* What COMMITTED says of the source. */
static int read_committed(const cbor_item_t *body, struct trb_control *m, trb_error **err)
{
	cbor_item_t **v;
	size_t n;
	int r = trb_cbor_array(body, 3, 3, "the state's source", &v, &n, err);

	if (r == TRB_OK)
		r = trb_cbor_commit(v[0], "the state's commit", &m->u.state.commit, err);
	if (r == TRB_OK)
		r = trb_cbor_history(v[1], "the state's history", &m->u.state.history, err);
	return r < 0 ? r
		     : trb_cbor_location(v[2], "the state's location", &m->u.state.location, err);
}

static int read_state(const cbor_item_t *body, struct trb_control *m, trb_error **err)
{
	cbor_item_t **v;
	size_t n;
	int r = trb_cbor_array(body, 2, 2, "the state message", &v, &n, err);

	if (r == TRB_OK)
		r = trb_cbor_uint(v[0], TRB_STATE_FAILED, "the state", &m->u.state.state, err);
	if (r < 0)
		return r;
	if (m->u.state.state == TRB_STATE_READY)
		return trb_cbor_machine(v[1], "the state's machine", &m->u.state.machine, err);
	if (m->u.state.state == TRB_STATE_COMMITTED)
		return read_committed(v[1], m, err);
	return trb_cbor_is_null(v[1]) ? TRB_OK
				      : trb_fail(err, TRB_E_FORMAT,
						 "a state other than READY and COMMITTED carries "
						 "something");
}

static int read_progress(const cbor_item_t *body, struct trb_control *m, trb_error **err)
{
	cbor_item_t **v;
	size_t n;
	int r = trb_cbor_array(body, 2, 2, "the progress message", &v, &n, err);

	if (r == TRB_OK)
		r = trb_cbor_uint(v[0], TRB_STREAM_STDERR, "the progress stream",
				  &m->u.progress.stream, err);
	return r < 0 ? r
		     : trb_cbor_bstr(v[1], 0, TRB_CONTROL_CHUNK, "the progress text",
				     &m->u.progress.text, err);
}

static int read_result(const cbor_item_t *body, struct trb_control *m, trb_error **err)
{
	cbor_item_t **v;
	size_t n;
	int r = trb_cbor_array(body, 3, 3, "the result message", &v, &n, err);

	if (r == TRB_OK)
		r = trb_cbor_uint(v[0], TRB_PART_MATERIALS, "the result's part", &m->u.result.part,
				  err);
	if (r == TRB_OK)
		r = trb_cbor_bool(v[1], "the result's mark of the last piece", &m->u.result.last,
				  err);
	return r < 0 ? r
		     : trb_cbor_bstr(v[2], 0, TRB_CONTROL_CHUNK, "the result's bytes",
				     &m->u.result.bytes, err);
}

static int read_error(const cbor_item_t *body, struct trb_control *m, trb_error **err)
{
	cbor_item_t **v;
	size_t n;
	int r = trb_cbor_array(body, 3, 3, "the error message", &v, &n, err);

	if (r == TRB_OK)
		r = trb_cbor_int(v[0], INT32_MIN, -1, "the error's code", &m->u.error.code, err);
	if (r == TRB_OK)
		r = trb_cbor_tstr(v[1], 0, TRB_CONTROL_CHECK, "the error's check",
				  &m->u.error.check, err);
	return r < 0 ? r
		     : trb_cbor_bstr(v[2], 0, TRB_CONTROL_TEXT, "the error's text",
				     &m->u.error.text, err);
}

static int read_cancel(const cbor_item_t *body, struct trb_control *m, trb_error **err)
{
	(void)m;
	return trb_cbor_is_null(body)
		       ? TRB_OK
		       : trb_fail(err, TRB_E_FORMAT, "the cancel message's body is not null");
}

static const char *const host_limits[TRB_HOST_LIMITS] = { "object_bytes", "pack_bytes", "files",
							  "tree_bytes", "wall_s" };

const char *trb_host_limit_fault(trb_bytes name)
{
	for (size_t i = 0; i < TRB_HOST_LIMITS; i++)
		if (trb_bytes_eq_str(name, host_limits[i]))
			return NULL;
	return "a source has the limits object_bytes, pack_bytes, files, tree_bytes and wall_s";
}

static int read_limits(const cbor_item_t *body, struct trb_control *m, trb_error **err)
{
	static const char what[] = "the source's limits";
	int r = trb_cbor_limits(body, TRB_HOST_LIMITS, what, m->u.limits.limits, &m->u.limits.n,
				err);

	for (size_t i = 0; r == TRB_OK && i < m->u.limits.n; i++)
		r = trb_fact_fault(what, trb_host_limit_fault(m->u.limits.limits[i].name), err);
	return r;
}

static void put_version(struct trb_buf *b, const struct trb_control *m)
{
	trb_cbor_put_uint(b, m->u.version);
}

static void put_bytes(struct trb_buf *b, const struct trb_control *m)
{
	trb_cbor_put_bstr(b, m->u.bytes);
}

static void put_credential(struct trb_buf *b, const struct trb_control *m)
{
	trb_cbor_put_array(b, 2);
	trb_cbor_put_text_or_null(b, m->u.credential.prefix);
	trb_cbor_put_bstr(b, m->u.credential.token);
}

static void put_state(struct trb_buf *b, const struct trb_control *m)
{
	trb_cbor_put_array(b, 2);
	trb_cbor_put_uint(b, m->u.state.state);
	if (m->u.state.state == TRB_STATE_READY) {
		trb_cbor_put_machine(b, &m->u.state.machine);
	} else if (m->u.state.state == TRB_STATE_COMMITTED) {
		trb_cbor_put_array(b, 3);
		trb_cbor_put_commit(b, &m->u.state.commit);
		trb_cbor_put_history(b, &m->u.state.history);
		trb_cbor_put_text_or_null(b, m->u.state.location);
	} else {
		trb_cbor_put_null(b);
	}
}

static void put_progress(struct trb_buf *b, const struct trb_control *m)
{
	trb_cbor_put_array(b, 2);
	trb_cbor_put_uint(b, m->u.progress.stream);
	trb_cbor_put_bstr(b, m->u.progress.text);
}

static void put_result(struct trb_buf *b, const struct trb_control *m)
{
	trb_cbor_put_array(b, 3);
	trb_cbor_put_uint(b, m->u.result.part);
	trb_cbor_put_bool(b, m->u.result.last);
	trb_cbor_put_bstr(b, m->u.result.bytes);
}

static void put_error(struct trb_buf *b, const struct trb_control *m)
{
	trb_cbor_put_array(b, 3);
	trb_cbor_put_int(b, m->u.error.code);
	trb_cbor_put_tstr(b, m->u.error.check);
	trb_cbor_put_bstr(b, m->u.error.text);
}

static void put_cancel(struct trb_buf *b, const struct trb_control *m)
{
	(void)m;
	trb_cbor_put_null(b);
}

static void put_limits(struct trb_buf *b, const struct trb_control *m)
{
	struct trb_limit sorted[TRB_HOST_LIMITS];
	size_t n = m->u.limits.n < TRB_HOST_LIMITS ? m->u.limits.n : TRB_HOST_LIMITS;

	memcpy(sorted, m->u.limits.limits, sizeof(sorted));
	trb_limits_sort(sorted, n);
	trb_cbor_put_limits(b, sorted, n);
}

static const struct {
	int (*read)(const cbor_item_t *body, struct trb_control *m, trb_error **err);
	void (*put)(struct trb_buf *b, const struct trb_control *m);
} types[] = {
	[TRB_MSG_HELLO] = { read_version, put_version },
	[TRB_MSG_REQUEST] = { read_request, put_bytes },
	[TRB_MSG_CREDENTIAL] = { read_credential, put_credential },
	[TRB_MSG_STATE] = { read_state, put_state },
	[TRB_MSG_PROGRESS] = { read_progress, put_progress },
	[TRB_MSG_RESULT] = { read_result, put_result },
	[TRB_MSG_ERROR] = { read_error, put_error },
	[TRB_MSG_CANCEL] = { read_cancel, put_cancel },
	[TRB_MSG_LIMITS] = { read_limits, put_limits },
};

/* What no type of CBOR says. */
static int check(const struct trb_control *m, trb_error **err)
{
	if (m->type == TRB_MSG_RESULT && m->u.result.part < TRB_PART_ENVIRONMENT)
		return trb_fail(err, TRB_E_FORMAT, "the result's part is unknown");
	return TRB_OK;
}

static int read_message(const cbor_item_t *item, struct trb_control *m, trb_error **err)
{
	cbor_item_t **v;
	uint64_t type;
	size_t n;
	int r = trb_cbor_array(item, 2, 2, "the control message", &v, &n, err);

	if (r == TRB_OK)
		r = trb_cbor_uint(v[0], TRB_MSG_LIMITS, "the control message's type", &type, err);
	if (r < 0)
		return r;
	if (type < TRB_MSG_HELLO)
		return trb_fail(err, TRB_E_FORMAT, "the control message's type is unknown");
	m->type = (enum trb_control_type)type;
	r = types[type].read(v[1], m, err);
	return r < 0 ? r : check(m, err);
}

int trb_control_decode(trb_bytes in, struct trb_control *ret, trb_blob **ret_owner, trb_error **err)
{
	_cleanup_cbor_ cbor_item_t *item = NULL;
	struct trb_control m = { 0 };
	int r = trb_fact_load(in, TRB_FRAME_MAX, "the control message", &item, err);

	if (r == TRB_OK)
		r = read_message(item, &m, err);
	if (r == TRB_OK)
		r = trb_cbor_owner(in, &item, ret_owner, err);
	if (r == TRB_OK)
		*ret = m;
	return r;
}

int trb_control_encode(const struct trb_control *msg, trb_blob **ret, trb_error **err)
{
	_cleanup_cbor_ cbor_item_t *item = NULL;
	_cleanup_buf_ struct trb_buf b;
	struct trb_control again = { 0 };
	int r;

	trb_buf_init(&b, TRB_FRAME_MAX);
	if (msg->type < TRB_MSG_HELLO || msg->type > TRB_MSG_LIMITS)
		return trb_fail(err, TRB_E_INVAL, "no control message has type %d", msg->type);
	trb_cbor_put_array(&b, 2);
	trb_cbor_put_uint(&b, msg->type);
	types[msg->type].put(&b, msg);
	r = trb_buf_check(&b, "the control message", err);
	/* the peer's own rules: a message that it would refuse is not sent */
	if (r == TRB_OK)
		r = trb_fact_load(trb_buf_bytes(&b), TRB_FRAME_MAX, "the control message", &item,
				  err);
	if (r == TRB_OK)
		r = read_message(item, &again, err);
	return r < 0 ? r : trb_buf_to_blob(&b, "the control message", ret, err);
}

static int check_file_head(const struct trb_file_head *head, trb_error **err)
{
	if (head->kind > TRB_FILE_UNATTESTED)
		return trb_fail(err, TRB_E_FORMAT, "the file's kind is unknown");
	return trb_fact_fault("the file's name", trb_artifact_name_fault(head->name), err);
}

int trb_file_head_decode(trb_bytes in, struct trb_file_head *ret, trb_blob **ret_owner,
			 trb_error **err)
{
	_cleanup_cbor_ cbor_item_t *item = NULL;
	struct trb_file_head head;
	cbor_item_t **v;
	size_t n;
	int r = trb_fact_load(in, TRB_FILE_HEAD_MAX, "the file's head", &item, err);

	if (r == TRB_OK)
		r = trb_cbor_array(item, 3, 3, "the file's head", &v, &n, err);
	if (r == TRB_OK)
		r = trb_cbor_uint(v[0], TRB_FILE_UNATTESTED, "the file's kind", &head.kind, err);
	if (r == TRB_OK)
		r = trb_cbor_tstr(v[1], 1, TRB_ARTIFACT_NAME, "the file's name", &head.name, err);
	if (r == TRB_OK)
		r = trb_cbor_uint(v[2], UINT64_MAX, "the file's size", &head.size, err);
	if (r == TRB_OK)
		r = check_file_head(&head, err);
	if (r == TRB_OK)
		r = trb_cbor_owner(in, &item, ret_owner, err);
	if (r == TRB_OK)
		*ret = head;
	return r;
}

int trb_file_head_encode(const struct trb_file_head *head, trb_blob **ret, trb_error **err)
{
	_cleanup_buf_ struct trb_buf b;
	int r;

	trb_buf_init(&b, TRB_FILE_HEAD_MAX);
	r = check_file_head(head, err);
	if (r < 0)
		return r;
	trb_cbor_put_array(&b, 3);
	trb_cbor_put_uint(&b, head->kind);
	trb_cbor_put_tstr(&b, head->name);
	trb_cbor_put_uint(&b, head->size);
	return trb_buf_to_blob(&b, "the file's head", ret, err);
}
