/* SPDX-License-Identifier: Apache-2.0 */
/* trustbuild.json: docs/spec/recipe.md.  At most 64 KiB of gated JSON. */
#ifndef TRB_FORMAT_RECIPE_H
#define TRB_FORMAT_RECIPE_H

#include "format/facts.h"

struct trb_command {
	char **argv; /* NULL-terminated */
};
struct trb_env_var {
	char *name, *value;
};
struct trb_recipe {
	size_t n_commands, n_after;
	struct trb_command *commands; /* at least one */
	struct trb_command *after;    /* after_attestation */
	size_t n_artifacts;
	char **artifacts; /* patterns, relative to the tree */
	size_t n_env;
	struct trb_env_var *env;
	size_t n_network;
	char **network; /* "host:port" */
	/* limits; the defaults where the recipe is silent */
	uint64_t memory_mib, pids, wall_s, disk_mib, output_mib;
};
/* Errors are TRB_E_FORMAT and name line and field. */
int trb_recipe_parse(trb_bytes json, struct trb_recipe **ret, trb_error **err);
struct trb_recipe *trb_recipe_free(struct trb_recipe *recipe);

#endif
