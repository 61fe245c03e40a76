/* SPDX-License-Identifier: Apache-2.0 */
/* tb-unpack STATE EIF: measures an image and unpacks it into the state directory's cache, which
 * takes seconds that its parent need not wait for.  See host/tee/unpacker.h for what it prints. */
#include <stdio.h>
#include <stdlib.h>

#include "core/error.h"
#include "host/tee/process.h"
#include "host/tee/unpacker.h"

static void print_line(char kind, const char *text)
{
	putchar(kind);
	for (; *text != '\0'; text++)
		putchar(*text == '\n' ? ' ' : *text);
}

static void tell(int level, const char *text, void *user)
{
	(void)user;
	if (level < TRB_LOG_INFO)
		return;
	print_line(TRB_UNPACK_PROGRESS, text);
	putchar('\n');
	fflush(stdout);
}

static int fail(const trb_error *err)
{
	printf("%c%d ", TRB_UNPACK_ERROR, trb_error_code(err));
	for (const trb_error *at = err; at != NULL; at = trb_error_cause(at))
		print_line(at == err ? ' ' : ':', trb_error_message(at));
	putchar('\n');
	return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	_cleanup_(trb_context_unrefp) trb_context *context = NULL;
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	_cleanup_close_ int userland = -1;
	uint8_t pcrs[3][TRB_SHA384_LEN];
	int r;

	if (argc != 3) {
		fprintf(stderr, "tb-unpack is started by libtrustbuild, not by hand\n");
		return EXIT_FAILURE;
	}
	r = trb_context_new(&context, &err);
	if (r == TRB_OK)
		r = trb_context_set_state_dir(context, argv[1], &err);
	if (r < 0)
		return fail(err);
	trb_context_set_log_sink(context, tell, NULL);
	return trb_eif_cache(context, argv[2], &userland, pcrs, &err) < 0 ? fail(err) : 0;
}
