/* SPDX-License-Identifier: Apache-2.0 */
/* The policy's sections: what may stand in each, and nothing else. */
#include "verifier/policy_parts.h"

#include "core/error.h"

#define POLICY_TEXT 2048

/* NULL where text is good, else what is wrong with it. */
typedef const char *(*text_fault)(trb_bytes text);

static int add_text(const struct trb_json *doc, const cJSON *item, text_fault fault,
		    struct trb_texts *out, trb_error **err)
{
	trb_bytes text = TRB_BYTES_NULL;
	const char *why;
	int r = trb_json_string(doc, item, 1, POLICY_TEXT, &text, err);

	if (r < 0)
		return r;
	why = fault != NULL ? fault(text) : NULL;
	if (why != NULL)
		return trb_json_fail(doc, item, err, "%s", why);
	if (trb_texts_have(out, text))
		return trb_json_fail(doc, item, err, "stands twice in the list");
	out->list[out->n] = strdup(item->valuestring);
	if (out->list[out->n] == NULL)
		return trb_fail_nomem(err);
	out->n++;
	return TRB_OK;
}

/* "any", or a list of *ret_n >= 1 entries. */
static int any_or_list(const struct trb_json *doc, const cJSON *item, bool *ret_any, size_t *ret_n,
		       trb_error **err)
{
	if (trb_json_is_word(item, "any")) {
		*ret_any = true;
		return TRB_OK;
	}
	if (!cJSON_IsArray(item))
		return trb_json_fail(doc, item, err, "must be \"any\" or a list");
	return trb_json_array(doc, item, 1, TRB_POLICY_ENTRIES, ret_n, err);
}

/* "any", or a list of at least one text. */
static int read_texts(const struct trb_json *doc, const cJSON *item, text_fault fault,
		      struct trb_texts *out, trb_error **err)
{
	const cJSON *entry;
	size_t n;
	int r = any_or_list(doc, item, &out->any, &n, err);

	if (r < 0 || out->any)
		return r;
	out->list = calloc(n, sizeof(*out->list));
	if (out->list == NULL)
		return trb_fail_nomem(err);
	cJSON_ArrayForEach (entry, item) {
		r = add_text(doc, entry, fault, out, err);
		if (r < 0)
			return r;
	}
	return TRB_OK;
}

static int read_digests(const struct trb_json *doc, const cJSON *item, struct trb_digests *out,
			trb_error **err)
{
	const cJSON *entry;
	size_t n;
	int r = trb_json_array(doc, item, 1, TRB_POLICY_ENTRIES, &n, err);

	if (r < 0)
		return r;
	out->list = calloc(n, sizeof(*out->list));
	if (out->list == NULL)
		return trb_fail_nomem(err);
	cJSON_ArrayForEach (entry, item) {
		r = trb_json_hex(doc, entry, out->list[out->n], 32, err);
		if (r < 0)
			return r;
		if (trb_digests_have(out, out->list[out->n]))
			return trb_json_fail(doc, entry, err, "stands twice in the list");
		out->n++;
	}
	return TRB_OK;
}

static int read_root(const struct trb_json *doc, const cJSON *item, struct trb_nitro_root *root,
		     trb_error **err)
{
	static const struct trb_json_field fields[] = { { "simulated", TRB_JSON_STRING, true } };
	const cJSON *v[1];
	int r;

	if (trb_json_is_word(item, TRB_NITRO_ROOT_AWS)) {
		root->name = TRB_NITRO_ROOT_AWS;
		return TRB_OK;
	}
	if (!cJSON_IsObject(item))
		return trb_json_fail(doc, item, err,
				     "must be \"" TRB_NITRO_ROOT_AWS
				     "\" or {\"simulated\": SHA-256 of the root certificate}");
	r = TRB_JSON_RECORD(doc, item, fields, v, err);
	if (r < 0)
		return r;
	r = trb_json_hex(doc, v[0], root->sha256, 32, err);
	if (r < 0)
		return r;
	if (trb_bytes_all_zero(TRB_BYTES(root->sha256, 32)))
		return trb_json_fail(doc, v[0], err, "a digest of zeros pins nothing");
	return TRB_OK;
}

int trb_policy_read_roots(const struct trb_json *doc, const cJSON *item, trb_policy *p,
			  trb_error **err)
{
	const cJSON *entry;
	size_t n;
	int r;

	if (cJSON_IsString(item))
		return trb_json_fail(doc, item, err,
				     "must be a list: without a pinned root nothing is verified");
	r = trb_json_array(doc, item, 1, TRB_POLICY_ROOTS, &n, err);
	if (r < 0)
		return r;
	p->roots = calloc(n, sizeof(*p->roots));
	if (p->roots == NULL)
		return trb_fail_nomem(err);
	cJSON_ArrayForEach (entry, item) {
		struct trb_nitro_root *root = &p->roots[p->n_roots];

		r = read_root(doc, entry, root, err);
		if (r < 0)
			return r;
		for (size_t i = 0; i < p->n_roots; i++)
			if (p->roots[i].name == root->name &&
			    memcmp(p->roots[i].sha256, root->sha256, 32) == 0)
				return trb_json_fail(doc, entry, err, "stands twice in the list");
		if ((p->roots[0].name != NULL) != (root->name != NULL))
			return trb_json_fail(
				doc, entry, err,
				"roots are of hardware or simulated, never both: whoever holds "
				"the simulated root's key would mint the hardware's measurements; "
				"write two policies");
		p->n_roots++;
	}
	return TRB_OK;
}

static int read_pcrs(const struct trb_json *doc, const cJSON *item, struct trb_measurement *m,
		     trb_error **err)
{
	static const struct trb_json_field fields[] = {
		{ "0", TRB_JSON_STRING, true },  { "1", TRB_JSON_STRING, true },
		{ "2", TRB_JSON_STRING, true },  { "3", TRB_JSON_STRING, false },
		{ "4", TRB_JSON_STRING, false }, { "8", TRB_JSON_STRING, false },
	};
	const cJSON *v[6];
	int r = TRB_JSON_RECORD(doc, item, fields, v, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < 6; i++) {
		unsigned index = (unsigned)(fields[i].name[0] - '0');

		if (v[i] == NULL)
			continue;
		if (v[i]->valuestring[0] == '\0')
			return trb_json_fail(doc, v[i], err, "an empty value would match nothing");
		r = trb_json_hex(doc, v[i], m->pcr[index], 48, err);
		if (r < 0)
			return r;
		if (trb_bytes_all_zero(TRB_BYTES(m->pcr[index], 48)))
			return trb_json_fail(
				doc, v[i], err,
				"zero is what a debug enclave has: it measures nothing");
		m->mask |= 1u << index;
	}
	return TRB_OK;
}

static int read_measurement(const struct trb_json *doc, const cJSON *item, trb_policy *p,
			    trb_error **err)
{
	static const struct trb_json_field fields[] = {
		{ "name", TRB_JSON_STRING, true },
		{ "pcrs", TRB_JSON_OBJECT, true },
	};
	struct trb_measurement *m = &p->measurements[p->n_measurements];
	trb_bytes name;
	const cJSON *v[2];
	int r = TRB_JSON_RECORD(doc, item, fields, v, err);

	if (r < 0)
		return r;
	r = trb_json_string(doc, v[0], 1, 200, &name, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < p->n_measurements; i++)
		if (trb_bytes_eq_str(name, p->measurements[i].name))
			return trb_json_fail(doc, v[0], err, "another measurement has this name");
	m->name = strdup(v[0]->valuestring);
	if (m->name == NULL)
		return trb_fail_nomem(err);
	p->n_measurements++;
	return read_pcrs(doc, v[1], m, err);
}

int trb_policy_read_measurements(const struct trb_json *doc, const cJSON *item, trb_policy *p,
				 trb_error **err)
{
	const cJSON *entry;
	size_t n;
	int r;

	if (trb_json_is_word(item, "endorsed"))
		return trb_policy_not_yet(doc, item, "endorsed measurements", err);
	if (cJSON_IsString(item))
		return trb_json_fail(doc, item, err,
				     "must be a list: an image that nobody knows proves nothing");
	r = trb_json_array(doc, item, 1, TRB_POLICY_MEASUREMENTS, &n, err);
	if (r < 0)
		return r;
	p->measurements = calloc(n, sizeof(*p->measurements));
	if (p->measurements == NULL)
		return trb_fail_nomem(err);
	cJSON_ArrayForEach (entry, item) {
		r = read_measurement(doc, entry, p, err);
		if (r < 0)
			return r;
	}
	return TRB_OK;
}

static int read_commits(const struct trb_json *doc, const cJSON *item, trb_policy *p,
			trb_error **err)
{
	const cJSON *entry;
	size_t n;
	int r = any_or_list(doc, item, &p->any_commit, &n, err);

	if (r < 0 || p->any_commit)
		return r;
	p->commits = calloc(n, sizeof(*p->commits));
	if (p->commits == NULL)
		return trb_fail_nomem(err);
	cJSON_ArrayForEach (entry, item) {
		if (!cJSON_IsString(entry) ||
		    !trb_commit_from_hex(trb_bytes_str(entry->valuestring),
					 &p->commits[p->n_commits]))
			return trb_json_fail(doc, entry, err,
					     "must be a commit in 40 or 64 lower-case digits");
		for (size_t i = 0; i < p->n_commits; i++)
			if (trb_commit_eq(&p->commits[i], &p->commits[p->n_commits]))
				return trb_json_fail(doc, entry, err, "stands twice in the list");
		p->n_commits++;
	}
	return TRB_OK;
}

/* {"first-parent": {"max_steps": N}} */
static int read_max_steps(const struct trb_json *doc, const cJSON *item, trb_policy *p,
			  trb_error **err)
{
	static const struct trb_json_field outer[] = { { "first-parent", TRB_JSON_OBJECT, true } };
	static const struct trb_json_field inner[] = { { "max_steps", TRB_JSON_UINT, true } };
	const cJSON *relation[1], *steps[1];
	int r = TRB_JSON_RECORD(doc, item, outer, relation, err);

	if (r == TRB_OK)
		r = TRB_JSON_RECORD(doc, relation[0], inner, steps, err);
	if (r == TRB_OK)
		r = trb_json_uint(doc, steps[0], 1, TRB_JSON_INT_MAX, &p->max_steps, err);
	return r;
}

static int read_history(const struct trb_json *doc, const cJSON *item, trb_policy *p,
			trb_error **err)
{
	if (item == NULL || trb_json_is_word(item, trb_relation_name(TRB_RELATION_TIP))) {
		p->history = TRB_RELATION_TIP;
		return TRB_OK;
	}
	if (trb_json_is_word(item, trb_relation_name(TRB_RELATION_REACHABLE))) {
		p->history = TRB_RELATION_REACHABLE;
		return TRB_OK;
	}
	p->history = TRB_RELATION_FIRST_PARENT;
	if (trb_json_is_word(item, trb_relation_name(TRB_RELATION_FIRST_PARENT)))
		return TRB_OK;
	if (!cJSON_IsObject(item))
		return trb_json_fail(doc, item, err,
				     "must be \"tip\", \"first-parent\", \"reachable\" or "
				     "{\"first-parent\": {\"max_steps\": N}}");
	return read_max_steps(doc, item, p, err);
}

/* Where the option's word is neither "none" nor "any", a list. */
static int read_none_or_texts(const struct trb_json *doc, const cJSON *item, const char *of_what,
			      text_fault fault, struct trb_texts *out, trb_error **err)
{
	if (item == NULL || trb_json_is_word(item, "none"))
		return TRB_OK;
	if (cJSON_IsString(item) && !trb_json_is_word(item, "any"))
		return trb_json_fail(doc, item, err, "must be \"none\", \"any\" or a list of %s",
				     of_what);
	return read_texts(doc, item, fault, out, err);
}

int trb_policy_read_source(const struct trb_json *doc, const cJSON *item, trb_policy *p,
			   trb_error **err)
{
	static const struct trb_json_field fields[] = {
		{ "repositories", TRB_JSON_ANY, true }, { "refs", TRB_JSON_ANY, true },
		{ "commits", TRB_JSON_ANY, true },      { "history", TRB_JSON_ANY, false },
		{ "redirects", TRB_JSON_ANY, false },
	};
	const cJSON *v[5];
	int r = TRB_JSON_RECORD(doc, item, fields, v, err);

	if (r < 0)
		return r;
	r = read_texts(doc, v[0], trb_repository_fault, &p->repositories, err);
	if (r < 0)
		return r;
	r = read_texts(doc, v[1], trb_ref_fault, &p->git_refs, err);
	if (r < 0)
		return r;
	r = read_commits(doc, v[2], p, err);
	if (r == TRB_OK)
		r = read_history(doc, v[3], p, err);
	return r < 0 ? r
		     : read_none_or_texts(doc, v[4], "URLs", trb_repository_fault, &p->redirects,
					  err);
}

int trb_policy_read_recipe(const struct trb_json *doc, const cJSON *item, trb_policy *p,
			   trb_error **err)
{
	if (item == NULL || trb_json_is_word(item, "source")) {
		p->recipe = TRB_RECIPE_SOURCE;
		return TRB_OK;
	}
	if (trb_json_is_word(item, "any")) {
		p->recipe = TRB_RECIPE_ANY;
		return TRB_OK;
	}
	if (!cJSON_IsArray(item))
		return trb_json_fail(doc, item, err,
				     "must be \"source\", \"any\" or a list of SHA-256 digests");
	p->recipe = TRB_RECIPE_DIGESTS;
	return read_digests(doc, item, &p->recipes, err);
}

static int read_runtimes(const struct trb_json *doc, const cJSON *item, trb_policy *p,
			 trb_error **err)
{
	if (item != NULL)
		return read_texts(doc, item, trb_sandbox_fault, &p->runtimes, err);
	p->runtimes.list = calloc(1, sizeof(*p->runtimes.list));
	if (p->runtimes.list == NULL || (p->runtimes.list[0] = strdup("runsc")) == NULL)
		return trb_fail_nomem(err);
	p->runtimes.n = 1;
	return TRB_OK;
}

static int read_machine(const struct trb_json *doc, const cJSON *item, trb_policy *p,
			trb_error **err)
{
	static const struct trb_json_field fields[] = {
		{ "cpus", TRB_JSON_UINT, false },
		{ "memory_mib", TRB_JSON_UINT, false },
	};
	const cJSON *v[2];
	int r;

	if (item == NULL || trb_json_is_word(item, "any"))
		return TRB_OK;
	if (!cJSON_IsObject(item))
		return trb_json_fail(doc, item, err,
				     "must be \"any\" or {\"cpus\": N, \"memory_mib\": N}");
	r = TRB_JSON_RECORD(doc, item, fields, v, err);
	if (r < 0)
		return r;
	if (v[0] == NULL && v[1] == NULL)
		return trb_json_fail(doc, item, err, "demands nothing; \"any\" says so in writing");
	if (v[0] != NULL)
		r = trb_json_uint(doc, v[0], 1, TRB_MACHINE_CPUS, &p->cpus, err);
	if (r == TRB_OK && v[1] != NULL)
		r = trb_json_uint(doc, v[1], 1, TRB_AMOUNT_MAX, &p->memory_mib, err);
	return r;
}

int trb_policy_read_sandbox(const struct trb_json *doc, const cJSON *item, trb_policy *p,
			    trb_error **err)
{
	static const struct trb_json_field fields[] = {
		{ "runtimes", TRB_JSON_ANY, false }, { "network", TRB_JSON_ANY, false },
		{ "machine", TRB_JSON_ANY, false },  { "rootfs", TRB_JSON_ANY, false },
		{ "manager", TRB_JSON_ANY, false },
	};
	const cJSON *v[5] = { NULL };
	int r = item != NULL ? TRB_JSON_RECORD(doc, item, fields, v, err) : TRB_OK;

	if (r == TRB_OK)
		r = read_runtimes(doc, v[0], p, err);
	if (r == TRB_OK)
		r = read_none_or_texts(doc, v[1], "host:port", trb_host_port_fault, &p->network,
				       err);
	if (r == TRB_OK)
		r = read_machine(doc, v[2], p, err);
	if (r == TRB_OK && v[3] != NULL)
		r = trb_policy_not_yet(doc, v[3], "demands on the root file system", err);
	if (r == TRB_OK && v[4] != NULL)
		r = trb_policy_not_yet(doc, v[4], "demands on the sandbox's manager", err);
	return r;
}

int trb_policy_read_artifacts(const struct trb_json *doc, const cJSON *item, trb_policy *p,
			      trb_error **err)
{
	if (item == NULL) {
		p->artifacts.any = true;
		return TRB_OK;
	}
	return read_texts(doc, item, trb_artifact_name_fault, &p->artifacts, err);
}
