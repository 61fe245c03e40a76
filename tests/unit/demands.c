/* SPDX-License-Identifier: Apache-2.0 */
/* What a caller demands of a bare document: each demand that holds beside each that does not, with
 * the check that says so. */
#include "forge.h"

#include <string.h>

#include "verifier/document.h"
#include "verifier/policy.h"

#define HOUR 3600u

static struct forge forge;
static trb_blob *document;
static trb_document_verifier *verifier;

static void set_up(void)
{
	forge_init(&forge);
	forge_make(&forge);
	document = forge_document(&forge);
	ck_assert_int_eq(trb_document_verifier_new(&verifier, NULL), TRB_OK);
	ck_assert_int_eq(
		trb_document_verifier_add_root(verifier, trb_blob_bytes(forge.der[0]), NULL),
		TRB_OK);
}

static void tear_down(void)
{
	trb_document_verifier_unref(verifier);
	trb_blob_unref(document);
	forge_clear(&forge);
}

/* check NULL: verified.  The report has the same outcome, and nothing after it was run. */
static void expect(int wanted, const char *check)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	_cleanup_(trb_blob_unrefp) trb_blob *report = NULL;
	int r = trb_document_verifier_check(verifier, trb_blob_bytes(document), NULL, NULL, &report,
					    &err);
	bool failed = false;
	cJSON *json, *row;

	ck_status(r, wanted, err);
	if (check != NULL)
		ck_assert_str_eq(trb_error_check(err), check);
	json = test_json_of(trb_blob_bytes(report));
	cJSON_ArrayForEach (row, cJSON_GetObjectItem(json, "checks")) {
		const char *id = cJSON_GetStringValue(cJSON_GetObjectItem(row, "id"));
		const char *outcome = cJSON_GetStringValue(cJSON_GetObjectItem(row, "outcome"));
		bool is_it = check != NULL && strcmp(id, check) == 0;

		if (failed)
			ck_assert_str_eq(outcome, "not-run");
		else
			ck_assert_msg((strcmp(outcome, "fail") == 0) == is_it, "%s: %s", id,
				      outcome);
		failed = failed || is_it;
	}
	ck_assert_int_eq(failed, check != NULL);
	cJSON_Delete(json);
}

START_TEST(a_document_of_the_future_is_refused)
{
	trb_document_verifier_set_time(verifier, FORGE_TIME);
	expect(TRB_OK, NULL);
	trb_document_verifier_set_time(verifier, FORGE_TIME - TRB_POLICY_AHEAD_S);
	expect(TRB_OK, NULL);
	trb_document_verifier_set_time(verifier, FORGE_TIME - TRB_POLICY_AHEAD_S - 1);
	expect(TRB_E_FRESHNESS, "document.time");
}
END_TEST

START_TEST(an_age_counts_from_the_callers_clock)
{
	static const struct {
		uint64_t now, age;
		bool good;
	} rows[] = {
		{ FORGE_TIME, 0, true },
		{ FORGE_TIME + 1, 0, false },
		{ FORGE_TIME + 1, 1, true },
		{ FORGE_TIME + 1000 * HOUR, 1000 * HOUR, true },
		{ FORGE_TIME + 1000 * HOUR, 1000 * HOUR - 1, false },
		{ FORGE_TIME, UINT64_MAX, true },
		{ FORGE_TIME - TRB_POLICY_AHEAD_S, UINT64_MAX, true },
		{ FORGE_TIME - TRB_POLICY_AHEAD_S - 1, UINT64_MAX, false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ck_assert_int_eq(
			trb_document_verifier_demand_age(verifier, rows[i].now, rows[i].age, NULL),
			TRB_OK);
		expect(rows[i].good ? TRB_OK : TRB_E_FRESHNESS,
		       rows[i].good ? NULL : "document.time");
		tear_down();
		set_up();
	}
}
END_TEST

START_TEST(both_times_bind)
{
	trb_document_verifier_set_time(verifier, FORGE_TIME - TRB_POLICY_AHEAD_S - 1);
	ck_assert_int_eq(trb_document_verifier_demand_age(verifier, FORGE_TIME, HOUR, NULL),
			 TRB_OK);
	expect(TRB_E_FRESHNESS, "document.time");
}
END_TEST

START_TEST(pcrs_are_compared_one_by_one)
{
	uint8_t value[TRB_SHA384_LEN];

	memset(value, 2, sizeof(value));
	ck_assert_int_eq(trb_document_verifier_demand_pcr(verifier, 1,
							  TRB_BYTES(value, sizeof(value)), NULL),
			 TRB_OK);
	expect(TRB_OK, NULL);
	value[47] ^= 1;
	ck_assert_int_eq(trb_document_verifier_demand_pcr(verifier, 0,
							  TRB_BYTES(value, sizeof(value)), NULL),
			 TRB_OK);
	expect(TRB_E_MEASUREMENT, "document.pcrs");
}
END_TEST

/* A PCR that the document does not list has no value, not even zero. */
START_TEST(an_absent_pcr_is_none)
{
	static const uint8_t zero[TRB_SHA384_LEN];
	trb_bytes value = TRB_BYTES(zero, sizeof(zero));

	ck_assert_int_eq(trb_document_verifier_demand_pcr(verifier, 15, value, NULL), TRB_OK);
	expect(TRB_OK, NULL);
	ck_assert_int_eq(trb_document_verifier_demand_pcr(verifier, 16, value, NULL), TRB_OK);
	expect(TRB_E_MEASUREMENT, "document.pcrs");
}
END_TEST

typedef int (*demand)(trb_document_verifier *v, trb_bytes value, trb_error **err);

static const struct field {
	demand demand;
	const char *name, *check;
	int code;
} fields[] = {
	{ trb_document_verifier_demand_nonce, "nonce", "document.nonce", TRB_E_FRESHNESS },
	{ trb_document_verifier_demand_user_data, "user_data", "document.data", TRB_E_CLAIM },
	{ trb_document_verifier_demand_public_key, "public_key", "document.key", TRB_E_CLAIM },
};

/* Gives the document this field, or null. */
static void put_field(const char *name, const char *value)
{
	struct trb_buf *b = forge_field(&forge, name);

	if (value == NULL)
		trb_cbor_put_null(b);
	else
		trb_cbor_put_bstr(b, trb_bytes_str(value));
	trb_blob_unref(document);
	document = forge_document(&forge);
}

START_TEST(a_field_is_compared_byte_for_byte)
{
	static const char twice[] = "0123456789012345678901234567890123456789";
	static const struct {
		const char *wanted, *found;
	} rows[] = {
		{ "value", "value" },
		{ "", "" },
		{ "value", "valu" },
		{ "valu", "value" },
		{ "", NULL },
		{ "value", NULL },
		{ "", "value" },
		{ twice, twice },
		{ twice, "0123456789012345678901234567890123456780" },
	};
	const struct field *f = &fields[_i];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool good = rows[i].found != NULL && strcmp(rows[i].wanted, rows[i].found) == 0;

		put_field(f->name, rows[i].found);
		ck_assert_int_eq(f->demand(verifier, trb_bytes_str(rows[i].wanted), NULL), TRB_OK);
		expect(good ? TRB_OK : f->code, good ? NULL : f->check);
		tear_down();
		set_up();
	}
}
END_TEST

START_TEST(nonsense_is_no_demand)
{
	static const uint8_t much[1025];
	trb_bytes pcr = TRB_BYTES(much, TRB_SHA384_LEN);
	trb_document_verifier *v = verifier;

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		ck_assert_int_eq(fields[i].demand(NULL, TRB_BYTES_NULL, NULL), TRB_E_INVAL);
		ck_assert_int_eq(fields[i].demand(v, TRB_BYTES(much, 1025), NULL), TRB_E_INVAL);
		ck_assert_int_eq(fields[i].demand(v, TRB_BYTES(much, 1024), NULL), TRB_OK);
		ck_assert_int_eq(fields[i].demand(v, TRB_BYTES(much, 1024), NULL), TRB_E_INVAL);
	}
	ck_assert_int_eq(trb_document_verifier_demand_pcr(NULL, 0, pcr, NULL), TRB_E_INVAL);
	ck_assert_int_eq(trb_document_verifier_demand_pcr(v, 32, pcr, NULL), TRB_E_INVAL);
	ck_assert_int_eq(trb_document_verifier_demand_pcr(v, 0, TRB_BYTES(much, 32), NULL),
			 TRB_E_INVAL);
	ck_assert_int_eq(trb_document_verifier_demand_pcr(v, 0, pcr, NULL), TRB_OK);
	ck_assert_int_eq(trb_document_verifier_demand_pcr(v, 0, pcr, NULL), TRB_E_INVAL);
	ck_assert_int_eq(trb_document_verifier_demand_age(NULL, 1, 1, NULL), TRB_E_INVAL);
	ck_assert_int_eq(trb_document_verifier_demand_age(v, 0, 1, NULL), TRB_E_INVAL);
	ck_assert_int_eq(trb_document_verifier_demand_age(v, (uint64_t)-1, 1, NULL), TRB_E_INVAL);
	ck_assert_int_eq(trb_document_verifier_demand_age(v, 1, 1, NULL), TRB_OK);
	ck_assert_int_eq(trb_document_verifier_demand_age(v, 1, 1, NULL), TRB_E_INVAL);
}
END_TEST

/* The reason names the form, and what is no text keeps its own. */
START_TEST(other_forms_of_a_document_are_told)
{
	static const struct {
		const char *text, *told;
	} rows[] = {
		{ "hEShATgioFkQ\nhEShATgi==\n", "looks like base64:" },
		{ "0oREoQE4IqBZ", "looks like base64:" },
		{ "hEShATgioFkQ_-", "looks like base64url:" },
		{ "8444A1013822A0\n", "looks like hexadecimal digits" },
		{ "d28444a1013822a0", "looks like hexadecimal digits" },
		{ "{\"mediaType\": 1}", "looks like JSON" },
		{ "hello, world", NULL },
		{ "84!", NULL },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_(trb_error_unrefp) trb_error *err = NULL;
		trb_attestation *a = NULL;
		const char *said;

		ck_assert_int_eq(trb_attestation_parse(trb_bytes_str(rows[i].text), &a, &err),
				 TRB_E_FORMAT);
		ck_assert_str_eq(trb_error_check(err), "document.parse");
		said = trb_error_message(trb_error_cause(err));
		if (rows[i].told != NULL)
			ck_assert_msg(strstr(said, rows[i].told) != NULL, "%s", said);
		else
			ck_assert_msg(strstr(said, "looks like") == NULL, "%s", said);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("demands");
	TCase *tcase = tcase_create("demands");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, a_document_of_the_future_is_refused);
	tcase_add_test(tcase, an_age_counts_from_the_callers_clock);
	tcase_add_test(tcase, both_times_bind);
	tcase_add_test(tcase, pcrs_are_compared_one_by_one);
	tcase_add_test(tcase, an_absent_pcr_is_none);
	tcase_add_loop_test(tcase, a_field_is_compared_byte_for_byte, 0,
			    sizeof(fields) / sizeof(fields[0]));
	tcase_add_test(tcase, nonsense_is_no_demand);
	tcase_add_test(tcase, other_forms_of_a_document_are_told);
	suite_add_tcase(suite, tcase);
	return test_run(suite);
}
