/* SPDX-License-Identifier: Apache-2.0 */
/* A helper program that answers on a pipe.  Not in the verifier half. */
#ifndef TRB_CORE_HELPER_H
#define TRB_CORE_HELPER_H

#include "core/argv.h"
#include "core/bytes.h"
#include "core/spawn.h"

#define TRB_HELPER_SECRET_FD  3
#define TRB_HELPER_SECRET_MAX 4096u

/* Starts libexec_dir/ARGV[0], in the environment that envp, which may be NULL, holds.  Its standard
 * output is a pipe, whose other end *ret_fd does not block; where secret is not empty, the child
 * reads it from TRB_HELPER_SECRET_FD, for an argument is seen by everybody. */
int trb_helper_start(const char *libexec_dir, const struct trb_argv *args,
		     const struct trb_argv *envp, trb_bytes secret, struct trb_child *ret_child,
		     int *ret_fd, trb_error **err);

#endif
