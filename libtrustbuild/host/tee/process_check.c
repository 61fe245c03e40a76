/* SPDX-License-Identifier: Apache-2.0 */
/* What tb-launch says of this machine. */
#include "host/tee/process.h"

#include <poll.h>
#include <stdio.h>

#include "core/channel.h"
#include "core/clock.h"
#include "core/context.h"
#include "core/helper.h"
#include "core/io.h"
#include "host/tee/launcher.h"

#define CHECK_MS   10000
#define OUTPUT_MAX 16384u

/* All that the helper prints. */
static int read_all(trb_context *context, int fd, struct trb_buf *out, trb_error **err)
{
	int64_t deadline = trb_deadline(CHECK_MS);

	for (;;) {
		uint8_t chunk[4096];
		ssize_t got = read(fd, chunk, sizeof(chunk));
		int r = TRB_OK;

		if (got == 0)
			return trb_buf_check(out, "what tb-launch says", err);
		if (got > 0)
			trb_buf_add(out, TRB_BYTES(chunk, got));
		else if (errno == EAGAIN)
			r = trb_wait_fd_in(context, fd, POLLIN, deadline, err);
		else if (errno != EINTR)
			r = trb_fail_errno(err, errno, "read from tb-launch");
		if (r < 0)
			return r;
	}
}

static int ask(trb_context *context, char **ret, trb_error **err)
{
	_cleanup_buf_ struct trb_buf out = { 0 };
	struct trb_child child = TRB_CHILD_NONE;
	struct trb_argv argv = { 0 };
	_cleanup_close_ int fd = -1;
	int r;

	trb_buf_init(&out, OUTPUT_MAX);
	trb_argv_add(&argv, "tb-launch");
	trb_argv_add(&argv, TRB_LAUNCH_NEEDS);
	r = trb_helper_start(trb_context_get_libexec_dir(context), &argv, NULL, TRB_BYTES_NULL,
			     &child, &fd, err);
	trb_argv_clear(&argv);
	if (r == TRB_OK)
		r = read_all(context, fd, &out, err);
	trb_child_kill(&child);
	return r == TRB_OK ? trb_buf_to_str(&out, "what tb-launch says", ret, err) : r;
}

static int take_line(char *line, trb_tee_found found, void *user, trb_error **err)
{
	const char *fields[5];

	for (size_t i = 0; i < 5; i++) {
		fields[i] = strsep(&line, "\t");
		if (fields[i] == NULL)
			return trb_fail(err, TRB_E_IO, "tb-launch says what it must not say");
	}
	return found(user, &(trb_tee_finding){ .name = fields[0],
					       .good = fields[1][0] == '1',
					       .needed = fields[2][0] == '1',
					       .detail = fields[3],
					       .remedy = fields[4] });
}

int trb_process_check(trb_context *context, const char *options, trb_tee_found found, void *user,
		      trb_error **err)
{
	_cleanup_free_ char *text = NULL;
	char *rest, *line;
	int r = ask(context, &text, err);

	(void)options; /* none of them changes what is needed */
	rest = text;
	while (r == TRB_OK && rest != NULL && (line = strsep(&rest, "\n")) != NULL)
		if (line[0] != '\0')
			r = take_line(line, found, user, err);
	return r;
}
