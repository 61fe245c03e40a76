/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of backends, older and newer ones, and enclaves that boot before they have a request. */
#include "peer.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <trustbuild/attestation.h>

#include "support.h"

#include "core/channel.h"
#include "core/io.h"
#include "enclave/content.h"
#include "format/bundle.h"
#include "format/control.h"
#include "host/session.h"
#include "host/stream.h"

static struct peer_host host;
static trb_session *session;
static trb_tee_ops ops;

static void setup(void)
{
	peer_host_set_up(&host);
	ck_assert_int_eq(mkdir(host.out, 0700), 0);
	ops = peer_ops;
}

static void teardown(void)
{
	session = trb_session_unref(session);
	peer_host_tear_down(&host);
}

static void open_session(enum peer_fault fault)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	_cleanup_close_ int out = open(host.out, O_PATH | O_DIRECTORY);
	char options[16];

	snprintf(options, sizeof(options), "%d", fault);
	ck_status(trb_session_open_tee(host.context, &ops, options, &session, &err), TRB_OK, err);
	ck_status(trb_session_set_output_dirfd(session, out, &err), TRB_OK, err);
}

static void build(void)
{
	_cleanup_(trb_bundle_unrefp) trb_bundle *bundle = NULL;
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;

	ck_status(trb_session_build(session, host.request, &bundle, &err), TRB_OK, err);
	ck_status(trb_session_close(session, &err), TRB_OK, err);
	ck_assert_int_eq(access(test_path(host.out, PEER_ARTIFACT), R_OK), 0);
}

/* Slots that are called would end the test: these tables are too short for them. */
static int no_step(void *self, trb_tee_run *run, trb_error **err)
{
	(void)self;
	(void)run;
	return trb_fail(err, TRB_E_STATE, "a slot of a later table was called");
}

static int no_begin(void *self, int *ret_fd, trb_error **err)
{
	(void)ret_fd;
	return no_step(self, NULL, err);
}

static int no_accept(void *self, int listener, int *ret_fd, trb_error **err)
{
	(void)listener;
	return no_begin(self, ret_fd, err);
}

START_TEST(a_table_of_each_earlier_size_works)
{
	static const size_t sizes[] = {
		offsetof(trb_tee_ops, assurance),
		offsetof(trb_tee_ops, begin),
		offsetof(trb_tee_ops, step),
		offsetof(trb_tee_ops, step) + 1,
	};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		ops.abi = i == 0 ? 1 : TRB_BACKEND_ABI;
		ops.size = (uint32_t)sizes[i];
		ops.assurance = TRB_ASSURANCE_SIMULATED;
		ops.begin = no_begin;
		ops.step = no_step;
		ops.accept = no_accept;
		open_session(PEER_HONEST);
		ck_assert_int_eq(trb_session_get_assurance(session),
				 i == 0 ? 0 : TRB_ASSURANCE_SIMULATED);
		build();
		session = trb_session_unref(session);
	}
}
END_TEST

START_TEST(a_later_or_broken_table_is_refused)
{
	ops.abi = TRB_BACKEND_ABI + 1;
	ck_assert_int_eq(trb_session_open_tee(host.context, &ops, "0", &session, NULL), TRB_E_ABI);
	ops.abi = 0;
	ck_assert_int_eq(trb_session_open_tee(host.context, &ops, "0", &session, NULL), TRB_E_ABI);
	ops.abi = 1;
	ops.size = offsetof(trb_tee_ops, assurance) - 1;
	ck_assert_int_eq(trb_session_open_tee(host.context, &ops, "0", &session, NULL), TRB_E_ABI);
	ops = peer_ops;
	ops.boot = NULL;
	ck_assert_int_eq(trb_session_open_tee(host.context, &ops, "0", &session, NULL), TRB_E_ABI);
	/* one that has grown since is used as far as it is known */
	ops = peer_ops;
	ops.size += 64;
	open_session(PEER_HONEST);
	build();
}
END_TEST

/* Hardware's enclaves have an NSM of their own: ours would sign for them what nobody measured. */
START_TEST(hardware_gets_no_software_nsm)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	trb_bundle *bundle = NULL;

	ops.assurance = TRB_ASSURANCE_HARDWARE;
	open_session(PEER_HONEST);
	ck_assert_int_eq(trb_session_get_assurance(session), TRB_ASSURANCE_HARDWARE);
	ck_status(trb_session_build(session, host.request, &bundle, &err), TRB_E_STATE, err);
	session = trb_session_unref(session);
	ops.assurance = TRB_ASSURANCE_SIMULATED;
	open_session(PEER_HONEST);
	build();
}
END_TEST

/* A boot in four steps. */
static int steps_left, boot_fd;

static int slow_begin(void *self, int *ret_fd, trb_error **err)
{
	(void)self;
	(void)err;
	steps_left = 3;
	boot_fd = eventfd(1, EFD_CLOEXEC);
	*ret_fd = boot_fd;
	return TRB_OK;
}

static int slow_step(void *self, trb_tee_run *run, trb_error **err)
{
	if (steps_left-- > 0)
		return TRB_E_AGAIN;
	close(boot_fd);
	return peer_ops.boot(self, run, err);
}

static int failing_step(void *self, trb_tee_run *run, trb_error **err)
{
	(void)self;
	(void)run;
	return steps_left-- > 0 ? TRB_E_AGAIN
				: trb_fail(err, TRB_E_UNSUPPORTED, "no room for an enclave");
}

static void boot_slowly(enum peer_fault fault)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;

	ops.boot = NULL;
	ops.begin = slow_begin;
	ops.step = slow_step;
	open_session(fault);
	ck_assert_int_eq(trb_session_get_fd(session), -1);
	ck_status(trb_session_boot(session, &err), TRB_OK, err);
	ck_assert_int_eq(steps_left, 3);
}

/* The next event, by the descriptor alone; what it came to. */
static int next(trb_event **ret, trb_error **err)
{
	struct pollfd p = { .fd = trb_session_get_fd(session), .events = POLLIN };
	int r;

	while ((r = trb_session_next_event(session, ret, err)) == TRB_E_AGAIN)
		ck_assert_int_eq(poll(&p, 1, 10000), 1);
	return r;
}

static void await_ready(void)
{
	_cleanup_(trb_event_unrefp) trb_event *event = NULL;
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;

	ck_status(next(&event, &err), TRB_OK, err);
	ck_assert_int_eq(trb_event_get_type(event), TRB_EVENT_STATE);
	ck_assert_str_eq(trb_event_get_state(event), "READY");
}

static void run_to_the_end(void)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	trb_event *event = NULL;
	int r;

	while ((r = next(&event, &err)) == TRB_OK)
		event = trb_event_unref(event);
	ck_status(r, TRB_E_DONE, err);
	ck_assert_int_eq(access(test_path(host.out, PEER_ARTIFACT), R_OK), 0);
}

START_TEST(a_booted_enclave_waits_for_its_request)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	trb_event *event = NULL;

	boot_slowly(PEER_HONEST);
	ck_assert_int_eq(trb_session_boot(session, NULL), TRB_E_STATE);
	await_ready();
	poll(NULL, 0, 100);
	ck_assert_int_eq(trb_session_next_event(session, &event, NULL), TRB_E_AGAIN);
	ck_status(trb_session_allow_private(session, "forge.example", &err), TRB_OK, err);
	ck_status(trb_session_start(session, host.request, &err), TRB_OK, err);
	ck_assert_int_eq(trb_session_start(session, host.request, NULL), TRB_E_STATE);
	ck_assert_int_eq(trb_session_set_timeout(session, 1, NULL), TRB_E_STATE);
	run_to_the_end();
}
END_TEST

START_TEST(a_request_may_come_while_it_boots)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;

	boot_slowly(PEER_HONEST);
	ck_status(trb_session_start(session, host.request, &err), TRB_OK, err);
	ck_assert_int_eq(steps_left, 3);
	await_ready();
	run_to_the_end();
}
END_TEST

/* Without trb_session_boot() the start waits. */
START_TEST(a_start_boots)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;

	ops.begin = slow_begin;
	ops.step = slow_step;
	open_session(PEER_HONEST);
	ck_status(trb_session_start(session, host.request, &err), TRB_OK, err);
	ck_assert_int_lt(steps_left, 0);
	await_ready();
	run_to_the_end();
}
END_TEST

START_TEST(a_boot_that_fails_says_why)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	trb_event *event = NULL;

	ops.begin = slow_begin;
	ops.step = failing_step;
	open_session(PEER_HONEST);
	ck_status(trb_session_boot(session, &err), TRB_OK, err);
	ck_status(next(&event, &err), TRB_E_UNSUPPORTED, err);
	ck_assert_int_eq(trb_session_next_event(session, &event, NULL), TRB_E_STATE);
	ck_assert_int_eq(trb_session_start(session, host.request, NULL), TRB_E_STATE);
	close(boot_fd);
}
END_TEST

START_TEST(a_boot_can_be_canceled)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	trb_event *event = NULL;

	boot_slowly(PEER_HONEST);
	if (_i == 0)
		trb_session_cancel(session);
	else
		trb_context_set_canceled(host.context, 1);
	ck_status(next(&event, &err), TRB_E_CANCELED, err);
	close(boot_fd);
}
END_TEST

/* The ratchet, seen from the host: no state comes before its request. */
START_TEST(an_enclave_does_not_go_on_by_itself)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	trb_event *event = NULL;

	boot_slowly(PEER_IMPATIENT);
	await_ready();
	ck_status(next(&event, &err), TRB_E_FORMAT, err);
	ck_assert_str_eq(trb_error_check(err), "channel");
}
END_TEST

/* Sockets that several enclaves share: whose stream it is, the backend says.  Here those of the
 * test itself are another enclave's. */
static int foreign, egress_accepted;
static int egress_listener;

static int picky_accept(void *self, int listener, int *ret_fd, trb_error **err)
{
	int fd, r = trb_accept(listener, &fd, err);
	struct ucred who = { 0 };
	socklen_t len = sizeof(who);

	(void)self;
	if (r < 0)
		return r;
	egress_accepted += listener == egress_listener;
	ck_assert_int_eq(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len), 0);
	if (listener != egress_listener && who.pid == getpid()) {
		foreign++;
		close(fd);
		return TRB_E_AGAIN;
	}
	*ret_fd = fd;
	return TRB_OK;
}

/* Somebody else connects before the enclave does. */
static int crowded_boot(void *self, trb_tee_run *run, trb_error **err)
{
	int r = peer_ops.boot(self, run, err);
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(getsockname(run->control_fd, (struct sockaddr *)&address, &len), 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, len), 0);
	egress_listener = run->egress_fd;
	return r;
}

START_TEST(streams_of_others_are_not_taken)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	trb_bundle *bundle = NULL;

	ops.boot = crowded_boot;
	if (_i == 0)
		ops.accept = picky_accept;
	open_session(PEER_HONEST);
	if (_i == 0) {
		build();
		ck_assert_int_eq(foreign, 1);
		return;
	}
	/* the twin: without the slot whoever connects is taken for the enclave */
	ck_status(trb_session_build(session, host.request, &bundle, &err), TRB_E_FORMAT, err);
	ck_assert_str_eq(trb_error_check(err), "channel");
}
END_TEST

/* The way out, of a backend that accepts by itself: the proxy answers over what it is handed. */
START_TEST(the_proxy_gets_accepted_streams)
{
	static const char request[] = "CONNECT 127.0.0.1:443 HTTP/1.1\r\n\r\n";
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);
	char answer[64] = "";
	trb_event *event = NULL;
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ops.boot = crowded_boot;
	ops.accept = picky_accept;
	open_session(PEER_SLEEPS);
	ck_status(trb_session_start(session, host.request, &err), TRB_OK, err);
	ck_assert_int_eq(getsockname(egress_listener, (struct sockaddr *)&address, &len), 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, len), 0);
	ck_assert_int_gt(send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL), 0);
	for (int i = 0; i < 500 && recv(fd, answer, sizeof(answer) - 1, MSG_DONTWAIT) < 0; i++) {
		if (trb_session_next_event(session, &event, &err) == TRB_OK)
			event = trb_event_unref(event);
		poll(NULL, 0, 10);
	}
	ck_assert_msg(strncmp(answer, "HTTP/1.1 403 ", 13) == 0, "'%s'", answer);
	ck_assert_int_eq(egress_accepted, 1);
}
END_TEST

/* A session that offers a directory, and an enclave that asks it. */
static char content_address[64];

static int content_boot(void *self, trb_tee_run *run, trb_error **err)
{
	int r = peer_ops.boot(self, run, err);

	snprintf(content_address, sizeof(content_address), "unix:%s", host.top);
	return r < 0 ? r
		     : trb_stream_listen(content_address, TRB_PORT_CONTENT, &run->content_fd, err);
}

static void *ask_for_abc(void *ret)
{
	uint8_t digest[32];
	uint64_t size = 0;
	int *result = ret, fd = open(host.top, O_TMPFILE | O_RDWR, 0600);

	trb_sha256(TRB_BYTES_LIT("abc"), digest, NULL);
	*result = trb_content_get(content_address, digest, 3, 5000, fd, &size, NULL);
	if (*result == TRB_OK && size != 3)
		*result = TRB_E_FORMAT;
	close(fd);
	return NULL;
}

START_TEST(a_session_offers_content)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	_cleanup_close_ int dir = open(host.out, O_PATH | O_DIRECTORY);
	uint8_t digest[32];
	char name[65];
	trb_event *event = NULL;
	pthread_t thread;
	int result = 1;

	ck_assert_int_eq(trb_sha256(TRB_BYTES_LIT("abc"), digest, NULL), TRB_OK);
	trb_hex_encode(TRB_BYTES(digest, 32), name);
	ck_assert_int_eq(trb_write_file(AT_FDCWD, test_path(host.out, name), TRB_BYTES_LIT("abc"),
					0600, NULL),
			 TRB_OK);
	ops.boot = content_boot;
	open_session(PEER_SLEEPS);
	if (_i == 0) /* without it everything is "not here" */
		ck_status(trb_session_offer_content(session, dir, &err), TRB_OK, err);
	ck_status(trb_session_start(session, host.request, &err), TRB_OK, err);
	ck_assert_int_eq(trb_session_offer_content(session, dir, NULL), TRB_E_STATE);
	ck_assert_int_eq(pthread_create(&thread, NULL, ask_for_abc, &result), 0);
	for (int i = 0; i < 500 && *(volatile int *)&result == 1; i++) {
		if (trb_session_next_event(session, &event, NULL) == TRB_OK)
			event = trb_event_unref(event);
		poll(NULL, 0, 10);
	}
	pthread_join(thread, NULL);
	ck_assert_int_eq(result, _i == 0 ? TRB_OK : TRB_E_NOTFOUND);
}
END_TEST

static int keep_names(void *user, const trb_tee_finding *finding)
{
	char *names = user;

	ck_assert_str_ne(finding->detail, "");
	ck_assert_str_ne(finding->remedy, "");
	strcat(names, finding->name);
	strcat(names, " ");
	return TRB_OK;
}

static int refuse(void *user, const trb_tee_finding *finding)
{
	(void)user;
	(void)finding;
	return TRB_E_CANCELED;
}

START_TEST(a_backend_says_what_it_needs)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	char names[256] = "";

	ck_status(trb_tee_check(host.context, "process", keep_names, names, &err), TRB_OK, err);
	ck_assert_str_eq(names, "namespaces ids cgroup limits ");
	ck_assert_int_eq(trb_tee_check(host.context, "process", refuse, NULL, NULL),
			 TRB_E_CANCELED);
	ck_assert_int_eq(trb_tee_check(host.context, "nitrous", keep_names, names, NULL),
			 TRB_E_NOTFOUND);
}
END_TEST

/* What is built is what is listed. */
START_TEST(helpers_are_listed)
{
	char folder[4096];
	struct stat st;
	const struct dirent *entry;
	size_t listed = 0, built = 0;
	DIR *dir;

	snprintf(folder, sizeof(folder), "%s/libexec", getenv("TRB_BUILD_ROOT"));
	for (; trb_helper_get(listed) != NULL; listed++)
		ck_assert_msg(access(test_path(folder, trb_helper_get(listed)), X_OK) == 0, "%s",
			      trb_helper_get(listed));
	dir = opendir(folder);
	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)) != NULL)
		built += fstatat(dirfd(dir), entry->d_name, &st, 0) == 0 && S_ISREG(st.st_mode) &&
			 (st.st_mode & 0111) != 0;
	closedir(dir);
	ck_assert_uint_eq(built, listed);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tee");
	TCase *tc = tcase_create("tee");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, a_table_of_each_earlier_size_works);
	tcase_add_test(tc, a_later_or_broken_table_is_refused);
	tcase_add_test(tc, hardware_gets_no_software_nsm);
	tcase_add_test(tc, a_booted_enclave_waits_for_its_request);
	tcase_add_test(tc, a_request_may_come_while_it_boots);
	tcase_add_test(tc, a_start_boots);
	tcase_add_test(tc, a_boot_that_fails_says_why);
	tcase_add_loop_test(tc, a_boot_can_be_canceled, 0, 2);
	tcase_add_test(tc, an_enclave_does_not_go_on_by_itself);
	tcase_add_loop_test(tc, streams_of_others_are_not_taken, 0, 2);
	tcase_add_test(tc, the_proxy_gets_accepted_streams);
	tcase_add_loop_test(tc, a_session_offers_content, 0, 2);
	tcase_add_test(tc, a_backend_says_what_it_needs);
	tcase_add_test(tc, helpers_are_listed);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
