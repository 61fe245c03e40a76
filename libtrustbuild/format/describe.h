/* SPDX-License-Identifier: Apache-2.0 */
/* What evidence says about itself, for people and tools that only look. */
#ifndef TRB_FORMAT_DESCRIBE_H
#define TRB_FORMAT_DESCRIBE_H

#include "core/bytes.h"

/* What a leaf says about itself as JSON; nothing is verified.  Errors: TRB_E_FORMAT, TRB_E_NOMEM.
 */
int trb_leaf_describe(trb_bytes leaf, uint64_t index, trb_blob **ret_json, trb_error **err);

#endif
