/* SPDX-License-Identifier: Apache-2.0 */
/* The source stage: starts the fetcher, feeds its stream to the walk, holds what came out. */
#include "enclave/source.h"

#include <poll.h>

#include "core/clock.h"
#include "core/context.h"
#include "core/error.h"
#include "enclave/source_fetchers.h"
#include "enclave/source_stream.h"
#include "format/fetch.h"

#define STEP_CHUNKS 64 /* before a step gives the caller a turn */

/* NEW --start--> FETCHING --step--> SEALED; any failure after the start: FAILED, for good. */
enum source_state { SOURCE_NEW, SOURCE_FETCHING, SOURCE_SEALED, SOURCE_FAILED };

struct trb_source {
	unsigned refs;
	enum source_state state;
	trb_context *context;
	trb_request *request;
	struct trb_commit commit;
	char commit_hex[65], tip_hex[65], tag_hex[65];
	char *directory, *egress, *ca_file;
	struct trb_source_tokens tokens;
	struct trb_source_limits limits;
	int64_t now; /* at the start; 0: the machine's clock */
	int64_t started_ms;

	struct trb_fetchers fetchers;
	int64_t deadline;
	struct trb_tree_writer writer;
	struct trb_source_stream *stream;
	int tree_fd;
	char (*submodule_hex)[65];
};

static int require(const trb_source *s, enum source_state state, trb_error **err)
{
	static const char *const names[] = { "new", "fetching", "sealed", "failed" };

	if (s == NULL)
		return trb_fail(err, TRB_E_INVAL, "no source");
	if (s->state == state)
		return TRB_OK;
	return trb_fail(err, TRB_E_STATE, "the source is %s, needs to be %s", names[s->state],
			names[state]);
}

int trb_source_new(trb_context *context, const trb_request *request, const char *directory,
		   trb_source **ret_source, trb_error **err)
{
	_cleanup_(trb_source_unrefp) trb_source *s = NULL;
	int r;

	if (context == NULL || request == NULL || directory == NULL || ret_source == NULL)
		return trb_fail(err, TRB_E_INVAL, "a source needs context, request and directory");
	if (directory[0] != '/')
		return trb_fail(err, TRB_E_INVAL, "'%s' is not absolute", directory);
	r = trb_context_check_release(context, err);
	if (r < 0)
		return r;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return trb_fail_nomem(err);
	s->refs = 1;
	s->tree_fd = -1;
	s->writer = TRB_TREE_WRITER_NONE;
	s->context = trb_context_ref(context);
	s->request = trb_request_ref((trb_request *)request);
	trb_source_limits_default(&s->limits);
	s->directory = strdup(directory);
	s->ca_file = strdup(TRB_FETCH_CA_FILE);
	if (s->directory == NULL || s->ca_file == NULL)
		return trb_fail_nomem(err);
	if (!trb_commit_from_hex(trb_bytes_str(trb_request_get_commit(request)), &s->commit))
		return trb_fail(err, TRB_E_INVAL, "the request has no commit");
	*ret_source = steal_ptr(&s);
	return TRB_OK;
}

trb_source *trb_source_ref(trb_source *source)
{
	if (source != NULL)
		__atomic_add_fetch(&source->refs, 1, __ATOMIC_RELAXED);
	return source;
}

/* Ends the fetchers, and forgets what only fetching needs. */
static void stop(trb_source *s)
{
	trb_fetchers_kill(&s->fetchers);
	trb_source_tokens_wipe(&s->tokens);
}

static void fail_for_good(trb_source *s)
{
	s->state = SOURCE_FAILED;
	stop(s);
	trb_tree_remove(&s->writer);
}

trb_source *trb_source_unref(trb_source *s)
{
	if (s == NULL || __atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return NULL;
	stop(s);
	trb_closep(&s->tree_fd);
	trb_source_stream_free(s->stream);
	trb_tree_remove(&s->writer);
	free(s->submodule_hex);
	free(s->directory);
	free(s->egress);
	free(s->ca_file);
	trb_request_unref(s->request);
	trb_context_unref(s->context);
	free(s);
	return NULL;
}

/* What may be set before the start. */

static int set_text(trb_source *s, char **slot, const char *text, trb_error **err)
{
	int r = require(s, SOURCE_NEW, err);
	char *copy;

	if (r < 0)
		return r;
	copy = strdup(text);
	if (copy == NULL)
		return trb_fail_nomem(err);
	free(*slot);
	*slot = copy;
	return TRB_OK;
}

int trb_source_set_egress(trb_source *source, const char *address, trb_error **err)
{
	if (source == NULL || address == NULL ||
	    (strncmp(address, "unix:/", 6) != 0 && strncmp(address, "vsock:", 6) != 0))
		return trb_fail(err, TRB_E_INVAL,
				"an egress address is 'unix:/dir' or 'vsock:CID'");
	return set_text(source, &source->egress, address, err);
}

int trb_source_set_ca_file(trb_source *source, const char *path, trb_error **err)
{
	if (source == NULL || path == NULL || path[0] != '/')
		return trb_fail(err, TRB_E_INVAL, "a CA file needs an absolute path");
	return set_text(source, &source->ca_file, path, err);
}

int trb_source_set_token(trb_source *source, trb_bytes token, trb_error **err)
{
	int r = require(source, SOURCE_NEW, err);

	return r < 0 ? r
		     : trb_source_add_credential(
			       source, trb_request_get_repository(source->request), token, err);
}

int trb_source_add_credential(trb_source *source, const char *prefix, trb_bytes token,
			      trb_error **err)
{
	int r = require(source, SOURCE_NEW, err);

	if (r == TRB_OK && prefix == NULL)
		r = trb_fail(err, TRB_E_INVAL, "a credential needs the URL that it is for");
	return r < 0 ? r : trb_source_tokens_add(&source->tokens, prefix, token, err);
}

int trb_source_set_limit(trb_source *source, const char *name, uint64_t value, trb_error **err)
{
	int r = require(source, SOURCE_NEW, err);

	if (r < 0)
		return r;
	return trb_source_limits_set(&source->limits, trb_bytes_str(name), value, err);
}

void trb_source_set_limits(trb_source *source, const struct trb_source_limits *limits)
{
	source->limits = *limits;
}

void trb_source_set_now(trb_source *source, int64_t now)
{
	source->now = now;
}

/* The start. */

/* The time of all fetchers is one: a later one has what is left. */
static int start_fetcher(trb_source *s, const char *repository, const char *commit, const char *ref,
			 trb_error **err)
{
	int left = trb_deadline_left(s->deadline);
	struct trb_source_limits limits = s->limits;
	const struct trb_fetch_args args = {
		.mode = "fetch",
		.repository = repository,
		.ca_file = s->ca_file,
		.commit = commit,
		.ref = ref,
		.egress = s->egress,
		.limits = &limits,
		.now = s->now != 0 ? s->now + (trb_now_ms(CLOCK_MONOTONIC) - s->started_ms) / 1000
				   : 0,
		.token = trb_source_tokens_find(&s->tokens, repository),
	};

	if (left >= 0)
		limits.wall_s = (uint64_t)left / 1000 + 1;
	return trb_fetchers_start(&s->fetchers, trb_context_get_libexec_dir(s->context), &args,
				  err);
}

static int begin(trb_source *s, trb_error **err)
{
	const char *repository = trb_request_get_repository(s->request);
	const char *ref = trb_request_get_ref(s->request);
	int r;

	r = trb_tree_open(s->directory, &s->writer, err);
	if (r == TRB_OK)
		r = trb_source_stream_new(s->context, repository, &s->commit, ref, &s->limits,
					  &s->writer, &s->stream, err);
	return r == TRB_OK ? start_fetcher(s, repository, s->commit_hex, ref, err) : r;
}

int trb_source_start(trb_source *source, trb_error **err)
{
	int r = require(source, SOURCE_NEW, err);

	if (r < 0)
		return r;
	if (source->commit.algorithm != 1)
		return trb_fail_check(
			err, TRB_E_UNSUPPORTED, TRB_CHECK_COMMIT,
			"a SHA-256 repository cannot be fetched: only SHA-1 repositories "
			"can be fetched so far");
	trb_commit_to_hex(&source->commit, source->commit_hex);
	source->started_ms = trb_now_ms(CLOCK_MONOTONIC);
	source->deadline = trb_deadline((int)(source->limits.wall_s * 1000));
	r = begin(source, err);
	if (r < 0) {
		fail_for_good(source);
		return trb_wrap(err, r, "start to fetch");
	}
	source->state = SOURCE_FETCHING;
	return TRB_OK;
}

/* The steps. */

static int seal(trb_source *s, trb_error **err)
{
	const struct trb_source_result *res = trb_source_stream_result(s->stream);
	int r;

	if (res->history.there)
		trb_commit_to_hex(&res->history.tip, s->tip_hex);
	if (res->history.tagged)
		trb_commit_to_hex(&res->history.tag, s->tag_hex);
	if (res->n_submodules > 0) {
		s->submodule_hex = calloc(res->n_submodules, sizeof(*s->submodule_hex));
		if (s->submodule_hex == NULL)
			return trb_fail_nomem(err);
	}
	for (size_t i = 0; i < res->n_submodules; i++)
		trb_commit_to_hex(&res->submodules[i].commit, s->submodule_hex[i]);
	r = trb_tree_seal(&s->writer, &s->tree_fd, err);
	if (r < 0)
		return r;
	s->state = SOURCE_SEALED;
	stop(s);
	return TRB_OK;
}

static int start_submodule(trb_source *s, trb_error **err)
{
	struct trb_commit commit;
	const char *url = trb_source_stream_repository(s->stream, &commit);
	char hex[65];
	int r;

	trb_commit_to_hex(&commit, hex);
	r = start_fetcher(s, url, hex, NULL, err);
	return r == TRB_OK ? trb_source_stream_go_on(s->stream, err) : r;
}

/* The stream under way has ended: was it whole, and which one goes on? */
static int end_stream(trb_source *s, trb_error **err)
{
	int r = trb_fetchers_finish(&s->fetchers, err);

	return r == TRB_OK ? trb_source_stream_go_on(s->stream, err) : r;
}

static int take_turns(trb_source *s, trb_error **err)
{
	int r = TRB_OK;

	while (r == TRB_OK)
		switch (trb_source_stream_turn(s->stream)) {
		case TRB_TURN_NONE:
			return TRB_OK;
		case TRB_TURN_SUBMODULE:
			r = start_submodule(s, err);
			break;
		case TRB_TURN_END:
			r = end_stream(s, err);
			break;
		}
	return r;
}

static int read_some(trb_source *s, trb_error **err)
{
	for (unsigned i = 0; i < STEP_CHUNKS; i++) {
		trb_bytes bytes;
		int r = trb_fetchers_read(&s->fetchers, &bytes, err);

		if (r == TRB_E_AGAIN)
			break;
		if (r < 0)
			return r;
		r = trb_source_stream_feed(s->stream, &bytes, err);
		trb_fetchers_take(&s->fetchers, bytes);
		if (r == TRB_OK)
			r = take_turns(s, err);
		if (r < 0)
			return r;
		if (trb_source_stream_done(s->stream))
			return seal(s, err);
	}
	if (trb_deadline_left(s->deadline) == 0)
		return trb_fail_check(err, TRB_E_TIMEOUT, TRB_CHECK_LIMIT,
				      "the source was not fetched in %llu seconds",
				      (unsigned long long)s->limits.wall_s);
	return TRB_E_AGAIN;
}

/* TRB_E_AGAIN leaves *err alone. */
static int step(trb_source *s, trb_error **err)
{
	int r = read_some(s, err);

	if (r == TRB_OK || r == TRB_E_AGAIN)
		return r;
	fail_for_good(s);
	return trb_wrap(err, r, "fetch %s from %s", s->commit_hex,
			trb_request_get_repository(s->request));
}

int trb_source_step(trb_source *source, trb_error **err)
{
	int r = require(source, SOURCE_FETCHING, err);

	if (r < 0)
		return r;
	return step(source, err);
}

int trb_source_wait(trb_source *source, int timeout_ms, trb_error **err)
{
	int64_t deadline = trb_deadline(timeout_ms);
	int r = require(source, SOURCE_FETCHING, err);

	if (r < 0)
		return r;
	while ((r = step(source, err)) == TRB_E_AGAIN) {
		struct pollfd p = { .fd = trb_fetchers_fd(&source->fetchers), .events = POLLIN };
		int left = trb_deadline_left(deadline);

		if (left == 0)
			return trb_fail(err, TRB_E_TIMEOUT, "the source is still being fetched");
		poll(&p, 1, left < 0 || left > 1000 ? 1000 : left);
	}
	return r;
}

/* What came out. */

int trb_source_get_fd(const trb_source *source)
{
	return source != NULL ? trb_fetchers_fd(&source->fetchers) : -1;
}

static const struct trb_source_result *result(const trb_source *s)
{
	return s != NULL && s->state == SOURCE_SEALED ? trb_source_stream_result(s->stream) : NULL;
}

const char *trb_source_get_commit(const trb_source *source)
{
	return result(source) != NULL ? source->commit_hex : NULL;
}

const char *trb_source_get_tip(const trb_source *source)
{
	return result(source) != NULL && source->tip_hex[0] != '\0' ? source->tip_hex : NULL;
}

const char *trb_source_get_tag(const trb_source *source)
{
	return result(source) != NULL && source->tag_hex[0] != '\0' ? source->tag_hex : NULL;
}

const char *trb_source_get_relation(const trb_source *source)
{
	const struct trb_source_result *res = result(source);

	return res != NULL && res->history.there ? trb_relation_name(res->history.relation) : NULL;
}

uint64_t trb_source_get_steps(const trb_source *source)
{
	const struct trb_source_result *res = result(source);

	return res != NULL ? res->history.steps : 0;
}

const char *trb_source_get_location(const trb_source *source)
{
	const struct trb_source_result *res = result(source);

	return res != NULL ? res->location : NULL;
}

const struct trb_source_result *trb_source_get_result(const trb_source *source)
{
	return result(source);
}

trb_bytes trb_source_get_digest(const trb_source *source)
{
	const struct trb_source_result *res = result(source);

	return res != NULL ? TRB_BYTES(res->digest, 32) : TRB_BYTES_NULL;
}

int64_t trb_source_get_time(const trb_source *source)
{
	const struct trb_source_result *res = result(source);

	return res != NULL ? res->time : 0;
}

const char *trb_source_get_path(const trb_source *source)
{
	return result(source) != NULL ? source->writer.path : NULL;
}

int trb_source_get_tree_fd(const trb_source *source)
{
	return result(source) != NULL ? source->tree_fd : -1;
}

trb_bytes trb_source_get_recipe(const trb_source *source)
{
	const struct trb_source_result *res = result(source);

	return res != NULL && res->recipe != NULL ? trb_blob_bytes(res->recipe) : TRB_BYTES_NULL;
}

uint64_t trb_source_get_files(const trb_source *source)
{
	const struct trb_source_result *res = result(source);

	return res != NULL ? res->files : 0;
}

uint64_t trb_source_get_bytes(const trb_source *source)
{
	const struct trb_source_result *res = result(source);

	return res != NULL ? res->bytes : 0;
}

size_t trb_source_count_submodules(const trb_source *source)
{
	const struct trb_source_result *res = result(source);

	return res != NULL ? res->n_submodules : 0;
}

const char *trb_source_get_submodule_path(const trb_source *source, size_t index)
{
	const struct trb_source_result *res = result(source);

	return res != NULL && index < res->n_submodules ? res->submodules[index].path : NULL;
}

const char *trb_source_get_submodule_url(const trb_source *source, size_t index)
{
	const struct trb_source_result *res = result(source);

	return res != NULL && index < res->n_submodules ? res->submodules[index].url : NULL;
}

const char *trb_source_get_submodule_commit(const trb_source *source, size_t index)
{
	const struct trb_source_result *res = result(source);

	return res != NULL && index < res->n_submodules ? source->submodule_hex[index] : NULL;
}
