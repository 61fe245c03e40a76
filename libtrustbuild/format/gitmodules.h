/* SPDX-License-Identifier: Apache-2.0 */
/* .gitmodules: which repository a submodule comes from. */
#ifndef TRB_FORMAT_GITMODULES_H
#define TRB_FORMAT_GITMODULES_H

#include "core/buffer.h"

struct trb_gitmodule {
	char *name, *path, *url; /* path and url may be NULL: not said */
};
struct trb_gitmodules {
	size_t n;
	struct trb_gitmodule *modules;
};

/* Reads the subset of git's configuration syntax that .gitmodules files use: sections, "key =
 * value" lines, comments, quotes and backslash escapes; no continued lines, no includes.  A name or
 * key that comes twice is an error.  Errors: TRB_E_FORMAT with the line, TRB_E_NOMEM. */
int trb_gitmodules_parse(trb_bytes text, struct trb_gitmodules *ret, trb_error **err);
void trb_gitmodules_clear(struct trb_gitmodules *modules);

/* The URL of the submodule at path (relative to its own superproject), whose URL is parent:
 * relative URLs are put together, and the result obeys the grammar of repository URLs.  Errors:
 * TRB_E_FORMAT, TRB_E_NOMEM. */
int trb_gitmodules_url(const struct trb_gitmodules *modules, trb_bytes path, const char *parent,
		       char **ret_url, trb_error **err);

#endif
