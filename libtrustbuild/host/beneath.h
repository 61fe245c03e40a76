/* SPDX-License-Identifier: Apache-2.0 */
/* Names beneath a directory: by descriptor, step by step, through no link and no "..". */
#ifndef TRB_HOST_BENEATH_H
#define TRB_HOST_BENEATH_H

#include "core/io.h"

/* Opens the directory of name beneath dirfd; *ret_base is the last step, inside name.  What is
 * missing is made where make says so, else it is TRB_E_NOTFOUND.  Errors: TRB_E_IO also where a
 * step is a link or no directory. */
int trb_beneath_parent(int dirfd, const char *name, bool make, int *ret_fd, const char **ret_base,
		       trb_error **err);

#endif
