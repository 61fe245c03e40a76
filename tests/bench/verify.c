/* SPDX-License-Identifier: Apache-2.0 */
/* bench-verify FOLDER [ROUNDS]: documents a second, as a ratio to bare signature verification in
 * the same run.  All ways take turns document by document, so that whatever else the machine does
 * hits them alike; times are the thread's own CPU time, and a ratio is the median over rounds. */
#include <dirent.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "core/cleanup.h"
#include "floor.h"
#include "hashing.h"
#include "median.h"
#include "verifier/nitro.h"

#define DOCUMENTS_MAX 512
#define ROUNDS_MAX    1000
#define BURSTS        60

enum way { FLOOR, FLOOR_EVP, COLD, REMEMBERED, WAYS };
static const char *const way_names[] = {
	[FLOOR] = "five bare verifications, ECDSA_verify",
	[FLOOR_EVP] = "five bare verifications, EVP_PKEY_verify",
	[COLD] = "a document, cold (a new verifier each)",
	[REMEMBERED] = "a document, CAs remembered",
};

struct document {
	trb_blob *bytes;
	struct floor *floor;
};

static struct document documents[DOCUMENTS_MAX];
static size_t n_documents;
static const struct trb_nitro_root aws = { .name = TRB_NITRO_ROOT_AWS };

static double seconds(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static _Noreturn void die(const char *why, const char *what)
{
	fprintf(stderr, "bench-verify: %s: %s\n", why, what);
	exit(EXIT_FAILURE);
}

static void load_document(const char *folder, const char *name)
{
	uint8_t bytes[TRB_ATTESTATION_MAX];
	char path[4096];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "rb");
	n = f != NULL ? fread(bytes, 1, sizeof(bytes), f) : 0;
	if (f == NULL || trb_blob_new(TRB_BYTES(bytes, n), &documents[n_documents].bytes, NULL) < 0)
		die("cannot read", path);
	fclose(f);
	documents[n_documents].floor = floor_new(TRB_BYTES(bytes, n));
	if (documents[n_documents].floor == NULL)
		die("not a document with four issuers", path);
	n_documents++;
}

static void load_documents(const char *folder)
{
	struct dirent **names;
	int n = scandir(folder, &names, NULL, alphasort);

	for (int i = 0; i < n && n_documents < DOCUMENTS_MAX; i++) {
		const char *dot = strrchr(names[i]->d_name, '.');

		if (dot != NULL && strcmp(dot, ".bin") == 0)
			load_document(folder, names[i]->d_name);
		free(names[i]);
	}
	if (n_documents == 0)
		die("no documents in", folder);
	free(names);
}

static bool judge(struct trb_nitro *nitro, const struct document *d)
{
	struct trb_nitro_verdict verdict = { 0 };
	int r = trb_nitro_judge(nitro, trb_blob_bytes(d->bytes), TRB_NITRO_TIME_DOCUMENT, &aws, 1,
				TRB_NITRO_ALLOW_DEBUG, &verdict, NULL);

	trb_nitro_verdict_clear(&verdict);
	return r == TRB_OK;
}

static bool judge_cold(const struct document *d)
{
	struct trb_nitro *nitro = NULL;
	bool ok = trb_nitro_new(&nitro, NULL) == TRB_OK && judge(nitro, d);

	trb_nitro_free(nitro);
	return ok;
}

static bool run(enum way way, struct trb_nitro *warm, const struct document *d)
{
	switch (way) {
	case FLOOR:
		return floor_run(d->floor);
	case FLOOR_EVP:
		return floor_run_evp(d->floor);
	case COLD:
		return judge_cold(d);
	default:
		return judge(warm, d);
	}
}

/* One pass over all documents; adds each way's time to total. */
static void run_round(struct trb_nitro *warm, size_t round, double total[WAYS])
{
	for (size_t i = 0; i < n_documents; i++)
		for (size_t turn = 0; turn < WAYS; turn++) {
			enum way way = (turn + i + round) % WAYS;
			double start = seconds(CLOCK_THREAD_CPUTIME_ID);

			if (!run(way, warm, &documents[i]))
				die("not verified", way_names[way]);
			total[way] += seconds(CLOCK_THREAD_CPUTIME_ID) - start;
		}
}

static void measure_documents(struct trb_nitro *warm, size_t rounds)
{
	static double time[WAYS][ROUNDS_MAX], ratio[WAYS][ROUNDS_MAX];

	for (size_t i = 0; i < n_documents; i++)
		if (!judge(warm, &documents[i]))
			die("not verified", "warming up");
	for (size_t round = 0; round < rounds; round++) {
		double total[WAYS] = { 0 };

		run_round(warm, round, total);
		for (size_t way = 0; way < WAYS; way++) {
			time[way][round] = total[way] / (double)n_documents;
			ratio[way][round] = total[way] / total[FLOOR];
		}
	}
	printf("%-42s %10s %12s %8s\n", "", "us", "documents/s", "ratio");
	for (size_t way = 0; way < WAYS; way++) {
		double t = median(time[way], rounds);

		printf("%-42s %10.0f %12.0f %8.3f\n", way_names[way], t * 1e6, 1 / t,
		       median(ratio[way], rounds));
	}
	printf("cold-ratio %.3f\nremembered-ratio %.3f\n", median(ratio[COLD], rounds),
	       median(ratio[REMEMBERED], rounds));
}

struct worker {
	pthread_t thread;
	struct trb_nitro *nitro;
	size_t rounds;
	double cpu;
};

static void *work(void *arg)
{
	struct worker *w = arg;
	double start = seconds(CLOCK_THREAD_CPUTIME_ID);

	for (size_t round = 0; round < w->rounds; round++)
		for (size_t i = 0; i < n_documents; i++)
			if (!judge(w->nitro, &documents[i]))
				die("not verified", "threads");
	w->cpu = seconds(CLOCK_THREAD_CPUTIME_ID) - start;
	return NULL;
}

/* Documents a second of n threads on one verifier; and how much CPU time each document took. */
static double throughput(struct trb_nitro *warm, size_t n, size_t rounds, double *ret_cpu)
{
	struct worker workers[2];
	double start = seconds(CLOCK_MONOTONIC), wall, cpu = 0;

	for (size_t i = 0; i < n; i++) {
		workers[i] = (struct worker){ .nitro = warm, .rounds = rounds };
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
			die("no thread", "threads");
	}
	for (size_t i = 0; i < n; i++) {
		pthread_join(workers[i].thread, NULL);
		cpu += workers[i].cpu;
	}
	wall = seconds(CLOCK_MONOTONIC) - start;
	*ret_cpu = cpu / (double)(n * rounds * n_documents);
	return (double)(n * rounds * n_documents) / wall;
}

/* The best of many short bursts of each, in turn: what else runs on the machine takes a core away
 * from two threads and not from one. */
static void measure_threads(struct trb_nitro *warm)
{
	double one = 0, two = 0, cpu[2] = { 0 };

	for (size_t i = 0; i < BURSTS; i++) {
		double cpu_one, cpu_two;
		double a = throughput(warm, 1, 1, &cpu_one), b = throughput(warm, 2, 1, &cpu_two);

		one = a > one ? a : one;
		two = b > two ? b : two;
		cpu[0] += cpu_one;
		cpu[1] += cpu_two;
	}
	printf("two-threads-ratio %.2f (by CPU time a document, whatever else runs: %.2f)\n",
	       two / one, 2 * cpu[0] / cpu[1]);
}

static void measure_memory(long before)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	printf("peak-memory %.1f MiB in all, %.1f MiB more than before the first document\n",
	       (double)usage.ru_maxrss / 1024, (double)(usage.ru_maxrss - before) / 1024);
}

int main(int argc, char **argv)
{
	size_t rounds = argc > 2 ? strtoul(argv[2], NULL, 10) : 25;
	struct trb_nitro *warm = NULL;
	struct rusage usage;

	if (argc < 2 || rounds < 1 || rounds > ROUNDS_MAX)
		die("usage", "bench-verify FOLDER [ROUNDS]");
	load_documents(argv[1]);
	getrusage(RUSAGE_SELF, &usage);
	if (trb_nitro_new(&warm, NULL) < 0)
		die("out of memory", "set-up");
	printf("%s, %zu documents, %zu rounds\n", OpenSSL_version(OPENSSL_VERSION), n_documents,
	       rounds);
	measure_documents(warm, rounds);
	measure_threads(warm);
	measure_memory(usage.ru_maxrss);
	printf("hashing-ratio %.2f of 'openssl dgst -sha256', 256 MiB\n", hashing_ratio(5));
	trb_nitro_free(warm);
	for (size_t i = 0; i < n_documents; i++) {
		floor_free(documents[i].floor);
		trb_blob_unref(documents[i].bytes);
	}
	return EXIT_SUCCESS;
}
