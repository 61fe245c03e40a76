/* SPDX-License-Identifier: Apache-2.0 */
/* A running sandbox: one poll descriptor over its pipes, its process and its clock. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

#include "core/channel.h"
#include "core/clock.h"
#include "enclave/build.h"
#include "enclave/kills.h"

#define CHUNK     32768u
#define LOOK_MS   1000 /* between two looks at the count of kills */
#define EVENTS    8
#define GRACE_MS  10000
#define TAG_CHILD 100u
#define TAG_CLOCK 101u
#define PIPE_SIZE (1 << 20)

static bool wanted(const char *name, void *user)
{
	const trb_build *b = user;

	for (size_t i = 0; b->before == NULL && i < b->recipe->n_artifacts; i++)
		if (trb_pattern_match(b->recipe->artifacts[i], name))
			return true;
	return b->before != NULL;
}

static void tell(trb_build *b, int stream, trb_bytes chunk)
{
	if (b->sink != NULL && b->sink_status >= 0)
		b->sink_status = b->sink(stream, chunk, b->sink_user);
}

static const struct trb_command *command_at(const trb_build *b, uint32_t index)
{
	size_t n = b->before != NULL ? b->recipe->n_after : b->recipe->n_commands;
	const struct trb_command *all = b->before != NULL ? b->recipe->after : b->recipe->commands;

	return index < n ? &all[index] : NULL;
}

static void command_begins(uint32_t index, void *user)
{
	const struct trb_command *command = command_at(user, index);
	_cleanup_buf_ struct trb_buf line = { 0 };
	trb_build *b = user;

	b->began = true;
	if (command == NULL)
		return;
	trb_buf_init(&line, CHUNK);
	trb_buf_add_str(&line, "$");
	for (char *const *arg = command->argv; *arg != NULL && line.len < 1024; arg++)
		trb_buf_addf(&line, " %.1024s", *arg);
	trb_buf_add_byte(&line, '\n');
	tell(user, TRB_BUILD_RUNNER, trb_buf_bytes(&line));
}

/* --- start --- */

static int watch(trb_build *b, int fd, uint32_t tag, trb_error **err)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = tag };

	if (fd < 0 || epoll_ctl(b->poll, EPOLL_CTL_ADD, fd, &event) < 0)
		return trb_fail_errno(err, errno, "watch the sandbox");
	return TRB_OK;
}

static int open_pipes(trb_build *b, int ends[TRB_PIPES], trb_error **err)
{
	for (uint32_t i = 0; i < TRB_PIPES; i++) {
		int pair[2], r;

		if (pipe2(pair, O_CLOEXEC) < 0)
			return trb_fail_errno(err, errno, "pipe");
		b->pipes[i] = pair[0];
		ends[i] = pair[1];
		if (fcntl(pair[0], F_SETFL, O_NONBLOCK) < 0)
			return trb_fail_errno(err, errno, "pipe");
		if (i == TRB_PIPE_RECORDS)
			fcntl(pair[0], F_SETPIPE_SZ, PIPE_SIZE); /* only faster */
		r = watch(b, pair[0], i, err);
		if (r < 0)
			return r;
	}
	return TRB_OK;
}

static int open_clock(trb_build *b, trb_error **err)
{
	struct itimerspec limit = { .it_value.tv_sec = (time_t)b->recipe->wall_s };

	b->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (b->timer < 0 || timerfd_settime(b->timer, 0, &limit, NULL) < 0)
		return trb_fail_errno(err, errno, "set the build's clock");
	return watch(b, b->timer, TAG_CLOCK, err);
}

/* Any kill since the start ends the build: the process may have been one whose failure a script
 * takes for an answer.  force: not only when it is time. */
static int look_for_kills(trb_build *b, bool force, trb_error **err)
{
	uint64_t kills;
	int r;

	if (!force && trb_deadline_left(b->next_look) > 0)
		return TRB_OK;
	b->next_look = trb_deadline(LOOK_MS);
	r = trb_kills_count(b->kills_group, b->kills_system, &kills, err);
	if (r == TRB_OK && kills != b->kills)
		r = trb_fail_check(err, TRB_E_LIMIT, "build.memory",
				   "the machine's memory ran out during the build, and a process "
				   "was killed for it: give the enclave more memory, or set "
				   "limits.memory_mib lower, so that the build meets its own limit "
				   "first");
	return r;
}

int trb_build_launch(trb_build *b, const char *source, trb_error **err)
{
	int ends[TRB_PIPES] = { -1, -1, -1, -1 }, r;

	b->records.max_bytes = b->sandbox.limits.disk_mib << 20;
	b->records.wanted = wanted;
	b->records.command = command_begins;
	b->records.user = b;
	b->began = false;
	b->poll = epoll_create1(EPOLL_CLOEXEC);
	if (b->poll < 0)
		return trb_fail_errno(err, errno, "watch the sandbox");
	b->next_look = trb_deadline(LOOK_MS);
	r = trb_kills_count(b->kills_group, b->kills_system, &b->kills, err);
	if (r == TRB_OK)
		r = trb_records_init(&b->records, err);
	if (r == TRB_OK)
		r = open_pipes(b, ends, err);
	if (r == TRB_OK)
		r = open_clock(b, err);
	if (r == TRB_OK)
		r = trb_sandbox_start(&b->sandbox, source, (const char *const *)b->hidden, ends,
				      &b->child, err);
	for (size_t i = 0; i < TRB_PIPES; i++)
		if (ends[i] >= 0)
			close(ends[i]);
	if (r == TRB_OK)
		r = watch(b, b->child.pidfd, TAG_CHILD, err);
	if (r < 0)
		trb_build_end(b);
	return r;
}

static void shut(int *fd)
{
	if (*fd >= 0)
		close(steal_fd(fd));
}

void trb_build_end(trb_build *b)
{
	int status;

	/* tb-sandbox ends when everything in its namespaces has: ask it before forcing it */
	if (b->child.pid > 0) {
		kill(b->child.pid, SIGTERM);
		trb_child_wait(&b->child, GRACE_MS, &status, NULL);
	}
	trb_child_kill(&b->child);
	for (size_t i = 0; i < TRB_PIPES; i++)
		shut(&b->pipes[i]);
	shut(&b->timer);
	shut(&b->poll);
}

/* --- steps --- */

static int take_output(trb_build *b, int stream, trb_bytes chunk, trb_error **err)
{
	b->printed += chunk.len;
	if (b->printed > b->recipe->output_mib << 20)
		return trb_fail_check(err, TRB_E_LIMIT, "build.output",
				      "the build printed more than its limit of %llu MiB",
				      (unsigned long long)b->recipe->output_mib);
	tell(b, stream, chunk);
	if (b->sink_status < 0)
		return trb_fail(err, b->sink_status, "the output was refused");
	return TRB_OK;
}

static int take_chunk(trb_build *b, size_t which, trb_bytes chunk, trb_error **err)
{
	size_t room = sizeof(b->report) - 1 - b->reported;

	switch (which) {
	case TRB_PIPE_OUT:
		return take_output(b, TRB_BUILD_STDOUT, chunk, err);
	case TRB_PIPE_ERR:
		return take_output(b, TRB_BUILD_STDERR, chunk, err);
	case TRB_PIPE_RECORDS:
		return trb_records_feed(&b->records, chunk, err);
	default:
		if (chunk.len < room)
			room = chunk.len;
		memcpy(b->report + b->reported, chunk.ptr, room);
		b->reported += room;
		return TRB_OK;
	}
}

static int drain(trb_build *b, size_t which, trb_error **err)
{
	uint8_t chunk[CHUNK];
	ssize_t got = read(b->pipes[which], chunk, sizeof(chunk));

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return TRB_OK;
	if (got < 0)
		return trb_fail_errno(err, errno, "read from the sandbox");
	if (got == 0) {
		shut(&b->pipes[which]); /* leaves the poll descriptor by itself */
		return TRB_OK;
	}
	return take_chunk(b, which, TRB_BYTES(chunk, got), err);
}

static int handle(trb_build *b, uint32_t tag, trb_error **err)
{
	if (tag == TAG_CLOCK)
		return trb_fail_check(err, TRB_E_TIMEOUT, "build.wall",
				      "the build took longer than its limit of %llu s",
				      (unsigned long long)b->recipe->wall_s);
	if (tag == TAG_CHILD)
		return b->child.pid > 0 ? trb_child_wait(&b->child, 0, &b->status, err) : TRB_OK;
	return b->pipes[tag] >= 0 ? drain(b, tag, err) : TRB_OK;
}

static bool is_over(const trb_build *b)
{
	for (size_t i = 0; i < TRB_PIPES; i++)
		if (b->pipes[i] >= 0)
			return false;
	return b->child.pid <= 0;
}

/* --- the end --- */

static int failed_command(const trb_build *b, trb_error **err)
{
	const struct trb_command *command = command_at(b, b->records.index);
	int status = (int)b->records.value;

	if (command == NULL)
		return trb_fail(err, TRB_E_BUILD, "the sandbox names a command that is none");
	if (WIFSIGNALED(status))
		return trb_fail_check(err, TRB_E_BUILD, "build.command",
				      "command %u, '%s', was killed by signal %d",
				      b->records.index + 1, command->argv[0], WTERMSIG(status));
	return trb_fail_check(err, TRB_E_BUILD, "build.command",
			      "command %u, '%s', failed with exit status %d", b->records.index + 1,
			      command->argv[0], WEXITSTATUS(status));
}

static int no_match(const trb_build *b, size_t index, trb_error **err)
{
	if (index >= b->recipe->n_artifacts)
		return trb_fail(err, TRB_E_BUILD, "the sandbox names a pattern that is none");
	return trb_fail_check(err, TRB_E_BUILD, "artifact.match",
			      "the pattern '%s' matches no regular file",
			      b->recipe->artifacts[index]);
}

/* Whoever wrote the records: every pattern needs its file. */
static int check_patterns(const trb_build *b, trb_error **err)
{
	for (size_t i = 0; b->before == NULL && i < b->recipe->n_artifacts; i++) {
		size_t k = 0;

		while (k < b->records.n_files &&
		       !trb_pattern_match(b->recipe->artifacts[i], b->records.files[k].name))
			k++;
		if (k == b->records.n_files)
			return no_match(b, i, err);
	}
	return TRB_OK;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct trb_build_file *)a)->name,
		      ((const struct trb_build_file *)b)->name);
}

static int judge(trb_build *b, trb_error **err)
{
	struct trb_records *r = &b->records;

	b->report[b->reported] = '\0';
	b->report[strcspn(b->report, "\n")] = '\0';
	if (strncmp(b->report, TRB_SANDBOX_REPORT_MEMORY, strlen(TRB_SANDBOX_REPORT_MEMORY)) == 0)
		return trb_fail_check(err, TRB_E_LIMIT, "build.memory",
				      "the sandbox took more than its limit of %llu MiB of memory, "
				      "files included",
				      (unsigned long long)b->sandbox.limits.memory_mib);
	if (b->report[0] != '\0')
		return trb_fail(err, TRB_E_IO, "the sandbox did not start: %s", b->report);
	if (!trb_records_whole(r) && !b->began)
		return trb_fail(
			err, TRB_E_IO,
			"the sandbox ended with status %d before the first command: %s's own "
			"words are in the build's output; where there are none, the machine "
			"may be short of memory or processes",
			b->status, b->sandbox.runtime);
	if (!trb_records_whole(r) && b->status == 128 + SIGKILL)
		return trb_fail(err, TRB_E_BUILD,
				"the sandbox was killed before the build was done: by the build "
				"itself, by hand, or because the machine's memory ran out");
	if (!trb_records_whole(r))
		return trb_fail(err, TRB_E_BUILD,
				"the sandbox ended with status %d before the build was done",
				b->status);
	switch (r->last) {
	case TRB_REC_EXIT:
		return failed_command(b, err);
	case TRB_REC_NOMATCH:
		return no_match(b, r->index, err);
	case TRB_REC_ERROR:
		return trb_fail(err, TRB_E_BUILD, "the build cannot go on: %s", r->text);
	default:
		break;
	}
	if (b->status != 0)
		return trb_fail(err, TRB_E_BUILD, "the sandbox ended with status %d", b->status);
	qsort(r->files, r->n_files, sizeof(*r->files), by_name);
	return check_patterns(b, err);
}

static int finish(trb_build *b, int r)
{
	trb_build_end(b);
	b->state = r == TRB_OK ? TRB_BUILD_DONE : TRB_BUILD_FAILED;
	return r;
}

int trb_build_get_fd(const trb_build *build)
{
	return build->poll;
}

int trb_build_step(trb_build *b, trb_error **err)
{
	struct epoll_event events[EVENTS];
	int n, r = TRB_OK;

	if (b->state != TRB_BUILD_RUNNING)
		return trb_fail(err, TRB_E_STATE, "the build is not running");
	n = epoll_wait(b->poll, events, EVENTS, 0);
	if (n < 0 && errno != EINTR)
		return finish(b, trb_fail_errno(err, errno, "watch the sandbox"));
	for (int i = 0; i < n && r == TRB_OK; i++)
		r = handle(b, events[i].data.u32, err);
	if (r == TRB_OK)
		r = look_for_kills(b, is_over(b), err);
	if (r < 0)
		return finish(b, r);
	if (is_over(b))
		return finish(b, judge(b, err));
	return TRB_E_AGAIN;
}

int trb_build_wait(trb_build *b, int timeout_ms, trb_error **err)
{
	int64_t deadline = trb_deadline(timeout_ms);
	int r;

	while ((r = trb_build_step(b, err)) == TRB_E_AGAIN) {
		struct pollfd p = { .fd = b->poll, .events = POLLIN };
		int left = trb_deadline_left(deadline);

		if (left == 0)
			return trb_fail(err, TRB_E_TIMEOUT, "the build is still running");
		poll(&p, 1, left < 0 || left > LOOK_MS ? LOOK_MS : left);
	}
	return r;
}
