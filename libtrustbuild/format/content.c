/* SPDX-License-Identifier: Apache-2.0 */
/* What the enclave asks the host for by its digest, and what the host answers. */
#include "core/error.h"
#include "format/control.h"
#include "format/fact_cbor.h"

int trb_content_ask_decode(trb_bytes in, struct trb_content_ask *ret, trb_error **err)
{
	static const char what[] = "the question for content";
	_cleanup_cbor_ cbor_item_t *item = NULL;
	struct trb_content_ask ask;
	cbor_item_t **v;
	size_t n;
	int r = trb_fact_load(in, TRB_CONTENT_ASK_MAX, what, &item, err);

	if (r == TRB_OK)
		r = trb_cbor_array(item, 2, 2, what, &v, &n, err);
	if (r == TRB_OK)
		r = trb_cbor_copy(v[0], ask.sha256, 32, what, err);
	if (r == TRB_OK)
		r = trb_cbor_uint(v[1], TRB_AMOUNT_MAX, what, &ask.ceiling, err);
	if (r == TRB_OK)
		*ret = ask;
	return r;
}

int trb_content_ask_encode(const struct trb_content_ask *ask, trb_blob **ret, trb_error **err)
{
	_cleanup_buf_ struct trb_buf b;

	trb_buf_init(&b, TRB_CONTENT_ASK_MAX);
	if (ask->ceiling > TRB_AMOUNT_MAX)
		return trb_fail(err, TRB_E_FORMAT, "no content has more than 2^53 bytes");
	trb_cbor_put_array(&b, 2);
	trb_cbor_put_bstr(&b, TRB_BYTES(ask->sha256, 32));
	trb_cbor_put_uint(&b, ask->ceiling);
	return trb_buf_to_blob(&b, "the question for content", ret, err);
}

int trb_content_answer_decode(trb_bytes in, struct trb_content_answer *ret, trb_error **err)
{
	static const char what[] = "the answer about content";
	_cleanup_cbor_ cbor_item_t *item = NULL;
	struct trb_content_answer answer = { 0 };
	cbor_item_t **v;
	size_t n;
	int r = trb_fact_load(in, TRB_CONTENT_ANSWER_MAX, what, &item, err);

	if (r == TRB_OK)
		r = trb_cbor_array(item, 1, 1, what, &v, &n, err);
	if (r < 0)
		return r;
	answer.there = !trb_cbor_is_null(v[0]);
	if (answer.there)
		r = trb_cbor_uint(v[0], TRB_AMOUNT_MAX, what, &answer.size, err);
	if (r == TRB_OK)
		*ret = answer;
	return r;
}

int trb_content_answer_encode(const struct trb_content_answer *answer, trb_blob **ret,
			      trb_error **err)
{
	_cleanup_buf_ struct trb_buf b;

	trb_buf_init(&b, TRB_CONTENT_ANSWER_MAX);
	if (answer->there && answer->size > TRB_AMOUNT_MAX)
		return trb_fail(err, TRB_E_FORMAT, "no content has more than 2^53 bytes");
	trb_cbor_put_array(&b, 1);
	if (answer->there)
		trb_cbor_put_uint(&b, answer->size);
	else
		trb_cbor_put_null(&b);
	return trb_buf_to_blob(&b, "the answer about content", ret, err);
}
