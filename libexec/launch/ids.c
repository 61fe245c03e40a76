/* SPDX-License-Identifier: Apache-2.0 */
/* Which ids the enclave's processes have on this host. */
#include "launch/launch.h"

#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>

#include "core/spawn.h"

#define HELPER_TIMEOUT_MS 10000

static int write_proc(pid_t pid, const char *file, const char *text, trb_error **err)
{
	char path[64];
	int fd, error = 0;

	snprintf(path, sizeof(path), "/proc/%ld/%s", (long)pid, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return trb_fail_errno(err, errno, "open '%s'", path);
	if (write(fd, text, strlen(text)) < 0)
		error = errno;
	close(fd);
	return error == 0 ? TRB_OK : trb_fail_errno(err, error, "write '%s' to '%s'", text, path);
}

static int map_as_root(pid_t pid, uint32_t first, trb_error **err)
{
	char map[64];
	int r;

	snprintf(map, sizeof(map), "0 %u %u", first, TRB_LAUNCH_IDS);
	r = write_proc(pid, "uid_map", map, err);
	if (r == TRB_OK)
		r = write_proc(pid, "gid_map", map, err);
	return r < 0 ? trb_wrap(
			       err, r,
			       "give the enclave its own ids: root needs CAP_SETUID and CAP_SETGID "
			       "over the ids %u to %u",
			       first, first + TRB_LAUNCH_IDS - 1)
		     : TRB_OK;
}

bool trb_launch_sub_range(const char *path, const char *name, uid_t uid, uint64_t *ret_start)
{
	FILE *file = fopen(path, "re");
	char line[256], number[16];
	bool found = false;

	if (file == NULL)
		return false;
	snprintf(number, sizeof(number), "%lu", (unsigned long)uid);
	while (!found && fgets(line, sizeof(line), file) != NULL) {
		char *save = NULL, *end = NULL;
		const char *who = strtok_r(line, ":", &save);
		const char *start = strtok_r(NULL, ":", &save);
		const char *count = strtok_r(NULL, ":\n", &save);

		if (count == NULL || start == NULL ||
		    (strcmp(who, name) != 0 && strcmp(who, number) != 0))
			continue;
		if (strtoull(count, &end, 10) < TRB_LAUNCH_IDS - 1 || *end != '\0')
			continue;
		*ret_start = strtoull(start, &end, 10);
		found = *end == '\0' && *ret_start > 0;
	}
	fclose(file);
	return found;
}

static int run_helper(const char *path, pid_t pid, unsigned long own, uint64_t start,
		      trb_error **err)
{
	char pid_text[16], own_text[16], start_text[24], count_text[16];
	char *argv[] = { (char *)path, pid_text,   (char *)"0", own_text, (char *)"1",
			 (char *)"1",  start_text, count_text,  NULL };
	char *envp[] = { (char *)"PATH=/usr/bin:/bin", NULL };
	int fds[] = { -1, -1, -1 }, status, r;
	struct trb_child child;

	snprintf(pid_text, sizeof(pid_text), "%ld", (long)pid);
	snprintf(own_text, sizeof(own_text), "%lu", own);
	snprintf(start_text, sizeof(start_text), "%llu", (unsigned long long)start);
	snprintf(count_text, sizeof(count_text), "%u", TRB_LAUNCH_IDS - 1);
	r = trb_spawn(path, argv, envp, fds, 3, &child, err);
	if (r < 0)
		return r;
	r = trb_child_wait(&child, HELPER_TIMEOUT_MS, &status, err);
	if (r < 0) {
		trb_child_kill(&child);
		return r;
	}
	if (status != 0)
		return trb_fail(err, TRB_E_UNSUPPORTED,
				"%s refused the range %s+%s: is it the caller's in /etc/subuid and "
				"/etc/subgid, and is %s set-uid root?",
				path, start_text, count_text, path);
	return TRB_OK;
}

static int map_one_id(pid_t pid, trb_error **err)
{
	char map[64];
	int r = write_proc(pid, "setgroups", "deny", err);

	snprintf(map, sizeof(map), "0 %lu 1", (unsigned long)geteuid());
	if (r == TRB_OK)
		r = write_proc(pid, "uid_map", map, err);
	snprintf(map, sizeof(map), "0 %lu 1", (unsigned long)getegid());
	return r == TRB_OK ? write_proc(pid, "gid_map", map, err) : r;
}

int trb_launch_map_ids(pid_t pid, uint32_t first, trb_error **err)
{
	static const char uid_helper[] = "/usr/bin/newuidmap", gid_helper[] = "/usr/bin/newgidmap";
	struct passwd entry, *user = NULL;
	uint64_t uids = 0, gids = 0;
	char buf[4096];
	const char *name = "";
	int r;

	if (geteuid() == 0)
		return map_as_root(pid, first, err);
	if (getpwuid_r(geteuid(), &entry, buf, sizeof(buf), &user) == 0 && user != NULL)
		name = user->pw_name;
	if (access(uid_helper, X_OK) < 0 || access(gid_helper, X_OK) < 0 ||
	    !trb_launch_sub_range("/etc/subuid", name, geteuid(), &uids) ||
	    !trb_launch_sub_range("/etc/subgid", name, geteuid(), &gids))
		return map_one_id(pid, err);
	r = run_helper(uid_helper, pid, geteuid(), uids, err);
	return r == TRB_OK ? run_helper(gid_helper, pid, getegid(), gids, err) : r;
}
