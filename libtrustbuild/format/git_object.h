/* SPDX-License-Identifier: Apache-2.0 */
/* Git objects as the enclave reads them: strictly, from plain bytes.  Nothing here inflates,
 * applies deltas or touches a file. */
#ifndef TRB_FORMAT_GIT_OBJECT_H
#define TRB_FORMAT_GIT_OBJECT_H

#include "format/facts.h"

enum trb_git_type { TRB_GIT_COMMIT = 1, TRB_GIT_TREE = 2, TRB_GIT_BLOB = 3, TRB_GIT_TAG = 4 };

enum {
	TRB_GIT_MODE_TREE = 0040000,
	TRB_GIT_MODE_FILE = 0100644,
	TRB_GIT_MODE_PROGRAM = 0100755,
	TRB_GIT_MODE_LINK = 0120000,
	TRB_GIT_MODE_COMMIT = 0160000, /* a submodule's gitlink */
};

#define TRB_GIT_COMMIT_MAX  (1u << 20)
#define TRB_GIT_TREE_MAX    (32u << 20)
#define TRB_GIT_MODULES_MAX (256u << 10)
#define TRB_GIT_NAME_MAX    255u
#define TRB_GIT_LINK_MAX    4095u

/* The object's id.  Algorithm 1 is SHA-1 with collision detection; 2 is SHA-256, by OpenSSL.
 * Errors: TRB_E_FORMAT where SHA-1 shows the marks of a collision attack, TRB_E_NOMEM. */
int trb_git_hash(unsigned algorithm, enum trb_git_type type, trb_bytes body, struct trb_commit *ret,
		 trb_error **err);

struct trb_git_commit {
	struct trb_commit tree;
	unsigned algorithm;
	trb_bytes parents; /* the "parent …\n" lines */
	int64_t time;      /* of the committer, seconds since 1970 */
};
int trb_git_commit_parse(trb_bytes body, unsigned algorithm, struct trb_git_commit *ret,
			 trb_error **err);
/* Takes the next parent off in->parents; false where there is none. */
bool trb_git_commit_next_parent(struct trb_git_commit *in, struct trb_commit *ret);

/* What an annotated tag points to, a commit or another tag (anything else is an error), and the
 * name that it gives itself. */
struct trb_git_tag {
	struct trb_commit target;
	enum trb_git_type type;
	trb_bytes name;
};
int trb_git_tag_parse(trb_bytes body, unsigned algorithm, struct trb_git_tag *ret, trb_error **err);

struct trb_git_entry {
	unsigned mode; /* one of TRB_GIT_MODE_*: 100664 of old repositories reads as 100644 */
	trb_bytes name;
	struct trb_commit id;
	uint8_t digest[32]; /* for the one who computes source digests */
};
struct trb_git_tree {
	size_t n;
	struct trb_git_entry *entries; /* views into the parsed bytes */
};
/* The whole tree: order, duplicates, modes and names are checked. */
int trb_git_tree_parse(trb_bytes body, unsigned algorithm, struct trb_git_tree *ret,
		       trb_error **err);
void trb_git_tree_clear(struct trb_git_tree *tree);
/* The SHA-256 id of a tree of these entries with their digests as ids, where a gitlink counts as a
 * directory (formats.md, "Source digest").  Sorts the entries anew. */
int trb_git_tree_digest(struct trb_git_tree *tree, uint8_t ret[32], trb_error **err);

/* NULL where the name may stand in a tree, else a static sentence that says what is wrong. */
const char *trb_git_name_fault(trb_bytes name);
/* The same for the target of a link that is in a directory `depth` levels below the tree's root.
 * *ret_winding: the target goes up after it went down, so that only its physical walk can show
 * whether it stays in the tree. */
const char *trb_git_link_fault(trb_bytes target, size_t depth, bool *ret_winding);
/* Says whether the name reads as `word` (".git", ".gitmodules") to some file system: in other case,
 * with trailing dots or spaces, with a stream suffix, as NTFS short name, with code points that
 * HFS+ ignores. */
bool trb_git_name_disguises(trb_bytes name, const char *word);

#endif
