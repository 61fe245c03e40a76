/* SPDX-License-Identifier: Apache-2.0 */
/* Git's commits, trees and tags, read strictly, and their ids. */
#include "format/git_object.h"

#include <openssl/evp.h>
#include <stdio.h>

#include "core/error.h"
#include "format/crypto.h"
#include "format/fetch.h"
#include "format/sha1.h"

#define HEAD_BYTES 40

static const char *const type_names[] = { "", "commit", "tree", "blob", "tag" };

/* "TYPE SIZE" and a NUL, which git hashes before an object's bytes. */
static trb_bytes object_head(enum trb_git_type type, size_t len, char out[HEAD_BYTES])
{
	int n = snprintf(out, HEAD_BYTES, "%s %zu", type_names[type], len);

	return TRB_BYTES(out, (size_t)n + 1);
}

static int hash_sha1(enum trb_git_type type, trb_bytes body, uint8_t ret[20], trb_error **err)
{
	char out[HEAD_BYTES];
	int r = trb_sha1(object_head(type, body.len, out), body, ret, err);

	return r < 0 ? trb_wrap(err, r, "a %s", type_names[type]) : TRB_OK;
}

static int hash_sha256(enum trb_git_type type, trb_bytes body, uint8_t ret[32], trb_error **err)
{
	TRB_CRYPTO_SCOPE;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	char out[HEAD_BYTES];
	trb_bytes head = object_head(type, body.len, out);
	int ok = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 &&
		 EVP_DigestUpdate(ctx, head.ptr, head.len) == 1 &&
		 EVP_DigestUpdate(ctx, body.ptr, body.len) == 1 &&
		 EVP_DigestFinal_ex(ctx, ret, NULL) == 1;

	EVP_MD_CTX_free(ctx);
	return ok ? TRB_OK : trb_fail_nomem(err);
}

int trb_git_hash(unsigned algorithm, enum trb_git_type type, trb_bytes body, struct trb_commit *ret,
		 trb_error **err)
{
	struct trb_commit id = { .algorithm = algorithm == 1 ? 1 : 2 };
	int r = id.algorithm == 1 ? hash_sha1(type, body, id.id, err)
				  : hash_sha256(type, body, id.id, err);

	if (r == TRB_OK)
		*ret = id;
	return r;
}

/* Takes "word HEX\n" off in. */
static bool take_id_line(trb_bytes *in, const char *word, unsigned algorithm,
			 struct trb_commit *ret)
{
	size_t n = strlen(word), digits = algorithm == 2 ? 64 : 40;
	trb_bytes hex = { in->ptr + n + 1, digits };

	if (in->len < n + digits + 2 || memcmp(in->ptr, word, n) != 0 || in->ptr[n] != ' ' ||
	    in->ptr[n + 1 + digits] != '\n' || !trb_commit_from_hex(hex, ret))
		return false;
	trb_bytes_take(in, n + digits + 2);
	return true;
}

/* Takes a line off in, without its newline; {NULL, 0} where there is none. */
static trb_bytes take_line(trb_bytes *in)
{
	const uint8_t *end = in->len ? memchr(in->ptr, '\n', in->len) : NULL;
	trb_bytes line;

	if (end == NULL)
		return TRB_BYTES_NULL;
	line = trb_bytes_take(in, (size_t)(end - in->ptr));
	trb_bytes_take(in, 1);
	return line;
}

static bool starts_with(trb_bytes text, const char *word)
{
	size_t n = strlen(word);

	return text.len >= n && memcmp(text.ptr, word, n) == 0;
}

/* "… 1700000000 +0100" at the end of a person's line: the number. */
static bool person_time(trb_bytes line, int64_t *ret)
{
	size_t end = line.len, begin;
	int64_t value = 0;

	while (end > 0 && line.ptr[end - 1] != ' ')
		end--;
	if (end == 0)
		return false;
	begin = --end;
	while (begin > 0 && line.ptr[begin - 1] >= '0' && line.ptr[begin - 1] <= '9')
		begin--;
	if (begin == end || end - begin > 15 || begin == 0 || line.ptr[begin - 1] != ' ')
		return false;
	for (size_t i = begin; i < end; i++)
		value = value * 10 + (line.ptr[i] - '0');
	*ret = value;
	return true;
}

int trb_git_commit_parse(trb_bytes body, unsigned algorithm, struct trb_git_commit *ret,
			 trb_error **err)
{
	struct trb_git_commit c = { .algorithm = algorithm };
	struct trb_commit parent;
	trb_bytes line;

	if (!take_id_line(&body, "tree", algorithm, &c.tree))
		return trb_fail_check(err, TRB_E_FORMAT, TRB_CHECK_OBJECT,
				      "a commit does not begin with its tree");
	c.parents.ptr = body.ptr;
	while (take_id_line(&body, "parent", algorithm, &parent))
		c.parents.len = (size_t)(body.ptr - c.parents.ptr);
	line = take_line(&body);
	if (!starts_with(line, "author "))
		return trb_fail_check(err, TRB_E_FORMAT, TRB_CHECK_OBJECT,
				      "a commit has no author where one must be");
	line = take_line(&body);
	if (!starts_with(line, "committer ") || !person_time(line, &c.time))
		return trb_fail_check(err, TRB_E_FORMAT, TRB_CHECK_OBJECT,
				      "a commit has no committer with a time where one must be");
	*ret = c;
	return TRB_OK;
}

bool trb_git_commit_next_parent(struct trb_git_commit *in, struct trb_commit *ret)
{
	return take_id_line(&in->parents, "parent", in->algorithm, ret);
}

int trb_git_tag_parse(trb_bytes body, unsigned algorithm, struct trb_git_tag *ret, trb_error **err)
{
	struct trb_git_tag tag;
	trb_bytes line;

	if (!take_id_line(&body, "object", algorithm, &tag.target))
		return trb_fail_check(err, TRB_E_FORMAT, TRB_CHECK_OBJECT,
				      "a tag does not begin with its object");
	line = take_line(&body);
	if (trb_bytes_eq_str(line, "type commit"))
		tag.type = TRB_GIT_COMMIT;
	else if (trb_bytes_eq_str(line, "type tag"))
		tag.type = TRB_GIT_TAG;
	else
		return trb_fail_check(err, TRB_E_FORMAT, TRB_CHECK_REF,
				      "the tag points to neither a commit nor a tag");
	line = take_line(&body);
	if (line.len <= 4 || memcmp(line.ptr, "tag ", 4) != 0)
		return trb_fail_check(err, TRB_E_FORMAT, TRB_CHECK_REF, "a tag has no name");
	tag.name = TRB_BYTES(line.ptr + 4, line.len - 4);
	*ret = tag;
	return TRB_OK;
}

/* Takes "MODE " off in; 0 where it is none that may be. */
static unsigned take_mode(trb_bytes *in)
{
	unsigned mode = 0;
	size_t n = 0;

	if (in->len > 0 && in->ptr[0] == '0')
		return 0;
	for (; n < in->len && n < 7 && in->ptr[n] >= '0' && in->ptr[n] <= '7'; n++)
		mode = mode * 8 + (in->ptr[n] - '0');
	if (n == in->len || in->ptr[n] != ' ')
		return 0;
	trb_bytes_take(in, n + 1);
	switch (mode) {
	case TRB_GIT_MODE_TREE:
	case TRB_GIT_MODE_FILE:
	case TRB_GIT_MODE_PROGRAM:
	case TRB_GIT_MODE_LINK:
	case TRB_GIT_MODE_COMMIT:
		return mode;
	case 0100664:
		return TRB_GIT_MODE_FILE;
	default:
		return 0;
	}
}

/* Git's order of tree entries: bytewise, a directory's name as if it ended in '/'. */
static int compare_entries(const struct trb_git_entry *a, const struct trb_git_entry *b)
{
	size_t n = a->name.len < b->name.len ? a->name.len : b->name.len;
	int order = memcmp(a->name.ptr, b->name.ptr, n);
	unsigned ca, cb;

	if (order != 0)
		return order;
	ca = a->name.len > n ? a->name.ptr[n] : a->mode == TRB_GIT_MODE_TREE ? '/' : 0;
	cb = b->name.len > n ? b->name.ptr[n] : b->mode == TRB_GIT_MODE_TREE ? '/' : 0;
	return (int)ca - (int)cb;
}

static int bad_tree(const char *what, trb_error **err)
{
	return trb_fail_check(err, TRB_E_FORMAT, TRB_CHECK_TREE, "a tree %s", what);
}

static int parse_entry(trb_bytes *in, unsigned algorithm, struct trb_git_entry *ret,
		       trb_error **err)
{
	const char *fault;
	const uint8_t *nul;
	trb_bytes id;

	ret->mode = take_mode(in);
	if (ret->mode == 0)
		return bad_tree("has an entry with an unknown or padded mode", err);
	nul = in->len ? memchr(in->ptr, 0, in->len) : NULL;
	if (nul == NULL)
		return bad_tree("is cut off in a name", err);
	ret->name = trb_bytes_take(in, (size_t)(nul - in->ptr));
	trb_bytes_take(in, 1);
	fault = trb_git_name_fault(ret->name);
	if (fault != NULL)
		return trb_fail_check(err, TRB_E_FORMAT, TRB_CHECK_TREE,
				      "a tree has the entry '%.*s': %s", (int)ret->name.len,
				      (const char *)ret->name.ptr, fault);
	if (ret->mode == TRB_GIT_MODE_LINK && trb_git_name_disguises(ret->name, ".gitmodules"))
		return bad_tree("has a symbolic link for .gitmodules", err);
	id = trb_bytes_take(in, algorithm == 2 ? 32 : 20);
	if (id.ptr == NULL)
		return bad_tree("is cut off in an object id", err);
	ret->id = (struct trb_commit){ .algorithm = algorithm };
	memcpy(ret->id.id, id.ptr, id.len);
	return TRB_OK;
}

void trb_git_tree_clear(struct trb_git_tree *tree)
{
	free(tree->entries);
	*tree = (struct trb_git_tree){ 0 };
}

static int parse_entries(trb_bytes body, unsigned algorithm, struct trb_git_tree *tree, size_t *cap,
			 trb_error **err)
{
	while (body.len > 0) {
		struct trb_git_entry *e;
		int r;

		if (tree->n == *cap) {
			*cap = *cap ? *cap * 2 : 16;
			e = realloc(tree->entries, *cap * sizeof(*e));
			if (e == NULL)
				return trb_fail_nomem(err);
			tree->entries = e;
		}
		e = &tree->entries[tree->n];
		r = parse_entry(&body, algorithm, e, err);
		if (r < 0)
			return r;
		if (tree->n > 0 && compare_entries(e - 1, e) >= 0)
			return bad_tree("is out of order or names an entry twice", err);
		tree->n++;
	}
	return TRB_OK;
}

int trb_git_tree_parse(trb_bytes body, unsigned algorithm, struct trb_git_tree *ret,
		       trb_error **err)
{
	struct trb_git_tree tree = { 0 };
	size_t cap = 0;
	int r;

	r = parse_entries(body, algorithm, &tree, &cap, err);
	if (r < 0) {
		trb_git_tree_clear(&tree);
		return r;
	}
	*ret = tree;
	return TRB_OK;
}

static int compare_for_digest(const void *a, const void *b)
{
	return compare_entries(a, b);
}

int trb_git_tree_digest(struct trb_git_tree *tree, uint8_t ret[32], trb_error **err)
{
	_cleanup_buf_ struct trb_buf body = { 0 };
	int r;

	trb_buf_init(&body, 4 * (size_t)TRB_GIT_TREE_MAX);
	for (size_t i = 0; i < tree->n; i++)
		if (tree->entries[i].mode == TRB_GIT_MODE_COMMIT)
			tree->entries[i].mode = TRB_GIT_MODE_TREE;
	if (tree->n > 0)
		qsort(tree->entries, tree->n, sizeof(*tree->entries), compare_for_digest);
	for (size_t i = 0; i < tree->n; i++) {
		const struct trb_git_entry *e = &tree->entries[i];

		trb_buf_addf(&body, "%o ", e->mode);
		trb_buf_add(&body, e->name);
		trb_buf_add_byte(&body, 0);
		trb_buf_add(&body, TRB_BYTES(e->digest, 32));
	}
	r = trb_buf_check(&body, "the SHA-256 form of a tree", err);
	if (r < 0)
		return r;
	return hash_sha256(TRB_GIT_TREE, trb_buf_bytes(&body), ret, err);
}
