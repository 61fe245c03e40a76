/* SPDX-License-Identifier: Apache-2.0 */
/* The /init of small images for tests: says what it sees, then does what /mode says. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

static void list(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;

	printf("list %s:", path);
	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			printf(" %s", entry->d_name);
	printf("\n");
	if (dir != NULL)
		closedir(dir);
}

static void show(const char *path)
{
	char line[512];
	FILE *file = fopen(path, "r");

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		printf("%s: %s", path, line);
	if (file != NULL)
		fclose(file);
}

static void look(void)
{
	struct rlimit files, size;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && getrlimit(RLIMIT_FSIZE, &size) == 0)
		printf("limits %d %d\n", files.rlim_cur >= 1024, size.rlim_cur >= 1ull << 36);
	printf("pid %d uid %d gid %d\n", (int)getpid(), (int)getuid(), (int)getgid());
	for (char **e = environ; *e != NULL; e++)
		printf("env %s\n", *e);
	list("/");
	list("/dev");
	list("/run/trustbuild/ports");
	show("/proc/net/dev");
	printf("write / %d\n", mkdir("/x", 0755));
	printf("write ports %d\n", mkdir("/run/trustbuild/ports/x", 0755));
	printf("write tmp %d\n", mkdir("/tmp/x", 0755));
	printf("descriptors");
	for (int fd = 0; fd < 64; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			printf(" %d", fd);
	printf("\n");
}

int main(void)
{
	char mode[16] = "";
	int fd;

	setvbuf(stdout, NULL, _IOLBF, 0);
	look();
	fd = open("/mode", O_RDONLY);
	if (fd < 0 || read(fd, mode, sizeof(mode) - 1) < 0)
		return 1;
	if (strcmp(mode, "exit") == 0) {
		printf("some library is missing\n");
		return 7;
	}
	if (strcmp(mode, "eat") == 0)
		for (;;) {
			char *p = malloc(1 << 20);

			if (p == NULL)
				return 8;
			memset(p, 1, 1 << 20);
		}
	if (strcmp(mode, "fork") == 0) {
		int n = 0;
		pid_t pid = 1;

		while (n < 1000 && pid > 0) {
			pid = fork();
			if (pid == 0)
				for (;;)
					pause();
			n += pid > 0;
		}
		printf("forks %d\n", n);
		if (n == 1000)
			return 9;
	}
	/* "sleep", and the children of "fork": with a child that ignores everything */
	if (fork() == 0)
		setsid();
	printf("asleep\n");
	for (;;)
		pause();
}
