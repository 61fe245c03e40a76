/* SPDX-License-Identifier: Apache-2.0 */
/* Backend "process" with small images: what the enclave sees, and that nothing is left behind
 * however it ends.  Run as root, everything is done again as an ordinary user. */
#include <check.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <trustbuild/image.h>

#include "core/clock.h"
#include "core/io.h"
#include "format/bundle.h"
#include "host/event.h"
#include "host/tee/process.h"
#include "image/cpio.h"
#include "support.h"
#include "traces.h"

#define REPOSITORY "https://forge.example/widget"
#define COMMIT     "1f7a7a472abf3dd9643fd615f6da379c4acb3e3a"
#define GONE_MS    5000

static char top[64], state_dir[96], eif[96];
static char console[65536];
static trb_context *context;
static trb_session *session;
static trb_request *request;
static const char *init_program;

static void keep_console(int level, const char *text, void *user)
{
	size_t n = strlen(console);

	(void)level;
	(void)user;
	snprintf(console + n, sizeof(console) - n, "%s\n", text);
}

static const char *in_top(const char *name)
{
	return test_path(top, name);
}

static void write_text(const char *name, const char *text)
{
	ck_assert_int_eq(trb_write_file(AT_FDCWD, in_top(name), trb_bytes_str(text), 0644, NULL),
			 TRB_OK);
}

static int put(void *user, trb_bytes bytes, trb_error **err)
{
	return trb_write_full(*(int *)user, bytes, err);
}

/* A ramdisk with init, a mode, and the mount points but for one. */
static void make_ramdisk(const char *mode, const char *without)
{
	static const char *const dirs[] = { "dev", "proc", "run", "sys", "tmp" };
	struct cpio_plan *plan = NULL;
	uint64_t size;
	int fd;

	write_text("mode", mode);
	ck_assert_int_eq(trb_cpio_plan_new(0, &plan, NULL), TRB_OK);
	for (size_t i = 0; i < 5; i++)
		if (without == NULL || strcmp(dirs[i], without) != 0)
			ck_assert_int_eq(trb_cpio_add_dir(plan, dirs[i], 0755, NULL), TRB_OK);
	ck_assert_int_eq(trb_cpio_add_file(plan, "init", 0755, init_program, NULL), TRB_OK);
	ck_assert_int_eq(trb_cpio_add_file(plan, "mode", 0644, in_top("mode"), NULL), TRB_OK);
	ck_assert_int_eq(trb_cpio_plan_size(plan, &size, NULL), TRB_OK);
	fd = open(in_top("ramdisk"), O_WRONLY | O_CREAT | O_TRUNC, 0644);
	ck_assert_int_eq(trb_cpio_plan_write(plan, put, &fd, NULL), TRB_OK);
	close(fd);
	trb_cpio_plan_free(plan);
}

static void make_image(const char *mode, const char *without)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	char kernel[96], ramdisk[96];
	trb_image *image = NULL;
	trb_eif *made = NULL;

	make_ramdisk(mode, without);
	write_text("kernel", "no kernel");
	snprintf(kernel, sizeof(kernel), "%s/kernel", top);
	snprintf(ramdisk, sizeof(ramdisk), "%s/ramdisk", top);
	ck_status(trb_image_new(context, &image, &err), TRB_OK, err);
	ck_status(trb_image_set(image, "kernel", kernel, &err), TRB_OK, err);
	ck_status(trb_image_set(image, "ramdisk", ramdisk, &err), TRB_OK, err);
	ck_status(trb_image_set(image, "out", eif, &err), TRB_OK, err);
	ck_status(trb_image_build(image, &made, &err), TRB_OK, err);
	trb_eif_unref(made);
	trb_image_unref(image);
}

/* Round 1 of a run as root: an ordinary user, the one with ids of its own if there is one. */
static void become_user(void)
{
	const struct passwd *user = getpwnam("tester");
	uid_t uid = user != NULL ? user->pw_uid : 65534;

	ck_assert_int_eq(chown(top, uid, uid), 0);
	ck_assert(setgroups(0, NULL) == 0 && setresgid(uid, uid, uid) == 0 &&
		  setresuid(uid, uid, uid) == 0);
}

static void begin(int round)
{
	char libexec[4096];

	strcpy(top, "/tmp/trb-process-XXXXXX");
	ck_assert(mkdtemp(top) != NULL);
	if (round == 1)
		become_user();
	snprintf(state_dir, sizeof(state_dir), "%s/state", top);
	snprintf(eif, sizeof(eif), "%s/enclave.eif", top);
	snprintf(libexec, sizeof(libexec), "%s/libexec", getenv("TRB_BUILD_ROOT"));
	ck_assert_int_eq(trb_context_new(&context, NULL), TRB_OK);
	ck_assert_int_eq(trb_context_set_state_dir(context, state_dir, NULL), TRB_OK);
	ck_assert_int_eq(trb_context_set_libexec_dir(context, libexec, NULL), TRB_OK);
	ck_assert_int_eq(trb_request_new(context, REPOSITORY, COMMIT, &request, NULL), TRB_OK);
	trb_context_set_log_sink(context, keep_console, NULL);
	console[0] = '\0';
}

static void end(void)
{
	session = trb_session_unref(session);
	request = trb_request_unref(request);
	context = trb_context_unref(context);
	trb_remove_tree(AT_FDCWD, top, NULL);
}

static void open_session(const char *options)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	char backend[256];

	snprintf(backend, sizeof(backend), "process:eif=%s%s", eif, options);
	ck_status(trb_session_open(context, backend, &session, &err), TRB_OK, err);
}

static void start(void)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;

	ck_status(trb_session_start(session, request, &err), TRB_OK, err);
}

/* Turns until the console shows text, or the session fails. */
static int run_until(const char *text, trb_error **err)
{
	trb_event *event = NULL;
	int r;

	while ((r = trb_session_next_event(session, &event, err)) == TRB_E_AGAIN) {
		struct pollfd p = { .fd = trb_session_get_fd(session), .events = POLLIN };

		if (text != NULL && strstr(console, text) != NULL)
			return TRB_OK;
		ck_assert_msg(poll(&p, 1, 10000) == 1, "nothing happens; console:\n%s", console);
	}
	return r;
}

static const char *leftovers(void)
{
	static char text[256];
	char pattern[128];

	snprintf(pattern, sizeof(pattern), "%s/run/run-*", state_dir);
	snprintf(text, sizeof(text), "%zu processes, %zu run directories, %zu cgroups",
		 trace_processes(state_dir), trace_matches(pattern), trace_groups());
	return text;
}

#define NOTHING "0 processes, 0 run directories, 0 cgroups"

/* Where the launcher or the host is killed, the kernel ends the enclave in its own time. */
static void check_nothing_left(int wait_ms)
{
	for (; wait_ms > 0 && strcmp(leftovers(), NOTHING) != 0; wait_ms -= 10)
		poll(NULL, 0, 10);
	ck_assert_str_eq(leftovers(), NOTHING);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
}

static void close_session(void)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;

	ck_status(trb_session_close(session, &err), TRB_OK, err);
	check_nothing_left(0);
}

#define ck_console(text) \
	ck_assert_msg(strstr(console, text) != NULL, "no '%s' in:\n%s", text, console)

START_TEST(the_enclave_sees_nothing_of_the_host)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;

	begin(_i);
	make_image("sleep", NULL);
	open_session("");
	start();
	ck_status(run_until("asleep", &err), TRB_OK, err);
	ck_console("pid 1 uid 0 gid 0\n");
	ck_console("env TRUSTBUILD_ENCLAVE=transport=unix:/run/trustbuild/ports,nsm=softnsm\n");
	ck_assert(strstr(strstr(console, "env ") + 4, "env ") == NULL);
	ck_console("list /dev: ");
	ck_assert(strstr(console, "eth") == NULL && strstr(console, "home") == NULL);
	close_session();
	end();
}
END_TEST

START_TEST(the_userland_is_read_only)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;

	begin(_i);
	make_image("sleep", NULL);
	open_session("");
	start();
	ck_status(run_until("asleep", &err), TRB_OK, err);
	ck_console("write / -1\n");
	ck_console("write ports -1\n");
	ck_console("write tmp 0\n");
	ck_console("descriptors 0 1 2\n");
	ck_console("list /run/trustbuild/ports:");
	close_session();
	end();
}
END_TEST

static size_t unpacked(void)
{
	char pattern[128];

	snprintf(pattern, sizeof(pattern), "%s/cache/eif/*/userland/init", state_dir);
	return trace_matches(pattern);
}

/* A cache that may keep nothing keeps what an enclave runs from, and no more. */
START_TEST(a_userland_in_use_stays_in_the_cache)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	uint8_t pcrs[3][TRB_SHA384_LEN];
	char stamps[128];
	int userland;

	begin(_i);
	setenv("TRUSTBUILD_CACHE_MIB", "0", 1);
	make_image("sleep", NULL);
	open_session("");
	start();
	ck_status(run_until("asleep", &err), TRB_OK, err);
	make_image("exit", NULL);
	ck_status(trb_eif_cache(context, eif, &userland, pcrs, &err), TRB_OK, err);
	ck_assert_uint_eq(unpacked(), 2);
	close(userland);
	make_image("stay", NULL);
	ck_status(trb_eif_cache(context, eif, &userland, pcrs, &err), TRB_OK, err);
	ck_assert_uint_eq(unpacked(), 2);
	close_session();
	make_image("gone", NULL);
	close(userland);
	ck_status(trb_eif_cache(context, eif, &userland, pcrs, &err), TRB_OK, err);
	close(userland);
	unsetenv("TRUSTBUILD_CACHE_MIB");
	ck_assert_uint_eq(unpacked(), 1);
	snprintf(stamps, sizeof(stamps), "%s/cache/eif/stamps/*", state_dir);
	ck_assert_uint_eq(trace_matches(stamps), 1);
	end();
}
END_TEST

START_TEST(an_enclave_that_ends_is_explained)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;

	begin(_i);
	make_image("exit", NULL);
	open_session("");
	start();
	ck_status(run_until(NULL, &err), TRB_E_IO, err);
	ck_assert_msg(strstr(trb_error_message(err), "status 7; the last line of its console: some "
						     "library is missing") != NULL,
		      "%s", trb_error_message(err));
	close_session();
	end();
}
END_TEST

START_TEST(cancel_leaves_nothing)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;

	begin(_i);
	make_image("sleep", NULL);
	open_session("");
	start();
	ck_status(run_until("asleep", &err), TRB_OK, err);
	ck_assert_uint_ge(trace_processes(state_dir), 2);
	trb_session_cancel(session);
	ck_status(run_until(NULL, &err), TRB_E_CANCELED, err);
	close_session();
	end();
}
END_TEST

static pid_t first_child(pid_t pid)
{
	char path[64];
	long child = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%ld/task/%ld/children", (long)pid, (long)pid);
	file = fopen(path, "r");
	ck_assert(file != NULL && fscanf(file, "%ld", &child) == 1);
	fclose(file);
	return (pid_t)child;
}

START_TEST(a_killed_launcher_leaves_nothing)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;

	begin(_i);
	make_image("sleep", NULL);
	open_session("");
	start();
	ck_status(run_until("asleep", &err), TRB_OK, err);
	ck_assert_int_eq(kill(first_child(getpid()), SIGKILL), 0);
	ck_status(run_until(NULL, &err), TRB_E_IO, err);
	ck_assert_int_eq(trb_session_close(session, NULL), TRB_OK);
	check_nothing_left(GONE_MS);
	end();
}
END_TEST

/* The host's process is killed: nobody calls close. */
START_TEST(a_killed_host_leaves_nothing)
{
	pid_t host;

	begin(_i);
	make_image("sleep", NULL);
	host = fork();
	if (host == 0) {
		open_session("");
		start();
		run_until("asleep", NULL);
		raise(SIGKILL);
	}
	ck_assert_int_eq(waitpid(host, NULL, 0), host);
	check_nothing_left(GONE_MS);
	end();
}
END_TEST

START_TEST(an_unclosed_session_leaves_nothing)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	int waited = 0;

	begin(_i);
	make_image("sleep", NULL);
	open_session("");
	start();
	ck_status(run_until("asleep", &err), TRB_OK, err);
	session = trb_session_unref(session);
	while (strcmp(leftovers(), NOTHING) != 0 && waited++ < GONE_MS / 10)
		poll(NULL, 0, 10);
	ck_assert_str_eq(leftovers(), NOTHING);
	end();
}
END_TEST

START_TEST(limits_hold_or_are_refused)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	int r;

	begin(_i);
	make_image("fork", NULL);
	open_session(",pids=50");
	start();
	r = run_until("forks ", &err);
	if (geteuid() != 0) {
		ck_status(r, TRB_E_UNSUPPORTED, err);
	} else {
		ck_status(r, TRB_OK, err);
		ck_assert_msg(strstr(console, "forks 4") != NULL, "%s", console);
	}
	close_session();
	end();
}
END_TEST

/* A limit that is demanded leaves the other one at root's default. */
START_TEST(each_limit_has_its_default)
{
	unsigned long long memory;

	begin(0);
	make_image("sleep", NULL);
	open_session(_i == 0 ? ",memory_mib=512" : ",pids=50");
	start();
	ck_status(run_until("asleep", NULL), TRB_OK, NULL);
	memory = trace_group("memory.limit_in_bytes") + trace_group("memory.max");
	ck_assert_uint_eq(trace_group("pids.max"), _i == 0 ? 16384 : 50);
	ck_assert(_i == 0 ? memory == 512u << 20 : memory > 0 && memory < 1ull << 60);
	close_session();
	end();
}
END_TEST

START_TEST(memory_is_limited)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;

	if (geteuid() != 0) {
		fprintf(stderr, "LEFT OUT: a limit on the enclave's memory needs root\n");
		return;
	}
	begin(0);
	make_image("eat", NULL);
	open_session(",memory_mib=64");
	start();
	ck_status(run_until(NULL, &err), TRB_E_IO, err);
	ck_assert_msg(strstr(trb_error_message(err), "memory ran out") != NULL, "%s",
		      trb_error_message(err));
	close_session();
	end();
}
END_TEST

/* A shell's soft limits do not reach the enclave; hard ones that are too low are named. */
START_TEST(limits_of_the_caller_are_raised_or_named)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	struct rlimit files, size = { 512u << 20, 512u << 20 };
	int r;

	begin(_i % 2);
	make_image("sleep", NULL);
	getrlimit(RLIMIT_NOFILE, &files);
	files = (struct rlimit){ 100, _i < 2 ? files.rlim_max : 100 };
	size.rlim_max = _i < 2 ? RLIM_INFINITY : size.rlim_max;
	ck_assert(setrlimit(RLIMIT_NOFILE, &files) == 0 && setrlimit(RLIMIT_FSIZE, &size) == 0);
	open_session("");
	start();
	r = run_until("asleep", &err);
	if (r == TRB_E_UNSUPPORTED && _i >= 2)
		ck_assert_ptr_nonnull(strstr(trb_error_message(err), "ulimit -n"));
	else
		ck_status(r, TRB_OK, err);
	ck_assert(r == TRB_OK ? strstr(console, "limits 1 1\n") != NULL : _i >= 2);
	close_session();
	end();
}
END_TEST

START_TEST(a_second_start_is_fast)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	int64_t before;

	begin(_i);
	make_image("sleep", NULL);
	open_session("");
	start();
	close_session();
	session = trb_session_unref(session);
	ck_assert(strstr(console, "unpacking") != NULL);
	console[0] = '\0';
	open_session("");
	before = trb_deadline(0);
	start();
	ck_status(run_until("asleep", &err), TRB_OK, err);
	ck_assert_int_lt(trb_deadline(0) - before, 500);
	ck_assert(strstr(console, "measuring") == NULL);
	close_session();
	end();
}
END_TEST

/* threats.md: EIF swapped between check and use */
START_TEST(a_changed_image_is_measured_again)
{
	uint8_t first[3][48], second[3][48];
	int userland = -1;

	begin(_i);
	make_image("sleep", NULL);
	ck_assert_int_eq(trb_eif_cache(context, eif, &userland, first, NULL), TRB_OK);
	close(userland);
	make_image("exit", NULL);
	ck_assert_int_eq(trb_eif_cache(context, eif, &userland, second, NULL), TRB_OK);
	close(userland);
	ck_assert_mem_ne(first[0], second[0], 48);
	make_image("sleep", NULL);
	ck_assert_int_eq(trb_eif_cache(context, eif, &userland, second, NULL), TRB_OK);
	close(userland);
	ck_assert_mem_eq(first, second, sizeof(first));
	end();
}
END_TEST

START_TEST(bad_images_are_refused)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	char pattern[128];
	int r;

	begin(_i / 4);
	if (_i % 4 == 0)
		make_image("sleep", "proc");
	else if (_i % 4 == 1)
		write_text("enclave.eif", "no image at all");
	else if (_i % 4 == 2)
		ck_assert_int_eq(mkfifo(eif, 0600), 0);
	open_session("");
	r = trb_session_start(session, request, &err);
	ck_status(r, _i % 4 == 3 ? TRB_E_NOTFOUND : TRB_E_FORMAT, err);
	snprintf(pattern, sizeof(pattern), "%s/cache/eif/*/userland", state_dir);
	ck_assert_uint_eq(trace_matches(pattern), 0);
	snprintf(pattern, sizeof(pattern), "%s/cache/eif/.new-*", state_dir);
	ck_assert_uint_eq(trace_matches(pattern), 0);
	close_session();
	end();
}
END_TEST

START_TEST(sessions_run_side_by_side)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	trb_session *other;

	begin(_i);
	make_image("sleep", NULL);
	open_session("");
	start();
	other = session;
	open_session("");
	start();
	ck_status(run_until("asleep", &err), TRB_OK, err);
	ck_status(trb_session_close(session, &err), TRB_OK, err);
	session = trb_session_unref(session);
	session = other;
	console[0] = '\0';
	ck_status(run_until("asleep", &err), TRB_OK, err);
	close_session();
	end();
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("process");
	TCase *tc = tcase_create("process");
	int rounds = geteuid() == 0 ? 2 : 1;

	if (argc != 2)
		return EXIT_FAILURE;
	init_program = argv[1];
	if (rounds == 1)
		fprintf(stderr, "LEFT OUT: the tests as root\n");
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, the_enclave_sees_nothing_of_the_host, 0, rounds);
	tcase_add_loop_test(tc, the_userland_is_read_only, 0, rounds);
	tcase_add_loop_test(tc, a_userland_in_use_stays_in_the_cache, 0, rounds);
	tcase_add_loop_test(tc, an_enclave_that_ends_is_explained, 0, rounds);
	tcase_add_loop_test(tc, cancel_leaves_nothing, 0, rounds);
	tcase_add_loop_test(tc, a_killed_launcher_leaves_nothing, 0, rounds);
	tcase_add_loop_test(tc, a_killed_host_leaves_nothing, 0, rounds);
	tcase_add_loop_test(tc, an_unclosed_session_leaves_nothing, 0, rounds);
	tcase_add_loop_test(tc, limits_hold_or_are_refused, 0, rounds);
	tcase_add_loop_test(tc, each_limit_has_its_default, 0, geteuid() == 0 ? 2 : 0);
	tcase_add_test(tc, memory_is_limited);
	tcase_add_loop_test(tc, limits_of_the_caller_are_raised_or_named, 2 - rounds, 4);
	tcase_add_loop_test(tc, a_second_start_is_fast, 0, rounds);
	tcase_add_loop_test(tc, a_changed_image_is_measured_again, 0, rounds);
	tcase_add_loop_test(tc, bad_images_are_refused, 0, 4 * rounds);
	tcase_add_loop_test(tc, sessions_run_side_by_side, 0, rounds);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
