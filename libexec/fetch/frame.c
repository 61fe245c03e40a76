/* SPDX-License-Identifier: Apache-2.0 */
/* Frames to the parent, and what people are told on the way. */
#include <stdarg.h>
#include <stdio.h>

#include "core/io.h"
#include "fetch/fetch.h"

int fetch_frame(struct fetch *f, unsigned type, trb_bytes body, trb_error **err)
{
	uint8_t head[TRB_FETCH_HEADER];
	int r;

	trb_fetch_header_encode(type, body.len, head);
	r = trb_write_full(f->out, TRB_BYTES(head, sizeof(head)), err);
	if (r == TRB_OK)
		r = trb_write_full(f->out, body, err);
	f->broken |= r < 0;
	return r;
}

int fetch_progress(struct fetch *f, const char *fmt, ...)
{
	char text[TRB_FETCH_TEXT_MAX];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0)
		return TRB_OK;
	n = n < (int)sizeof(text) ? n : (int)sizeof(text) - 1;
	return fetch_frame(f, TRB_FETCH_PROGRESS, TRB_BYTES(text, n), NULL);
}
