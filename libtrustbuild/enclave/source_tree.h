/* SPDX-License-Identifier: Apache-2.0 */
/* Writes a tree to a fresh directory, verbatim, and seals it. */
#ifndef TRB_ENCLAVE_SOURCE_TREE_H
#define TRB_ENCLAVE_SOURCE_TREE_H

#include "core/bytes.h"

#define TRB_TREE_DEPTH_MAX 100

struct trb_tree_writer {
	char *path;   /* the tree's root */
	int parent;   /* the directory that it is in */
	int64_t time; /* what every file and directory gets as its time */
	size_t n;     /* directories that are open: root first */
	int dirs[TRB_TREE_DEPTH_MAX + 1];
	bool mounted;
};
#define TRB_TREE_WRITER_NONE ((struct trb_tree_writer){ .parent = -1 })

/* Makes a directory of a fresh name in directory. */
int trb_tree_open(const char *directory, struct trb_tree_writer *ret, trb_error **err);
/* Each makes something new in the directory that was entered last. */
int trb_tree_enter(struct trb_tree_writer *w, trb_bytes name, trb_error **err);
int trb_tree_leave(struct trb_tree_writer *w, trb_error **err);
int trb_tree_file(struct trb_tree_writer *w, trb_bytes name, trb_bytes body, bool program,
		  trb_error **err);
int trb_tree_link(struct trb_tree_writer *w, trb_bytes name, trb_bytes target, trb_error **err);
/* Walks a link the way the kernel does, and demands that it ends inside the tree. */
int trb_tree_walk_link(const struct trb_tree_writer *w, const char *path, trb_error **err);
/* Takes the write bits off the root, and mounts it read-only on itself where this process may
 * mount.  ret_fd (O_PATH) sees that mount. */
int trb_tree_seal(struct trb_tree_writer *w, int *ret_fd, trb_error **err);
/* Removes the tree, and forgets it. */
void trb_tree_remove(struct trb_tree_writer *w);

#endif
