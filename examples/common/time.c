/* SPDX-License-Identifier: Apache-2.0 */
/* Times and durations, as people write them. */
#include "common/cli.h"

#include <errno.h>
#include <stdlib.h>
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

bool cli_duration(const struct cli_command *command, const char *name, const char *text,
		  uint64_t *ret)
{
	static const struct {
		const char *unit;
		uint64_t seconds;
	} units[] = { { "", 1 }, { "s", 1 }, { "m", 60 }, { "h", 3600 }, { "d", 86400 } };
	char *end = NULL;
	uint64_t n;

	errno = 0;
	n = text[0] >= '0' && text[0] <= '9' ? strtoull(text, &end, 10) : 0;
	for (size_t i = 0; end != NULL && errno == 0 && i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(end, units[i].unit) == 0 && n <= UINT64_MAX / units[i].seconds) {
			*ret = n * units[i].seconds;
			return true;
		}
	cli_usage(command->name, "--%s takes seconds, or a number with s, m, h or d, as in 5m",
		  name);
	return false;
}

void cli_show_age(uint64_t now, uint64_t then, char *out, size_t n)
{
	static const struct {
		const char *unit;
		uint64_t seconds;
	} units[] = { { "day", 86400 }, { "hour", 3600 }, { "minute", 60 }, { "second", 1 } };
	uint64_t apart = then > now ? then - now : now - then, count;
	size_t i = 0;

	while (i < 3 && apart < 2 * units[i].seconds)
		i++;
	count = apart / units[i].seconds;
	snprintf(out, n, "%llu %s%s %s", (unsigned long long)count, units[i].unit,
		 count == 1 ? "" : "s", then > now ? "after" : "before");
}
