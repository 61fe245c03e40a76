/* SPDX-License-Identifier: Apache-2.0 */
/* Sandboxed builds under runsc.  Needs runsc and a root file system: TRB_TEST_RUNSC and
 * TRB_TEST_ROOTFS name them, else they are what tb-host image build has cached. */
#include "support.h"

#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <trustbuild/sys/enclave.h>

#include "core/cleanup.h"
#include "core/io.h"
#include "enclave/build.h"
#include "format/json.h"

static char work[] = "/tmp/trb-build-XXXXXX";
static char libexec[64], source[64], sandbox[64];
static trb_context *context;
static struct trb_buf printed[3];

/* What the environment names, else what tb-host image build has made and cached. */
static const char *part(const char *variable, const char *pattern)
{
	const char *state = getenv("TRUSTBUILD_STATE"), *home = getenv("HOME");
	const char *named = getenv(variable);
	char path[4096];
	glob_t found;

	if (named != NULL)
		return named;
	snprintf(path, sizeof(path), "%s%s/image/%s",
		 state != NULL  ? state
		 : home != NULL ? home
				: "",
		 state != NULL ? "" : "/.local/state/trustbuild", pattern);
	if (glob(path, 0, NULL, &found) != 0)
		return NULL;
	setenv(variable, found.gl_pathv[0], 1);
	globfree(&found);
	return getenv(variable);
}

static const char *runsc(void)
{
	return part("TRB_TEST_RUNSC", "runsc-*/runsc");
}

/* For trying another one by hand, where it runs. */
static const char *runtime(void)
{
	const char *name = getenv("TRB_TEST_RUNTIME");

	return name != NULL ? name : "runsc";
}

static const char *rootfs(void)
{
	return part("TRB_TEST_ROOTFS", "rootfs-*/rootfs.erofs");
}

static void link_helper(const char *name, const char *target)
{
	char from[128];

	snprintf(from, sizeof(from), "%s/%s", libexec, name);
	ck_assert_int_eq(symlink(target, from), 0);
}

static void put(const char *name, const char *text, mode_t mode)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", source, name);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(trb_write_full(fd, trb_bytes_str(text), NULL), TRB_OK);
	ck_assert_int_eq(fchmod(fd, mode), 0);
	close(fd);
}

static void setup(void)
{
	char path[4096];

	strcpy(work + strlen(work) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(work));
	snprintf(libexec, sizeof(libexec), "%s/libexec", work);
	snprintf(source, sizeof(source), "%s/tree", work);
	snprintf(sandbox, sizeof(sandbox), "%s/sandbox", work);
	ck_assert_int_eq(mkdir(libexec, 0755) | mkdir(source, 0755) | mkdir(sandbox, 0755), 0);
	snprintf(path, sizeof(path), "%s/libexec/tb-sandbox", getenv("TRB_BUILD_ROOT"));
	link_helper("tb-sandbox", path);
	snprintf(path, sizeof(path), "%s/libexec/tb-sandbox-init", getenv("TRB_BUILD_ROOT"));
	link_helper("tb-sandbox-init", path);
	link_helper(runtime(), runsc());
	put("hello.c", "#include <stdio.h>\nint main(void) { return puts(\"hi\") < 0; }\n", 0444);
	put("run.sh", "#!/bin/sh\necho ran\n", 0555);
	ck_assert_int_eq(trb_context_new(&context, NULL), TRB_OK);
	ck_assert_int_eq(trb_context_set_libexec_dir(context, libexec, NULL), TRB_OK);
	for (size_t i = 0; i < 3; i++)
		trb_buf_init(&printed[i], 256 << 20);
}

static void teardown(void)
{
	trb_context_unref(context);
	for (size_t i = 0; i < 3; i++)
		trb_buf_clear(&printed[i]);
	ck_assert_int_eq(trb_remove_tree(AT_FDCWD, work, NULL), TRB_OK);
}

static int collect(int stream, trb_bytes chunk, void *user)
{
	(void)user;
	return trb_buf_add(&printed[stream], chunk);
}

static trb_build *make(const char *recipe)
{
	trb_error *err = NULL;
	trb_build *b = NULL;
	int r = trb_build_new(context, trb_bytes_str(recipe), runtime(), rootfs(), sandbox, &b,
			      &err);

	ck_status(r, TRB_OK, err);
	trb_build_set_sink(b, collect, NULL);
	return b;
}

/* A recipe of one shell script; limits is "" or a member list that begins with a comma. */
static char *shell(const char *script, const char *artifact, const char *more)
{
	struct trb_buf buf;
	struct trb_json_out out = { .buf = &buf };
	char *text = NULL;

	trb_buf_init(&buf, 8192);
	trb_buf_add_str(&buf, "{\"recipe\": 1, \"commands\": [[\"sh\", \"-ec\", ");
	trb_json_put_str(&out, script);
	trb_buf_addf(&buf, "]], \"artifacts\": [\"%s\"]%s}", artifact, more);
	ck_assert_int_eq(trb_buf_to_str(&buf, "recipe", &text, NULL), TRB_OK);
	return text;
}

static int run(trb_build *b, trb_error **err)
{
	int r = trb_build_start(b, source, "0123456789012345678901234567890123456789", 1700000000,
				err);

	ck_status(r, TRB_OK, *err);
	return trb_build_wait(b, 60000, err);
}

static int run_shell(const char *script, const char *artifact, const char *more, trb_build **ret,
		     trb_error **err)
{
	_cleanup_free_ char *recipe = shell(script, artifact, more);

	*ret = make(recipe);
	return run(*ret, err);
}

static void expect_file(const trb_build *b, size_t i, const char *name, const char *text)
{
	char got[256] = { 0 };

	ck_assert_str_eq(trb_build_get_file_name(b, i), name);
	ck_assert_uint_eq(trb_build_get_file_size(b, i), strlen(text));
	ck_assert_int_eq(trb_pread_full(trb_build_get_file_fd(b, i), got, strlen(text), 0, NULL),
			 TRB_OK);
	ck_assert_str_eq(got, text);
}

/* Runs a script that must end with code, and message in the error. */
static void refuse(const char *script, const char *artifact, const char *more, int code,
		   const char *message)
{
	_cleanup_(trb_build_unrefp) trb_build *b = NULL;
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	int r = run_shell(script, artifact, more, &b, &err);

	ck_status(r, code, err);
	ck_assert_msg(strstr(trb_error_message(err), message) != NULL, "%s",
		      trb_error_message(err));
	ck_assert_uint_eq(trb_build_count_files(b), 0);
	ck_assert_int_eq(trb_build_get_fd(b), -1);
	ck_assert_int_eq(trb_build_step(b, NULL), TRB_E_STATE);
}

START_TEST(a_program_is_compiled)
{
	_cleanup_(trb_build_unrefp) trb_build *b =
		make("{\"recipe\": 1, \"commands\": [[\"mkdir\", \"out\"], [\"cc\", \"-o\", "
		     "\"out/hello\", \"hello.c\"], [\"out/hello\"], [\"./run.sh\"]], "
		     "\"artifacts\": [\"out/hel*\"]}");
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	char magic[4];

	ck_status(run(b, &err), TRB_OK, err);
	ck_assert_uint_eq(trb_build_count_files(b), 1);
	ck_assert_str_eq(trb_build_get_file_name(b, 0), "out/hello");
	ck_assert_int_eq(pread(trb_build_get_file_fd(b, 0), magic, 4, 0), 4);
	ck_assert_mem_eq(magic, "\177ELF", 4);
	ck_assert(trb_bytes_eq_str(trb_buf_bytes(&printed[1]), "hi\nran\n"));
	/* sealed: nobody can change what was hashed */
	ck_assert_int_lt(write(trb_build_get_file_fd(b, 0), "x", 1), 0);
	ck_assert_ptr_null(trb_build_get_file_name(b, 1));
}
END_TEST

START_TEST(the_environment_is_the_documented_one)
{
	_cleanup_(trb_build_unrefp) trb_build *b = make(
		"{\"recipe\": 1, \"commands\": [[\"env\"], [\"touch\", \"a\"]], \"artifacts\": "
		"[\"a\"], \"env\": {\"CFLAGS\": \"-O2 -g\"}}");
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;

	ck_status(run(b, &err), TRB_OK, err);
	trb_buf_add_byte(&printed[1], 0);
	ck_assert_str_eq((char *)printed[1].ptr,
			 "TRUSTBUILD_COMMIT=0123456789012345678901234567890123456789\n"
			 "SOURCE_DATE_EPOCH=1700000000\n"
			 "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
			 "HOME=/tmp\nLANG=C.UTF-8\nTZ=UTC\nCFLAGS=-O2 -g\n");
}
END_TEST

START_TEST(the_build_has_no_privileges)
{
	_cleanup_(trb_build_unrefp) trb_build *b = NULL;
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	int r = run_shell("touch a; id -u; grep -E '^(Cap|NoNew)' /proc/self/status | sort -u; "
			  "(printf 'Z' >/proc/1/fd/3) 2>/dev/null || echo closed; "
			  "for p in /source/hello.c /trustbuild/job /trustbuild/init; do "
			  "(echo x >$p) 2>/dev/null || echo read-only; done",
			  "a", "", &b, &err);

	ck_status(r, TRB_OK, err);
	trb_buf_add_byte(&printed[1], 0);
	ck_assert_str_eq((char *)printed[1].ptr,
			 "1000\nCapAmb:\t0000000000000000\nCapBnd:\t0000000000000000\n"
			 "CapEff:\t0000000000000000\nCapInh:\t0000000000000000\n"
			 "CapPrm:\t0000000000000000\nNoNewPrivs:\t1\nclosed\n"
			 "read-only\nread-only\nread-only\n");
}
END_TEST

START_TEST(files_come_back_sorted_and_once)
{
	_cleanup_(trb_build_unrefp) trb_build *b =
		make("{\"recipe\": 1, \"commands\": [[\"sh\", \"-c\", \"mkdir out; echo b >out/b; "
		     "echo a >out/a; echo h >out/.h; : >out/empty\"]], "
		     "\"artifacts\": [\"out/b\", \"out/*\"]}");
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;

	ck_status(run(b, &err), TRB_OK, err);
	ck_assert_uint_eq(trb_build_count_files(b), 3);
	expect_file(b, 0, "out/a", "a\n");
	expect_file(b, 1, "out/b", "b\n");
	expect_file(b, 2, "out/empty", "");
}
END_TEST

START_TEST(a_failing_command_ends_the_build)
{
	_cleanup_(trb_build_unrefp) trb_build *b = NULL;
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;

	refuse("touch a; exit 3", "a", "", TRB_E_BUILD,
	       "command 1, 'sh', failed with exit status 3");
	refuse("touch a; kill -11 $$", "a", "", TRB_E_BUILD, "killed by signal 11");
	ck_assert_int_eq(run_shell("exit 3", "a", "", &b, &err), TRB_E_BUILD);
	ck_assert_pstr_eq(trb_error_check(err), "build.command");
}
END_TEST

START_TEST(a_pattern_without_a_file_ends_the_build)
{
	refuse("mkdir out", "out/*", "", TRB_E_BUILD, "'out/*' matches no regular file");
	refuse("mkfifo a", "a", "", TRB_E_BUILD, "matches no regular file");
}
END_TEST

START_TEST(links_do_not_escape)
{
	refuse("ln -s /etc/passwd a", "a", "", TRB_E_BUILD, "matches no regular file");
	refuse("ln -s /etc out", "out/passwd", "", TRB_E_BUILD, "matches no regular file");
	refuse("mkdir -p d; ln -s /etc d/e", "d/*/passwd", "", TRB_E_BUILD,
	       "matches no regular file");
}
END_TEST

START_TEST(a_build_that_kills_its_parent_is_no_build)
{
	refuse("touch a; kill -9 1; sleep 5; true", "a", "", TRB_E_BUILD,
	       "was killed before the build was done");
}
END_TEST

/* Not the build's failure, and not said to be. */
START_TEST(a_sandbox_that_does_not_start_is_no_build)
{
	const struct rlimit files = { 64, 64 };

	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &files), 0);
	refuse("touch a", "a", "", TRB_E_IO, "before the first command");
}
END_TEST

START_TEST(leftovers_do_not_touch_the_files)
{
	_cleanup_(trb_build_unrefp) trb_build *b = NULL;
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	int r = run_shell(
		"echo good >a; (setsid sh -c 'sleep 0.05; while :; do echo evil >a; done' "
		">/dev/null 2>&1 &) ; :",
		"a", "", &b, &err);

	ck_status(r, TRB_OK, err);
	expect_file(b, 0, "a", "good\n");
}
END_TEST

START_TEST(a_fork_bomb_meets_its_limit)
{
	refuse("bomb() { bomb | bomb & }; (bomb) || :; while :; do :; done", "a",
	       ", \"limits\": {\"pids\": 32, \"wall_s\": 4}", TRB_E_TIMEOUT, "limit of 4 s");
	/* it met that of its processes before */
	trb_buf_add_byte(&printed[2], 0);
	ck_assert_ptr_nonnull(strstr((char *)printed[2].ptr, "Cannot fork"));
}
END_TEST

START_TEST(processes_are_counted)
{
	refuse("for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 100 & done; touch a", "a",
	       ", \"limits\": {\"pids\": 8}", TRB_E_BUILD, "failed with exit status");
}
END_TEST

START_TEST(files_are_counted)
{
	refuse("mkdir d; i=0; while [ $i -lt 300 ]; do : >d/$i; i=$((i+1)); done", "d/*", "",
	       TRB_E_BUILD, "more than 256 files to return, among them 'd/256'");
}
END_TEST

START_TEST(disk_is_bounded)
{
	refuse("truncate -s 1T a", "a", ", \"limits\": {\"disk_mib\": 32}", TRB_E_LIMIT,
	       "33554432 bytes of disk_mib");
	refuse("head -c 40000000 /dev/zero >a", "a", ", \"limits\": {\"disk_mib\": 32}",
	       TRB_E_BUILD, "exit status");
	trb_buf_add_byte(&printed[2], 0);
	ck_assert_ptr_nonnull(strstr((char *)printed[2].ptr, "No space left"));
	refuse("head -c 400000000 /dev/zero >/tmp/a; touch a", "a",
	       ", \"limits\": {\"disk_mib\": 64}", TRB_E_BUILD, "exit status");
	refuse("head -c 400000000 /dev/zero >/dev/shm/a; touch a", "a",
	       ", \"limits\": {\"disk_mib\": 64}", TRB_E_BUILD, "exit status");
}
END_TEST

START_TEST(memory_is_bounded)
{
	/* one process */
	refuse("head -c 300000000 /dev/zero | tail -c 1000000000 >/dev/null; touch a", "a",
	       ", \"limits\": {\"memory_mib\": 128}", TRB_E_BUILD, "exit status");
	/* many, none of them over the limit of one */
	refuse("for i in 1 2 3 4 5 6; do head -c 50000000 /dev/zero | tail -c 1000000000 | sleep 5 "
	       "& "
	       "done; wait; touch a",
	       "a", ", \"limits\": {\"memory_mib\": 128}", TRB_E_LIMIT, "128 MiB of memory");
	/* files are memory, too */
	refuse("head -c 300000000 /dev/zero >a", "a",
	       ", \"limits\": {\"memory_mib\": 128, \"disk_mib\": 1000}", TRB_E_LIMIT,
	       "128 MiB of memory");
}
END_TEST

/* A kill for want of memory, whatever was killed, ends the build; none before it does. */
START_TEST(a_kill_for_want_of_memory_ends_the_build)
{
	_cleanup_(trb_build_unrefp) trb_build *b = NULL;
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	_cleanup_free_ char *recipe = shell("sleep 3; echo x >a", "a", "");
	char counter[128];
	int r;

	snprintf(counter, sizeof(counter), "%s/vmstat", source);
	put("vmstat", "oom_kill 7\n", 0444);
	b = make(recipe);
	trb_build_set_kill_counters(b, "/nowhere", counter);
	r = trb_build_start(b, source, "0123456789012345678901234567890123456789", 1700000000,
			    &err);
	ck_status(r, TRB_OK, err);
	ck_assert_int_eq(unlink(counter), 0);
	put("vmstat", _i == 1 ? "oom_kill 8\n" : "oom_kill 7\n", 0444);
	r = trb_build_wait(b, 60000, &err);
	if (_i == 0) {
		ck_status(r, TRB_OK, err);
		return;
	}
	ck_status(r, TRB_E_LIMIT, err);
	ck_assert_str_eq(trb_error_check(err), "build.memory");
	ck_assert_uint_eq(trb_build_count_files(b), 0);
}
END_TEST

/* Where nobody counts, nothing begins. */
START_TEST(kills_must_be_counted)
{
	_cleanup_(trb_build_unrefp) trb_build *b = NULL;
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	_cleanup_free_ char *recipe = shell("echo x >a", "a", "");
	int r;

	b = make(recipe);
	trb_build_set_kill_counters(b, "/nowhere", "/nowhere");
	r = trb_build_start(b, source, "0123456789012345678901234567890123456789", 1700000000,
			    &err);
	ck_status(r, TRB_E_UNSUPPORTED, err);
	ck_assert_str_eq(trb_error_check(err), "build.memory");
}
END_TEST

START_TEST(output_is_bounded)
{
	refuse("yes", "a", ", \"limits\": {\"output_mib\": 1}", TRB_E_LIMIT, "limit of 1 MiB");
	ck_assert_uint_le(printed[1].len, 1 << 20);
}
END_TEST

START_TEST(time_is_bounded)
{
	refuse("sleep 600", "a", ", \"limits\": {\"wall_s\": 1}", TRB_E_TIMEOUT, "limit of 1 s");
}
END_TEST

START_TEST(nothing_starts_without_a_context)
{
	trb_build *b = NULL;

	ck_assert_int_eq(
		trb_build_new(NULL, TRB_BYTES_LIT("{}"), "runsc", "/rootfs", "/", &b, NULL),
		TRB_E_INVAL);
	ck_assert_ptr_null(b);
	ck_assert_int_eq(trb_enclave_serve(NULL, "", NULL), TRB_E_INVAL);
}
END_TEST

START_TEST(the_network_is_refused)
{
	trb_build *b = NULL;
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	int r = trb_build_new(
		context,
		TRB_BYTES_LIT("{\"recipe\": 1, \"commands\": [[\"true\"]], "
			      "\"artifacts\": [\"a\"], \"network\": [\"x.org:443\"]}"),
		"runsc", rootfs(), sandbox, &b, &err);

	ck_status(r, TRB_E_UNSUPPORTED, err);
	ck_assert_str_eq(trb_error_check(err), "sandbox.network");
}
END_TEST

START_TEST(missing_runtimes_are_named)
{
	static const struct {
		const char *name;
		int code;
	} rows[] = { { "crun", TRB_E_NOTFOUND }, { "sh", TRB_E_UNSUPPORTED } };

	for (size_t i = 0; i < 2; i++) {
		trb_build *b = NULL;
		_cleanup_(trb_error_unrefp) trb_error *err = NULL;
		int r = trb_build_new(context,
				      TRB_BYTES_LIT("{\"recipe\": 1, \"commands\": [[\"true\"]], "
						    "\"artifacts\": [\"a\"]}"),
				      rows[i].name, rootfs(), sandbox, &b, &err);

		ck_status(r, rows[i].code, err);
		ck_assert_ptr_nonnull(strstr(trb_error_message(err), rows[i].name));
	}
}
END_TEST

START_TEST(the_spec_is_the_same_for_every_commit)
{
	_cleanup_(trb_build_unrefp) trb_build *a = make("{\"recipe\": 1, \"commands\": "
							"[[\"true\"]], \"artifacts\": [\"a\"]}"),
					      *b = make("{\"recipe\": 1, \"commands\": "
							"[[\"false\"]], \"artifacts\": [\"b\"], "
							"\"env\": {\"A\": \"b\"}}"),
					      *c = make("{\"recipe\": 1, \"commands\": "
							"[[\"true\"]], \"artifacts\": [\"a\"], "
							"\"limits\": {\"pids\": 7}}");

	ck_assert(trb_bytes_eq(trb_build_get_spec(a), trb_build_get_spec(b)));
	ck_assert(!trb_bytes_eq(trb_build_get_spec(a), trb_build_get_spec(c)));
	ck_assert_str_eq(trb_build_get_runtime(a), "runsc");
	ck_assert_str_ne(trb_build_get_runtime_version(a), "");
}
END_TEST

START_TEST(the_step_after_sees_the_evidence_and_cannot_change_it)
{
	_cleanup_(trb_build_unrefp) trb_build *b = NULL, *after = NULL;
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	int r = run_shell(
		"mkdir -p out/deep; echo A >out/deep/a", "out/deep/a",
		", \"after_attestation\": [[\"sh\", \"-ec\", \"cd /trustbuild/attested; "
		"cat attestation.cbor statement.json artifacts/out/deep/a; "
		"for f in attestation.cbor artifacts/out/deep/a; do "
		"if (echo x >$f) 2>/dev/null; then exit 9; fi; done; test ! -e /build/out; "
		"mkdir -p /build/unattested/d; echo p >/build/unattested/d/p\"]]",
		&b, &err);

	ck_status(r, TRB_OK, err);
	ck_assert_int_eq(trb_build_has_after(b), 1);
	r = trb_build_new_after(b, TRB_BYTES_LIT("AT;"), TRB_BYTES_LIT("ST;"), &after, &err);
	ck_status(r, TRB_OK, err);
	trb_build_set_sink(after, collect, NULL);
	ck_assert(trb_bytes_eq(trb_build_get_spec(b), trb_build_get_spec(after)));
	r = run(after, &err);
	ck_status(r, TRB_OK, err);
	ck_assert(trb_bytes_eq_str(trb_buf_bytes(&printed[1]), "AT;ST;A\n"));
	ck_assert_uint_eq(trb_build_count_files(after), 1);
	expect_file(after, 0, "d/p", "p\n");
	expect_file(b, 0, "out/deep/a", "A\n");
}
END_TEST

START_TEST(dropping_a_running_build_leaves_nothing)
{
	_cleanup_free_ char *recipe = shell("sleep 600", "a", "");
	trb_build *b = make(recipe);
	trb_error *err = NULL;
	char place[128];
	int r = trb_build_start(b, source, "x", 0, &err);

	ck_status(r, TRB_OK, err);
	ck_assert_int_eq(trb_build_wait(b, 300, NULL), TRB_E_TIMEOUT);
	trb_build_unref(b);
	snprintf(place, sizeof(place), "%s/bundle", sandbox);
	ck_assert_int_ne(access(place, F_OK), 0);
	ck_assert_int_eq(rmdir(sandbox), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("build");
	TCase *t = tcase_create("runsc");

	if (runsc() == NULL || rootfs() == NULL) {
		fprintf(stderr,
			"LEFT OUT: sandboxed builds: run tb-host image build before, or set "
			"TRB_TEST_RUNSC and TRB_TEST_ROOTFS\n");
		return 77;
	}
	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_program_is_compiled);
	tcase_add_test(t, the_environment_is_the_documented_one);
	tcase_add_test(t, the_build_has_no_privileges);
	tcase_add_test(t, files_come_back_sorted_and_once);
	tcase_add_test(t, a_failing_command_ends_the_build);
	tcase_add_test(t, a_pattern_without_a_file_ends_the_build);
	tcase_add_test(t, links_do_not_escape);
	tcase_add_test(t, a_build_that_kills_its_parent_is_no_build);
	tcase_add_test(t, a_sandbox_that_does_not_start_is_no_build);
	tcase_add_test(t, leftovers_do_not_touch_the_files);
	tcase_add_test(t, a_fork_bomb_meets_its_limit);
	tcase_add_test(t, processes_are_counted);
	tcase_add_test(t, files_are_counted);
	tcase_add_test(t, disk_is_bounded);
	tcase_add_test(t, memory_is_bounded);
	tcase_add_loop_test(t, a_kill_for_want_of_memory_ends_the_build, 0, 2);
	tcase_add_test(t, kills_must_be_counted);
	tcase_add_test(t, output_is_bounded);
	tcase_add_test(t, time_is_bounded);
	tcase_add_test(t, nothing_starts_without_a_context);
	tcase_add_test(t, the_network_is_refused);
	tcase_add_test(t, missing_runtimes_are_named);
	tcase_add_test(t, the_spec_is_the_same_for_every_commit);
	tcase_add_test(t, the_step_after_sees_the_evidence_and_cannot_change_it);
	tcase_add_test(t, dropping_a_running_build_leaves_nothing);
	suite_add_tcase(s, t);
	return test_run(s);
}
