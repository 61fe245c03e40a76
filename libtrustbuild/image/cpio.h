/* SPDX-License-Identifier: Apache-2.0 */
/* Ramdisks: the "newc" cpio format of the kernel's Documentation/driver-api/early-userspace. */
#ifndef TRB_IMAGE_CPIO_H
#define TRB_IMAGE_CPIO_H

#include <sys/types.h>

#include "core/buffer.h"
#include "core/cleanup.h"
#include "core/error.h"

#define CPIO_MAX_ENTRIES 65536u
#define CPIO_MAX_NAME    1024u
#define CPIO_MAX_DEPTH   32u
#define CPIO_MAX_LINK    1024u

/* Writing: entries are collected first, then written in bytewise order of their names, all owned by
 * root and with the same time, so that the same contents give the same bytes. */
struct cpio_plan;
int trb_cpio_plan_new(uint32_t mtime, struct cpio_plan **ret_plan, trb_error **err);
void trb_cpio_plan_free(struct cpio_plan *plan);
TRB_DEFINE_CLEANUP(struct cpio_plan *, trb_cpio_plan_free);

/* name is relative, "/" separated, without "." and ".." steps; mode holds permission bits. */
int trb_cpio_add_dir(struct cpio_plan *plan, const char *name, mode_t mode, trb_error **err);
int trb_cpio_add_link(struct cpio_plan *plan, const char *name, const char *target,
		      trb_error **err);
/* source is a regular file, which is read while the plan is written. */
int trb_cpio_add_file(struct cpio_plan *plan, const char *name, mode_t mode, const char *source,
		      trb_error **err);
/* The bytes are copied. */
int trb_cpio_add_data(struct cpio_plan *plan, const char *name, mode_t mode, trb_bytes data,
		      trb_error **err);
/* Everything below the directory at path: directories and executable files become 0755, other
 * files 0644, links stay links; anything else is refused. */
int trb_cpio_add_tree(struct cpio_plan *plan, const char *path, trb_error **err);

/* Sorts, refuses a name that is there twice or has no directory, and gives the archive's size. */
int trb_cpio_plan_size(struct cpio_plan *plan, uint64_t *ret_size, trb_error **err);
/* Hands the archive to put in pieces; TRB_E_IO where a source has changed since it was added. */
typedef int (*cpio_put)(void *user, trb_bytes bytes, trb_error **err);
int trb_cpio_plan_write(struct cpio_plan *plan, cpio_put put, void *user, trb_error **err);

/* Extracts the archive that lies at offset in fd into the empty directory dirfd.  The archive may
 * come from anyone: names and links that leave the directory, devices, hard links, names that are
 * there twice, and anything beyond the ceilings above are refused with TRB_E_FORMAT or TRB_E_LIMIT;
 * no link is ever followed.  Owners, times and set-id bits are not taken over.  After a failure the
 * directory holds what had been extracted. */
int trb_cpio_extract(int fd, uint64_t offset, uint64_t size, int dirfd, trb_error **err);

/* Relative, no empty, "." or ".." step, within the ceilings. */
bool trb_cpio_name_ok(const char *name);
/* A link at name that stays inside the tree, read as text. */
bool trb_cpio_link_ok(const char *name, const char *target);

#endif
