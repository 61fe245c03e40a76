/* SPDX-License-Identifier: Apache-2.0 */
/* The log that tb-host build publishes in. */
#include <string.h>

#include "host/build.h"

int build_open_log(trb_context *context, const char *name, bool make, trb_log **ret_log,
		   trb_error **err)
{
	trb_error *first = NULL;
	trb_blob *vkey = NULL;
	int r = trb_log_open(context, name, ret_log, &first);

	/* the embedded default makes itself; a log that was named has to be there */
	if (r != TRB_E_NOTFOUND || strcmp(name, "local") != 0) {
		*err = first;
		return r;
	}
	trb_error_unref(first);
	if (!make)
		return TRB_OK;
	r = trb_log_init(context, name, NULL, &vkey, err);
	if (r == TRB_OK)
		cli_say("a new log; its key, for policies: %.*s", (int)trb_blob_bytes(vkey).len,
			(const char *)trb_blob_bytes(vkey).ptr);
	trb_blob_unref(vkey);
	return r == TRB_OK ? trb_log_open(context, name, ret_log, err) : r;
}
