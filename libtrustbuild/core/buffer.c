/* SPDX-License-Identifier: Apache-2.0 */
/* A growing byte buffer whose ceiling is fixed at birth. */
#include "core/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/error.h"

#define FIRST_CAPACITY 256

void trb_buf_init(struct trb_buf *b, size_t max)
{
	*b = (struct trb_buf){ .max = max };
}

void trb_buf_clear(struct trb_buf *b)
{
	free(b->ptr);
	b->ptr = NULL;
	b->len = b->cap = 0;
}

static int buf_fail(struct trb_buf *b, int code)
{
	trb_buf_clear(b);
	b->status = code;
	return code;
}

static int buf_reserve(struct trb_buf *b, size_t n)
{
	size_t cap = b->cap > 0 ? b->cap : FIRST_CAPACITY;
	uint8_t *ptr;

	if (b->status < 0)
		return b->status;
	if (n > b->max - b->len)
		return buf_fail(b, TRB_E_LIMIT);
	if (n <= b->cap - b->len)
		return TRB_OK;
	while (cap - b->len < n)
		cap = cap > SIZE_MAX / 2 ? b->len + n : cap * 2;
	ptr = realloc(b->ptr, cap);
	if (ptr == NULL)
		return buf_fail(b, TRB_E_NOMEM);
	b->ptr = ptr;
	b->cap = cap;
	return TRB_OK;
}

uint8_t *trb_buf_grow(struct trb_buf *b, size_t n)
{
	uint8_t *room;

	if (buf_reserve(b, n) < 0)
		return NULL;
	room = b->ptr + b->len;
	b->len += n;
	return room;
}

int trb_buf_add(struct trb_buf *b, trb_bytes bytes)
{
	int r = buf_reserve(b, bytes.len);

	if (r < 0 || bytes.len == 0)
		return r;
	memcpy(b->ptr + b->len, bytes.ptr, bytes.len);
	b->len += bytes.len;
	return TRB_OK;
}

int trb_buf_add_str(struct trb_buf *b, const char *s)
{
	return trb_buf_add(b, trb_bytes_str(s));
}

int trb_buf_add_byte(struct trb_buf *b, uint8_t c)
{
	return trb_buf_add(b, TRB_BYTES(&c, 1));
}

int trb_buf_addf(struct trb_buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	/* vsnprintf() writes a NUL behind the text: reserve it, do not count it */
	if (n < 0 || buf_reserve(b, (size_t)n + 1) < 0)
		return b->status < 0 ? b->status : buf_fail(b, TRB_E_INVAL);
	va_start(ap, fmt);
	vsnprintf((char *)b->ptr + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
	return TRB_OK;
}

trb_bytes trb_buf_bytes(const struct trb_buf *b)
{
	return TRB_BYTES(b->ptr, b->len);
}

int trb_buf_check(const struct trb_buf *b, const char *what, trb_error **err)
{
	if (b->status == TRB_E_LIMIT)
		return trb_fail(err, TRB_E_LIMIT, "%s is larger than %zu bytes", what, b->max);
	if (b->status == TRB_E_NOMEM)
		return trb_fail_nomem(err);
	return b->status < 0 ? trb_fail(err, b->status, "%s cannot be made", what) : TRB_OK;
}

int trb_buf_to_blob(struct trb_buf *b, const char *what, trb_blob **ret_blob, trb_error **err)
{
	int r = trb_buf_check(b, what, err);
	uint8_t *ptr = b->ptr;
	size_t len = b->len;

	if (r < 0)
		return r;
	if (ptr == NULL)
		return trb_blob_new(TRB_BYTES_NULL, ret_blob, err);
	b->ptr = NULL;
	trb_buf_clear(b);
	return trb_blob_adopt(ptr, len, ret_blob, err);
}

int trb_buf_to_str(struct trb_buf *b, const char *what, char **ret_str, trb_error **err)
{
	int r;

	b->max = b->max == SIZE_MAX ? b->max : b->max + 1;
	trb_buf_add_byte(b, '\0');
	r = trb_buf_check(b, what, err);
	if (r < 0)
		return r;
	*ret_str = (char *)b->ptr;
	b->ptr = NULL;
	trb_buf_clear(b);
	return TRB_OK;
}
