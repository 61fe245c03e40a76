/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP exchanges as frames between the library and tb-http. */
#include "each.h"

#include "core/cleanup.h"
#include "format/exchange.h"

static int take_request(const char *name, trb_bytes in)
{
	_cleanup_(trb_blob_unrefp) trb_blob *owner = NULL;
	struct trb_http_request request;
	trb_blob *again = NULL;
	int r = trb_http_request_decode(in, &request, &owner, NULL);

	if (r < 0)
		return r;
	ck_assert_int_eq(trb_http_request_encode(&request, &again, NULL), TRB_OK);
	test_same(name, in, again);
	return TRB_OK;
}

static int take_answer(const char *name, trb_bytes in)
{
	_cleanup_(trb_blob_unrefp) trb_blob *owner = NULL;
	struct trb_http_answer answer;
	trb_blob *again = NULL;
	int r = trb_http_answer_decode(in, &answer, &owner, NULL);

	if (r < 0)
		return r;
	ck_assert_int_eq(trb_http_answer_encode(&answer, &again, NULL), TRB_OK);
	test_same(name, in, again);
	return TRB_OK;
}

START_TEST(vectors_of_exchanges)
{
	test_each_vector("exchange/request", take_request);
	test_each_vector("exchange/answer", take_answer);
}
END_TEST

static const struct trb_http_request good = { .url = TRB_BYTES_LIT("https://log.example.org/add"),
					      .post = true,
					      .body = TRB_BYTES_LIT("leaf"),
					      .ceiling = 10,
					      .timeout_s = 20 };

static int encode(const struct trb_http_request *request)
{
	trb_blob *blob = NULL;
	int r = trb_http_request_encode(request, &blob, NULL);

	trb_blob_unref(blob);
	return r;
}

START_TEST(a_request_is_judged_before_it_is_sent)
{
	struct trb_http_request r = good;

	ck_assert_int_eq(encode(&r), TRB_OK);
	r.url = TRB_BYTES_LIT("http://log.example.org/add");
	ck_assert_int_eq(encode(&r), TRB_E_INVAL);
	r = good;
	r.post = false; /* a GET with a body */
	ck_assert_int_eq(encode(&r), TRB_E_INVAL);
	r = good;
	r.n_headers = 1;
	r.headers[0] = (struct trb_http_header){ TRB_BYTES_LIT("a"), TRB_BYTES_LIT("b\r\nc: d") };
	ck_assert_int_eq(encode(&r), TRB_E_INVAL);
	r.headers[0].value = TRB_BYTES_LIT("b");
	ck_assert_int_eq(encode(&r), TRB_OK);
	r.timeout_s = 0;
	ck_assert_int_eq(encode(&r), TRB_E_INVAL);
}
END_TEST

START_TEST(headers_are_found_by_name)
{
	struct trb_http_answer answer = { .n_headers = 2 };

	answer.headers[0] =
		(struct trb_http_header){ TRB_BYTES_LIT("retry-after"), TRB_BYTES_LIT("1") };
	answer.headers[1] =
		(struct trb_http_header){ TRB_BYTES_LIT("retry-after"), TRB_BYTES_LIT("2") };
	ck_assert(trb_bytes_eq_str(trb_http_answer_header(&answer, "retry-after"), "2"));
	ck_assert_uint_eq(trb_http_answer_header(&answer, "location").len, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("exchange");
	TCase *tc = tcase_create("exchange");

	tcase_add_test(tc, vectors_of_exchanges);
	tcase_add_test(tc, a_request_is_judged_before_it_is_sent);
	tcase_add_test(tc, headers_are_found_by_name);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
