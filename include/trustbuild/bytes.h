/* SPDX-License-Identifier: Apache-2.0 */
/* Views and owned bytes. */
#ifndef TRUSTBUILD_BYTES_H
#define TRUSTBUILD_BYTES_H

#include <trustbuild/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A borrowed view.  ptr may be NULL only where len is 0. */
typedef struct trb_bytes {
	const uint8_t *ptr;
	size_t len;
} trb_bytes;

/* Immutable, owned, reference-counted bytes; may be shared between threads. */
typedef struct trb_blob trb_blob;

/* Copies bytes into a new blob.  Errors: TRB_E_NOMEM. */
TRB_API TRB_CHECK int trb_blob_new(trb_bytes bytes, trb_blob **ret_blob, trb_error **err);

/* One more reference; returns blob.  NULL is a no-op. */
TRB_API trb_blob *trb_blob_ref(trb_blob *blob);

/* Drops a reference; always returns NULL.  NULL is a no-op. */
TRB_API trb_blob *trb_blob_unref(trb_blob *blob);

/* The bytes, which live as long as the blob. */
TRB_API trb_bytes trb_blob_bytes(const trb_blob *blob);

/* Room for what trb_escape_char() writes, its NUL included. */
enum { TRB_ESCAPED_SIZE = 16 };

/* Outside text made harmless for a terminal, one character after the other: writes the first one
 * into shown, as it is, or escaped.  Controls (C0, DEL, C1), bidirectional, combining and invisible
 * characters, line separators, and spaces other than U+0020 come as \xNN below U+0080 and as \u{N}
 * above; bytes that are not UTF-8 as \xNN; a backslash as two.  Returns how many bytes of text that
 * were; 0 where it is empty. */
TRB_API size_t trb_escape_char(trb_bytes text, char shown[TRB_ESCAPED_SIZE]);

#ifdef __cplusplus
}
#endif

#endif
