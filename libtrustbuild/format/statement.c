/* SPDX-License-Identifier: Apache-2.0 */
/* The in-toto statement, rendered from facts and compared with them. */
#include "format/statement.h"

#include <stdio.h>

#include "core/error.h"
#include "format/json.h"
#include "format/times.h"

_Static_assert(TRB_AMOUNT_MAX == TRB_JSON_INT_MAX, "facts that no statement can say");

static void put_digest(struct trb_json_out *out, const uint8_t sha256[32])
{
	trb_json_member_open(out, "digest", '{');
	trb_json_member_hex(out, "sha256", TRB_BYTES(sha256, 32));
	trb_json_close(out, '}');
}

static void put_commit_digest(struct trb_json_out *out, const struct trb_commit *commit)
{
	trb_json_member_open(out, "digest", '{');
	trb_json_member_hex(out, "gitCommit", TRB_BYTES(commit->id, trb_commit_len(commit)));
	trb_json_close(out, '}');
}

static void put_subjects(struct trb_json_out *out, const struct trb_artifacts *artifacts)
{
	trb_json_member_open(out, "subject", '[');
	for (size_t i = 0; i < artifacts->n; i++) {
		const struct trb_artifact *a = &artifacts->entries[i];

		trb_json_open(out, '{');
		trb_json_member_text(out, "name", a->name);
		put_digest(out, a->digest);
		trb_json_member_open(out, "annotations", '{');
		trb_json_member_uint(out, "size", a->size);
		trb_json_close(out, '}');
		trb_json_close(out, '}');
	}
	trb_json_close(out, ']');
}

static void put_external(struct trb_json_out *out, const struct trb_statement_input *in)
{
	const struct trb_request_facts *request = in->request;

	trb_json_member_open(out, "externalParameters", '{');
	trb_json_member_text(out, "repository", request->repository);
	trb_json_member_hex(out, "commit",
			    TRB_BYTES(request->commit.id, trb_commit_len(&request->commit)));
	trb_json_put_name(out, "ref");
	if (request->ref.len > 0)
		trb_json_put_text(out, request->ref);
	else
		trb_json_put_null(out);
	trb_json_member_open(out, "recipe", '{');
	trb_json_member_str(out, "source",
			    in->environment->recipe_origin == TRB_RECIPE_FROM_TREE ? "tree"
										   : "request");
	put_digest(out, in->environment->recipe);
	trb_json_close(out, '}');
	trb_json_member_text(out, "sandbox", request->sandbox);
	trb_json_member_hex(out, "nonce", request->nonce);
	trb_json_close(out, '}');
}

static void put_network(struct trb_json_out *out, const struct trb_environment *env)
{
	trb_json_member_open(out, "network", '[');
	for (size_t i = 0; i < env->n_hosts; i++) {
		trb_json_open(out, '{');
		trb_json_member_text(out, "host", env->hosts[i].host);
		trb_json_member_uint(out, "port", env->hosts[i].port);
		trb_json_close(out, '}');
	}
	trb_json_close(out, ']');
}

static void put_internal(struct trb_json_out *out, const struct trb_environment *env)
{
	trb_json_member_open(out, "internalParameters", '{');
	trb_json_member_open(out, "runtime", '{');
	trb_json_member_text(out, "name", env->runtime);
	trb_json_member_text(out, "version", env->runtime_version);
	trb_json_member_text(out, "platform", env->platform);
	trb_json_close(out, '}');
	trb_json_member_open(out, "ociConfig", '{');
	put_digest(out, env->spec);
	trb_json_close(out, '}');
	put_network(out, env);
	trb_json_member_open(out, "limits", '[');
	for (size_t i = 0; i < env->n_limits; i++) {
		trb_json_open(out, '{');
		trb_json_member_text(out, "name", env->limits[i].name);
		trb_json_member_uint(out, "value", env->limits[i].value);
		trb_json_close(out, '}');
	}
	trb_json_close(out, ']');
	trb_json_close(out, '}');
}

static void put_uri(struct trb_json_out *out, trb_bytes repository)
{
	_cleanup_buf_ struct trb_buf uri = { 0 };

	trb_buf_init(&uri, TRB_REQUEST_MAX);
	trb_buf_add_str(&uri, "git+");
	trb_buf_add(&uri, repository);
	if (uri.status < 0)
		out->buf->status = uri.status;
	trb_json_member_text(out, "uri", trb_buf_bytes(&uri));
}

static void put_submodule(struct trb_json_out *out, const struct trb_submodule *module)
{
	trb_json_open(out, '{');
	trb_json_member_str(out, "name", "submodule");
	put_uri(out, module->repository);
	put_commit_digest(out, &module->commit);
	trb_json_member_open(out, "annotations", '{');
	trb_json_member_text(out, "path", module->path);
	trb_json_close(out, '}');
	trb_json_close(out, '}');
}

static void put_dependencies(struct trb_json_out *out, const struct trb_statement_input *in)
{
	trb_json_member_open(out, "resolvedDependencies", '[');
	trb_json_open(out, '{');
	trb_json_member_str(out, "name", "source");
	put_uri(out, in->request->repository);
	put_commit_digest(out, &in->request->commit);
	trb_json_member_open(out, "annotations", '{');
	trb_json_member_hex(out, "sourceDigest", TRB_BYTES(in->source, 32));
	trb_json_close(out, '}');
	trb_json_close(out, '}');
	trb_json_open(out, '{');
	trb_json_member_str(out, "name", "root file system");
	put_digest(out, in->environment->rootfs);
	trb_json_close(out, '}');
	for (size_t i = 0; i < in->n_submodules; i++)
		put_submodule(out, &in->submodules[i]);
	trb_json_close(out, ']');
}

static void put_time(struct trb_json_out *out, const char *name, uint64_t seconds)
{
	char text[TRB_TIME_TEXT];

	if (trb_time_format(seconds, text))
		trb_json_member_str(out, name, text);
	else
		out->buf->status = TRB_E_FORMAT;
}

static void put_run(struct trb_json_out *out, const struct trb_statement_input *in)
{
	char id[sizeof(TRB_STATEMENT_BUILDER) + 96] = TRB_STATEMENT_BUILDER;
	char nonce[129];

	trb_hex_encode(TRB_BYTES(in->pcr0, 48), id + strlen(id));
	trb_hex_encode(TRB_BYTES(in->request->nonce.ptr,
				 in->request->nonce.len > 64 ? 64 : in->request->nonce.len),
		       nonce);
	trb_json_member_open(out, "runDetails", '{');
	trb_json_member_open(out, "builder", '{');
	trb_json_member_str(out, "id", id);
	trb_json_close(out, '}');
	trb_json_member_open(out, "metadata", '{');
	trb_json_member_str(out, "invocationId", nonce);
	put_time(out, "startedOn", in->started);
	put_time(out, "finishedOn", in->finished);
	trb_json_member_str(out, "trustbuild_timings", "the enclave's own word");
	trb_json_close(out, '}');
	trb_json_close(out, '}');
}

int trb_statement_render(const struct trb_statement_input *in, trb_blob **ret, trb_error **err)
{
	_cleanup_buf_ struct trb_buf buf = { 0 };
	struct trb_json_out out = { .buf = &buf };

	if (in->n_submodules > TRB_SUBMODULES)
		return trb_fail(err, TRB_E_LIMIT, "%zu submodules, at most %d can be stated",
				in->n_submodules, TRB_SUBMODULES);
	trb_buf_init(&buf, TRB_STATEMENT_MAX);
	trb_json_open(&out, '{');
	trb_json_member_str(&out, "_type", TRB_STATEMENT_TYPE);
	put_subjects(&out, in->artifacts);
	trb_json_member_str(&out, "predicateType", TRB_STATEMENT_PREDICATE);
	trb_json_member_open(&out, "predicate", '{');
	trb_json_member_open(&out, "buildDefinition", '{');
	trb_json_member_str(&out, "buildType", TRB_STATEMENT_BUILD_TYPE);
	put_external(&out, in);
	put_internal(&out, in->environment);
	put_dependencies(&out, in);
	trb_json_close(&out, '}');
	put_run(&out, in);
	trb_json_close(&out, '}');
	trb_json_close(&out, '}');
	return trb_buf_to_blob(&buf, "the statement", ret, err);
}

/* The member of a chain of objects, or NULL. */
static const cJSON *member(const cJSON *object, const char *name)
{
	return cJSON_IsObject(object) ? cJSON_GetObjectItemCaseSensitive(object, name) : NULL;
}

static int take_time(const struct trb_json *doc, const cJSON *metadata, const char *name,
		     uint64_t *ret, trb_error **err)
{
	const cJSON *item = member(metadata, name);

	if (!cJSON_IsString(item))
		return trb_json_fail(doc, metadata, err, "no string '%s'", name);
	if (!trb_time_parse(trb_bytes_str(item->valuestring), ret))
		return trb_json_fail(doc, item, err, "not a time such as 2026-01-31T12:00:00Z");
	return TRB_OK;
}

static int take_submodule(const struct trb_json *doc, const cJSON *item, struct trb_submodule *ret,
			  trb_error **err)
{
	const cJSON *uri = member(item, "uri");
	const cJSON *path = member(member(item, "annotations"), "path");
	const cJSON *commit = member(member(item, "digest"), "gitCommit");
	const char *why;

	if (!cJSON_IsString(uri) || strncmp(uri->valuestring, "git+", 4) != 0)
		return trb_json_fail(doc, item, err, "a submodule needs a 'uri' of git+https");
	if (!cJSON_IsString(path) || path->valuestring[0] == '\0' ||
	    strlen(path->valuestring) > TRB_SUBMODULE_PATH)
		return trb_json_fail(doc, item, err, "a submodule needs a 'path'");
	if (!cJSON_IsString(commit) ||
	    !trb_commit_from_hex(trb_bytes_str(commit->valuestring), &ret->commit))
		return trb_json_fail(doc, item, err, "a submodule needs a 'gitCommit'");
	ret->repository = trb_bytes_str(uri->valuestring + 4);
	ret->path = trb_bytes_str(path->valuestring);
	why = trb_repository_fault(ret->repository);
	return why != NULL ? trb_json_fail(doc, uri, err, "%s", why) : TRB_OK;
}

static int take_submodules(const struct trb_json *doc, const cJSON *definition,
			   struct trb_statement_said *said, trb_error **err)
{
	const cJSON *all = member(definition, "resolvedDependencies");
	size_t n = 0;
	int r = trb_json_array(doc, all, 2, 2 + TRB_SUBMODULES, &n, err);

	if (r < 0)
		return r;
	said->submodules = calloc(n - 1, sizeof(*said->submodules));
	if (said->submodules == NULL)
		return trb_fail_nomem(err);
	/* source and root file system come first */
	for (const cJSON *c = all->child->next->next; c != NULL && r == TRB_OK; c = c->next)
		r = take_submodule(doc, c, &said->submodules[said->n_submodules++], err);
	return r;
}

static int take_said(const struct trb_json *doc, struct trb_statement_said *said, trb_error **err)
{
	const cJSON *predicate = member(doc->root, "predicate");
	const cJSON *metadata = member(member(predicate, "runDetails"), "metadata");
	const cJSON *definition = member(predicate, "buildDefinition");
	int r = take_time(doc, metadata, "startedOn", &said->started, err);

	if (r == TRB_OK)
		r = take_time(doc, metadata, "finishedOn", &said->finished, err);
	if (r == TRB_OK)
		r = take_submodules(doc, definition, said, err);
	return r;
}

static int compare(const struct trb_json *doc, trb_bytes statement,
		   const struct trb_statement_input *facts, const struct trb_statement_said *said,
		   trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *again = NULL;
	_cleanup_(trb_error_unrefp) trb_error *why = NULL;
	struct trb_statement_input in = *facts;
	trb_bytes wanted;
	size_t same = 0;
	int r;

	in.started = said->started;
	in.finished = said->finished;
	in.n_submodules = said->n_submodules;
	in.submodules = said->submodules;
	r = trb_statement_render(&in, &again, &why);
	if (r == TRB_E_NOMEM)
		return trb_fail_nomem(err);
	if (r < 0)
		return trb_json_fail(doc, doc->root, err, "the facts give no statement: %s",
				     trb_error_message(why));
	wanted = trb_blob_bytes(again);
	if (trb_bytes_eq(wanted, statement))
		return TRB_OK;
	while (same < wanted.len && same < statement.len && wanted.ptr[same] == statement.ptr[same])
		same++;
	return trb_json_fail_at(doc, same, err, "differs from what the facts say");
}

void trb_statement_said_clear(struct trb_statement_said *said)
{
	free(said->submodules);
	cJSON_Delete(said->owner);
	*said = (struct trb_statement_said){ 0 };
}

int trb_statement_check(trb_bytes statement, const struct trb_statement_input *facts,
			struct trb_statement_said *ret_said, trb_error **err)
{
	_cleanup_json_ struct trb_json doc = { .what = "statement",
					       .code = TRB_E_CLAIM,
					       .check = "claim.statement" };
	_cleanup_(trb_statement_said_clear) struct trb_statement_said said = { 0 };
	int r = trb_json_load(&doc, statement, TRB_STATEMENT_MAX, err);

	if (r == TRB_OK)
		r = take_said(&doc, &said, err);
	if (r == TRB_OK)
		r = compare(&doc, statement, facts, &said, err);
	if (r < 0)
		return r;
	if (ret_said != NULL) {
		*ret_said = said;
		ret_said->owner = steal_ptr(&doc.root);
		said = (struct trb_statement_said){ 0 };
	}
	return TRB_OK;
}
