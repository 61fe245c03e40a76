/* SPDX-License-Identifier: Apache-2.0 */
/* tb-launch RUN MEMORY PIDS demand|default: see host/launch.h for its descriptors. */
#include <stdio.h>

#include "host/launch.h"

int main(int argc, char **argv)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	struct trb_launch launch;
	int status = TRB_LAUNCH_FAILED;

	if (argc != 5 || (strcmp(argv[4], "demand") != 0 && strcmp(argv[4], "default") != 0)) {
		fprintf(stderr, "tb-launch is started by libtrustbuild, not by hand\n");
		return TRB_LAUNCH_FAILED;
	}
	launch = (struct trb_launch){ argv[1], strtoull(argv[2], NULL, 10),
				      strtoull(argv[3], NULL, 10), strcmp(argv[4], "demand") == 0 };
	if (trb_launch(&launch, &status, &err) < 0)
		trb_launch_report(err);
	return status;
}
