/* SPDX-License-Identifier: Apache-2.0 */
/* The parts that programs make: the root file system, runsc, the first ramdisk's files.  Each is
 * made into a folder of its own, which gets its name, the digest of the inputs, only when it is
 * complete. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/clock.h"
#include "core/io.h"
#include "core/spawn.h"
#include "image/cache.h"
#include "image/image.h"

#define MAX_ARGS    (MAX_HELPERS + 8)
#define MAX_ENV     24
#define KEY_LETTERS 20
#define ABANDON_MS  20000
#define MAX_INPUTS  (1u << 20)
/* Standard input, output and error; one that the scripts use themselves; and the state's lock, so
 * that nobody else starts while an abandoned script is still ending. */
#define JOB_FDS 5
#define CA_FILE "ca-certificates.crt"

static const char *const part_names[N_PARTS] = { "rootfs", "runsc", "userland" };

/* One run of a recipe script. */
struct job {
	enum image_part part;
	const char *script, *what;
	char *dir;  /* final folder */
	char *work; /* where it is made */
	char *log;
	char *argv[MAX_ARGS];
	size_t argc;
	char *env[MAX_ENV];
	size_t n_env;
	struct trb_child child;
	int alive; /* the script's standard input: it ends where this is closed */
	int64_t started_ms;
};

/* A script gets the time to take down its mounts. */
static void job_done(struct job *j)
{
	int status;

	if (j->alive >= 0)
		close(j->alive);
	if (j->child.pid > 0)
		trb_child_wait(&j->child, ABANDON_MS, &status, NULL);
	trb_child_kill(&j->child);
	free(j->dir);
	free(j->work);
	free(j->log);
	for (size_t i = 0; i < j->argc; i++)
		free(j->argv[i]);
	for (size_t i = 0; i < j->n_env; i++)
		free(j->env[i]);
}

enum image_part trb_image_part_of(const char *folder)
{
	for (size_t i = 0; i < N_PARTS; i++) {
		size_t n = strlen(part_names[i]);

		if (strncmp(folder, part_names[i], n) == 0 && folder[n] == '-' &&
		    strspn(folder + n + 1, "0123456789abcdef") == KEY_LETTERS &&
		    folder[n + 1 + KEY_LETTERS] == '\0')
			return (enum image_part)i;
	}
	return N_PARTS;
}

static int add_arg(struct job *j, const char *text, trb_error **err)
{
	if (j->argc + 1 >= MAX_ARGS)
		return trb_fail(err, TRB_E_LIMIT, "too many arguments for %s", j->script);
	j->argv[j->argc] = strdup(text);
	if (j->argv[j->argc] == NULL)
		return trb_fail_nomem(err);
	j->argc++;
	return TRB_OK;
}

static int add_env(struct job *j, const char *name, const char *value, trb_error **err)
{
	if (value == NULL)
		return TRB_OK;
	if (j->n_env + 1 >= MAX_ENV)
		return trb_fail(err, TRB_E_LIMIT, "too many variables for %s", j->script);
	if (asprintf(&j->env[j->n_env], "%s=%s", name, value) < 0)
		return trb_fail_nomem(err);
	j->n_env++;
	return TRB_OK;
}

/* What a program needs to reach the network and find others; it changes no result. */
static int add_common_env(struct job *j, const trb_image *image, trb_error **err)
{
	static const char *const passed[] = { "PATH",          "HOME",        "TMPDIR",
					      "http_proxy",    "https_proxy", "HTTP_PROXY",
					      "HTTPS_PROXY",   "no_proxy",    "NO_PROXY",
					      "SSL_CERT_FILE", "GOPROXY",     "GOSUMDB" };
	char epoch[24];
	int r;

	snprintf(epoch, sizeof(epoch), "%u", image->epoch);
	r = add_env(j, "SOURCE_DATE_EPOCH", epoch, err);
	for (size_t i = 0; r == TRB_OK && i < sizeof(passed) / sizeof(passed[0]); i++)
		r = add_env(j, passed[i], getenv(passed[i]), err);
	return r;
}

static int script_path(const trb_image *image, const char *script, char **ret, trb_error **err)
{
	const char *dir = trb_context_get_libexec_dir(image->context);

	if (asprintf(ret, "%s/%s", dir, script) < 0) {
		*ret = NULL;
		return trb_fail_nomem(err);
	}
	if (access(*ret, X_OK) < 0)
		return trb_fail(
			err, TRB_E_NOTFOUND,
			"no recipe '%s': install the library, or set TRUSTBUILD_LIBEXEC to the"
			" build folder's libexec",
			*ret);
	return TRB_OK;
}

/* Names the folders by key, and says whether the part is there already. */
static int job_init(struct job *j, trb_image *image, const char *key, bool *ret_there,
		    trb_error **err)
{
	const char *name = part_names[j->part];
	_cleanup_free_ char *script = NULL;
	int r = script_path(image, j->script, &script, err);

	if (r < 0)
		return r;
	if (asprintf(&j->dir, "%s/%s-%.*s", image->state, name, KEY_LETTERS, key) < 0)
		j->dir = NULL;
	if (asprintf(&j->work, "%s/" TRB_CACHE_NEW "%s", image->state, name) < 0)
		j->work = NULL;
	if (asprintf(&j->log, "%s/%s.log", image->state, name) < 0)
		j->log = NULL;
	if (j->dir == NULL || j->work == NULL || j->log == NULL)
		return trb_fail_nomem(err);
	free(image->parts[j->part]);
	image->parts[j->part] = strdup(j->dir);
	if (image->parts[j->part] == NULL)
		return trb_fail_nomem(err);
	*ret_there = access(j->dir, F_OK) == 0 && trb_image_value(image, IMAGE_FRESH) == NULL;
	if (*ret_there)
		trb_cache_use(AT_FDCWD, j->dir);
	r = add_arg(j, script, err);
	return r < 0 ? r : add_common_env(j, image, err);
}

static int job_start(struct job *j, trb_image *image, trb_error **err)
{
	_cleanup_close_ int log = -1, input = -1;
	int fds[JOB_FDS], pipe_fds[2], r;

	r = trb_remove_tree(AT_FDCWD, j->work, err);
	if (r < 0)
		return trb_wrap(err, r, "clean up what an earlier run left");
	/* other users' programs work in it: mmdebstrap's are the subordinate ones */
	if (mkdir(j->work, 0755) < 0)
		return trb_fail_errno(err, errno, "create '%s'", j->work);
	log = open(j->log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (log < 0)
		return trb_fail_errno(err, errno, "create '%s'", j->log);
	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return trb_fail_errno(err, errno, "make a pipe");
	fds[0] = input = pipe_fds[0];
	j->alive = pipe_fds[1];
	fds[1] = fds[2] = log;
	fds[3] = -1;
	fds[4] = image->lock;
	trb_tell(image->context, TRB_LOG_NOTICE, "%s", j->what);
	j->started_ms = trb_now_ms(CLOCK_MONOTONIC);
	return trb_spawn(j->argv[0], j->argv, j->env, fds, JOB_FDS, &j->child, err);
}

/* The log's last line says most; the rest is where the message points to. */
static void last_line(const char *path, char *out, size_t max)
{
	char tail[2048];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	off_t end = fd >= 0 ? lseek(fd, 0, SEEK_END) : 0;
	off_t from = end > (off_t)sizeof(tail) ? end - (off_t)sizeof(tail) : 0;
	ssize_t n = fd >= 0 ? pread(fd, tail, sizeof(tail), from) : 0;
	const char *start;

	if (fd >= 0)
		close(fd);
	while (n > 0 && tail[n - 1] == '\n')
		n--;
	start = n > 0 ? memrchr(tail, '\n', (size_t)n) : NULL;
	start = start != NULL ? start + 1 : tail;
	snprintf(out, max, "%.*s", n > 0 ? (int)(tail + n - start) : 0, start);
}

/* The script ends by itself, or is abandoned with its job. */
static int wait_script(struct job *j, trb_context *context, int *ret_status, trb_error **err)
{
	for (;;) {
		int r = trb_check_canceled(context, err);

		if (r < 0)
			return r;
		r = trb_child_wait(&j->child, TRB_CANCEL_MS, ret_status, NULL);
		if (r == TRB_E_TIMEOUT)
			continue;
		return r < 0 ? trb_fail(err, r, "wait for %s", j->script) : TRB_OK;
	}
}

static int job_finish(struct job *j, trb_image *image, trb_error **err)
{
	char line[512];
	int status, r;

	if (j->child.pid <= 0)
		return TRB_OK;
	r = wait_script(j, image->context, &status, err);
	if (r < 0)
		return r;
	if (status != 0) {
		last_line(j->log, line, sizeof(line));
		return trb_fail(err, TRB_E_IO, "%s: exit status %d: %s (everything it printed: %s)",
				j->script, status, line, j->log);
	}
	r = trb_remove_tree(AT_FDCWD, j->dir, err);
	if (r == TRB_OK && rename(j->work, j->dir) < 0)
		r = trb_fail_errno(err, errno, "rename '%s'", j->work);
	if (r == TRB_OK)
		trb_tell(image->context, TRB_LOG_NOTICE, "%s: done in %lld s", j->what,
			 (long long)(trb_now_ms(CLOCK_MONOTONIC) - j->started_ms + 500) / 1000);
	return r;
}

static int join(const trb_image *image, enum image_key key, const char *between, char **ret,
		trb_error **err)
{
	const struct image_values *v = &image->values[key];
	_cleanup_buf_ struct trb_buf b;

	trb_buf_init(&b, 64 << 10);
	for (size_t i = 0; i < v->n; i++)
		trb_buf_addf(&b, "%s%s", i > 0 ? between : "", v->items[i]);
	return trb_buf_to_str(&b, "a list of names", ret, err);
}

/* The bytes of a mirror's packages are the same everywhere, so which one it is does not count; a
 * sources file of the caller's does, and so does the recipe's text. */
static int rootfs_key(const trb_image *image, const char *script, const char *packages,
		      char key[SHA256_HEX], trb_error **err)
{
	_cleanup_(trb_image_digest_freep) struct image_digest *d = NULL;
	const char *sources = trb_image_value(image, IMAGE_SOURCES);
	char epoch[24];
	int r = trb_image_digest_new("rootfs", &d, err);

	snprintf(epoch, sizeof(epoch), "%u", image->epoch);
	if (r == TRB_OK)
		r = trb_image_digest_file(d, "recipe", script, err);
	if (r == TRB_OK)
		r = trb_image_digest_text(d, "epoch", epoch, err);
	if (r == TRB_OK)
		r = trb_image_digest_text(d, "packages", packages, err);
	if (r == TRB_OK && sources != NULL)
		r = trb_image_digest_file(d, "sources", sources, err);
	return r < 0 ? r : trb_image_digest_hex(d, key, err);
}

static int start_rootfs(struct job *j, trb_image *image, trb_error **err)
{
	_cleanup_free_ char *packages = NULL, *script = NULL, *sources = NULL;
	const char *given = trb_image_value(image, IMAGE_SOURCES);
	char key[SHA256_HEX];
	bool there = false;
	int r = join(image, IMAGE_PACKAGE, ",", &packages, err);

	if (r == TRB_OK)
		r = script_path(image, j->script, &script, err);
	if (r == TRB_OK)
		r = rootfs_key(image, script, packages, key, err);
	if (r == TRB_OK)
		r = job_init(j, image, key, &there, err);
	if (r < 0 || there)
		return r;
	if (given != NULL && (sources = realpath(given, NULL)) == NULL)
		return trb_fail_errno(err, errno, "find '%s'", given);
	r = add_arg(j, j->work, err);
	if (r == TRB_OK)
		r = add_env(j, "TRB_PACKAGES", packages, err);
	if (r == TRB_OK)
		r = add_env(j, "TRB_SOURCES", sources, err);
	if (r == TRB_OK)
		r = add_env(j, "TRB_KERNEL", "1", err);
	return r < 0 ? r : job_start(j, image, err);
}

static int start_runsc(struct job *j, trb_image *image, trb_error **err)
{
	_cleanup_free_ char *script = NULL, *cache = NULL;
	char key[SHA256_HEX];
	bool there = false;
	int r = script_path(image, j->script, &script, err);

	if (r == TRB_OK)
		r = trb_image_file_hex(script, key, err);
	if (r == TRB_OK)
		r = job_init(j, image, key, &there, err);
	if (r < 0 || there)
		return r;
	if (asprintf(&cache, "%s/go", image->state) < 0)
		return trb_fail_nomem(err);
	r = add_arg(j, j->work, err);
	if (r == TRB_OK)
		r = add_arg(j, cache, err);
	return r < 0 ? r : job_start(j, image, err);
}

static int userland_key(trb_image *image, const char *script, const char *ca, const char *runtimes,
			char key[SHA256_HEX], trb_error **err)
{
	_cleanup_(trb_image_digest_freep) struct image_digest *d = NULL;
	const char *extra = trb_image_value(image, IMAGE_EXTRA_CA);
	int r = trb_image_digest_new("userland", &d, err);

	if (r == TRB_OK)
		r = trb_image_digest_file(d, "recipe", script, err);
	if (r == TRB_OK)
		r = trb_image_digest_file(d, "enclave", image->enclave, err);
	for (size_t i = 0; r == TRB_OK && i < image->n_helpers; i++) {
		r = trb_image_digest_text(d, "name", strrchr(image->helpers[i], '/') + 1, err);
		if (r == TRB_OK)
			r = trb_image_digest_file(d, "helper", image->helpers[i], err);
	}
	if (r == TRB_OK)
		r = trb_image_digest_text(d, "libexec", TRB_LIBEXECDIR, err);
	if (r == TRB_OK)
		r = trb_image_digest_file(d, "ca", ca, err);
	if (r == TRB_OK && extra != NULL)
		r = trb_image_digest_file(d, "extra-ca", extra, err);
	if (r == TRB_OK && runtimes[0] != '\0')
		r = trb_image_digest_text(d, "runtimes", runtimes, err);
	return r < 0 ? r : trb_image_digest_hex(d, key, err);
}

/* The libraries come from the machine: each must still be what it was when they were copied. */
static bool libraries_unchanged(const char *dir)
{
	_cleanup_(trb_blob_unrefp) trb_blob *inputs = NULL;
	_cleanup_free_ char *path = NULL;
	trb_bytes rest;

	if (asprintf(&path, "%s/inputs", dir) < 0 ||
	    trb_read_file(AT_FDCWD, path, MAX_INPUTS, &inputs, NULL) < 0)
		return false;
	/* lines of sha256sum: digest, two spaces, path */
	for (rest = trb_blob_bytes(inputs); rest.len > SHA256_HEX + 1;) {
		const uint8_t *end = memchr(rest.ptr, '\n', rest.len);
		size_t len = end != NULL ? (size_t)(end - rest.ptr) : rest.len;
		char file[PATH_MAX], hex[SHA256_HEX];

		if (len < SHA256_HEX + 2 || len - SHA256_HEX - 1 >= sizeof(file))
			return false;
		memcpy(file, rest.ptr + SHA256_HEX + 1, len - SHA256_HEX - 1);
		file[len - SHA256_HEX - 1] = '\0';
		if (trb_image_file_hex(file, hex, NULL) < 0 ||
		    memcmp(hex, rest.ptr, SHA256_HEX - 1) != 0)
			return false;
		trb_bytes_take(&rest, end != NULL ? len + 1 : len);
	}
	return true;
}

static int add_userland_args(struct job *j, const trb_image *image, const char *ca, trb_error **err)
{
	const char *extra = trb_image_value(image, IMAGE_EXTRA_CA);
	_cleanup_free_ char *cache = NULL;
	const char *args[6];
	int r = TRB_OK;

	if (asprintf(&cache, "%s/debs", image->state) < 0) {
		cache = NULL;
		return trb_fail_nomem(err);
	}
	args[0] = j->work;
	args[1] = cache;
	args[2] = image->enclave;
	args[3] = ca;
	args[4] = extra != NULL ? extra : "-";
	args[5] = TRB_LIBEXECDIR;
	for (size_t i = 0; r == TRB_OK && i < sizeof(args) / sizeof(args[0]); i++)
		r = add_arg(j, args[i], err);
	for (size_t i = 0; r == TRB_OK && i < image->n_helpers; i++)
		r = add_arg(j, image->helpers[i], err);
	return r;
}

static int start_userland(struct job *j, trb_image *image, trb_error **err)
{
	_cleanup_free_ char *ca = NULL, *script = NULL, *runtimes = NULL;
	char key[SHA256_HEX];
	bool there = false;
	int r = trb_image_part_path(image, PART_ROOTFS, CA_FILE, &ca, err);

	if (r == TRB_OK)
		r = join(image, IMAGE_RUNTIME, " ", &runtimes, err);
	if (r == TRB_OK)
		r = script_path(image, j->script, &script, err);
	if (r == TRB_OK)
		r = userland_key(image, script, ca, runtimes, key, err);
	if (r == TRB_OK)
		r = job_init(j, image, key, &there, err);
	if (r < 0 || (there && libraries_unchanged(j->dir)))
		return r;
	r = add_userland_args(j, image, ca, err);
	if (r == TRB_OK && runtimes[0] != '\0')
		r = add_env(j, "TRB_RUNTIMES", runtimes, err);
	return r < 0 ? r : job_start(j, image, err);
}

/* The two that take long run side by side; both are waited for, so that what one has made is kept
 * where the other fails. */
static int make_slow_parts(trb_image *image, trb_error **err)
{
	struct job rootfs = { .part = PART_ROOTFS,
			      .script = "image-rootfs",
			      .what = "root file system, by mmdebstrap",
			      .child = TRB_CHILD_NONE,
			      .alive = -1 };
	struct job runsc = { .part = PART_RUNSC,
			     .script = "image-runsc",
			     .what = "runsc of gVisor, from source",
			     .child = TRB_CHILD_NONE,
			     .alive = -1 };
	bool given = trb_image_value(image, IMAGE_ROOTFS) != NULL &&
		     trb_image_value(image, IMAGE_KERNEL) != NULL;
	int r = given ? TRB_OK : start_rootfs(&rootfs, image, err), r2;

	if (r == TRB_OK && trb_image_value(image, IMAGE_RUNSC) == NULL)
		r = start_runsc(&runsc, image, err);
	if (r == TRB_OK) {
		r = job_finish(&rootfs, image, err);
		r2 = job_finish(&runsc, image, r == TRB_OK ? err : NULL);
		r = r < 0 ? r : r2;
	}
	job_done(&rootfs);
	job_done(&runsc);
	return r;
}

int trb_image_make_parts(trb_image *image, trb_error **err)
{
	struct job userland = { .part = PART_USERLAND,
				.script = "image-userland",
				.what = "the enclave's own files",
				.child = TRB_CHILD_NONE,
				.alive = -1 };
	int r = make_slow_parts(image, err);

	if (r < 0)
		return r;
	r = start_userland(&userland, image, err);
	if (r == TRB_OK)
		r = job_finish(&userland, image, err);
	job_done(&userland);
	return r;
}

int trb_image_part_path(const trb_image *image, enum image_part part, const char *name,
			char **ret_path, trb_error **err)
{
	const char *given = NULL;

	if (part == PART_RUNSC && strcmp(name, "runsc") == 0)
		given = trb_image_value(image, IMAGE_RUNSC);
	if (part == PART_ROOTFS && strcmp(name, "rootfs.erofs") == 0)
		given = trb_image_value(image, IMAGE_ROOTFS);
	if (part == PART_ROOTFS && strcmp(name, "vmlinuz") == 0)
		given = trb_image_value(image, IMAGE_KERNEL);
	/* no root file system was made that could give them */
	if (part == PART_ROOTFS && strcmp(name, CA_FILE) == 0 && image->parts[part] == NULL)
		given = "/etc/ssl/certs/" CA_FILE;
	if (given != NULL)
		*ret_path = strdup(given);
	else if (asprintf(ret_path, "%s/%s", image->parts[part], name) < 0)
		*ret_path = NULL;
	return *ret_path != NULL ? TRB_OK : trb_fail_nomem(err);
}
