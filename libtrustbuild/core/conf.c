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

static int add_entry(struct trb_conf *conf, char *piece, const char *const keys[], trb_error **err)
{
	char *value = strchr(piece, '=');
	size_t k = 0;

	if (value == NULL)
		return trb_fail(err, TRB_E_INVAL, "'%s' is not key=value", piece);
	*value++ = '\0';
	while (keys[k] != NULL && strcmp(keys[k], piece) != 0)
		k++;
	if (keys[k] == NULL)
		return unknown_key(piece, keys, err);
	if (trb_conf_get(conf, piece, NULL) != NULL)
		return trb_fail(err, TRB_E_INVAL, "key '%s' appears twice", piece);
	if (conf->n == MAX_KEYS)
		return trb_fail(err, TRB_E_INVAL, "more than %u keys", MAX_KEYS);
	conf->entries[conf->n].key = piece;
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
		int r = add_entry(conf, strsep(&rest, ","), keys, err);

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
