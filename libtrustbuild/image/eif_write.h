/* SPDX-License-Identifier: Apache-2.0 */
/* Packing an enclave image from its parts. */
#ifndef TRB_IMAGE_EIF_WRITE_H
#define TRB_IMAGE_EIF_WRITE_H

#include "format/eif.h"
#include "image/cpio.h"

#define EIF_MAX_RAMDISKS 8u

/* Borrowed parts; a ramdisk is a plan, or a file where plan is NULL. */
struct eif_parts {
	unsigned flags;
	const char *kernel;
	trb_bytes cmdline, metadata;
	struct {
		struct cpio_plan *plan;
		const char *file;
	} ramdisks[EIF_MAX_RAMDISKS];
	size_t n_ramdisks;
	trb_bytes cert_pem, key_pem; /* both or none */
};

/* Writes version 4 into the empty file fd, measuring on the way. */
int trb_eif_write(int fd, const struct eif_parts *parts, struct eif_measurement *ret_measured,
		  trb_error **err);
/* The object for a file that trb_eif_write has just filled; the form is read back and checked, the
 * data are not hashed again. */
int trb_eif_open_measured(int fd, const struct eif_measurement *measured, trb_eif **ret_eif,
			  trb_error **err);
/* The signature section over pcr0. */
int trb_eif_sign(trb_bytes cert_pem, trb_bytes key_pem, const uint8_t pcr0[SHA384_SIZE],
		 trb_blob **ret_section, trb_error **err);

#endif
