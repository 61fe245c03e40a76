/* SPDX-License-Identifier: Apache-2.0 */
/* git's protocol as servers, honest or not, speak it. */
#include "each.h"
#include "support.h"

#include <stdio.h>

#include "core/error.h"
#include "format/fetch.h"
#include "format/git_wire.h"

static const char service[] = "001e# service=git-upload-pack\n0000";
static const char id[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
static const char other[] = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

static int read_refs(trb_bytes in, size_t step, bool list, trb_git_ref_fn on_ref, void *user,
		     struct trb_git_refs *ret, trb_error **err)
{
	struct trb_git_refs *r = trb_git_refs_new(on_ref, user);
	int res = TRB_OK;

	ck_assert(r != NULL);
	if (list)
		trb_git_refs_expect_list(r);
	while (res == TRB_OK && in.len > 0)
		res = trb_git_refs_feed(r, trb_bytes_take(&in, step < in.len ? step : in.len), err);
	if (res == TRB_OK)
		res = trb_git_refs_end(r, err);
	if (ret != NULL)
		*ret = (struct trb_git_refs){ .version = r->version, .features = r->features };
	trb_git_refs_free(r);
	return res;
}

static int add_pack(void *user, trb_bytes bytes, trb_error **err)
{
	(void)err;
	return trb_buf_add(user, bytes);
}

static int read_answer(trb_bytes in, size_t step, unsigned version, unsigned features,
		       struct trb_buf *out, bool *ret_refused, trb_error **err)
{
	struct trb_git_answer *a = trb_git_answer_new(version, features, true, add_pack, out);
	int res = TRB_OK;

	ck_assert(a != NULL);
	while (res == TRB_OK && in.len > 0)
		res = trb_git_answer_feed(a, trb_bytes_take(&in, step < in.len ? step : in.len),
					  err);
	if (res == TRB_OK)
		res = trb_git_answer_end(a, err);
	if (ret_refused != NULL)
		*ret_refused = a->refused;
	trb_git_answer_free(a);
	return res;
}

/* Vectors; each in one piece and byte by byte. */

static int take_refs(const char *name, trb_bytes in)
{
	int r = read_refs(in, in.len, false, NULL, NULL, NULL, NULL);

	ck_assert_msg(r == read_refs(in, 1, false, NULL, NULL, NULL, NULL), "%s in pieces", name);
	return r;
}

static int take_list(const char *name, trb_bytes in)
{
	int r = read_refs(in, in.len, true, NULL, NULL, NULL, NULL);

	ck_assert_msg(r == read_refs(in, 1, true, NULL, NULL, NULL, NULL), "%s in pieces", name);
	return r;
}

static int take_answer(const char *name, trb_bytes in, unsigned version)
{
	_cleanup_buf_ struct trb_buf out;
	int r;

	trb_buf_init(&out, 1 << 20);
	r = read_answer(in, in.len, version, TRB_GIT_SIDE_BAND, &out, NULL, NULL);
	if (r == TRB_OK)
		ck_assert_msg(trb_bytes_eq_str(trb_buf_bytes(&out), "PACK and so on"), "%s", name);
	trb_buf_clear(&out);
	ck_assert(r == read_answer(in, 1, version, TRB_GIT_SIDE_BAND, &out, NULL, NULL));
	return r;
}

static int take_new_answer(const char *name, trb_bytes in)
{
	return take_answer(name, in, 2);
}

static int take_old_answer(const char *name, trb_bytes in)
{
	return take_answer(name, in, 0);
}

START_TEST(vectors)
{
	test_each_vector("git_refs", take_refs);
	test_each_vector("git_list", take_list);
	test_each_vector("git_answer", take_new_answer);
	test_each_vector("git_answer_old", take_old_answer);
}
END_TEST

/* What is found. */

struct found {
	unsigned n;
	char text[512];
};

static int note(void *user, const struct trb_git_ref *ref, trb_error **err)
{
	struct found *f = user;
	size_t n = strlen(f->text);

	(void)err;
	f->n++;
	snprintf(f->text + n, sizeof(f->text) - n, "%.*s%s%.*s ", (int)ref->name.len,
		 (const char *)ref->name.ptr, ref->peeled ? "^" : "", (int)ref->symref.len,
		 (const char *)ref->symref.ptr);
	return TRB_OK;
}

static void add_service(struct trb_buf *b)
{
	trb_buf_init(b, 1 << 20);
	trb_buf_add_str(b, service);
}

static void add_raw(struct trb_buf *b, trb_bytes line)
{
	char head[TRB_PKT_HEAD + 1];

	trb_pktline_head(line.len, head);
	trb_buf_add_str(b, head);
	trb_buf_add(b, line);
}

START_TEST(old_list)
{
	static const char abilities[] = " HEAD\0shallow filter side-band-64k "
					"symref=HEAD:refs/heads/x allow-tip-sha1-in-want "
					"allow-reachable-sha1-in-want";
	_cleanup_buf_ struct trb_buf in, first;
	struct found found = { 0 };
	struct trb_git_refs r;

	add_service(&in);
	trb_buf_init(&first, 4096);
	trb_buf_add_str(&first, id);
	trb_buf_add(&first, TRB_BYTES_LIT(abilities));
	add_raw(&in, trb_buf_bytes(&first));
	trb_git_add_line(&in, "%s refs/heads/x\n", id);
	trb_git_add_line(&in, "%s refs/tags/v\n", id);
	trb_git_add_line(&in, "%s refs/tags/v^{}\n", other);
	trb_git_add_line(&in, "%s refs/tags/w\n", id);
	trb_git_add_special(&in, TRB_PKT_FLUSH);
	ck_assert_int_eq(read_refs(trb_buf_bytes(&in), 7, false, note, &found, &r, NULL), TRB_OK);
	ck_assert_uint_eq(r.version, 0);
	ck_assert_uint_eq(r.features, TRB_GIT_SHALLOW | TRB_GIT_FILTER | TRB_GIT_SIDE_BAND |
					      TRB_GIT_WANT_TIP | TRB_GIT_WANT_ANY);
	ck_assert_str_eq(found.text, "HEADrefs/heads/x refs/heads/x refs/tags/v^ refs/tags/w ");
}
END_TEST

START_TEST(new_abilities)
{
	_cleanup_buf_ struct trb_buf in;
	struct trb_git_refs r;

	add_service(&in);
	trb_git_add_line(&in, "version 2\n");
	trb_git_add_line(&in, "fetch=shallow\n");
	trb_git_add_special(&in, TRB_PKT_FLUSH);
	ck_assert_int_eq(read_refs(trb_buf_bytes(&in), 1, false, NULL, NULL, &r, NULL), TRB_OK);
	ck_assert_uint_eq(r.version, 2);
	ck_assert(r.features & TRB_GIT_SHALLOW);
	ck_assert(!(r.features & (TRB_GIT_FILTER | TRB_GIT_FORMAT)));
}
END_TEST

/* What a server says no with, and what is not read. */
static const struct {
	const char *line;
	int code;
	const char *text;
} refusals[] = {
	{ "version 3\n", TRB_E_UNSUPPORTED, "0 and 2" },
	{ "ERR no such\n", TRB_E_IO, "the server says: no such" },
	{ "ERR \x1b[31mred\n", TRB_E_IO, "the server says: \\x1b[31mred" },
	{ "abababababababababababababababababababababababababababababababab refs/heads/x\n",
	  TRB_E_UNSUPPORTED, "SHA-256" },
};

START_TEST(refuses)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	_cleanup_buf_ struct trb_buf in;

	add_service(&in);
	trb_git_add_line(&in, "%s", refusals[_i].line);
	trb_git_add_special(&in, TRB_PKT_FLUSH);
	ck_assert_int_eq(read_refs(trb_buf_bytes(&in), 3, false, NULL, NULL, NULL, &err),
			 refusals[_i].code);
	ck_assert_str_eq(trb_error_check(err), TRB_CHECK_REPOSITORY);
	ck_assert_msg(strstr(trb_error_message(err), refusals[_i].text) != NULL, "%s",
		      trb_error_message(err));
}
END_TEST

START_TEST(refused_pack)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	_cleanup_buf_ struct trb_buf in, out;
	bool refused = false;

	trb_buf_init(&in, 4096);
	trb_buf_init(&out, 4096);
	trb_git_add_line(&in, "ERR upload-pack: not our ref %s", id);
	ck_assert_int_eq(read_answer(trb_buf_bytes(&in), 4, 2, 0, &out, &refused, &err), TRB_E_IO);
	ck_assert(refused);
	ck_assert(strstr(trb_error_message(err), "not our ref") != NULL);
	/* one that fails later is no refusal of what was asked for */
	trb_buf_clear(&in);
	trb_git_add_line(&in, "packfile\n");
	trb_git_add_line(&in, "\3out of memory");
	err = trb_error_unref(err);
	ck_assert_int_eq(read_answer(trb_buf_bytes(&in), 4, 2, 0, &out, &refused, &err), TRB_E_IO);
	ck_assert(!refused);
}
END_TEST

START_TEST(pack_without_bands)
{
	_cleanup_buf_ struct trb_buf in, out;

	trb_buf_init(&in, 4096);
	trb_buf_init(&out, 4096);
	trb_buf_add_str(&in, "00000008NAK\nPACK");
	ck_assert_int_eq(read_answer(trb_buf_bytes(&in), 3, 0, 0, &out, NULL, NULL), TRB_OK);
	ck_assert(trb_bytes_eq_str(trb_buf_bytes(&out), "PACK"));
}
END_TEST

START_TEST(requests)
{
	const char *const prefixes[] = { "refs/heads/main", NULL };
	struct trb_git_wants wants = { .n = 1, .depth = 1, .commits_only = true };
	_cleanup_buf_ struct trb_buf out;
	struct trb_commit commit;

	ck_assert(trb_commit_from_hex(trb_bytes_str(id), &commit));
	wants.ids = &commit;
	trb_buf_init(&out, 4096);
	trb_git_add_ls_refs(&out, TRB_GIT_FORMAT, prefixes);
	ck_assert(trb_bytes_eq_str(trb_buf_bytes(&out),
				   "0014command=ls-refs\n0017object-format=sha1\n0001"
				   "0009peel\n000csymrefs\n001fref-prefix refs/heads/main\n0000"));
	trb_buf_clear(&out);
	trb_git_add_fetch(&out, 2, 0, &wants);
	ck_assert(trb_bytes_eq_str(trb_buf_bytes(&out),
				   "0012command=fetch\n00010010no-progress\n000eofs-delta\n"
				   "000ddeepen 1\n0012filter tree:0\n"
				   "0032want aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n"
				   "0009done\n0000"));
	trb_buf_clear(&out);
	trb_git_add_fetch(&out, 0, TRB_GIT_SIDE_BAND, &wants);
	ck_assert(trb_bytes_eq_str(trb_buf_bytes(&out),
				   "0065want aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa ofs-delta "
				   "side-band-64k no-progress shallow filter\n"
				   "000ddeepen 1\n0012filter tree:0\n00000009done\n"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("git_wire");
	TCase *tc = tcase_create("git_wire");

	tcase_add_test(tc, vectors);
	tcase_add_test(tc, old_list);
	tcase_add_test(tc, new_abilities);
	tcase_add_loop_test(tc, refuses, 0, sizeof(refusals) / sizeof(refusals[0]));
	tcase_add_test(tc, refused_pack);
	tcase_add_test(tc, pack_without_bands);
	tcase_add_test(tc, requests);
	suite_add_tcase(s, tc);
	return test_run(s);
}
