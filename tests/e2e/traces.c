/* SPDX-License-Identifier: Apache-2.0 */
/* What an enclave leaves on its host: processes, directories, cgroups. */
#include "traces.h"

#include <check.h>
#include <dirent.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

size_t trace_matches(const char *pattern)
{
	glob_t found;
	size_t n = glob(pattern, 0, NULL, &found) == 0 ? found.gl_pathc : 0;

	if (n > 0)
		globfree(&found);
	return n;
}

size_t trace_processes(const char *state_dir)
{
	DIR *proc = opendir("/proc");
	const struct dirent *entry;
	size_t n = 0;

	while ((entry = readdir(proc)) != NULL) {
		char path[300], line[4096] = "";
		FILE *file;

		snprintf(path, sizeof(path), "/proc/%.20s/mountinfo", entry->d_name);
		file = strspn(entry->d_name, "0123456789") > 0 ? fopen(path, "r") : NULL;
		if (file == NULL)
			continue;
		if (fgets(line, sizeof(line), file) != NULL && strstr(line, state_dir) != NULL)
			n++;
		fclose(file);
	}
	closedir(proc);
	return n;
}

/* The parent of the launcher that a cgroup is named after; 0 where that is gone. */
static long parent_of(const char *group)
{
	char path[64], line[256];
	long parent = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%ld/status",
		 strtol(strstr(group, "/trustbuild-") + 12, NULL, 10));
	f = fopen(path, "re");
	while (f != NULL && parent == 0 && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, "PPid:", 5) == 0)
			parent = strtol(line + 5, NULL, 10);
	if (f != NULL)
		fclose(f);
	return parent;
}

#define GROUPS "/sys/fs/cgroup/{trustbuild-*,*/trustbuild-*}"

size_t trace_groups(void)
{
	size_t n = 0;
	glob_t found;

	if (glob(GROUPS, GLOB_BRACE, NULL, &found) != 0)
		return 0;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		long parent = parent_of(found.gl_pathv[i]);

		n += parent == 0 || parent == getpid();
	}
	globfree(&found);
	return n;
}

unsigned long long trace_group(const char *file)
{
	unsigned long long number = 0;
	char pattern[96];
	glob_t found;

	snprintf(pattern, sizeof(pattern), GROUPS "/%s", file);
	if (glob(pattern, GLOB_BRACE, NULL, &found) != 0)
		return 0;
	for (size_t i = 0; i < found.gl_pathc && number == 0; i++) {
		FILE *f = parent_of(found.gl_pathv[i]) == getpid() ? fopen(found.gl_pathv[i], "re")
								   : NULL;

		ck_assert(f == NULL || fscanf(f, "%llu", &number) >= 0);
		if (f != NULL)
			fclose(f);
	}
	globfree(&found);
	return number;
}
