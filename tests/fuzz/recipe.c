/* SPDX-License-Identifier: Apache-2.0 */
/* Recipes: what is read keeps its bounds. */
#include <stdlib.h>

#include "format/recipe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct trb_recipe *recipe = NULL;
	trb_error *err = NULL;

	if (size > TRB_RECIPE_MAX + 1)
		return 0;
	if (trb_recipe_parse(TRB_BYTES(data, size), &recipe, &err) == TRB_OK) {
		if (recipe->n_commands == 0 || recipe->n_artifacts == 0 || recipe->pids == 0)
			abort();
		for (size_t i = 0; i < recipe->n_artifacts; i++)
			if (recipe->artifacts[i][0] == '/' ||
			    trb_pattern_match(recipe->artifacts[i], "../x"))
				abort();
	} else if (recipe != NULL || err == NULL) {
		abort();
	}
	trb_recipe_free(recipe);
	trb_error_unref(err);
	return 0;
}
