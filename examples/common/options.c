/* SPDX-License-Identifier: Apache-2.0 */
/* Command lines: options, subcommands, help. */
#include "common/cli.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <trustbuild/version.h>

#define OPTIONS_MAX  40
#define FIRST_LONG   256 /* each option its own value, or getopt_long() takes any that fits */
#define HELP_COLUMN  26
#define VERSION_HELP "show the versions in use and leave"

static size_t count(const struct cli_option *options)
{
	size_t n = 0;

	while (options != NULL && options[n].name != NULL)
		n++;
	return n;
}

static void print_option(const char *name, char letter, const char *argument, const char *help)
{
	int width = printf("  --%s%s%s", name, argument != NULL ? " " : "",
			   argument != NULL ? argument : "");

	if (letter != '\0')
		width += printf(", -%c", letter);

	if (width >= HELP_COLUMN) {
		putchar('\n');
		width = 0;
	}
	printf("%*s%s\n", HELP_COLUMN - width, "", help);
}

static void print_help(const struct cli_command *command)
{
	printf("Usage: %s %s\n\n%s\n", command->name, command->synopsis, command->help);
	printf("\nOptions:\n");
	for (size_t i = 0; i < count(command->options); i++)
		print_option(command->options[i].name, command->options[i].letter,
			     command->options[i].argument, command->options[i].help);
	print_option("help", 0, NULL, "show this and leave");
	if (command->version)
		print_option("version", 0, NULL, VERSION_HELP);
	if (command->examples != NULL)
		printf("\nExamples:\n%s", command->examples);
}

/* The library and OpenSSL are those that are loaded. */
static int print_version(const char *program)
{
	printf("%s %s\nlibtrustbuild %s\n%s\n", program, TRB_VERSION_STRING, trb_version_string(),
	       OpenSSL_version(OPENSSL_VERSION));
	return cli_flush(program);
}

static bool list_add(struct cli_list *list, const char *item)
{
	const char **items = realloc(list->items, (list->n + 1) * sizeof(*items));

	if (items == NULL)
		return false;
	items[list->n++] = item;
	list->items = items;
	return true;
}

void cli_list_clear(struct cli_list *list)
{
	free(list->items);
	*list = (struct cli_list){ 0 };
}

static int take(const struct cli_command *command, const struct cli_option *option)
{
	if (option->flag != NULL) {
		*option->flag = true;
	} else if (option->list != NULL) {
		if (!list_add(option->list, optarg)) {
			cli_say("%s: out of memory", command->name);
			return CLI_FAILED;
		}
	} else if (*option->value != NULL) {
		return cli_usage(command->name, "--%s is given twice", option->name);
	} else {
		*option->value = optarg;
	}
	return CLI_OK;
}

/* How many options --given, without its value, may stand for. */
static size_t meant(const struct cli_command *command, const char *given, size_t len)
{
	size_t n = strncmp("help", given, len) == 0;

	n += command->version && strncmp("version", given, len) == 0;
	for (size_t i = 0; i < count(command->options); i++)
		n += strncmp(command->options[i].name, given, len) == 0;
	return n;
}

static int bad_option(const struct cli_command *command, int c, char **argv)
{
	const char *given = argv[optind - 1];
	size_t len = strcspn(given, "=");

	if (c == ':')
		return cli_usage(command->name, "%s needs a value", given);
	if (optopt != 0 && optopt < 256 && strncmp(given, "--", 2) != 0)
		return cli_usage(command->name, "there is no option -%c", optopt);
	if (optopt != 0)
		return cli_usage(command->name, "%.*s takes no value", (int)len, given);
	if (meant(command, given + 2, len - 2) > 1)
		return cli_usage(command->name, "%.*s may stand for several options", (int)len,
				 given);
	return cli_usage(command->name, "there is no option %.*s", (int)len, given);
}

/* The table's options as getopt_long() wants them, and their letters. */
static size_t list_options(const struct cli_command *command, struct option *longs, char *letters)
{
	size_t n = count(command->options);

	if (n > OPTIONS_MAX)
		abort();
	letters += strlen(letters);
	for (size_t i = 0; i < n; i++) {
		const struct cli_option *o = &command->options[i];

		longs[i] = (struct option){ o->name, o->flag ? no_argument : required_argument,
					    NULL, FIRST_LONG + (int)i };
		if (o->letter != '\0')
			*letters++ = o->letter;
	}
	*letters = '\0';
	return n;
}

static const struct cli_option *option_of(const struct cli_command *command, int c)
{
	if (c >= FIRST_LONG)
		return &command->options[c - FIRST_LONG];
	for (size_t i = 0; c != '?' && c != ':' && i < count(command->options); i++)
		if (command->options[i].letter == c)
			return &command->options[i];
	return NULL;
}

static int parse_options(const struct cli_command *command, int argc, char **argv)
{
	struct option longs[OPTIONS_MAX + 3] = { 0 };
	char letters[OPTIONS_MAX + 3] = ":h";
	size_t n = list_options(command, longs, letters);
	const struct cli_option *option;
	int c;

	longs[n] = (struct option){ "help", no_argument, NULL, 2 };
	if (command->version)
		longs[n + 1] = (struct option){ "version", no_argument, NULL, 3 };
	optind = 0; /* GNU: start over */
	while ((c = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		int r;

		if (c == 'h' || c == 2) {
			print_help(command);
			return -1;
		}
		if (c == 3)
			return print_version(command->name) == CLI_OK ? -1 : CLI_FAILED;
		option = option_of(command, c);
		r = option != NULL ? take(command, option) : bad_option(command, c, argv);
		if (r != CLI_OK)
			return r;
	}
	return CLI_OK;
}

bool cli_parse(const struct cli_command *command, int argc, char **argv, char ***ret_args,
	       int *ret_n, int *ret_exit)
{
	int r = parse_options(command, argc, argv), n = argc - optind;

	if (r == CLI_OK && n < command->min_args)
		r = cli_usage(command->name, "an argument is missing; usage: %s %s", command->name,
			      command->synopsis);
	else if (r == CLI_OK && command->max_args >= 0 && n > command->max_args)
		r = cli_usage(command->name, "'%s' is one argument too many; usage: %s %s",
			      argv[optind + command->max_args], command->name, command->synopsis);
	if (r != CLI_OK) {
		*ret_exit = r < 0 ? CLI_OK : r;
		return false;
	}
	*ret_args = argv + optind;
	*ret_n = n;
	return true;
}

bool cli_number(const struct cli_command *command, const char *name, const char *text, uint64_t min,
		uint64_t max, uint64_t *ret)
{
	char *end = NULL;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || text[0] < '0' || text[0] > '9' ||
	    value < min || value > max) {
		cli_usage(command->name, "--%s '%s' is not a number from %llu to %llu", name, text,
			  (unsigned long long)min, (unsigned long long)max);
		return false;
	}
	*ret = value;
	return true;
}

static bool is_subcommand(const char *program)
{
	return strchr(program, ' ') != NULL;
}

static void print_commands(FILE *out, const char *program, const char *help,
			   const struct cli_subcommand *commands)
{
	fprintf(out, "Usage: %s COMMAND [ARGUMENT]…\n\n%s\n\nCommands:\n", program, help);
	for (; commands->name != NULL; commands++)
		fprintf(out, "  %-12s %s\n", commands->name, commands->help);
	fprintf(out, "\nEach has a --help of its own.\n");
	if (is_subcommand(program))
		return;
	fprintf(out, "\nOptions:\n");
	fprintf(out, "  %-*s%s\n", HELP_COLUMN - 2, "--version", VERSION_HELP);
}

int cli_dispatch(const char *program, const char *help, const struct cli_subcommand *commands,
		 int argc, char **argv)
{
	if (argc < 2) {
		print_commands(stderr, program, help, commands);
		return CLI_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    (strcmp(argv[1], "help") == 0 && argc == 2)) {
		print_commands(stdout, program, help, commands);
		return CLI_OK;
	}
	if (strcmp(argv[1], "help") == 0) {
		char *again[] = { argv[0], argv[2], (char *)"--help", NULL };

		return cli_dispatch(program, help, commands, 3, again);
	}
	if (strcmp(argv[1], "--version") == 0 && !is_subcommand(program))
		return print_version(program);
	for (const struct cli_subcommand *c = commands; c->name != NULL; c++)
		if (strcmp(c->name, argv[1]) == 0)
			return c->run(argc - 1, argv + 1);
	return cli_usage(program, "there is no command '%s'", argv[1]);
}
