/* SPDX-License-Identifier: Apache-2.0 */
/* The handle of a sandboxed build: what it was given, and what came out. */
#include "enclave/build.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "core/context.h"
#include "core/io.h"
#include "enclave/kills.h"

#define OUTPUTS        "unattested"
#define MEMORY_MIN_MIB 64u
#define LIMIT_MAX_MIB  (UINT64_C(1) << 24)
#define COPY_BLOCK     65536u

/* What every build gets besides its commit and its time; the recipe cannot set them. */
static const struct {
	const char *name, *value;
} fixed_env[] = {
	{ "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" },
	{ "HOME", "/tmp" },
	{ "LANG", "C.UTF-8" },
	{ "TZ", "UTC" },
};
#define N_FIXED (sizeof(fixed_env) / sizeof(fixed_env[0]))

static uint64_t clamp(uint64_t value, uint64_t low, uint64_t high)
{
	return value < low ? low : value > high ? high : value;
}

static int set_limits(trb_build *b, trb_error **err)
{
	const struct trb_recipe *r = b->recipe;
	struct trb_sandbox_limits *l = &b->sandbox.limits;

	if (r->memory_mib < MEMORY_MIN_MIB)
		return trb_fail_check(err, TRB_E_LIMIT, "sandbox.limits",
				      "limits.memory_mib %llu: no sandbox starts below %u",
				      (unsigned long long)r->memory_mib, MEMORY_MIN_MIB);
	if (r->memory_mib > LIMIT_MAX_MIB || r->disk_mib > LIMIT_MAX_MIB ||
	    r->output_mib > LIMIT_MAX_MIB || r->disk_mib == 0 || r->pids < 2 || r->wall_s == 0)
		return trb_fail_check(err, TRB_E_LIMIT, "sandbox.limits",
				      "limits: a value is out of range");
	*l = (struct trb_sandbox_limits){
		.memory_mib = r->memory_mib,
		.pids = r->pids,
		.disk_mib = r->disk_mib,
		.root_mib = clamp(r->disk_mib / 8, 16, 512),
		.tmp_mib = clamp(r->disk_mib / 4, 16, 1024),
	};
	return TRB_OK;
}

static int check_recipe(const struct trb_recipe *r, trb_error **err)
{
	if (r->n_network > 0)
		return trb_fail_check(err, TRB_E_UNSUPPORTED, "sandbox.network",
				      "the recipe names the host '%s', but builds have no network "
				      "here: fetch it into the tree, for example as a submodule",
				      r->network[0]);
	return TRB_OK;
}

static int fill_sandbox(trb_build *b, const char *sandbox, const char *rootfs,
			const char *directory, trb_error **err)
{
	struct stat st;
	int r = trb_sandbox_open(b->context, trb_bytes_str(sandbox), &b->sandbox, err);

	if (r < 0)
		return r;
	if (stat(rootfs, &st) < 0)
		return trb_fail_errno(err, errno, "root file system '%s'", rootfs);
	if (!S_ISREG(st.st_mode))
		return trb_fail(err, TRB_E_NOTFOUND, "root file system '%s' is not a file", rootfs);
	b->sandbox.rootfs = strdup(rootfs);
	b->sandbox.directory = strdup(directory);
	if (b->sandbox.rootfs == NULL || b->sandbox.directory == NULL)
		return trb_fail_nomem(err);
	return set_limits(b, err);
}

static int new_handle(trb_context *context, trb_build **ret, trb_error **err)
{
	trb_build *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return trb_fail_nomem(err);
	atomic_init(&b->refs, 1);
	b->context = trb_context_ref(context);
	b->child = TRB_CHILD_NONE;
	b->kills_group = TRB_KILLS_GROUP;
	b->kills_system = TRB_KILLS_SYSTEM;
	b->poll = b->timer = -1;
	for (size_t i = 0; i < TRB_PIPES; i++)
		b->pipes[i] = -1;
	*ret = b;
	return TRB_OK;
}

int trb_build_new(trb_context *context, trb_bytes recipe, const char *sandbox, const char *rootfs,
		  const char *directory, trb_build **ret_build, trb_error **err)
{
	_cleanup_(trb_build_unrefp) trb_build *b = NULL;
	int r;

	if (context == NULL)
		return trb_fail(err, TRB_E_INVAL, "no context");
	if (rootfs == NULL || rootfs[0] != '/' || directory == NULL || directory[0] != '/')
		return trb_fail(err, TRB_E_INVAL, "rootfs and directory are absolute paths");
	r = trb_context_check_release(context, err);
	if (r == TRB_OK)
		r = new_handle(context, &b, err);
	if (r == TRB_OK)
		r = trb_blob_new(recipe, &b->recipe_bytes, err);
	if (r == TRB_OK)
		r = trb_recipe_parse(recipe, &b->recipe, err);
	if (r == TRB_OK)
		r = check_recipe(b->recipe, err);
	if (r == TRB_OK)
		r = fill_sandbox(b, sandbox, rootfs, directory, err);
	if (r == TRB_OK)
		r = trb_sandbox_spec(&b->sandbox, &b->spec, err);
	if (r == TRB_OK)
		*ret_build = steal_ptr(&b);
	return r;
}

trb_build *trb_build_ref(trb_build *build)
{
	if (build != NULL)
		atomic_fetch_add_explicit(&build->refs, 1, memory_order_relaxed);
	return build;
}

trb_build *trb_build_unref(trb_build *b)
{
	if (b == NULL || atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) > 1)
		return NULL;
	trb_build_end(b);
	trb_records_clear(&b->records);
	if (b->sandbox.directory != NULL && (b->state != TRB_BUILD_NEW || b->before != NULL))
		trb_sandbox_remove(&b->sandbox);
	trb_sandbox_clear(&b->sandbox);
	trb_recipe_free(b->recipe);
	trb_blob_unref(b->recipe_bytes);
	trb_blob_unref(b->spec);
	for (size_t i = 0; i < b->n_hidden; i++)
		free(b->hidden[i]);
	free(b->commit);
	trb_build_unref(b->before);
	trb_context_unref(b->context);
	free(b);
	return NULL;
}

trb_bytes trb_build_get_spec(const trb_build *build)
{
	return trb_blob_bytes(build->spec);
}

const char *trb_build_get_runtime(const trb_build *build)
{
	return build->sandbox.runtime;
}

const char *trb_build_get_runtime_version(const trb_build *build)
{
	return build->sandbox.version;
}

const char *trb_build_get_platform(const trb_build *build)
{
	return build->sandbox.platform;
}

#define N_LIMITS 7

size_t trb_build_count_limits(const trb_build *build)
{
	(void)build;
	return N_LIMITS;
}

const char *trb_build_get_limit(const trb_build *build, size_t index, uint64_t *ret_value)
{
	const struct trb_sandbox_limits *l = &build->sandbox.limits;
	const struct {
		const char *name;
		uint64_t value;
	} all[N_LIMITS] = {
		{ "disk_mib", l->disk_mib },
		{ "memory_mib", l->memory_mib },
		{ "output_mib", build->recipe->output_mib },
		{ "pids", l->pids },
		{ "root_mib", l->root_mib },
		{ "tmp_mib", l->tmp_mib },
		{ "wall_s", build->recipe->wall_s },
	};

	*ret_value = index < N_LIMITS ? all[index].value : 0;
	return index < N_LIMITS ? all[index].name : NULL;
}

int trb_build_hide(trb_build *build, const char *path, trb_error **err)
{
	char *copy;

	if (build->state != TRB_BUILD_NEW)
		return trb_fail(err, TRB_E_STATE, "the build has been started");
	if (path == NULL || path[0] != '/' || build->n_hidden == TRB_BUILD_HIDDEN)
		return trb_fail(err, TRB_E_INVAL, "'%s' cannot be hidden", path ? path : "");
	copy = strdup(path);
	if (copy == NULL)
		return trb_fail_nomem(err);
	build->hidden[build->n_hidden++] = copy;
	return TRB_OK;
}

int trb_build_set_mounted(trb_build *b, const char *directory, trb_error **err)
{
	b->sandbox.mounted = strdup(directory);
	return b->sandbox.mounted != NULL ? TRB_OK : trb_fail_nomem(err);
}

void trb_build_set_kill_counters(trb_build *b, const char *group, const char *system)
{
	b->kills_group = group;
	b->kills_system = system;
}

void trb_build_set_sink(trb_build *build, trb_build_sink sink, void *user)
{
	build->sink = sink;
	build->sink_user = user;
}

/* --- the job: items of type, u32be length, text with its NUL --- */

static void put_item(struct trb_buf *buf, enum trb_sandbox_item type, const char *text)
{
	size_t n = strlen(text) + 1;
	uint8_t head[5] = { (uint8_t)type, (uint8_t)(n >> 24), (uint8_t)(n >> 16),
			    (uint8_t)(n >> 8), (uint8_t)n };

	trb_buf_add(buf, TRB_BYTES(head, sizeof(head)));
	trb_buf_add(buf, TRB_BYTES(text, n));
}

static void put_variable(struct trb_buf *buf, const char *name, const char *value)
{
	char *text = NULL;

	if (asprintf(&text, "%s=%s", name, value) < 0)
		buf->status = TRB_E_NOMEM;
	else
		put_item(buf, TRB_ITEM_ENVIRONMENT, text);
	free(text);
}

static void put_env(struct trb_buf *buf, const trb_build *b, const char *epoch)
{
	const struct trb_recipe *r = b->recipe;

	put_variable(buf, "TRUSTBUILD_COMMIT", b->commit);
	put_variable(buf, "SOURCE_DATE_EPOCH", epoch);
	for (size_t i = 0; i < N_FIXED; i++)
		put_variable(buf, fixed_env[i].name, fixed_env[i].value);
	for (size_t i = 0; i < r->n_env; i++)
		put_variable(buf, r->env[i].name, r->env[i].value);
}

static void put_commands(struct trb_buf *buf, const struct trb_command *commands, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (char *const *arg = commands[i].argv; *arg != NULL; arg++)
			put_item(buf,
				 arg == commands[i].argv ? TRB_ITEM_COMMAND : TRB_ITEM_ARGUMENT,
				 *arg);
}

static int make_job(const trb_build *b, trb_blob **ret, trb_error **err)
{
	const struct trb_recipe *r = b->recipe;
	_cleanup_buf_ struct trb_buf buf = { 0 };
	char epoch[24];

	trb_buf_init(&buf, TRB_SANDBOX_JOB_MAX);
	snprintf(epoch, sizeof(epoch), "%lld", (long long)b->time);
	trb_buf_add(&buf, TRB_BYTES(TRB_SANDBOX_JOB_MAGIC, sizeof(TRB_SANDBOX_JOB_MAGIC)));
	put_item(&buf, TRB_ITEM_TIME, epoch);
	put_env(&buf, b, epoch);
	if (b->before != NULL) {
		put_commands(&buf, r->after, r->n_after);
		put_item(&buf, TRB_ITEM_DIRECTORY, OUTPUTS);
	} else {
		put_commands(&buf, r->commands, r->n_commands);
		for (size_t i = 0; i < r->n_artifacts; i++)
			put_item(&buf, TRB_ITEM_PATTERN, r->artifacts[i]);
	}
	return trb_buf_to_blob(&buf, "job", ret, err);
}

int trb_build_start(trb_build *b, const char *source, const char *commit, int64_t time,
		    trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *job = NULL;
	int r;

	if (b->state != TRB_BUILD_NEW)
		return trb_fail(err, TRB_E_STATE, "the build has been started");
	if (source == NULL || source[0] != '/' || commit == NULL || b->commit != NULL)
		return trb_fail(err, TRB_E_INVAL, "source is an absolute path, commit a text");
	b->commit = strdup(commit);
	b->time = time;
	if (b->commit == NULL)
		return trb_fail_nomem(err);
	b->state = TRB_BUILD_FAILED; /* until it runs */
	r = make_job(b, &job, err);
	if (r == TRB_OK)
		r = trb_sandbox_prepare(&b->sandbox, trb_blob_bytes(b->spec), trb_blob_bytes(job),
					err);
	if (r == TRB_OK)
		r = trb_build_launch(b, source, err);
	if (r < 0)
		return r;
	b->state = TRB_BUILD_RUNNING;
	return TRB_OK;
}

static const struct trb_build_file *file_at(const trb_build *b, size_t index)
{
	return index < trb_build_count_files(b) ? &b->records.files[index] : NULL;
}

size_t trb_build_count_files(const trb_build *build)
{
	return build->state == TRB_BUILD_DONE ? build->records.n_files : 0;
}

const char *trb_build_get_file_name(const trb_build *build, size_t index)
{
	const struct trb_build_file *file = file_at(build, index);

	return file != NULL ? file->name : NULL;
}

uint64_t trb_build_get_file_size(const trb_build *build, size_t index)
{
	const struct trb_build_file *file = file_at(build, index);

	return file != NULL ? file->size : 0;
}

int trb_build_is_program(const trb_build *build, size_t index)
{
	const struct trb_build_file *file = file_at(build, index);

	return file != NULL && file->program;
}

int trb_build_get_file_fd(const trb_build *build, size_t index)
{
	const struct trb_build_file *file = file_at(build, index);

	return file != NULL ? file->fd : -1;
}

int trb_build_has_after(const trb_build *build)
{
	return build->recipe->n_after > 0;
}

/* --- what the step after the attestation is given --- */

/* Makes the directories of name below dirfd and creates the file; names are checked before. */
static int create_below(int dirfd, const char *name, int *ret_fd, trb_error **err)
{
	_cleanup_close_ int dir = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const char *slash;
	int fd;

	while (dir >= 0 && (slash = strchr(name, '/')) != NULL) {
		_cleanup_free_ char *step = strndup(name, (size_t)(slash - name));

		if (step == NULL)
			return trb_fail_nomem(err);
		if (mkdirat(dir, step, 0755) < 0 && errno != EEXIST)
			return trb_fail_errno(err, errno, "make '%s'", step);
		fd = openat(dir, step, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		close(steal_fd(&dir));
		dir = fd;
		if (dir < 0 || fchmod(dir, 0755) < 0)
			return trb_fail_errno(err, errno, "open '%s'", step);
		name = slash + 1;
	}
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return trb_fail_errno(err, errno, "make '%s'", name);
	*ret_fd = fd;
	return TRB_OK;
}

static int copy_file(const struct trb_build_file *file, int to, trb_error **err)
{
	uint8_t block[COPY_BLOCK];
	int r = TRB_OK;

	for (uint64_t done = 0; done < file->size && r == TRB_OK;) {
		uint64_t left = file->size - done;
		size_t n = left < sizeof(block) ? (size_t)left : sizeof(block);

		r = trb_pread_full(file->fd, block, n, done, err);
		if (r == TRB_OK)
			r = trb_write_full(to, TRB_BYTES(block, n), err);
		done += n;
	}
	return r;
}

static int put_below(int dirfd, const char *name, trb_bytes bytes,
		     const struct trb_build_file *file, trb_error **err)
{
	_cleanup_close_ int fd = -1;
	int r = create_below(dirfd, name, &fd, err);

	if (r == TRB_OK)
		r = file != NULL ? copy_file(file, fd, err) : trb_write_full(fd, bytes, err);
	if (r == TRB_OK && fchmod(fd, 0444) < 0)
		r = trb_fail_errno(err, errno, "set the mode of '%s'", name);
	return r;
}

static int put_attested(const trb_build *b, trb_bytes attestation, trb_bytes statement,
			trb_error **err)
{
	_cleanup_close_ int dirfd = -1;
	_cleanup_free_ char *path = NULL;
	int r;

	if (asprintf(&path, "%s/trustbuild", b->sandbox.directory) < 0)
		return trb_fail_nomem(err);
	dirfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0)
		return trb_fail_errno(err, errno, "open '%s'", path);
	r = put_below(dirfd, "attested/attestation.cbor", attestation, NULL, err);
	if (r == TRB_OK)
		r = put_below(dirfd, "attested/statement.json", statement, NULL, err);
	for (size_t i = 0; i < b->records.n_files && r == TRB_OK; i++) {
		const struct trb_build_file *file = &b->records.files[i];
		_cleanup_free_ char *name = NULL;

		if (asprintf(&name, "attested/artifacts/%s", file->name) < 0)
			return trb_fail_nomem(err);
		r = put_below(dirfd, name, TRB_BYTES_NULL, file, err);
	}
	return r;
}

static int copy_setup(trb_build *after, trb_build *b, trb_error **err)
{
	int r = trb_recipe_parse(trb_blob_bytes(b->recipe_bytes), &after->recipe, err);

	if (r < 0)
		return r;
	after->before = trb_build_ref(b);
	trb_build_set_kill_counters(after, b->kills_group, b->kills_system);
	after->spec = trb_blob_ref(b->spec);
	after->sandbox = b->sandbox;
	after->sandbox.program = strdup(b->sandbox.program);
	after->sandbox.version = strdup(b->sandbox.version);
	after->sandbox.holder = strdup(b->sandbox.holder);
	after->sandbox.init = strdup(b->sandbox.init);
	after->sandbox.rootfs = strdup(b->sandbox.rootfs);
	after->sandbox.directory = strdup(b->sandbox.directory);
	if (b->sandbox.mounted != NULL) {
		after->sandbox.mounted = strdup(b->sandbox.mounted);
		if (after->sandbox.mounted == NULL)
			return trb_fail_nomem(err);
	}
	if (after->sandbox.program == NULL || after->sandbox.version == NULL ||
	    after->sandbox.holder == NULL || after->sandbox.init == NULL ||
	    after->sandbox.rootfs == NULL || after->sandbox.directory == NULL)
		return trb_fail_nomem(err);
	for (size_t i = 0; i < b->n_hidden && r == TRB_OK; i++)
		r = trb_build_hide(after, b->hidden[i], err);
	return r;
}

int trb_build_new_after(trb_build *build, trb_bytes attestation, trb_bytes statement,
			trb_build **ret_after, trb_error **err)
{
	_cleanup_(trb_build_unrefp) trb_build *after = NULL;
	int r;

	if (build->state != TRB_BUILD_DONE || build->before != NULL)
		return trb_fail(err, TRB_E_STATE, "the build is not finished");
	if (build->recipe->n_after == 0)
		return trb_fail(err, TRB_E_NOTFOUND, "the recipe has no after_attestation");
	r = new_handle(build->context, &after, err);
	if (r == TRB_OK)
		r = copy_setup(after, build, err);
	if (r == TRB_OK)
		r = put_attested(build, attestation, statement, err);
	if (r == TRB_OK)
		*ret_after = steal_ptr(&after);
	return r;
}
