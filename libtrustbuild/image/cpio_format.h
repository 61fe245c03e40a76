/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of the "newc" archive format. */
#ifndef TRB_IMAGE_CPIO_FORMAT_H
#define TRB_IMAGE_CPIO_FORMAT_H

#include <stdint.h>

#define CPIO_HEADER  110u
#define CPIO_BLOCK   512u
#define CPIO_TRAILER "TRAILER!!!"

static inline uint64_t cpio_align(uint64_t n, uint64_t to)
{
	return (n + to - 1) / to * to;
}

#endif
