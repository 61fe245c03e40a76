/* SPDX-License-Identifier: Apache-2.0 */
/* The sandbox as a bundle for an OCI runtime: made, started, removed. */
#include "enclave/sandbox.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>

#include "core/channel.h"
#include "core/clock.h"
#include "core/io.h"

#define VERSION_MAX     4096
#define VERSION_WAIT_MS 10000
#define ARGS_MAX        64

struct runtime {
	const char *name, *platform;
	bool own_kernel;            /* the build does not talk to the machine's */
	const char *const *options; /* before the command `run` */
	const char *const *run;     /* after it */
};

static const char *const runsc_options[] = {
	"--platform=systrap",
	"--network=none",
	"--ignore-cgroups",
	/* nobody but the sandbox sees the sealed tree's files change: let it cache them */
	"--file-access-mounts=exclusive",
	"--host-uds=none",
	"--host-fifo=none",
	NULL,
};
static const char *const runsc_run[] = { "--pass-fd=3:3", NULL };
static const char *const no_options[] = { NULL };
static const char *const crun_options[] = { "--cgroup-manager=disabled", NULL };
static const char *const linux_run[] = { "--preserve-fds=1", NULL };

static const struct runtime runtimes[] = {
	{ "runsc", "systrap", true, runsc_options, runsc_run },
	{ "crun", "linux", false, crun_options, linux_run },
	{ "runc", "linux", false, no_options, linux_run },
};

static const struct runtime *find_runtime(trb_bytes name)
{
	for (size_t i = 0; i < sizeof(runtimes) / sizeof(runtimes[0]); i++)
		if (trb_bytes_eq_str(name, runtimes[i].name))
			return &runtimes[i];
	return NULL;
}

void trb_sandbox_clear(struct trb_sandbox *s)
{
	free(s->program);
	free(s->version);
	free(s->holder);
	free(s->init);
	free(s->rootfs);
	free(s->mounted);
	free(s->directory);
	*s = (struct trb_sandbox){ 0 };
}

static int find_helper(trb_context *context, const char *name, char **ret, trb_error **err)
{
	_cleanup_free_ char *path = NULL;

	if (asprintf(&path, "%s/%s", trb_context_get_libexec_dir(context), name) < 0)
		return trb_fail_nomem(err);
	*ret = realpath(path, NULL);
	if (*ret == NULL || access(*ret, X_OK) < 0)
		return trb_fail_errno(err, errno, "'%s'", path);
	return TRB_OK;
}

/* "NAME version VERSION" is the first line of each of them. */
static int parse_version(const struct runtime *rt, char *text, char **ret, trb_error **err)
{
	size_t skip = strlen(rt->name) + strlen(" version ");
	char prefix[32];

	snprintf(prefix, sizeof(prefix), "%s version ", rt->name);
	text[strcspn(text, "\n")] = '\0';
	if (strncmp(text, prefix, skip) != 0 || text[skip] == '\0' || strlen(text) > 255 ||
	    !trb_utf8_valid(trb_bytes_str(text)))
		return trb_fail(err, TRB_E_FORMAT, "%s does not say its version: '%.200s'",
				rt->name, text);
	*ret = strdup(text + skip);
	return *ret != NULL ? TRB_OK : trb_fail_nomem(err);
}

static int read_to_end(int fd, char *text, size_t room, int timeout_ms, trb_error **err)
{
	int64_t deadline = trb_deadline(timeout_ms);
	size_t len = 0;

	while (len + 1 < room) {
		ssize_t got;
		int r = trb_wait_fd(fd, POLLIN, deadline, err);

		if (r < 0)
			return r;
		got = read(fd, text + len, room - 1 - len);
		if (got < 0 && errno != EINTR)
			return trb_fail_errno(err, errno, "read");
		if (got == 0)
			break;
		len += got > 0 ? (size_t)got : 0;
	}
	text[len] = '\0';
	return TRB_OK;
}

static int ask_version(const struct runtime *rt, const char *program, char **ret, trb_error **err)
{
	char *const argv[] = { (char *)(uintptr_t)rt->name, (char *)"--version", NULL };
	char *const envp[] = { NULL };
	struct trb_child child = TRB_CHILD_NONE;
	char text[VERSION_MAX];
	int out[2], r;

	if (pipe2(out, O_CLOEXEC) < 0)
		return trb_fail_errno(err, errno, "pipe");
	r = trb_spawn(program, argv, envp, (const int[]){ -1, out[1], -1 }, 3, &child, err);
	close(out[1]);
	if (r == TRB_OK)
		r = read_to_end(out[0], text, sizeof(text), VERSION_WAIT_MS, err);
	close(out[0]);
	trb_child_kill(&child);
	return r == TRB_OK ? parse_version(rt, text, ret, err) : r;
}

int trb_sandbox_open(trb_context *context, trb_bytes runtime, struct trb_sandbox *s,
		     trb_error **err)
{
	const struct runtime *rt = find_runtime(runtime);
	int r;

	if (rt == NULL)
		return trb_fail_check(err, TRB_E_UNSUPPORTED, "sandbox.runtime",
				      "'%.*s' is no sandbox runtime: runsc, crun and runc are",
				      (int)(runtime.len < 32 ? runtime.len : 32), runtime.ptr);
	s->runtime = rt->name;
	s->platform = rt->platform;
	s->own_kernel = rt->own_kernel;
	r = find_helper(context, rt->name, &s->program, err);
	if (r < 0)
		return trb_wrap(err, r, "this image has no runtime %s%s%s", rt->name,
				rt->options != runsc_options
					? ": make one with tb-host image build --runtime "
					: "",
				rt->options != runsc_options ? rt->name : "");
	r = find_helper(context, "tb-sandbox", &s->holder, err);
	if (r == TRB_OK)
		r = find_helper(context, "tb-sandbox-init", &s->init, err);
	if (r == TRB_OK)
		r = ask_version(rt, s->program, &s->version, err);
	return r;
}

static int make_dir(const struct trb_sandbox *s, const char *name, mode_t mode, trb_error **err)
{
	_cleanup_free_ char *path = NULL;

	if (asprintf(&path, "%s/%s", s->directory, name) < 0)
		return trb_fail_nomem(err);
	/* whatever the umask: the sandbox's user must be able to pass */
	if ((mkdir(path, mode) < 0 && errno != EEXIST) || chmod(path, mode) < 0)
		return trb_fail_errno(err, errno, "make '%s'", path);
	return TRB_OK;
}

static int put_file(const struct trb_sandbox *s, const char *name, trb_bytes bytes, mode_t mode,
		    trb_error **err)
{
	_cleanup_close_ int fd = -1;
	_cleanup_free_ char *path = NULL;
	int r;

	if (asprintf(&path, "%s/%s", s->directory, name) < 0)
		return trb_fail_nomem(err);
	/* the step after a build begins anew, and who is not root cannot write what is read-only */
	if (unlink(path) < 0 && errno != ENOENT)
		return trb_fail_errno(err, errno, "remove '%s'", path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return trb_fail_errno(err, errno, "make '%s'", path);
	r = trb_write_full(fd, bytes, err);
	if (r == TRB_OK && fchmod(fd, mode) < 0)
		r = trb_fail_errno(err, errno, "set the mode of '%s'", path);
	return r;
}

int trb_sandbox_prepare(const struct trb_sandbox *s, trb_bytes spec, trb_bytes job, trb_error **err)
{
	static const struct {
		const char *name;
		mode_t mode;
	} dirs[] = {
		{ "bundle", 0755 },     { "bundle/rootfs", 0755 }, { "source", 0755 },
		{ "trustbuild", 0755 }, { "state", 0700 },         { "layers", 0755 },
	};
	_cleanup_(trb_blob_unrefp) trb_blob *init = NULL;
	int r = TRB_OK;

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]) && r == TRB_OK; i++)
		r = make_dir(s, dirs[i].name, dirs[i].mode, err);
	if (r == TRB_OK)
		r = trb_read_file(AT_FDCWD, s->init, 16u << 20, &init, err);
	if (r == TRB_OK)
		r = put_file(s, "trustbuild/init", trb_blob_bytes(init), 0555, err);
	if (r == TRB_OK)
		r = put_file(s, "trustbuild/job", job, 0444, err);
	if (r == TRB_OK)
		r = put_file(s, "bundle/config.json", spec, 0444, err);
	return r;
}

static void add_all(const char **argv, size_t *n, const char *const *items)
{
	while (*items != NULL && *n < ARGS_MAX - 8)
		argv[(*n)++] = *items++;
}

int trb_sandbox_start(const struct trb_sandbox *s, const char *source, const char *const *hide,
		      const int fds[4], struct trb_child *ret, trb_error **err)
{
	const int all[] = { -1, fds[0], fds[1], fds[2], fds[3] };
	const struct runtime *rt = find_runtime(trb_bytes_str(s->runtime));
	_cleanup_free_ char *state = NULL, *root = NULL, *bundle = NULL, *place = NULL;
	_cleanup_free_ char *layers = NULL, *rootfs = NULL;
	const char *argv[ARGS_MAX];
	char *const envp[] = { NULL };
	char memory[24], mib[24];
	size_t n = 0;

	if (asprintf(&state, "%s/state", s->directory) < 0 ||
	    asprintf(&root, "--root=%s/state", s->directory) < 0 ||
	    asprintf(&bundle, "--bundle=%s/bundle", s->directory) < 0 ||
	    asprintf(&place, "%s/source", s->directory) < 0 ||
	    asprintf(&layers, "%s/layers", s->directory) < 0 ||
	    asprintf(&rootfs, "%s/bundle/rootfs", s->directory) < 0)
		return trb_fail_nomem(err);
	snprintf(memory, sizeof(memory), "%llu", (unsigned long long)s->limits.memory_mib << 20);
	snprintf(mib, sizeof(mib), "%llu", (unsigned long long)s->limits.root_mib);
	add_all(argv, &n, (const char *const[]){ "tb-sandbox", memory, NULL });
	for (; *hide != NULL; hide++)
		add_all(argv, &n, (const char *const[]){ "--hide", *hide, NULL });
	if (!rt->own_kernel)
		add_all(argv, &n,
			(const char *const[]){ "--linux", "--root",
					       s->mounted != NULL ? s->mounted : s->rootfs, layers,
					       rootfs, mib, NULL });
	add_all(argv, &n,
		(const char *const[]){ "--tmpfs", state, "--bind", source, place, "--", s->program,
				       root, NULL });
	add_all(argv, &n, rt->options);
	add_all(argv, &n, (const char *const[]){ "run", bundle, NULL });
	add_all(argv, &n, rt->run);
	argv[n++] = TRB_SANDBOX_CONTAINER;
	argv[n] = NULL;
	return trb_spawn(s->holder, (char *const *)(uintptr_t)argv, envp, all, 5, ret, err);
}

void trb_sandbox_remove(const struct trb_sandbox *s)
{
	static const char *const dirs[] = { "bundle", "source", "trustbuild", "state", "layers" };
	_cleanup_close_ int fd = -1;

	if (s->directory != NULL)
		fd = open(s->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; fd >= 0 && i < sizeof(dirs) / sizeof(dirs[0]); i++)
		trb_remove_tree(fd, dirs[i], NULL);
}
