/* SPDX-License-Identifier: Apache-2.0 */
/* Folders of things that can be made again: what was used least recently makes room. */
#ifndef TRB_IMAGE_CACHE_H
#define TRB_IMAGE_CACHE_H

#include "core/cleanup.h"
#include "core/context.h"
#include "core/error.h"

struct trb_cache {
	trb_context *context;
	int dir;
	/* which of its folders are entries; nothing else is touched */
	bool (*is_entry)(const char *name);
	/* names that stay whatever their size, NULL ends; may be NULL */
	const char *const *keep;
	/* below an entry: whoever uses it holds a shared lock on this; NULL where the caller's own
	 * lock shuts all users out */
	const char *locked;
};

/* What a cache may take on the disk: TRUSTBUILD_CACHE_MIB, or TRB_CACHE_MIB. */
#define TRB_CACHE_MIB 4096u
uint64_t trb_cache_ceiling(void);

/* Now is the entry's last use. */
void trb_cache_use(int dir, const char *name);

/* Removes entries that nobody uses, those of the longest ago first, until the rest takes at most
 * max bytes.  What cannot be removed stays; nothing depends on it.  One at a time: the caller has
 * a lock. */
void trb_cache_prune(const struct trb_cache *cache, uint64_t max);

/* What is being made or removed has a name that begins with this, which no entry has. */
#define TRB_CACHE_NEW ".new-"
/* Removes all such: whoever made it was killed.  Under the same lock. */
void trb_cache_sweep(int dir);

#endif
