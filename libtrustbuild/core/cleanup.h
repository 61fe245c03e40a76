/* SPDX-License-Identifier: Apache-2.0 */
/* Scope-bound ownership, for GCC and Clang. */
#ifndef TRB_CORE_CLEANUP_H
#define TRB_CORE_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

#include <trustbuild/context.h>

#include "core/buffer.h"

#define _cleanup_(f) __attribute__((cleanup(f)))

/* Defines NAMEp(), which calls f on *p, for _cleanup_(). */
#define TRB_DEFINE_CLEANUP(type, f)      \
	static inline void f##p(type *p) \
	{                                \
		if (*p)                  \
			f(*p);           \
	}                                \
	struct trb_cleanup_semicolon

static inline void trb_freep(void *p)
{
	free(*(void **)p);
}

static inline void trb_closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void *trb_steal_ptr_(void *p)
{
	void *stolen = *(void **)p;

	*(void **)p = NULL;
	return stolen;
}

static inline int steal_fd(int *fd)
{
	int stolen = *fd;

	*fd = -1;
	return stolen;
}

#define steal_ptr(p) ((__typeof__(*(p)))trb_steal_ptr_(p))

#define _cleanup_free_  _cleanup_(trb_freep)
#define _cleanup_close_ _cleanup_(trb_closep)
#define _cleanup_buf_   _cleanup_(trb_buf_clear)

TRB_DEFINE_CLEANUP(trb_error *, trb_error_unref);
TRB_DEFINE_CLEANUP(trb_blob *, trb_blob_unref);
TRB_DEFINE_CLEANUP(trb_context *, trb_context_unref);

#endif
