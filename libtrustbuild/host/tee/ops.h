/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of backends, which may be older than this library. */
#ifndef TRB_HOST_TEE_OPS_H
#define TRB_HOST_TEE_OPS_H

#include <stddef.h>

#include <trustbuild/sys/backend.h>

/* All of a table of ABI 1. */
#define TRB_TEE_FIRST_SIZE offsetof(trb_tee_ops, assurance)

/* Is this slot there, and filled? */
#define TRB_TEE_HAS(ops, slot) \
	((ops)->size >= offsetof(trb_tee_ops, slot) + sizeof((ops)->slot) && (ops)->slot)

/* Can this library work with the table?  Errors: TRB_E_ABI. */
int trb_tee_check_table(const trb_tee_ops *ops, trb_error **err);
/* "name:options" among those that are compiled in. */
int trb_tee_find(const char *backend, const trb_tee_ops **ret_ops, const char **ret_options,
		 trb_error **err);
/* Does it start enclaves without waiting? */
static inline int trb_tee_has_steps(const trb_tee_ops *ops)
{
	return TRB_TEE_HAS(ops, begin) && TRB_TEE_HAS(ops, step);
}

#endif
