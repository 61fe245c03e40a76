/* SPDX-License-Identifier: Apache-2.0 */
/* The report: a row for each check, and the verdict over all. */
#include "verifier/report.h"

#include <stdarg.h>
#include <stdio.h>

#define ROW_TEXT    400
#define CAUSES_TEXT (64u * 1024)

int trb_report_new(trb_report **ret, trb_error **err)
{
	trb_report *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return trb_fail_nomem(err);
	atomic_init(&r->refs, 1);
	r->failed = -1;
	r->verdict = TRB_E_INVAL; /* until the last check has been made */
	for (size_t i = 0; i < TRB_CHECKS; i++)
		r->checks[i].outcome = TRB_OUTCOME_NOT_RUN;
	*ret = r;
	return TRB_OK;
}

/* Cuts at ROW_TEXT bytes, before a character of which only a part would stay. */
static char *row_text(const char *text, size_t len)
{
	char *copy;

	if (len > ROW_TEXT) {
		len = ROW_TEXT;
		while (len > 0 && ((uint8_t)text[len] & 0xc0) == 0x80)
			len--;
	}
	copy = malloc(len + 1);
	if (copy != NULL) {
		memcpy(copy, text, len);
		copy[len] = '\0';
	}
	return copy;
}

static int set_row(trb_report *r, enum trb_check_id id, int outcome, const char *expected,
		   const char *fmt, va_list ap, trb_error **err)
{
	struct trb_check *row = &r->checks[id];
	char *text = NULL;
	int len;

	if (row->outcome != TRB_OUTCOME_NOT_RUN || r->failed >= 0)
		return trb_fail(err, TRB_E_STATE, "check %s was run out of order",
				trb_check_rules[id].id);
	len = vasprintf(&text, fmt, ap);
	if (len < 0)
		return trb_fail_nomem(err);
	row->actual = row_text(text, (size_t)len);
	free(text);
	row->expected = expected != NULL ? row_text(expected, strlen(expected)) : NULL;
	if (row->actual == NULL || (expected != NULL && row->expected == NULL))
		return trb_fail_nomem(err);
	row->outcome = outcome;
	return TRB_OK;
}

int trb_report_pass(trb_report *r, enum trb_check_id id, trb_error **err, const char *expected,
		    const char *fmt, ...)
{
	va_list ap;
	int status;

	va_start(ap, fmt);
	status = set_row(r, id, TRB_OUTCOME_PASS, expected, fmt, ap, err);
	va_end(ap);
	return status;
}

static int waive(trb_report *r, enum trb_check_id id, trb_error **err, const char *fmt, ...)
{
	va_list ap;
	int status;

	va_start(ap, fmt);
	status = set_row(r, id, TRB_OUTCOME_NOT_DEMANDED, NULL, fmt, ap, err);
	va_end(ap);
	return status;
}

int trb_report_waive(trb_report *r, enum trb_check_id id, trb_error **err, const char *why)
{
	return waive(r, id, err, "%s", why);
}

int trb_report_warn(trb_report *r, trb_error **err, const char *fmt, ...)
{
	va_list ap;
	int len;

	if (r->warning != NULL)
		return trb_fail(err, TRB_E_STATE, "a report has room for one warning");
	va_start(ap, fmt);
	len = vasprintf(&r->warning, fmt, ap);
	va_end(ap);
	if (len < 0)
		r->warning = NULL;
	return len < 0 ? trb_fail_nomem(err) : TRB_OK;
}

static void refuse(trb_report *r, enum trb_check_id id, int code)
{
	r->failed = (int)id;
	r->verdict = code;
}

static int fail_as(trb_report *r, enum trb_check_id id, int code, trb_error **err,
		   const char *expected, const char *fmt, va_list ap)
{
	const struct trb_check_rule *rule = &trb_check_rules[id];
	int status = set_row(r, id, TRB_OUTCOME_FAIL, expected, fmt, ap, err);

	if (status < 0)
		return status;
	refuse(r, id, code);
	if (expected != NULL)
		return trb_fail_check(err, code, rule->id, "does not hold: %s; wanted %s, found %s",
				      rule->title, expected, r->checks[id].actual);
	return trb_fail_check(err, code, rule->id, "does not hold: %s; found %s", rule->title,
			      r->checks[id].actual);
}

int trb_report_fail(trb_report *r, enum trb_check_id id, trb_error **err, const char *expected,
		    const char *fmt, ...)
{
	va_list ap;
	int status;

	va_start(ap, fmt);
	status = fail_as(r, id, trb_check_rules[id].code, err, expected, fmt, ap);
	va_end(ap);
	return status;
}

int trb_report_fail_as(trb_report *r, enum trb_check_id id, int code, trb_error **err,
		       const char *expected, const char *fmt, ...)
{
	va_list ap;
	int status;

	va_start(ap, fmt);
	status = fail_as(r, id, code, err, expected, fmt, ap);
	va_end(ap);
	return status;
}

static bool is_operational(int code)
{
	switch (code) {
	case TRB_E_NOMEM:
	case TRB_E_IO:
	case TRB_E_INVAL:
	case TRB_E_STATE:
		return true;
	default:
		return false;
	}
}

static int fail_text(trb_report *r, enum trb_check_id id, trb_error **err, const char *fmt, ...)
{
	va_list ap;
	int status;

	va_start(ap, fmt);
	status = set_row(r, id, TRB_OUTCOME_FAIL, NULL, fmt, ap, err);
	va_end(ap);
	return status;
}

int trb_report_fail_from(trb_report *r, enum trb_check_id id, int code, const trb_error *cause,
			 trb_error **err)
{
	const struct trb_check_rule *rule = &trb_check_rules[id];
	_cleanup_buf_ struct trb_buf b = { 0 };
	_cleanup_free_ char *text = NULL;
	int status;

	if (cause == NULL || is_operational(code))
		return trb_fail(err, code, "%s: %s", rule->id,
				cause != NULL ? trb_error_message(cause) : trb_status_name(code));
	trb_buf_init(&b, CAUSES_TEXT);
	for (const trb_error *e = cause; e != NULL; e = trb_error_cause(e))
		trb_buf_addf(&b, "%s%s", e == cause ? "" : ": ", trb_error_message(e));
	status = trb_buf_to_str(&b, "causes", &text, err);
	if (status == TRB_OK)
		status = fail_text(r, id, err, "%s", text);
	if (status < 0)
		return status;
	refuse(r, id, rule->code);
	return trb_fail_check(err, rule->code, rule->id, "%s", r->checks[id].actual);
}

int trb_report_new_unreadable(const trb_error *why, trb_report **ret_report, trb_error **err)
{
	_cleanup_(trb_report_unrefp) trb_report *r = NULL;
	_cleanup_(trb_error_unrefp) trb_error *told = NULL;
	int code = trb_error_code(why), status;

	if (why == NULL || ret_report == NULL)
		return trb_fail(err, TRB_E_INVAL, "trb_report_new_unreadable: no error given");
	status = trb_report_new(&r, err);
	if (status < 0)
		return status;
	status = trb_report_fail_from(r, TRB_CK_BUNDLE_PARSE, code, why, &told);
	if (r->failed < 0)
		return trb_fail(err, status, "%s", trb_error_message(told));
	*ret_report = steal_ptr(&r);
	return TRB_OK;
}

trb_report *trb_report_ref(trb_report *report)
{
	if (report != NULL)
		atomic_fetch_add_explicit(&report->refs, 1, memory_order_relaxed);
	return report;
}

trb_report *trb_report_unref(trb_report *report)
{
	if (report == NULL || atomic_fetch_sub_explicit(&report->refs, 1, memory_order_acq_rel) > 1)
		return NULL;
	for (size_t i = 0; i < TRB_CHECKS; i++) {
		free(report->checks[i].expected);
		free(report->checks[i].actual);
	}
	free(report->artifact);
	free(report->warning);
	trb_claims_unref(report->claims);
	free(report);
	return NULL;
}

int trb_report_get_verdict(const trb_report *report)
{
	return report != NULL ? report->verdict : TRB_E_INVAL;
}

const char *trb_report_get_refused(const trb_report *report)
{
	return report != NULL && report->failed >= 0 ? trb_check_rules[report->failed].id : NULL;
}

int trb_report_get_assurance(const trb_report *report)
{
	return report != NULL ? report->assurance : 0;
}

size_t trb_report_count_checks(const trb_report *report)
{
	return report != NULL ? TRB_CHECKS : 0;
}

static const struct trb_check *check_at(const trb_report *report, size_t index)
{
	return report != NULL && index < TRB_CHECKS ? &report->checks[index] : NULL;
}

const char *trb_report_get_check(const trb_report *report, size_t index)
{
	return check_at(report, index) != NULL ? trb_check_rules[index].id : NULL;
}

const char *trb_report_get_title(const trb_report *report, size_t index)
{
	return check_at(report, index) != NULL ? trb_check_rules[index].title : NULL;
}

const char *trb_report_get_rule(const trb_report *report, size_t index)
{
	return check_at(report, index) != NULL ? trb_check_rules[index].rule : NULL;
}

int trb_report_get_outcome(const trb_report *report, size_t index)
{
	const struct trb_check *check = check_at(report, index);

	return check != NULL ? check->outcome : 0;
}

const char *trb_report_get_expected(const trb_report *report, size_t index)
{
	const struct trb_check *check = check_at(report, index);

	return check != NULL ? check->expected : NULL;
}

const char *trb_report_get_actual(const trb_report *report, size_t index)
{
	const struct trb_check *check = check_at(report, index);

	return check != NULL ? check->actual : NULL;
}
