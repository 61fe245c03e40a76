/* SPDX-License-Identifier: Apache-2.0 */
/* The helper program tb-unpack, seen from its parent: lines on its standard output, each of a kind
 * and text. */
#ifndef TRB_HOST_TEE_UNPACKER_H
#define TRB_HOST_TEE_UNPACKER_H

#include <trustbuild/context.h>

#include "core/spawn.h"

#define TRB_UNPACK_PROGRESS 'p' /* for the context's sink */
#define TRB_UNPACK_ERROR    'e' /* "CODE text": the last line where it failed */

#define TRB_UNPACK_LINE 4096u

struct trb_unpacker {
	struct trb_child child;
	int fd; /* what it prints; -1: not running */
	char line[TRB_UNPACK_LINE];
	size_t len;
};
void trb_unpacker_init(struct trb_unpacker *unpacker);
/* Kills it. */
void trb_unpacker_clear(struct trb_unpacker *unpacker);
int trb_unpacker_start(trb_context *context, const char *eif, struct trb_unpacker *ret,
		       trb_error **err);
/* TRB_E_AGAIN as long as it works; TRB_OK when the cache has the image; else why not. */
int trb_unpacker_step(trb_context *context, struct trb_unpacker *unpacker, trb_error **err);

#endif
