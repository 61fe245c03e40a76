/* SPDX-License-Identifier: Apache-2.0 */
/* Check ids as they come from another process: which of ours is it? */
#include "format/check_ids.h"

const char *trb_check_id(trb_bytes text)
{
#define ID(id) id,
	static const char *const ids[] = { TRB_CHECK_IDS(ID) };
#undef ID

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		if (trb_bytes_eq_str(text, ids[i]))
			return ids[i];
	return NULL;
}
