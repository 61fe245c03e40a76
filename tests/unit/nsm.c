/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and responses of the NSM. */
#include "each.h"

#include <cjson/cJSON.h>

#include "core/error.h"
#include "format/nsm.h"

/* Hand-written rows: what a real NSM's own library writes (docs/spec/nsm.md). */
static const struct {
	struct trb_nsm_request req;
	const char *hex;
} requests[] = {
	{ { .op = TRB_NSM_DESCRIBE_NSM }, "6b44657363726962654e534d" },
	{ { .op = TRB_NSM_GET_RANDOM }, "6947657452616e646f6d" },
	{ { .op = TRB_NSM_DESCRIBE_PCR, .index = 0 },
	  "a16b4465736372696265504352a165696e64657800" },
	{ { .op = TRB_NSM_EXTEND_PCR, .index = 16, .data = TRB_BYTES_LIT("ab") },
	  "a169457874656e64504352a265696e6465781064646174614261"
	  "62" },
	{ { .op = TRB_NSM_EXTEND_PCR, .index = 16, .data = TRB_BYTES_LIT("") },
	  "a169457874656e64504352a265696e64657810646461746140" },
	{ { .op = TRB_NSM_LOCK_PCR, .index = 16 }, "a1674c6f636b504352a165696e64657810" },
	{ { .op = TRB_NSM_LOCK_PCRS, .index = 20 }, "a1684c6f636b50435273a16572616e676514" },
	{ { .op = TRB_NSM_ATTESTATION },
	  "a16b4174746573746174696f6ea369757365725f64617461f6656e6f6e6365f66a7075626c69635f6b6579f"
	  "6" },
	{ { .op = TRB_NSM_ATTESTATION,
	    .user_data = TRB_BYTES_LIT("\xaa"),
	    .nonce = TRB_BYTES_LIT(""),
	    .public_key = TRB_BYTES_LIT("\xcc") },
	  "a16b4174746573746174696f6ea369757365725f6461746141aa656e6f6e6365406a7075626c69635f6b6579"
	  "41cc" },
};

static bool same_bytes(trb_bytes a, trb_bytes b)
{
	return (a.ptr == NULL) == (b.ptr == NULL) && trb_bytes_eq(a, b);
}

START_TEST(requests_both_ways)
{
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		const struct trb_nsm_request *req = &requests[i].req;
		_cleanup_(trb_blob_unrefp) trb_blob *blob = NULL, *owner = NULL;
		struct trb_nsm_request again;
		char hex[256];

		ck_assert_int_eq(trb_nsm_request_encode(req, &blob, NULL), TRB_OK);
		trb_hex_encode(trb_blob_bytes(blob), hex);
		ck_assert_str_eq(hex, requests[i].hex);
		ck_assert_int_eq(trb_nsm_request_decode(trb_blob_bytes(blob), &again, &owner),
				 TRB_NSM_SUCCESS);
		ck_assert(again.op == req->op && again.index == req->index);
		ck_assert(same_bytes(again.data, req->data));
		ck_assert(same_bytes(again.user_data, req->user_data));
		ck_assert(same_bytes(again.nonce, req->nonce));
		ck_assert(same_bytes(again.public_key, req->public_key));
	}
}
END_TEST

START_TEST(spellings_that_a_real_nsm_takes)
{
	/* data as text, keys out of order, one key more: {"ExtendPCR": {"data": "a\0", "x": 1,
	 * "index": 3}} */
	static const uint8_t bytes[] = "\xa1\x69"
				       "ExtendPCR\xa3\x64"
				       "data\x62"
				       "a\0\x61x\x01\x65index\x03";
	struct trb_nsm_request req;
	trb_blob *owner = NULL;

	ck_assert_int_eq(trb_nsm_request_decode(TRB_BYTES(bytes, sizeof(bytes) - 1), &req, &owner),
			 TRB_NSM_SUCCESS);
	ck_assert(req.op == TRB_NSM_EXTEND_PCR && req.index == 3);
	ck_assert(trb_bytes_eq(req.data, TRB_BYTES("a\0", 2)));
	trb_blob_unref(owner);
}
END_TEST

START_TEST(request_limits)
{
	static uint8_t data[TRB_NSM_REQUEST_MAX + 1];
	struct trb_nsm_request req = { .op = TRB_NSM_EXTEND_PCR,
				       .data = TRB_BYTES(data, TRB_NSM_REQUEST_MAX - 26) };
	trb_blob *blob = NULL, *owner = NULL;

	ck_assert_int_eq(trb_nsm_request_encode(&req, &blob, NULL), TRB_E_LIMIT);
	req.data.len -= 1;
	ck_assert_int_eq(trb_nsm_request_encode(&req, &blob, NULL), TRB_OK);
	ck_assert_uint_eq(trb_blob_bytes(blob).len, TRB_NSM_REQUEST_MAX);
	trb_blob_unref(blob);
	ck_assert_int_eq(trb_nsm_request_decode(TRB_BYTES(data, sizeof(data)), &req, &owner),
			 TRB_NSM_INPUT_TOO_LARGE);
	ck_assert_int_eq(trb_nsm_request_decode(TRB_BYTES(data, sizeof(data) - 1), &req, &owner),
			 TRB_NSM_INVALID_OPERATION);
	req.op = 0;
	ck_assert_int_eq(trb_nsm_request_encode(&req, &blob, NULL), TRB_E_INVAL);
}
END_TEST

static void check_response(const struct trb_nsm_response *rsp, const char *hex)
{
	_cleanup_(trb_blob_unrefp) trb_blob *blob = NULL, *owner = NULL;
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	struct trb_nsm_response again;
	char got[512];

	ck_assert_int_eq(trb_nsm_response_encode(rsp, &blob, NULL), TRB_OK);
	trb_hex_encode(trb_blob_bytes(blob), got);
	ck_assert_str_eq(got, hex);
	ck_status(trb_nsm_response_decode(trb_blob_bytes(blob), rsp->op, &again, &owner, &err),
		  TRB_OK, err);
	ck_assert(again.error == rsp->error && again.lock == rsp->lock);
	ck_assert(again.max_pcrs == rsp->max_pcrs && again.locked_pcrs == rsp->locked_pcrs);
	ck_assert(trb_bytes_eq(again.data, rsp->data));
	ck_assert(trb_bytes_eq(again.module_id, rsp->module_id));
}

#define PCR "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

START_TEST(responses_both_ways)
{
	struct trb_nsm_response rsp = { .op = TRB_NSM_LOCK_PCR };
	uint8_t pcr[32];

	for (size_t i = 0; i < sizeof(pcr); i++)
		pcr[i] = (uint8_t)i;
	check_response(&rsp, "674c6f636b504352");
	rsp.op = TRB_NSM_LOCK_PCRS;
	check_response(&rsp, "684c6f636b50435273");
	rsp.error = TRB_NSM_READ_ONLY_INDEX;
	check_response(&rsp, "a1654572726f726d526561644f6e6c79496e646578");
	rsp.error = TRB_NSM_INVALID_OPERATION;
	check_response(&rsp, "a1654572726f7270496e76616c69644f7065726174696f6e");
	rsp = (struct trb_nsm_response){ .op = TRB_NSM_DESCRIBE_PCR,
					 .lock = true,
					 .data = TRB_BYTES(pcr, 32) };
	check_response(&rsp, "a16b4465736372696265504352a2646c6f636bf564646174615820" PCR);
	rsp = (struct trb_nsm_response){ .op = TRB_NSM_EXTEND_PCR, .data = TRB_BYTES(pcr, 32) };
	check_response(&rsp, "a169457874656e64504352a164646174615820" PCR);
	rsp = (struct trb_nsm_response){ .op = TRB_NSM_GET_RANDOM, .data = TRB_BYTES(pcr, 2) };
	check_response(&rsp, "a16947657452616e646f6da16672616e646f6d420001");
	rsp = (struct trb_nsm_response){ .op = TRB_NSM_ATTESTATION, .data = TRB_BYTES(pcr, 1) };
	check_response(&rsp, "a16b4174746573746174696f6ea168646f63756d656e744100");
	rsp = (struct trb_nsm_response){ .op = TRB_NSM_DESCRIBE_NSM,
					 .version_major = 1,
					 .max_pcrs = 32,
					 .module_id = TRB_BYTES_LIT("i-1"),
					 .digest = TRB_BYTES_LIT("SHA384"),
					 .locked_pcrs = 0x80010001 };
	check_response(&rsp,
		       "a16b44657363726962654e534da76d76657273696f6e5f6d616a6f72016d766572736"
		       "96f6e5f6d696e6f72006d76657273696f6e5f706174636800696d6f64756c655f69646"
		       "3692d31686d61785f706372731820"
		       "6b6c6f636b65645f70637273830010181f66646967657374665348413338"
		       "34");
}
END_TEST

/* Every hexadecimal request of other people's file decodes, and encodes to the same bytes. */
START_TEST(foreign_vectors)
{
	const char *folder = test_vectors();
	const cJSON *entry;
	cJSON *root;
	size_t n = 0;

	if (folder == NULL)
		return;
	root = test_json(test_path(folder, "nsm/nsm_vectors.json"));
	cJSON_ArrayForEach (entry, cJSON_GetObjectItemCaseSensitive(root, "requests")) {
		_cleanup_(trb_blob_unrefp) trb_blob *owner = NULL;
		trb_blob *again = NULL;
		struct trb_nsm_request req;
		uint8_t bytes[TRB_NSM_REQUEST_MAX];
		size_t len = strlen(entry->valuestring) / 2;

		ck_assert(len <= sizeof(bytes) &&
			  trb_hex_decode(trb_bytes_str(entry->valuestring), bytes, len));
		ck_assert_msg(trb_nsm_request_decode(TRB_BYTES(bytes, len), &req, &owner) ==
				      TRB_NSM_SUCCESS,
			      "%s", entry->string);
		ck_assert_int_eq(trb_nsm_request_encode(&req, &again, NULL), TRB_OK);
		test_same(entry->string, TRB_BYTES(bytes, len), again);
		n++;
	}
	ck_assert_uint_gt(n, 0);
	cJSON_Delete(root);
}
END_TEST

/* The op that a foreign response answers, by the first word of its name; an error answers any. */
static enum trb_nsm_op op_of(const char *name)
{
	static const char *const ops[] = {
		[TRB_NSM_DESCRIBE_NSM] = "DescribeNSM", [TRB_NSM_GET_RANDOM] = "GetRandom",
		[TRB_NSM_DESCRIBE_PCR] = "DescribePCR", [TRB_NSM_EXTEND_PCR] = "ExtendPCR",
		[TRB_NSM_LOCK_PCR] = "LockPCR",         [TRB_NSM_LOCK_PCRS] = "LockPCRs",
		[TRB_NSM_ATTESTATION] = "Attestation",
	};
	size_t n = strcspn(name, " {");

	for (enum trb_nsm_op op = TRB_NSM_DESCRIBE_NSM; op <= TRB_NSM_ATTESTATION; op++)
		if (strlen(ops[op]) == n && strncmp(name, ops[op], n) == 0)
			return op;
	ck_assert_msg(strncmp(name, "Error ", 6) == 0, "'%s' answers no request", name);
	return TRB_NSM_LOCK_PCR;
}

START_TEST(foreign_responses)
{
	const char *folder = test_vectors();
	const cJSON *entry;
	cJSON *root;
	size_t n = 0;

	if (folder == NULL)
		return;
	root = test_json(test_path(folder, "nsm/nsm_vectors.json"));
	cJSON_ArrayForEach (entry, cJSON_GetObjectItemCaseSensitive(root, "responses")) {
		_cleanup_(trb_blob_unrefp) trb_blob *owner = NULL;
		trb_blob *again = NULL;
		struct trb_nsm_response rsp;
		uint8_t bytes[TRB_NSM_RESPONSE_MAX];
		size_t len = strlen(entry->valuestring) / 2;

		/* a row whose digits are uneven is no message */
		if (len > sizeof(bytes) ||
		    !trb_hex_decode(trb_bytes_str(entry->valuestring), bytes, len))
			ck_abort_msg("%s is not hexadecimal", entry->string);
		ck_assert_msg(trb_nsm_response_decode(TRB_BYTES(bytes, len), op_of(entry->string),
						      &rsp, &owner, NULL) == TRB_OK,
			      "%s", entry->string);
		ck_assert_msg(strncmp(entry->string, "Error ", 6) != 0 ||
				      strcmp(entry->string + 6, trb_nsm_error_name(rsp.error)) == 0,
			      "%s", entry->string);
		ck_assert_int_eq(trb_nsm_response_encode(&rsp, &again, NULL), TRB_OK);
		test_same(entry->string, TRB_BYTES(bytes, len), again);
		n++;
	}
	ck_assert_uint_gt(n, 0);
	cJSON_Delete(root);
}
END_TEST

static int take_request(const char *name, trb_bytes in)
{
	_cleanup_(trb_blob_unrefp) trb_blob *owner = NULL;
	struct trb_nsm_request req;
	enum trb_nsm_error e = trb_nsm_request_decode(in, &req, &owner);

	if (e == TRB_NSM_SUCCESS)
		return TRB_OK;
	ck_assert_msg(e == (strcmp(name, "n_too_large.cbor") == 0 ? TRB_NSM_INPUT_TOO_LARGE
								  : TRB_NSM_INVALID_OPERATION),
		      "%s: %s", name, trb_nsm_error_name(e));
	return TRB_E_FORMAT;
}

/* y_OP_what.cbor and n_OP_what.cbor */
static int take_response(const char *name, trb_bytes in)
{
	static const struct {
		const char *name;
		enum trb_nsm_op op;
	} ops[] = {
		{ "DescribeNSM_", TRB_NSM_DESCRIBE_NSM }, { "GetRandom_", TRB_NSM_GET_RANDOM },
		{ "DescribePCR_", TRB_NSM_DESCRIBE_PCR }, { "ExtendPCR_", TRB_NSM_EXTEND_PCR },
		{ "LockPCR_", TRB_NSM_LOCK_PCR },         { "LockPCRs_", TRB_NSM_LOCK_PCRS },
		{ "Attestation_", TRB_NSM_ATTESTATION },
	};
	_cleanup_(trb_blob_unrefp) trb_blob *owner = NULL;
	struct trb_nsm_response rsp;

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		if (strncmp(name + 2, ops[i].name, strlen(ops[i].name)) == 0)
			return trb_nsm_response_decode(in, ops[i].op, &rsp, &owner, NULL);
	ck_abort_msg("%s names no operation", name);
	return TRB_E_INVAL;
}

START_TEST(vectors_of_the_nsm)
{
	test_each_vector("nsm/request", take_request);
	test_each_vector("nsm/response", take_response);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("nsm");
	TCase *tc = tcase_create("nsm");

	tcase_add_test(tc, requests_both_ways);
	tcase_add_test(tc, spellings_that_a_real_nsm_takes);
	tcase_add_test(tc, request_limits);
	tcase_add_test(tc, responses_both_ways);
	tcase_add_test(tc, foreign_vectors);
	tcase_add_test(tc, foreign_responses);
	tcase_add_test(tc, vectors_of_the_nsm);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
