/* SPDX-License-Identifier: Apache-2.0 */
/* What a caller demands of a bare document beside its being one: time, PCRs and fields. */
#include <stdarg.h>
#include <stdio.h>

#include "format/facts.h"
#include "verifier/document.h"
#include "verifier/policy.h"

#define SHOWN_BYTES 32 /* of a field, in a row */

static const enum trb_check_id ids[TRB_DEMANDS] = {
	[TRB_DEMAND_TIME] = TRB_CK_DOCUMENT_TIME,   [TRB_DEMAND_PCRS] = TRB_CK_DOCUMENT_PCRS,
	[TRB_DEMAND_NONCE] = TRB_CK_DOCUMENT_NONCE, [TRB_DEMAND_DATA] = TRB_CK_DOCUMENT_DATA,
	[TRB_DEMAND_KEY] = TRB_CK_DOCUMENT_KEY,
};

const struct trb_check_rule *trb_document_rule(enum trb_document_demand demand)
{
	return &trb_check_rules[ids[demand]];
}

void trb_document_rows_clear(struct trb_document_rows *rows)
{
	for (size_t i = 0; i < TRB_DEMANDS; i++) {
		free(rows->row[i].expected);
		free(rows->row[i].actual);
	}
	*rows = (struct trb_document_rows){ 0 };
}

int trb_document_verifier_demand_age(trb_document_verifier *v, uint64_t now_s, uint64_t max_age_s,
				     trb_error **err)
{
	if (v == NULL || v->has_age)
		return trb_fail(err, TRB_E_INVAL, "an age is demanded once, of a verifier");
	if (now_s == 0 || now_s > UINT64_MAX / 1000)
		return trb_fail(err, TRB_E_INVAL, "the time, %llu s after 1970, is none",
				(unsigned long long)now_s);
	v->has_age = true;
	v->now_s = now_s;
	v->max_age_s = max_age_s;
	return TRB_OK;
}

int trb_document_verifier_demand_pcr(trb_document_verifier *v, unsigned index, trb_bytes value,
				     trb_error **err)
{
	if (v == NULL || index >= TRB_NSM_PCRS || value.len != TRB_SHA384_LEN)
		return trb_fail(err, TRB_E_INVAL, "a PCR has an index from 0 to %d and %d bytes",
				TRB_NSM_PCRS - 1, TRB_SHA384_LEN);
	if (v->pcrs[index] != NULL)
		return trb_fail(err, TRB_E_INVAL, "PCR%u is demanded twice", index);
	return trb_blob_new(value, &v->pcrs[index], err);
}

static int demand_field(trb_document_verifier *v, enum trb_document_demand demand, const char *name,
			trb_bytes value, trb_error **err)
{
	if (v == NULL || value.len > TRB_NSM_OPTIONAL_MAX)
		return trb_fail(err, TRB_E_INVAL, "a document's %s has at most %d bytes", name,
				TRB_NSM_OPTIONAL_MAX);
	if (v->fields[demand] != NULL)
		return trb_fail(err, TRB_E_INVAL, "the %s is demanded twice", name);
	return trb_blob_new(value, &v->fields[demand], err);
}

int trb_document_verifier_demand_nonce(trb_document_verifier *v, trb_bytes nonce, trb_error **err)
{
	return demand_field(v, TRB_DEMAND_NONCE, "nonce", nonce, err);
}

int trb_document_verifier_demand_user_data(trb_document_verifier *v, trb_bytes user_data,
					   trb_error **err)
{
	return demand_field(v, TRB_DEMAND_DATA, "user data", user_data, err);
}

int trb_document_verifier_demand_public_key(trb_document_verifier *v, trb_bytes public_key,
					    trb_error **err)
{
	return demand_field(v, TRB_DEMAND_KEY, "public key", public_key, err);
}

/* Writes a row; expected and actual are this function's from here on.  TRB_OK, or the verdict. */
static int conclude(struct trb_document_rows *rows, enum trb_document_demand demand, bool good,
		    char *expected, char *actual, trb_error **err)
{
	const struct trb_check_rule *rule = trb_document_rule(demand);
	struct trb_document_row *row = &rows->row[demand];

	row->expected = expected;
	row->actual = actual;
	if (expected == NULL || actual == NULL)
		return trb_fail_nomem(err);
	row->outcome = good ? TRB_OUTCOME_PASS : TRB_OUTCOME_FAIL;
	if (good)
		return TRB_OK;
	return trb_fail_check(err, rule->code, rule->id, "does not hold: %s; wanted %s, found %s",
			      rule->title, expected, actual);
}

static char *show(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static char *show(const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	return text;
}

static uint64_t later(uint64_t time_s)
{
	return time_s > UINT64_MAX - TRB_POLICY_AHEAD_S ? UINT64_MAX : time_s + TRB_POLICY_AHEAD_S;
}

static int check_time(const trb_document_verifier *v, const trb_attestation *a,
		      struct trb_document_rows *rows, trb_error **err)
{
	uint64_t signed_s = trb_attestation_get_timestamp_ms(a) / 1000, from_s = 0;
	uint64_t to_s = UINT64_MAX;
	char *expected;

	if (v->time_s != TRB_NITRO_TIME_DOCUMENT)
		to_s = later(v->time_s);
	if (v->has_age) {
		from_s = v->now_s > v->max_age_s ? v->now_s - v->max_age_s : 0;
		to_s = to_s < later(v->now_s) ? to_s : later(v->now_s);
	}
	if (from_s == 0 && to_s == UINT64_MAX) {
		rows->row[TRB_DEMAND_TIME].outcome = TRB_OUTCOME_NOT_DEMANDED;
		return TRB_OK;
	}
	expected = from_s == 0 ? show("signed at %s at the latest", trb_show_time(to_s).text)
			       : show("signed from %s to %s", trb_show_time(from_s).text,
				      trb_show_time(to_s).text);
	return conclude(rows, TRB_DEMAND_TIME, signed_s >= from_s && signed_s <= to_s, expected,
			show("signed at %s", trb_show_time(signed_s).text), err);
}

static char *show_pcr(unsigned index, trb_bytes value)
{
	char hex[2 * TRB_SHA384_LEN + 1];

	if (value.ptr == NULL)
		return show("no PCR%u", index);
	trb_hex_encode(value, hex);
	return show("PCR%u %s", index, hex);
}

/* All of them, or the first that is another. */
static int check_pcrs(const trb_document_verifier *v, const trb_attestation *a,
		      struct trb_document_rows *rows, trb_error **err)
{
	size_t n = 0;

	for (unsigned i = 0; i < TRB_NSM_PCRS; i++) {
		trb_bytes wanted, found = trb_attestation_get_pcr(a, i);

		if (v->pcrs[i] == NULL)
			continue;
		n++;
		wanted = trb_blob_bytes(v->pcrs[i]);
		if (!trb_bytes_eq(wanted, found))
			return conclude(rows, TRB_DEMAND_PCRS, false, show_pcr(i, wanted),
					show_pcr(i, found), err);
	}
	if (n == 0) {
		rows->row[TRB_DEMAND_PCRS].outcome = TRB_OUTCOME_NOT_DEMANDED;
		return TRB_OK;
	}
	return conclude(rows, TRB_DEMAND_PCRS, true, show("%zu PCR%s", n, n == 1 ? "" : "s"),
			show("the same"), err);
}

/* What is too long for a row is told by its digest. */
static char *show_field(trb_bytes value)
{
	uint8_t digest[TRB_SHA256_LEN];
	char hex[2 * SHOWN_BYTES + 1];

	if (value.ptr == NULL)
		return show("none");
	if (value.len <= SHOWN_BYTES) {
		trb_hex_encode(value, hex);
		return show("%zu bytes%s%s", value.len, value.len > 0 ? " " : "", hex);
	}
	if (trb_sha256(value, digest, NULL) < 0)
		return NULL;
	trb_hex_encode(TRB_BYTES(digest, sizeof(digest)), hex);
	return show("%zu bytes, sha256:%s", value.len, hex);
}

static int check_field(const trb_document_verifier *v, enum trb_document_demand demand,
		       trb_bytes found, struct trb_document_rows *rows, trb_error **err)
{
	trb_bytes wanted;

	if (v->fields[demand] == NULL) {
		rows->row[demand].outcome = TRB_OUTCOME_NOT_DEMANDED;
		return TRB_OK;
	}
	wanted = trb_blob_bytes(v->fields[demand]);
	if (wanted.len == 0)
		wanted.ptr = (const uint8_t *)""; /* there, and empty */
	return conclude(rows, demand, found.ptr != NULL && trb_bytes_eq(wanted, found),
			show_field(wanted), show_field(found), err);
}

int trb_document_check_demands(const trb_document_verifier *v, const trb_attestation *a,
			       struct trb_document_rows *rows, trb_error **err)
{
	int r;

	if ((r = check_time(v, a, rows, err)) < 0 || (r = check_pcrs(v, a, rows, err)) < 0 ||
	    (r = check_field(v, TRB_DEMAND_NONCE, trb_attestation_get_nonce(a), rows, err)) < 0 ||
	    (r = check_field(v, TRB_DEMAND_DATA, trb_attestation_get_user_data(a), rows, err)) < 0)
		return r;
	return check_field(v, TRB_DEMAND_KEY, trb_attestation_get_public_key(a), rows, err);
}
