/* SPDX-License-Identifier: Apache-2.0 */
/* "name:key=value,key=value" of backends and of the enclave's boot line. */
#ifndef TRB_CORE_CONF_H
#define TRB_CORE_CONF_H

#include "core/cleanup.h"
#include "core/error.h"

struct trb_conf;

/* Splits text at commas.  A value that begins with a quote goes to the next one, so that it may
 * hold commas; in it \" is a quote and \\ a backslash.  Every key must be one of keys
 * (NULL-terminated) and appear once.  Empty text has no keys.  Errors: TRB_E_INVAL with the key,
 * TRB_E_NOMEM. */
int trb_conf_parse(const char *text, const char *const keys[], struct trb_conf **ret,
		   trb_error **err);
struct trb_conf *trb_conf_free(struct trb_conf *conf);
/* A key's value, or dflt where it is absent. */
const char *trb_conf_get(const struct trb_conf *conf, const char *key, const char *dflt);
/* A decimal number of at most max. */
int trb_conf_uint(const struct trb_conf *conf, const char *key, uint64_t max, uint64_t dflt,
		  uint64_t *ret, trb_error **err);

TRB_DEFINE_CLEANUP(struct trb_conf *, trb_conf_free);

#endif
