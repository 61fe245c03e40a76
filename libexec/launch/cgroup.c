/* SPDX-License-Identifier: Apache-2.0 */
/* cgroup v2, v1 and the hybrid of both: the hierarchies are found in /proc/self/mountinfo. */
#include "launch/launch.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#define PREFIX       "trustbuild-"
#define LINE_BYTES   4096
#define REMOVE_TRIES 100
#define REMOVE_MS    10

/* One hierarchy's mount point, and which of our limits it knows. */
struct hierarchy {
	char mount[512];
	bool v2, memory, pids;
};

static bool has_word(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = list; p != NULL; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL)
		if (strncmp(p, word, n) == 0 && strchr(", \n", p[n]) != NULL)
			return true;
	return false;
}

/* mountinfo: ID parent dev root MOUNT options … - TYPE source SUPER-OPTIONS */
static bool parse_mount(char *line, struct hierarchy *ret)
{
	char mount[512], type[32], super[1024];
	const char *tail = strstr(line, " - ");

	if (tail == NULL || sscanf(line, "%*s %*s %*s %*s %511s", mount) != 1 ||
	    sscanf(tail, " - %31s %*s %1023s", type, super) != 2)
		return false;
	*ret = (struct hierarchy){ .v2 = strcmp(type, "cgroup2") == 0 };
	memcpy(ret->mount, mount, sizeof(mount));
	if (strcmp(type, "cgroup") == 0) {
		ret->memory = has_word(super, "memory");
		ret->pids = has_word(super, "pids");
	}
	return ret->v2 || ret->memory || ret->pids;
}

static int write_in(const char *dir, const char *file, const char *text)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;

	if (asprintf(&path, "%s/%s", dir, file) < 0)
		return -1;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd >= 0 && write(fd, text, strlen(text)) >= 0 ? 0 : -1;
}

static bool exists_in(const char *dir, const char *file)
{
	char path[LINE_BYTES];

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	return access(path, F_OK) == 0;
}

static void find_v2_controllers(struct hierarchy *h)
{
	char path[LINE_BYTES], text[1024] = "";
	FILE *file;

	snprintf(path, sizeof(path), "%s/cgroup.controllers", h->mount);
	file = fopen(path, "re");
	if (file == NULL)
		return;
	if (fgets(text, sizeof(text), file) != NULL) {
		h->memory = strstr(text, "memory") != NULL;
		h->pids = strstr(text, "pids") != NULL;
	}
	fclose(file);
}

/* At most TRB_CGROUPS hierarchies that know memory or pids, each limit taken from the first. */
static size_t find_hierarchies(struct hierarchy found[TRB_CGROUPS])
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	bool memory = false, pids = false;
	char line[LINE_BYTES];
	size_t n = 0;

	while (file != NULL && n < TRB_CGROUPS && fgets(line, sizeof(line), file) != NULL) {
		struct hierarchy h;

		if (!parse_mount(line, &h))
			continue;
		if (h.v2)
			find_v2_controllers(&h);
		h.memory = h.memory && !memory;
		h.pids = h.pids && !pids;
		if (!h.memory && !h.pids)
			continue;
		memory = memory || h.memory;
		pids = pids || h.pids;
		found[n++] = h;
	}
	if (file != NULL)
		fclose(file);
	return n;
}

static bool set_number(const char *dir, const char *file, uint64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	return write_in(dir, file, text) == 0;
}

static bool limit_memory(const struct hierarchy *h, const char *dir, uint64_t bytes)
{
	if (!h->v2) {
		bool good = set_number(dir, "memory.limit_in_bytes", bytes);

		set_number(dir, "memory.memsw.limit_in_bytes", bytes);
		return good;
	}
	write_in(dir, "memory.swap.max", "0");
	write_in(dir, "memory.oom.group", "1");
	return set_number(dir, "memory.max", bytes);
}

/* False with errno where a limit that is demanded did not hold. */
static bool set_limits(const struct hierarchy *h, const char *path, struct trb_launch_limit memory,
		       struct trb_launch_limit pids)
{
	if (h->memory && memory.value > 0 && !limit_memory(h, path, memory.value) &&
	    memory.demanded)
		return false;
	return !h->pids || pids.value == 0 || set_number(path, "pids.max", pids.value) ||
	       !pids.demanded;
}

static int make_one(const struct hierarchy *h, const char *name, struct trb_launch_limit memory,
		    struct trb_launch_limit pids, char **ret_path, trb_error **err)
{
	_cleanup_free_ char *path = NULL;

	if (asprintf(&path, "%s/%s", h->mount, name) < 0)
		return trb_fail_nomem(err);
	/* the root's children get a controller only when the root says so; where it is said already
	 * or the layout forbids it, the limits below tell */
	if (h->v2)
		write_in(h->mount, "cgroup.subtree_control", "+memory +pids");
	if (mkdir(path, 0755) < 0)
		return trb_fail_errno(err, errno, "make the cgroup '%s'", path);
	if (!set_limits(h, path, memory, pids)) {
		int error = errno;

		rmdir(path);
		return trb_fail_errno(err, error, "set the limits of the cgroup '%s'", path);
	}
	*ret_path = steal_ptr(&path);
	return TRB_OK;
}

static bool must(struct trb_launch_limit limit)
{
	return limit.demanded && limit.value > 0;
}

static int check_demands(const struct hierarchy *found, size_t n, bool memory, bool pids,
			 trb_error **err)
{
	for (size_t i = 0; i < n; i++) {
		memory = memory && !found[i].memory;
		pids = pids && !found[i].pids;
	}
	if (!memory && !pids)
		return TRB_OK;
	return trb_fail(err, TRB_E_UNSUPPORTED,
			"no cgroup hierarchy here can limit %s: mount cgroup2 on "
			"/sys/fs/cgroup, or leave the limit out of the backend's options",
			memory ? "memory" : "processes");
}

int trb_cgroup_make(const char *name, struct trb_launch_limit memory, struct trb_launch_limit pids,
		    struct trb_cgroup *ret, trb_error **err)
{
	struct hierarchy found[TRB_CGROUPS];
	size_t n = find_hierarchies(found), made = 0;
	struct trb_cgroup cgroup = { 0 };
	int r = check_demands(found, n, must(memory), must(pids), err);

	for (size_t i = 0; r == TRB_OK && i < n; i++) {
		bool needed = (found[i].memory && must(memory)) || (found[i].pids && must(pids));

		r = make_one(&found[i], name, memory, pids, &cgroup.path[made],
			     needed ? err : NULL);
		made += r == TRB_OK;
		if (!needed)
			r = TRB_OK;
	}
	if (r < 0) {
		trb_cgroup_remove(&cgroup);
		return r;
	}
	*ret = cgroup;
	return TRB_OK;
}

int trb_cgroup_enter(const struct trb_cgroup *cgroup, pid_t pid, trb_error **err)
{
	char text[32];

	snprintf(text, sizeof(text), "%ld", (long)pid);
	for (size_t i = 0; i < TRB_CGROUPS && cgroup->path[i] != NULL; i++)
		if (write_in(cgroup->path[i], "cgroup.procs", text) < 0)
			return trb_fail_errno(err, errno, "put the enclave into the cgroup '%s'",
					      cgroup->path[i]);
	return TRB_OK;
}

static void kill_inside(const char *path)
{
	char procs[LINE_BYTES], line[32];
	FILE *file;

	if (exists_in(path, "cgroup.kill") && write_in(path, "cgroup.kill", "1") == 0)
		return;
	snprintf(procs, sizeof(procs), "%s/cgroup.procs", path);
	file = fopen(procs, "re");
	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		long pid = strtol(line, NULL, 10);

		if (pid > 1)
			kill((pid_t)pid, SIGKILL);
	}
	if (file != NULL)
		fclose(file);
}

void trb_cgroup_remove(struct trb_cgroup *cgroup)
{
	for (size_t i = 0; i < TRB_CGROUPS && cgroup->path[i] != NULL; i++) {
		/* dying processes hold it for a moment */
		for (int n = 0; n < REMOVE_TRIES && rmdir(cgroup->path[i]) < 0; n++) {
			if (errno != EBUSY)
				break;
			kill_inside(cgroup->path[i]);
			poll(NULL, 0, REMOVE_MS);
		}
		free(cgroup->path[i]);
		cgroup->path[i] = NULL;
	}
}

static void sweep_one(const char *mount, unsigned tries)
{
	DIR *dir = opendir(mount);
	struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		char path[LINE_BYTES];
		long pid;

		if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) != 0)
			continue;
		pid = strtol(entry->d_name + strlen(PREFIX), NULL, 10);
		if (pid <= 1 || kill((pid_t)pid, 0) == 0 || errno != ESRCH)
			continue;
		snprintf(path, sizeof(path), "%s/%s", mount, entry->d_name);
		/* never killing here: the number may be another namespace's, and alive there */
		for (unsigned n = 1; rmdir(path) < 0 && errno == EBUSY && n < tries; n++)
			poll(NULL, 0, REMOVE_MS);
	}
	if (dir != NULL)
		closedir(dir);
}

void trb_cgroup_sweep(unsigned tries)
{
	struct hierarchy found[TRB_CGROUPS];
	size_t n = find_hierarchies(found);

	for (size_t i = 0; i < n; i++)
		sweep_one(found[i].mount, tries);
}
