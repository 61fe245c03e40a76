/* SPDX-License-Identifier: Apache-2.0 */
/* A name among others, and what comes behind its colon. */
#include "core/registry.h"

#include <string.h>

#include "core/buffer.h"
#include "core/cleanup.h"
#include "core/error.h"

#define KNOWN_MAX 512u

static int unknown(const char *what, trb_registry_name name, const char *text, size_t len,
		   trb_error **err)
{
	_cleanup_buf_ struct trb_buf known = { 0 };

	trb_buf_init(&known, KNOWN_MAX);
	for (size_t i = 0; name(i) != NULL; i++)
		trb_buf_addf(&known, "%s%s", i > 0 ? ", " : "", name(i));
	return trb_fail(err, TRB_E_NOTFOUND, "there is no %s '%.*s'; there is: %.*s", what,
			(int)len, text, (int)known.len, (const char *)known.ptr);
}

int trb_registry_find(const char *what, trb_registry_name name, const char *text, size_t *ret_index,
		      const char **ret_options, trb_error **err)
{
	size_t len = text != NULL ? strcspn(text, ":") : 0;

	for (size_t i = 0; name(i) != NULL; i++) {
		if (len == 0 || strlen(name(i)) != len || memcmp(name(i), text, len) != 0)
			continue;
		if (ret_options == NULL && text[len] != '\0')
			return trb_fail(err, TRB_E_INVAL, "%s '%s' takes no options", what,
					name(i));
		*ret_index = i;
		if (ret_options != NULL)
			*ret_options = text + len + (text[len] == ':');
		return TRB_OK;
	}
	return unknown(what, name, text != NULL ? text : "", len, err);
}
