/* SPDX-License-Identifier: Apache-2.0 */
/* Times as text: RFC 3339 in UTC with whole seconds and a capital Z, years 1970 to 9999.  No clock.
 */
#ifndef TRB_FORMAT_TIMES_H
#define TRB_FORMAT_TIMES_H

#include "core/bytes.h"

#define TRB_TIME_TEXT 21 /* 2026-01-31T12:00:00Z and a NUL */

/* false after the year 9999. */
bool trb_time_format(uint64_t seconds, char text[TRB_TIME_TEXT]);
/* The one spelling that trb_time_format() writes. */
bool trb_time_parse(trb_bytes text, uint64_t *ret_seconds);

#endif
