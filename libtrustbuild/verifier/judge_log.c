/* SPDX-License-Identifier: Apache-2.0 */
/* Log, witnesses, time: who else has seen this, and when.  A bundle may be in several logs; an
 * entry that fails one check is out, and the check fails where none is left. */
#include <inttypes.h>
#include <stdio.h>

#include "format/log_kind.h"
#include "verifier/run.h"

#define NOT_LOGGED "the policy demands no log"

void trb_log_candidates_free(struct trb_run *run)
{
	for (size_t i = 0; run->candidates != NULL && i < run->parts->n_logs; i++)
		trb_note_clear(&run->candidates[i].note);
	free(run->candidates);
	run->candidates = NULL;
}

/* Keeps the first reason; the next entry may still do. */
static int put_aside(struct trb_log_candidate *c, int r, trb_error **cause, trb_error **why,
		     trb_error **err)
{
	c->good = false;
	if (r == TRB_E_NOMEM) {
		trb_error_unref(*cause);
		return trb_fail_nomem(err);
	}
	if (*why == NULL)
		*why = *cause;
	else
		trb_error_unref(*cause);
	return TRB_OK;
}

/* A known key whose signature is bad spoils the note, whatever other keys say. */
static int check_other_keys(const struct trb_run *run, const struct trb_log_candidate *c,
			    trb_error **err)
{
	const struct trb_policy *p = run->policy;

	for (size_t i = 0; i < p->n_log_keys; i++) {
		trb_error *cause = NULL;
		int r = trb_note_verify(&c->note, &p->log_keys[i], NULL, &cause);

		if (r == TRB_OK || r == TRB_E_NOTFOUND) {
			trb_error_unref(cause);
			continue;
		}
		if (err != NULL)
			*err = cause;
		else
			trb_error_unref(cause);
		return r;
	}
	return TRB_OK;
}

static int open_checkpoint(const struct trb_run *run, struct trb_log_candidate *c, trb_error **err)
{
	const struct trb_policy *p = run->policy;
	int r = TRB_E_LOG;

	for (size_t i = 0; i < p->n_log_keys && r != TRB_OK; i++) {
		trb_error *cause = NULL;

		trb_note_clear(&c->note);
		memset(&c->note, 0, sizeof(c->note));
		r = trb_checkpoint_open(c->entry->checkpoint, &p->log_keys[i], &c->note,
					&c->checkpoint, &cause);
		c->key = &p->log_keys[i];
		if (r == TRB_E_NOMEM || (r < 0 && i + 1 == p->n_log_keys)) {
			*err = cause;
			return r;
		}
		trb_error_unref(cause);
	}
	return r == TRB_OK ? check_other_keys(run, c, err) : r;
}

static int step_checkpoints(struct trb_run *run, trb_error **why, trb_error **err)
{
	size_t n = run->parts->n_logs;

	run->candidates = calloc(n > 0 ? n : 1, sizeof(*run->candidates));
	if (run->candidates == NULL)
		return trb_fail_nomem(err);
	for (size_t i = 0; i < n; i++) {
		struct trb_log_candidate *c = &run->candidates[i];
		trb_error *cause = NULL;
		int r;

		c->entry = &run->parts->logs[i];
		c->good = true;
		r = open_checkpoint(run, c, &cause);
		if (r < 0 && (r = put_aside(c, r, &cause, why, err)) < 0)
			return r;
	}
	return TRB_OK;
}

static const struct trb_log_candidate *first_good(const struct trb_run *run)
{
	for (size_t i = 0; i < run->parts->n_logs; i++)
		if (run->candidates[i].good)
			return &run->candidates[i];
	return NULL;
}

int trb_step_log_checkpoint(struct trb_run *run, trb_error **err)
{
	_cleanup_(trb_error_unrefp) trb_error *why = NULL;
	const struct trb_log_candidate *c;
	int r;

	if (run->policy->log_none)
		return trb_report_waive(run->report, TRB_CK_LOG_CHECKPOINT, err, NOT_LOGGED);
	if (run->parts->n_logs == 0)
		return trb_report_fail(run->report, TRB_CK_LOG_CHECKPOINT, err, "a log entry",
				       "none: the bundle was not published");
	r = step_checkpoints(run, &why, err);
	if (r < 0)
		return r;
	c = first_good(run);
	if (c == NULL)
		return trb_report_fail_from(run->report, TRB_CK_LOG_CHECKPOINT, TRB_E_LOG, why,
					    err);
	return trb_report_pass(run->report, TRB_CK_LOG_CHECKPOINT, err, NULL,
			       "%s, %" PRIu64 " entr%s", trb_row_view(c->checkpoint.origin).text,
			       c->checkpoint.size, c->checkpoint.size == 1 ? "y" : "ies");
}

/* By the rules of the entry's own kind. */
static int prove(const struct trb_run *run, const struct trb_log_candidate *c, trb_error **err)
{
	const struct trb_log_kind *kind = trb_log_kind_find(c->entry->kind);
	_cleanup_(trb_blob_unrefp) trb_blob *leaf = NULL;
	int r;

	if (kind == NULL)
		return trb_fail(err, TRB_E_LOG, "no kind of log is '%.*s'", (int)c->entry->kind.len,
				(const char *)c->entry->kind.ptr);
	r = kind->leaf(run->parts, &leaf, err);
	return r < 0 ? r : kind->prove(c->entry, &c->checkpoint, trb_blob_bytes(leaf), err);
}

int trb_step_log_inclusion(struct trb_run *run, trb_error **err)
{
	_cleanup_(trb_error_unrefp) trb_error *why = NULL;
	const struct trb_log_candidate *good;

	if (run->policy->log_none)
		return trb_report_waive(run->report, TRB_CK_LOG_INCLUSION, err, NOT_LOGGED);
	for (size_t i = 0; i < run->parts->n_logs; i++) {
		struct trb_log_candidate *c = &run->candidates[i];
		trb_error *fault = NULL;
		int r;

		if (!c->good)
			continue;
		r = prove(run, c, &fault);
		if (r < 0 && (r = put_aside(c, r, &fault, &why, err)) < 0)
			return r;
	}
	good = first_good(run);
	if (good == NULL)
		return trb_report_fail_from(run->report, TRB_CK_LOG_INCLUSION, TRB_E_LOG, why, err);
	run->log = good;
	return trb_report_pass(run->report, TRB_CK_LOG_INCLUSION, err, NULL, "entry %" PRIu64,
			       good->entry->index);
}

static int compare_times(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* How many of the policy's witnesses have signed, and when the quorum was reached: the time of the
 * last of the earliest ones. */
static int count_witnesses(const struct trb_policy *p, struct trb_log_candidate *c, trb_error **err)
{
	uint64_t times[TRB_POLICY_KEYS];
	size_t n = 0;

	for (size_t i = 0; i < p->n_witnesses; i++) {
		_cleanup_(trb_error_unrefp) trb_error *cause = NULL;
		uint64_t at = 0;
		int r = trb_note_verify(&c->note, &p->witnesses[i], &at, &cause);

		if (r == TRB_E_NOTFOUND || (r == TRB_OK && at == 0))
			continue;
		if (r < 0) {
			*err = steal_ptr(&cause);
			return r;
		}
		times[n++] = at;
	}
	c->n_witnesses = n;
	if (n < p->quorum)
		return trb_fail(err, TRB_E_LOG, "%zu of %zu witnesses have signed, %zu are wanted",
				n, p->n_witnesses, p->quorum);
	qsort(times, n, sizeof(times[0]), compare_times);
	c->witnessed_s = times[p->quorum - 1];
	return TRB_OK;
}

/* The entry that was witnessed first says the most about the time. */
static const struct trb_log_candidate *earliest(const struct trb_run *run)
{
	const struct trb_log_candidate *best = NULL;

	for (size_t i = 0; i < run->parts->n_logs; i++) {
		const struct trb_log_candidate *c = &run->candidates[i];

		if (c->good && (best == NULL || c->witnessed_s < best->witnessed_s))
			best = c;
	}
	return best;
}

int trb_step_log_witness(struct trb_run *run, trb_error **err)
{
	_cleanup_(trb_error_unrefp) trb_error *why = NULL;
	const struct trb_policy *p = run->policy;

	if (p->log_none)
		return trb_report_waive(run->report, TRB_CK_LOG_WITNESS, err, NOT_LOGGED);
	if (p->quorum == 0)
		return trb_report_waive(run->report, TRB_CK_LOG_WITNESS, err,
					"unwitnessed: no protection against the log's own host");
	for (size_t i = 0; i < run->parts->n_logs; i++) {
		struct trb_log_candidate *c = &run->candidates[i];
		trb_error *cause = NULL;
		int r;

		if (!c->good)
			continue;
		r = count_witnesses(p, c, &cause);
		if (r < 0 && (r = put_aside(c, r, &cause, &why, err)) < 0)
			return r;
	}
	run->log = earliest(run);
	if (run->log == NULL)
		return trb_report_fail_from(run->report, TRB_CK_LOG_WITNESS, TRB_E_LOG, why, err);
	return trb_report_pass(run->report, TRB_CK_LOG_WITNESS, err, NULL,
			       "%zu of %zu, quorum %zu reached at %s", run->log->n_witnesses,
			       p->n_witnesses, p->quorum,
			       trb_show_time(run->log->witnessed_s).text);
}

/* from <= at <= to in seconds, at in milliseconds; nothing here can overflow. */
static bool within(uint64_t at_ms, uint64_t from_s, uint64_t to_s)
{
	uint64_t at_s = at_ms / 1000, rest = at_ms % 1000;

	return at_s >= from_s && (at_s < to_s || (at_s == to_s && rest == 0));
}

static uint64_t minus(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

static uint64_t plus(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* The floor against rollback: a tip's evidence never ages. */
static bool too_early(const struct trb_run *run)
{
	return run->policy->not_before_s > 0 && run->log->witnessed_s < run->policy->not_before_s;
}

int trb_step_time_bound(struct trb_run *run, trb_error **err)
{
	const struct trb_policy *p = run->policy;
	uint64_t at_ms = trb_attestation_get_timestamp_ms(run->evidence.attestation);
	uint64_t from_s, to_s;
	char wanted[200];

	if (p->mode == TRB_TIME_LIVE) {
		from_s = minus(run->verifier->now_s, p->max_age_s);
		to_s = plus(run->verifier->now_s, TRB_POLICY_AHEAD_S);
	} else if (!p->bound_witness) {
		return trb_report_waive(run->report, TRB_CK_TIME_BOUND, err,
					"time: the TEE's word only");
	} else if (run->log == NULL || run->log->witnessed_s == 0) {
		return trb_fail(err, TRB_E_STATE, "no witness bounds the time");
	} else if (too_early(run)) {
		snprintf(wanted, sizeof(wanted), "witnessed at or after %s",
			 trb_show_time(p->not_before_s).text);
		return trb_report_fail(run->report, TRB_CK_TIME_BOUND, err, wanted,
				       "witnessed at %s",
				       trb_show_time(run->log->witnessed_s).text);
	} else {
		from_s = minus(run->log->witnessed_s, p->slack_s);
		to_s = plus(run->log->witnessed_s, TRB_POLICY_AHEAD_S);
	}
	snprintf(wanted, sizeof(wanted), "from %s to %s", trb_show_time(from_s).text,
		 trb_show_time(to_s).text);
	if (!within(at_ms, from_s, to_s))
		return trb_report_fail(run->report, TRB_CK_TIME_BOUND, err, wanted, "%s",
				       trb_show_time(at_ms / 1000).text);
	return trb_report_pass(run->report, TRB_CK_TIME_BOUND, err, wanted, "%s",
			       trb_show_time(at_ms / 1000).text);
}

int trb_step_revocation_fresh(struct trb_run *run, trb_error **err)
{
	return trb_report_waive(run->report, TRB_CK_REVOCATION_FRESH, err,
				"the policy names no revocation list");
}

int trb_step_revocation_listed(struct trb_run *run, trb_error **err)
{
	return trb_report_waive(run->report, TRB_CK_REVOCATION_LISTED, err,
				"the policy names no revocation list");
}
