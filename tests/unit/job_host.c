/* SPDX-License-Identifier: Apache-2.0 */
/* A host for jobs: a session's end, a log, an output directory. */
#include "job_host.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

struct peer_host host;
trb_session *session;
trb_job *job;
static trb_log *job_log;

/* The library's renameat2(), which is one for each file that gets its name: from the nth on it
 * fails or is the last thing that the process does. */
int fail_at, die_at;
static int renames;
int __real_renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags);
int __wrap_renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags);
int __wrap_renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
	renames++;
	if (renames == die_at)
		raise(SIGKILL);
	if (renames == fail_at) {
		errno = ENOSPC;
		return -1;
	}
	return __real_renameat2(from_dir, from, to_dir, to, flags);
}

void setup(void)
{
	renames = fail_at = die_at = 0;
	peer_host_set_up(&host);
	ck_assert_int_eq(mkdir(host.out, 0700), 0);
}

void close_job(void)
{
	job = trb_job_unref(job);
	job_log = trb_log_unref(job_log);
	if (session != NULL)
		ck_assert_int_eq(trb_session_close(session, NULL), TRB_OK);
	session = trb_session_unref(session);
}

void teardown(void)
{
	close_job();
	peer_host_tear_down(&host);
}

int output(void)
{
	int fd = open(host.out, O_PATH | O_DIRECTORY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	return fd;
}

int try_new(enum peer_fault fault, trb_error **err)
{
	_cleanup_close_ int out = output();
	char options[16];

	snprintf(options, sizeof(options), "%d", fault);
	ck_assert_int_eq(trb_session_open_tee(host.context, &peer_ops, options, &session, NULL),
			 TRB_OK);
	return trb_job_new(session, out, &job, err);
}

void new_job(enum peer_fault fault)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;

	ck_status(try_new(fault, &err), TRB_OK, err);
	ck_status(trb_job_set_request(job, host.request, &err), TRB_OK, err);
}

int try_resume(trb_error **err)
{
	_cleanup_close_ int out = output();

	return trb_job_resume(host.context, out, &job, err);
}

void use_log(void)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	trb_blob *vkey = NULL;

	if (trb_log_open(host.context, "local", &job_log, NULL) < 0) {
		ck_status(trb_log_init(host.context, "local", NULL, &vkey, &err), TRB_OK, err);
		ck_status(trb_log_open(host.context, "local", &job_log, &err), TRB_OK, err);
	}
	trb_blob_unref(vkey);
	ck_status(trb_job_set_log(job, job_log, &err), TRB_OK, err);
}

void run_to(int step)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;

	ck_status(trb_job_run(job, step, &err), TRB_OK, err);
	ck_assert_int_eq(trb_job_get_step(job), step);
}

uint64_t logged(void)
{
	trb_log *log = NULL;
	uint64_t size = 0;

	if (trb_log_open(host.context, "local", &log, NULL) == TRB_OK)
		ck_assert_int_eq(trb_log_get_size(log, &size, NULL), TRB_OK);
	trb_log_unref(log);
	return size;
}

size_t count_entries(const char *path)
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

const char *saved_name(void)
{
	static char name[300];
	DIR *dir = opendir(host.out);
	const struct dirent *entry;

	name[0] = '\0';
	while ((entry = readdir(dir)) != NULL)
		if (strncmp(entry->d_name, TRB_JOB_PREFIX, strlen(TRB_JOB_PREFIX)) == 0)
			snprintf(name, sizeof(name), "%s", entry->d_name);
	closedir(dir);
	return name;
}

void check_file(const char *name, const char *content, mode_t mode)
{
	_cleanup_(trb_blob_unrefp) trb_blob *blob = test_file(test_path(host.out, name));
	struct stat st;

	ck_assert(trb_bytes_eq_str(trb_blob_bytes(blob), content));
	ck_assert_int_eq(stat(test_path(host.out, name), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, mode);
	ck_assert_uint_eq(st.st_nlink, 1);
}

void check_placed(size_t logs)
{
	_cleanup_(trb_blob_unrefp) trb_blob *json = test_file(test_path(host.out, BUNDLE));
	trb_bundle *bundle = NULL;

	check_file("tool", PEER_CONTENT, 0755);
	check_file(PEER_SECOND, "", 0755); /* as attested, whatever is in it */
	check_file(UNATTESTED, "tar", 0644);
	ck_assert_int_eq(trb_bundle_parse(trb_blob_bytes(json), &bundle, NULL), TRB_OK);
	ck_assert_uint_eq(trb_bundle_count_logs(bundle), logs);
	trb_bundle_unref(bundle);
	ck_assert_uint_eq(count_entries(host.out), 4);
	ck_assert_uint_eq(logged(), logs);
}

void check_not_placed(void)
{
	ck_assert_str_ne(saved_name(), "");
	ck_assert_int_ne(access(test_path(host.out, "tool"), F_OK), 0);
	ck_assert_int_ne(access(test_path(host.out, PEER_SECOND), F_OK), 0);
	ck_assert_int_ne(access(test_path(host.out, UNATTESTED), F_OK), 0);
	ck_assert_int_ne(access(test_path(host.out, BUNDLE), F_OK), 0);
}
