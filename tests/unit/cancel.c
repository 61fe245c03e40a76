/* SPDX-License-Identifier: Apache-2.0 */
/* trb_context_set_canceled(): whatever waits ends soon, from any thread, until it is taken back. */
#include "support.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "core/channel.h"
#include "core/cleanup.h"
#include "core/clock.h"
#include "core/context.h"
#include "core/io.h"

#define SOON_MS 5000

/* Cancels a little later, from another thread. */
static void *cancel_later(void *context)
{
	usleep(30000);
	trb_context_set_canceled(context, 1);
	return NULL;
}

/* How a wait in context ends that nothing else would end. */
static int canceled_meanwhile(trb_context *context, int (*waits)(trb_context *, trb_error **))
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	int64_t soon = trb_deadline(SOON_MS);
	pthread_t thread;
	int r;

	ck_assert_int_eq(pthread_create(&thread, NULL, cancel_later, context), 0);
	r = waits(context, &err);
	pthread_join(thread, NULL);
	ck_assert_int_eq(trb_error_code(err), r);
	ck_assert_int_gt(trb_deadline_left(soon), 0);
	return r;
}

static int wait_for_bytes(trb_context *context, trb_error **err)
{
	int fds[2], r;

	ck_assert_int_eq(pipe(fds), 0);
	r = trb_wait_fd_in(context, fds[0], POLLIN, trb_deadline(-1), err);
	close(fds[0]);
	close(fds[1]);
	return r;
}

static int wait_for_lock(trb_context *context, trb_error **err)
{
	char path[] = "/tmp/trb-cancel-XXXXXX";
	int first = mkstemp(path), second = open(path, O_RDWR | O_CLOEXEC), r;

	ck_assert_int_eq(flock(first, LOCK_EX), 0);
	r = trb_lock_fd(context, second, err);
	ck_assert_int_eq(flock(first, LOCK_UN), 0);
	trb_context_set_canceled(context, 0);
	ck_assert_int_eq(trb_lock_fd(context, second, NULL), TRB_OK);
	close(first);
	close(second);
	unlink(path);
	return r;
}

START_TEST(waits_end)
{
	_cleanup_(trb_context_unrefp) trb_context *context = NULL;

	ck_assert_int_eq(trb_context_new(&context, NULL), TRB_OK);
	ck_assert_int_eq(canceled_meanwhile(context, wait_for_bytes), TRB_E_CANCELED);
	ck_assert_int_eq(trb_check_canceled(context, NULL), TRB_E_CANCELED);
	trb_context_set_canceled(context, 0);
	ck_assert_int_eq(trb_check_canceled(context, NULL), TRB_OK);
	ck_assert_int_eq(canceled_meanwhile(context, wait_for_lock), TRB_E_CANCELED);
	trb_context_set_canceled(NULL, 1);
	ck_assert_int_eq(trb_check_canceled(NULL, NULL), TRB_OK);
}
END_TEST

START_TEST(a_deadline_still_holds)
{
	_cleanup_(trb_context_unrefp) trb_context *context = NULL;
	int fds[2];

	ck_assert_int_eq(trb_context_new(&context, NULL), TRB_OK);
	ck_assert_int_eq(pipe(fds), 0);
	ck_assert_int_eq(
		trb_wait_fd_in(context, fds[0], POLLIN, trb_deadline(2 * TRB_CANCEL_MS + 10), NULL),
		TRB_E_TIMEOUT);
	ck_assert_int_eq(write(fds[1], "x", 1), 1);
	ck_assert_int_eq(trb_wait_fd_in(context, fds[0], POLLIN, trb_deadline(-1), NULL), TRB_OK);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cancel");
	TCase *tc = tcase_create("cancel");

	tcase_add_test(tc, waits_end);
	tcase_add_test(tc, a_deadline_still_holds);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
