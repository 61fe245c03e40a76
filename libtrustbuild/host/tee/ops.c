/* SPDX-License-Identifier: Apache-2.0 */
/* Whether this library can work with a table of a backend. */
#include "host/tee/ops.h"

#include "core/error.h"

int trb_tee_check_table(const trb_tee_ops *ops, trb_error **err)
{
	if (ops->abi < 1 || ops->abi > TRB_BACKEND_ABI || ops->size < TRB_TEE_FIRST_SIZE)
		return trb_fail(err, TRB_E_ABI,
				"a backend's table of ABI %u and %u bytes: this library knows 1 to "
				"%u, of at least %zu bytes",
				ops->abi, ops->size, TRB_BACKEND_ABI, TRB_TEE_FIRST_SIZE);
	if (ops->name == NULL || ops->open == NULL || ops->explain == NULL || ops->kill == NULL ||
	    ops->close == NULL || ops->drop == NULL ||
	    (ops->boot == NULL && !trb_tee_has_steps(ops)))
		return trb_fail(err, TRB_E_ABI,
				"a backend's table lacks what each must have: name, open, boot (or "
				"begin and step), explain, kill, close, drop");
	return TRB_OK;
}
