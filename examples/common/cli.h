/* SPDX-License-Identifier: Apache-2.0 */
/* What the three programs share: options, errors, progress, escaping, files.  Standard output is
 * for results and JSON, everything here but --help goes to standard error. */
#ifndef TRB_EXAMPLES_CLI_H
#define TRB_EXAMPLES_CLI_H

#include <stdbool.h>
#include <stdio.h>

#include <trustbuild/context.h>

/* Exit codes: docs/man/tb-host.1, tb-verify.1. */
enum { CLI_OK = 0, CLI_NO = 1, CLI_USAGE = 2, CLI_FAILED = 3 };

/* Values of an option that may be given several times. */
struct cli_list {
	const char **items;
	size_t n;
};

/* One option; exactly one of flag, value and list is set. */
struct cli_option {
	const char *name;     /* long name; NULL ends a table */
	const char *argument; /* what --help calls its argument; NULL with flag */
	const char *help;
	bool *flag;
	const char **value; /* may be given once */
	struct cli_list *list;
	char letter; /* of a flag: -0 for --null; 0: none */
};

struct cli_command {
	const char *name;     /* "tb-host build": begins every message */
	const char *synopsis; /* after the name: "REPO [OPTION]…" */
	const char *help;     /* a sentence or two */
	const char *examples; /* lines, or NULL */
	const struct cli_option *options;
	int min_args, max_args; /* positional arguments; max_args -1: any number */
	bool version;           /* --version, too: of a program's first command */
};

/* Parses argv (argv[0] is skipped).  True: *ret_args are the n positional arguments, inside argv.
 * False: leave with *ret_exit, everything has been said (--help gives CLI_OK). */
bool cli_parse(const struct cli_command *command, int argc, char **argv, char ***ret_args,
	       int *ret_n, int *ret_exit);
void cli_list_clear(struct cli_list *list);
/* A decimal number from min to max; else says what is wrong with option name and gives false. */
bool cli_number(const struct cli_command *command, const char *name, const char *text, uint64_t min,
		uint64_t max, uint64_t *ret);

/* Bytes as hexadecimal digits, or "@FILE" for those of a file; at most max.  CLI_OK, or what to
 * leave with after saying what is wrong with option name. */
int cli_hex(const struct cli_command *command, const char *name, const char *text, size_t max,
	    trb_blob **ret);
/* Seconds: a number, which may end in s, m, h or d; else says what is wrong and gives false. */
bool cli_duration(const struct cli_command *command, const char *name, const char *text,
		  uint64_t *ret);

/* Seconds since 1970: "now", or RFC 3339 in UTC with whole seconds; else says what is wrong with
 * option name and gives false. */
bool cli_time(const struct cli_command *command, const char *name, const char *text, uint64_t *ret);

/* How long then was before now, in the largest unit that fits: "12 days before". */
void cli_show_age(uint64_t now, uint64_t then, char *out, size_t n);

/* A dispatching program's subcommands. */
struct cli_subcommand {
	const char *name, *help; /* NULL ends a table */
	int (*run)(int argc, char **argv);
};
/* Runs argv[1] with argv moved by one; says what there is where it is no subcommand. */
int cli_dispatch(const char *program, const char *help, const struct cli_subcommand *commands,
		 int argc, char **argv);

/* Usage trouble: one line and the way to --help; gives CLI_USAGE. */
int cli_usage(const char *program, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The error, its causes, its check id and a remedy, all escaped; gives CLI_FAILED. */
int cli_error(const char *program, const trb_error *err);
/* The same of what a file says. */
int cli_error_in(const char *program, const char *file, const trb_error *err);
/* "cannot WHAT 'PATH': WHY"; gives CLI_FAILED. */
int cli_cannot(const char *program, const char *what, const char *path, const char *why);
/* Why a file was refused whose verdict stands on standard output already. */
void cli_reason(const char *file, const char *reason);
/* A line of the program's own on standard error; ends a live line first. */
void cli_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Text from outside, made harmless for a terminal as trb_escape_char() does it.  Newlines are kept
 * where keep_newlines says so. */
void cli_escape(FILE *out, trb_bytes text, bool keep_newlines);
/* The same as a string; free() it.  NULL when out of memory. */
char *cli_escaped(trb_bytes text);
/* A JSON string with quotes; bytes that are not UTF-8 become U+FFFD. */
void cli_json_string(FILE *out, trb_bytes text);
trb_bytes cli_bytes(const char *text);

/* Progress: a live line on a terminal, plain lines elsewhere. */
void cli_progress(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Ends a live line; the last text is wiped. */
void cli_progress_end(void);
/* A trb_log_sink for the above. */
void cli_progress_sink(int level, const char *text, void *user);

/* A regular file of at most max bytes; "-" is standard input, once.  CLI_OK, or CLI_FAILED after
 * saying why. */
int cli_read_file(const char *program, const char *path, size_t max, trb_blob **ret);
/* The same for what is judged: of a larger file only the beginning is read, a little more than max,
 * so that its parser refuses it. */
struct cli_evidence {
	trb_blob *bytes;
	uint64_t size;   /* of the whole, or CLI_SIZE_UNKNOWN */
	char fault[160]; /* what was said where it could not be read */
};
#define CLI_SIZE_UNKNOWN UINT64_MAX /* of a pipe that has more than was read */
int cli_read_evidence(const char *program, const char *path, size_t max, struct cli_evidence *ret);
void cli_evidence_clear(struct cli_evidence *evidence);
/* A regular file, or whatever standard input is for "-", to be read from where it stands.  CLI_OK,
 * or CLI_FAILED after saying why. */
int cli_open_input(const char *program, const char *path, int *ret_fd);
/* The same as a regular file that can be read at any place: of a pipe at most max bytes are copied
 * to one without a name. */
int cli_open_file(const char *program, const char *path, uint64_t max, int *ret_fd);
/* Writes all or nothing: temporary file, flush, rename; devices and pipes are written to as they
 * are.  CLI_OK, or CLI_FAILED after saying why. */
int cli_write_file(const char *program, const char *path, trb_bytes bytes);
/* Ends what was printed: CLI_FAILED, after saying why, where not all of it reached standard
 * output. */
int cli_flush(const char *program);

#endif
