/* SPDX-License-Identifier: Apache-2.0 */
/* The parent's side of tb-unpack: starts it, reads its lines. */
#include "host/tee/unpacker.h"

#include <stdlib.h>
#include <unistd.h>

#include "core/context.h"
#include "core/helper.h"
#include "core/state.h"

#define END_MS 5000

void trb_unpacker_init(struct trb_unpacker *unpacker)
{
	*unpacker = (struct trb_unpacker){ .child = TRB_CHILD_NONE, .fd = -1 };
}

void trb_unpacker_clear(struct trb_unpacker *unpacker)
{
	trb_child_kill(&unpacker->child);
	if (unpacker->fd >= 0)
		close(unpacker->fd);
	trb_unpacker_init(unpacker);
}

int trb_unpacker_start(trb_context *context, const char *eif, struct trb_unpacker *ret,
		       trb_error **err)
{
	struct trb_argv argv = { 0 };
	const char *state_dir;
	int r = trb_state_open(context, &state_dir, err);

	if (r < 0)
		return r;
	trb_argv_add(&argv, "tb-unpack");
	trb_argv_add(&argv, "%s", state_dir);
	trb_argv_add(&argv, "%s", eif);
	r = trb_helper_start(trb_context_get_libexec_dir(context), &argv, NULL, TRB_BYTES_NULL,
			     &ret->child, &ret->fd, err);
	trb_argv_clear(&argv);
	return r;
}

/* False where it is none of an error. */
static bool take_error(const char *line, trb_error **err, int *ret)
{
	char *end;
	long code = strtol(line + 1, &end, 10);

	if (line[0] != TRB_UNPACK_ERROR)
		return false;
	*ret = trb_fail(err, code < 0 && code > -1000 ? (int)code : TRB_E_IO, "%s",
			end + strspn(end, " "));
	return true;
}

static int take_line(trb_context *context, struct trb_unpacker *unpacker, trb_error **err)
{
	int r = TRB_OK;

	unpacker->line[unpacker->len] = '\0';
	unpacker->len = 0;
	if (unpacker->line[0] == TRB_UNPACK_PROGRESS)
		trb_tell(context, TRB_LOG_INFO, "%s", unpacker->line + 1);
	else if (!take_error(unpacker->line, err, &r))
		r = trb_fail(err, TRB_E_IO, "tb-unpack says what it must not say");
	return r;
}

/* It has said everything. */
static int end(struct trb_unpacker *unpacker, trb_error **err)
{
	int status, r = trb_child_wait(&unpacker->child, END_MS, &status, err);

	if (r == TRB_OK && status != 0)
		r = trb_fail(err, TRB_E_IO, "the helper tb-unpack ended with status %d", status);
	trb_unpacker_clear(unpacker);
	return r;
}

int trb_unpacker_step(trb_context *context, struct trb_unpacker *unpacker, trb_error **err)
{
	for (;;) {
		char c;
		ssize_t got = read(unpacker->fd, &c, 1);
		int r = TRB_OK;

		if (got == 0)
			return end(unpacker, err);
		if (got < 0 && errno == EAGAIN)
			return TRB_E_AGAIN;
		if (got < 0 && errno != EINTR)
			return trb_fail_errno(err, errno, "read from tb-unpack");
		if (got < 0)
			continue;
		if (c == '\n')
			r = take_line(context, unpacker, err);
		else if (unpacker->len < sizeof(unpacker->line) - 1)
			unpacker->line[unpacker->len++] = c;
		if (r < 0)
			return r;
	}
}
