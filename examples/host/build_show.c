/* SPDX-License-Identifier: Apache-2.0 */
/* What tb-host build shows: events on standard error, results on standard output. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/build.h"

#define MARK "  | " /* before each line that the build printed */

static bool in_line;

void build_end_output(void)
{
	if (in_line)
		fputc('\n', stderr);
	in_line = false;
}

static void show_output(trb_bytes text)
{
	cli_progress_end();
	while (text.len > 0) {
		const uint8_t *end = memchr(text.ptr, '\n', text.len);
		size_t n = end != NULL ? (size_t)(end - text.ptr) : text.len;

		if (!in_line)
			fputs(MARK, stderr);
		cli_escape(stderr, (trb_bytes){ text.ptr, n }, false);
		in_line = end == NULL;
		if (end != NULL) {
			fputc('\n', stderr);
			n++;
		}
		text.ptr += n;
		text.len -= n;
	}
	fflush(stderr);
}

static void show_machine(const trb_event *event)
{
	char *model = cli_escaped(cli_bytes(trb_event_get_cpu_model(event)));

	cli_say("  the build sees %llu CPU%s, %llu MiB of memory, model %s",
		(unsigned long long)trb_event_get_cpus(event),
		trb_event_get_cpus(event) == 1 ? "" : "s",
		(unsigned long long)trb_event_get_memory_mib(event), model != NULL ? model : "?");
	free(model);
}

/* How the commit stands to the ref: the build has not begun yet, and can be stopped. */
static void show_history(const trb_event *event)
{
	const char *relation = trb_event_get_relation(event);
	unsigned long long steps = trb_event_get_steps(event);
	const char *s = steps == 1 ? "" : "s";

	if (relation == NULL)
		cli_say("  no ref was asked for: evidence will not say where the commit stands");
	else if (strcmp(relation, "tip") == 0)
		cli_say("  it is the tip of the ref%s",
			trb_event_get_tag(event) != NULL ? ", an annotated tag" : "");
	else if (strcmp(relation, "first-parent") == 0)
		cli_say("  it is %llu commit%s behind the tip %s, on the ref's own line", steps, s,
			trb_event_get_tip(event));
	else
		cli_say("  it is in the history of the tip %s, %llu step%s away, and not on the "
			"ref's own line: it may never have been the tip",
			trb_event_get_tip(event), steps, s);
	if (trb_event_get_location(event) != NULL)
		cli_say("  the server redirected to %s", trb_event_get_location(event));
}

static void show_state(const trb_event *event, bool simulated)
{
	static const struct {
		const char *state, *words;
	} rows[] = {
		{ "READY", "enclave is up" },
		{ "FETCHING", "fetching the source" },
		{ "COMMITTED", "committed to" },
		{ "BUILDING", "building in the sandbox" },
		{ "BUILT", "built; artifacts are hashed" },
		{ "ATTESTED", "attested" },
		{ "DONE", "done" },
	};
	trb_bytes commit = trb_event_get_text(event);

	build_end_output();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].state, trb_event_get_state(event)) == 0)
			cli_say("%s%s%.*s%s", rows[i].words, commit.len > 0 ? " " : "",
				(int)commit.len, (const char *)commit.ptr,
				i == 0 && simulated ? " (SIMULATED)" : "");
	if (trb_event_get_cpus(event) > 0)
		show_machine(event);
	if (strcmp(trb_event_get_state(event), "COMMITTED") == 0)
		show_history(event);
}

void build_show_event(const trb_event *event, bool simulated)
{
	trb_bytes text = trb_event_get_text(event);

	switch (trb_event_get_type(event)) {
	case TRB_EVENT_STATE:
		show_state(event, simulated);
		break;
	case TRB_EVENT_PROGRESS:
		build_end_output();
		while (text.len > 0 && text.ptr[text.len - 1] == '\n')
			text.len--;
		cli_progress("%.*s", (int)text.len, (const char *)text.ptr);
		break;
	case TRB_EVENT_OUTPUT:
		show_output(text);
		break;
	}
}

static void json_path(const char *out, const char *path)
{
	char *whole = NULL;

	if (asprintf(&whole, "%s/%s", out, path) < 0)
		whole = NULL;
	cli_json_string(stdout, cli_bytes(whole != NULL ? whole : path));
	free(whole);
}

static void print_json(const trb_job *job, const char *out, const char *log)
{
	printf("{\"commit\": \"%s\", \"bundle\": ",
	       trb_request_get_commit(trb_job_get_request(job)));
	json_path(out, trb_job_get_bundle_path(job));
	printf(", \"log\": ");
	if (log != NULL)
		cli_json_string(stdout, cli_bytes(log));
	else
		printf("null");
	printf(", \"artifacts\": [");
	for (size_t i = 0; i < trb_job_count_files(job); i++) {
		printf("%s{\"name\": ", i > 0 ? ", " : "");
		cli_json_string(stdout, cli_bytes(trb_job_get_file_name(job, i)));
		printf(", \"path\": ");
		json_path(out, trb_job_get_file_path(job, i));
		printf(", \"size\": %llu, \"attested\": %s}",
		       (unsigned long long)trb_job_get_file_size(job, i),
		       trb_job_is_file_attested(job, i) ? "true" : "false");
	}
	printf("]}\n");
}

static void print_path(const char *out, const char *path)
{
	cli_escape(stdout, cli_bytes(out), false);
	putchar('/');
	cli_escape(stdout, cli_bytes(path), false);
	putchar('\n');
}

void build_print(const trb_job *job, const char *out, const char *log, bool json)
{
	if (json) {
		print_json(job, out, log);
		return;
	}
	for (size_t i = 0; i < trb_job_count_files(job); i++)
		print_path(out, trb_job_get_file_path(job, i));
	print_path(out, trb_job_get_bundle_path(job));
}
