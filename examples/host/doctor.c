/* SPDX-License-Identifier: Apache-2.0 */
/* tb-host doctor: everything that a build needs here, looked at at once. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <trustbuild/image.h>
#include <trustbuild/sys/backend.h>

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

static void check_state(struct finding *f)
{
	const char *dir = trb_context_get_state_dir(context);
	char path[4096];
	struct stat mode;
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
	if (strcmp(path, dir) == 0 && stat(path, &mode) == 0 && (mode.st_mode & 022) != 0) {
		snprintf(f->detail, sizeof(f->detail), "%.400s: others may write to it", dir);
		f->remedy = "look at what they may have put there, then chmod go-w it";
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

/* What builds need besides the enclave's own helpers. */
static void check_helpers(struct finding *f)
{
	const char *dir = trb_context_get_libexec_dir(context);
	const char *name;
	size_t n;

	f->good = true;
	f->remedy = "meson install, or set TRUSTBUILD_LIBEXEC to BUILD/libexec";
	n = (size_t)snprintf(f->detail, sizeof(f->detail), "%.300s", dir);
	for (size_t i = 0; (name = trb_helper_get(i)) != NULL; i++) {
		char path[4096];

		snprintf(path, sizeof(path), "%s/%s", dir, name);
		if (access(path, X_OK) == 0)
			continue;
		n += (size_t)snprintf(f->detail + n, sizeof(f->detail) - n, "%s %s",
				      f->good ? ": no" : ",", name);
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

/* How the findings are shown, and what they come to. */
struct show {
	bool json, first, good;
};

static void show_json(const trb_tee_finding *f, bool first)
{
	printf("%s\n  {\"check\": ", first ? "" : ",");
	cli_json_string(stdout, cli_bytes(f->name));
	printf(", \"ok\": %s, \"needed\": %s, \"detail\": ", f->good ? "true" : "false",
	       f->needed ? "true" : "false");
	cli_json_string(stdout, cli_bytes(f->detail));
	printf(", \"remedy\": ");
	if (f->good)
		printf("null}");
	else {
		cli_json_string(stdout, cli_bytes(f->remedy));
		putchar('}');
	}
}

static void show_text(const trb_tee_finding *f)
{
	printf("%s %-16s ", f->good ? "✓" : f->needed ? "✗" : "-", f->name);
	cli_escape(stdout, cli_bytes(f->detail), false);
	putchar('\n');
	if (!f->good)
		printf("    → %s\n", f->remedy);
}

static int show(void *user, const trb_tee_finding *f)
{
	struct show *s = user;

	s->good = s->good && (f->good || !f->needed);
	if (s->json)
		show_json(f, s->first);
	else
		show_text(f);
	s->first = false;
	return TRB_OK;
}

/* The backend itself says what it needs. */
static void examine_backend(struct show *s, const char *backend)
{
	trb_error *err = NULL;

	if (trb_tee_check(context, backend, show, s, &err) < 0)
		show(s, &(trb_tee_finding){ .name = "enclave backend",
					    .needed = trb_error_code(err) != TRB_E_UNSUPPORTED,
					    .detail = trb_error_message(err),
					    .remedy = "name another one with --backend" });
	trb_error_unref(err);
}

static bool examine(bool json, const char *backend)
{
	struct show s = { .json = json, .first = true, .good = true };

	if (json)
		printf("{\"checks\": [");
	examine_backend(&s, backend);
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		struct finding f = { .remedy = "" };

		checks[i].look(&f);
		show(&s, &(trb_tee_finding){ .name = checks[i].name,
					     .good = f.good,
					     .needed = checks[i].weight == NEEDED,
					     .detail = f.detail,
					     .remedy = f.remedy });
	}
	if (json)
		printf("],\n \"ready\": %s}\n", s.good ? "true" : "false");
	return s.good;
}

static bool json;
static const char *state, *backend;

static const struct cli_option options[] = {
	{ "backend", "B", "of this enclave backend (default: process)", .value = &backend },
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
		status = examine(json, backend != NULL ? backend : "process") ? CLI_OK : CLI_FAILED;
	trb_error_unref(err);
	trb_context_unref(context);
	return status;
}
