/* SPDX-License-Identifier: Apache-2.0 */
/* Where a job's files go: all or none, and only beneath the output directory. */
#include "job_host.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>

/* threats.md: names lead through no link; in a directory the same names are fine. */
START_TEST(no_link_leads_outside)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	char outside[64], folder[64];

	snprintf(outside, sizeof(outside), "%s/outside", host.top);
	snprintf(folder, sizeof(folder), "%s/unattested", host.out);
	ck_assert_int_eq(mkdir(outside, 0700), 0);
	ck_assert_int_eq(symlink(_i == 0 ? "../outside" : outside, folder), 0);
	new_job(PEER_HONEST);
	ck_status(trb_job_set_replace(job, 1, &err), TRB_OK, err);
	ck_status(trb_job_run(job, TRB_JOB_DONE, &err), TRB_E_IO, err);
	ck_assert_ptr_nonnull(strstr(trb_error_message(err), "'unattested' in the output"));
	ck_assert_uint_eq(count_entries(outside), 0);
	check_not_placed();
	ck_assert_int_eq(unlink(folder), 0);
	ck_assert_int_eq(mkdir(folder, 0700), 0);
	run_to(TRB_JOB_DONE);
	check_placed(0);
}
END_TEST

static void write_old(const char *name)
{
	ck_assert_int_eq(trb_write_file(AT_FDCWD, test_path(host.out, name), TRB_BYTES_LIT("old"),
					0600, NULL),
			 TRB_OK);
}

START_TEST(files_are_replaced_where_that_is_said)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;

	new_job(PEER_HONEST);
	write_old(PEER_SECOND);
	ck_status(trb_job_run(job, TRB_JOB_DONE, &err), TRB_E_STATE, err);
	ck_assert_ptr_nonnull(strstr(trb_error_message(err), "'" PEER_SECOND "'"));
	check_file(PEER_SECOND, "old", 0600);
	ck_assert_int_ne(access(test_path(host.out, "tool"), F_OK), 0);
	ck_status(trb_job_set_replace(job, 1, NULL), TRB_OK, NULL);
	run_to(TRB_JOB_DONE);
	check_placed(0);
}
END_TEST

START_TEST(a_directory_is_not_replaced)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;

	new_job(PEER_HONEST);
	ck_status(trb_job_set_replace(job, 1, NULL), TRB_OK, NULL);
	ck_assert_int_eq(mkdir(test_path(host.out, PEER_SECOND), 0700), 0);
	ck_status(trb_job_run(job, TRB_JOB_DONE, &err), TRB_E_IO, err);
	ck_assert_ptr_nonnull(strstr(trb_error_message(err), "is a directory"));
	ck_assert_int_eq(rmdir(test_path(host.out, PEER_SECOND)), 0);
	check_not_placed();
	run_to(TRB_JOB_DONE);
	check_placed(0);
}
END_TEST

/* Whichever file's turn it is: older ones are put back, and the next try does it. */
START_TEST(placing_is_all_or_nothing)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;

	new_job(PEER_HONEST);
	ck_status(trb_job_set_replace(job, 1, NULL), TRB_OK, NULL);
	write_old("tool");
	write_old(BUNDLE);
	run_to(TRB_JOB_PLACE - 1);
	fail_at = _i + 1;
	ck_status(trb_job_run(job, TRB_JOB_DONE, &err), TRB_E_IO, err);
	check_file("tool", "old", 0600);
	check_file(BUNDLE, "old", 0600);
	ck_assert_int_ne(access(test_path(host.out, PEER_SECOND), F_OK), 0);
	ck_assert_int_ne(access(test_path(host.out, UNATTESTED), F_OK), 0);
	run_to(TRB_JOB_DONE);
	check_placed(0);
}
END_TEST

/* A disk of a few KiB, or of a few files, in a mount namespace of its own. */
static void mount_small(const char *options)
{
	ck_assert_int_eq(unshare((geteuid() == 0 ? 0 : CLONE_NEWUSER) | CLONE_NEWNS), 0);
	ck_assert_int_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	ck_assert_int_eq(mount("job", host.out, "tmpfs", 0, options), 0);
}

static void remount(const char *options)
{
	ck_assert_int_eq(mount("job", host.out, "tmpfs", MS_REMOUNT, options), 0);
}

static void check_full(const trb_error *err)
{
	const trb_error *last = err;

	while (trb_error_cause(last) != NULL)
		last = trb_error_cause(last);
	ck_assert_ptr_nonnull(strstr(trb_error_message(last), strerrordesc_np(ENOSPC)));
}

START_TEST(a_full_disk_leaves_nothing)
{
	static const char *const small[] = { "mode=0700,size=4k", "mode=0700,size=8k",
					     "mode=0700,nr_inodes=3" };
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;

	mount_small(small[_i]);
	new_job(PEER_HONEST);
	ck_status(trb_job_run(job, TRB_JOB_DONE, &err), TRB_E_IO, err);
	check_full(err);
	close_job();
	ck_assert_uint_eq(count_entries(host.out), 0);
	remount("size=1m,nr_inodes=100");
	new_job(PEER_HONEST);
	run_to(TRB_JOB_DONE);
	check_placed(0);
	ck_assert_int_eq(umount2(host.out, MNT_DETACH), 0);
}
END_TEST

/* Full when the names are given: the root, the saved job's five files and its directory are there,
 * and no folder can be made. */
START_TEST(a_disk_full_of_files_can_be_given_more)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;

	mount_small("mode=0700,size=1m,nr_inodes=8");
	new_job(PEER_HONEST);
	run_to(TRB_JOB_PUBLISH);
	ck_status(trb_job_run(job, TRB_JOB_DONE, &err), TRB_E_IO, err);
	check_full(err);
	check_not_placed();
	remount("nr_inodes=100");
	run_to(TRB_JOB_DONE);
	check_placed(0);
	ck_assert_int_eq(umount2(host.out, MNT_DETACH), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("job-place");
	TCase *tc = tcase_create("place");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 30);
	tcase_add_loop_test(tc, no_link_leads_outside, 0, 2);
	tcase_add_test(tc, files_are_replaced_where_that_is_said);
	tcase_add_test(tc, a_directory_is_not_replaced);
	tcase_add_loop_test(tc, placing_is_all_or_nothing, 0, 4);
	tcase_add_loop_test(tc, a_full_disk_leaves_nothing, 0, 3);
	tcase_add_test(tc, a_disk_full_of_files_can_be_given_more);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
