/* SPDX-License-Identifier: Apache-2.0 */
/* The caller's resource limits, which everything in the enclave inherits. */
#include "launch/launch.h"

#include <stdio.h>
#include <sys/resource.h>

/* What gVisor needs to start: its memory is one file that grows in steps of a gigabyte, and its
 * address space is far larger than what it uses. */
static const struct need {
	__rlimit_resource_t what;
	const char *name, *option, *unit;
	rlim_t least;
} needs[] = {
	{ RLIMIT_NOFILE, "open files", "-n", "", 1024 },
	{ RLIMIT_FSIZE, "the size of files", "-f", " bytes", (rlim_t)64 << 30 },
	{ RLIMIT_AS, "address space", "-v", " bytes", (rlim_t)1 << 40 },
	{ RLIMIT_DATA, "data", "-d", " bytes", (rlim_t)64 << 30 },
	{ RLIMIT_NPROC, "processes", "-u", "", 256 },
	{ RLIMIT_CPU, "processor time", "-t", " s", 0 },
};

static int raise_one(const struct need *need, trb_error **err)
{
	struct rlimit limit, more;

	if (getrlimit(need->what, &limit) < 0)
		return trb_fail_errno(err, errno, "ask for the limit of %s", need->name);
	more = (struct rlimit){ limit.rlim_max, limit.rlim_max };
	if (limit.rlim_max < need->least) {
		more = (struct rlimit){ need->least, need->least };
		if (setrlimit(need->what, &more) < 0)
			return trb_fail(err, TRB_E_UNSUPPORTED,
					"the caller's limit of %s (ulimit %s) is too low for an "
					"enclave: raise it to at least %llu%s, where it is set for "
					"this shell or service",
					need->name, need->option, (unsigned long long)need->least,
					need->unit);
	} else if (limit.rlim_cur != limit.rlim_max && setrlimit(need->what, &more) < 0) {
		return trb_fail_errno(err, errno, "raise the limit of %s", need->name);
	}
	return TRB_OK;
}

void trb_launch_limits_low(char *text, size_t size)
{
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]) && n < size; i++) {
		struct rlimit limit;

		if (getrlimit(needs[i].what, &limit) == 0 && limit.rlim_max < needs[i].least)
			n += (size_t)snprintf(text + n, size - n,
					      "%sulimit -H%s is %llu, wanted is %llu",
					      n > 0 ? ", " : "", needs[i].option + 1,
					      (unsigned long long)limit.rlim_max,
					      (unsigned long long)needs[i].least);
	}
}

int trb_launch_limits(trb_error **err)
{
	int r = TRB_OK;

	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]) && r == TRB_OK; i++)
		r = raise_one(&needs[i], err);
	return r;
}
