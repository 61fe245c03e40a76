/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target without libFuzzer: every corpus file as it is, then a fixed number of
 * deterministic mutations of each.  An empty corpus is a failure: it would test nothing. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX  (2u * 1024 * 1024)
#define MUTATIONS  200u
#define WORK_BYTES (64u * 1024 * 1024) /* of mutated input in all */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t random_state = 0x9e3779b97f4a7c15u;

static uint64_t next_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

/* The target gets memory of exactly size bytes, so that a sanitizer sees one byte too far. */
static void run_exact(const uint8_t *data, size_t size)
{
	uint8_t *exact = malloc(size > 0 ? size : 1);

	if (exact == NULL)
		abort();
	memcpy(exact, data, size);
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
}

static size_t mutate(uint8_t *data, size_t size)
{
	static const uint8_t edges[] = {
		0x00, 0x01, 0x7f, 0x80, 0xff, 0x1b, 0x5f, 0x9f, 0xbf, '"'
	};
	unsigned steps = 1 + next_random() % 4;

	while (steps-- > 0 && size > 0) {
		size_t at = next_random() % size;

		switch (next_random() % 5) {
		case 0:
			data[at] ^= (uint8_t)(1u << next_random() % 8);
			break;
		case 1:
			data[at] = edges[next_random() % sizeof(edges)];
			break;
		case 2:
			size = at;
			break;
		case 3:
			memmove(data + at, data + at + 1, --size - at);
			break;
		default:
			memmove(data + at + 1, data + at, size - at);
			size++;
			break;
		}
	}
	return size;
}

static void run_mutations(const uint8_t *data, size_t size)
{
	unsigned rounds = size > WORK_BYTES / MUTATIONS ? WORK_BYTES / (unsigned)size : MUTATIONS;
	uint8_t *copy = malloc(size + 8);

	if (copy == NULL)
		abort();
	for (unsigned i = 0; i < rounds; i++) {
		memcpy(copy, data, size);
		run_exact(copy, mutate(copy, size));
	}
	free(copy);
}

static void run_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = malloc(INPUT_MAX);
	size_t size;

	if (f == NULL || data == NULL) {
		perror(path);
		exit(EXIT_FAILURE);
	}
	size = fread(data, 1, INPUT_MAX, f);
	fclose(f);
	run_exact(data, size);
	run_mutations(data, size);
	free(data);
}

int main(int argc, char **argv)
{
	unsigned files = 0;
	struct dirent *entry;
	DIR *dir;

	if (argc != 2 || (dir = opendir(argv[1])) == NULL) {
		fprintf(stderr, "usage: %s CORPUS-DIRECTORY\n", argv[0]);
		return 2;
	}
	while ((entry = readdir(dir)) != NULL) {
		char path[4096];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", argv[1], entry->d_name);
		run_file(path);
		files++;
	}
	closedir(dir);
	printf("%u corpus files, each with mutations\n", files);
	return files > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
