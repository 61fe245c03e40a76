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
		trb_json_member_str(out, "mode", a->mode == TRB_MODE_PROGRAM ? "0755" : "0644");
		trb_json_close(out, '}');
		trb_json_close(out, '}');
	}
	trb_json_close(out, ']');
}

static void put_text_or_null(struct trb_json_out *out, const char *name, trb_bytes text)
{
	trb_json_put_name(out, name);
	if (text.len > 0)
		trb_json_put_text(out, text);
	else
		trb_json_put_null(out);
}

static void put_external(struct trb_json_out *out, const struct trb_statement_input *in)
{
	const struct trb_request_facts *request = in->request;

	trb_json_member_open(out, "externalParameters", '{');
	trb_json_member_text(out, "repository", request->repository);
	trb_json_member_hex(out, "commit",
			    TRB_BYTES(request->commit.id, trb_commit_len(&request->commit)));
	put_text_or_null(out, "ref", request->ref);
	trb_json_member_open(out, "recipe", '{');
	trb_json_member_str(out, "source",
			    in->environment->recipe_origin == TRB_RECIPE_FROM_TREE ? "tree"
										   : "request");
	put_digest(out, in->environment->recipe);
	trb_json_close(out, '}');
	trb_json_member_open(out, "sandbox", '{');
	trb_json_member_text(out, "runtime", request->sandbox);
	put_text_or_null(out, "manager", TRB_BYTES_NULL);
	trb_json_close(out, '}');
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

static void put_machine(struct trb_json_out *out, const struct trb_machine *machine)
{
	trb_json_member_open(out, "machine", '{');
	trb_json_member_uint(out, "cpus", machine->cpus);
	trb_json_member_uint(out, "memoryMib", machine->memory_mib);
	trb_json_member_text(out, "model", machine->model);
	trb_json_close(out, '}');
}

static void put_commit(struct trb_json_out *out, const char *name, const struct trb_commit *commit)
{
	trb_json_member_hex(out, name, TRB_BYTES(commit->id, trb_commit_len(commit)));
}

static void put_history(struct trb_json_out *out, const struct trb_history *history)
{
	trb_json_put_name(out, "history");
	if (!history->there) {
		trb_json_put_null(out);
		return;
	}
	trb_json_open(out, '{');
	put_commit(out, "tip", &history->tip);
	if (history->tagged)
		put_commit(out, "tag", &history->tag);
	else
		put_text_or_null(out, "tag", TRB_BYTES_NULL);
	trb_json_member_str(out, "relation", trb_relation_name(history->relation));
	trb_json_member_uint(out, "steps", history->steps);
	trb_json_close(out, '}');
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
	trb_json_member_open(out, "rootfs", '{');
	trb_json_member_str(out, "source", "image");
	put_digest(out, env->rootfs);
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
	put_machine(out, &env->machine);
	put_history(out, &env->history);
	put_text_or_null(out, "location", env->location);
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

/* One entry for all: they may be thousands, and travel in a part of their own. */
static void put_materials(struct trb_json_out *out, const struct trb_environment *env)
{
	trb_json_open(out, '{');
	trb_json_member_str(out, "name", "materials");
	put_digest(out, env->materials);
	trb_json_member_open(out, "annotations", '{');
	trb_json_member_uint(out, "count", env->n_materials);
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
	if (in->environment->has_materials)
		put_materials(out, in->environment);
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
	trb_json_close(out, '}');
	trb_json_close(out, '}');
}

int trb_statement_render(const struct trb_statement_input *in, trb_blob **ret, trb_error **err)
{
	_cleanup_buf_ struct trb_buf buf = { 0 };
	struct trb_json_out out = { .buf = &buf };

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

static int take_said(const struct trb_json *doc, struct trb_statement_said *said, trb_error **err)
{
	const cJSON *predicate = member(doc->root, "predicate");
	const cJSON *metadata = member(member(predicate, "runDetails"), "metadata");
	int r = take_time(doc, metadata, "startedOn", &said->started, err);

	return r < 0 ? r : take_time(doc, metadata, "finishedOn", &said->finished, err);
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

int trb_statement_check(trb_bytes statement, const struct trb_statement_input *facts,
			struct trb_statement_said *ret_said, trb_error **err)
{
	_cleanup_json_ struct trb_json doc = { .what = "statement",
					       .code = TRB_E_CLAIM,
					       .check = "claim.statement" };
	struct trb_statement_said said;
	int r = trb_json_load(&doc, statement, TRB_STATEMENT_MAX, err);

	if (r == TRB_OK)
		r = take_said(&doc, &said, err);
	if (r == TRB_OK)
		r = compare(&doc, statement, facts, &said, err);
	if (r == TRB_OK && ret_said != NULL)
		*ret_said = said;
	return r;
}
