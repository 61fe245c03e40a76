/* SPDX-License-Identifier: Apache-2.0 */
/* What the helper program tb-launch and its parent say to each other: descriptors, arguments, exit
 * statuses.
 *
 *   tb-launch RUN MEMORY PIDS   runs the enclave to its end
 *   tb-launch sweep             removes the cgroups of launchers that were killed themselves
 *   tb-launch needs             looks at what an enclave needs here, a line for each thing:
 *                               "NAME\tGOOD\tNEEDED\tDETAIL\tREMEDY", 1 or 0 the second and third
 */
#ifndef TRB_HOST_TEE_LAUNCHER_H
#define TRB_HOST_TEE_LAUNCHER_H

#include "core/bytes.h"

/* tb-launch's descriptors besides 1, which is the enclave's console as well. */
enum {
	TRB_LAUNCH_LIFELINE = 0, /* a pipe: the enclave dies when its other end is closed */
	TRB_LAUNCH_CONSOLE = 2,  /* what people are told */
	TRB_LAUNCH_USERLAND = 3, /* directory that becomes the enclave's / */
	TRB_LAUNCH_RUNS = 4,     /* directory of the run directories */
	TRB_LAUNCH_PORTS = 5,    /* directory of the port sockets */
	TRB_LAUNCH_REPORT = 6,   /* why there is no enclave: "CODE text" */
	TRB_LAUNCH_LOCK = 7,     /* held open for its lock alone */
	TRB_LAUNCH_FDS = 8,
};

/* Exit statuses of tb-launch that are not /init's own. */
#define TRB_LAUNCH_FAILED 125 /* never started; the report says why */
#define TRB_LAUNCH_CUT    126 /* the lifeline was cut */

#define TRB_LAUNCH_SWEEP "sweep"
#define TRB_LAUNCH_NEEDS "needs"

/* A limit of the whole enclave; 0: none. */
struct trb_launch_limit {
	uint64_t value;
	bool demanded; /* without it there is no enclave */
};

/* A limit as tb-launch's argument: a number, and "?" behind it where it is not demanded. */
#define TRB_LAUNCH_LIMIT_BYTES 24
void trb_launch_limit_put(struct trb_launch_limit limit, char text[TRB_LAUNCH_LIMIT_BYTES]);
bool trb_launch_limit_parse(const char *text, struct trb_launch_limit *ret);

#endif
