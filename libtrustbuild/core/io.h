/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors and processes: not in the verifier half. */
#ifndef TRB_CORE_IO_H
#define TRB_CORE_IO_H

#include <sys/types.h>

#include <trustbuild/context.h>

#include "core/bytes.h"
#include "core/cleanup.h"
#include "core/error.h"

int trb_read_full(int fd, void *buf, size_t n, trb_error **err); /* TRB_E_IO at an early end */
int trb_pread_full(int fd, void *buf, size_t n, uint64_t offset, trb_error **err);
int trb_write_full(int fd, trb_bytes bytes, trb_error **err);
/* A regular file of at most max bytes, opened relative to dirfd without following the last link. */
int trb_read_file(int dirfd, const char *path, size_t max, trb_blob **ret, trb_error **err);
/* The same for a private key: TRB_E_STATE where it is not the caller's own, or where others may
 * read or write it. */
int trb_read_secret(int dirfd, const char *path, size_t max, trb_blob **ret, trb_error **err);
/* fsync(), interrupted or not; 0, or -1 and errno. */
int trb_sync_fd(int fd);
/* Crash-safe: temporary file, fsync, rename, fsync of the directory.  Removes the temporary files
 * that writers of the same path and user left when they were killed. */
int trb_write_file(int dirfd, const char *path, trb_bytes bytes, mode_t mode, trb_error **err);
/* The exclusive lock of an open file, when it comes.  Errors: TRB_E_CANCELED, TRB_E_IO. */
int trb_lock_fd(trb_context *context, int fd, trb_error **err);
/* mkdir -p with mode 0700 for what is made. */
int trb_mkdirs(const char *path, trb_error **err);
/* trb_mkdirs(), and opens it.  TRB_E_STATE where it is another user's or others may write to it:
 * what lies there would be taken for our own. */
int trb_open_own_dir(const char *path, int *ret_fd, trb_error **err);
/* TRB_E_STATE where the directory's group or everybody may write to it. */
int trb_check_closed_dir(int fd, const char *path, trb_error **err);
/* Removes a tree below dirfd without following links. */
int trb_remove_tree(int dirfd, const char *name, trb_error **err);

#endif
