/* SPDX-License-Identifier: Apache-2.0 */
/* The report as one self-contained page: no script, no outside resource, every outside text
 * escaped twice (for the reader's eye, then for HTML). */
#include <stdio.h>

#include "verifier/claims.h"
#include "verifier/report.h"

#define REPORT_MAX (1024u * 1024)

static const char page_head[] =
	"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
	"style-src 'unsafe-inline'\">\n"
	"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	"<title>";
static const char page_style[] =
	"</title>\n<style>\n"
	":root{--ink:#1c2430;--soft:#5b6675;--line:#dde2e9;--paper:#fff;--back:#f4f6f9;"
	"--good:#12703c;--bad:#b3211c;--sim:#8a5a00}\n"
	"@media (prefers-color-scheme:dark){:root{--ink:#e6eaf0;--soft:#9aa6b5;--line:#323b47;"
	"--paper:#1b212a;--back:#12161c;--good:#5fce8f;--bad:#ff8078;--sim:#f0b95a}}\n"
	"@media print{:root{--back:#fff}main{border:0!important}}\n"
	"*{box-sizing:border-box}body{margin:0;padding:2rem 1rem;background:var(--back);"
	"color:var(--ink);font:15px/1.5 system-ui,sans-serif}\n"
	"main{max-width:64rem;margin:0 auto;background:var(--paper);border:1px solid var(--line);"
	"border-radius:10px;overflow:hidden}\n"
	"header{padding:1.5rem 2rem 1.5rem calc(2rem - 8px);border-left:8px solid var(--tone);"
	"border-bottom:1px solid var(--line)}\n"
	".good{--tone:var(--good)}.sim{--tone:var(--sim)}.bad{--tone:var(--bad)}\n"
	"h1{margin:0;font-size:1.9rem;letter-spacing:.02em;color:var(--tone)}\n"
	"header p{margin:.35rem 0 0;overflow-wrap:anywhere}\n"
	"section{padding:1rem 2rem 1.5rem}section+section{border-top:1px solid var(--line)}\n"
	"h2{font-size:1.05rem;margin:.4rem 0 .6rem}h3{font-size:.8rem;text-transform:uppercase;"
	"letter-spacing:.08em;color:var(--soft);margin:1.2rem 0 .2rem}\n"
	"table{width:100%;border-collapse:collapse;table-layout:fixed}\n"
	"td,th{padding:.35rem .6rem .35rem 0;vertical-align:top;text-align:left;"
	"border-bottom:1px solid var(--line);overflow-wrap:anywhere;font-weight:normal}\n"
	"tr:last-child td,tr:last-child th{border-bottom:0}\n"
	".facts th{width:7.5rem;color:var(--soft)}.checks th{width:13rem}"
	".checks td:first-of-type{width:8.5rem}\n"
	"code,.facts td{font:12.5px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}\n"
	"tr.failed>*{background:color-mix(in srgb,var(--bad) 9%,transparent)}\n"
	".pass{color:var(--good)}.fail{color:var(--bad);font-weight:600}"
	".not-run,.not-demanded,.title{color:var(--soft)}\n"
	".title{display:block}dl{margin:.3rem 0 0;display:grid;grid-template-columns:4.5rem 1fr}"
	"dt{color:var(--soft)}dd{margin:0}\n"
	".lead{margin:.8rem 0 0;grid-template-columns:6rem 1fr;row-gap:.2rem}"
	".lead dd{overflow-wrap:anywhere}\n"
	".caution{margin:.6rem 0 0;padding:.5rem .8rem;border-left:4px solid var(--sim);"
	"background:var(--back)}\n"
	"@media (max-width:45rem){.checks,.checks tbody,.checks tr,.checks th,.checks td"
	"{display:block;width:auto!important;border:0;padding:0}"
	".checks tr{padding:.4rem 0;border-bottom:1px solid var(--line)}}\n"
	"footer{padding:1rem 2rem;color:var(--soft);font-size:.85rem;"
	"border-top:1px solid var(--line)}\n"
	"</style>\n</head>\n<body>\n<main>\n";

static void put_html(struct trb_buf *b, const char *text)
{
	static const struct {
		char c;
		const char *entity;
	} entities[] = {
		{ '&', "&amp;" },  { '<', "&lt;" },   { '>', "&gt;" },
		{ '"', "&quot;" }, { '\'', "&#39;" },
	};
	size_t columns;

	while (*text != '\0') {
		const char *entity = NULL;

		for (size_t i = 0; i < sizeof(entities) / sizeof(entities[0]); i++)
			if (*text == entities[i].c)
				entity = entities[i].entity;
		if (entity != NULL) {
			trb_buf_add_str(b, entity);
			text++;
		} else {
			text += trb_show_char(b, text, &columns);
		}
	}
}

static void put_element(struct trb_buf *b, const char *open, const char *text, const char *close)
{
	trb_buf_add_str(b, open);
	put_html(b, text);
	trb_buf_add_str(b, close);
}

static void put_fact(void *user, const char *name, const char *value)
{
	put_element(user, "<tr><th scope=\"row\">", name, "</th>");
	put_element(user, "<td>", value, "</td></tr>\n");
}

/* The verdict in words, which no colour has to tell. */
static const char *verdict_sentence(const trb_report *r)
{
	if (r->verdict != TRB_OK)
		return "This artifact is not verified: a check failed, and nothing that the "
		       "evidence "
		       "says has been shown to hold.";
	if (r->assurance == TRB_ASSURANCE_HARDWARE)
		return "This artifact is verified: everything that the policy demands holds, and "
		       "the evidence stands under the root of AWS Nitro Enclaves.";
	return "This artifact is verified with simulated evidence: everything that the policy "
	       "demands "
	       "holds, but no hardware stands behind it.";
}

static void put_entry(struct trb_buf *b, const char *name, const char *value, bool code)
{
	if (value == NULL)
		return;
	trb_buf_addf(b, "<dt>%s</dt><dd>%s", name, code ? "<code>" : "");
	put_html(b, value);
	trb_buf_add_str(b, code ? "</code></dd>\n" : "</dd>\n");
}

/* What a reader of a refusal needs first: the check, what was wanted and found, what to do. */
static void put_refusal(struct trb_buf *b, const trb_report *r)
{
	const struct trb_check_rule *rule = &trb_check_rules[r->failed];
	const struct trb_check *check = &r->checks[r->failed];

	trb_buf_add_str(b, "<dl class=\"lead\">\n");
	put_entry(b, "file", r->artifact, true);
	trb_buf_addf(b, "<dt>failed</dt><dd><code>%s</code>: %s</dd>\n", rule->id, rule->title);
	put_entry(b, "wanted", check->expected, true);
	put_entry(b, "found", check->actual, true);
	put_entry(b, "what to do", trb_check_advice(rule->id), false);
	trb_buf_add_str(b, "</dl>\n");
}

static void put_title(struct trb_buf *b, const trb_report *r)
{
	const char *artifact = r->claims != NULL ? r->claims->artifact : r->artifact;

	trb_buf_add_str(b, trb_report_word(r));
	if (artifact != NULL)
		put_element(b, ": ", artifact, "");
	trb_buf_add_str(b, " - verification report");
}

static void put_head(struct trb_buf *b, const trb_report *r)
{
	const char *tone = r->verdict != TRB_OK                     ? "bad"
			   : r->assurance == TRB_ASSURANCE_HARDWARE ? "good"
								    : "sim";
	const char *caution;

	trb_buf_addf(b, "<header class=\"%s\">\n<h1>%s</h1>\n<p>%s</p>\n", tone, trb_report_word(r),
		     verdict_sentence(r));
	if (r->failed >= 0) {
		put_refusal(b, r);
	} else {
		put_element(b, "<p><code>", r->claims->artifact, "</code> was built from commit ");
		put_element(b, "<code>", r->claims->commit, "</code> of ");
		put_element(b, "<code>", r->claims->repository, "</code>");
		put_element(b, " by the image <code>", r->claims->measurement, "</code>.</p>\n");
	}
	for (size_t i = 0; (caution = trb_report_caution(r, i)) != NULL; i++)
		put_element(b, "<p class=\"caution\">", caution, "</p>\n");
	trb_buf_add_str(b, "</header>\n");
}

static void put_check(struct trb_buf *b, const struct trb_check_rule *rule,
		      const struct trb_check *check)
{
	const char *outcome = trb_outcome_name(check->outcome);

	trb_buf_add_str(b, check->outcome == TRB_OUTCOME_FAIL ? "<tr class=\"failed\">" : "<tr>");
	put_element(b, "<th scope=\"row\"><code>", rule->id, "</code></th>");
	trb_buf_addf(b, "<td class=\"%s\">%s</td><td>", outcome, outcome);
	put_element(b, "<span class=\"title\">", rule->title, "</span>");
	/* what was found as it was wanted is said once */
	if (check->outcome == TRB_OUTCOME_FAIL ||
	    (check->expected != NULL && strcmp(check->expected, check->actual) != 0)) {
		trb_buf_add_str(b, "<dl>");
		if (check->expected != NULL)
			put_element(b, "<dt>wanted</dt><dd><code>", check->expected,
				    "</code></dd>");
		if (check->actual != NULL)
			put_element(b, "<dt>found</dt><dd><code>", check->actual, "</code></dd>");
		trb_buf_add_str(b, "</dl>");
	} else if (check->actual != NULL) {
		put_element(b, "<code>", check->actual, "</code>");
	}
	trb_buf_add_str(b, "</td></tr>\n");
}

static void put_checks(struct trb_buf *b, const trb_report *r)
{
	const char *group = "";

	trb_buf_add_str(b, "<section>\n<h2>Checks, in the order in which they were made</h2>\n");
	for (size_t i = 0; i < TRB_CHECKS; i++) {
		const struct trb_check_rule *rule = &trb_check_rules[i];

		if (strcmp(rule->group, group) != 0) {
			if (i > 0)
				trb_buf_add_str(b, "</table>\n");
			put_element(b, "<h3>", rule->group, "</h3>\n<table class=\"checks\">\n");
			group = rule->group;
		}
		put_check(b, rule, &r->checks[i]);
	}
	trb_buf_add_str(b, "</table>\n</section>\n");
}

int trb_report_to_html(const trb_report *report, trb_blob **ret_html, trb_error **err)
{
	_cleanup_buf_ struct trb_buf b = { 0 };

	trb_buf_init(&b, REPORT_MAX);
	if (report == NULL || ret_html == NULL)
		return trb_fail(err, TRB_E_INVAL, "trb_report_to_html: no report");
	trb_buf_add_str(&b, page_head);
	put_title(&b, report);
	trb_buf_add_str(&b, page_style);
	put_head(&b, report);
	if (report->claims != NULL) {
		trb_buf_add_str(&b, "<section>\n<h2>What holds</h2>\n<table class=\"facts\">\n");
		trb_claims_list(report->claims, put_fact, &b);
		trb_buf_add_str(&b, "</table>\n</section>\n");
	}
	put_checks(&b, report);
	trb_buf_add_str(&b, "<footer>Made by tb-verify. This page is a record of one verification, "
			    "not evidence: whoever doubts it runs the verification again with the "
			    "artifact, its bundle and a policy of their own. The rules are in "
			    "docs/verification.md.</footer>\n</main>\n</body>\n</html>\n");
	return trb_buf_to_blob(&b, "report", ret_html, err);
}
