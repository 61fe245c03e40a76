/* SPDX-License-Identifier: Apache-2.0 */
/* source-tool fetch|resolve KEY=VALUE…: the source stage over the public API, for tests/e2e/source.
 * Prints KEY=VALUE lines.  Status: 0, or 1 after a line "error=CODE check=ID" and the causes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <trustbuild/sys/source.h>

static const char *argument(char **argv, const char *key)
{
	size_t n = strlen(key);

	for (; *argv != NULL; argv++)
		if (strncmp(*argv, key, n) == 0 && (*argv)[n] == '=')
			return *argv + n + 1;
	return NULL;
}

static void print_line(int level, const char *text, void *user)
{
	(void)level;
	(void)user;
	fprintf(stderr, "progress: %s\n", text);
}

static trb_bytes token_of(char **argv)
{
	const char *text = argument(argv, "token");

	return (trb_bytes){ (const uint8_t *)text, text != NULL ? strlen(text) : 0 };
}

/* "credential=URL TOKEN" */
static int add_credential(trb_source *source, const char *arg, trb_error **err)
{
	char url[512];
	const char *space = strchr(arg, ' ');
	trb_bytes token;

	if (space == NULL || sscanf(arg, "credential=%511s", url) != 1)
		return TRB_OK;
	token = (trb_bytes){ (const uint8_t *)space + 1, strlen(space + 1) };
	return trb_source_add_credential(source, url, token, err);
}

static int configure(trb_source *source, char **argv, trb_error **err)
{
	const char *egress = argument(argv, "egress"), *ca = argument(argv, "ca");
	int r = TRB_OK;

	if (egress != NULL)
		r = trb_source_set_egress(source, egress, err);
	if (r == TRB_OK && ca != NULL)
		r = trb_source_set_ca_file(source, ca, err);
	if (r == TRB_OK && token_of(argv).len > 0)
		r = trb_source_set_token(source, token_of(argv), err);
	for (; r == TRB_OK && *argv != NULL; argv++) {
		r = add_credential(source, *argv, err);
		if (r < 0)
			break;
		char name[64];
		unsigned long long value;

		if (sscanf(*argv, "limit.%63[a-z_]=%llu", name, &value) == 2)
			r = trb_source_set_limit(source, name, value, err);
	}
	return r;
}

static int print_source(const trb_source *source, char **argv)
{
	const char *exec = argument(argv, "exec");
	trb_bytes digest = trb_source_get_digest(source), recipe = trb_source_get_recipe(source);

	printf("commit=%s\n", trb_source_get_commit(source));
	if (trb_source_get_tip(source) != NULL)
		printf("tip=%s\nrelation=%s\nsteps=%llu\n", trb_source_get_tip(source),
		       trb_source_get_relation(source),
		       (unsigned long long)trb_source_get_steps(source));
	if (trb_source_get_tag(source) != NULL)
		printf("tag=%s\n", trb_source_get_tag(source));
	if (trb_source_get_location(source) != NULL)
		printf("location=%s\n", trb_source_get_location(source));
	printf("digest=");
	for (size_t i = 0; i < digest.len; i++)
		printf("%02x", digest.ptr[i]);
	printf("\ntime=%lld\nfiles=%llu\nbytes=%llu\n", (long long)trb_source_get_time(source),
	       (unsigned long long)trb_source_get_files(source),
	       (unsigned long long)trb_source_get_bytes(source));
	if (recipe.ptr != NULL)
		printf("recipe=%.*s\n", (int)recipe.len, (const char *)recipe.ptr);
	for (size_t i = 0; i < trb_source_count_submodules(source); i++)
		printf("submodule=%s %s %s\n", trb_source_get_submodule_path(source, i),
		       trb_source_get_submodule_url(source, i),
		       trb_source_get_submodule_commit(source, i));
	fflush(stdout);
	if (exec == NULL)
		return TRB_OK;
	setenv("TREE", trb_source_get_path(source), 1);
	return system(exec) == 0 ? TRB_OK : TRB_E_BUILD;
}

static int fetch(trb_context *context, char **argv, trb_error **err)
{
	const char *commit = argument(argv, "commit"), *ref = argument(argv, "ref");
	trb_request *request = NULL;
	trb_source *source = NULL;
	int r;

	r = trb_request_new(context, argument(argv, "repository"), commit, &request, err);
	if (r == TRB_OK && ref != NULL)
		r = trb_request_set_ref(request, ref, err);
	if (r == TRB_OK)
		r = trb_source_new(context, request, argument(argv, "directory"), &source, err);
	if (r == TRB_OK)
		r = configure(source, argv, err);
	if (r == TRB_OK)
		r = trb_source_start(source, err);
	if (r == TRB_OK)
		r = trb_source_wait(source, -1, err);
	if (r == TRB_OK)
		r = print_source(source, argv);
	trb_source_unref(source);
	trb_request_unref(request);
	return r;
}

static int resolve(trb_context *context, char **argv, trb_error **err)
{
	trb_request *request = NULL;
	int r = trb_request_resolve(context, argument(argv, "repository"), argument(argv, "name"),
				    argument(argv, "ref"), argument(argv, "ca"), token_of(argv),
				    &request, err);

	if (r == TRB_OK)
		printf("commit=%s\nref=%s\n", trb_request_get_commit(request),
		       trb_request_get_ref(request) != NULL ? trb_request_get_ref(request) : "");
	trb_request_unref(request);
	return r;
}

int main(int argc, char **argv)
{
	trb_context *context = NULL;
	trb_error *err = NULL;
	int r;

	if (argc < 3)
		return 2;
	r = trb_context_new(&context, &err);
	if (r == TRB_OK && argument(argv, "libexec") != NULL)
		r = trb_context_set_libexec_dir(context, argument(argv, "libexec"), &err);
	if (r == TRB_OK) {
		trb_context_set_log_sink(context, print_line, NULL);
		r = strcmp(argv[1], "fetch") == 0 ? fetch(context, argv + 2, &err)
						  : resolve(context, argv + 2, &err);
	}
	if (r < 0) {
		printf("error=%s check=%s\n", trb_status_name(r),
		       trb_error_check(err) != NULL ? trb_error_check(err) : "-");
		for (const trb_error *e = err; e != NULL; e = trb_error_cause(e))
			printf("  %s\n", trb_error_message(e));
	}
	trb_error_unref(err);
	trb_context_unref(context);
	return r < 0 ? 1 : 0;
}
