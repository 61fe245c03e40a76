/* SPDX-License-Identifier: Apache-2.0 */
/* The fetcher's frames, fed to the walk as they come. */
#include "enclave/source_stream.h"

#include <stdlib.h>

#include "core/context.h"
#include "core/error.h"
#include "enclave/source_walk.h"

#define PROGRESS_MAX 100000

struct trb_source_stream {
	trb_context *context;
	uint8_t head[TRB_FETCH_HEADER];
	size_t head_len;
	unsigned type;
	uint64_t size;
	struct trb_buf body;
	uint64_t n_progress;
	struct trb_source_walk walk;
};

/* Judges a frame by its header, before one byte of its body. */
static int begin_frame(struct trb_source_stream *s, trb_error **err)
{
	bool note;
	uint64_t max;

	trb_fetch_header_decode(s->head, &s->type, &s->size);
	note = s->walk.want <= WANT_END &&
	       (s->type == TRB_FETCH_PROGRESS || s->type == TRB_FETCH_ERROR ||
		(s->type == TRB_FETCH_LOCATION && !s->walk.repository->begun));
	max = TRB_FETCH_TEXT_MAX;
	if (!note && !trb_walk_wants(&s->walk, s->type, &max))
		return trb_fail_check(err, TRB_E_FORMAT, TRB_CHECK_OBJECT,
				      "the fetcher sent a frame of type %u out of order", s->type);
	if (s->size > max)
		return trb_fail_check(
			err, TRB_E_LIMIT, TRB_CHECK_LIMIT,
			"an object of the source ('%s') has %llu bytes, more than %llu",
			s->walk.path, (unsigned long long)s->size, (unsigned long long)max);
	trb_buf_clear(&s->body);
	trb_buf_init(&s->body, (size_t)max);
	return TRB_OK;
}

static int take_progress(struct trb_source_stream *s, trb_bytes text, trb_error **err)
{
	if (++s->n_progress > PROGRESS_MAX)
		return trb_fail_check(err, TRB_E_LIMIT, TRB_CHECK_LIMIT,
				      "the fetcher sent too many lines of progress");
	trb_tell(s->context, TRB_LOG_INFO, "%.*s", (int)text.len, (const char *)text.ptr);
	return TRB_OK;
}

static int end_frame(struct trb_source_stream *s, trb_error **err)
{
	trb_bytes body = trb_buf_bytes(&s->body);
	int r = trb_buf_check(&s->body, "an object of the source", err);

	s->head_len = 0;
	if (r < 0)
		return r;
	switch (s->type) {
	case TRB_FETCH_PROGRESS:
		return take_progress(s, body, err);
	case TRB_FETCH_ERROR:
		return trb_fetch_error_raise(body, err);
	case TRB_FETCH_LOCATION:
		return trb_walk_locate(&s->walk, body, err);
	case TRB_FETCH_END:
		s->walk.want = WANT_PARENT;
		return TRB_OK;
	default:
		return trb_walk_take(&s->walk, (enum trb_git_type)s->type, body, err);
	}
}

int trb_source_stream_feed(struct trb_source_stream *s, trb_bytes *bytes, trb_error **err)
{
	int r = TRB_OK;

	while (r == TRB_OK && bytes->len > 0 && trb_source_stream_turn(s) == TRB_TURN_NONE) {
		if (s->head_len < TRB_FETCH_HEADER) {
			s->head[s->head_len++] = *trb_bytes_take(bytes, 1).ptr;
			if (s->head_len < TRB_FETCH_HEADER)
				continue;
			r = begin_frame(s, err);
			if (r < 0)
				return r;
		} else {
			uint64_t left = s->size - s->body.len;

			trb_buf_add(&s->body,
				    trb_bytes_take(bytes, bytes->len < left ? bytes->len : left));
		}
		if (s->body.status < 0 || s->body.len == s->size)
			r = end_frame(s, err);
	}
	return r;
}

enum trb_source_turn trb_source_stream_turn(const struct trb_source_stream *s)
{
	if (s->walk.want == WANT_SUBMODULE)
		return TRB_TURN_SUBMODULE;
	return s->walk.want == WANT_PARENT ? TRB_TURN_END : TRB_TURN_NONE;
}

int trb_source_stream_go_on(struct trb_source_stream *s, trb_error **err)
{
	return trb_walk_turn(&s->walk, err);
}

const char *trb_source_stream_repository(const struct trb_source_stream *s,
					 struct trb_commit *ret_commit)
{
	*ret_commit = s->walk.want_id;
	return s->walk.repository->url;
}

bool trb_source_stream_done(const struct trb_source_stream *s)
{
	return s->walk.want == WANT_NOTHING && s->head_len == 0;
}

const struct trb_source_result *trb_source_stream_result(const struct trb_source_stream *s)
{
	return &s->walk.result;
}

int trb_source_stream_new(trb_context *context, const char *repository,
			  const struct trb_commit *commit, const char *ref,
			  const struct trb_source_limits *limits, struct trb_tree_writer *writer,
			  struct trb_source_stream **ret, trb_error **err)
{
	struct trb_source_stream *s = calloc(1, sizeof(*s));
	int r;

	if (s == NULL)
		return trb_fail_nomem(err);
	s->context = trb_context_ref(context);
	s->walk.limits = *limits;
	s->walk.writer = writer;
	r = trb_walk_begin(&s->walk, repository, commit, ref, err);
	if (r < 0) {
		trb_source_stream_free(s);
		return r;
	}
	*ret = s;
	return TRB_OK;
}

struct trb_source_stream *trb_source_stream_free(struct trb_source_stream *s)
{
	if (s == NULL)
		return NULL;
	trb_walk_clear(&s->walk);
	trb_buf_clear(&s->body);
	trb_context_unref(s->context);
	free(s);
	return NULL;
}
