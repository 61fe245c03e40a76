/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of bundles for tb-verify batch: one entry a line, or ended by NUL. */
#include "verifier/list.h"

#include <stdlib.h>
#include <string.h>

#define ENTRY_BYTES (16u * 1024) /* more than the longest paths and name take */
#define FIELDS_MAX  3

void list_entry_clear(struct list_entry *entry)
{
	free(entry->text);
	*entry = (struct list_entry){ 0 };
}

int list_fault(const struct list *list, const char *why)
{
	return cli_usage(list->program, "%s %zu of the list: %s", list->nul ? "entry" : "line",
			 list->number, why);
}

/* How many bytes the next entry has up to and with its end; 0 where the list ends before. */
static size_t length_of_names(const struct list *list)
{
	size_t n = 0;

	for (unsigned i = 0; i < list->fields; i++) {
		const uint8_t *end = memchr(list->rest.ptr + n, '\0', list->rest.len - n);

		if (end == NULL)
			return 0;
		n = (size_t)(end - list->rest.ptr) + 1;
	}
	return n;
}

static size_t length_of_line(const struct list *list)
{
	const uint8_t *end = memchr(list->rest.ptr, '\n', list->rest.len);

	return end != NULL ? (size_t)(end - list->rest.ptr) + 1 : list->rest.len;
}

static const char *split_names(const struct list *list, char *text, const char *fields[FIELDS_MAX])
{
	for (unsigned i = 0; i < list->fields; i++) {
		fields[i] = *text != '\0' ? text : NULL;
		text += strlen(text) + 1;
	}
	return NULL;
}

/* Where a line may mean two things, or nothing, it is refused. */
static const char *line_fault(const char *line, size_t n)
{
	if (strlen(line) != n)
		return "it has a NUL: give names that end with it by -0";
	if (n == 0)
		return "it is empty";
	if (line[0] == '#')
		return "it begins with #: there are no comments; write ./ before such a name";
	if (line[n - 1] == '\r')
		return "it ends with a carriage return: write lines that end with a newline alone";
	return NULL;
}

static const char *split_line(char *line, const char *fields[FIELDS_MAX])
{
	char *rest = line;

	for (size_t i = 0; rest != NULL; i++) {
		char *field = strsep(&rest, "\t");

		if (i == FIELDS_MAX)
			return "it has more than three fields";
		if (*field == '\0')
			return "it has an empty field: fields are separated by single tabs";
		fields[i] = field;
	}
	return NULL;
}

static const char *split(const struct list *list, char *text, size_t n,
			 const char *fields[FIELDS_MAX])
{
	const char *fault;

	if (list->nul)
		return split_names(list, text, fields);
	if (n > 0 && text[n - 1] == '\n')
		text[--n] = '\0';
	fault = line_fault(text, n);
	return fault != NULL ? fault : split_line(text, fields);
}

static const char *read_entry(const struct list *list, char *text, size_t n, struct list_entry *ret)
{
	const char *fields[FIELDS_MAX] = { NULL };
	const char *fault = split(list, text, n, fields);

	if (fault != NULL)
		return fault;
	if (fields[0] == NULL)
		return "it names no artifact";
	if (strcmp(fields[0], "-") == 0)
		return "standard input is no artifact of a list; write ./- for a file of that name";
	*ret = (struct list_entry){ text, fields[0], fields[1], fields[2] };
	return NULL;
}

int list_take(struct list *list, struct list_entry *ret)
{
	size_t n = list->nul ? length_of_names(list) : length_of_line(list);
	const char *fault;
	char *text;

	list->number++;
	if (n == 0)
		return list_fault(list, "the list ends before it does, or has no NUL");
	if (n > ENTRY_BYTES)
		return list_fault(list, "it is longer than 16384 bytes");
	text = malloc(n + 1);
	if (text == NULL) {
		cli_say("%s: out of memory", list->program);
		return CLI_FAILED;
	}
	memcpy(text, list->rest.ptr, n);
	text[n] = '\0';
	fault = read_entry(list, text, n, ret);
	if (fault != NULL) {
		free(text);
		return list_fault(list, fault);
	}
	list->rest = (trb_bytes){ list->rest.ptr + n, list->rest.len - n };
	return CLI_OK;
}
