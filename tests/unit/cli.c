/* SPDX-License-Identifier: Apache-2.0 */
/* Command lines and messages of the programs. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cli.h"

static void check_escape(const char *in, const char *wanted)
{
	char *text = cli_escaped(cli_bytes(in));

	ck_assert_str_eq(text, wanted);
	free(text);
}

/* threats.md: a build paints a fake VERIFIED on the terminal */
START_TEST(outside_text_cannot_drive_a_terminal)
{
	check_escape("plain \xc3\xa9 \xe2\x82\xac", "plain \xc3\xa9 \xe2\x82\xac");
	check_escape("\033[2J\r\n\x7f", "\\x1b[2J\\x0d\\x0a\\x7f");
	check_escape("\xc2\x9b"
		     "31m",
		     "\\u{9b}31m");
	check_escape("\xe2\x80\xae"
		     "txt",
		     "\\u{202e}txt");
	check_escape("\xe2\x81\xa6\xd8\x9c\xef\xbb\xbf", "\\u{2066}\\u{61c}\\u{feff}");
	check_escape("a\xc2\xa0\xcc\x81\xef\xb8\x8f\xf3\xa0\x84\x80",
		     "a\\u{a0}\\u{301}\\u{fe0f}\\u{e0100}");
	/* blanks and fillers of scripts, an empty pattern, invisible signs, a sound's mark */
	check_escape("\u3164\u115f\u1160\uffa0\u2800\u17b4\u180b",
		     "\\u{3164}\\u{115f}\\u{1160}\\u{ffa0}\\u{2800}\\u{17b4}\\u{180b}");
	check_escape("\u2062\u3000\u0600\u1dff\ufe20\U000e0001\U0001d173",
		     "\\u{2062}\\u{3000}\\u{600}\\u{1dff}\\u{fe20}\\u{e0001}\\u{1d173}");
	/* their neighbours are shown */
	check_escape(" ~\u00a1\u02ff\u0370\u115e\u1161\u2027\u2801\u3163\u3165\uff9f\U000e1000",
		     " ~\u00a1\u02ff\u0370\u115e\u1161\u2027\u2801\u3163\u3165\uff9f\U000e1000");
	check_escape("\\x1b", "\\\\x1b");
	check_escape("\xff\xc0\x80\xed\xa0\x80", "\\xff\\xc0\\x80\\xed\\xa0\\x80");
}
END_TEST

START_TEST(json_strings_are_escaped)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	cli_json_string(out, cli_bytes("a\"\\\n\xff\xe2\x80\xae\xf3\xa0\x84\x80"));
	fclose(out);
	ck_assert_str_eq(text, "\"a\\\"\\\\\\u000a\\ufffd\\u202e\\udb40\\udd00\"");
	free(text);
}
END_TEST

static const char *value;
static bool flag;
static struct cli_list list;

static const struct cli_option options[] = {
	{ .name = "value", .argument = "V", .help = "a value", .value = &value },
	{ .name = "flag", .help = "a flag", .flag = &flag },
	{ .name = "each", .argument = "E", .help = "many", .list = &list },
	{ 0 },
};
static const struct cli_command command = { "test", "ARG", "Tests.", NULL, options, 1, 2 };

static char **args;
static int n_args, code;

/* Parses a line of words; results point into static storage. */
static bool parse(const char *line)
{
	static char words[256], *argv[16];
	char *save = NULL;
	int argc = 0;

	snprintf(words, sizeof(words), "test %s", line);
	for (char *w = strtok_r(words, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	argv[argc] = NULL;
	code = -1;
	return cli_parse(&command, argc, argv, &args, &n_args, &code);
}

START_TEST(options_are_parsed)
{
	ck_assert(parse("--each 1 x --value=v --flag --each=2 -- --y"));
	ck_assert_int_eq(n_args, 2);
	ck_assert_str_eq(value, "v");
	ck_assert(flag);
	ck_assert_uint_eq(list.n, 2);
	ck_assert_str_eq(list.items[1], "2");
	cli_list_clear(&list);
}
END_TEST

START_TEST(bad_options_are_usage_errors)
{
	value = NULL;
	ck_assert(!parse("--flag"));
	ck_assert_int_eq(code, CLI_USAGE);
	ck_assert(!parse("a b c"));
	ck_assert(!parse("a --nothing"));
	ck_assert(!parse("a -z"));
	ck_assert(!parse("a --value"));
	ck_assert(!parse("a --flag=1"));
	ck_assert(!parse("a --value 1 --value 2"));
	ck_assert_int_eq(code, CLI_USAGE);
	ck_assert(!parse("a --help"));
	ck_assert_int_eq(code, CLI_OK);
}
END_TEST

START_TEST(numbers_are_strict)
{
	uint64_t n = 0;

	ck_assert(cli_number(&command, "n", "10", 1, 10, &n));
	ck_assert_uint_eq(n, 10);
	ck_assert(!cli_number(&command, "n", "11", 1, 10, &n));
	ck_assert(!cli_number(&command, "n", " 1", 1, 10, &n));
	ck_assert(!cli_number(&command, "n", "-1", 0, 10, &n));
	ck_assert(!cli_number(&command, "n", "1x", 0, 10, &n));
	ck_assert(!cli_number(&command, "n", "99999999999999999999999", 0, UINT64_MAX, &n));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cli");
	TCase *tc = tcase_create("cli");

	tcase_add_test(tc, outside_text_cannot_drive_a_terminal);
	tcase_add_test(tc, json_strings_are_escaped);
	tcase_add_test(tc, options_are_parsed);
	tcase_add_test(tc, bad_options_are_usage_errors);
	tcase_add_test(tc, numbers_are_strict);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
