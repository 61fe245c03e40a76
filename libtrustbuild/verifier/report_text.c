/* SPDX-License-Identifier: Apache-2.0 */
/* The report as a tree for people, at most 100 columns. */
#include <stdio.h>

#include "verifier/claims.h"
#include "verifier/report.h"

#define COLUMNS    100
#define REPORT_MAX (512u * 1024)
#define FACT_NAME  11
#define CHECK_NAME 19

/* As much of text as fits into room columns, up to its last space where that is not all of it.  A
 * word that is longer than a line is cut in parts of about the same length. */
static size_t take_line(struct trb_buf *line, const char *text, size_t room)
{
	const char *p = text, *space = NULL;
	size_t used = 0, space_len = 0, columns, total;
	_cleanup_buf_ struct trb_buf whole = { 0 };

	while (*p != '\0' && line->status == TRB_OK) {
		size_t mark = line->len, n = trb_show_char(line, p, &columns);

		if (line->status == TRB_OK && used + columns > room) {
			line->len = mark;
			break;
		}
		if (*p == ' ') {
			space = p;
			space_len = mark;
		}
		used += columns;
		p += n;
	}
	if (*p == '\0' || *p == ' ')
		return (size_t)(p - text);
	if (space != NULL && space_len > 0) {
		line->len = space_len;
		return (size_t)(space - text);
	}
	trb_buf_init(&whole, REPORT_MAX);
	total = trb_show_text(&whole, text);
	if (strchr(text, ' ') == NULL && total <= 2 * room && room > total / 2 + 1) {
		line->len = 0;
		return take_line(line, text, total / 2 + total % 2);
	}
	return (size_t)(p - text);
}

/* Adds value from column on, and goes on at the same column of new lines, which begin with rail. */
static void put_wrapped(struct trb_buf *b, const char *rail, size_t rail_columns, size_t column,
			const char *value)
{
	for (;;) {
		_cleanup_buf_ struct trb_buf line = { 0 };

		trb_buf_init(&line, 4 * COLUMNS + 64);
		value += take_line(&line, value, COLUMNS - column);
		if (line.status < 0) {
			trb_buf_clear(b);
			b->status = line.status;
			return;
		}
		trb_buf_add(b, trb_buf_bytes(&line));
		trb_buf_add_byte(b, '\n');
		value += strspn(value, " ");
		if (*value == '\0')
			return;
		trb_buf_add_str(b, rail);
		trb_buf_addf(b, "%*s", (int)(column - rail_columns), "");
	}
}

/* What is too long for the names' column, but not for a line, gets a line of its own: PCRs. */
static void put_fact(void *user, const char *name, const char *value)
{
	const size_t column = 3 + FACT_NAME + 1, n = strlen(value);

	if (n > COLUMNS - column && n <= COLUMNS - 3 && strchr(value, ' ') == NULL) {
		trb_buf_addf(user, "\u251c\u2500 %s\n\u2502  ", name);
		put_wrapped(user, "\u2502", 1, 3, value);
	} else {
		trb_buf_addf(user, "\u251c\u2500 %-*s ", FACT_NAME, name);
		put_wrapped(user, "\u2502", 1, column, value);
	}
}

static const char *outcome_mark(int outcome)
{
	switch (outcome) {
	case TRB_OUTCOME_PASS:
		return "\u2713";
	case TRB_OUTCOME_FAIL:
		return "\u2717";
	case TRB_OUTCOME_NOT_DEMANDED:
		return "\u2013";
	default:
		return "\u00b7";
	}
}

static void put_check(struct trb_buf *b, const trb_report *r, size_t i, bool last_group, bool last)
{
	const struct trb_check *check = &r->checks[i];
	char rail[16], line[64];
	const size_t column = 8 + CHECK_NAME + 1;

	snprintf(rail, sizeof(rail), "%s  %s", last_group ? " " : "\u2502", last ? " " : "\u2502");
	snprintf(line, sizeof(line), "%s  %s\u2500 %s %-*s ", last_group ? " " : "\u2502",
		 last ? "\u2514" : "\u251c", outcome_mark(check->outcome), CHECK_NAME,
		 trb_check_rules[i].id);
	trb_buf_add_str(b, line);
	switch (check->outcome) {
	case TRB_OUTCOME_PASS:
		put_wrapped(b, rail, 4, column, check->actual);
		break;
	case TRB_OUTCOME_NOT_DEMANDED:
		trb_buf_add_str(b, "not demanded; ");
		put_wrapped(b, rail, 4, column + 14, check->actual);
		break;
	case TRB_OUTCOME_NOT_RUN:
		put_wrapped(b, rail, 4, column, "not run");
		break;
	default:
		put_wrapped(b, rail, 4, column, trb_check_rules[i].title);
		if (check->expected != NULL) {
			trb_buf_addf(b, "%s%*swanted: ", rail, (int)(column - 4), "");
			put_wrapped(b, rail, 4, column + 8, check->expected);
		}
		trb_buf_addf(b, "%s%*sfound:  ", rail, (int)(column - 4), "");
		put_wrapped(b, rail, 4, column + 8, check->actual);
	}
}

static bool same_group(size_t a, size_t b)
{
	return b < TRB_CHECKS && strcmp(trb_check_rules[a].group, trb_check_rules[b].group) == 0;
}

static bool group_returns(size_t i)
{
	for (size_t k = i + 1; k < TRB_CHECKS; k++)
		if (!same_group(i, k))
			return true;
	return false;
}

static void put_checks(struct trb_buf *b, const trb_report *r)
{
	bool more = true;

	for (size_t i = 0; i < TRB_CHECKS; i++) {
		if (i == 0 || !same_group(i, i - 1)) {
			more = group_returns(i);
			trb_buf_addf(b, "%s\u2500 %s\n", more ? "\u251c" : "\u2514",
				     trb_check_rules[i].group);
		}
		put_check(b, r, i, !more, !same_group(i, i + 1));
	}
}

/* What a reader of a refusal needs first; every check follows. */
static void put_refusal(struct trb_buf *b, const trb_report *r)
{
	const struct trb_check_rule *rule = &trb_check_rules[r->failed];
	const struct trb_check *check = &r->checks[r->failed];

	trb_buf_add_str(b, rule->id);
	trb_buf_add_byte(b, '\n');
	if (r->artifact != NULL)
		put_fact(b, "file", r->artifact);
	put_fact(b, "failed", rule->title);
	if (check->expected != NULL)
		put_fact(b, "wanted", check->expected);
	if (check->actual != NULL)
		put_fact(b, "found", check->actual);
	put_fact(b, "what to do", trb_check_advice(rule->id));
}

static void put_head(struct trb_buf *b, const trb_report *r)
{
	const char *word = trb_report_word(r);

	trb_buf_add_str(b, word);
	trb_buf_add_byte(b, ' ');
	if (r->failed >= 0)
		put_refusal(b, r);
	else
		put_wrapped(b, "\u2502", 1, strlen(word) + 1, r->claims->artifact);
}

int trb_report_to_text(const trb_report *report, trb_blob **ret_text, trb_error **err)
{
	_cleanup_buf_ struct trb_buf b = { 0 };
	const char *caution;

	trb_buf_init(&b, REPORT_MAX);
	if (report == NULL || ret_text == NULL)
		return trb_fail(err, TRB_E_INVAL, "trb_report_to_text: no report");
	put_head(&b, report);
	if (report->claims != NULL)
		trb_claims_list(report->claims, put_fact, &b);
	for (size_t i = 0; (caution = trb_report_caution(report, i)) != NULL; i++)
		put_fact(&b, "caution", caution);
	put_checks(&b, report);
	return trb_buf_to_blob(&b, "report", ret_text, err);
}
