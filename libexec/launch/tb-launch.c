/* SPDX-License-Identifier: Apache-2.0 */
/* tb-launch: see host/tee/launcher.h for its arguments and descriptors. */
#include <stdio.h>
#include <string.h>

#include "launch/launch.h"

#define SWEEP_TRIES 100u

int main(int argc, char **argv)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	struct trb_launch launch = { .run = argc > 1 ? argv[1] : "" };
	int status = TRB_LAUNCH_FAILED;

	if (argc == 2 && strcmp(argv[1], TRB_LAUNCH_SWEEP) == 0) {
		trb_cgroup_sweep(SWEEP_TRIES);
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], TRB_LAUNCH_NEEDS) == 0) {
		trb_launch_check();
		return 0;
	}
	if (argc != 4 || !trb_launch_limit_parse(argv[2], &launch.memory) ||
	    !trb_launch_limit_parse(argv[3], &launch.pids)) {
		fprintf(stderr, "tb-launch is started by libtrustbuild, not by hand\n");
		return TRB_LAUNCH_FAILED;
	}
	if (trb_launch(&launch, &status, &err) < 0)
		trb_launch_report(err);
	return status;
}
