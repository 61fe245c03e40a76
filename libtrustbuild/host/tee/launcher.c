/* SPDX-License-Identifier: Apache-2.0 */
/* The arguments of tb-launch, as text. */
#include "host/tee/launcher.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

void trb_launch_limit_put(struct trb_launch_limit limit, char text[TRB_LAUNCH_LIMIT_BYTES])
{
	snprintf(text, TRB_LAUNCH_LIMIT_BYTES, "%llu%s", (unsigned long long)limit.value,
		 limit.demanded ? "" : "?");
}

bool trb_launch_limit_parse(const char *text, struct trb_launch_limit *ret)
{
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	ret->value = strtoull(text, &end, 10);
	ret->demanded = *end == '\0';
	return errno == 0 && (ret->demanded || strcmp(end, "?") == 0);
}
