/* SPDX-License-Identifier: Apache-2.0 */
/* "key=value,…" as backends take their options. */
#include "core/conf.h"

#define MAX_KEYS 16u

struct trb_conf {
	char *text; /* cut into pieces */
	size_t n;
	struct {
		const char *key, *value;
	} entries[MAX_KEYS];
};

static int unknown_key(const char *key, const char *const keys[], trb_error **err)
{
	_cleanup_buf_ struct trb_buf known = { 0 };

	trb_buf_init(&known, 512);
	for (size_t i = 0; keys[i] != NULL; i++)
		trb_buf_addf(&known, "%s%s", i > 0 ? ", " : "", keys[i]);
	return trb_fail(err, TRB_E_INVAL, "unknown key '%s' (known here: %.*s)", key,
			(int)known.len, (const char *)known.ptr);
}

static int check_key(const struct trb_conf *conf, const char *key, const char *const keys[],
		     trb_error **err)
{
	size_t k = 0;

	while (keys[k] != NULL && strcmp(keys[k], key) != 0)
		k++;
	if (keys[k] == NULL)
		return unknown_key(key, keys, err);
	if (trb_conf_get(conf, key, NULL) != NULL)
		return trb_fail(err, TRB_E_INVAL, "key '%s' appears twice", key);
	if (conf->n == MAX_KEYS)
		return trb_fail(err, TRB_E_INVAL, "more than %u keys", MAX_KEYS);
	return TRB_OK;
}

/* "…" with \" and \\ for these two, which is written over itself without them. */
static int unquote(char **rest, const char *key, trb_error **err)
{
	const char *from = *rest + 1;
	char *to = *rest;

	for (; *from != '"'; from++) {
		bool escaped = *from == '\\';

		from += escaped;
		if (*from == '\0' || (escaped && *from != '"' && *from != '\\'))
			return trb_fail(
				err, TRB_E_INVAL,
				"the value of '%s' begins with a quote that does not end, or "
				"has a backslash before what needs none",
				key);
		*to++ = *from;
	}
	*to = '\0';
	*rest = (char *)(uintptr_t)from + 1;
	return TRB_OK;
}

/* Takes one key=value off *rest, and the comma behind it; *rest becomes NULL at the end. */
static int take_entry(struct trb_conf *conf, char **rest, const char *const keys[], trb_error **err)
{
	char *key = *rest, *value = key + strcspn(key, "=,"), *end;
	int r;

	if (*value != '=')
		return trb_fail(err, TRB_E_INVAL, "'%.*s' is not key=value", (int)(value - key),
				key);
	*value++ = '\0';
	r = check_key(conf, key, keys, err);
	if (r < 0)
		return r;
	end = value;
	if (*value == '"')
		r = unquote(&end, key, err);
	else
		end += strcspn(end, ",");
	if (r == TRB_OK && *end != '\0' && *end != ',')
		r = trb_fail(err, TRB_E_INVAL, "a comma has to follow the quoted value of '%s'",
			     key);
	if (r < 0)
		return r;
	*rest = *end == ',' ? end + 1 : NULL;
	*end = '\0';
	conf->entries[conf->n].key = key;
	conf->entries[conf->n++].value = value;
	return TRB_OK;
}

int trb_conf_parse(const char *text, const char *const keys[], struct trb_conf **ret,
		   trb_error **err)
{
	_cleanup_(trb_conf_freep) struct trb_conf *conf = calloc(1, sizeof(*conf));
	char *rest;

	if (conf == NULL || (conf->text = strdup(text)) == NULL)
		return trb_fail_nomem(err);
	rest = conf->text[0] != '\0' ? conf->text : NULL;
	while (rest != NULL) {
		int r = take_entry(conf, &rest, keys, err);

		if (r < 0)
			return r;
	}
	*ret = steal_ptr(&conf);
	return TRB_OK;
}

struct trb_conf *trb_conf_free(struct trb_conf *conf)
{
	if (conf != NULL)
		free(conf->text);
	free(conf);
	return NULL;
}

const char *trb_conf_get(const struct trb_conf *conf, const char *key, const char *dflt)
{
	for (size_t i = 0; i < conf->n; i++)
		if (strcmp(conf->entries[i].key, key) == 0)
			return conf->entries[i].value;
	return dflt;
}

int trb_conf_uint(const struct trb_conf *conf, const char *key, uint64_t max, uint64_t dflt,
		  uint64_t *ret, trb_error **err)
{
	const char *text = trb_conf_get(conf, key, NULL);
	char *end = NULL;
	unsigned long long value;

	if (text == NULL) {
		*ret = dflt;
		return TRB_OK;
	}
	errno = 0;
	value = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value > max)
		return trb_fail(err, TRB_E_INVAL, "%s '%s' is not a number up to %llu", key, text,
				(unsigned long long)max);
	*ret = value;
	return TRB_OK;
}
