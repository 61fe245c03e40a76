/* SPDX-License-Identifier: Apache-2.0 */
/* The first process inside the sandbox (docs/spec/sandbox.md): copies the sealed tree, runs the
 * recipe's commands, ends whatever they left behind, and writes the declared files to descriptor 3.
 * Static and alone: it shares nothing with the library.  Nothing it says is believed; what it
 * writes is the build's own product, whoever in the sandbox wrote it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "enclave/sandbox_wire.h"

#define JOB        "/trustbuild/job"
#define ITEMS_MAX  32768
#define FILES_MAX  256
#define DEPTH_MAX  64
#define COPY_BLOCK (256u * 1024)

static char *env[ITEMS_MAX + 1], *args[ITEMS_MAX + ITEMS_MAX + 1], *patterns[ITEMS_MAX];
static char **commands[ITEMS_MAX];
static size_t n_env, n_args, n_patterns, n_commands;
static char *directory; /* return everything below it instead of the patterns */
static struct timespec epoch;
static char *sent[FILES_MAX];
static size_t n_sent;

static void write_all(const void *bytes, size_t n)
{
	for (const char *p = bytes; n > 0;) {
		ssize_t put = write(TRB_RECORDS_FD, p, n);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			_exit(126);
		p += put;
		n -= (size_t)put;
	}
}

static void record(enum trb_record type, uint32_t n, uint64_t v, const char *text)
{
	uint8_t head[TRB_RECORD_HEAD] = { (uint8_t)type };

	for (int i = 0; i < 4; i++)
		head[4 + i] = (uint8_t)(n >> (24 - 8 * i));
	for (int i = 0; i < 8; i++)
		head[8 + i] = (uint8_t)(v >> (56 - 8 * i));
	write_all(head, sizeof(head));
	if (text != NULL)
		write_all(text, n);
}

static void fail(const char *what, const char *name)
{
	char text[1024];
	int n = snprintf(text, sizeof(text), "%s '%s'%s%s", what, name, errno != 0 ? ": " : "",
			 errno != 0 ? strerror(errno) : "");

	record(TRB_REC_ERROR, n < (int)sizeof(text) ? (uint32_t)n : sizeof(text) - 1, 0, text);
	_exit(125);
}

/* --- the job: items of type, u32be length, bytes --- */

static void take_item(char type, char *text)
{
	static char **current;

	if (n_env == ITEMS_MAX || n_args >= 2 * ITEMS_MAX - 1 || n_patterns == ITEMS_MAX ||
	    n_commands == ITEMS_MAX)
		errno = E2BIG, fail("too many items in", JOB);
	switch (type) {
	case TRB_ITEM_ENVIRONMENT:
		env[n_env++] = text;
		break;
	case TRB_ITEM_COMMAND: /* the argument that begins a command; the one before ends with a
				  NULL */
		if (current != NULL)
			args[n_args++] = NULL;
		commands[n_commands++] = current = &args[n_args];
		args[n_args++] = text;
		break;
	case TRB_ITEM_ARGUMENT:
		args[n_args++] = text;
		break;
	case TRB_ITEM_PATTERN:
		patterns[n_patterns++] = text;
		break;
	case TRB_ITEM_DIRECTORY:
		directory = text;
		break;
	case TRB_ITEM_TIME:
		epoch.tv_sec = (time_t)strtoll(text, NULL, 10);
		break;
	default:
		errno = EINVAL, fail("unknown item in", JOB);
	}
}

static void read_job(void)
{
	static char bytes[TRB_SANDBOX_JOB_MAX + 1];
	int fd = open(JOB, O_RDONLY | O_CLOEXEC);
	size_t len = 0, pos = sizeof(TRB_SANDBOX_JOB_MAGIC);
	ssize_t got;

	if (fd < 0)
		fail("open", JOB);
	while ((got = read(fd, bytes + len, sizeof(bytes) - len)) > 0)
		len += (size_t)got;
	close(fd);
	if (len < pos || memcmp(bytes, TRB_SANDBOX_JOB_MAGIC, pos) != 0)
		errno = EINVAL, fail("read", JOB);
	while (pos < len) {
		const uint8_t *head = (const uint8_t *)bytes + pos;
		size_t n;

		errno = EINVAL;
		if (len - pos < 5)
			fail("end inside an item of", JOB);
		n = (size_t)head[1] << 24 | (size_t)head[2] << 16 | (size_t)head[3] << 8 | head[4];
		if (n == 0 || n > len - pos - 5 || bytes[pos + 5 + n - 1] != '\0')
			fail("bad item in", JOB);
		take_item(bytes[pos], bytes + pos + 5);
		pos += 5 + n;
	}
}

/* --- the copy of the tree --- */

static void copy_bytes(int in, int out, const char *name)
{
	static char block[COPY_BLOCK];
	ssize_t got;

	while ((got = read(in, block, sizeof(block))) != 0) {
		if (got < 0)
			fail("read", name);
		for (char *p = block; got > 0;) {
			ssize_t put = write(out, p, (size_t)got);

			if (put < 0)
				fail("write", name);
			p += put;
			got -= put;
		}
	}
}

static void copy_file(int from, int to, const char *name, mode_t mode)
{
	struct timespec times[2] = { epoch, epoch };
	int in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	int out = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			 mode & 0100 ? 0755 : 0644);

	if (in < 0 || out < 0)
		fail("copy", name);
	copy_bytes(in, out, name);
	if (futimens(out, times) < 0)
		fail("set the time of", name);
	close(in);
	close(out);
}

static void copy_link(int from, int to, const char *name)
{
	struct timespec times[2] = { epoch, epoch };
	char target[4096];
	ssize_t n = readlinkat(from, name, target, sizeof(target) - 1);

	if (n < 0)
		fail("read link", name);
	target[n] = '\0';
	if (symlinkat(target, to, name) < 0)
		fail("make link", name);
	utimensat(to, name, times, AT_SYMLINK_NOFOLLOW);
}

static void copy_tree(int from, int to, unsigned depth);

static void copy_directory(int from, int to, const char *name, unsigned depth)
{
	int in = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), out;

	if (in < 0 || mkdirat(to, name, 0755) < 0)
		fail("copy directory", name);
	out = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (out < 0)
		fail("open", name);
	copy_tree(in, out, depth + 1);
}

/* Closes both. */
static void copy_tree(int from, int to, unsigned depth)
{
	struct timespec times[2] = { epoch, epoch };
	DIR *dir = fdopendir(from);
	struct dirent *entry;
	struct stat st;

	if (dir == NULL || depth > 2 * DEPTH_MAX)
		fail("read a directory of", "/source");
	while ((entry = readdir(dir)) != NULL) {
		const char *name = entry->d_name;

		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
			continue;
		if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			fail("stat", name);
		if (S_ISDIR(st.st_mode))
			copy_directory(from, to, name, depth);
		else if (S_ISLNK(st.st_mode))
			copy_link(from, to, name);
		else
			copy_file(from, to, name, st.st_mode);
	}
	closedir(dir);
	futimens(to, times);
	close(to);
}

/* --- the commands --- */

static void run_child(char **argv)
{
	setsid();
	execvpe(argv[0], argv, env);
	dprintf(2, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

static void run_command(uint32_t index)
{
	pid_t child, done;
	int status;

	record(TRB_REC_COMMAND, index, 0, NULL);
	child = fork();
	if (child < 0)
		fail("start", commands[index][0]);
	if (child == 0)
		run_child(commands[index]);
	do
		done = waitpid(-1, &status, 0);
	while (done != child && (done >= 0 || errno == EINTR));
	if (done < 0)
		fail("wait for", commands[index][0]);
	if (status != 0) {
		record(TRB_REC_EXIT, index, (uint64_t)(unsigned)status, NULL);
		_exit(1);
	}
}

/* Every process of the sandbox but this one is dead and reaped afterwards: what the build leaves
 * running falls to the first process.  Again and again, because some may fork meanwhile. */
static void end_leftovers(void)
{
	for (;;) {
		pid_t done;

		kill(-1, SIGKILL);
		done = waitpid(-1, NULL, WNOHANG);
		if (done < 0 && errno == ECHILD)
			return;
		if (done == 0)
			usleep(1000);
	}
}

/* --- what is returned --- */

static void send_file(int fd, const char *name, const struct stat *st)
{
	static char block[COPY_BLOCK];
	uint64_t size = (uint64_t)st->st_size;

	record(st->st_mode & S_IXUSR ? TRB_REC_PROGRAM : TRB_REC_FILE, (uint32_t)strlen(name), size,
	       name);
	while (size > 0) {
		ssize_t got = read(fd, block, size < sizeof(block) ? size : sizeof(block));

		if (got <= 0)
			_exit(125); /* the record cannot be completed: there is no end record */
		write_all(block, (size_t)got);
		size -= (uint64_t)got;
	}
}

/* Returns a regular file once; everything else is no match. */
static int return_file(int dirfd, const char *leaf, const char *name)
{
	struct stat st;
	int fd;

	if (fstatat(dirfd, leaf, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return 0;
	for (size_t i = 0; i < n_sent; i++)
		if (strcmp(sent[i], name) == 0)
			return 1;
	if (n_sent == FILES_MAX)
		errno = 0, fail("more than 256 files to return, among them", name);
	fd = openat(dirfd, leaf, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		fail("open", name);
	sent[n_sent] = strdup(name);
	if (sent[n_sent] == NULL)
		fail("remember", name);
	n_sent++;
	send_file(fd, name, &st);
	close(fd);
	return 1;
}

/* One step of a path: * and ? match, but never a dot at the beginning. */
static int match_step(const char *pattern, const char *name)
{
	const char *star = NULL, *again = NULL;

	if (name[0] == '.' && pattern[0] != '.')
		return 0;
	while (*name != '\0') {
		if (*pattern == '*') {
			star = pattern++;
			again = name;
		} else if (*pattern != '\0' && (*pattern == '?' || *pattern == *name)) {
			pattern++;
			name++;
		} else if (star != NULL) {
			pattern = star + 1;
			name = ++again;
		} else {
			return 0;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

/* -1 where it is no directory.  gVisor follows a link in spite of O_NOFOLLOW when O_DIRECTORY is
 * there, too; nothing else lives here any more, so that looking first is as good. */
static int open_directory(int dirfd, const char *name)
{
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode))
		return -1;
	return openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static int match_below(int dirfd, const char *prefix, const char *pattern, unsigned depth);

/* One entry of a directory against the pattern's first step. */
static int match_entry(int dirfd, const char *prefix, const char *entry, const char *rest,
		       unsigned depth)
{
	char name[4096];
	int fd, n;

	if (snprintf(name, sizeof(name), "%s%s", prefix, entry) >= (int)sizeof(name) - 2)
		return 0;
	if (rest == NULL)
		return return_file(dirfd, entry, name);
	fd = open_directory(dirfd, entry);
	if (fd < 0)
		return 0;
	memcpy(name + strlen(name), "/", 2);
	n = match_below(fd, name, rest, depth + 1);
	close(fd);
	return n;
}

static int match_below(int dirfd, const char *prefix, const char *pattern, unsigned depth)
{
	const char *slash = strchr(pattern, '/');
	size_t len = slash != NULL ? (size_t)(slash - pattern) : strlen(pattern);
	const char *rest = slash != NULL ? slash + 1 : NULL;
	struct dirent *entry;
	char step[1024];
	int found = 0, fd;
	DIR *dir;

	if (len == 0 || len >= sizeof(step) || depth > DEPTH_MAX)
		return 0;
	memcpy(step, pattern, len);
	step[len] = '\0';
	if (strcmp(step, ".") == 0 || strcmp(step, "..") == 0)
		return 0;
	if (strpbrk(step, "*?") == NULL)
		return match_entry(dirfd, prefix, step, rest, depth);
	fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd >= 0 ? fdopendir(fd) : NULL;
	if (dir == NULL)
		fail("read directory", prefix);
	while ((entry = readdir(dir)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
		    match_step(step, entry->d_name))
			found += match_entry(dirfd, prefix, entry->d_name, rest, depth);
	closedir(dir);
	return found;
}

static void return_patterns(int root)
{
	for (size_t i = 0; i < n_patterns; i++)
		if (match_below(root, "", patterns[i], 0) == 0) {
			record(TRB_REC_NOMATCH, (uint32_t)i, 0, NULL);
			_exit(1);
		}
}

static void return_all(int dirfd, const char *prefix, unsigned depth)
{
	int copy = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd;
	DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
	struct dirent *entry;
	char name[4096];

	if (dir == NULL || depth > DEPTH_MAX)
		fail("read directory", prefix);
	while ((entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
		    snprintf(name, sizeof(name), "%s%s", prefix, entry->d_name) >=
			    (int)sizeof(name) - 2)
			continue;
		fd = open_directory(dirfd, entry->d_name);
		if (fd < 0) {
			return_file(dirfd, entry->d_name, name);
			continue;
		}
		memcpy(name + strlen(name), "/", 2);
		return_all(fd, name, depth + 1);
		close(fd);
	}
	closedir(dir);
}

static void return_outputs(void)
{
	int root = open("/build", O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd;

	if (root < 0)
		fail("open", "/build");
	if (directory == NULL) {
		return_patterns(root);
		return;
	}
	fd = open_directory(root, directory);
	if (fd >= 0)
		return_all(fd, "", 0);
}

static void pipe_signal(void (*handler)(int))
{
	struct sigaction action = { .sa_handler = handler };

	sigaction(SIGPIPE, &action, NULL);
}

static void limit_memory(const char *bytes)
{
	rlim_t value = strtoull(bytes, NULL, 10);
	struct rlimit limit = { value, value };

	if (value == 0 || setrlimit(RLIMIT_AS, &limit) < 0)
		fail("limit the memory to", bytes);
}

int main(int argc, char **argv)
{
	int from, to;

	/* no process of the build may trace this one or open its descriptors */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	fcntl(TRB_RECORDS_FD, F_SETFD, FD_CLOEXEC);
	pipe_signal(SIG_IGN);
	umask(022);
	if (argc > 1) /* where the runtime does not do it */
		limit_memory(argv[1]);
	read_job();
	from = open("/source", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	to = open("/build", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (from < 0 || to < 0 || chdir("/build") < 0)
		fail("open", from < 0 ? "/source" : "/build");
	copy_tree(from, to, 0);
	pipe_signal(SIG_DFL);
	for (uint32_t i = 0; i < n_commands; i++)
		run_command(i);
	pipe_signal(SIG_IGN);
	end_leftovers();
	return_outputs();
	record(TRB_REC_END, 0, 0, NULL);
	return 0;
}
