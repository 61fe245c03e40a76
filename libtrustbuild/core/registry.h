/* SPDX-License-Identifier: Apache-2.0 */
/* Choosing one of several by name: "name" or "name:key=value,…", for enclaves, logs and sandboxes.
 */
#ifndef TRB_CORE_REGISTRY_H
#define TRB_CORE_REGISTRY_H

#include <stddef.h>

#include <trustbuild/error.h>

/* The name at index; NULL past the last one. */
typedef const char *(*trb_registry_name)(size_t index);

/* Which one text names; *ret_options is what comes behind the colon, or "".  Where ret_options is
 * NULL, nothing may come there.  what is for people, such as "log backend".  Errors:
 * TRB_E_NOTFOUND, with the names that there are; TRB_E_INVAL. */
int trb_registry_find(const char *what, trb_registry_name name, const char *text, size_t *ret_index,
		      const char **ret_options, trb_error **err);

#endif
