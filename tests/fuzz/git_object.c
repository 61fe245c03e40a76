/* SPDX-License-Identifier: Apache-2.0 */
/* A commit, tag, tree, link target or .gitmodules of a hostile repository: the first byte says
 * which. */
#include <stdlib.h>

#include "core/cleanup.h"
#include "format/git_object.h"
#include "format/gitmodules.h"

#define PARENT "https://example.org/a/b.git"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void one_commit(trb_bytes in, unsigned algorithm)
{
	struct trb_git_commit commit;
	struct trb_commit parent;

	if (trb_git_commit_parse(in, algorithm, &commit, NULL) == TRB_OK)
		while (trb_git_commit_next_parent(&commit, &parent))
			if (parent.algorithm != algorithm)
				abort();
}

static void one_tree(trb_bytes in, unsigned algorithm)
{
	struct trb_git_tree tree;
	uint8_t digest[32];

	if (trb_git_tree_parse(in, algorithm, &tree, NULL) < 0)
		return;
	for (size_t i = 0; i < tree.n; i++) {
		if (trb_git_name_fault(tree.entries[i].name) != NULL)
			abort();
		memset(tree.entries[i].digest, 0, sizeof(tree.entries[i].digest));
	}
	if (trb_git_tree_digest(&tree, digest, NULL) < 0)
		abort();
	trb_git_tree_clear(&tree);
}

/* Whatever the file says, a submodule's URL obeys the grammar. */
static void one_modules(trb_bytes in)
{
	struct trb_gitmodules modules;

	if (trb_gitmodules_parse(in, &modules, NULL) < 0)
		return;
	for (size_t i = 0; i < modules.n; i++) {
		_cleanup_free_ char *url = NULL;

		if (modules.modules[i].path != NULL &&
		    trb_gitmodules_url(&modules, trb_bytes_str(modules.modules[i].path), PARENT,
				       &url, NULL) == TRB_OK &&
		    trb_repository_fault(trb_bytes_str(url)) != NULL)
			abort();
	}
	trb_gitmodules_clear(&modules);
}

static void one_tag(trb_bytes in, unsigned algorithm)
{
	struct trb_git_tag tag;

	if (trb_git_tag_parse(in, algorithm, &tag, NULL) == TRB_OK &&
	    (tag.name.len == 0 || memchr(tag.name.ptr, '\n', tag.name.len) != NULL))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	trb_bytes in = TRB_BYTES(data, size);
	unsigned kind, algorithm;
	bool winding;

	if (size == 0 || size > TRB_GIT_MODULES_MAX)
		return 0;
	kind = *trb_bytes_take(&in, 1).ptr;
	algorithm = (kind & 8) != 0 ? 2 : 1;
	switch (kind & 7) {
	case 0:
		one_commit(in, algorithm);
		break;
	case 1:
		one_tag(in, algorithm);
		break;
	case 2:
		one_tree(in, algorithm);
		break;
	case 3:
		one_modules(in);
		break;
	case 4:
		(void)!trb_git_link_fault(in, kind >> 4, &winding);
		break;
	default:
		trb_git_name_disguises(in, ".git");
		trb_git_name_disguises(in, ".gitmodules");
	}
	return 0;
}
