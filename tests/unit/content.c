/* SPDX-License-Identifier: Apache-2.0 */
/* Port 5004 from both ends: the enclave asks by SHA-256, and believes no host. */
#include "support.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>

#include "core/channel.h"
#include "core/io.h"
#include "enclave/content.h"
#include "format/control.h"
#include "format/facts.h"
#include "host/content.h"

#define WAIT_MS 5000
#define LARGE   (3u << 20) /* more than any socket's buffer */

static char top[64], store[80], address[96];
static int listener;

/* The host: honest over the directory, or with one lie. */
enum lie {
	HONEST,
	OTHER_BYTES,
	MORE_THAN_ASKED,
	CUT_SHORT,
	NO_ANSWER,
	GARBAGE,
	NOT_HERE,
};
static enum lie lie;
static pthread_t host;
static volatile int served;

static void setup(void)
{
	strcpy(top, "/tmp/trb-content-XXXXXX");
	ck_assert(mkdtemp(top) != NULL);
	snprintf(store, sizeof(store), "%s/store", top);
	snprintf(address, sizeof(address), "unix:%s", top);
	ck_assert_int_eq(trb_mkdirs(store, NULL), TRB_OK);
	ck_assert_int_eq(trb_stream_listen(address, TRB_PORT_CONTENT, &listener, NULL), TRB_OK);
}

static void teardown(void)
{
	close(listener);
	ck_assert_int_eq(trb_remove_tree(AT_FDCWD, top, NULL), TRB_OK);
}

/* Puts bytes under their digest, or under that of others. */
static void put(trb_bytes bytes, const uint8_t digest[32])
{
	char name[65];

	trb_hex_encode(TRB_BYTES(digest, 32), name);
	ck_assert_int_eq(trb_write_file(AT_FDCWD, test_path(store, name), bytes, 0600, NULL),
			 TRB_OK);
}

static void serve_honestly(int fd)
{
	struct trb_content content;
	trb_error *err = NULL;

	trb_content_init(&content);
	content.dir = open(store, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	trb_content_add(&content, fd);
	for (bool sending = false; trb_content_has(&content, fd);) {
		struct pollfd p = { .fd = fd, .events = sending ? POLLOUT : POLLIN };

		if (poll(&p, 1, WAIT_MS) <= 0 || trb_content_step(&content, fd, &sending, &err) < 0)
			break;
	}
	trb_error_unref(err);
	trb_content_clear(&content);
}

static void lie_about(int fd)
{
	static const uint8_t fours[] = { 0x81, 0x04, 'l', 'i', 'e', 's' };
	struct trb_content_answer answer = { .there = lie != NOT_HERE, .size = 4 };
	trb_blob *frame = NULL, *question = NULL;

	if (trb_frame_recv(fd, TRB_CONTENT_ASK_MAX, WAIT_MS, &question, NULL) < 0)
		return;
	trb_blob_unref(question);
	if (lie == MORE_THAN_ASKED)
		answer.size = 5;
	if (lie == GARBAGE)
		trb_frame_send(fd, TRB_BYTES(fours, 6), 64, WAIT_MS, NULL);
	if (lie == NO_ANSWER || lie == GARBAGE)
		return;
	trb_content_answer_encode(&answer, &frame, NULL);
	trb_frame_send(fd, trb_blob_bytes(frame), 64, WAIT_MS, NULL);
	trb_blob_unref(frame);
	if (lie != NOT_HERE &&
	    send(fd, "lies!", lie == CUT_SHORT ? 3 : answer.size, MSG_NOSIGNAL) < 0)
		return;
}

static void *serve(void *unused)
{
	struct pollfd p = { .fd = listener, .events = POLLIN };
	int fd;

	(void)unused;
	if (poll(&p, 1, WAIT_MS) != 1 || (fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) < 0)
		return NULL;
	served = 1;
	if (lie == HONEST) {
		serve_honestly(fd);
	} else {
		lie_about(fd);
		close(fd);
	}
	return NULL;
}

/* What the enclave gets, and what is in its file afterwards. */
static int get(const uint8_t digest[32], uint64_t ceiling, trb_blob **ret, trb_error **err)
{
	const char *path = test_path(top, "got");
	_cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	uint64_t size = 0;
	int r;

	ck_assert_int_eq(pthread_create(&host, NULL, serve, NULL), 0);
	r = trb_content_get(address, digest, ceiling, WAIT_MS, fd, &size, err);
	pthread_join(host, NULL);
	ck_assert_int_eq(served, 1);
	*ret = test_file(test_path(top, "got"));
	ck_assert_uint_eq(size, r == TRB_OK ? trb_blob_bytes(*ret).len : 0);
	return r;
}

static const struct {
	size_t len;
	uint64_t ceiling;
	int code;
} sizes[] = {
	{ 0, 0, TRB_OK },
	{ 5, 5, TRB_OK },
	{ 5, TRB_AMOUNT_MAX, TRB_OK },
	{ 5, 4, TRB_E_NOTFOUND }, /* here, but larger than what was asked for */
	{ LARGE, LARGE, TRB_OK },
	{ LARGE, LARGE - 1, TRB_E_NOTFOUND },
};

START_TEST(content_arrives_up_to_its_ceiling)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	_cleanup_(trb_blob_unrefp) trb_blob *got = NULL;
	_cleanup_free_ uint8_t *bytes = malloc(LARGE);
	trb_bytes in = { bytes, sizes[_i].len };
	uint8_t digest[32];

	lie = HONEST;
	memset(bytes, 'x', LARGE);
	ck_assert_int_eq(trb_sha256(in, digest, NULL), TRB_OK);
	put(in, digest);
	ck_status(get(digest, sizes[_i].ceiling, &got, &err), sizes[_i].code, err);
	ck_assert(
		trb_bytes_eq(trb_blob_bytes(got), sizes[_i].code == TRB_OK ? in : TRB_BYTES_NULL));
}
END_TEST

/* threats.md: who has bytes need not be trusted with them */
START_TEST(a_lying_host_gives_nothing)
{
	static const struct {
		enum lie lie;
		int code;
	} rows[] = {
		{ OTHER_BYTES, TRB_E_FORMAT }, { MORE_THAN_ASKED, TRB_E_LIMIT },
		{ CUT_SHORT, TRB_E_IO },       { NO_ANSWER, TRB_E_IO },
		{ GARBAGE, TRB_E_FORMAT },     { NOT_HERE, TRB_E_NOTFOUND },
	};
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	_cleanup_(trb_blob_unrefp) trb_blob *got = NULL;
	uint8_t digest[32];

	lie = rows[_i].lie;
	ck_assert_int_eq(trb_sha256(TRB_BYTES_LIT("true"), digest, NULL), TRB_OK);
	ck_status(get(digest, 4, &got, &err), rows[_i].code, err);
	ck_assert_uint_eq(trb_blob_bytes(got).len, 0);
}
END_TEST

/* The twin: the same words, asked for by their own digest. */
START_TEST(the_same_bytes_are_fine_under_their_own_name)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	_cleanup_(trb_blob_unrefp) trb_blob *got = NULL;
	uint8_t digest[32];

	lie = OTHER_BYTES;
	ck_assert_int_eq(trb_sha256(TRB_BYTES_LIT("lies"), digest, NULL), TRB_OK);
	ck_status(get(digest, 4, &got, &err), TRB_OK, err);
	ck_assert(trb_bytes_eq_str(trb_blob_bytes(got), "lies"));
}
END_TEST

/* A damaged store is found out by the enclave; links and folders are not followed by the host. */
START_TEST(a_damaged_store_is_found_out)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL, *link = NULL;
	_cleanup_(trb_blob_unrefp) trb_blob *got = NULL, *none = NULL;
	uint8_t digest[32];
	char name[65];

	lie = HONEST;
	ck_assert_int_eq(trb_sha256(TRB_BYTES_LIT("true"), digest, NULL), TRB_OK);
	put(TRB_BYTES_LIT("flse"), digest);
	ck_status(get(digest, 4, &got, &err), TRB_E_FORMAT, err);
	ck_assert_uint_eq(trb_blob_bytes(got).len, 0);
	trb_hex_encode(TRB_BYTES(digest, 32), name);
	ck_assert_int_eq(unlink(test_path(store, name)), 0);
	ck_assert_int_eq(symlink("../got", test_path(store, name)), 0);
	ck_status(get(digest, 4, &none, &link), TRB_E_NOTFOUND, link);
}
END_TEST

START_TEST(questions_are_strict_and_few)
{
	static const char question[] = "\0\0\0\1\x40";
	struct trb_content content;
	trb_error *err = NULL;
	bool sending = true;
	int pair[2];

	trb_content_init(&content);
	for (size_t i = 0; i <= TRB_CONTENT_STREAMS; i++) {
		ck_assert_int_eq(
			socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair),
			0);
		ck_assert(trb_content_add(&content, pair[0]) == (i < TRB_CONTENT_STREAMS));
		if (i < TRB_CONTENT_STREAMS - 1 || i == TRB_CONTENT_STREAMS) {
			close(pair[1]);
			continue;
		}
		ck_assert_int_eq(send(pair[1], question, 5, 0), 5);
		ck_assert_int_eq(trb_content_step(&content, pair[0], &sending, &err), TRB_E_FORMAT);
		ck_assert_str_eq(trb_error_check(err), "channel");
		close(pair[1]);
	}
	/* one that leaves without a question is no fault */
	ck_assert_int_eq(trb_content_step(&content, content.streams[0].fd, &sending, NULL), TRB_OK);
	ck_assert(!sending);
	ck_assert_int_eq(content.streams[0].fd, -1);
	trb_error_unref(err);
	trb_content_clear(&content);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("content");
	TCase *tc = tcase_create("content");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, content_arrives_up_to_its_ceiling, 0,
			    sizeof(sizes) / sizeof(sizes[0]));
	tcase_add_loop_test(tc, a_lying_host_gives_nothing, 0, 6);
	tcase_add_test(tc, the_same_bytes_are_fine_under_their_own_name);
	tcase_add_test(tc, a_damaged_store_is_found_out);
	tcase_add_test(tc, questions_are_strict_and_few);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
