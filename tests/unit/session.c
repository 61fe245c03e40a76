/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions against a played enclave. */
#include "peer.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "support.h"

#include "core/io.h"
#include "format/bundle.h"
#include "format/fetch.h"
#include "host/event.h"
#include "host/ratchet.h"

static struct peer_host host;
static trb_session *session;

static void setup(void)
{
	peer_host_set_up(&host);
	ck_assert_int_eq(mkdir(host.out, 0700), 0);
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
	ck_status(trb_session_open_tee(host.context, &peer_ops, options, &session, &err), TRB_OK,
		  err);
	ck_status(trb_session_set_output_dirfd(session, out, &err), TRB_OK, err);
}

static size_t count_entries(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	size_t n = 0;

	ck_assert(dir != NULL);
	while ((entry = readdir(dir)) != NULL)
		n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	closedir(dir);
	return n;
}

static void close_session(void)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;

	ck_status(trb_session_close(session, &err), TRB_OK, err);
	ck_status(trb_session_close(session, &err), TRB_OK, err);
	/* no child is left, running or dead */
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
}

struct row {
	enum peer_fault fault;
	int code;
	const char *check;
};
static const struct row rows[] = {
	{ PEER_VERSION, TRB_E_FORMAT, "channel" },
	{ PEER_NO_HELLO, TRB_E_FORMAT, "channel" },
	{ PEER_HELLO_TWICE, TRB_E_FORMAT, "channel" },
	{ PEER_SKIPS_COMMITTED, TRB_E_FORMAT, "channel" },
	{ PEER_COMMITS_TWICE, TRB_E_FORMAT, "channel" },
	{ PEER_OTHER_COMMIT, TRB_E_SOURCE, "source.commit" },
	{ PEER_REORDERS, TRB_E_FORMAT, "channel" },
	{ PEER_SPEAKS_AS_HOST, TRB_E_FORMAT, "channel" },
	{ PEER_GARBAGE, TRB_E_FORMAT, NULL },
	{ PEER_LARGE_FRAME, TRB_E_LIMIT, "channel" },
	{ PEER_TRUNCATES, TRB_E_IO, "channel" },
	{ PEER_HANGS_UP, TRB_E_IO, NULL },
	{ PEER_DIES, TRB_E_IO, NULL },
	{ PEER_SECOND_CONTROL, TRB_E_FORMAT, "channel" },
	{ PEER_FAILED_SILENTLY, TRB_E_IO, NULL },
	{ PEER_BUILD_FAILED, TRB_E_BUILD, "build.command" },
	{ PEER_HOSTS_CODE, TRB_E_IO, NULL },
	{ PEER_EARLY_RESULT, TRB_E_FORMAT, "channel" },
	{ PEER_UNKNOWN_PART, TRB_E_FORMAT, NULL },
	{ PEER_REPEATS_PART, TRB_E_FORMAT, "channel" },
	{ PEER_MIXES_PARTS, TRB_E_FORMAT, "channel" },
	{ PEER_LARGE_PART, TRB_E_LIMIT, "channel" },
	{ PEER_MISSING_PART, TRB_E_FORMAT, "channel" },
	{ PEER_NO_MATERIALS, TRB_E_CLAIM, "claim.materials" },
	{ PEER_OTHER_MATERIALS, TRB_E_CLAIM, "claim.materials" },
	{ PEER_MORE_MATERIALS, TRB_E_CLAIM, "claim.materials" },
	{ PEER_NAME_ESCAPES, TRB_E_FORMAT, NULL },
	{ PEER_NAME_ABSOLUTE, TRB_E_FORMAT, NULL },
	{ PEER_NAME_UNATTESTED, TRB_E_ARTIFACT, "artifact.name" },
	{ PEER_NAME_TWICE, TRB_E_ARTIFACT, "artifact.name" },
	{ PEER_EARLY_ARTIFACT, TRB_E_FORMAT, "channel" },
	{ PEER_LATE_ARTIFACT, TRB_E_FORMAT, "channel" },
	{ PEER_EARLY_UNATTESTED, TRB_E_FORMAT, "channel" },
	{ PEER_SHORT_ARTIFACT, TRB_E_ARTIFACT, "artifact.digest" },
	{ PEER_NO_ARTIFACT, TRB_E_ARTIFACT, "artifact.name" },
	{ PEER_EXTRA_ARTIFACT, TRB_E_ARTIFACT, "artifact.name" },
	{ PEER_OTHER_DIGEST, TRB_E_ARTIFACT, "artifact.digest" },
	{ PEER_OTHER_SIZE, TRB_E_ARTIFACT, "artifact.digest" },
	{ PEER_MANY_STREAMS, TRB_E_LIMIT, "channel" },
	{ PEER_OTHER_NONCE, TRB_E_FRESHNESS, "nonce.match" },
	{ PEER_CLAIMS_OTHER_COMMIT, TRB_E_CLAIM, "claim.commit" },
	{ PEER_CLAIMS_OTHER_ARTIFACTS, TRB_E_CLAIM, "claim.artifacts" },
	{ PEER_CLAIMS_OTHER_STATEMENT, TRB_E_CLAIM, "claim.statement" },
	{ PEER_CLAIMS_OTHER_ENVIRONMENT, TRB_E_CLAIM, "claim.environment" },
	{ PEER_OTHER_MACHINE, TRB_E_CLAIM, "claim.environment" },
	{ PEER_NO_PCR16, TRB_E_MEASUREMENT, "pcr16.request" },
	{ PEER_NO_PCR17, TRB_E_MEASUREMENT, "pcr17.commit" },
	{ PEER_NO_DOCUMENT, TRB_E_FORMAT, "document.parse" },
};

/* threats.md: the enclave's side of "reorders, repeats, truncates, floods" towards the host */
START_TEST(a_lying_enclave_leaves_nothing)
{
	const struct row *row = &rows[_i];
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	_cleanup_(trb_error_unrefp) trb_error *again = NULL;
	trb_bundle *bundle = NULL;
	trb_event *event = NULL;

	open_session(row->fault);
	ck_status(trb_session_build(session, host.request, &bundle, &err), row->code, err);
	ck_assert(bundle == NULL);
	if (row->check != NULL)
		ck_assert_msg(trb_error_check(err) != NULL &&
				      strcmp(trb_error_check(err), row->check) == 0,
			      "fault %d: %s", row->fault, trb_error_message(err));
	ck_status(trb_session_next_event(session, &event, &again), TRB_E_STATE, again);
	ck_assert_uint_eq(count_entries(host.out), 0);
	close_session();
	ck_assert_uint_eq(count_entries(host.out), 0);
}
END_TEST

static void check_file(const char *name, const char *content, mode_t mode)
{
	_cleanup_(trb_blob_unrefp) trb_blob *blob = NULL;
	struct stat st;

	blob = test_file(test_path(host.out, name));
	ck_assert(trb_bytes_eq_str(trb_blob_bytes(blob), content));
	ck_assert_int_eq(stat(test_path(host.out, name), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, mode);
	ck_assert_uint_eq(st.st_nlink, 1);
}

static void check_output(void)
{
	check_file(PEER_ARTIFACT, PEER_CONTENT, 0755);
	check_file(PEER_SECOND, "", 0755);
	check_file("unattested/" PEER_UNATTESTED, "tar", 0644);
	ck_assert_uint_eq(count_entries(host.out), 3);
	ck_assert_uint_eq(count_entries(test_path(host.out, "out")), 1);
}

START_TEST(an_honest_enclave_gives_a_bundle)
{
	static const enum peer_fault faults[] = { PEER_HONEST, PEER_FLOODS_NSM,
						  PEER_LARGE_NSM_REQUEST };
	_cleanup_(trb_bundle_unrefp) trb_bundle *bundle = NULL;
	_cleanup_(trb_blob_unrefp) trb_blob *asked = NULL;
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;

	open_session(faults[_i]);
	ck_status(trb_session_set_credential(session, TRB_BYTES_LIT(PEER_TOKEN), &err), TRB_OK,
		  err);
	ck_status(trb_session_add_credential(session, PEER_OTHER_URL,
					     TRB_BYTES_LIT(PEER_OTHER_TOKEN), &err),
		  TRB_OK, err);
	ck_status(trb_session_build(session, host.request, &bundle, &err), TRB_OK, err);
	close_session();
	ck_assert_int_eq(trb_request_encode(host.request, &asked, NULL), TRB_OK);
	ck_assert(trb_bytes_eq(trb_bundle_get_request(bundle), trb_blob_bytes(asked)));
	ck_assert_uint_eq(trb_bundle_count_logs(bundle), 0);
	check_output();
}
END_TEST

static void count_line(int level, const char *line, void *user)
{
	int *seen = user;

	(void)level;
	ck_assert_msg(strchr(line, '\n') == NULL, "more than a line: %s", line);
	*seen += strcmp(line, "build: cc tool.c") == 0;
}

START_TEST(the_sink_gets_single_lines)
{
	_cleanup_(trb_bundle_unrefp) trb_bundle *bundle = NULL;
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	int seen = 0;

	trb_context_set_log_sink(host.context, count_line, &seen);
	open_session(PEER_HONEST);
	ck_status(trb_session_build(session, host.request, &bundle, &err), TRB_OK, err);
	close_session();
	ck_assert_int_eq(seen, 1);
}
END_TEST

START_TEST(events_come_in_order)
{
	static const struct {
		int type;
		const char *state, *text;
	} wanted[] = {
		{ TRB_EVENT_STATE, "READY", "" },
		{ TRB_EVENT_STATE, "FETCHING", "" },
		{ TRB_EVENT_STATE, "COMMITTED", PEER_COMMIT },
		{ TRB_EVENT_STATE, "BUILDING", "" },
		{ TRB_EVENT_OUTPUT, NULL, "cc tool.c\n" },
		{ TRB_EVENT_STATE, "BUILT", "" },
		{ TRB_EVENT_STATE, "ATTESTED", "" },
		{ TRB_EVENT_STATE, "DONE", "" },
		{ TRB_EVENT_BUNDLE, NULL, "" },
		{ TRB_EVENT_ARTIFACT, NULL, PEER_ARTIFACT },
		{ TRB_EVENT_ARTIFACT, NULL, PEER_SECOND },
		{ TRB_EVENT_ARTIFACT, NULL, PEER_UNATTESTED },
	};
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;

	open_session(PEER_HONEST);
	ck_assert_int_eq(trb_session_get_fd(session), -1);
	ck_status(trb_session_start(session, host.request, &err), TRB_OK, err);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		struct pollfd p = { .fd = trb_session_get_fd(session), .events = POLLIN };
		trb_event *event = NULL;
		int r;

		while ((r = trb_session_next_event(session, &event, &err)) == TRB_E_AGAIN)
			ck_assert_int_eq(poll(&p, 1, 10000), 1);
		ck_status(r, TRB_OK, err);
		ck_assert_int_eq(trb_event_get_type(event), wanted[i].type);
		if (wanted[i].state != NULL)
			ck_assert_str_eq(trb_event_get_state(event), wanted[i].state);
		ck_assert(trb_bytes_eq_str(trb_event_get_text(event), wanted[i].text));
		ck_assert_int_eq(trb_event_is_attested(event),
				 wanted[i].type == TRB_EVENT_ARTIFACT && i < 11);
		trb_event_unref(event);
	}
	ck_assert_int_eq(trb_session_next_event(session, &(trb_event *){ NULL }, NULL), TRB_E_DONE);
	close_session();
}
END_TEST

START_TEST(files_replace_older_ones)
{
	_cleanup_(trb_bundle_unrefp) trb_bundle *bundle = NULL;
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;

	ck_assert_int_eq(trb_write_file(AT_FDCWD, test_path(host.out, PEER_SECOND),
					TRB_BYTES_LIT("old"), 0600, NULL),
			 TRB_OK);
	open_session(PEER_HONEST);
	ck_status(trb_session_build(session, host.request, &bundle, &err), TRB_OK, err);
	check_output();
}
END_TEST

/* A name that cannot be given takes the whole set with it, and links are not followed. */
START_TEST(installing_is_all_or_nothing)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	trb_bundle *bundle = NULL;

	if (_i == 0)
		ck_assert_int_eq(symlink("/tmp", test_path(host.out, "out")), 0);
	else
		ck_assert_int_eq(mkdir(test_path(host.out, PEER_SECOND), 0700), 0);
	open_session(PEER_HONEST);
	ck_status(trb_session_build(session, host.request, &bundle, &err), TRB_E_IO, err);
	ck_assert_int_ne(access(test_path(host.out, PEER_ARTIFACT), F_OK), 0);
	ck_assert_int_ne(access("/tmp/tool", F_OK), 0);
	if (_i == 1)
		ck_assert_uint_eq(count_entries(test_path(host.out, "out")), 0);
}
END_TEST

static void *cancel_soon(void *arg)
{
	poll(NULL, 0, 300);
	trb_session_cancel(arg);
	return NULL;
}

START_TEST(cancel_comes_from_any_thread)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	trb_bundle *bundle = NULL;
	pthread_t thread;

	open_session(PEER_SLEEPS);
	ck_assert_int_eq(pthread_create(&thread, NULL, cancel_soon, session), 0);
	ck_status(trb_session_build(session, host.request, &bundle, &err), TRB_E_CANCELED, err);
	pthread_join(thread, NULL);
	close_session();
}
END_TEST

START_TEST(a_time_limit_ends_the_session)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	trb_bundle *bundle = NULL;

	open_session(PEER_SLEEPS);
	ck_status(trb_session_set_timeout(session, 1, &err), TRB_OK, err);
	ck_status(trb_session_build(session, host.request, &bundle, &err), TRB_E_TIMEOUT, err);
	close_session();
}
END_TEST

START_TEST(a_session_can_be_dropped_unclosed)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;

	open_session(PEER_SLEEPS);
	ck_status(trb_session_start(session, host.request, &err), TRB_OK, err);
	session = trb_session_unref(session);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
}
END_TEST

/* The recipe grows by spaces until the request has len bytes. */
static void pad_request(size_t len)
{
	static const char recipe[] =
		"{\"recipe\": 1, \"commands\": [[\"cc\"]], \"artifacts\": [\"tool\"]}";
	_cleanup_free_ char *text = malloc(TRB_RECIPE_MAX);
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	_cleanup_(trb_blob_unrefp) trb_blob *encoded = NULL;
	trb_bytes bytes = { (uint8_t *)text, len - 1000 };

	ck_assert(text != NULL);
	memset(text, ' ', TRB_RECIPE_MAX);
	memcpy(text, recipe, sizeof(recipe) - 1);
	ck_status(trb_request_set_recipe(host.request, bytes, &err), TRB_OK, err);
	ck_status(trb_request_encode(host.request, &encoded, &err), TRB_OK, err);
	bytes.len += len - trb_blob_bytes(encoded).len;
	ck_status(trb_request_set_recipe(host.request, bytes, &err), TRB_OK, err);
	encoded = trb_blob_unref(encoded);
	ck_status(trb_request_encode(host.request, &encoded, &err), TRB_OK, err);
	ck_assert_uint_eq(trb_blob_bytes(encoded).len, len);
}

START_TEST(a_request_fits_one_frame)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;

	open_session(PEER_SLEEPS);
	pad_request(TRB_FRAME_MAX - 5 + 1);
	ck_status(trb_session_start(session, host.request, &err), TRB_E_LIMIT, err);
	ck_assert_ptr_nonnull(strstr(trb_error_message(err), "65532 bytes"));
	ck_assert_ptr_nonnull(strstr(trb_error_message(err), "room for 65531"));
	ck_assert_ptr_nonnull(strstr(trb_error_message(err), "at least 1 bytes shorter"));
	err = trb_error_unref(err);
	/* nothing was started: the session takes one that fits */
	pad_request(TRB_FRAME_MAX - 5);
	ck_status(trb_session_start(session, host.request, &err), TRB_OK, err);
	close_session();
}
END_TEST

/* What the enclave would refuse after minutes of booting is refused at once. */
START_TEST(a_token_is_one_line_of_bounded_length)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	char token[TRB_FETCH_TOKEN_MAX + 1];

	memset(token, 'a', sizeof(token));
	open_session(PEER_SLEEPS);
	ck_assert_int_eq(trb_session_set_credential(session, TRB_BYTES_NULL, NULL), TRB_E_INVAL);
	ck_assert_int_eq(trb_session_set_credential(session, TRB_BYTES_LIT("a\nb"), NULL),
			 TRB_E_INVAL);
	ck_assert_int_eq(trb_session_set_credential(session, TRB_BYTES_LIT("a\0b"), NULL),
			 TRB_E_INVAL);
	ck_assert_int_eq(trb_session_set_credential(session, TRB_BYTES(token, sizeof(token)), NULL),
			 TRB_E_LIMIT);
	ck_status(trb_session_set_credential(session, TRB_BYTES(token, TRB_FETCH_TOKEN_MAX), &err),
		  TRB_OK, err);
	close_session();
}
END_TEST

/* A token for another URL names that URL, once, and there are no more than the enclave takes. */
START_TEST(a_token_for_another_url_names_it)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	const trb_bytes token = TRB_BYTES_LIT("t");
	char url[64];

	open_session(PEER_SLEEPS);
	ck_assert_int_eq(trb_session_add_credential(session, NULL, token, NULL), TRB_E_INVAL);
	ck_assert_int_eq(trb_session_add_credential(session, "http://a.example/b", token, NULL),
			 TRB_E_INVAL);
	ck_assert_int_eq(trb_session_add_credential(session, "https://u@a.example/b", token, NULL),
			 TRB_E_INVAL);
	for (unsigned i = 0; i < TRB_CREDENTIALS - 1; i++) {
		snprintf(url, sizeof(url), "https://a.example/%u", i);
		ck_status(trb_session_add_credential(session, url, token, &err), TRB_OK, err);
		ck_assert_int_eq(trb_session_add_credential(session, url, token, NULL),
				 TRB_E_INVAL);
	}
	ck_assert_int_eq(trb_session_add_credential(session, "https://a.example/x", token, NULL),
			 TRB_E_LIMIT);
	close_session();
}
END_TEST

START_TEST(calls_in_the_wrong_order_are_refused)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	trb_event *event = NULL;

	open_session(PEER_SLEEPS);
	ck_assert_int_eq(trb_session_next_event(session, &event, NULL), TRB_E_STATE);
	ck_assert_int_eq(trb_session_allow_private(session, "a b", NULL), TRB_E_INVAL);
	ck_status(trb_session_start(session, host.request, &err), TRB_OK, err);
	ck_assert_int_eq(trb_session_start(session, host.request, NULL), TRB_E_STATE);
	ck_assert_int_eq(trb_session_set_timeout(session, 1, NULL), TRB_E_STATE);
	ck_assert_int_eq(trb_session_allow_private(session, "a", NULL), TRB_E_STATE);
	close_session();
	ck_assert_int_eq(trb_session_next_event(session, &event, NULL), TRB_E_STATE);
}
END_TEST

START_TEST(backends_are_named_exactly)
{
	trb_tee_ops other = peer_ops;

	ck_assert_int_eq(trb_session_open(host.context, "proc:eif=x", &session, NULL),
			 TRB_E_NOTFOUND);
	ck_assert_int_eq(trb_session_open(host.context, "", &session, NULL), TRB_E_NOTFOUND);
	ck_assert_int_eq(trb_session_open(host.context, "process", &session, NULL), TRB_E_INVAL);
	ck_assert_int_eq(trb_session_open(host.context, "process:eif=x,eiv=y", &session, NULL),
			 TRB_E_INVAL);
	other.abi++;
	ck_assert_int_eq(trb_session_open_tee(host.context, &other, "", &session, NULL), TRB_E_ABI);
	ck_assert(session == NULL);
}
END_TEST

/* Limits of the source go before the request, once, in the order of the format. */
START_TEST(limits_of_the_source_have_names_and_maxima)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	trb_bundle *bundle = NULL;
	int r;

	open_session(PEER_HONEST);
	ck_assert_int_eq(trb_session_set_source_limit(session, "depth", 1, NULL), TRB_E_NOTFOUND);
	ck_assert_int_eq(trb_session_set_source_limit(session, NULL, 1, NULL), TRB_E_NOTFOUND);
	ck_assert_int_eq(trb_session_set_source_limit(session, "files", 0, NULL), TRB_E_INVAL);
	ck_assert_int_eq(trb_session_set_source_limit(session, "object_bytes",
						      (UINT64_C(1) << 30) + 1, NULL),
			 TRB_E_INVAL);
	ck_assert_int_eq(trb_session_set_source_limit(session, "wall_s", 60, NULL), TRB_OK);
	ck_assert_int_eq(trb_session_set_source_limit(session, "files", 1, NULL), TRB_OK);
	ck_assert_int_eq(trb_session_set_source_limit(session, "files", PEER_FILES, NULL), TRB_OK);
	r = trb_session_build(session, host.request, &bundle, &err);
	ck_status(r, TRB_OK, err);
	ck_assert_int_eq(trb_session_set_source_limit(session, "files", 1, NULL), TRB_E_STATE);
	trb_bundle_unref(bundle);
}
END_TEST

START_TEST(progress_has_a_ceiling)
{
	struct trb_control msg = { .type = TRB_MSG_PROGRESS,
				   .u.progress = { TRB_STREAM_STDOUT, TRB_BYTES_LIT("xy") } };
	struct trb_commit commit = { .algorithm = 1 };
	enum trb_ratchet_do what;
	struct trb_ratchet ratchet;
	struct trb_events events;
	trb_blob *frame = NULL;

	trb_ratchet_init(&ratchet, &commit);
	trb_events_init(&events);
	ratchet.state = TRB_HOST_BUILDING;
	ratchet.progress = TRB_PROGRESS_CEILING - 3;
	ck_assert_int_eq(trb_control_encode(&msg, &frame, NULL), TRB_OK);
	ck_assert_int_eq(trb_ratchet_take(&ratchet, trb_blob_bytes(frame), &events, &what, NULL),
			 TRB_OK);
	ck_assert_int_eq(trb_ratchet_take(&ratchet, trb_blob_bytes(frame), &events, &what, NULL),
			 TRB_E_LIMIT);
	trb_events_clear(&events);
	trb_ratchet_clear(&ratchet);
	trb_blob_unref(frame);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("session");
	TCase *tc = tcase_create("session");

	tcase_set_timeout(tc, 30);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, a_lying_enclave_leaves_nothing, 0, sizeof(rows) / sizeof(rows[0]));
	tcase_add_loop_test(tc, an_honest_enclave_gives_a_bundle, 0, 3);
	tcase_add_test(tc, the_sink_gets_single_lines);
	tcase_add_test(tc, events_come_in_order);
	tcase_add_test(tc, files_replace_older_ones);
	tcase_add_loop_test(tc, installing_is_all_or_nothing, 0, 2);
	tcase_add_test(tc, cancel_comes_from_any_thread);
	tcase_add_test(tc, a_time_limit_ends_the_session);
	tcase_add_test(tc, a_session_can_be_dropped_unclosed);
	tcase_add_test(tc, a_request_fits_one_frame);
	tcase_add_test(tc, a_token_is_one_line_of_bounded_length);
	tcase_add_test(tc, a_token_for_another_url_names_it);
	tcase_add_test(tc, calls_in_the_wrong_order_are_refused);
	tcase_add_test(tc, backends_are_named_exactly);
	tcase_add_test(tc, limits_of_the_source_have_names_and_maxima);
	tcase_add_test(tc, progress_has_a_ceiling);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
