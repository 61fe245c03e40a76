/* SPDX-License-Identifier: Apache-2.0 */
/* What tb-host build shows, keeps and writes. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/build.h"

#define STAGING       ".staging-"
#define STAGING_TRIES 16u
#define MARK          "  | " /* before each line that the build printed */

static bool in_line;

void build_result_clear(struct build_result *result)
{
	for (size_t i = 0; i < result->files.n; i++) {
		free(result->files.items[i].name);
		free(result->files.items[i].path);
	}
	free(result->files.items);
	trb_bundle_unref(result->bundle);
	free(result->bundle_path);
	free(result->log);
	*result = (struct build_result){ 0 };
}

void build_end_output(void)
{
	if (in_line)
		fputc('\n', stderr);
	in_line = false;
}

int build_no_memory(void)
{
	build_end_output();
	cli_progress_end();
	cli_say(BUILD_PROGRAM ": out of memory");
	return CLI_FAILED;
}

static void show_output(trb_bytes text)
{
	cli_progress_end();
	while (text.len > 0) {
		const uint8_t *end = memchr(text.ptr, '\n', text.len);
		size_t n = end != NULL ? (size_t)(end - text.ptr) : text.len;

		if (!in_line)
			fputs(MARK, stderr);
		cli_escape(stderr, (trb_bytes){ text.ptr, n }, false);
		in_line = end == NULL;
		if (end != NULL) {
			fputc('\n', stderr);
			n++;
		}
		text.ptr += n;
		text.len -= n;
	}
	fflush(stderr);
}

static void show_state(struct build_result *result, const trb_event *event)
{
	static const struct {
		const char *state, *words;
	} rows[] = {
		{ "READY", "enclave is up" },
		{ "FETCHING", "fetching the source" },
		{ "COMMITTED", "committed to" },
		{ "BUILDING", "building in the sandbox" },
		{ "BUILT", "built; artifacts are hashed" },
		{ "ATTESTED", "attested" },
		{ "DONE", "done" },
	};
	trb_bytes commit = trb_event_get_text(event);

	build_end_output();
	if (commit.len > 0 && commit.len < sizeof(result->commit))
		memcpy(result->commit, commit.ptr, commit.len);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].state, trb_event_get_state(event)) == 0)
			cli_say("%s%s%.*s", rows[i].words, commit.len > 0 ? " " : "",
				(int)commit.len, (const char *)commit.ptr);
}

static bool keep_file(struct build_result *result, const trb_event *event)
{
	struct build_file *items =
		realloc(result->files.items, (result->files.n + 1) * sizeof(*items));
	trb_bytes name = trb_event_get_text(event);
	struct build_file *file;

	if (items == NULL)
		return false;
	result->files.items = items;
	file = &items[result->files.n];
	*file = (struct build_file){ .name = strndup((const char *)name.ptr, name.len),
				     .size = trb_event_get_size(event),
				     .attested = trb_event_is_attested(event) };
	if (file->name == NULL)
		return false;
	result->files.n++;
	return true;
}

bool build_take_event(struct build_result *result, const trb_event *event)
{
	trb_bytes text = trb_event_get_text(event);

	switch (trb_event_get_type(event)) {
	case TRB_EVENT_STATE:
		show_state(result, event);
		break;
	case TRB_EVENT_PROGRESS:
		build_end_output();
		while (text.len > 0 && text.ptr[text.len - 1] == '\n')
			text.len--;
		cli_progress("%.*s", (int)text.len, (const char *)text.ptr);
		break;
	case TRB_EVENT_OUTPUT:
		show_output(text);
		break;
	case TRB_EVENT_ARTIFACT:
		return keep_file(result, event);
	case TRB_EVENT_BUNDLE:
		result->bundle = trb_bundle_ref(trb_event_get_bundle(event));
		break;
	}
	return true;
}

static int cannot(const char *what, const char *path)
{
	int error = errno;
	char *safe = cli_escaped(cli_bytes(path));

	cli_say(BUILD_PROGRAM ": cannot %s '%s': %s", what, safe != NULL ? safe : "?",
		strerror(error));
	free(safe);
	return CLI_FAILED;
}

static bool is_empty(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	bool empty = true;

	while (dir != NULL && (entry = readdir(dir)) != NULL)
		empty = empty &&
			(strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0);
	if (dir != NULL)
		closedir(dir);
	return empty;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

void build_drop_staging(const char *staging)
{
	nftw(staging, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* What builds left that were killed; a living one holds a lock on its own. */
static void sweep_staging(const char *out)
{
	DIR *dir = opendir(out);
	const struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		char *path = NULL;
		int fd;

		if (strncmp(entry->d_name, STAGING, strlen(STAGING)) != 0 ||
		    asprintf(&path, "%s/%s", out, entry->d_name) < 0)
			continue;
		fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
			build_drop_staging(path);
		if (fd >= 0)
			close(fd);
		free(path);
	}
	if (dir != NULL)
		closedir(dir);
}

int build_check_output(const char *out, bool force)
{
	if (mkdir(out, 0777) < 0 && errno != EEXIST)
		return cannot("make the directory", out);
	sweep_staging(out);
	if (!force && !is_empty(out))
		return cli_usage(BUILD_PROGRAM,
				 "the directory '%s' is not empty: name another one with --out, or "
				 "replace what is there with --force",
				 out);
	return CLI_OK;
}

/* Locked, and still there: who sweeps what was left may have taken it between our two steps. */
static bool lock_staging(const char *staging, int fd)
{
	struct stat mine, named;

	return flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &mine) == 0 &&
	       lstat(staging, &named) == 0 && mine.st_ino == named.st_ino &&
	       mine.st_dev == named.st_dev;
}

int build_open_output(const char *out, char **ret_staging, int *ret_fd)
{
	for (unsigned tries = 0; tries < STAGING_TRIES; tries++) {
		char *staging = NULL;
		int fd;

		if (asprintf(&staging, "%s/" STAGING "XXXXXX", out) < 0)
			return build_no_memory();
		if (mkdtemp(staging) == NULL) {
			free(staging);
			return cannot("write into", out);
		}
		fd = open(staging, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0 && lock_staging(staging, fd)) {
			*ret_staging = staging;
			*ret_fd = fd;
			return CLI_OK;
		}
		if (fd >= 0)
			close(fd);
		rmdir(staging);
		free(staging);
	}
	return cannot("keep a directory of our own in", out);
}

static int make_parents(char *path, size_t from)
{
	for (char *p = path + from; (p = strchr(p, '/')) != NULL; p++) {
		*p = '\0';
		if (mkdir(path, 0777) < 0 && errno != EEXIST)
			return cannot("make the directory", path);
		*p = '/';
	}
	return CLI_OK;
}

static int move_file(const struct build_file *file, const char *out, const char *staging)
{
	char *from;
	int status;

	if (asprintf(&from, "%s/%s%s", staging, file->attested ? "" : BUILD_UNATTESTED "/",
		     file->name) < 0)
		return build_no_memory();
	status = make_parents(file->path, strlen(out) + 1);
	if (status == CLI_OK && rename(from, file->path) < 0)
		status = cannot("write", file->path);
	free(from);
	return status;
}

int build_save_bundle(const struct build_result *result)
{
	trb_blob *json = NULL;
	trb_error *err = NULL;
	int status;

	if (trb_bundle_encode(result->bundle, &json, &err) < 0) {
		status = cli_error(BUILD_PROGRAM, err);
		trb_error_unref(err);
		return status;
	}
	status = cli_write_file(BUILD_PROGRAM, result->bundle_path, trb_blob_bytes(json));
	trb_blob_unref(json);
	return status;
}

int build_save(struct build_result *result, const char *out, const char *staging)
{
	int status = build_place(result, out) ? CLI_OK : build_no_memory();

	build_end_output();
	cli_progress_end();
	if (status == CLI_OK)
		status = build_save_bundle(result);
	for (size_t i = 0; status == CLI_OK && i < result->files.n; i++)
		status = move_file(&result->files.items[i], out, staging);
	return status;
}

/* The embedded default makes itself; a log that was named has to be there. */
static bool makes_itself(const char *name, int r)
{
	return r == TRB_E_NOTFOUND && strcmp(name, "local") == 0;
}

int build_check_log(trb_context *context, const char *name)
{
	trb_error *err = NULL;
	trb_log *log = NULL;
	int r = trb_log_open(context, name, &log, &err), status = CLI_OK;

	if (r < 0 && !makes_itself(name, r))
		status = cli_error(BUILD_PROGRAM, err);
	trb_error_unref(err);
	trb_log_unref(log);
	return status;
}

static int open_log(trb_context *context, const char *name, trb_log **ret, trb_error **err)
{
	trb_error *first = NULL;
	trb_blob *vkey = NULL;
	int r = trb_log_open(context, name, ret, &first);

	if (!makes_itself(name, r)) {
		*err = first;
		return r;
	}
	trb_error_unref(first);
	r = trb_log_init(context, name, NULL, &vkey, err);
	if (r == TRB_OK)
		cli_say("a new log; its key, for policies: %.*s", (int)trb_blob_bytes(vkey).len,
			(const char *)trb_blob_bytes(vkey).ptr);
	trb_blob_unref(vkey);
	return r == TRB_OK ? trb_log_open(context, name, ret, err) : r;
}

int build_publish(trb_context *context, const char *name, struct build_result *result)
{
	trb_bundle *logged = NULL;
	trb_error *err = NULL;
	trb_log *log = NULL;
	int status = CLI_OK, r = open_log(context, name, &log, &err);

	if (r == TRB_OK)
		r = trb_log_publish(log, result->bundle, &logged, &err);
	trb_log_unref(log);
	if (r < 0) {
		cli_error(BUILD_PROGRAM, err);
		trb_error_unref(err);
		cli_say("  the bundle is saved: finish with 'tb-host log publish %s --log %s'",
			result->bundle_path, name);
		return CLI_FAILED;
	}
	trb_bundle_unref(result->bundle);
	result->bundle = logged;
	result->log = strdup(name);
	status = build_save_bundle(result);
	if (status == CLI_OK && result->log == NULL)
		status = build_no_memory();
	if (status == CLI_OK)
		cli_say("published in the log '%s'", name);
	return status;
}

static void print_json(const struct build_result *result)
{
	printf("{\"commit\": \"%s\", \"bundle\": ", result->commit);
	cli_json_string(stdout, cli_bytes(result->bundle_path));
	printf(", \"log\": ");
	if (result->log != NULL)
		cli_json_string(stdout, cli_bytes(result->log));
	else
		printf("null");
	printf(", \"artifacts\": [");
	for (size_t i = 0; i < result->files.n; i++) {
		const struct build_file *file = &result->files.items[i];

		printf("%s{\"name\": ", i > 0 ? ", " : "");
		cli_json_string(stdout, cli_bytes(file->name));
		printf(", \"path\": ");
		cli_json_string(stdout, cli_bytes(file->path));
		printf(", \"size\": %llu, \"attested\": %s}", (unsigned long long)file->size,
		       file->attested ? "true" : "false");
	}
	printf("]}\n");
}

void build_print(const struct build_result *result, bool json)
{
	if (json) {
		print_json(result);
		return;
	}
	for (size_t i = 0; i < result->files.n; i++) {
		cli_escape(stdout, cli_bytes(result->files.items[i].path), false);
		putchar('\n');
	}
	cli_escape(stdout, cli_bytes(result->bundle_path), false);
	putchar('\n');
}
