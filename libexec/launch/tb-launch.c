/* SPDX-License-Identifier: Apache-2.0 */
/* tb-launch RUN MEMORY PIDS: see host/launch.h for its descriptors. */
#include <stdio.h>

#include "host/launch.h"

int main(int argc, char **argv)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	struct trb_launch launch = { .run = argc > 1 ? argv[1] : "" };
	int status = TRB_LAUNCH_FAILED;

	if (argc != 4 || !trb_launch_limit_parse(argv[2], &launch.memory) ||
	    !trb_launch_limit_parse(argv[3], &launch.pids)) {
		fprintf(stderr, "tb-launch is started by libtrustbuild, not by hand\n");
		return TRB_LAUNCH_FAILED;
	}
	if (trb_launch(&launch, &status, &err) < 0)
		trb_launch_report(err);
	return status;
}
