/* SPDX-License-Identifier: Apache-2.0 */
/* Enclave images in files. */
#ifndef TRB_IMAGE_EIF_FILE_H
#define TRB_IMAGE_EIF_FILE_H

#include "format/eif.h"

struct eif_file {
	struct eif_source source;
	trb_context *context;
	int fd;
};
/* A regular file, which is read by position; the context, which may be NULL, can cancel it.  *ret
 * must not move. */
int trb_eif_file_init(struct eif_file *ret, trb_context *context, int fd, trb_error **err);

/* A thread that hashes; NULL where there is none: it is slower then, not wrong. */
struct eif_helper *trb_eif_thread_new(void);

#endif
