/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs: every step again after a failure or a kill. */
#include "job_host.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* By its descriptor alone, as an event loop would. */
START_TEST(steps_come_in_order)
{
	static const char *const wanted[] = { "RESOLVED", "SAVED", "PUBLISHED", "PLACED" };
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	struct pollfd p = { .events = POLLIN };
	trb_event *event = NULL;
	size_t n = 0, artifacts = 0;
	int r;

	new_job(PEER_HONEST);
	use_log();
	p.fd = trb_job_get_fd(job);
	ck_assert_int_eq(poll(&p, 1, 0), 1);
	while ((r = trb_job_next_event(job, &event, &err)) != TRB_E_DONE) {
		if (r == TRB_E_AGAIN) {
			ck_assert_int_eq(poll(&p, 1, 10000), 1);
			continue;
		}
		ck_status(r, TRB_OK, err);
		artifacts += trb_event_get_type(event) == TRB_EVENT_ARTIFACT;
		if (trb_event_get_type(event) == TRB_EVENT_STEP)
			ck_assert_str_eq(trb_event_get_state(event), wanted[n++]);
		trb_event_unref(event);
		ck_assert_int_eq(poll(&p, 1, 0), 1);
	}
	ck_assert_uint_eq(n, 4);
	ck_assert_uint_eq(artifacts, 3);
	check_placed(1);
}
END_TEST

/* One that waits already is as good as one that the job boots. */
START_TEST(a_booted_session_will_do)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	_cleanup_close_ int out = output();

	ck_assert_int_eq(trb_session_open_tee(host.context, &peer_ops, "0", &session, NULL),
			 TRB_OK);
	ck_status(trb_session_boot(session, &err), TRB_OK, err);
	ck_status(trb_job_new(session, out, &job, &err), TRB_OK, err);
	ck_status(trb_job_set_request(job, host.request, &err), TRB_OK, err);
	run_to(TRB_JOB_DONE);
	check_placed(0);
	job = trb_job_unref(job);
	ck_assert_int_eq(trb_job_new(session, out, &job, NULL), TRB_E_STATE);
}
END_TEST

START_TEST(what_was_made_is_told)
{
	static const struct {
		const char *name, *path;
		uint64_t size;
		int attested;
	} wanted[] = {
		{ PEER_ARTIFACT, "tool", sizeof(PEER_CONTENT) - 1, 1 },
		{ PEER_SECOND, PEER_SECOND, 0, 1 },
		{ PEER_UNATTESTED, UNATTESTED, 3, 0 },
	};

	new_job(PEER_HONEST);
	ck_assert_ptr_null(trb_job_get_request(job));
	ck_assert_ptr_null(trb_job_get_bundle(job));
	run_to(TRB_JOB_PUBLISH);
	ck_assert_ptr_eq(trb_job_get_request(job), host.request);
	ck_assert_ptr_nonnull(trb_job_get_bundle(job));
	ck_assert_str_eq(trb_job_get_bundle_path(job), BUNDLE);
	ck_assert_uint_eq(trb_job_count_files(job), 3);
	for (size_t i = 0; i < 3; i++) {
		ck_assert_str_eq(trb_job_get_file_name(job, i), wanted[i].name);
		ck_assert_str_eq(trb_job_get_file_path(job, i), wanted[i].path);
		ck_assert_uint_eq(trb_job_get_file_size(job, i), wanted[i].size);
		ck_assert_int_eq(trb_job_is_file_attested(job, i), wanted[i].attested);
	}
	ck_assert_ptr_null(trb_job_get_file_name(job, 3));
}
END_TEST

/* Between saving and publishing: who refuses leaves no trace, who does not gets everything. */
START_TEST(the_caller_may_refuse)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	bool refuses = _i == 0;

	new_job(PEER_HONEST);
	use_log();
	run_to(TRB_JOB_PUBLISH);
	check_not_placed();
	ck_assert_uint_eq(logged(), 0);
	if (!refuses) {
		run_to(TRB_JOB_DONE);
		ck_status(trb_job_drop(job, &err), TRB_OK, err);
		check_placed(1);
		return;
	}
	ck_status(trb_job_drop(job, &err), TRB_OK, err);
	ck_assert_uint_eq(count_entries(host.out), 0);
	ck_assert_int_eq(trb_job_run(job, TRB_JOB_DONE, NULL), TRB_E_STATE);
	ck_assert_uint_eq(logged(), 0);
	ck_assert_int_eq(try_resume(NULL), TRB_E_NOTFOUND);
}
END_TEST

/* Runs a job in a process of its own that is killed: before the step that comes next is step, or at
 * the rename of that number. */
static void run_and_die(int step, int rename)
{
	pid_t pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		die_at = rename;
		new_job(PEER_HONEST);
		use_log();
		run_to(step);
		raise(SIGKILL);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static const struct {
	int step, rename;
} deaths[] = {
	{ TRB_JOB_PUBLISH, 0 }, { TRB_JOB_PLACE, 0 }, { TRB_JOB_DONE, 1 },
	{ TRB_JOB_DONE, 2 },    { TRB_JOB_DONE, 3 },  { TRB_JOB_DONE, 4 },
};

START_TEST(a_killed_job_goes_on)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;

	run_and_die(deaths[_i].step, deaths[_i].rename);
	/* nobody loses what is saved there by building something else */
	ck_assert_int_eq(try_new(PEER_HONEST, NULL), TRB_E_STATE);
	ck_status(try_resume(&err), TRB_OK, err);
	ck_assert_int_eq(trb_job_get_step(job), TRB_JOB_PUBLISH);
	ck_assert_str_eq(trb_request_get_commit(trb_job_get_request(job)), PEER_COMMIT);
	use_log();
	run_to(TRB_JOB_DONE);
	check_placed(1);
}
END_TEST

START_TEST(a_killed_job_can_be_dropped)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;

	run_and_die(deaths[_i].step, deaths[_i].rename);
	ck_status(try_resume(&err), TRB_OK, err);
	ck_status(trb_job_drop(job, &err), TRB_OK, err);
	ck_assert_int_ne(access(test_path(host.out, "tool"), F_OK), 0);
	ck_assert_int_ne(access(test_path(host.out, BUNDLE), F_OK), 0);
	ck_assert_str_eq(saved_name(), "");
}
END_TEST

/* The enclave of the test was forked, and has the lock until it is dead, too. */
static void wait_unlocked(const char *name)
{
	_cleanup_close_ int fd = open(test_path(host.out, name), O_RDONLY | O_DIRECTORY);

	for (int tries = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; tries++) {
		ck_assert_int_lt(tries, 1000);
		poll(NULL, 0, 10);
	}
}

/* Killed while the enclave works: nothing is saved, and the next job removes what is left. */
START_TEST(half_a_build_is_swept)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	pid_t pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		setpgid(0, 0);
		new_job(PEER_SLEEPS);
		run_to(TRB_JOB_BUILD);
		for (trb_event *event = NULL; trb_job_next_event(job, &event, NULL) != TRB_OK;)
			;
		kill(0, SIGKILL);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_str_ne(saved_name(), "");
	wait_unlocked(saved_name());
	ck_assert_int_eq(try_resume(&err), TRB_E_NOTFOUND);
	new_job(PEER_HONEST);
	run_to(TRB_JOB_DONE);
	check_placed(0);
}
END_TEST

START_TEST(a_living_job_is_left_alone)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	_cleanup_close_ int out = output();
	trb_session *second_session = NULL;
	trb_job *second = NULL;

	new_job(PEER_HONEST);
	run_to(TRB_JOB_PUBLISH);
	ck_status(trb_job_resume(host.context, out, &second, &err), TRB_E_STATE, err);
	ck_assert_int_eq(trb_session_open_tee(host.context, &peer_ops, "0", &second_session, NULL),
			 TRB_OK);
	err = trb_error_unref(err);
	ck_status(trb_job_new(second_session, out, &second, &err), TRB_OK, err);
	trb_job_unref(second);
	trb_session_unref(second_session);
	run_to(TRB_JOB_DONE);
	check_placed(0);
}
END_TEST

/* What others put there, or a build did, is no job: only a directory that nobody else can enter. */
START_TEST(a_planted_job_is_not_taken)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	char planted[128];

	run_and_die(TRB_JOB_PUBLISH, 0);
	snprintf(planted, sizeof(planted), "%s", test_path(host.out, saved_name()));
	ck_assert_int_eq(chmod(planted, 0755), 0);
	ck_status(try_resume(&err), TRB_E_NOTFOUND, err);
	ck_assert_int_eq(chmod(planted, 0700), 0);
	err = trb_error_unref(err);
	ck_status(try_resume(&err), TRB_OK, err);
}
END_TEST

START_TEST(what_was_saved_is_checked)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	_cleanup_close_ int fd = -1;
	char path[512];

	run_and_die(TRB_JOB_PUBLISH, 0);
	snprintf(path, sizeof(path), "%s/%s/0", host.out, saved_name());
	fd = open(path, O_WRONLY);
	ck_assert_int_eq(pwrite(fd, "?", 1, 0), 1);
	ck_status(try_resume(&err), TRB_E_ARTIFACT, err);
	ck_assert_str_eq(trb_error_check(err), "artifact.digest");
	check_not_placed();
	ck_assert_int_eq(pwrite(fd, PEER_CONTENT, 1, 0), 1);
	err = trb_error_unref(err);
	ck_status(try_resume(&err), TRB_OK, err);
	run_to(TRB_JOB_DONE);
	check_placed(0);
}
END_TEST

/* A log that fails: the job is saved, tries again, and can go on without it. */
START_TEST(publishing_can_be_left_out)
{
	char path[128];

	new_job(PEER_HONEST);
	use_log();
	run_to(TRB_JOB_PUBLISH);
	snprintf(path, sizeof(path), "%s/log/checkpoint", host.state);
	ck_assert_int_eq(rename(path, test_path(host.top, "checkpoint")), 0);
	ck_assert_int_lt(trb_job_run(job, TRB_JOB_DONE, NULL), 0);
	ck_assert_int_eq(trb_job_get_step(job), TRB_JOB_PUBLISH);
	ck_assert_int_lt(trb_job_run(job, TRB_JOB_DONE, NULL), 0);
	check_not_placed();
	ck_assert_int_eq(rename(test_path(host.top, "checkpoint"), path), 0);
	if (_i == 0)
		ck_assert_int_eq(trb_job_set_log(job, NULL, NULL), TRB_OK);
	run_to(TRB_JOB_DONE);
	check_placed((size_t)_i);
}
END_TEST

START_TEST(a_failed_build_leaves_nothing)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;

	new_job(PEER_OTHER_DIGEST);
	ck_status(trb_job_run(job, TRB_JOB_DONE, &err), TRB_E_ARTIFACT, err);
	ck_assert_int_eq(trb_job_get_step(job), TRB_JOB_FAILED);
	ck_assert_uint_eq(count_entries(host.out), 0);
	ck_assert_int_eq(trb_job_run(job, TRB_JOB_DONE, NULL), TRB_E_STATE);
}
END_TEST

START_TEST(a_job_ends_when_it_is_told)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;

	new_job(PEER_SLEEPS);
	if (_i == 0)
		ck_assert_int_eq(trb_job_set_timeout(job, 1, NULL), TRB_OK);
	else
		trb_job_cancel(job);
	ck_status(trb_job_run(job, TRB_JOB_DONE, &err), _i == 0 ? TRB_E_TIMEOUT : TRB_E_CANCELED,
		  err);
	close_job();
	ck_assert_uint_eq(count_entries(host.out), 0);
}
END_TEST

START_TEST(a_saved_job_survives_cancelling)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;

	new_job(PEER_HONEST);
	run_to(TRB_JOB_PUBLISH);
	trb_job_cancel(job);
	ck_status(trb_job_run(job, TRB_JOB_DONE, &err), TRB_E_CANCELED, err);
	close_job();
	err = trb_error_unref(err);
	ck_status(try_resume(&err), TRB_OK, err);
	run_to(TRB_JOB_DONE);
	check_placed(0);
}
END_TEST

START_TEST(calls_in_the_wrong_order_are_refused)
{
	new_job(PEER_HONEST);
	ck_assert_int_eq(trb_job_set_request(job, NULL, NULL), TRB_E_INVAL);
	ck_assert_int_eq(trb_job_run(job, 0, NULL), TRB_E_INVAL);
	run_to(TRB_JOB_DONE);
	ck_assert_int_eq(trb_job_set_request(job, host.request, NULL), TRB_E_STATE);
	ck_assert_int_eq(trb_job_set_name(job, PEER_REPOSITORY, NULL, NULL, NULL, NULL),
			 TRB_E_STATE);
	ck_assert_int_eq(trb_job_set_timeout(job, 1, NULL), TRB_E_STATE);
	ck_assert_int_eq(trb_job_set_log(job, NULL, NULL), TRB_E_STATE);
	ck_assert_int_eq(trb_job_set_replace(job, 1, NULL), TRB_E_STATE);
	ck_assert_int_eq(trb_job_next_event(job, &(trb_event *){ NULL }, NULL), TRB_E_DONE);
	close_job();
	ck_assert_int_eq(try_new(PEER_HONEST, NULL), TRB_OK);
	ck_assert_int_eq(trb_job_run(job, TRB_JOB_DONE, NULL), TRB_E_STATE);
}
END_TEST

/* A name that is a full id is not asked for; one that is a branch is, and nobody answers here. */
START_TEST(a_name_is_resolved_by_the_job)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;

	ck_status(try_new(PEER_SLEEPS, &err), TRB_OK, err);
	ck_status(trb_job_set_name(job, "https://127.0.0.1:1/widget", "main", NULL, NULL, &err),
		  TRB_OK, err);
	ck_assert_int_lt(trb_job_run(job, TRB_JOB_BUILD, &err), 0);
	ck_assert_int_eq(trb_job_get_step(job), TRB_JOB_RESOLVE);
	close_job();
	err = trb_error_unref(err);
	ck_status(try_new(PEER_SLEEPS, &err), TRB_OK, err);
	ck_status(trb_job_set_name(job, PEER_REPOSITORY, PEER_COMMIT, "refs/heads/x", NULL, &err),
		  TRB_OK, err);
	run_to(TRB_JOB_BUILD);
	ck_assert_str_eq(trb_request_get_ref(trb_job_get_request(job)), "refs/heads/x");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("job");
	TCase *tc = tcase_create("job");
	const int n_deaths = sizeof(deaths) / sizeof(deaths[0]);

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, steps_come_in_order);
	tcase_add_test(tc, a_booted_session_will_do);
	tcase_add_test(tc, what_was_made_is_told);
	tcase_add_loop_test(tc, the_caller_may_refuse, 0, 2);
	tcase_add_loop_test(tc, a_killed_job_goes_on, 0, n_deaths);
	tcase_add_loop_test(tc, a_killed_job_can_be_dropped, 0, n_deaths);
	tcase_add_test(tc, half_a_build_is_swept);
	tcase_add_test(tc, a_living_job_is_left_alone);
	tcase_add_test(tc, a_planted_job_is_not_taken);
	tcase_add_test(tc, what_was_saved_is_checked);
	tcase_add_loop_test(tc, publishing_can_be_left_out, 0, 2);
	tcase_add_test(tc, a_failed_build_leaves_nothing);
	tcase_add_loop_test(tc, a_job_ends_when_it_is_told, 0, 2);
	tcase_add_test(tc, a_saved_job_survives_cancelling);
	tcase_add_test(tc, calls_in_the_wrong_order_are_refused);
	tcase_add_test(tc, a_name_is_resolved_by_the_job);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
