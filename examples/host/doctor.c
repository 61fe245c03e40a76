/* SPDX-License-Identifier: Apache-2.0 */
/* tb-host doctor: everything that a build needs here, looked at at once. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <trustbuild/image.h>

#include "host/commands.h"

#define PROGRAM      "tb-host doctor"
#define KVM_MS       3000
#define DISK_WANTED  (UINT64_C(4) << 30)
#define DETAIL_BYTES 512

/* NEEDED: no build without it.  USEFUL: something is slower, weaker or missing. */
enum weight { NEEDED, USEFUL };

struct finding {
	bool good;
	char detail[DETAIL_BYTES]; /* what was seen */
	const char *remedy;        /* where it is not good */
};

static trb_context *context;

/* The exit status of what a child does, or -1 where it takes too long: /dev/kvm of some clouds
 * hangs whoever opens it. */
static int in_child(int (*work)(void), int timeout_ms)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(work());
	for (int waited = 0; pid > 0 && waited <= timeout_ms; waited += 10) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
		poll(NULL, 0, 10);
	}
	if (pid > 0)
		kill(pid, 9); /* and not waited for: it may be stuck in the kernel */
	return -1;
}

static int make_namespaces(void)
{
	int flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC |
		    CLONE_NEWUTS;

	return unshare(flags) < 0 ? errno : 0;
}

static void check_namespaces(struct finding *f)
{
	int error = in_child(make_namespaces, KVM_MS);

	f->good = error == 0;
	snprintf(f->detail, sizeof(f->detail), "%s",
		 f->good ? "user, mount, pid, net, ipc and uts namespaces can be made"
			 : strerror(error));
	f->remedy =
		"sysctl kernel.unprivileged_userns_clone=1 user.max_user_namespaces=10000 (and "
		"kernel.apparmor_restrict_unprivileged_userns=0 where it exists), or run as root";
}

static bool find_range(const char *path, const char *name)
{
	FILE *file = fopen(path, "re");
	char line[256], uid[16];
	bool found = false;

	snprintf(uid, sizeof(uid), "%lu", (unsigned long)getuid());
	while (file != NULL && !found && fgets(line, sizeof(line), file) != NULL) {
		char *save = NULL, *who = strtok_r(line, ":", &save);
		char *start = strtok_r(NULL, ":", &save), *count = strtok_r(NULL, ":\n", &save);

		found = who != NULL && start != NULL && count != NULL &&
			(strcmp(who, name) == 0 || strcmp(who, uid) == 0) &&
			strtoull(count, NULL, 10) >= 65535;
	}
	if (file != NULL)
		fclose(file);
	return found;
}

static void check_ids(struct finding *f)
{
	const struct passwd *user = getpwuid(getuid());
	const char *name = user != NULL ? user->pw_name : "";
	bool helper =
		access("/usr/bin/newuidmap", X_OK) == 0 && access("/usr/bin/newgidmap", X_OK) == 0;

	if (geteuid() == 0) {
		f->good = true;
		snprintf(f->detail, sizeof(f->detail), "root gives the enclave ids of its own");
		return;
	}
	f->good = helper && find_range("/etc/subuid", name) && find_range("/etc/subgid", name);
	snprintf(f->detail, sizeof(f->detail), "%s",
		 f->good  ? "newuidmap and a range of 65535 ids"
		 : helper ? "no range of 65535 ids for this user: the enclave gets one id"
			  : "no newuidmap and newgidmap: the enclave gets one id");
	f->remedy = "apt-get install uidmap; usermod --add-subuids 100000-165535 --add-subgids "
		    "100000-165535 USER";
}

static void check_cgroup(struct finding *f)
{
	static const char *const files[] = { "/sys/fs/cgroup/cgroup.controllers",
					     "/sys/fs/cgroup/memory/memory.limit_in_bytes",
					     "/sys/fs/cgroup/pids/cgroup.procs" };
	bool v2 = access(files[0], F_OK) == 0;
	bool v1 = access(files[1], F_OK) == 0 && access(files[2], F_OK) == 0;

	f->good = geteuid() == 0 && (v2 || v1);
	snprintf(f->detail, sizeof(f->detail), "%s",
		 geteuid() != 0 ? "limits on the whole enclave need root; the sandbox's own hold"
		 : v2           ? "cgroup v2"
		 : v1           ? "cgroup v1: memory and pids"
				: "no cgroup hierarchy with memory and pids");
	f->remedy = geteuid() != 0 ? "run as root where builds are hostile"
				   : "mount -t cgroup2 none /sys/fs/cgroup";
}

/* What tb-launch asks for, too. */
static const struct need {
	__rlimit_resource_t what;
	char option;
	rlim_t least;
} needs[] = { { RLIMIT_NOFILE, 'n', 1024 },
	      { RLIMIT_FSIZE, 'f', (rlim_t)64 << 30 },
	      { RLIMIT_AS, 'v', (rlim_t)1 << 40 },
	      { RLIMIT_DATA, 'd', (rlim_t)64 << 30 },
	      { RLIMIT_NPROC, 'u', 256 } };

static bool too_low(const struct need *need, rlim_t *ret)
{
	struct rlimit limit;

	if (getrlimit(need->what, &limit) < 0 || limit.rlim_max >= need->least)
		return false;
	*ret = limit.rlim_max;
	return true;
}

/* As root may, with CAP_SYS_RESOURCE. */
static int raise_limits(void)
{
	rlim_t unused;

	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
		struct rlimit limit = { needs[i].least, needs[i].least };

		if (too_low(&needs[i], &unused) && setrlimit(needs[i].what, &limit) < 0)
			return 1;
	}
	return 0;
}

static void check_limits(struct finding *f)
{
	size_t n = 0;
	rlim_t value;

	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++)
		if (too_low(&needs[i], &value))
			n += (size_t)snprintf(f->detail + n, sizeof(f->detail) - n,
					      "%sulimit -H%c is %llu, wanted is %llu",
					      n > 0 ? ", " : "", needs[i].option,
					      (unsigned long long)value,
					      (unsigned long long)needs[i].least);
	f->good = n == 0 || in_child(raise_limits, KVM_MS) == 0;
	if (n == 0)
		snprintf(f->detail, sizeof(f->detail), "of files, memory and processes: enough");
	f->remedy = "raise them where they are set (sizes here are in bytes): "
		    "/etc/security/limits.conf, or the service's Limit… lines";
}

static void check_state(struct finding *f)
{
	const char *dir = trb_context_get_state_dir(context);
	char path[4096];
	struct statvfs st;

	f->remedy = "set TRUSTBUILD_STATE, or --state, to a directory that is yours";
	if (dir == NULL) {
		snprintf(f->detail, sizeof(f->detail), "none is named");
		return;
	}
	/* the nearest one that exists: the rest is made when it is needed */
	snprintf(path, sizeof(path), "%s", dir);
	while (access(path, F_OK) < 0 && strrchr(path, '/') > path)
		*strrchr(path, '/') = '\0';
	if (access(path, F_OK) < 0)
		snprintf(path, sizeof(path), "/");
	if (access(path, W_OK | X_OK) < 0 || statvfs(path, &st) < 0) {
		snprintf(f->detail, sizeof(f->detail), "%.400s: %s", dir, strerror(errno));
		return;
	}
	f->good = true;
	snprintf(f->detail, sizeof(f->detail), "%.400s", dir);
	if ((uint64_t)st.f_bavail * st.f_frsize < DISK_WANTED) {
		f->good = false;
		snprintf(f->detail, sizeof(f->detail), "%.400s: %llu MiB are free", dir,
			 (unsigned long long)st.f_bavail * st.f_frsize >> 20);
		f->remedy = "free some space: an image, its cache and a build take about 4 GiB";
	}
}

static bool in_path(const char *program, char *where, size_t size)
{
	const char *all = getenv("PATH");
	char *copy = strdup(all != NULL ? all : "/usr/bin:/bin"), *save = NULL;
	bool found = false;

	for (char *dir = copy != NULL ? strtok_r(copy, ":", &save) : NULL; dir != NULL && !found;
	     dir = strtok_r(NULL, ":", &save)) {
		snprintf(where, size, "%s/%s", dir, program);
		found = access(where, X_OK) == 0;
	}
	free(copy);
	return found;
}

static void check_program(struct finding *f, const char *program, const char *remedy)
{
	char where[256];

	f->good = in_path(program, where, sizeof(where)) ||
		  (snprintf(where, sizeof(where), "/usr/sbin/%s", program) > 0 &&
		   access(where, X_OK) == 0) ||
		  (snprintf(where, sizeof(where), "/usr/local/go/bin/%s", program) > 0 &&
		   access(where, X_OK) == 0);
	snprintf(f->detail, sizeof(f->detail), "%s", f->good ? where : "not found");
	f->remedy = remedy;
}

static void check_mmdebstrap(struct finding *f)
{
	check_program(f, "mmdebstrap", "apt-get install mmdebstrap");
}

static void check_objcopy(struct finding *f)
{
	check_program(f, "objcopy", "apt-get install binutils");
}

static void check_apt(struct finding *f)
{
	check_program(f, "apt-get",
		      "make images on Debian 12, and bring them here: 'tb-host build --image'");
}

static void check_erofs(struct finding *f)
{
	check_program(f, "mkfs.erofs", "apt-get install erofs-utils");
}

/* The one that 'tb-host image build' made, for images to come; an image has its own inside. */
static void check_runsc(struct finding *f)
{
	const char *dir = trb_context_get_state_dir(context);
	char pattern[4096], where[256];
	glob_t found;

	f->remedy = "tb-host image build makes it";
	snprintf(pattern, sizeof(pattern), "%.3000s/image/runsc-*/runsc", dir != NULL ? dir : "");
	f->good = dir != NULL && glob(pattern, 0, NULL, &found) == 0;
	if (f->good) {
		snprintf(f->detail, sizeof(f->detail), "%.400s", found.gl_pathv[0]);
		globfree(&found);
		return;
	}
	f->good = in_path("runsc", where, sizeof(where));
	snprintf(f->detail, sizeof(f->detail), "%s", f->good ? where : "not made yet");
}

static void check_go(struct finding *f)
{
	check_program(
		f, "go",
		"nothing to do where apt can download golang-1.19-go, which fetches the version "
		"that runsc needs; or give 'tb-host image build' a --runsc");
}

static void check_helpers(struct finding *f)
{
	static const char *const names[] = { "tb-launch",   "tb-egress",       "tb-fetch",
					     "tb-sandbox",  "tb-sandbox-init", "tb-digest",
					     "image-runsc", "image-rootfs",    "image-userland" };
	const char *dir = trb_context_get_libexec_dir(context);
	size_t n;

	f->good = true;
	f->remedy = "meson install, or set TRUSTBUILD_LIBEXEC to BUILD/libexec";
	n = (size_t)snprintf(f->detail, sizeof(f->detail), "%.300s", dir);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[4096];

		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		if (access(path, X_OK) == 0)
			continue;
		n += (size_t)snprintf(f->detail + n, sizeof(f->detail) - n, "%s %s",
				      f->good ? ": no" : ",", names[i]);
		f->good = false;
	}
}

static void check_image(struct finding *f)
{
	trb_image *image = NULL;
	const char *path = NULL;

	if (trb_image_new(context, &image, NULL) == TRB_OK)
		path = trb_image_get_path(image);
	f->good = path != NULL && access(path, R_OK) == 0;
	snprintf(f->detail, sizeof(f->detail), "%.400s%s", path != NULL ? path : "",
		 f->good ? "" : ": not made yet");
	f->remedy = "tb-host image build";
	trb_image_unref(image);
}

static int open_kvm(void)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	return fd < 0 ? errno : 0;
}

static void check_kvm(struct finding *f)
{
	int error = in_child(open_kvm, KVM_MS);

	f->good = error == 0;
	snprintf(f->detail, sizeof(f->detail), "%s",
		 error == 0    ? "/dev/kvm"
		 : error == -1 ? "/dev/kvm does not answer"
			       : strerror(error));
	f->remedy = "nothing to do: the backend 'process' does not use it";
}

static const struct check {
	const char *name;
	enum weight weight;
	void (*look)(struct finding *f);
} checks[] = {
	{ "namespaces", NEEDED, check_namespaces },
	{ "ids", USEFUL, check_ids },
	{ "cgroup", USEFUL, check_cgroup },
	{ "limits", NEEDED, check_limits },
	{ "state directory", NEEDED, check_state },
	{ "helper programs", NEEDED, check_helpers },
	{ "enclave image", NEEDED, check_image },
	{ "runsc", USEFUL, check_runsc },
	{ "mmdebstrap", USEFUL, check_mmdebstrap },
	{ "mkfs.erofs", USEFUL, check_erofs },
	{ "objcopy", USEFUL, check_objcopy },
	{ "apt", USEFUL, check_apt },
	{ "go", USEFUL, check_go },
	{ "kvm", USEFUL, check_kvm },
};

static void print_json_finding(const struct check *check, const struct finding *f, bool first)
{
	printf("%s\n  {\"check\": \"%s\", \"ok\": %s, \"needed\": %s, \"detail\": ",
	       first ? "" : ",", check->name, f->good ? "true" : "false",
	       check->weight == NEEDED ? "true" : "false");
	cli_json_string(stdout, cli_bytes(f->detail));
	printf(", \"remedy\": ");
	if (f->good)
		printf("null}");
	else {
		cli_json_string(stdout, cli_bytes(f->remedy));
		putchar('}');
	}
}

static void print_finding(const struct check *check, const struct finding *f)
{
	printf("%s %-16s ", f->good ? "✓" : check->weight == NEEDED ? "✗" : "-", check->name);
	cli_escape(stdout, cli_bytes(f->detail), false);
	putchar('\n');
	if (!f->good)
		printf("    → %s\n", f->remedy);
}

static bool examine(bool json)
{
	bool good = true;

	if (json)
		printf("{\"checks\": [");
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		struct finding f = { .remedy = "" };

		checks[i].look(&f);
		good = good && (f.good || checks[i].weight == USEFUL);
		if (json)
			print_json_finding(&checks[i], &f, i == 0);
		else
			print_finding(&checks[i], &f);
	}
	if (json)
		printf("],\n \"ready\": %s}\n", good ? "true" : "false");
	return good;
}

static bool json;
static const char *state;

static const struct cli_option options[] = {
	{ "state", "DIR", "keys, caches and logs", .value = &state },
	{ "json", NULL, "print JSON", .flag = &json },
	{ 0 },
};

static const struct cli_command command = {
	.name = PROGRAM,
	.synopsis = "[OPTION]…",
	.help = "Looks at everything that a build needs on this machine, and says what is missing "
		"and how to\nget it.  Exit status 0: builds can run; 3: something needed is "
		"missing.",
	.examples = "  tb-host doctor\n",
	.options = options,
};

int cmd_doctor(int argc, char **argv)
{
	trb_error *err = NULL;
	int status, n;
	char **args;

	if (!cli_parse(&command, argc, argv, &args, &n, &status))
		return status;
	status = host_context(PROGRAM, &context);
	if (status == CLI_OK && state != NULL &&
	    trb_context_set_state_dir(context, state, &err) < 0)
		status = cli_error(PROGRAM, err);
	if (status == CLI_OK)
		status = examine(json) ? CLI_OK : CLI_FAILED;
	trb_error_unref(err);
	trb_context_unref(context);
	return status;
}
