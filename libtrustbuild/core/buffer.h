/* SPDX-License-Identifier: Apache-2.0 */
/* A growing byte buffer whose ceiling is fixed at birth. */
#ifndef TRB_CORE_BUFFER_H
#define TRB_CORE_BUFFER_H

#include "core/bytes.h"

struct trb_buf {
	uint8_t *ptr;
	size_t len, cap, max;
	int status; /* the first failure sticks: check once, at the end */
};

void trb_buf_init(struct trb_buf *b, size_t max);
/* Frees the bytes; the ceiling stays.  Works on a zeroed buffer. */
void trb_buf_clear(struct trb_buf *b);

/* Each returns TRB_OK, TRB_E_LIMIT or TRB_E_NOMEM; after a failure all later ones return the same,
 * and the contents are gone. */
int trb_buf_add(struct trb_buf *b, trb_bytes bytes);
int trb_buf_add_str(struct trb_buf *b, const char *s);
int trb_buf_add_byte(struct trb_buf *b, uint8_t c);
int trb_buf_addf(struct trb_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Room for n bytes more, which are counted as added; NULL on failure. */
uint8_t *trb_buf_grow(struct trb_buf *b, size_t n);

trb_bytes trb_buf_bytes(const struct trb_buf *b);
/* Turns a sticky failure into an error that names what; TRB_OK otherwise. */
int trb_buf_check(const struct trb_buf *b, const char *what, trb_error **err);
/* The contents as a blob or as a NUL-terminated string; the buffer is empty afterwards. */
int trb_buf_to_blob(struct trb_buf *b, const char *what, trb_blob **ret_blob, trb_error **err);
int trb_buf_to_str(struct trb_buf *b, const char *what, char **ret_str, trb_error **err);

#endif
