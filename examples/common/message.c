/* SPDX-License-Identifier: Apache-2.0 */
/* What a program says to people: progress, errors with their causes, what to do. */
#include "common/cli.h"

#include <stdarg.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define LINE_BYTES 1024

static bool live;

/* Before anything goes to standard error: a verdict comes before its reasons, also where both go
 * into one file. */
static void begin_message(void)
{
	fflush(stdout);
	if (live)
		fputs("\r\033[K", stderr);
	live = false;
}

static size_t columns(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col < 20)
		return 79;
	return size.ws_col - 1u;
}

/* The part of text that fits into n columns, counting a code point as one. */
static int fitting(const char *text, size_t n)
{
	size_t i = 0;

	for (; text[i] != '\0'; i++)
		if (((uint8_t)text[i] & 0xc0) != 0x80 && n-- == 0)
			break;
	return (int)i;
}

static void show_progress(const char *text)
{
	char *safe = cli_escaped(cli_bytes(text));

	if (safe == NULL)
		return;
	if (isatty(STDERR_FILENO)) {
		fprintf(stderr, "\r\033[K%.*s", fitting(safe, columns()), safe);
		fflush(stderr);
		live = true;
	} else {
		fprintf(stderr, "%s\n", safe);
	}
	free(safe);
}

void cli_progress(const char *fmt, ...)
{
	char text[LINE_BYTES];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	show_progress(text);
}

void cli_progress_end(void)
{
	begin_message();
	fflush(stderr);
}

static void say_escaped(const char *text)
{
	char *safe = cli_escaped(cli_bytes(text));

	if (safe != NULL)
		cli_say("%s", safe);
	free(safe);
}

void cli_progress_sink(int level, const char *text, void *user)
{
	(void)user;
	if (level == TRB_LOG_INFO)
		cli_progress("%s", text);
	if (level > TRB_LOG_INFO)
		say_escaped(text);
}

void cli_say(const char *fmt, ...)
{
	va_list ap;

	begin_message();
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

void cli_reason(const char *file, const char *reason)
{
	begin_message();
	fputs("  ", stderr);
	cli_escape(stderr, cli_bytes(file), false);
	fputs(": ", stderr);
	cli_escape(stderr, cli_bytes(reason), false);
	fputc('\n', stderr);
}

int cli_cannot(const char *program, const char *what, const char *path, const char *why)
{
	char *safe = cli_escaped(cli_bytes(path));

	cli_say("%s: cannot %s '%s': %s", program, what, safe != NULL ? safe : "", why);
	free(safe);
	return CLI_FAILED;
}

int cli_usage(const char *program, const char *fmt, ...)
{
	char text[LINE_BYTES];
	va_list ap;

	begin_message();
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fprintf(stderr, "%s: ", program);
	cli_escape(stderr, cli_bytes(text), false);
	fprintf(stderr, "\nTry '%s --help'.\n", program);
	return CLI_USAGE;
}

static const char *remedy(int code)
{
	switch (code) {
	case TRB_E_NOMEM:
		return "free some memory, or lower the recipe's memory_mib";
	case TRB_E_TIMEOUT:
		return "raise the limit that is named above: --timeout, or wall_s of the recipe";
	case TRB_E_ABI:
		return "use the header, library and backends of one release";
	case TRB_E_LIMIT:
		return "stay below the bound that is named above; formats and bounds are in "
		       "docs/spec";
	case TRB_E_BUILD:
		return "the build's own output above says why; the recipe is trustbuild.json";
	default:
		return NULL;
	}
}

int cli_error(const char *program, const trb_error *err)
{
	return cli_error_in(program, NULL, err);
}

int cli_error_in(const char *program, const char *file, const trb_error *err)
{
	int code = trb_error_code(err);
	const char *check = trb_error_check(err);

	begin_message();
	fprintf(stderr, "%s: ", program);
	if (file != NULL) {
		cli_escape(stderr, cli_bytes(file), false);
		fputs(": ", stderr);
	}
	cli_escape(stderr, cli_bytes(trb_error_message(err)), false);
	if (check != NULL)
		fprintf(stderr, " [%s]", check);
	fputc('\n', stderr);
	for (const trb_error *cause = trb_error_cause(err); cause != NULL;
	     cause = trb_error_cause(cause)) {
		fputs("  because: ", stderr);
		cli_escape(stderr, cli_bytes(trb_error_message(cause)), false);
		fputc('\n', stderr);
	}
	if (remedy(code) != NULL)
		fprintf(stderr, "  remedy: %s\n", remedy(code));
	return CLI_FAILED;
}
