/* SPDX-License-Identifier: Apache-2.0 */
/* Policies: what loads demands something. */
#include <stdlib.h>

#include "core/cleanup.h"
#include "verifier/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	trb_policy *policy = NULL;
	trb_error *err = NULL;

	if (size > TRB_POLICY_MAX + 1)
		return 0;
	if (trb_policy_parse(TRB_BYTES(data, size), &policy, &err) == TRB_OK) {
		if (policy->n_roots == 0 || policy->n_measurements == 0)
			abort();
		for (size_t i = 0; i < policy->n_measurements; i++)
			if ((policy->measurements[i].mask & 7) != 7)
				abort();
	} else if (policy != NULL || err == NULL) {
		abort();
	}
	trb_policy_unref(policy);
	trb_error_unref(err);
	return 0;
}
