/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cli.h"

#include <string.h>
#include <time.h>

bool cli_time(const struct cli_command *command, const char *name, const char *text, uint64_t *ret)
{
	struct tm tm = { 0 }, given;
	const char *end;
	time_t t;

	if (strcmp(text, "now") == 0) {
		*ret = (uint64_t)time(NULL);
		return true;
	}
	end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	given = tm;
	t = end != NULL && *end == '\0' ? timegm(&tm) : -1;
	/* timegm() makes March 1 of February 29 where there is none */
	if (t < 0 || tm.tm_mday != given.tm_mday || tm.tm_hour != given.tm_hour ||
	    tm.tm_min != given.tm_min || tm.tm_sec != given.tm_sec) {
		cli_usage(command->name,
			  "--%s takes 'now' or a UTC time as in 2026-01-31T12:00:00Z", name);
		return false;
	}
	*ret = (uint64_t)t;
	return true;
}
