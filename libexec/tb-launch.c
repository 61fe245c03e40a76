/* SPDX-License-Identifier: Apache-2.0 */
/* tb-launch RUN MEMORY PIDS: see host/launch.h for its descriptors. */
#include <stdio.h>

#include "host/launch.h"

int main(int argc, char **argv)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	struct trb_launch launch;
	int status = TRB_LAUNCH_FAILED;

	if (argc != 4) {
		fprintf(stderr, "tb-launch is started by libtrustbuild, not by hand\n");
		return TRB_LAUNCH_FAILED;
	}
	launch = (struct trb_launch){ argv[1], strtoull(argv[2], NULL, 10),
				      strtoull(argv[3], NULL, 10) };
	if (trb_launch(&launch, &status, &err) == TRB_OK)
		return status;
	for (const trb_error *e = err; e != NULL; e = trb_error_cause(e))
		dprintf(TRB_LAUNCH_REPORT, "%s%s", trb_error_message(e),
			trb_error_cause(e) != NULL ? ": " : "");
	return TRB_LAUNCH_FAILED;
}
