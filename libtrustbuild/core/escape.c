/* SPDX-License-Identifier: Apache-2.0 */
/* Outside text on a terminal: one rule for reports, programs and bindings. */
#include <inttypes.h>
#include <stdio.h>

#include "core/bytes.h"
#include "core/hidden.h"

/* Does it act on the terminal, hide, or change its neighbours? */
static bool is_hidden(uint32_t c)
{
	size_t low = 0, high = sizeof(trb_hidden) / sizeof(trb_hidden[0]);

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (c > trb_hidden[middle].last)
			low = middle + 1;
		else
			high = middle;
	}
	return low < sizeof(trb_hidden) / sizeof(trb_hidden[0]) && c >= trb_hidden[low].first;
}

size_t trb_escape_char(trb_bytes text, char shown[TRB_ESCAPED_SIZE])
{
	uint32_t c = 0;
	size_t n;

	shown[0] = '\0';
	if (text.len == 0)
		return 0;
	n = trb_utf8_char(text, &c);
	if (n == 0 || (c < 0x80 && is_hidden(c)))
		snprintf(shown, TRB_ESCAPED_SIZE, "\\x%02x", text.ptr[0]);
	else if (is_hidden(c))
		snprintf(shown, TRB_ESCAPED_SIZE, "\\u{%" PRIx32 "}", c);
	else if (c == '\\')
		snprintf(shown, TRB_ESCAPED_SIZE, "\\\\");
	else
		snprintf(shown, TRB_ESCAPED_SIZE, "%.*s", (int)n, (const char *)text.ptr);
	return n == 0 ? 1 : n;
}
