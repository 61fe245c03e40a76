/* SPDX-License-Identifier: Apache-2.0 */
/* The fetchers of a source: one for each repository that is being fetched, innermost last, so that
 * no server's bytes come into the process that has spoken, or speaks, to another. */
#ifndef TRB_ENCLAVE_SOURCE_FETCHERS_H
#define TRB_ENCLAVE_SOURCE_FETCHERS_H

#include "core/spawn.h"
#include "format/control.h"
#include "format/fetch.h"

#define TRB_FETCHERS 9u /* a source and eight submodules in one another */

struct trb_fetcher {
	struct trb_child child;
	int pipe;
	uint8_t *chunk; /* what came, of which at bytes are taken */
	size_t at, len;
};
struct trb_fetchers {
	size_t n;
	struct trb_fetcher stack[TRB_FETCHERS];
};

int trb_fetchers_start(struct trb_fetchers *f, const char *libexec_dir,
		       const struct trb_fetch_args *args, trb_error **err);
/* What the innermost has sent and nobody took; TRB_E_AGAIN where it has sent nothing, without an
 * error; TRB_E_IO where it ended. */
int trb_fetchers_read(struct trb_fetchers *f, trb_bytes *ret, trb_error **err);
/* Of these bytes, rest is left. */
void trb_fetchers_take(struct trb_fetchers *f, trb_bytes rest);
/* The innermost's stream has ended: it may send nothing more, and must say that all is well. */
int trb_fetchers_finish(struct trb_fetchers *f, trb_error **err);
/* To poll; -1 where there is none. */
int trb_fetchers_fd(const struct trb_fetchers *f);
void trb_fetchers_kill(struct trb_fetchers *f);

/* Tokens, each for the URLs that its prefix begins, step by step. */
struct trb_source_tokens {
	size_t n;
	struct {
		char *prefix;
		struct trb_buf token;
	} all[TRB_CREDENTIALS];
};
/* Errors: TRB_E_INVAL, TRB_E_LIMIT, TRB_E_NOMEM. */
int trb_source_tokens_add(struct trb_source_tokens *t, const char *prefix, trb_bytes token,
			  trb_error **err);
/* The one whose prefix is the longest; empty where none is for this URL. */
trb_bytes trb_source_tokens_find(const struct trb_source_tokens *t, const char *url);
void trb_source_tokens_wipe(struct trb_source_tokens *t);

#endif
