/* SPDX-License-Identifier: Apache-2.0 */
/* The policy's sections about log, witnesses, time, endorsers, revocations and running enclaves. */
#include "verifier/policy_parts.h"

#include "core/error.h"
#include "format/times.h"

#define KEY_SHOWN 80 /* bytes of a key in a message */

static bool same_key(const struct trb_vkey *a, const struct trb_vkey *b)
{
	return a->len == b->len && memcmp(a->key, b->key, a->len) == 0;
}

/* Distinct keys; for witnesses distinct names, too: one person with two keys counts once. */
static int check_distinct(const struct trb_json *doc, const cJSON *item, bool witness,
			  const struct trb_vkey *keys, size_t n, trb_error **err)
{
	for (size_t i = 0; i < n; i++) {
		if (witness && strcmp(keys[i].name, keys[n].name) == 0)
			return trb_json_fail(doc, item, err, "another witness has this name");
		if (same_key(&keys[i], &keys[n]))
			return trb_json_fail(doc, item, err,
					     "the same key stands twice in the list");
	}
	return TRB_OK;
}

static int read_key(const struct trb_json *doc, const cJSON *item, bool witness,
		    struct trb_vkey *ret, trb_error **err)
{
	_cleanup_(trb_error_unrefp) trb_error *cause = NULL;
	trb_bytes text;
	int shown, r = trb_json_string(doc, item, 1, TRB_VKEY_MAX, &text, err);

	if (r < 0)
		return r;
	shown = text.len < KEY_SHOWN ? (int)text.len : KEY_SHOWN;
	r = trb_vkey_parse(text, ret, &cause);
	if (r == TRB_E_NOMEM)
		return trb_fail_nomem(err);
	if (r < 0)
		return trb_json_fail(doc, item, err, "'%.*s' is no verifier key: %s", shown,
				     (const char *)text.ptr, trb_error_message(cause));
	if ((ret->type == TRB_KEY_COSIGNATURE) != witness)
		return trb_json_fail(doc, item, err, "'%.*s' is not the key of a %s", shown,
				     (const char *)text.ptr,
				     witness ? "witness (cosignature/v1)" : "log");
	return TRB_OK;
}

/* A list of 1 to TRB_POLICY_KEYS entries, each read by read() in turn. */
static int read_list(const struct trb_json *doc, const cJSON *list,
		     int (*read)(const struct trb_json *doc, const cJSON *item, void *user,
				 trb_error **err),
		     void *user, trb_error **err)
{
	const cJSON *item;
	size_t n;
	int r = trb_json_array(doc, list, 1, TRB_POLICY_KEYS, &n, err);

	cJSON_ArrayForEach (item, list) {
		if (r < 0)
			break;
		r = read(doc, item, user, err);
	}
	return r;
}

/* Keys of one kind, as they are read. */
struct key_list {
	bool witness;
	struct trb_vkey *keys;
	size_t n;
};

static int read_listed_key(const struct trb_json *doc, const cJSON *item, void *user,
			   trb_error **err)
{
	struct key_list *list = user;
	int r = read_key(doc, item, list->witness, &list->keys[list->n], err);

	if (r == TRB_OK)
		r = check_distinct(doc, item, list->witness, list->keys, list->n, err);
	if (r == TRB_OK)
		list->n++;
	return r;
}

static int read_keys(const struct trb_json *doc, const cJSON *item, bool witness,
		     struct trb_vkey **ret_keys, size_t *ret_n, trb_error **err)
{
	struct key_list list = { .witness = witness };
	int r;

	list.keys = calloc(TRB_POLICY_KEYS, sizeof(*list.keys));
	if (list.keys == NULL)
		return trb_fail_nomem(err);
	r = read_list(doc, item, read_listed_key, &list, err);
	if (r < 0) {
		free(list.keys);
		return r;
	}
	*ret_keys = list.keys;
	*ret_n = list.n;
	return TRB_OK;
}

static int read_witnesses(const struct trb_json *doc, const cJSON *item, trb_policy *p,
			  trb_error **err)
{
	static const struct trb_json_field fields[] = {
		{ "keys", TRB_JSON_ARRAY, true },
		{ "quorum", TRB_JSON_UINT, true },
	};
	const cJSON *v[2];
	uint64_t quorum;
	int r;

	if (trb_json_is_word(item, "none"))
		return TRB_OK;
	if (!cJSON_IsObject(item))
		return trb_json_fail(doc, item, err, "must be \"none\" or keys and a quorum");
	r = TRB_JSON_RECORD(doc, item, fields, v, err);
	if (r < 0)
		return r;
	r = trb_json_uint(doc, v[1], 0, TRB_POLICY_KEYS, &quorum, err);
	if (r < 0)
		return r;
	if (quorum == 0)
		return trb_json_fail(doc, v[1], err,
				     "demands nothing; \"witnesses\": \"none\" says so in writing");
	p->quorum = (size_t)quorum;
	r = read_keys(doc, v[0], true, &p->witnesses, &p->n_witnesses, err);
	if (r < 0)
		return r;
	if (quorum > p->n_witnesses)
		return trb_json_fail(doc, v[1], err, "more than the %zu witnesses there are",
				     p->n_witnesses);
	return TRB_OK;
}

/* A log that cosigns its own checkpoints, under whatever name, adds nobody's view to them. */
static int check_independent(const struct trb_json *doc, const cJSON *witnesses,
			     const trb_policy *p, trb_error **err)
{
	const cJSON *keys = cJSON_GetObjectItemCaseSensitive(witnesses, "keys");

	for (size_t i = 0; i < p->n_witnesses; i++)
		for (size_t j = 0; j < p->n_log_keys; j++)
			if (same_key(&p->witnesses[i], &p->log_keys[j]))
				return trb_json_fail(
					doc, cJSON_GetArrayItem(keys, (int)i), err,
					"this is a log's key, too: a log is no witness of itself");
	return TRB_OK;
}

int trb_policy_read_log(const struct trb_json *doc, const cJSON *item, trb_policy *p,
			trb_error **err)
{
	static const struct trb_json_field fields[] = {
		{ "keys", TRB_JSON_ARRAY, true },
		{ "witnesses", TRB_JSON_ANY, true },
	};
	const cJSON *v[2], *later = cJSON_GetObjectItemCaseSensitive(item, "policy");
	int r;

	if (trb_json_is_word(item, "none")) {
		p->log_none = true;
		return TRB_OK;
	}
	if (!cJSON_IsObject(item))
		return trb_json_fail(doc, item, err, "must be \"none\" or keys and witnesses");
	if (later != NULL) /* a tlog-policy text in place of both */
		return trb_policy_not_yet(doc, later, "log policies as a text", err);
	r = TRB_JSON_RECORD(doc, item, fields, v, err);
	if (r < 0)
		return r;
	r = read_keys(doc, v[0], false, &p->log_keys, &p->n_log_keys, err);
	if (r < 0)
		return r;
	r = read_witnesses(doc, v[1], p, err);
	return r < 0 ? r : check_independent(doc, v[1], p, err);
}

enum { T_MODE, T_BOUND, T_SLACK, T_NOT_BEFORE, T_MAX_AGE, T_FIELDS };

static int read_not_before(const struct trb_json *doc, const cJSON *item, trb_policy *p,
			   trb_error **err)
{
	if (item == NULL)
		return TRB_OK;
	if (!p->bound_witness)
		return trb_json_fail(doc, item, err,
				     "needs \"bound\": \"witness\": it is a time of witnesses");
	if (!cJSON_IsString(item) ||
	    !trb_time_parse(trb_bytes_str(item->valuestring), &p->not_before_s))
		return trb_json_fail(doc, item, err,
				     "must be a time as in 2026-01-31T12:00:00Z (UTC, whole "
				     "seconds)");
	if (p->not_before_s == 0)
		return trb_json_fail(doc, item, err, "is met by every time, and demands nothing");
	return TRB_OK;
}

static int read_archival(const struct trb_json *doc, const cJSON *const v[T_FIELDS], trb_policy *p,
			 trb_error **err)
{
	int r = TRB_OK;

	p->mode = TRB_TIME_ARCHIVAL;
	p->slack_s = TRB_POLICY_SLACK_S;
	if (v[T_MAX_AGE] != NULL)
		return trb_json_fail(doc, v[T_MAX_AGE], err, "belongs to the mode \"live\"");
	if (v[T_BOUND] == NULL)
		return trb_json_fail(doc, v[T_MODE], err,
				     "\"archival\" needs \"bound\": \"witness\", or \"none\"");
	if (trb_json_is_word(v[T_BOUND], "witness"))
		p->bound_witness = true;
	else if (!trb_json_is_word(v[T_BOUND], "none"))
		return trb_json_fail(doc, v[T_BOUND], err, "must be \"witness\" or \"none\"");
	if (p->bound_witness && p->quorum == 0)
		return trb_json_fail(doc, v[T_BOUND], err,
				     "log.witnesses has no quorum whose time could bound anything");
	if (v[T_SLACK] != NULL)
		r = trb_json_uint(doc, v[T_SLACK], 0, TRB_POLICY_SECONDS_MAX, &p->slack_s, err);
	return r < 0 ? r : read_not_before(doc, v[T_NOT_BEFORE], p, err);
}

int trb_policy_read_time(const struct trb_json *doc, const cJSON *item, trb_policy *p,
			 trb_error **err)
{
	static const struct trb_json_field fields[T_FIELDS] = {
		[T_MODE] = { "mode", TRB_JSON_STRING, true },
		[T_BOUND] = { "bound", TRB_JSON_STRING, false },
		[T_SLACK] = { "slack_s", TRB_JSON_UINT, false },
		[T_NOT_BEFORE] = { "not_before", TRB_JSON_STRING, false },
		[T_MAX_AGE] = { "max_age_s", TRB_JSON_UINT, false },
	};
	const cJSON *v[T_FIELDS];
	int r = TRB_JSON_RECORD(doc, item, fields, v, err);

	if (r < 0)
		return r;
	if (trb_json_is_word(v[T_MODE], "archival"))
		return read_archival(doc, v, p, err);
	if (!trb_json_is_word(v[T_MODE], "live"))
		return trb_json_fail(doc, v[T_MODE], err, "must be \"archival\" or \"live\"");
	p->mode = TRB_TIME_LIVE;
	for (size_t i = T_BOUND; i <= T_NOT_BEFORE; i++)
		if (v[i] != NULL)
			return trb_json_fail(doc, v[i], err, "belongs to the mode \"archival\"");
	if (v[T_MAX_AGE] == NULL)
		return trb_json_fail(doc, v[T_MODE], err, "\"live\" needs \"max_age_s\"");
	return trb_json_uint(doc, v[T_MAX_AGE], 1, TRB_POLICY_SECONDS_MAX, &p->max_age_s, err);
}

int trb_policy_not_yet(const struct trb_json *doc, const cJSON *item, const char *what,
		       trb_error **err)
{
	struct trb_json later = *doc;

	later.code = TRB_E_UNSUPPORTED;
	return trb_json_fail(&later, item, err,
			     "this release cannot check %s yet: a later one is needed, or a policy "
			     "that does not demand it",
			     what);
}

int trb_policy_read_endorsers(const struct trb_json *doc, const cJSON *item, trb_policy *p,
			      trb_error **err)
{
	static const struct trb_json_field fields[] = {
		{ "keys", TRB_JSON_ARRAY, false },
		{ "demands", TRB_JSON_ARRAY, true },
	};
	const cJSON *v[2];
	int r;

	(void)p;
	if (item == NULL || trb_json_is_word(item, "none"))
		return TRB_OK;
	r = TRB_JSON_RECORD(doc, item, fields, v, err);
	return r < 0 ? r : trb_policy_not_yet(doc, item, "endorsements", err);
}

int trb_policy_read_revocation(const struct trb_json *doc, const cJSON *item, trb_policy *p,
			       trb_error **err)
{
	static const struct trb_json_field fields[] = { { "lists", TRB_JSON_ARRAY, true } };
	const cJSON *v[1];
	int r;

	(void)p;
	if (item == NULL || trb_json_is_word(item, "none"))
		return TRB_OK;
	r = TRB_JSON_RECORD(doc, item, fields, v, err);
	return r < 0 ? r : trb_policy_not_yet(doc, item, "revocations", err);
}

int trb_policy_read_live(const struct trb_json *doc, const cJSON *item, trb_policy *p,
			 trb_error **err)
{
	(void)p;
	if (item == NULL || trb_json_is_word(item, "none"))
		return TRB_OK;
	if (!cJSON_IsObject(item))
		return trb_json_fail(doc, item, err, "must be \"none\" or an object");
	return trb_policy_not_yet(doc, item, "a running enclave", err);
}
