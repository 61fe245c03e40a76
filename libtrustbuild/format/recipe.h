/* SPDX-License-Identifier: Apache-2.0 */
/* trustbuild.json: docs/spec/recipe.md.  At most 64 KiB of gated JSON. */
#ifndef TRB_FORMAT_RECIPE_H
#define TRB_FORMAT_RECIPE_H

#include "format/facts.h"

#define TRB_RECIPE_NAME      "trustbuild.json"
#define TRB_RECIPE_COMMANDS  256u
#define TRB_RECIPE_ARGUMENTS 1024u
#define TRB_RECIPE_PATTERNS  64u
#define TRB_RECIPE_VARIABLES 64u
#define TRB_PATTERN_STARS    8u

struct trb_command {
	char **argv; /* NULL-terminated */
};
struct trb_env_var {
	char *name, *value;
};
struct trb_recipe {
	uint64_t version; /* 1 or 2 */
	size_t n_commands, n_after;
	struct trb_command *commands; /* at least one */
	struct trb_command *after;    /* after_attestation */
	size_t n_artifacts;
	char **artifacts; /* patterns, relative to the tree */
	size_t n_env;
	struct trb_env_var *env;
	size_t n_network;
	char **network; /* "host:port", lower case, unique */
	/* limits; the defaults where the recipe is silent */
	uint64_t memory_mib, pids, wall_s, disk_mib, output_mib;
};
/* Errors are TRB_E_FORMAT with check id "recipe.parse" and name line and field, TRB_E_UNSUPPORTED
 * with the same for a name of version 2 that needs a later release; TRB_E_LIMIT, TRB_E_NOMEM. */
int trb_recipe_parse(trb_bytes json, struct trb_recipe **ret, trb_error **err);
struct trb_recipe *trb_recipe_free(struct trb_recipe *recipe);
TRB_DEFINE_CLEANUP(struct trb_recipe *, trb_recipe_free);

/* NULL where text is good, else a static sentence that says what is wrong. */
const char *trb_pattern_fault(trb_bytes pattern);
/* Says whether an artifact's name matches a good pattern: * and ? match within one step of the path
 * and never a dot at a step's beginning; everything else stands for itself. */
bool trb_pattern_match(const char *pattern, const char *name);

#endif
