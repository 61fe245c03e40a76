/* SPDX-License-Identifier: Apache-2.0 */
/* The TEEs that are compiled in. */
#include "host/tee/process.h"

/* Never a fallback from one to another: the caller names what it wants. */
static const trb_tee_ops *const tees[] = {
	&trb_tee_process,
};

const trb_tee_ops *trb_tee_get(size_t index)
{
	return index < sizeof(tees) / sizeof(tees[0]) ? tees[index] : NULL;
}
