/* SPDX-License-Identifier: Apache-2.0 */
/* A policy in the making, and how it is written for a person to review. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <trustbuild/policy.h>

#include "host/commands.h"
#include "host/policy.h"

/* cJSON leaves out what it has no memory for, without a word: such a policy is never written. */
static bool exhausted;

static void *minded_malloc(size_t n)
{
	void *p = malloc(n);

	exhausted = exhausted || p == NULL;
	return p;
}

void draft_begin(void)
{
	cJSON_Hooks hooks = { .malloc_fn = minded_malloc, .free_fn = free };

	exhausted = false;
	cJSON_InitHooks(&hooks);
}

int draft_refuse(const char *path, const char *why)
{
	char *safe = cli_escaped(cli_bytes(path));

	cli_say(DRAFT_NAME ": '%s' %s", safe != NULL ? safe : "", why);
	free(safe);
	return CLI_FAILED;
}

void draft_exhausted(void)
{
	exhausted = true;
}

void draft_clear(struct draft *draft)
{
	cJSON_Delete(draft->policy);
	cJSON_Delete(draft->proposed);
	for (size_t i = 0; i < draft->n_notes; i++)
		free(draft->notes[i].origin);
	*draft = (struct draft){ 0 };
}

/* What a person has said takes the place of what evidence proposed. */
static void withdraw(struct draft *draft, const char *section)
{
	cJSON_DeleteItemFromObjectCaseSensitive(draft->proposed, section);
	for (size_t i = 0; i < draft->n_notes; i++) {
		struct draft_note *note = &draft->notes[i];

		if (strcmp(note->section, section) != 0)
			continue;
		free(note->origin);
		draft->n_notes--;
		memmove(note, note + 1, (draft->n_notes - i) * sizeof(*note));
		return;
	}
}

bool draft_add(struct draft *draft, bool proposed, const char *section, cJSON *item,
	       const char *decision, const char *fmt, ...)
{
	cJSON **where = proposed ? &draft->proposed : &draft->policy;
	struct draft_note *note;
	va_list ap;
	int r;

	if (!proposed && draft->proposed != NULL)
		withdraw(draft, section);
	note = &draft->notes[draft->n_notes];
	if (*where == NULL)
		*where = cJSON_CreateObject();
	if (item == NULL || !cJSON_AddItemToObject(*where, section, item)) {
		cJSON_Delete(item);
		cli_say(DRAFT_NAME ": out of memory");
		return false;
	}
	*note = (struct draft_note){ .section = section, .decision = decision };
	va_start(ap, fmt);
	r = vasprintf(&note->origin, fmt, ap);
	va_end(ap);
	if (r < 0) {
		cli_say(DRAFT_NAME ": out of memory");
		return false;
	}
	draft->n_notes++;
	return true;
}

static char *comments(const struct draft *draft)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (out == NULL)
		return NULL;
	fputs("# About this policy\n\nA first draft, for a person to review. Lines marked TRUST "
	      "are decisions that nobody can make for you.\n\n",
	      out);
	for (size_t i = 0; i < draft->n_notes; i++) {
		const struct draft_note *note = &draft->notes[i];

		fprintf(out, "- `%s`: ", note->section);
		cli_escape(out, cli_bytes(note->origin), false);
		if (note->decision != NULL)
			fprintf(out, ". **TRUST**: %s\n", note->decision);
		else
			fputs(". No trust decision.\n", out);
	}
	if (draft->proposed != NULL)
		fprintf(out,
			"\nWhat stands under `proposed` was said by evidence about itself. No "
			"verifier loads this file before you have compared those values with "
			"what you know from elsewhere, moved them to the top level, %sand "
			"removed `proposed`.\n",
			cJSON_HasObjectItem(draft->policy, "log")
				? ""
				: "added what is missing (`log`, `time`), ");
	fputs("\nEverything else is as strict as it can be; docs/spec/policy.md says what each "
	      "field means.\n",
	      out);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

/* What an option brought in is wrong where the user wrote it, not in a file that is nowhere. */
static int bad_policy(const trb_error *err)
{
	static const struct {
		const char *path, *option;
	} from[] = {
		{ "source.repositories", "--repository" },
		{ "source.refs", "--ref" },
		{ "source.commits", "--commit" },
		{ "sandbox.runtimes", "--runtime" },
		{ "log.keys", "--log-key" },
		{ "log.witnesses", "--witness" },
	};
	const char *place = strstr(trb_error_message(err), ", column ");
	const char *path = place != NULL ? strstr(place, ": ") : NULL;
	const char *text = path != NULL ? strstr(path + 2, ": ") : NULL;

	for (size_t i = 0; text != NULL && i < sizeof(from) / sizeof(from[0]); i++)
		if (strncmp(path + 2, from[i].path, strlen(from[i].path)) == 0)
			return cli_usage(DRAFT_NAME, "%s%s", from[i].option, text);
	return cli_error(DRAFT_NAME, err);
}

/* What is written must load, or be refused for its proposals alone. */
static int check_policy(const struct draft *draft, const char *json)
{
	trb_policy *policy = NULL;
	trb_error *err = NULL;
	int status = CLI_OK;

	if (draft->proposed == NULL && trb_policy_parse(cli_bytes(json), &policy, &err) < 0)
		status = bad_policy(err);
	trb_policy_unref(policy);
	trb_error_unref(err);
	return status;
}

static int write_both(const struct draft *draft, const char *json, const char *path)
{
	char *text = comments(draft), *name = NULL;
	int status = CLI_FAILED;

	if (text == NULL) {
		cli_say(DRAFT_NAME ": out of memory");
	} else if (path == NULL) {
		fputs(json, stdout);
		fputs(text, stderr);
		status = cli_flush(DRAFT_NAME);
	} else if (asprintf(&name, "%s.comments.md", path) >= 0) {
		status = cli_write_file(DRAFT_NAME, path, cli_bytes(json));
		if (status == CLI_OK)
			status = cli_write_file(DRAFT_NAME, name, cli_bytes(text));
	}
	free(name);
	free(text);
	return status;
}

int draft_write(const struct draft *draft, const char *path, bool force)
{
	cJSON *whole = cJSON_Duplicate(draft->policy, true);
	char *printed, *json = NULL;
	int status = CLI_FAILED;

	if (path != NULL && !force && access(path, F_OK) == 0) {
		cJSON_Delete(whole);
		return draft_refuse(path, "is there already; --force replaces it");
	}
	if (draft->proposed != NULL)
		cJSON_AddItemToObject(whole, "proposed", cJSON_Duplicate(draft->proposed, true));
	printed = cJSON_Print(whole);
	if (printed == NULL || exhausted || asprintf(&json, "%s\n", printed) < 0) {
		json = NULL;
		cli_say(DRAFT_NAME ": out of memory");
	} else {
		status = check_policy(draft, json);
		if (status == CLI_OK)
			status = write_both(draft, json, path);
	}
	free(json);
	cJSON_free(printed);
	cJSON_Delete(whole);
	return status;
}
