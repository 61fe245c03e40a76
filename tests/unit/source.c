/* SPDX-License-Identifier: Apache-2.0 */
/* Git objects, .gitmodules, and the stream of a fetcher that lies. */
#include "support.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <trustbuild/context.h>
#include <trustbuild/request.h>
#include <unistd.h>

#include "core/error.h"
#include "enclave/source.h"
#include "enclave/source_stream.h"
#include "format/fetch.h"
#include "format/git_object.h"
#include "format/gitmodules.h"

#define URL      "https://example.org/a/b.git"
#define HELLO_ID "ce013625030ba8dba906f756967f9e9ca394464a"

static void hash_hex(unsigned algorithm, enum trb_git_type type, const char *text, char hex[65])
{
	struct trb_commit id;

	ck_assert_int_eq(trb_git_hash(algorithm, type, trb_bytes_str(text), &id, NULL), TRB_OK);
	trb_commit_to_hex(&id, hex);
}

START_TEST(ids_are_gits)
{
	char hex[65];

	hash_hex(1, TRB_GIT_BLOB, "hello\n", hex);
	ck_assert_str_eq(hex, HELLO_ID);
	hash_hex(1, TRB_GIT_TREE, "", hex);
	ck_assert_str_eq(hex, "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
	hash_hex(2, TRB_GIT_TREE, "", hex);
	ck_assert_str_eq(hex, "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321");
	hash_hex(2, TRB_GIT_BLOB, "hello\n", hex);
	ck_assert_str_eq(hex, "2cf8d83d9ee29543b34a87727421fdecb7e3f3a183d337639025de576db9ebb4");
}
END_TEST

START_TEST(disguises_of_git)
{
	static const char *const bad[] = {
		".git",       ".GIT",
		".Git.",      ".git ",
		".git . ",    "git~1",
		"GIT~12",     "git~1.",
		".git:x",     ".git::$INDEX_ALLOCATION",
		".git\\x",    ".g\u200cit",
		".git\ufeff", "\u202a.gi\u206ft",
		".git.. ::x", "",
		".",          "..",
		"a/b",
	};
	static const char *const good[] = { ".gitignore", ".github", ".gitmodules", "git",
					    "git~",       "git~a",   ".git~1",      "x.git",
					    "...",        ".git.x",  "a\\b",        ".gi",
					    " .git",      "\u00e9",  "git~1x",      ".git\u0301" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(trb_git_name_fault(trb_bytes_str(bad[i])) != NULL, "'%s'", bad[i]);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ck_assert_msg(trb_git_name_fault(trb_bytes_str(good[i])) == NULL, "'%s'", good[i]);
	ck_assert(trb_git_name_disguises(trb_bytes_str(".GitModules. "), ".gitmodules"));
	ck_assert(trb_git_name_disguises(trb_bytes_str("GI7EBA~1"), ".gitmodules"));
	ck_assert(!trb_git_name_disguises(trb_bytes_str(".gitmodules2"), ".gitmodules"));
}
END_TEST

START_TEST(links_stay_inside)
{
	static const struct {
		const char *target;
		size_t depth;
		bool good, winding;
	} rows[] = {
		{ "a", 0, true, false },          { "../a", 1, true, false },
		{ "../../a", 1, false, false },   { "..", 0, false, false },
		{ "./../a/./b", 1, true, false }, { "a/../b", 0, true, true },
		{ "a/../../b", 0, false, false }, { "/a", 5, false, false },
		{ "a//b", 0, true, false },       { "a/.git/x", 0, false, false },
		{ "a/..", 0, true, true },        { "", 0, false, false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool winding = false;
		const char *fault =
			trb_git_link_fault(trb_bytes_str(rows[i].target), rows[i].depth, &winding);

		ck_assert_msg((fault == NULL) == rows[i].good, "row %zu: %s", i, fault);
		ck_assert_msg(winding == rows[i].winding, "row %zu", i);
	}
}
END_TEST

START_TEST(commits_are_read_strictly)
{
#define ID "0123456789012345678901234567890123456789"
	static const char *const bad[] = {
		"",
		"tree " ID,
		"tree " ID "\nauthor a\n",
		"tree " ID "\ncommitter c <c> 1 +0000\n",
		"tree " ID "\nauthor a <a> 1 +0000\ncommitter c <c> x +0000\n",
		"tree " ID "\nauthor a <a> 1 +0000\ncommitter c <c> 12345678901234567 +0000\n",
		"parent " ID "\ntree " ID "\nauthor a <a> 1 +0000\ncommitter c <c> 1 +0000\n",
		"tree 0123\nauthor a <a> 1 +0000\ncommitter c <c> 1 +0000\n",
	};
	struct trb_git_commit c;
	struct trb_commit parent;
	unsigned n = 0;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(trb_git_commit_parse(trb_bytes_str(bad[i]), 1, &c, NULL) ==
				      TRB_E_FORMAT,
			      "row %zu", i);
	ck_assert_int_eq(
		trb_git_commit_parse(trb_bytes_str("tree " ID "\nparent " ID "\nparent " ID
						   "\nauthor a <a> 1 +0000\ncommitter c <> 77 "
						   "-0130\ngpgsig x\n y\n\nmessage"),
				     1, &c, NULL),
		TRB_OK);
	ck_assert_int_eq(c.time, 77);
	while (trb_git_commit_next_parent(&c, &parent))
		n++;
	ck_assert_uint_eq(n, 2);
}
END_TEST

static char *module_url(const char *text, const char *path)
{
	struct trb_gitmodules modules;
	char *url = NULL;

	if (trb_gitmodules_parse(trb_bytes_str(text), &modules, NULL) < 0)
		return NULL;
	(void)!trb_gitmodules_url(&modules, trb_bytes_str(path), URL, &url, NULL);
	trb_gitmodules_clear(&modules);
	return url;
}

START_TEST(urls_of_submodules)
{
	static const struct {
		const char *text, *url;
	} rows[] = {
		{ "[submodule \"x\"]\npath=s\nurl=../c.git\n", "https://example.org/a/c.git" },
		{ "[submodule \"x\"]\n path = s\n url = ./c\n", "https://example.org/a/b.git/c" },
		{ "[submodule \"x\"]\r\n\tpath = \"s\" ; p\r\n\turl = ../../c/d # u\r\n",
		  "https://example.org/c/d" },
		{ "[submodule \"x\"]\npath=s\nurl=https://h.example/p\n", "https://h.example/p" },
		{ "[SubModule \"x\"]\nPATH=s\nURL=\"https://h.example/p\"\n",
		  "https://h.example/p" },
		{ "[submodule \"x\"]\npath=s\nurl=../../../c\n", NULL },
		{ "[submodule \"x\"]\npath=s\nurl=../../../../c\n", NULL },
		{ "[submodule \"x\"]\npath=s\nurl=../x/../../c\n", NULL },
		{ "[submodule \"x\"]\npath=s\nurl=http://h.example/p\n", NULL },
		{ "[submodule \"x\"]\npath=s\nurl=git://h.example/p\n", NULL },
		{ "[submodule \"x\"]\npath=s\nurl=ext::sh\n", NULL },
		{ "[submodule \"x\"]\npath=s\nurl=/etc\n", NULL },
		{ "[submodule \"x\"]\npath=s\nurl=\n", NULL },
		{ "[submodule \"x\"]\npath=s\n", NULL },
		{ "[submodule \"x\"]\npath=s\nurl=../c\nurl=../d\n", NULL },
		{ "[submodule \"x\"]\npath=s\nurl=../c\n[submodule \"x\"]\n", NULL },
		{ "[submodule \"x\"]\npath=s\nurl=../c\n[submodule \"y\"]\npath=s\nurl=../d\n",
		  NULL },
		{ "[submodule \"x\"]\npath=s\nurl=../c\\\nd\n", NULL },
		{ "[submodule \"x\"]\npath=t\nurl=../c\n", NULL },
		{ "[include]\npath=s\nurl=../c\n", NULL },
		{ "[submodule \"x\"\npath=s\nurl=../c\n", NULL },
		{ "", NULL },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *url = module_url(rows[i].text, "s");

		if (rows[i].url == NULL)
			ck_assert_msg(url == NULL, "row %zu: %s", i, url);
		else
			ck_assert_msg(url != NULL && strcmp(url, rows[i].url) == 0, "row %zu: %s",
				      i, url);
		free(url);
	}
}
END_TEST

/* A stream in the making: SHA-256 ids, which libgit2 has no part in. */
struct stream {
	struct trb_buf bytes;
	struct trb_commit ct;
};

static void frame(struct stream *s, unsigned type, trb_bytes body)
{
	uint8_t head[TRB_FETCH_HEADER];

	trb_fetch_header_encode(type, body.len, head);
	trb_buf_add(&s->bytes, TRB_BYTES(head, sizeof(head)));
	trb_buf_add(&s->bytes, body);
}

static void frame_text(struct stream *s, unsigned type, const char *text)
{
	frame(s, type, trb_bytes_str(text));
}

static struct trb_commit id_of(enum trb_git_type type, trb_bytes body)
{
	struct trb_commit id;

	ck_assert_int_eq(trb_git_hash(2, type, body, &id, NULL), TRB_OK);
	return id;
}

static char *commit_text(const struct trb_commit *tree, const struct trb_commit *parent)
{
	char hex[65], up[65] = "", *text = NULL;

	trb_commit_to_hex(tree, hex);
	if (parent != NULL)
		trb_commit_to_hex(parent, up);
	ck_assert_int_gt(asprintf(&text,
				  "tree %s\n%s%s%sauthor a <a> 1 +0000\n"
				  "committer c <c> 1700000000 +0000\n\nx",
				  hex, parent ? "parent " : "", up, parent ? "\n" : ""),
			 0);
	return text;
}

/* CT with a tree of one entry of this mode and content.  chain: 0, or a commit above CT, 1 its
 * child, 2 a stranger. */
static void begin_stream(struct stream *s, const char *mode, trb_bytes content, unsigned chain)
{
	struct trb_commit blob = id_of(TRB_GIT_BLOB, content), tree;
	struct trb_buf body;
	char *ct, *tip;

	trb_buf_init(&s->bytes, 1 << 20);
	trb_buf_init(&body, 1024);
	trb_buf_addf(&body, "%s f", mode);
	trb_buf_add_byte(&body, 0);
	trb_buf_add(&body, TRB_BYTES(blob.id, 32));
	tree = id_of(TRB_GIT_TREE, trb_buf_bytes(&body));
	ct = commit_text(&tree, NULL);
	s->ct = id_of(TRB_GIT_COMMIT, trb_bytes_str(ct));
	if (chain > 0) {
		tip = commit_text(&tree, chain == 1 ? &s->ct : &tree);
		frame_text(s, TRB_FETCH_COMMIT, tip);
		free(tip);
	}
	frame_text(s, TRB_FETCH_COMMIT, ct);
	frame(s, TRB_FETCH_TREE, trb_buf_bytes(&body));
	trb_buf_clear(&body);
	free(ct);
}

/* All streams in one, as if one fetcher went on where another ended. */
static int feed(struct stream *s, const char *ref, bool *ret_done, trb_error **err)
{
	struct trb_source_stream *stream = NULL;
	trb_bytes bytes = trb_buf_bytes(&s->bytes);
	struct trb_source_limits limits;
	int r = TRB_OK;

	trb_source_limits_default(&limits);
	limits.object_bytes = 100;
	ck_assert_int_eq(trb_source_stream_new(NULL, URL, &s->ct, ref, &limits, NULL, &stream, err),
			 TRB_OK);
	while (r == TRB_OK && (bytes.len > 0 || trb_source_stream_turn(stream) != TRB_TURN_NONE)) {
		r = trb_source_stream_feed(stream, &bytes, err);
		if (r == TRB_OK && trb_source_stream_turn(stream) != TRB_TURN_NONE)
			r = trb_source_stream_go_on(stream, err);
	}
	*ret_done = trb_source_stream_done(stream);
	trb_source_stream_free(stream);
	trb_buf_clear(&s->bytes);
	return r;
}

static void feed_refused(struct stream *s, const char *ref, int code, const char *check)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	bool done = true;

	ck_status(feed(s, ref, &done, &err), code, err);
	ck_assert_pstr_eq(trb_error_check(err), check);
	ck_assert(!done);
}

static void feed_accepted(struct stream *s, const char *ref)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	bool done = false;

	ck_status(feed(s, ref, &done, &err), TRB_OK, err);
	ck_assert(done);
}

START_TEST(an_honest_stream)
{
	struct stream s;

	begin_stream(&s, "100644", TRB_BYTES_LIT("x"), 0);
	frame_text(&s, TRB_FETCH_PROGRESS, "half way");
	frame_text(&s, TRB_FETCH_BLOB, "x");
	frame_text(&s, TRB_FETCH_END, "");
	feed_accepted(&s, NULL);
	begin_stream(&s, "120000", TRB_BYTES_LIT("x"), 1);
	frame_text(&s, TRB_FETCH_BLOB, "x");
	frame_text(&s, TRB_FETCH_END, "");
	feed_accepted(&s, "refs/heads/main");
}
END_TEST

START_TEST(a_stream_without_its_end)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	struct stream s;
	bool done = true;

	begin_stream(&s, "100644", TRB_BYTES_LIT("x"), 0);
	frame_text(&s, TRB_FETCH_BLOB, "x");
	ck_status(feed(&s, NULL, &done, &err), TRB_OK, err);
	ck_assert(!done);
}
END_TEST

START_TEST(lies_of_a_fetcher)
{
	struct stream s;

	/* another object */
	begin_stream(&s, "100644", TRB_BYTES_LIT("x"), 0);
	frame_text(&s, TRB_FETCH_BLOB, "y");
	feed_refused(&s, NULL, TRB_E_FORMAT, TRB_CHECK_OBJECT);
	/* another type */
	begin_stream(&s, "100644", TRB_BYTES_LIT("x"), 0);
	frame_text(&s, TRB_FETCH_TREE, "x");
	feed_refused(&s, NULL, TRB_E_FORMAT, TRB_CHECK_OBJECT);
	/* the end before the last object */
	begin_stream(&s, "100644", TRB_BYTES_LIT("x"), 0);
	frame_text(&s, TRB_FETCH_END, "");
	feed_refused(&s, NULL, TRB_E_FORMAT, TRB_CHECK_OBJECT);
	/* more than is wanted */
	begin_stream(&s, "100644", TRB_BYTES_LIT("x"), 0);
	frame_text(&s, TRB_FETCH_BLOB, "x");
	frame_text(&s, TRB_FETCH_BLOB, "x");
	feed_refused(&s, NULL, TRB_E_FORMAT, TRB_CHECK_OBJECT);
	/* a blob where the tree says directory */
	begin_stream(&s, "40000", TRB_BYTES_LIT("x"), 0);
	frame_text(&s, TRB_FETCH_BLOB, "x");
	feed_refused(&s, NULL, TRB_E_FORMAT, TRB_CHECK_OBJECT);
	/* a way that does not lead down to CT */
	begin_stream(&s, "100644", TRB_BYTES_LIT("x"), 2);
	feed_refused(&s, "refs/heads/main", TRB_E_FORMAT, TRB_CHECK_REF);
	/* a way where none was asked for */
	begin_stream(&s, "100644", TRB_BYTES_LIT("x"), 1);
	feed_refused(&s, NULL, TRB_E_FORMAT, TRB_CHECK_OBJECT);
}
END_TEST

START_TEST(a_frame_is_judged_by_its_header)
{
	uint8_t head[TRB_FETCH_HEADER];
	struct stream s;

	begin_stream(&s, "100644", TRB_BYTES_LIT("x"), 0);
	trb_fetch_header_encode(TRB_FETCH_BLOB, UINT64_MAX, head);
	trb_buf_add(&s.bytes, TRB_BYTES(head, sizeof(head)));
	feed_refused(&s, NULL, TRB_E_LIMIT, TRB_CHECK_LIMIT);
	begin_stream(&s, "100644", TRB_BYTES_LIT("x"), 0);
	trb_fetch_header_encode(TRB_FETCH_BLOB, 101, head);
	trb_buf_add(&s.bytes, TRB_BYTES(head, sizeof(head)));
	feed_refused(&s, NULL, TRB_E_LIMIT, TRB_CHECK_LIMIT);
}
END_TEST

START_TEST(a_fetcher_cannot_fake_a_verdict)
{
	_cleanup_(trb_error_unrefp) trb_error *inner = NULL, *err = NULL;
	struct stream s;
	struct trb_buf text;

	trb_fail_check(&inner, TRB_E_REVOKED, "revocation.listed", "believe me");
	trb_buf_init(&text, TRB_FETCH_TEXT_MAX);
	trb_fetch_error_encode(inner, &text);
	begin_stream(&s, "100644", TRB_BYTES_LIT("x"), 0);
	frame(&s, TRB_FETCH_ERROR, trb_buf_bytes(&text));
	feed_refused(&s, NULL, TRB_E_IO, NULL);
	ck_assert_int_eq(trb_fetch_error_raise(TRB_BYTES_LIT("\xff\xff"), &err), TRB_E_IO);
	trb_buf_clear(&text);
}
END_TEST

START_TEST(gitlinks_sort_as_directories_in_the_digest)
{
	/* in the commit's tree "a" (a gitlink) comes before "a.b"; as a directory, behind it */
	struct trb_git_entry entries[] = {
		{ .mode = TRB_GIT_MODE_COMMIT, .name = TRB_BYTES_LIT("a") },
		{ .mode = TRB_GIT_MODE_FILE, .name = TRB_BYTES_LIT("a.b") },
	};
	struct trb_git_tree tree = { 2, entries };
	struct trb_commit wanted;
	struct trb_buf body;
	uint8_t zero[32] = { 0 }, digest[32];

	trb_buf_init(&body, 1024);
	trb_buf_add(&body, TRB_BYTES("100644 a.b", 11));
	trb_buf_add(&body, TRB_BYTES(zero, 32));
	trb_buf_add(&body, TRB_BYTES("40000 a", 8));
	trb_buf_add(&body, TRB_BYTES(zero, 32));
	wanted = id_of(TRB_GIT_TREE, trb_buf_bytes(&body));
	ck_assert_int_eq(trb_git_tree_digest(&tree, digest, NULL), TRB_OK);
	ck_assert_mem_eq(digest, wanted.id, 32);
	trb_buf_clear(&body);
}
END_TEST

START_TEST(bounds_have_names)
{
	struct trb_source_limits limits;
	uint64_t value;

	trb_source_limits_default(&limits);
	ck_assert_int_eq(trb_source_limits_set(&limits, TRB_BYTES_LIT("files"), 7, NULL), TRB_OK);
	ck_assert_uint_eq(limits.files, 7);
	ck_assert_int_eq(trb_source_limits_set(&limits, TRB_BYTES_LIT("files"), 0, NULL),
			 TRB_E_INVAL);
	ck_assert_int_eq(trb_source_limits_set(&limits, TRB_BYTES_LIT("depth"), 101, NULL),
			 TRB_E_INVAL);
	ck_assert_int_eq(trb_source_limits_set(&limits, TRB_BYTES_LIT("file"), 1, NULL),
			 TRB_E_NOTFOUND);
	ck_assert_str_eq(trb_source_limits_get(&limits, 0, &value), "pack_bytes");
	ck_assert_ptr_null(trb_source_limits_get(&limits, 99, &value));
}
END_TEST

static void put_fetcher(const char *folder, char path[64])
{
	static const char script[] = "#!/bin/sh\nexec /bin/sleep 1\n";
	FILE *f;

	snprintf(path, 64, "%s/tb-fetch", folder);
	f = fopen(path, "wx");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(script, f), 0);
	ck_assert_int_eq(fclose(f), 0);
	ck_assert_int_eq(chmod(path, 0700), 0);
}

/* A loop keeps one error for all its steps: one that says "again" must not hide the last one's. */
START_TEST(a_step_that_is_not_the_last_leaves_no_error)
{
	_cleanup_(trb_context_unrefp) trb_context *context = NULL;
	_cleanup_(trb_request_unrefp) trb_request *request = NULL;
	_cleanup_(trb_source_unrefp) trb_source *source = NULL;
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	char folder[] = "/tmp/trb-source-XXXXXX", path[64];
	unsigned again = 0;
	int r;

	ck_assert_ptr_nonnull(mkdtemp(folder));
	put_fetcher(folder, path);
	ck_assert_int_eq(trb_context_new(&context, NULL), TRB_OK);
	ck_status(trb_context_set_libexec_dir(context, folder, &err), TRB_OK, err);
	ck_status(trb_request_new(context, URL, HELLO_ID, &request, &err), TRB_OK, err);
	ck_status(trb_source_new(context, request, folder, &source, &err), TRB_OK, err);
	ck_status(trb_source_start(source, &err), TRB_OK, err);
	while ((r = trb_source_step(source, &err)) == TRB_E_AGAIN) {
		struct pollfd p = { .fd = trb_source_get_fd(source), .events = POLLIN };

		ck_assert_ptr_null(err);
		poll(&p, 1, 1000);
		again++;
	}
	ck_assert_uint_gt(again, 0);
	ck_status(r, TRB_E_IO, err);
	ck_assert_ptr_nonnull(strstr(trb_error_message(err), "fetch " HELLO_ID));
	ck_assert_int_eq(trb_error_code(err), TRB_E_IO);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("source");
	TCase *tc = tcase_create("source");

	tcase_add_test(tc, ids_are_gits);
	tcase_add_test(tc, disguises_of_git);
	tcase_add_test(tc, links_stay_inside);
	tcase_add_test(tc, commits_are_read_strictly);
	tcase_add_test(tc, urls_of_submodules);
	tcase_add_test(tc, an_honest_stream);
	tcase_add_test(tc, a_stream_without_its_end);
	tcase_add_test(tc, lies_of_a_fetcher);
	tcase_add_test(tc, a_frame_is_judged_by_its_header);
	tcase_add_test(tc, a_fetcher_cannot_fake_a_verdict);
	tcase_add_test(tc, gitlinks_sort_as_directories_in_the_digest);
	tcase_add_test(tc, bounds_have_names);
	tcase_add_test(tc, a_step_that_is_not_the_last_leaves_no_error);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
