/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of the control stream. */
#include "each.h"

#include "core/error.h"
#include "format/control.h"

static void check_message(const struct trb_control *m, const char *hex)
{
	_cleanup_(trb_blob_unrefp) trb_blob *blob = NULL;
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	char got[512];

	ck_status(trb_control_encode(m, &blob, &err), TRB_OK, err);
	ck_assert_uint_lt(trb_blob_bytes(blob).len, 256);
	trb_hex_encode(trb_blob_bytes(blob), got);
	ck_assert_str_eq(got, hex);
}

#define Z20 "0000000000000000000000000000000000000000"

START_TEST(bytes_of_every_type)
{
	struct trb_control m = { .type = TRB_MSG_HELLO, .u.version = 2 };

	check_message(&m, "820102");
	m = (struct trb_control){ .type = TRB_MSG_REQUEST, .u.bytes = TRB_BYTES_LIT("r") };
	check_message(&m, "82024172");
	m = (struct trb_control){ .type = TRB_MSG_CREDENTIAL,
				  .u.credential.token = TRB_BYTES_LIT("t") };
	check_message(&m, "820382f64174");
	m.u.credential.prefix = TRB_BYTES_LIT("https://e/r");
	check_message(&m, "8203826b68747470733a2f2f652f724174");
	m = (struct trb_control){ .type = TRB_MSG_STATE,
				  .u.state = { .state = TRB_STATE_READY,
					       .machine = { 2, 300, TRB_BYTES_LIT("m") } } };
	check_message(&m, "82048200830219012c616d");
	m = (struct trb_control){ .type = TRB_MSG_STATE, .u.state.state = TRB_STATE_DONE };
	check_message(&m, "82048206f6");
	m = (struct trb_control){ .type = TRB_MSG_STATE,
				  .u.state = { .state = TRB_STATE_COMMITTED,
					       .commit = { .algorithm = 1 } } };
	check_message(&m, "8204820283820154" Z20 "f6f6");
	m.u.state.history = (struct trb_history){ .there = true,
						  .tip = { .algorithm = 1 },
						  .relation = TRB_RELATION_FIRST_PARENT,
						  .steps = 3 };
	m.u.state.location = TRB_BYTES_LIT("https://e/r");
	check_message(&m, "8204820283820154" Z20 "84820154" Z20 "f601036b68747470733a2f2f652f72");
	m = (struct trb_control){ .type = TRB_MSG_PROGRESS,
				  .u.progress = { TRB_STREAM_STDERR, TRB_BYTES_LIT("\xff") } };
	check_message(&m, "8205820241ff");
	m = (struct trb_control){ .type = TRB_MSG_RESULT,
				  .u.result = { TRB_PART_SIGNATURE, true, TRB_BYTES_LIT("s") } };
	check_message(&m, "82068305f54173");
	m = (struct trb_control){ .type = TRB_MSG_ERROR,
				  .u.error = { TRB_E_ARTIFACT, TRB_BYTES_LIT("a.b"),
					       TRB_BYTES_LIT("x") } };
	check_message(&m, "8207833903ec63612e624178");
	m = (struct trb_control){ .type = TRB_MSG_CANCEL };
	check_message(&m, "8208f6");
	m = (struct trb_control){ .type = TRB_MSG_LIMITS,
				  .u.limits = { 1, { { TRB_BYTES_LIT("files"), 9 } } } };
	check_message(&m, "8209a16566696c657309");
}
END_TEST

START_TEST(encoder_sends_nothing_that_is_refused)
{
	static const uint8_t zeros[TRB_REQUEST_MAX];
	const struct trb_control bad[] = {
		{ .type = TRB_MSG_STATE, .u.state.state = TRB_STATE_COMMITTED },
		{ .type = TRB_MSG_STATE, .u.state.state = TRB_STATE_READY },
		{ .type = TRB_MSG_STATE, .u.state.state = 8 },
		{ .type = TRB_MSG_STATE,
		  .u.state = { .state = TRB_STATE_COMMITTED,
			       .commit = { .algorithm = 1 },
			       .history = { .there = true,
					    .tip = { .algorithm = 1 },
					    .steps = 1 } } },
		{ .type = TRB_MSG_REQUEST },
		{ .type = TRB_MSG_CREDENTIAL,
		  .u.credential.token = TRB_BYTES(zeros, TRB_CREDENTIAL_MAX + 1) },
		{ .type = TRB_MSG_CREDENTIAL,
		  .u.credential = { TRB_BYTES_LIT("http://e/r"), TRB_BYTES_LIT("t") } },
		{ .type = TRB_MSG_LIMITS, .u.limits = { 1, { { TRB_BYTES_LIT("depth"), 9 } } } },
		{ .type = TRB_MSG_PROGRESS,
		  .u.progress.text = TRB_BYTES(zeros, TRB_CONTROL_CHUNK + 1) },
		{ .type = TRB_MSG_RESULT },
		{ .type = TRB_MSG_RESULT, .u.result.part = 7 },
		{ .type = TRB_MSG_ERROR },
		{ .type = TRB_MSG_ERROR, .u.error = { TRB_E_IO, TRB_BYTES_LIT("\xff"), { 0 } } },
	};
	struct trb_control large = { .type = TRB_MSG_REQUEST,
				     .u.bytes = TRB_BYTES(zeros, TRB_FRAME_MAX) };
	trb_blob *blob = NULL;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(trb_control_encode(&bad[i], &blob, NULL) == TRB_E_FORMAT, "row %zu",
			      i);
	ck_assert_int_eq(trb_control_encode(&large, &blob, NULL), TRB_E_LIMIT);
	large.u.bytes.len = TRB_FRAME_MAX - 5; /* heads of 2 and 3 bytes */
	ck_assert_int_eq(trb_control_encode(&large, &blob, NULL), TRB_OK);
	ck_assert_uint_eq(trb_blob_bytes(blob).len, TRB_FRAME_MAX);
	trb_blob_unref(blob);
	large.type = 0;
	ck_assert_int_eq(trb_control_encode(&large, &blob, NULL), TRB_E_INVAL);
	large.type = 10;
	ck_assert_int_eq(trb_control_encode(&large, &blob, NULL), TRB_E_INVAL);
}
END_TEST

static int take(const char *name, trb_bytes in)
{
	_cleanup_(trb_blob_unrefp) trb_blob *owner = NULL;
	struct trb_control message;
	trb_blob *again = NULL;
	int r = trb_control_decode(in, &message, &owner, NULL);

	if (r < 0)
		return r;
	ck_assert_int_eq(trb_control_encode(&message, &again, NULL), TRB_OK);
	test_same(name, in, again);
	return TRB_OK;
}

START_TEST(vectors_of_control)
{
	test_each_vector("control", take);
}
END_TEST

static int take_file_head(const char *name, trb_bytes in)
{
	_cleanup_(trb_blob_unrefp) trb_blob *owner = NULL;
	struct trb_file_head head;
	trb_blob *again = NULL;
	int r = trb_file_head_decode(in, &head, &owner, NULL);

	if (r < 0)
		return r;
	ck_assert_int_eq(trb_file_head_encode(&head, &again, NULL), TRB_OK);
	test_same(name, in, again);
	return TRB_OK;
}

START_TEST(file_heads)
{
	const struct trb_file_head head = { TRB_FILE_UNATTESTED, TRB_BYTES_LIT("a/b"), 300 };
	struct trb_file_head bad = { 2, TRB_BYTES_LIT("a"), 1 };
	trb_blob *blob = NULL;

	ck_assert_int_eq(trb_file_head_encode(&head, &blob, NULL), TRB_OK);
	test_same("head",
		  TRB_BYTES_LIT("\x83\x01\x63"
				"a/b"
				"\x19\x01\x2c"),
		  blob);
	ck_assert_int_eq(trb_file_head_encode(&bad, &blob, NULL), TRB_E_FORMAT);
	bad = (struct trb_file_head){ 0, TRB_BYTES_LIT("../a"), 1 };
	ck_assert_int_eq(trb_file_head_encode(&bad, &blob, NULL), TRB_E_FORMAT);
	test_each_vector("file_head", take_file_head);
}
END_TEST

static int take_ask(const char *name, trb_bytes in)
{
	struct trb_content_ask ask;
	trb_blob *again = NULL;
	int r = trb_content_ask_decode(in, &ask, NULL);

	if (r < 0)
		return r;
	ck_assert_int_eq(trb_content_ask_encode(&ask, &again, NULL), TRB_OK);
	test_same(name, in, again);
	return TRB_OK;
}

static int take_answer(const char *name, trb_bytes in)
{
	struct trb_content_answer answer;
	trb_blob *again = NULL;
	int r = trb_content_answer_decode(in, &answer, NULL);

	if (r < 0)
		return r;
	ck_assert_int_eq(trb_content_answer_encode(&answer, &again, NULL), TRB_OK);
	test_same(name, in, again);
	return TRB_OK;
}

START_TEST(content)
{
	const struct trb_content_ask ask = { .ceiling = TRB_AMOUNT_MAX + 1 };
	const struct trb_content_answer answer = { true, TRB_AMOUNT_MAX + 1 };
	trb_blob *blob = NULL;

	ck_assert_int_eq(trb_content_ask_encode(&ask, &blob, NULL), TRB_E_FORMAT);
	ck_assert_int_eq(trb_content_answer_encode(&answer, &blob, NULL), TRB_E_FORMAT);
	test_each_vector("content_ask", take_ask);
	test_each_vector("content_answer", take_answer);
}
END_TEST

START_TEST(states_have_names)
{
	ck_assert_str_eq(trb_enclave_state_name(TRB_STATE_READY), "READY");
	ck_assert_str_eq(trb_enclave_state_name(TRB_STATE_FAILED), "FAILED");
	ck_assert_str_eq(trb_enclave_state_name(8), "?");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("control");
	TCase *tc = tcase_create("control");

	tcase_add_test(tc, bytes_of_every_type);
	tcase_add_test(tc, encoder_sends_nothing_that_is_refused);
	tcase_add_test(tc, vectors_of_control);
	tcase_add_test(tc, file_heads);
	tcase_add_test(tc, content);
	tcase_add_test(tc, states_have_names);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
