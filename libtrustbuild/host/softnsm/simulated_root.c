/* SPDX-License-Identifier: Apache-2.0 */
/* The development root, for policies that trust it. */
#include <trustbuild/session.h>

#include "core/context.h"
#include "core/error.h"
#include "core/state.h"
#include "host/softnsm/chain.h"

int trb_simulated_root_load(trb_context *context, trb_blob **ret_der, trb_error **err)
{
	struct trb_softnsm_root root = { 0 };
	const char *state_dir;
	int r;

	if (context == NULL || ret_der == NULL)
		return trb_fail(err, TRB_E_INVAL, "trb_simulated_root_load: no context");
	r = trb_state_open(context, &state_dir, err);
	if (r < 0)
		return r;
	r = trb_softnsm_root_load(state_dir, &root, err);
	if (r == TRB_OK)
		*ret_der = trb_blob_ref(root.der);
	trb_softnsm_root_clear(&root);
	return r;
}
