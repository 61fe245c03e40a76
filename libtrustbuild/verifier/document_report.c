/* SPDX-License-Identifier: Apache-2.0 */
/* A bare document's report: every check with its outcome, and what a good one says, as JSON. */
#include <stdio.h>

#include "format/json.h"
#include "verifier/document.h"

#define REPORT_MAX (64u * 1024)

/* A document's checks among those of the report, and their outcomes in its words. */
static const enum trb_check_id nitro_rows[TRB_NITRO_CHECKS] = {
	[TRB_NITRO_PARSE] = TRB_CK_DOCUMENT_PARSE,
	[TRB_NITRO_SIGNATURE] = TRB_CK_DOCUMENT_SIGNATURE,
	[TRB_NITRO_CHAIN] = TRB_CK_DOCUMENT_CHAIN,
	[TRB_NITRO_DEBUG] = TRB_CK_DOCUMENT_DEBUG,
};
static const int outcomes[] = {
	[TRB_NITRO_NOT_RUN] = TRB_OUTCOME_NOT_RUN,
	[TRB_NITRO_PASS] = TRB_OUTCOME_PASS,
	[TRB_NITRO_FAIL] = TRB_OUTCOME_FAIL,
	[TRB_NITRO_WAIVED] = TRB_OUTCOME_NOT_DEMANDED,
};

/* The innermost error says it most exactly. */
static const char *reason_of(const trb_error *error)
{
	while (trb_error_cause(error) != NULL)
		error = trb_error_cause(error);
	return trb_error_message(error);
}

static void report_text(struct trb_json_out *out, const char *name, const char *text)
{
	trb_json_put_name(out, name);
	if (text == NULL)
		trb_json_put_null(out);
	else
		trb_json_put_str(out, text);
}

/* What was there, as the report of a bundle has it. */
static void report_actual(struct trb_json_out *out, const struct trb_nitro_verdict *verdict,
			  enum trb_nitro_check check, const trb_error *error)
{
	trb_json_put_name(out, "actual");
	switch (verdict->outcome[check]) {
	case TRB_NITRO_NOT_RUN:
		trb_json_put_null(out);
		break;
	case TRB_NITRO_FAIL:
		trb_json_put_lossy(out, trb_bytes_str(reason_of(error)));
		break;
	default:
		trb_json_put_str(out, trb_show_found(verdict, check).text);
	}
}

static void open_check(struct trb_json_out *out, const struct trb_check_rule *rule, int outcome)
{
	trb_json_open(out, '{');
	trb_json_member_str(out, "id", rule->id);
	trb_json_member_str(out, "outcome", trb_outcome_name(outcome));
	trb_json_member_str(out, "title", rule->title);
}

static void close_check(struct trb_json_out *out, const struct trb_check_rule *rule)
{
	trb_json_member_str(out, "rule", rule->rule);
	trb_json_close(out, '}');
}

static void report_checks(struct trb_json_out *out, const struct trb_nitro_verdict *verdict,
			  const struct trb_document_rows *rows, const trb_error *error)
{
	trb_json_member_open(out, "checks", '[');
	for (unsigned i = 0; i < TRB_NITRO_CHECKS; i++) {
		const struct trb_check_rule *rule = &trb_check_rules[nitro_rows[i]];

		open_check(out, rule, outcomes[verdict->outcome[i]]);
		report_text(out, "expected", NULL);
		report_actual(out, verdict, i, error);
		close_check(out, rule);
	}
	for (unsigned i = 0; i < TRB_DEMANDS; i++) {
		const struct trb_check_rule *rule = trb_document_rule(i);

		open_check(out, rule, rows->row[i].outcome);
		report_text(out, "expected", rows->row[i].expected);
		report_text(out, "actual", rows->row[i].actual);
		close_check(out, rule);
	}
	trb_json_close(out, ']');
}

static void report_optional(struct trb_json_out *out, const char *name, trb_bytes value)
{
	if (value.ptr != NULL) {
		trb_json_member_hex(out, name, value);
		return;
	}
	trb_json_put_name(out, name);
	trb_json_put_null(out);
}

/* Signed facts, and only of a document that passed. */
static void report_document(struct trb_json_out *out, const trb_attestation *a)
{
	char index[16];

	trb_json_member_open(out, "document", '{');
	trb_json_member_text(out, "module_id", trb_attestation_get_module_id(a));
	trb_json_member_uint(out, "timestamp_ms", trb_attestation_get_timestamp_ms(a));
	trb_json_member_open(out, "pcrs", '{');
	for (unsigned i = 0; i < TRB_NSM_PCRS; i++) {
		if (trb_attestation_get_pcr(a, i).ptr == NULL)
			continue;
		snprintf(index, sizeof(index), "%u", i);
		trb_json_member_hex(out, index, trb_attestation_get_pcr(a, i));
	}
	trb_json_close(out, '}');
	report_optional(out, "public_key", trb_attestation_get_public_key(a));
	report_optional(out, "user_data", trb_attestation_get_user_data(a));
	report_optional(out, "nonce", trb_attestation_get_nonce(a));
	trb_json_close(out, '}');
}

int trb_document_report(const struct trb_nitro_verdict *verdict,
			const struct trb_document_rows *rows, int result, const trb_error *error,
			trb_blob **ret, trb_error **err)
{
	_cleanup_buf_ struct trb_buf buf;
	struct trb_json_out out = { .buf = &buf };

	trb_buf_init(&buf, REPORT_MAX);
	trb_json_open(&out, '{');
	trb_json_member_str(&out, "verdict", result == TRB_OK ? "VERIFIED" : "REFUSED");
	report_text(&out, "refused", result == TRB_OK ? NULL : trb_error_check(error));
	report_text(&out, "advice",
		    result == TRB_OK ? NULL : trb_check_advice(trb_error_check(error)));
	report_text(&out, "assurance",
		    verdict->assurance == TRB_ASSURANCE_HARDWARE    ? "hardware"
		    : verdict->assurance == TRB_ASSURANCE_SIMULATED ? "simulated"
								    : NULL);
	trb_json_member_bool(&out, "simulated", verdict->assurance != TRB_ASSURANCE_HARDWARE);
	report_optional(&out, "root",
			verdict->assurance == 0 ? TRB_BYTES_NULL : TRB_BYTES(verdict->sha256, 32));
	if (verdict->attestation != NULL) {
		trb_json_member_uint(&out, "time_s", verdict->time_s);
		trb_json_member_bool(&out, "debug", verdict->debug);
	}
	report_checks(&out, verdict, rows, error);
	if (result == TRB_OK)
		report_document(&out, verdict->attestation);
	trb_json_close(&out, '}');
	return trb_buf_to_blob(&buf, "report", ret, err);
}
