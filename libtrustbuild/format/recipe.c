/* SPDX-License-Identifier: Apache-2.0 */
/* The recipe: what a trustbuild.json may say. */
#include "format/recipe.h"

#include <fnmatch.h>

#include "core/error.h"
#include "format/json.h"

#define VERSION 2 /* the largest that is read; 1 is read, too */

static const struct {
	const char *name;
	size_t offset;
	uint64_t min, max, normal;
} limit_rows[] = {
	{ "memory_mib", offsetof(struct trb_recipe, memory_mib), 16, 1048576, 2048 },
	{ "pids", offsetof(struct trb_recipe, pids), 4, 1048576, 512 },
	{ "wall_s", offsetof(struct trb_recipe, wall_s), 1, 604800, 3600 },
	{ "disk_mib", offsetof(struct trb_recipe, disk_mib), 1, 1048576, 4096 },
	{ "output_mib", offsetof(struct trb_recipe, output_mib), 1, 65536, 64 },
};
#define N_LIMITS (sizeof(limit_rows) / sizeof(limit_rows[0]))

static uint64_t *limit_at(struct trb_recipe *recipe, size_t i)
{
	return (uint64_t *)(void *)((char *)recipe + limit_rows[i].offset);
}

bool trb_pattern_match(const char *pattern, const char *name)
{
	return fnmatch(pattern, name, FNM_PATHNAME | FNM_PERIOD | FNM_NOESCAPE) == 0;
}

const char *trb_pattern_fault(trb_bytes pattern)
{
	unsigned stars = 0;

	/* what is good as a name is good as a pattern, but for the characters of other dialects;
	 * many stars would make matching slow */
	for (size_t i = 0; i < pattern.len; i++) {
		if (pattern.ptr[i] != '\0' && strchr("[]{}\\", pattern.ptr[i]) != NULL)
			return "[ ] { } and \\ are not part of patterns";
		stars += pattern.ptr[i] == '*';
		if (i > 0 && pattern.ptr[i] == '*' && pattern.ptr[i - 1] == '*')
			return "** is not part of patterns";
	}
	if (stars > TRB_PATTERN_STARS)
		return "has more than 8 stars";
	return trb_artifact_name_fault(pattern);
}

static void strings_free(char **strings)
{
	for (size_t i = 0; strings != NULL && strings[i] != NULL; i++)
		free(strings[i]);
	free(strings);
}

static void commands_free(struct trb_command *commands, size_t n)
{
	for (size_t i = 0; commands != NULL && i < n; i++)
		strings_free(commands[i].argv);
	free(commands);
}

struct trb_recipe *trb_recipe_free(struct trb_recipe *recipe)
{
	if (recipe == NULL)
		return NULL;
	commands_free(recipe->commands, recipe->n_commands);
	commands_free(recipe->after, recipe->n_after);
	strings_free(recipe->artifacts);
	strings_free(recipe->network);
	for (size_t i = 0; i < recipe->n_env; i++) {
		free(recipe->env[i].name);
		free(recipe->env[i].value);
	}
	free(recipe->env);
	free(recipe);
	return NULL;
}

/* An array of min to max strings as a NULL-terminated list. */
static int read_strings(const struct trb_json *doc, const cJSON *item, size_t min, size_t max,
			char ***ret, size_t *ret_n, trb_error **err)
{
	char **list;
	size_t n, i = 0;
	int r = trb_json_array(doc, item, min, max, &n, err);

	if (r < 0)
		return r;
	list = calloc(n + 1, sizeof(*list));
	if (list == NULL)
		return trb_fail_nomem(err);
	for (const cJSON *c = item->child; c != NULL && r == TRB_OK; c = c->next, i++) {
		trb_bytes text;

		r = trb_json_string(doc, c, 0, TRB_RECIPE_MAX, &text, err);
		if (r < 0)
			break;
		list[i] = strdup((const char *)text.ptr);
		if (list[i] == NULL)
			r = trb_fail_nomem(err);
	}
	if (r < 0) {
		strings_free(list);
		return r;
	}
	*ret = list;
	*ret_n = n;
	return TRB_OK;
}

static int read_command(const struct trb_json *doc, const cJSON *item, struct trb_command *ret,
			trb_error **err)
{
	size_t n;
	int r = read_strings(doc, item, 1, TRB_RECIPE_ARGUMENTS, &ret->argv, &n, err);

	if (r == TRB_OK && ret->argv[0][0] == '\0')
		return trb_json_fail(doc, item->child, err, "the program's name is empty");
	return r;
}

static int read_commands(const struct trb_json *doc, const cJSON *item, size_t min,
			 struct trb_command **ret, size_t *ret_n, trb_error **err)
{
	size_t n, i = 0;
	int r = trb_json_array(doc, item, min, TRB_RECIPE_COMMANDS, &n, err);

	if (r < 0)
		return r;
	*ret = calloc(n + 1, sizeof(**ret));
	if (*ret == NULL)
		return trb_fail_nomem(err);
	*ret_n = n;
	for (const cJSON *c = item->child; c != NULL && r == TRB_OK; c = c->next)
		r = read_command(doc, c, &(*ret)[i++], err);
	return r;
}

static const cJSON *entry(const cJSON *array, size_t i)
{
	const cJSON *c = array->child;

	while (i-- > 0)
		c = c->next;
	return c;
}

/* The index of the first string that stands before it already, or n. */
static size_t first_repeated(char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < i; k++)
			if (strcmp(list[i], list[k]) == 0)
				return i;
	return n;
}

static int read_artifacts(const struct trb_json *doc, const cJSON *item, struct trb_recipe *recipe,
			  trb_error **err)
{
	int r = read_strings(doc, item, 1, TRB_RECIPE_PATTERNS, &recipe->artifacts,
			     &recipe->n_artifacts, err);
	size_t twice;

	for (size_t i = 0; r == TRB_OK && i < recipe->n_artifacts; i++) {
		const char *why = trb_pattern_fault(trb_bytes_str(recipe->artifacts[i]));

		if (why != NULL)
			r = trb_json_fail(doc, entry(item, i), err, "%s", why);
	}
	if (r < 0)
		return r;
	twice = first_repeated(recipe->artifacts, recipe->n_artifacts);
	return twice == recipe->n_artifacts
		       ? TRB_OK
		       : trb_json_fail(doc, entry(item, twice), err, "stands twice");
}

static int read_network(const struct trb_json *doc, const cJSON *item, struct trb_recipe *recipe,
			trb_error **err)
{
	int r = read_strings(doc, item, 0, TRB_ENVIRONMENT_HOSTS, &recipe->network,
			     &recipe->n_network, err);
	size_t twice;

	for (size_t i = 0; r == TRB_OK && i < recipe->n_network; i++) {
		const char *why = trb_host_port_fault(trb_bytes_str(recipe->network[i]));

		if (why != NULL)
			r = trb_json_fail(doc, entry(item, i), err, "%s", why);
	}
	if (r < 0)
		return r;
	twice = first_repeated(recipe->network, recipe->n_network);
	return twice == recipe->n_network
		       ? TRB_OK
		       : trb_json_fail(doc, entry(item, twice), err, "stands twice");
}

/* What the build runner sets itself would stand twice in the build's environment. */
static const char *variable_fault(const char *name)
{
	static const char *const own[] = { "PATH", "HOME", "LANG", "TZ", "SOURCE_DATE_EPOCH" };
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";

	if (name[0] == '\0' || strchr(letters, name[0]) == NULL)
		return "a variable's name begins with a letter or _";
	if (strlen(name) > 255 || name[strspn(name + 1, "0123456789"
							"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
							"abcdefghijklmnopqrstuvwxyz_") +
				       1] != '\0')
		return "a variable's name has letters, digits and _ only, at most 255";
	if (strncmp(name, "TRUSTBUILD_", 11) == 0)
		return "names that begin with TRUSTBUILD_ are the build runner's";
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (strcmp(name, own[i]) == 0)
			return "is set by the build runner";
	return NULL;
}

static int read_env(const struct trb_json *doc, const cJSON *item, struct trb_recipe *recipe,
		    trb_error **err)
{
	recipe->env = calloc(TRB_RECIPE_VARIABLES, sizeof(*recipe->env));
	if (recipe->env == NULL)
		return trb_fail_nomem(err);
	for (const cJSON *c = item->child; c != NULL; c = c->next) {
		const char *why = variable_fault(c->string);
		struct trb_env_var *var = &recipe->env[recipe->n_env];

		if (why != NULL)
			return trb_json_fail(doc, c, err, "%s", why);
		if (!cJSON_IsString(c))
			return trb_json_fail(doc, c, err, "must be a string");
		if (recipe->n_env == TRB_RECIPE_VARIABLES)
			return trb_json_fail(doc, item, err, "has more than %u variables",
					     TRB_RECIPE_VARIABLES);
		var->name = strdup(c->string);
		var->value = strdup(c->valuestring);
		recipe->n_env++;
		if (var->name == NULL || var->value == NULL)
			return trb_fail_nomem(err);
	}
	return TRB_OK;
}

/* Names of version 2 that this release knows and cannot do yet; version 1 has none of them. */
static const char *const later_names[] = { "dependencies", "fetch", "registries", "rootfs",
					   "toolchains" };
static const char *const later_limits[] = { "cpus", "address_space_mib" };

static int refuse_later(const struct trb_json *doc, const cJSON *object, const char *const *names,
			size_t n, trb_error **err)
{
	struct trb_json later = *doc;

	later.code = TRB_E_UNSUPPORTED;
	for (size_t i = 0; i < n; i++) {
		const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, names[i]);

		if (item != NULL)
			return trb_json_fail(&later, item, err,
					     "needs a later release than this one");
	}
	return TRB_OK;
}

static int read_limits(const struct trb_json *doc, const cJSON *item, struct trb_recipe *recipe,
		       trb_error **err)
{
	struct trb_json_field fields[N_LIMITS];
	const cJSON *v[N_LIMITS];
	int r = TRB_OK;

	for (size_t i = 0; i < N_LIMITS; i++)
		fields[i] = (struct trb_json_field){ limit_rows[i].name, TRB_JSON_UINT, false };
	if (recipe->version > 1)
		r = refuse_later(doc, item, later_limits, 2, err);
	if (r == TRB_OK)
		r = TRB_JSON_RECORD(doc, item, fields, v, err);
	for (size_t i = 0; r == TRB_OK && i < N_LIMITS; i++)
		if (v[i] != NULL)
			r = trb_json_uint(doc, v[i], limit_rows[i].min, limit_rows[i].max,
					  limit_at(recipe, i), err);
	return r;
}

/* First of all: what a later release adds must not look like a fault. */
static int read_version(const struct trb_json *doc, struct trb_recipe *recipe, trb_error **err)
{
	const cJSON *item = cJSON_IsObject(doc->root)
				    ? cJSON_GetObjectItemCaseSensitive(doc->root, "recipe")
				    : NULL;
	int r;

	if (item == NULL)
		return TRB_OK; /* the record says what is missing */
	r = trb_json_uint(doc, item, 1, TRB_JSON_INT_MAX, &recipe->version, err);
	if (r < 0 || recipe->version <= VERSION)
		return r < 0 || recipe->version == 1
			       ? r
			       : refuse_later(doc, doc->root, later_names,
					      sizeof(later_names) / sizeof(later_names[0]), err);
	return trb_json_fail(doc, item, err,
			     "version %llu needs a later release than this one, which reads "
			     "versions 1 and %d",
			     (unsigned long long)recipe->version, VERSION);
}

static int read_recipe(const struct trb_json *doc, struct trb_recipe *recipe, trb_error **err)
{
	static const struct trb_json_field fields[] = {
		{ "recipe", TRB_JSON_UINT, true },
		{ "commands", TRB_JSON_ARRAY, true },
		{ "artifacts", TRB_JSON_ARRAY, true },
		{ "env", TRB_JSON_OBJECT, false },
		{ "network", TRB_JSON_ARRAY, false },
		{ "limits", TRB_JSON_OBJECT, false },
		{ "after_attestation", TRB_JSON_ARRAY, false },
	};
	const cJSON *v[7];
	int r = read_version(doc, recipe, err);

	if (r == TRB_OK)
		r = TRB_JSON_RECORD(doc, doc->root, fields, v, err);
	if (r == TRB_OK)
		r = read_commands(doc, v[1], 1, &recipe->commands, &recipe->n_commands, err);
	if (r == TRB_OK)
		r = read_artifacts(doc, v[2], recipe, err);
	if (r == TRB_OK && v[3] != NULL)
		r = read_env(doc, v[3], recipe, err);
	if (r == TRB_OK && v[4] != NULL)
		r = read_network(doc, v[4], recipe, err);
	if (r == TRB_OK && v[5] != NULL)
		r = read_limits(doc, v[5], recipe, err);
	if (r == TRB_OK && v[6] != NULL)
		r = read_commands(doc, v[6], 0, &recipe->after, &recipe->n_after, err);
	return r;
}

int trb_recipe_parse(trb_bytes json, struct trb_recipe **ret, trb_error **err)
{
	_cleanup_json_ struct trb_json doc = { .what = "recipe", .check = "recipe.parse" };
	_cleanup_(trb_recipe_freep) struct trb_recipe *recipe = calloc(1, sizeof(*recipe));
	int r;

	if (recipe == NULL)
		return trb_fail_nomem(err);
	for (size_t i = 0; i < N_LIMITS; i++)
		*limit_at(recipe, i) = limit_rows[i].normal;
	r = trb_json_load(&doc, json, TRB_RECIPE_MAX, err);
	if (r == TRB_OK)
		r = read_recipe(&doc, recipe, err);
	if (r == TRB_OK)
		*ret = steal_ptr(&recipe);
	return r;
}
