/* SPDX-License-Identifier: Apache-2.0 */
/* Views of bytes, shared blobs, UTF-8, hexadecimal digits. */
#ifndef TRB_CORE_BYTES_H
#define TRB_CORE_BYTES_H

#include <stdbool.h>
#include <string.h>

#include <trustbuild/bytes.h>

#define TRB_BYTES(p, n) ((trb_bytes){ (const uint8_t *)(p), (n) })
#define TRB_BYTES_NULL  ((trb_bytes){ NULL, 0 })
/* The bytes of an array or string literal without its NUL. */
#define TRB_BYTES_LIT(s) ((trb_bytes){ (const uint8_t *)(s), sizeof(s) - 1 })

static inline trb_bytes trb_bytes_str(const char *s)
{
	return TRB_BYTES(s, s ? strlen(s) : 0);
}

bool trb_bytes_eq(trb_bytes a, trb_bytes b);
bool trb_bytes_eq_str(trb_bytes a, const char *s);
/* The same but for the case of ASCII letters, whatever the program's locale. */
bool trb_bytes_eq_nocase(trb_bytes a, trb_bytes b);
/* Bytewise order, a prefix first. */
int trb_bytes_cmp(trb_bytes a, trb_bytes b);
bool trb_bytes_all_zero(trb_bytes a);
/* Takes the first n bytes off in; {NULL, 0} and in untouched where there are fewer. */
trb_bytes trb_bytes_take(trb_bytes *in, size_t n);

bool trb_utf8_valid(trb_bytes text);
/* How many bytes the first character has, and which one it is; 0 where the text does not begin with
 * one. */
size_t trb_utf8_char(trb_bytes text, uint32_t *ret);
/* How many leading bytes are whole, well-formed sequences. */
size_t trb_utf8_prefix(trb_bytes text);

/* Lower-case hexadecimal; out holds 2 * in.len + 1 bytes. */
void trb_hex_encode(trb_bytes in, char *out);
/* Demands exactly 2 * n lower- or upper-case digits. */
bool trb_hex_decode(trb_bytes text, uint8_t *out, size_t n);

/* Steals buf: the blob owns malloc()ed bytes afterwards, also on failure they are freed. */
int trb_blob_adopt(uint8_t *buf, size_t len, trb_blob **ret_blob, trb_error **err);
/* Hands arg to drop() when the last reference goes; once a blob, before it is shared. */
void trb_blob_attach(trb_blob *blob, void (*drop)(void *arg), void *arg);

#endif
