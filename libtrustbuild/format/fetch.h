/* SPDX-License-Identifier: Apache-2.0 */
/* What the fetcher (libexec/tb-fetch) and its parent say to each other: bounds, as arguments, and
 * frames on a pipe, `type u8, size u64be`, then size bytes.  docs/spec/source.md has the order. */
#ifndef TRB_FORMAT_FETCH_H
#define TRB_FORMAT_FETCH_H

#include "core/argv.h"
#include "core/buffer.h"

enum trb_fetch_frame {
	TRB_FETCH_END = 0,
	TRB_FETCH_COMMIT = 1, /* 1 to 4 are git's own numbers */
	TRB_FETCH_TREE = 2,
	TRB_FETCH_BLOB = 3,
	TRB_FETCH_TAG = 4,
	TRB_FETCH_PROGRESS = 16, /* one line of text */
	TRB_FETCH_ERROR = 17,    /* the last frame where the fetch failed */
	TRB_FETCH_RESOLVED =
		18, /* `resolve` only: commit in hexadecimal, a space, ref or nothing */
	TRB_FETCH_LOCATION = 19, /* before the first object: where the repository's URL led to */
};
#define TRB_FETCH_HEADER   9
#define TRB_FETCH_TEXT_MAX 2048u

void trb_fetch_header_encode(unsigned type, uint64_t size, uint8_t ret[TRB_FETCH_HEADER]);
void trb_fetch_header_decode(const uint8_t in[TRB_FETCH_HEADER], unsigned *ret_type,
			     uint64_t *ret_size);

/* The error and its causes as the body of a TRB_FETCH_ERROR frame; an error in making it leaves the
 * buffer's sticky status. */
void trb_fetch_error_encode(const trb_error *error, struct trb_buf *out);
/* Turns such a body into an error here; always fails.  What the body may say is restricted: codes
 * and check ids that a fetch can have, text of a bounded length. */
int trb_fetch_error_raise(trb_bytes body, trb_error **err);

/* Check ids of the source stage, with static storage. */
#define TRB_CHECK_REPOSITORY "source.repository"
#define TRB_CHECK_REF        "source.ref"
#define TRB_CHECK_COMMIT     "source.commit"
#define TRB_CHECK_OBJECT     "source.object"
#define TRB_CHECK_TREE       "source.tree"
#define TRB_CHECK_SUBMODULE  "source.submodule"
#define TRB_CHECK_LIMIT      "source.limit"

/* Bounds: <trustbuild/sys/source.h>. */
struct trb_source_limits {
	uint64_t pack_bytes, objects, object_bytes, files, tree_bytes, depth, submodules,
		submodule_depth, history, wall_s;
};
void trb_source_limits_default(struct trb_source_limits *ret);
/* Errors: TRB_E_NOTFOUND, TRB_E_INVAL. */
int trb_source_limits_set(struct trb_source_limits *limits, trb_bytes name, uint64_t value,
			  trb_error **err);
/* Name and value of bound i; NULL past the end. */
const char *trb_source_limits_get(const struct trb_source_limits *limits, size_t i,
				  uint64_t *ret_value);

/* The helper's arguments. */
struct trb_fetch_args {
	const char *mode; /* "fetch" or "resolve" */
	const char *repository, *ca_file;
	const char *commit, *ref, *name, *egress; /* NULL: not given */
	const struct trb_source_limits *limits;
	int64_t now;     /* when certificates must hold, in seconds since 1970; 0: by the clock */
	trb_bytes token; /* empty: none; it travels apart from the arguments */
};
void trb_fetch_argv(const struct trb_fetch_args *args, struct trb_argv *ret);

#define TRB_FETCH_TOKEN_MAX 4096u
#define TRB_FETCH_CA_FILE   "/etc/ssl/certs/ca-certificates.crt"
/* One line of text, not empty.  Errors: TRB_E_INVAL, TRB_E_LIMIT. */
int trb_fetch_token_check(trb_bytes token, trb_error **err);

#endif
