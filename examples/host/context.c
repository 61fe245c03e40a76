/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "host/commands.h"

int host_context(const char *program, trb_context **ret_context)
{
	const char *libexec = getenv("TRUSTBUILD_LIBEXEC");
	trb_context *context = NULL;
	trb_error *err = NULL;
	int r = trb_context_new(&context, &err);

	if (r == TRB_OK && libexec != NULL)
		r = trb_context_set_libexec_dir(context, libexec, &err);
	if (r < 0) {
		int status = cli_error(program, err);

		trb_error_unref(err);
		trb_context_unref(context);
		return status;
	}
	trb_context_set_log_sink(context, cli_progress_sink, NULL);
	*ret_context = context;
	return CLI_OK;
}
