/* SPDX-License-Identifier: Apache-2.0 */
/* How fast this machine hashes, beside what the library takes. */
#include "hashing.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "median.h"
#include "verifier/run.h"

#define FILE_BYTES (256u * 1024 * 1024)
#define CHUNK      (1024u * 1024)

extern char **environ;

/* A file in memory, so that no disk is measured. */
static int make_file(void)
{
	static uint8_t chunk[CHUNK];
	int fd = memfd_create("artifact", 0);
	uint32_t x = 1;

	for (size_t i = 0; i < sizeof(chunk); i++) {
		x = x * 1664525 + 1013904223;
		chunk[i] = (uint8_t)(x >> 24);
	}
	for (size_t n = 0; fd >= 0 && n < FILE_BYTES; n += sizeof(chunk))
		if (write(fd, chunk, sizeof(chunk)) != (ssize_t)sizeof(chunk)) {
			close(fd);
			return -1;
		}
	return fd;
}

static double cpu_seconds(int who)
{
	struct rusage usage;

	getrusage(who, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static double time_openssl(const char *path)
{
	const char *const argv[] = { "openssl", "dgst", "-sha256", path, NULL };
	double start = cpu_seconds(RUSAGE_CHILDREN);
	posix_spawn_file_actions_t actions;
	int status = -1;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	if (posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)argv, environ) != 0 ||
	    waitpid(pid, &status, 0) != pid)
		status = -1;
	posix_spawn_file_actions_destroy(&actions);
	return status == 0 ? cpu_seconds(RUSAGE_CHILDREN) - start : -1;
}

static double time_ours(int fd)
{
	struct trb_subject subject = { .fd = fd };
	double start = cpu_seconds(RUSAGE_SELF);

	if (trb_subject_hash(&subject, FILE_BYTES, NULL) != TRB_OK || subject.size != FILE_BYTES)
		return -1;
	return cpu_seconds(RUSAGE_SELF) - start;
}

double hashing_ratio(size_t rounds)
{
	double *ratios = calloc(rounds, sizeof(*ratios)), result = -1;
	int fd = make_file();
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)getpid(), fd);
	for (size_t i = 0; ratios != NULL && fd >= 0 && i < rounds; i++) {
		double theirs = time_openssl(path), ours = time_ours(fd);

		if (theirs <= 0 || ours <= 0)
			goto out;
		ratios[i] = theirs / ours;
	}
	if (ratios != NULL && fd >= 0)
		result = median(ratios, rounds);
out:
	free(ratios);
	if (fd >= 0)
		close(fd);
	return result;
}
