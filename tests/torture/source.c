/* SPDX-License-Identifier: Apache-2.0 */
/* A whole source, with submodule, link and recipe, with the n-th allocation or system call failing:
 * either whole or refused. */
#include "../unit/support.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"
#include "core/io.h"
#include "enclave/source_stream.h"
#include "format/git_object.h"
#include "torture.h"

#define URL     "https://example.org/a/b.git"
#define MODULES "[submodule \"x\"] # one\n\tpath = \"s\"\n\turl = ../c.git\n"

static struct trb_buf stream;
static struct trb_commit ct;
static char folder[] = "/tmp/torture-source-XXXXXX";

static struct trb_commit add(unsigned type, trb_bytes body)
{
	uint8_t head[TRB_FETCH_HEADER];
	struct trb_commit id = { 0 };

	if (type != TRB_FETCH_END)
		ck_assert_int_eq(trb_git_hash(2, (enum trb_git_type)type, body, &id, NULL), TRB_OK);
	trb_fetch_header_encode(type, body.len, head);
	trb_buf_add(&stream, TRB_BYTES(head, sizeof(head)));
	trb_buf_add(&stream, body);
	return id;
}

static struct trb_commit id_of(enum trb_git_type type, trb_bytes body)
{
	struct trb_commit id;

	ck_assert_int_eq(trb_git_hash(2, type, body, &id, NULL), TRB_OK);
	return id;
}

static void entry(struct trb_buf *tree, const char *mode, const char *name,
		  const struct trb_commit *id)
{
	trb_buf_addf(tree, "%s %s", mode, name);
	trb_buf_add_byte(tree, 0);
	trb_buf_add(tree, TRB_BYTES(id->id, 32));
}

static void commit_text(struct trb_buf *out, const struct trb_commit *tree,
			const struct trb_commit *parent)
{
	char hex[65];

	trb_buf_init(out, 1000);
	trb_commit_to_hex(tree, hex);
	trb_buf_addf(out, "tree %s\n", hex);
	if (parent != NULL) {
		trb_commit_to_hex(parent, hex);
		trb_buf_addf(out, "parent %s\n", hex);
	}
	trb_buf_add_str(out, "author a <a> 1 +0000\ncommitter c <c> 7 +0000\n\nx\n");
}

static void make_stream(void)
{
	_cleanup_buf_ struct trb_buf leaf, leaf_commit, root, commit, tip;
	struct trb_commit blob = id_of(TRB_GIT_BLOB, TRB_BYTES_LIT("x")), modules, link, sub, tree;

	trb_buf_init(&stream, 1 << 20);
	trb_buf_init(&leaf, 1000);
	trb_buf_init(&root, 1000);
	entry(&leaf, "100755", "x", &blob);
	tree = id_of(TRB_GIT_TREE, trb_buf_bytes(&leaf));
	commit_text(&leaf_commit, &tree, NULL);
	sub = id_of(TRB_GIT_COMMIT, trb_buf_bytes(&leaf_commit));
	modules = id_of(TRB_GIT_BLOB, TRB_BYTES_LIT(MODULES));
	link = id_of(TRB_GIT_BLOB, TRB_BYTES_LIT("d/../s/x"));
	entry(&root, "100644", ".gitmodules", &modules);
	entry(&root, "40000", "d", &tree);
	entry(&root, "120000", "l", &link);
	entry(&root, "160000", "s", &sub);
	entry(&root, "100644", "trustbuild.json", &blob);
	tree = id_of(TRB_GIT_TREE, trb_buf_bytes(&root));
	commit_text(&commit, &tree, NULL);
	ct = id_of(TRB_GIT_COMMIT, trb_buf_bytes(&commit));
	commit_text(&tip, &tree, &ct);
	add(TRB_GIT_COMMIT, trb_buf_bytes(&tip));
	add(TRB_GIT_COMMIT, trb_buf_bytes(&commit));
	add(TRB_GIT_TREE, trb_buf_bytes(&root));
	add(TRB_GIT_BLOB, TRB_BYTES_LIT(MODULES)); /* ahead of its turn */
	add(TRB_GIT_BLOB, TRB_BYTES_LIT(MODULES));
	add(TRB_GIT_TREE, trb_buf_bytes(&leaf));
	add(TRB_GIT_BLOB, TRB_BYTES_LIT("x"));
	add(TRB_GIT_BLOB, TRB_BYTES_LIT("d/../s/x"));
	add(TRB_GIT_COMMIT, trb_buf_bytes(&leaf_commit));
	add(TRB_GIT_TREE, trb_buf_bytes(&leaf));
	add(TRB_GIT_BLOB, TRB_BYTES_LIT("x"));
	add(TRB_FETCH_END, TRB_BYTES_NULL); /* of the submodule's */
	add(TRB_GIT_BLOB, TRB_BYTES_LIT("x"));
	add(TRB_FETCH_END, TRB_BYTES_NULL);
	ck_assert_int_eq(stream.status, TRB_OK);
}

static void set_up(void)
{
	ck_assert(mkdtemp(folder) != NULL);
	make_stream();
}

/* Where a call fails while things are being removed, something may stay; in the enclave all of it
 * is gone with the enclave. */
static void empty_folder(void)
{
	const struct dirent *entry;
	DIR *dir = opendir(folder);

	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			umount2(test_path(folder, entry->d_name), MNT_DETACH);
	closedir(dir);
	trb_remove_tree(AT_FDCWD, folder, NULL);
	ck_assert_int_eq(mkdir(folder, 0700), 0);
}

static void tear_down(void)
{
	empty_folder();
	rmdir(folder);
	trb_buf_clear(&stream);
}

static int receive(const char **ret_check)
{
	struct trb_source_stream *s = NULL;
	struct trb_tree_writer writer = TRB_TREE_WRITER_NONE;
	struct trb_source_limits limits;
	trb_bytes bytes = trb_buf_bytes(&stream);
	trb_error *err = NULL;
	int fd = -1, r;

	trb_source_limits_default(&limits);
	r = trb_tree_open(folder, &writer, &err);
	if (r == TRB_OK)
		r = trb_source_stream_new(NULL, URL, &ct, "refs/heads/main", &limits, &writer, &s,
					  &err);
	while (r == TRB_OK && (bytes.len > 0 || trb_source_stream_turn(s) != TRB_TURN_NONE)) {
		r = trb_source_stream_feed(s, &bytes, &err);
		if (r == TRB_OK && trb_source_stream_turn(s) != TRB_TURN_NONE)
			r = trb_source_stream_go_on(s, &err);
	}
	if (r == TRB_OK && !trb_source_stream_done(s))
		r = trb_fail(&err, TRB_E_STATE, "it has not ended");
	if (r == TRB_OK)
		r = trb_tree_seal(&writer, &fd, &err);
	torture_note((r == TRB_OK) != (fd >= 0), "half a tree");
	torture_stop();
	trb_source_stream_free(s);
	if (fd >= 0)
		close(fd);
	trb_tree_remove(&writer);
	return torture_end(r, err, ret_check);
}

static const struct torture rows[] = {
	{ "receive a source", receive, TRB_OK, NULL, 50, empty_folder,
	  .other_code = TRB_E_LIMIT /* no room */ },
};
TORTURE_MAIN("source", rows, set_up, tear_down)
