/* SPDX-License-Identifier: Apache-2.0 */
/* The local log: what others read, several writers, and death at every step.  renameat(), fsync()
 * and write() of the library go through the wrappers below. */
#include "support.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <trustbuild/log.h>

#include "core/io.h"
#include "format/merkle.h"
#include "format/tile.h"
#include "local_log.h"
#include "sample.h"

TRB_DEFINE_CLEANUP(trb_log *, trb_log_unref);

enum fault { FAULT_NONE, FAULT_DIE, FAULT_FULL, FAULT_SHORT };
static enum fault fault;
static unsigned fault_at, fault_calls;

int __real_renameat(int, const char *, int, const char *);
int __wrap_renameat(int, const char *, int, const char *);
int __real_fsync(int);
int __wrap_fsync(int);
ssize_t __real_write(int, const void *, size_t);
ssize_t __wrap_write(int, const void *, size_t);

/* Says whether this is the call that must fail; the n-th of all wrapped ones. */
static bool due(void)
{
	if (fault == FAULT_NONE || ++fault_calls != fault_at)
		return false;
	if (fault == FAULT_DIE)
		_exit(9);
	errno = ENOSPC;
	return true;
}

int __wrap_renameat(int a, const char *from, int b, const char *to)
{
	return due() ? -1 : __real_renameat(a, from, b, to);
}

int __wrap_fsync(int fd)
{
	return due() ? -1 : __real_fsync(fd);
}

ssize_t __wrap_write(int fd, const void *bytes, size_t n)
{
	if (!due())
		return __real_write(fd, bytes, n);
	/* a full disk takes some of it first */
	if (fault == FAULT_SHORT && n > 1)
		return __real_write(fd, bytes, n / 2);
	return -1;
}

static trb_log *open_log(void)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	trb_log *log = NULL;
	int r = trb_log_open(context, backend, &log, &err);

	ck_status(r, TRB_OK, err);
	return log;
}

static uint64_t size_of(trb_log *log)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	uint64_t size = 0;
	int r = trb_log_get_size(log, &size, &err);

	ck_status(r, TRB_OK, err);
	return size;
}

/* Every entry is read back and its proof verified. */
static uint64_t check_all(unsigned char *seen, unsigned n_seen)
{
	_cleanup_(trb_log_unrefp) trb_log *log = open_log();
	uint64_t size = size_of(log);

	for (uint64_t i = 0; i < size; i++) {
		_cleanup_(trb_blob_unrefp) trb_blob *entry = NULL;
		_cleanup_(trb_error_unrefp) trb_error *err = NULL;
		unsigned number = 0;
		char text[64] = "";
		int r = trb_log_get_entry(log, i, &entry, &err);

		ck_status(r, TRB_OK, err);
		memcpy(text, trb_blob_bytes(entry).ptr, trb_blob_bytes(entry).len % 64);
		ck_assert_msg(sscanf(text, "leaf number %u", &number) == 1, "entry '%s'", text);
		if (seen != NULL && number < n_seen)
			seen[number]++;
	}
	return size;
}

START_TEST(grows_over_tile_borders)
{

	for (unsigned i = 0; i < 515; i++)
		ck_assert_uint_eq(append_number(i), i);
	ck_assert_uint_eq(check_all(NULL, 0), 515);
	ck_assert_uint_eq(append_number(77), 77);
	ck_assert_uint_eq(append_number(514), 514);
	/* partial tiles go when the full one is there, and stay until then */
	ck_assert(access(test_path(dir, "tile/0/000"), F_OK) == 0);
	ck_assert(access(test_path(dir, "tile/0/000.p"), F_OK) < 0);
	ck_assert(access(test_path(dir, "tile/entries/001.p"), F_OK) < 0);
	ck_assert(access(test_path(dir, "tile/entries/002.p/1"), F_OK) == 0);
	ck_assert(access(test_path(dir, "tile/1/000.p/1"), F_OK) == 0);
	ck_assert(access(test_path(dir, "tile/1/000.p/2"), F_OK) == 0);
	ck_assert(access(test_path(dir, "tile/2"), F_OK) < 0);
}
END_TEST

START_TEST(key_is_private_and_outside)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	trb_blob *vkey = NULL;
	struct stat st;

	ck_assert_int_eq(stat(test_path(folder, "log.key"), &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0600);
	ck_assert_int_eq(stat(test_path(dir, "checkpoint"), &st), 0);
	ck_assert_int_eq(st.st_mode & 0444, 0444);
	ck_assert_int_eq(trb_log_init(context, backend, NULL, &vkey, &err), TRB_E_STATE);
}
END_TEST

START_TEST(publishes_bundles_once)
{
	_cleanup_(trb_bundle_unrefp) trb_bundle *bundle = NULL, *logged = NULL, *again = NULL;
	_cleanup_(trb_blob_unrefp) trb_blob *json = NULL, *proof = NULL;
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	_cleanup_(trb_log_unrefp) trb_log *log = open_log();
	struct sample s;
	int r;

	append_number(1);
	sample_init(&s, 3);
	bundle = sample_bundle(&s, 0, NULL);
	r = trb_log_publish(log, bundle, &logged, &err);
	ck_status(r, TRB_OK, err);
	ck_assert_uint_eq(trb_bundle_count_logs(bundle), 0);
	ck_assert_uint_eq(trb_bundle_count_logs(logged), 1);
	ck_assert_uint_eq(trb_bundle_parts(logged)->logs[0].index, 1);
	append_number(2);
	ck_assert_int_eq(trb_log_publish(log, logged, &again, NULL), TRB_OK);
	ck_assert_uint_eq(trb_bundle_count_logs(again), 1);
	ck_assert_uint_eq(trb_bundle_parts(again)->logs[0].index, 1);
	ck_assert_uint_eq(size_of(log), 3);
	r = trb_log_describe_entry(log, 1, &json, &err);
	ck_status(r, TRB_OK, err);
	ck_assert(memmem(trb_blob_bytes(json).ptr, trb_blob_bytes(json).len,
			 "https://forge.example/project", 29) != NULL);
	ck_assert_int_eq(trb_log_get_proof(log, 1, &proof, NULL), TRB_OK);
	ck_assert_int_eq(trb_log_describe_entry(log, 0, &json, NULL), TRB_E_FORMAT);
	ck_assert_int_eq(trb_log_get_proof(log, 3, &proof, NULL), TRB_E_DONE);
	sample_clear(&s);
}
END_TEST

START_TEST(leaf_has_a_ceiling)
{
	_cleanup_free_ uint8_t *big = calloc(1, 65536);
	uint64_t index;

	ck_assert_int_eq(append(TRB_BYTES(big, 65535), &index, NULL), TRB_OK);
	ck_assert_int_eq(append(TRB_BYTES(big, 65536), &index, NULL), TRB_E_LIMIT);
	ck_assert_int_eq(append(TRB_BYTES_NULL, &index, NULL), TRB_OK);
	ck_assert_uint_eq(index, 1);
}
END_TEST

/* A host that alters a served file gets an error, never a proof. */
START_TEST(damage_is_seen)
{
	static const char *const files[] = { "tile/0/000.p/3", "tile/entries/000.p/3", "checkpoint",
					     ".state/tree" };
	const char *path = test_path(dir, files[_i]);
	_cleanup_free_ char *kept = strdup(path);
	_cleanup_(trb_log_unrefp) trb_log *log = NULL;
	trb_blob *entry = NULL;
	FILE *f;
	int c;

	for (unsigned i = 0; i < 3; i++)
		append_number(i);
	f = fopen(kept, "r+");
	ck_assert(f != NULL);
	/* the last byte but one of hashes, of an entry, of a signature or root */
	fseek(f, -3, SEEK_END);
	c = fgetc(f);
	fseek(f, -3, SEEK_END);
	fputc(c == 'A' ? 'B' : 'A', f);
	fclose(f);
	log = open_log();
	/* a hash is part of the other entries' proofs */
	if (_i < 3)
		ck_assert_int_eq(trb_log_get_entry(log, _i == 0 ? 0 : 2, &entry, NULL), TRB_E_LOG);
	if (_i != 1)
		ck_assert_int_lt(append(trb_bytes_str("leaf number 9"), NULL, NULL), 0);
}
END_TEST

#define WRITERS 6u
#define EACH    25u

START_TEST(many_writers_at_once)
{
	unsigned char seen[WRITERS * EACH + 10] = { 0 };
	pid_t pids[WRITERS];

	for (unsigned w = 0; w < WRITERS; w++) {
		pids[w] = fork();
		ck_assert_int_ge(pids[w], 0);
		if (pids[w] == 0) {
			for (unsigned i = 0; i < EACH; i++) {
				char leaf[32];

				/* own leaves, and ten that all of them append */
				snprintf(leaf, sizeof(leaf), "leaf number %u",
					 i % 5 == 0 ? WRITERS * EACH + i % 10 : w * EACH + i);
				if (append(trb_bytes_str(leaf), NULL, NULL) < 0)
					_exit(1);
			}
			_exit(0);
		}
	}
	for (unsigned w = 0; w < WRITERS; w++) {
		int status;

		ck_assert_int_eq(waitpid(pids[w], &status, 0), pids[w]);
		ck_assert_int_eq(status, 0);
	}
	ck_assert_uint_eq(check_all(seen, sizeof(seen)), WRITERS * EACH * 4 / 5 + 2);
	for (unsigned i = 0; i < sizeof(seen); i++)
		ck_assert_uint_le(seen[i], 1);
}
END_TEST

/* In a child: append with one wrapped call dying or failing.  Gives the exit status. */
static int append_with(unsigned number, enum fault kind, unsigned at)
{
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		char leaf[32];

		snprintf(leaf, sizeof(leaf), "leaf number %u", number);
		fault = kind;
		fault_at = at;
		_exit(append(trb_bytes_str(leaf), NULL, NULL) == TRB_OK ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* At every step: the log keeps what it had, stays consistent, and takes the leaf at the next try.
 */
static void fault_at_every_step(enum fault kind, unsigned begin)
{
	unsigned steps = 0;

	for (unsigned i = 0; i < begin; i++)
		append_number(i);
	for (unsigned at = 1;; at++) {
		_cleanup_(trb_log_unrefp) trb_log *log = open_log();
		uint64_t before = size_of(log), after;
		int status = append_with(1000 + at, kind, at);

		after = size_of(log);
		ck_assert_uint_ge(after, before);
		ck_assert_uint_le(after, before + 1);
		if (status == 0 && kind != FAULT_SHORT) {
			ck_assert_uint_eq(after, before + 1);
			break;
		}
		if (status == 0 && at > 60)
			break;
		/* another leaf comes first, so that what was half written is written over */
		if (at % 2 == 0)
			append_number(5000 + at);
		append_number(1000 + at);
		check_all(NULL, 0);
		steps++;
	}
	ck_assert_uint_ge(steps, 10);
}

START_TEST(killed_at_every_step)
{
	fault_at_every_step(FAULT_DIE, 3);
}
END_TEST

START_TEST(killed_at_every_step_of_a_full_tile)
{
	fault_at_every_step(FAULT_DIE, 250);
}
END_TEST

START_TEST(disk_full_at_every_step)
{
	fault_at_every_step(FAULT_FULL, 3);
}
END_TEST

START_TEST(short_writes_at_every_step)
{
	fault_at_every_step(FAULT_SHORT, 3);
}
END_TEST

START_TEST(init_killed_at_every_step)
{
	unsigned steps = 0;

	for (unsigned at = 1;; at++) {
		_cleanup_(trb_blob_unrefp) trb_blob *vkey = NULL;
		_cleanup_free_ char *other = NULL;
		int status, r;
		pid_t pid;

		ck_assert(asprintf(&other, "local:dir=%s/other-%u", folder, at) > 0);
		pid = fork();
		if (pid == 0) {
			fault = FAULT_DIE;
			fault_at = at;
			_exit(trb_log_init(context, other, "o", &vkey, NULL) == TRB_OK ? 0 : 1);
		}
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		if (WEXITSTATUS(status) == 0)
			break;
		r = trb_log_init(context, other, "o", &vkey, NULL);
		/* the last step may have made it */
		ck_assert_msg(r == TRB_OK || r == TRB_E_STATE, "step %u: %d", at, r);
		free(backend);
		backend = strdup(other);
		ck_assert_uint_eq(append_number(1), 0);
		steps++;
	}
	ck_assert_uint_ge(steps, 8);
}
END_TEST

/* kill -9 at random moments of a writer that reports what was acknowledged. */
START_TEST(killed_at_random)
{
	unsigned acknowledged = 0;

	srand(20260101);
	for (unsigned round = 0; round < 25; round++) {
		unsigned last = acknowledged;
		int fds[2], status;
		pid_t pid;

		ck_assert_int_eq(pipe(fds), 0);
		pid = fork();
		if (pid == 0) {
			close(fds[0]);
			for (unsigned i = acknowledged;; i++) {
				append_number(i);
				if (__real_write(fds[1], &i, sizeof(i)) < 0)
					_exit(1);
			}
		}
		close(fds[1]);
		usleep((unsigned)rand() % 60000);
		kill(pid, SIGKILL);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		while (read(fds[0], &last, sizeof(last)) == (ssize_t)sizeof(last))
			acknowledged = last + 1;
		close(fds[0]);
	}
	for (unsigned i = 0; i < acknowledged; i++)
		ck_assert_uint_eq(append_number(i), i);
	ck_assert_uint_ge(check_all(NULL, 0), acknowledged);
	printf("killed 25 times, %u entries acknowledged and kept\n", acknowledged);
}
END_TEST

static void put_map(const char *path, unsigned id)
{
	FILE *f = fopen(path, "w");

	if (f != NULL) {
		fprintf(f, "0 %u 1\n", id);
		fclose(f);
	}
}

/* A small disk of its own, as any user who may have namespaces. */
static bool small_disk(void)
{
	unsigned uid = getuid(), gid = getgid();
	FILE *f;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return false;
	f = fopen("/proc/self/setgroups", "w");
	if (f != NULL) {
		fputs("deny", f);
		fclose(f);
	}
	put_map("/proc/self/uid_map", uid);
	put_map("/proc/self/gid_map", gid);
	return mount("tmpfs", folder, "tmpfs", 0, "size=256k") == 0;
}

/* A real small disk. */
START_TEST(real_disk_full)
{
	unsigned kept = 0;
	char leaf[3000];
	int r = TRB_OK;

	if (!small_disk()) {
		printf("LEFT OUT: no mount namespace here: %s\n", strerror(errno));
		return;
	}
	make_log();
	while (r == TRB_OK && kept < 1000) {
		memset(leaf, 'x', sizeof(leaf));
		snprintf(leaf, sizeof(leaf), "leaf number %u", kept);
		r = append(TRB_BYTES(leaf, sizeof(leaf)), NULL, NULL);
		kept += r == TRB_OK;
	}
	ck_assert_int_eq(r, TRB_E_IO);
	ck_assert_uint_gt(kept, 2);
	ck_assert_uint_ge(check_all(NULL, 0), kept);
	ck_assert_int_eq(mount("tmpfs", folder, "tmpfs", MS_REMOUNT, "size=8m"), 0);
	for (unsigned i = 0; i < kept + 2; i++) {
		uint64_t index = 0;

		memset(leaf, 'x', sizeof(leaf));
		snprintf(leaf, sizeof(leaf), "leaf number %u", i);
		ck_assert_int_eq(append(TRB_BYTES(leaf, sizeof(leaf)), &index, NULL), TRB_OK);
		ck_assert_uint_eq(index, i);
	}
	umount(folder);
}
END_TEST

START_TEST(conf_is_strict)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	trb_blob *vkey = NULL;
	trb_log *log = NULL;

	ck_assert_int_eq(trb_log_open(context, "rekor", &log, NULL), TRB_E_NOTFOUND);
	ck_assert_int_eq(trb_log_open(context, "loca", &log, NULL), TRB_E_NOTFOUND);
	ck_assert_int_eq(trb_log_open(context, NULL, &log, NULL), TRB_E_NOTFOUND);
	ck_assert_int_eq(trb_log_open(context, "local:dri=/x", &log, NULL), TRB_E_INVAL);
	ck_assert_int_eq(trb_log_open(context, "local:dir=x", &log, NULL), TRB_E_INVAL);
	ck_assert_int_eq(trb_log_open(NULL, "local", &log, NULL), TRB_E_INVAL);
	ck_assert_int_eq(trb_log_open(context, "local:dir=/nowhere/log", &log, &err),
			 TRB_E_NOTFOUND);
	ck_assert(strstr(trb_error_message(err), "log init") != NULL);
	ck_assert_int_eq(trb_log_init(context, "local:dir=/tmp/x", "a b", &vkey, NULL),
			 TRB_E_INVAL);
	ck_assert_ptr_null(trb_log_unref(NULL));
	ck_assert_ptr_null(trb_log_get_vkey(NULL));
	ck_assert_int_eq(trb_log_publish(NULL, NULL, NULL, NULL), TRB_E_INVAL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("log");
	TCase *tc = tcase_create("log");

	tcase_add_checked_fixture(tc, local_log_set_up, local_log_tear_down);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, grows_over_tile_borders);
	tcase_add_test(tc, key_is_private_and_outside);
	tcase_add_test(tc, publishes_bundles_once);
	tcase_add_test(tc, leaf_has_a_ceiling);
	tcase_add_loop_test(tc, damage_is_seen, 0, 4);
	tcase_add_test(tc, many_writers_at_once);
	tcase_add_test(tc, killed_at_every_step);
	tcase_add_test(tc, killed_at_every_step_of_a_full_tile);
	tcase_add_test(tc, disk_full_at_every_step);
	tcase_add_test(tc, short_writes_at_every_step);
	tcase_add_test(tc, init_killed_at_every_step);
	tcase_add_test(tc, killed_at_random);
	tcase_add_test(tc, real_disk_full);
	tcase_add_test(tc, conf_is_strict);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
