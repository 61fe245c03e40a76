/* SPDX-License-Identifier: Apache-2.0 */
/* The report for machines: docs/spec/report.md. */
#include <stdio.h>

#include "format/json.h"
#include "verifier/claims.h"
#include "verifier/report.h"

#define REPORT_MAX (1024u * 1024)

static void put_text(struct trb_json_out *out, const char *name, const char *text)
{
	trb_json_put_name(out, name);
	if (text == NULL)
		trb_json_put_null(out);
	else
		trb_json_put_lossy(out, trb_bytes_str(text));
}

static void put_checks(struct trb_json_out *out, const trb_report *r)
{
	trb_json_member_open(out, "checks", '[');
	for (size_t i = 0; i < TRB_CHECKS; i++) {
		const struct trb_check_rule *rule = &trb_check_rules[i];

		trb_json_open(out, '{');
		put_text(out, "id", rule->id);
		put_text(out, "outcome", trb_outcome_name(r->checks[i].outcome));
		put_text(out, "title", rule->title);
		put_text(out, "expected", r->checks[i].expected);
		put_text(out, "actual", r->checks[i].actual);
		put_text(out, "rule", rule->rule);
		trb_json_close(out, '}');
	}
	trb_json_close(out, ']');
}

static void put_pcrs(struct trb_json_out *out, const trb_claims *c)
{
	trb_json_member_open(out, "pcrs", '{');
	for (unsigned i = 0; i < 32; i++) {
		trb_bytes pcr = trb_claims_get_pcr(c, i);
		char index[12];

		if (pcr.len == 0)
			continue;
		snprintf(index, sizeof(index), "%u", i);
		trb_json_member_hex(out, index, pcr);
	}
	trb_json_close(out, '}');
}

static void put_log(struct trb_json_out *out, const trb_claims *c)
{
	if (c->log == NULL) {
		put_text(out, "log", NULL);
		return;
	}
	trb_json_member_open(out, "log", '{');
	put_text(out, "origin", c->log);
	trb_json_put_name(out, "index");
	trb_json_put_uint_string(out, c->log_index);
	trb_json_member_uint(out, "witnesses", c->n_witnesses);
	put_text(out, "witnessed", c->witnessed_s ? trb_show_time(c->witnessed_s).text : NULL);
	trb_json_close(out, '}');
}

static void put_history(struct trb_json_out *out, const trb_claims *c)
{
	if (c->tip[0] == '\0') {
		put_text(out, "history", NULL);
		return;
	}
	trb_json_member_open(out, "history", '{');
	put_text(out, "tip", c->tip);
	put_text(out, "tag", c->tag[0] != '\0' ? c->tag : NULL);
	put_text(out, "relation", trb_relation_name(c->relation));
	trb_json_member_uint(out, "steps", c->steps);
	trb_json_close(out, '}');
}

static void put_machine(struct trb_json_out *out, const trb_claims *c)
{
	trb_json_member_open(out, "machine", '{');
	trb_json_member_uint(out, "cpus", c->cpus);
	trb_json_member_uint(out, "memory_mib", c->memory_mib);
	put_text(out, "model", c->cpu_model);
	trb_json_close(out, '}');
}

static void put_materials(struct trb_json_out *out, const trb_claims *c)
{
	if (c->n_materials == 0) {
		put_text(out, "materials", NULL);
		return;
	}
	trb_json_member_open(out, "materials", '{');
	trb_json_member_uint(out, "count", c->n_materials);
	trb_json_member_hex(out, "sha256", TRB_BYTES(c->materials, 32));
	trb_json_close(out, '}');
}

static void put_claims(struct trb_json_out *out, const trb_claims *c)
{
	if (c == NULL) {
		put_text(out, "claims", NULL);
		return;
	}
	trb_json_member_open(out, "claims", '{');
	trb_json_member_open(out, "artifact", '{');
	put_text(out, "name", c->artifact);
	trb_json_put_name(out, "size");
	trb_json_put_uint_string(out, c->size);
	trb_json_member_hex(out, "sha256", TRB_BYTES(c->digest, 32));
	trb_json_close(out, '}');
	put_text(out, "repository", c->repository);
	put_text(out, "location", c->location);
	put_text(out, "ref", c->ref);
	put_text(out, "commit", c->commit);
	put_history(out, c);
	trb_json_member_hex(out, "source", TRB_BYTES(c->source, 32));
	trb_json_member_open(out, "recipe", '{');
	put_text(out, "origin", c->recipe_from_tree ? "tree" : "request");
	trb_json_member_hex(out, "sha256", TRB_BYTES(c->recipe, 32));
	trb_json_close(out, '}');
	put_materials(out, c);
	put_text(out, "runtime", c->runtime);
	put_machine(out, c);
	put_text(out, "measurement", c->measurement);
	put_pcrs(out, c);
	put_text(out, "module_id", c->module_id);
	put_text(out, "time", trb_show_time(c->time_s).text);
	put_log(out, c);
	trb_json_close(out, '}');
}

static void put_unit(struct trb_buf *b, uint32_t unit)
{
	trb_buf_addf(b, "\\u%04x", (unsigned)unit);
}

/* What is not ASCII stands in strings alone: it goes out as JSON's own escapes, so that no terminal
 * and no later program has to know UTF-8. */
static int put_ascii(struct trb_buf *b, trb_bytes text, trb_error **err)
{
	uint32_t c;

	while (text.len > 0) {
		if (trb_bytes_take(&text, trb_utf8_char(text, &c)).len == 0)
			return trb_fail(err, TRB_E_STATE, "the report is not UTF-8");
		if (c < 0x80) {
			trb_buf_add_byte(b, (uint8_t)c);
		} else if (c < 0x10000) {
			put_unit(b, c);
		} else {
			put_unit(b, 0xd800 + ((c - 0x10000) >> 10));
			put_unit(b, 0xdc00 + ((c - 0x10000) & 0x3ff));
		}
	}
	return TRB_OK;
}

int trb_report_to_json(const trb_report *report, trb_blob **ret_json, trb_error **err)
{
	_cleanup_buf_ struct trb_buf b = { 0 }, ascii = { 0 };
	struct trb_json_out out = { .buf = &b, .indent = true };
	const char *caution;
	int r;

	trb_buf_init(&b, REPORT_MAX);
	if (report == NULL || ret_json == NULL)
		return trb_fail(err, TRB_E_INVAL, "trb_report_to_json: no report");
	trb_json_open(&out, '{');
	trb_json_member_uint(&out, "report", 1);
	trb_json_member_str(&out, "verdict", report->verdict == TRB_OK ? "VERIFIED" : "REFUSED");
	put_text(&out, "refused", trb_report_get_refused(report));
	put_text(&out, "advice", trb_report_get_advice(report));
	put_text(&out, "code", trb_status_name(report->verdict));
	put_text(&out, "assurance",
		 report->assurance == TRB_ASSURANCE_HARDWARE    ? "hardware"
		 : report->assurance == TRB_ASSURANCE_SIMULATED ? "simulated"
								: NULL);
	trb_json_member_bool(&out, "simulated", report->assurance != TRB_ASSURANCE_HARDWARE);
	put_text(&out, "artifact", report->artifact);
	trb_json_member_open(&out, "cautions", '[');
	for (size_t i = 0; (caution = trb_report_caution(report, i)) != NULL; i++)
		trb_json_put_str(&out, caution);
	trb_json_close(&out, ']');
	put_checks(&out, report);
	put_claims(&out, report->claims);
	trb_json_close(&out, '}');
	trb_buf_add_byte(&b, '\n');
	r = trb_buf_check(&b, "report", err);
	if (r < 0)
		return r;
	trb_buf_init(&ascii, 6 * REPORT_MAX);
	r = put_ascii(&ascii, trb_buf_bytes(&b), err);
	return r < 0 ? r : trb_buf_to_blob(&ascii, "report", ret_json, err);
}
