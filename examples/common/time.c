/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cli.h"

#include <string.h>
#include <time.h>

bool cli_time(const struct cli_command *command, const char *name, const char *text, uint64_t *ret)
{
	struct tm tm = { 0 };
	char again[32] = "";
	const char *end;
	time_t t;

	if (strcmp(text, "now") == 0) {
		t = time(NULL);
		*ret = t > 0 ? (uint64_t)t : 0; /* a clock before 1970 knows no time */
		return true;
	}
	end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	t = end != NULL && *end == '\0' ? timegm(&tm) : -1;
	/* strptime() takes one digit for two and blanks for digits, timegm() makes March 1 of a
	 * February 29 where there is none: all of these come back as another text */
	if (t >= 0)
		strftime(again, sizeof(again), "%Y-%m-%dT%H:%M:%SZ", &tm);
	if (t < 0 || strcmp(text, again) != 0) {
		cli_usage(command->name,
			  "--%s takes 'now' or a UTC time as in 2026-01-31T12:00:00Z", name);
		return false;
	}
	*ret = (uint64_t)t;
	return true;
}
