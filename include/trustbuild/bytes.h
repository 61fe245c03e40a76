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
TRB_API int trb_blob_new(trb_bytes bytes, trb_blob **ret_blob, trb_error **err);

/* One more reference; returns blob.  NULL is a no-op. */
TRB_API trb_blob *trb_blob_ref(trb_blob *blob);

/* Drops a reference; always returns NULL.  NULL is a no-op. */
TRB_API trb_blob *trb_blob_unref(trb_blob *blob);

/* The bytes, which live as long as the blob. */
TRB_API trb_bytes trb_blob_bytes(const trb_blob *blob);

#ifdef __cplusplus
}
#endif

#endif
