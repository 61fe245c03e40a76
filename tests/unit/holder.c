/* SPDX-License-Identifier: Apache-2.0 */
/* tb-sandbox and the memory of a build that shares its kernel.  The runtime that it is given is
 * this program, which then takes memory in the way that its argument names. */
#include "support.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/wait.h>

#include "core/cleanup.h"
#include "core/spawn.h"

#define MIB        ((size_t)1 << 20)
#define LIMIT      "67108864" /* and 48 MiB for a runtime on top */
#define WAIT_MS    30000
#define CHILDREN   4
#define MANY_FILES 70

static void hold(unsigned seconds)
{
	while (seconds > 0)
		seconds = sleep(seconds);
}

static char *take_shared(size_t bytes)
{
	char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		_exit(3);
	memset(p, 1, bytes);
	return p;
}

/* Each of the children takes as much as the build may have. */
static void shared_memory(void)
{
	for (int i = 0; i < CHILDREN; i++)
		if (fork() == 0) {
			take_shared(64 * MIB);
			hold(10);
			_exit(0);
		}
	while (wait(NULL) > 0)
		;
}

/* One piece that all of them see. */
static void one_piece(void)
{
	char *p = take_shared(48 * MIB);

	for (int i = 0; i < CHILDREN; i++)
		if (fork() == 0) {
			for (size_t at = 0; at < 48 * MIB; at += 4096)
				p[at] = 2;
			hold(1);
			_exit(0);
		}
	while (wait(NULL) > 0)
		;
}

static void put_memfd(size_t bytes)
{
	char *block = calloc(1, MIB);
	int fd = memfd_create("build", 0);

	for (size_t n; bytes > 0; bytes -= n) {
		n = bytes < MIB ? bytes : MIB;
		if (fd < 0 || block == NULL || write(fd, block, n) != (ssize_t)n)
			_exit(3);
	}
	free(block);
}

/* Small ones first, so that whoever remembers a number of them has no room for the big ones. */
static void many_files(void)
{
	for (int i = 0; i < MANY_FILES; i++)
		put_memfd(1);
	usleep(500000);
	for (int i = 0; i < 10; i++)
		put_memfd(20 * MIB);
	hold(10);
}

/* Nobody has it mapped any more, and it is still there. */
static void detached(void)
{
	for (int i = 0; i < CHILDREN; i++) {
		int id = shmget(IPC_PRIVATE, 64 * MIB, 0600);
		void *p = id >= 0 ? shmat(id, NULL, 0) : (void *)-1;

		if (p == (void *)-1)
			_exit(3);
		memset(p, 1, 64 * MIB);
		shmdt(p);
	}
	hold(10);
}

static const struct {
	const char *name;
	void (*take)(void);
	int status;
	const char *report;
} ways[] = {
	{ "shared-memory", shared_memory, 128 + 9, "memory limit\n" },
	{ "many-files", many_files, 128 + 9, "memory limit\n" },
	{ "detached", detached, 128 + 9, "memory limit\n" },
	{ "one-piece", one_piece, 0, "" },
};
#define N_WAYS (sizeof(ways) / sizeof(ways[0]))

START_TEST(memory_is_counted_however_it_is_taken)
{
	char holder[PATH_MAX], self[PATH_MAX] = "", said[256] = "";
	char *argv[] = { (char *)"tb-sandbox",
			 (char *)LIMIT,
			 (char *)"--linux",
			 (char *)"--",
			 self,
			 (char *)(uintptr_t)ways[_i].name,
			 NULL };
	char *const envp[] = { NULL };
	struct trb_child child = TRB_CHILD_NONE;
	_cleanup_close_ int out = -1;
	trb_error *err = NULL;
	int status = -1, pipes[2], r;

	ck_assert_int_gt(readlink("/proc/self/exe", self, sizeof(self) - 1), 0);
	snprintf(holder, sizeof(holder), "%s/libexec/tb-sandbox", getenv("TRB_BUILD_ROOT"));
	ck_assert_int_eq(pipe2(pipes, O_CLOEXEC), 0);
	out = pipes[0];
	r = trb_spawn(holder, argv, envp, (int[]){ -1, 2, 2, -1, pipes[1] }, 5, &child, &err);
	ck_status(r, TRB_OK, err);
	close(pipes[1]);
	r = trb_child_wait(&child, WAIT_MS, &status, &err);
	trb_child_kill(&child);
	ck_status(r, TRB_OK, err);
	ck_assert_int_ge(read(out, said, sizeof(said) - 1), 0);
	ck_assert_str_eq(said, ways[_i].report);
	ck_assert_int_eq(status, ways[_i].status);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite;
	TCase *tcase;

	for (size_t i = 0; argc == 2 && i < N_WAYS; i++)
		if (strcmp(argv[1], ways[i].name) == 0) {
			ways[i].take();
			return 0;
		}
	suite = suite_create("holder");
	tcase = tcase_create("holder");
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, memory_is_counted_however_it_is_taken, 0, N_WAYS);
	suite_add_tcase(suite, tcase);
	return test_run(suite);
}
