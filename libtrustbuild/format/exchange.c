/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP exchanges as frames (exchange.h). */
#include "format/exchange.h"

#include "core/error.h"
#include "format/fact_cbor.h"

enum { METHOD, URL, HEADERS, BODY, CEILING, TIMEOUT, CA_FILE, PROXY, REQUEST_FIELDS };
enum { CODE, TEXT, STATUS, ANSWER_HEADERS, ANSWER_BODY, ANSWER_FIELDS };

/* token = 1*tchar, RFC 9110 section 5.6.2 */
static bool is_token(trb_bytes text)
{
	static const char others[] = "!#$%&'*+-.^_`|~";

	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.ptr[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		      (c != 0 && strchr(others, c) != NULL)))
			return false;
	}
	return text.len > 0;
}

/* Visible characters, spaces and tabs: a value with a line's end would be two headers. */
static bool is_value(trb_bytes text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((text.ptr[i] < 0x20 && text.ptr[i] != '\t') || text.ptr[i] == 0x7f)
			return false;
	return text.len <= TRB_EXCHANGE_HEADER;
}

static bool is_url(trb_bytes url)
{
	static const char scheme[] = "https://";

	if (url.len <= sizeof(scheme) - 1 || url.len > TRB_EXCHANGE_URL ||
	    memcmp(url.ptr, scheme, sizeof(scheme) - 1) != 0)
		return false;
	for (size_t i = 0; i < url.len; i++)
		if (url.ptr[i] <= 0x20 || url.ptr[i] >= 0x7f)
			return false;
	return true;
}

static bool are_headers(const struct trb_http_header *headers, size_t n)
{
	if (n > TRB_EXCHANGE_HEADERS)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!is_token(headers[i].name) || !is_value(headers[i].value))
			return false;
	return true;
}

static const char *request_fault(const struct trb_http_request *r)
{
	if (!is_url(r->url))
		return "its URL is not https://… of at most 2,048 visible ASCII characters";
	if (!are_headers(r->headers, r->n_headers))
		return "a header is none of RFC 9110, or there are more than 64";
	if (r->body.len > TRB_EXCHANGE_SENT || (!r->post && r->body.len > 0))
		return "its body is larger than 1 MiB, or it is a GET";
	if (r->ceiling > TRB_EXCHANGE_BODY)
		return "it asks for more than 32 MiB";
	if (r->timeout_s < 1 || r->timeout_s > TRB_EXCHANGE_TIMEOUT_S)
		return "its time limit is not 1 to 3,600 seconds";
	if (!is_value(r->ca_file) || !is_value(r->proxy))
		return "the file of its certificates or its proxy has control characters";
	return NULL;
}

static void put_headers(struct trb_buf *b, const struct trb_http_header *headers, size_t n)
{
	trb_cbor_put_array(b, n);
	for (size_t i = 0; i < n; i++) {
		trb_cbor_put_array(b, 2);
		trb_cbor_put_bstr(b, headers[i].name);
		trb_cbor_put_bstr(b, headers[i].value);
	}
}

static int read_headers(const cbor_item_t *item, struct trb_http_header *ret, size_t *ret_n,
			trb_error **err)
{
	static const char what[] = "an exchange's headers";
	cbor_item_t **v, **pair;
	size_t n, two;
	int r = trb_cbor_array(item, 0, TRB_EXCHANGE_HEADERS, what, &v, &n, err);

	for (size_t i = 0; r == TRB_OK && i < n; i++) {
		r = trb_cbor_array(v[i], 2, 2, what, &pair, &two, err);
		if (r == TRB_OK)
			r = trb_cbor_bstr(pair[0], 1, TRB_EXCHANGE_HEADER, what, &ret[i].name, err);
		if (r == TRB_OK)
			r = trb_cbor_bstr(pair[1], 0, TRB_EXCHANGE_HEADER, what, &ret[i].value,
					  err);
	}
	if (r == TRB_OK && !are_headers(ret, n))
		r = trb_fail(err, TRB_E_FORMAT, "%s: one is none of RFC 9110", what);
	if (r == TRB_OK)
		*ret_n = n;
	return r;
}

int trb_http_request_encode(const struct trb_http_request *request, trb_blob **ret, trb_error **err)
{
	_cleanup_buf_ struct trb_buf b = { 0 };
	const char *fault = request_fault(request);

	if (fault != NULL)
		return trb_fail(err, TRB_E_INVAL, "the HTTP request: %s", fault);
	trb_buf_init(&b, TRB_EXCHANGE_REQUEST);
	trb_cbor_put_array(&b, REQUEST_FIELDS);
	trb_cbor_put_bool(&b, request->post);
	trb_cbor_put_bstr(&b, request->url);
	put_headers(&b, request->headers, request->n_headers);
	trb_cbor_put_bstr(&b, request->body);
	trb_cbor_put_uint(&b, request->ceiling);
	trb_cbor_put_uint(&b, request->timeout_s);
	trb_cbor_put_bstr(&b, request->ca_file);
	trb_cbor_put_bstr(&b, request->proxy);
	return trb_buf_to_blob(&b, "the HTTP request", ret, err);
}

static int read_request(cbor_item_t **v, struct trb_http_request *request, trb_error **err)
{
	static const char what[] = "the HTTP request";
	const char *fault;
	int r = trb_cbor_bool(v[METHOD], what, &request->post, err);

	if (r == TRB_OK)
		r = trb_cbor_bstr(v[URL], 1, TRB_EXCHANGE_URL, what, &request->url, err);
	if (r == TRB_OK)
		r = read_headers(v[HEADERS], request->headers, &request->n_headers, err);
	if (r == TRB_OK)
		r = trb_cbor_bstr(v[BODY], 0, TRB_EXCHANGE_SENT, what, &request->body, err);
	if (r == TRB_OK)
		r = trb_cbor_uint(v[CEILING], TRB_EXCHANGE_BODY, what, &request->ceiling, err);
	if (r == TRB_OK)
		r = trb_cbor_uint(v[TIMEOUT], TRB_EXCHANGE_TIMEOUT_S, what, &request->timeout_s,
				  err);
	if (r == TRB_OK)
		r = trb_cbor_bstr(v[CA_FILE], 0, TRB_EXCHANGE_HEADER, what, &request->ca_file, err);
	if (r == TRB_OK)
		r = trb_cbor_bstr(v[PROXY], 0, TRB_EXCHANGE_HEADER, what, &request->proxy, err);
	fault = r == TRB_OK ? request_fault(request) : NULL;
	return fault != NULL ? trb_fail(err, TRB_E_FORMAT, "%s: %s", what, fault) : r;
}

int trb_http_request_decode(trb_bytes in, struct trb_http_request *ret, trb_blob **ret_owner,
			    trb_error **err)
{
	_cleanup_cbor_ cbor_item_t *item = NULL;
	struct trb_http_request request = { .post = false };
	cbor_item_t **v;
	size_t n;
	int r = trb_fact_load(in, TRB_EXCHANGE_REQUEST, "the HTTP request", &item, err);

	if (r == TRB_OK)
		r = trb_cbor_array(item, REQUEST_FIELDS, REQUEST_FIELDS, "the HTTP request", &v, &n,
				   err);
	if (r == TRB_OK)
		r = read_request(v, &request, err);
	if (r == TRB_OK)
		r = trb_cbor_owner(in, &item, ret_owner, err);
	if (r == TRB_OK)
		*ret = request;
	return r;
}

int trb_http_answer_encode(const struct trb_http_answer *answer, trb_blob **ret, trb_error **err)
{
	_cleanup_buf_ struct trb_buf b = { 0 };

	trb_buf_init(&b, TRB_EXCHANGE_ANSWER);
	trb_cbor_put_array(&b, ANSWER_FIELDS);
	trb_cbor_put_int(&b, answer->code);
	trb_cbor_put_bstr(&b, answer->text);
	trb_cbor_put_uint(&b, answer->status);
	put_headers(&b, answer->headers, answer->n_headers);
	trb_cbor_put_bstr(&b, answer->body);
	return trb_buf_to_blob(&b, "the HTTP answer", ret, err);
}

static int read_answer(cbor_item_t **v, struct trb_http_answer *answer, trb_error **err)
{
	static const char what[] = "the HTTP answer";
	int r = trb_cbor_int(v[CODE], INT32_MIN, TRB_OK, what, &answer->code, err);

	if (r == TRB_OK)
		r = trb_cbor_bstr(v[TEXT], 0, TRB_EXCHANGE_HEADER, what, &answer->text, err);
	if (r == TRB_OK)
		r = trb_cbor_uint(v[STATUS], 999, what, &answer->status, err);
	if (r == TRB_OK)
		r = read_headers(v[ANSWER_HEADERS], answer->headers, &answer->n_headers, err);
	if (r == TRB_OK)
		r = trb_cbor_bstr(v[ANSWER_BODY], 0, TRB_EXCHANGE_BODY, what, &answer->body, err);
	if (r == TRB_OK && (answer->code == TRB_OK) != (answer->status >= 100))
		r = trb_fail(err, TRB_E_FORMAT, "%s has a status or a reason, and not both", what);
	return r;
}

int trb_http_answer_decode(trb_bytes in, struct trb_http_answer *ret, trb_blob **ret_owner,
			   trb_error **err)
{
	_cleanup_cbor_ cbor_item_t *item = NULL;
	struct trb_http_answer answer = { .code = TRB_OK };
	cbor_item_t **v;
	size_t n;
	int r = trb_fact_load(in, TRB_EXCHANGE_ANSWER, "the HTTP answer", &item, err);

	if (r == TRB_OK)
		r = trb_cbor_array(item, ANSWER_FIELDS, ANSWER_FIELDS, "the HTTP answer", &v, &n,
				   err);
	if (r == TRB_OK)
		r = read_answer(v, &answer, err);
	if (r == TRB_OK)
		r = trb_cbor_owner(in, &item, ret_owner, err);
	if (r == TRB_OK)
		*ret = answer;
	return r;
}

trb_bytes trb_http_answer_header(const struct trb_http_answer *answer, const char *name)
{
	for (size_t i = answer->n_headers; i-- > 0;)
		if (trb_bytes_eq_str(answer->headers[i].name, name))
			return answer->headers[i].value;
	return TRB_BYTES_NULL;
}
