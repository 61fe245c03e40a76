/* SPDX-License-Identifier: Apache-2.0 */
/* How CT stands to the ref, from chains of objects as a fetcher would send them. */
#include "support.h"

#include <stdio.h>

#include "core/error.h"
#include "enclave/source_stream.h"
#include "format/git_object.h"

#define URL  "https://example.org/a/b.git"
#define MAIN "refs/heads/main"

static struct trb_buf bytes;
static struct trb_source_stream *stream;
static struct trb_commit tree;

static void setup(void)
{
	trb_buf_init(&bytes, 1 << 20);
	ck_assert_int_eq(trb_git_hash(2, TRB_GIT_TREE, TRB_BYTES_LIT(""), &tree, NULL), TRB_OK);
}

static void teardown(void)
{
	trb_buf_clear(&bytes);
	stream = trb_source_stream_free(stream);
}

static struct trb_commit send_object(enum trb_git_type type, const char *text)
{
	uint8_t head[TRB_FETCH_HEADER];
	struct trb_commit id;

	trb_fetch_header_encode(type, strlen(text), head);
	trb_buf_add(&bytes, TRB_BYTES(head, sizeof(head)));
	trb_buf_add_str(&bytes, text);
	ck_assert_int_eq(trb_git_hash(2, type, trb_bytes_str(text), &id, NULL), TRB_OK);
	return id;
}

/* A commit with the parents that are given, in their order; time makes it another one. */
static char *commit(unsigned time, const struct trb_commit *first, const struct trb_commit *second)
{
	char hex[65], a[80] = "", b[80] = "", *text = NULL;

	if (first != NULL) {
		trb_commit_to_hex(first, hex);
		snprintf(a, sizeof(a), "parent %s\n", hex);
	}
	if (second != NULL) {
		trb_commit_to_hex(second, hex);
		snprintf(b, sizeof(b), "parent %s\n", hex);
	}
	trb_commit_to_hex(&tree, hex);
	ck_assert_int_gt(
		asprintf(&text, "tree %s\n%s%sauthor a <a> %u +0000\ncommitter c <c> %u +0000\n\nx",
			 hex, a, b, time, time),
		0);
	return text;
}

static struct trb_commit id_of(const char *text)
{
	struct trb_commit id;

	ck_assert_int_eq(trb_git_hash(2, TRB_GIT_COMMIT, trb_bytes_str(text), &id, NULL), TRB_OK);
	return id;
}

static void send_tag(const struct trb_commit *target, const char *type, const char *name,
		     struct trb_commit *ret)
{
	char hex[65], text[256];

	trb_commit_to_hex(target, hex);
	snprintf(text, sizeof(text), "object %s\ntype %s\ntag %s\ntagger t <t> 1 +0000\n\nx", hex,
		 type, name);
	*ret = send_object(TRB_GIT_TAG, text);
}

static void send_end(void)
{
	uint8_t head[TRB_FETCH_HEADER];

	trb_fetch_header_encode(TRB_FETCH_END, 0, head);
	trb_buf_add(&bytes, TRB_BYTES(head, sizeof(head)));
}

/* CT last, then its empty tree. */
static int feed(const char *ct, const char *ref, trb_error **err)
{
	struct trb_commit id = id_of(ct);
	struct trb_source_limits limits;
	trb_bytes sent;
	int r = TRB_OK;

	send_object(TRB_GIT_COMMIT, ct);
	send_object(TRB_GIT_TREE, "");
	send_end();
	sent = trb_buf_bytes(&bytes);
	trb_source_limits_default(&limits);
	ck_assert_int_eq(trb_source_stream_new(NULL, URL, &id, ref, &limits, NULL, &stream, NULL),
			 TRB_OK);
	while (r == TRB_OK && (sent.len > 0 || trb_source_stream_turn(stream) != TRB_TURN_NONE)) {
		r = trb_source_stream_feed(stream, &sent, err);
		if (r == TRB_OK && trb_source_stream_turn(stream) != TRB_TURN_NONE)
			r = trb_source_stream_go_on(stream, err);
	}
	ck_assert(trb_source_stream_done(stream) == (r == TRB_OK));
	return r;
}

static const struct trb_history *history(void)
{
	return &trb_source_stream_result(stream)->history;
}

START_TEST(without_a_ref_there_is_none)
{
	_cleanup_free_ char *ct = commit(1, NULL, NULL);

	ck_assert_int_eq(feed(ct, NULL, NULL), TRB_OK);
	ck_assert(!history()->there && !history()->tagged);
}
END_TEST

START_TEST(the_tip_has_no_steps)
{
	_cleanup_free_ char *ct = commit(1, NULL, NULL);
	struct trb_commit id = id_of(ct);

	ck_assert_int_eq(feed(ct, MAIN, NULL), TRB_OK);
	ck_assert(history()->there && !history()->tagged);
	ck_assert_uint_eq(history()->relation, TRB_RELATION_TIP);
	ck_assert_uint_eq(history()->steps, 0);
	ck_assert(trb_commit_eq(&history()->tip, &id));
}
END_TEST

/* tip -> middle -> CT, where CT is parent _i + 1 of middle: 0 keeps to the ref's own line, 1 leaves
 * it for good, and parent 1 of what comes after does not lead back. */
START_TEST(each_step_is_held_against_its_child)
{
	_cleanup_free_ char *other = commit(9, NULL, NULL), *ct = commit(1, NULL, NULL);
	struct trb_commit ct_id = id_of(ct), other_id = id_of(other), middle_id, tip_id;
	_cleanup_free_ char *middle =
		commit(2, _i == 0 ? &ct_id : &other_id, _i == 0 ? &other_id : &ct_id);
	_cleanup_free_ char *tip = NULL;

	middle_id = id_of(middle);
	tip = commit(3, &middle_id, NULL);
	tip_id = send_object(TRB_GIT_COMMIT, tip);
	send_object(TRB_GIT_COMMIT, middle);
	ck_assert_int_eq(feed(ct, MAIN, NULL), TRB_OK);
	ck_assert_uint_eq(history()->relation,
			  _i == 0 ? TRB_RELATION_FIRST_PARENT : TRB_RELATION_REACHABLE);
	ck_assert_uint_eq(history()->steps, 2);
	ck_assert(trb_commit_eq(&history()->tip, &tip_id));
}
END_TEST

/* A side branch's first parents are not the ref's. */
START_TEST(a_side_branch_stays_one)
{
	_cleanup_free_ char *main_line = commit(9, NULL, NULL), *ct = commit(1, NULL, NULL);
	struct trb_commit ct_id = id_of(ct), main_id = id_of(main_line), side_id;
	_cleanup_free_ char *side = commit(2, &ct_id, NULL), *tip = NULL;

	side_id = id_of(side);
	tip = commit(3, &main_id, &side_id);
	send_object(TRB_GIT_COMMIT, tip);
	send_object(TRB_GIT_COMMIT, side);
	ck_assert_int_eq(feed(ct, MAIN, NULL), TRB_OK);
	ck_assert_uint_eq(history()->relation, TRB_RELATION_REACHABLE);
	ck_assert_uint_eq(history()->steps, 2);
}
END_TEST

static const struct {
	const char *ref, *name;
	bool good;
} names[] = {
	{ "refs/tags/v2.0", "v2.0", true },
	{ "refs/tags/v2.0", "v0.9", false }, /* an old release under the new one's ref */
	{ "refs/tags/a/b", "a/b", true },
	{ "refs/tags/a/b", "b", false },
	{ "refs/tags/a/b", "tags/a/b", false },
	{ "refs/heads/main", "main", true },
	{ "refs/heads/main", "v1", false },
};

START_TEST(a_tag_calls_itself_what_the_ref_says)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	_cleanup_free_ char *ct = commit(1, NULL, NULL);
	struct trb_commit id = id_of(ct), tag;
	int r;

	send_tag(&id, "commit", names[_i].name, &tag);
	r = feed(ct, names[_i].ref, &err);
	if (names[_i].good) {
		ck_status(r, TRB_OK, err);
		ck_assert(history()->tagged && trb_commit_eq(&history()->tag, &tag));
		ck_assert_uint_eq(history()->relation, TRB_RELATION_TIP);
		return;
	}
	ck_status(r, TRB_E_SOURCE, err);
	ck_assert_str_eq(trb_error_check(err), "source.ref");
}
END_TEST

/* Of a tag of a tag the outer one is the ref's; the inner one may have any name. */
START_TEST(the_outermost_tag_counts)
{
	_cleanup_free_ char *ct = commit(1, NULL, NULL);
	struct trb_commit id = id_of(ct), inner, outer;
	struct trb_buf kept;

	send_tag(&id, "commit", "v1-inner", &inner);
	kept = bytes;
	trb_buf_init(&bytes, 1 << 20);
	send_tag(&inner, "tag", "v1", &outer);
	trb_buf_add(&bytes, trb_buf_bytes(&kept));
	trb_buf_clear(&kept);
	ck_assert_int_eq(feed(ct, "refs/tags/v1", NULL), TRB_OK);
	ck_assert(trb_commit_eq(&history()->tag, &outer));
	ck_assert(trb_commit_eq(&history()->tip, &id));
}
END_TEST

static const struct {
	const char *url;
	bool good;
} places[] = {
	{ "https://example.org/moved/b", true },   { "https://example.org/a/b.git", false },
	{ "https://example.org:8443/a/b", false }, { "https://evil.example/a/b.git", false },
	{ "http://example.org/moved/b", false },
};

START_TEST(a_location_keeps_to_the_origin)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	_cleanup_free_ char *ct = commit(1, NULL, NULL);
	uint8_t head[TRB_FETCH_HEADER];
	int r;

	trb_fetch_header_encode(TRB_FETCH_LOCATION, strlen(places[_i].url), head);
	trb_buf_add(&bytes, TRB_BYTES(head, sizeof(head)));
	trb_buf_add_str(&bytes, places[_i].url);
	r = feed(ct, MAIN, &err);
	ck_status(r, places[_i].good ? TRB_OK : TRB_E_SOURCE, err);
	if (places[_i].good)
		ck_assert_str_eq(trb_source_stream_result(stream)->location, places[_i].url);
	else
		ck_assert_str_eq(trb_error_check(err), "source.repository");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("source_history");
	TCase *tc = tcase_create("source_history");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, without_a_ref_there_is_none);
	tcase_add_test(tc, the_tip_has_no_steps);
	tcase_add_loop_test(tc, each_step_is_held_against_its_child, 0, 2);
	tcase_add_test(tc, a_side_branch_stays_one);
	tcase_add_loop_test(tc, a_tag_calls_itself_what_the_ref_says, 0,
			    sizeof(names) / sizeof(names[0]));
	tcase_add_test(tc, the_outermost_tag_counts);
	tcase_add_loop_test(tc, a_location_keeps_to_the_origin, 0,
			    sizeof(places) / sizeof(places[0]));
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
