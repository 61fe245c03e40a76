/* SPDX-License-Identifier: Apache-2.0 */
/* Streams and frames. */
#include "support.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "core/channel.h"
#include "core/conf.h"
#include "core/io.h"
#include "core/registry.h"

static int pair[2];

static void setup(void)
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
}

static void teardown(void)
{
	close(pair[0]);
	close(pair[1]);
}

START_TEST(frames_arrive_whole)
{
	_cleanup_(trb_blob_unrefp) trb_blob *body = NULL, *empty = NULL;

	ck_assert_int_eq(trb_frame_send(pair[0], TRB_BYTES_LIT("hello"), 16, 1000, NULL), TRB_OK);
	ck_assert_int_eq(trb_frame_send(pair[0], TRB_BYTES_NULL, 16, 1000, NULL), TRB_OK);
	ck_assert_int_eq(trb_frame_recv(pair[1], 16, 1000, &body, NULL), TRB_OK);
	ck_assert(trb_bytes_eq_str(trb_blob_bytes(body), "hello"));
	ck_assert_int_eq(trb_frame_recv(pair[1], 16, 1000, &empty, NULL), TRB_OK);
	ck_assert_uint_eq(trb_blob_bytes(empty).len, 0);
}
END_TEST

START_TEST(frames_keep_their_ceiling)
{
	trb_blob *body = NULL;
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;

	ck_assert_int_eq(trb_frame_send(pair[0], TRB_BYTES_LIT("hello"), 4, 1000, NULL),
			 TRB_E_LIMIT);
	ck_assert_int_eq(trb_frame_send(pair[0], TRB_BYTES_LIT("hello"), 5, 1000, NULL), TRB_OK);
	ck_assert_int_eq(trb_frame_recv(pair[1], 4, 1000, &body, &err), TRB_E_LIMIT);
	ck_assert_ptr_null(body);
}
END_TEST

START_TEST(a_frame_cut_short_is_no_frame)
{
	trb_blob *body = NULL;

	ck_assert_int_eq(trb_write_full(pair[0], TRB_BYTES("\0\0\0\5hel", 7), NULL), TRB_OK);
	shutdown(pair[0], SHUT_WR);
	ck_assert_int_eq(trb_frame_recv(pair[1], 16, 1000, &body, NULL), TRB_E_IO);
}
END_TEST

START_TEST(a_head_cut_short_is_no_end)
{
	trb_blob *body = NULL;

	ck_assert_int_eq(trb_write_full(pair[0], TRB_BYTES("\0\0", 2), NULL), TRB_OK);
	shutdown(pair[0], SHUT_WR);
	ck_assert_int_eq(trb_frame_recv(pair[1], 16, 1000, &body, NULL), TRB_E_IO);
}
END_TEST

START_TEST(a_clean_end_is_told_apart)
{
	trb_blob *body = NULL;

	shutdown(pair[0], SHUT_WR);
	ck_assert_int_eq(trb_frame_recv(pair[1], 16, 1000, &body, NULL), TRB_E_DONE);
}
END_TEST

START_TEST(silence_times_out)
{
	trb_blob *body = NULL;
	static uint8_t big[8 << 20];

	ck_assert_int_eq(trb_frame_recv(pair[1], 16, 20, &body, NULL), TRB_E_TIMEOUT);
	ck_assert_int_eq(
		trb_frame_send(pair[0], TRB_BYTES(big, sizeof(big)), sizeof(big), 20, NULL),
		TRB_E_TIMEOUT);
}
END_TEST

START_TEST(a_lost_peer_raises_no_signal)
{
	close(pair[1]);
	pair[1] = -1;
	ck_assert_int_eq(trb_frame_send(pair[0], TRB_BYTES_LIT("x"), 16, 1000, NULL), TRB_E_IO);
}
END_TEST

/* Listens in dir, which may be longer than a socket's address. */
static void meet_in(const char *dir)
{
	_cleanup_close_ int listener = -1, client = -1, served = -1;
	_cleanup_free_ char *address = NULL, *path = NULL;
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	trb_blob *body = NULL;
	struct stat st;
	int r;

	ck_assert(asprintf(&address, "unix:%s", dir) > 0 && asprintf(&path, "%s/5000", dir) > 0);
	r = trb_stream_listen(address, 5000, &listener, &err);
	ck_status(r, TRB_OK, err);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0600);
	r = trb_stream_connect(address, 5000, 1000, &client, &err);
	ck_status(r, TRB_OK, err);
	served = accept(listener, NULL, NULL);
	ck_assert_int_ge(served, 0);
	ck_assert_int_eq(trb_frame_send(client, TRB_BYTES_LIT("x"), 16, 1000, NULL), TRB_OK);
	ck_assert_int_eq(trb_frame_recv(served, 16, 1000, &body, NULL), TRB_OK);
	trb_blob_unref(body);
	ck_assert_int_eq(trb_stream_connect(address, 5001, 1000, &client, NULL), TRB_E_NOTFOUND);
}

START_TEST(streams_are_ports_in_a_directory)
{
	char dir[] = "/tmp/trb-channel-XXXXXX", longer[400];

	ck_assert_ptr_nonnull(mkdtemp(dir));
	meet_in(dir);
	snprintf(longer, sizeof(longer), "%s/%0180d", dir, 1);
	ck_assert_int_eq(mkdir(longer, 0700), 0);
	meet_in(longer);
	ck_assert_int_eq(trb_remove_tree(-100, dir, NULL), TRB_OK);
}
END_TEST

START_TEST(bad_addresses_are_refused)
{
	static const char *const bad[] = {
		"",        "unix:",    "unix:relative", "vsock:",
		"vsock:x", "vsock:-1", "tcp:1",         "vsock:99999999999"
	};
	int fd = -1;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(trb_stream_connect(bad[i], 1, 10, &fd, NULL) == TRB_E_INVAL, "'%s'",
			      bad[i]);
}
END_TEST

START_TEST(conf_values_may_be_quoted)
{
	static const char *const keys[] = { "eif", "pids", NULL };
	static const struct {
		const char *text, *eif, *pids;
	} good[] = {
		{ "eif=\"a, b.eif\",pids=3", "a, b.eif", "3" },
		{ "pids=3,eif=\"a\\\"b\\\\c\"", "a\"b\\c", "3" },
		{ "eif=\"\"", "", NULL },
		{ "eif=a\"b", "a\"b", NULL },
		{ "eif=\"pids=4\"", "pids=4", NULL },
		{ "eif=a=b", "a=b", NULL },
	};
	static const char *const bad[] = { "eif=\"a",       "eif=\"",     "eif=\"a\"b",
					   "eif=\"a\\nb\"", "eif=\"a\\",  "eif=\"a\\\"",
					   "\"eif\"=a",     "eif=\"a\",", "eif=\"a\" ,pids=3" };

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		_cleanup_(trb_conf_freep) struct trb_conf *conf = NULL;

		ck_assert_msg(trb_conf_parse(good[i].text, keys, &conf, NULL) == TRB_OK, "%s",
			      good[i].text);
		ck_assert_str_eq(trb_conf_get(conf, "eif", "none"), good[i].eif);
		ck_assert_pstr_eq(trb_conf_get(conf, "pids", NULL), good[i].pids);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct trb_conf *none = NULL;

		ck_assert_msg(trb_conf_parse(bad[i], keys, &none, NULL) == TRB_E_INVAL, "%s",
			      bad[i]);
		ck_assert_ptr_null(none);
	}
}
END_TEST

static const char *name_at(size_t index)
{
	static const char *const names[] = { "tic", "tac", "toe" };

	return index < 3 ? names[index] : NULL;
}

START_TEST(names_are_found_exactly)
{
	static const char *const unknown[] = { "ti", "tict", "", ":", "TIC", "tic ", ":tic" };
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	const char *options = NULL;
	size_t index = 9;

	ck_assert_int_eq(trb_registry_find("row", name_at, "tac", &index, &options, NULL), TRB_OK);
	ck_assert_uint_eq(index, 1);
	ck_assert_str_eq(options, "");
	ck_assert_int_eq(trb_registry_find("row", name_at, "toe:x=a:b", &index, &options, NULL),
			 TRB_OK);
	ck_assert_str_eq(options, "x=a:b");
	ck_assert_int_eq(trb_registry_find("row", name_at, "tic", &index, NULL, NULL), TRB_OK);
	ck_assert_uint_eq(index, 0);
	ck_assert_int_eq(trb_registry_find("row", name_at, "tic:", &index, NULL, NULL),
			 TRB_E_INVAL);
	ck_assert_int_eq(trb_registry_find("row", name_at, NULL, &index, NULL, NULL),
			 TRB_E_NOTFOUND);
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		ck_assert_int_eq(
			trb_registry_find("row", name_at, unknown[i], &index, &options, NULL),
			TRB_E_NOTFOUND);
	ck_assert_int_eq(trb_registry_find("row", name_at, "no:x", &index, &options, &err),
			 TRB_E_NOTFOUND);
	ck_assert_str_eq(trb_error_message(err), "there is no row 'no'; there is: tic, tac, toe");
}
END_TEST

START_TEST(conf_is_strict)
{
	static const char *const keys[] = { "transport", "nsm", NULL };
	static const char *const bad[] = { "x=1", "nsm", "nsm=a,nsm=b", ",", "nsm=a," };
	_cleanup_(trb_conf_freep) struct trb_conf *conf = NULL, *empty = NULL;
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	uint64_t n;

	ck_assert_int_eq(trb_conf_parse("transport=unix:/run/x,nsm=7", keys, &conf, NULL), TRB_OK);
	ck_assert_str_eq(trb_conf_get(conf, "transport", ""), "unix:/run/x");
	ck_assert_int_eq(trb_conf_uint(conf, "nsm", 7, 0, &n, NULL), TRB_OK);
	ck_assert_uint_eq(n, 7);
	ck_assert_int_eq(trb_conf_uint(conf, "nsm", 6, 0, &n, NULL), TRB_E_INVAL);
	ck_assert_int_eq(trb_conf_uint(conf, "transport", 7, 0, &n, NULL), TRB_E_INVAL);
	ck_assert_int_eq(trb_conf_parse("", keys, &empty, NULL), TRB_OK);
	ck_assert_str_eq(trb_conf_get(empty, "nsm", "none"), "none");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct trb_conf *none = NULL;

		ck_assert_msg(trb_conf_parse(bad[i], keys, &none, NULL) == TRB_E_INVAL, "'%s'",
			      bad[i]);
	}
	ck_assert_int_eq(trb_conf_parse("nms=7", keys, &conf, &err), TRB_E_INVAL);
	ck_assert_str_eq(trb_error_message(err), "unknown key 'nms' (known here: transport, nsm)");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("channel");
	TCase *frames = tcase_create("frames"), *streams = tcase_create("streams");

	tcase_add_checked_fixture(frames, setup, teardown);
	tcase_add_test(frames, frames_arrive_whole);
	tcase_add_test(frames, frames_keep_their_ceiling);
	tcase_add_test(frames, a_frame_cut_short_is_no_frame);
	tcase_add_test(frames, a_head_cut_short_is_no_end);
	tcase_add_test(frames, a_clean_end_is_told_apart);
	tcase_add_test(frames, silence_times_out);
	tcase_add_test(frames, a_lost_peer_raises_no_signal);
	suite_add_tcase(s, frames);
	tcase_add_test(streams, streams_are_ports_in_a_directory);
	tcase_add_test(streams, bad_addresses_are_refused);
	tcase_add_test(streams, conf_is_strict);
	tcase_add_test(streams, conf_values_may_be_quoted);
	tcase_add_test(streams, names_are_found_exactly);
	suite_add_tcase(s, streams);
	return test_run(s);
}
