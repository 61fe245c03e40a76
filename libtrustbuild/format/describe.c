/* SPDX-License-Identifier: Apache-2.0 */
/* What a bundle says, for people and tools that only look. */
#include "format/describe.h"
#include "core/error.h"
#include "format/bundle.h"
#include "format/json.h"

#define DESCRIPTION_MAX (8u * 1024 * 1024) /* a full list of materials, indented */

static void put_hash(struct trb_json_out *out, const char *name, const uint8_t hash[32])
{
	trb_json_member_hex(out, name, TRB_BYTES(hash, 32));
}

static void put_text_or_null(struct trb_json_out *out, const char *name, trb_bytes text)
{
	trb_json_put_name(out, name);
	if (text.len > 0)
		trb_json_put_text(out, text);
	else
		trb_json_put_null(out);
}

static int put_request(struct trb_json_out *out, trb_bytes bytes, trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *owner = NULL;
	struct trb_request_facts facts;
	int r = trb_request_facts_decode(bytes, &facts, &owner, err);

	if (r < 0)
		return trb_wrap(err, r, "the bundle's request");
	trb_json_member_open(out, "request", '{');
	trb_json_member_text(out, "repository", facts.repository);
	trb_json_member_hex(out, "commit",
			    TRB_BYTES(facts.commit.id, trb_commit_len(&facts.commit)));
	put_text_or_null(out, "ref", facts.ref);
	trb_json_member_str(out, "recipe", facts.recipe.ptr != NULL ? "request" : "tree");
	trb_json_member_text(out, "sandbox", facts.sandbox);
	trb_json_member_hex(out, "nonce", facts.nonce);
	trb_json_close(out, '}');
	return TRB_OK;
}

static void put_history(struct trb_json_out *out, const struct trb_history *history)
{
	trb_json_put_name(out, "history");
	if (!history->there) {
		trb_json_put_null(out);
		return;
	}
	trb_json_open(out, '{');
	trb_json_member_hex(out, "tip", TRB_BYTES(history->tip.id, trb_commit_len(&history->tip)));
	trb_json_put_name(out, "tag");
	if (history->tagged)
		trb_json_put_hex(out, TRB_BYTES(history->tag.id, trb_commit_len(&history->tag)));
	else
		trb_json_put_null(out);
	trb_json_member_str(out, "relation", trb_relation_name(history->relation));
	trb_json_member_uint(out, "steps", history->steps);
	trb_json_close(out, '}');
}

static void put_machine(struct trb_json_out *out, const struct trb_machine *machine)
{
	trb_json_member_open(out, "machine", '{');
	trb_json_member_uint(out, "cpus", machine->cpus);
	trb_json_member_uint(out, "memory_mib", machine->memory_mib);
	trb_json_member_text(out, "model", machine->model);
	trb_json_close(out, '}');
}

static void put_environment_fields(struct trb_json_out *out, const struct trb_environment *env)
{
	trb_json_member_str(out, "recipe_origin",
			    env->recipe_origin == TRB_RECIPE_FROM_TREE ? "tree" : "request");
	put_hash(out, "recipe_sha256", env->recipe);
	trb_json_member_text(out, "runtime", env->runtime);
	trb_json_member_text(out, "runtime_version", env->runtime_version);
	trb_json_member_text(out, "platform", env->platform);
	put_hash(out, "oci_config_sha256", env->spec);
	put_hash(out, "rootfs_sha256", env->rootfs);
	trb_json_member_open(out, "network", '[');
	for (size_t i = 0; i < env->n_hosts; i++) {
		trb_json_open(out, '{');
		trb_json_member_text(out, "host", env->hosts[i].host);
		trb_json_member_uint(out, "port", env->hosts[i].port);
		trb_json_close(out, '}');
	}
	trb_json_close(out, ']');
	trb_json_member_open(out, "limits", '[');
	for (size_t i = 0; i < env->n_limits; i++) {
		trb_json_open(out, '{');
		trb_json_member_text(out, "name", env->limits[i].name);
		trb_json_put_name(out, "value");
		trb_json_put_uint_string(out, env->limits[i].value);
		trb_json_close(out, '}');
	}
	trb_json_close(out, ']');
	put_history(out, &env->history);
	put_machine(out, &env->machine);
	if (env->has_materials) {
		put_hash(out, "materials_sha256", env->materials);
		trb_json_member_uint(out, "materials_count", env->n_materials);
	}
	put_text_or_null(out, "location", env->location);
}

static int put_environment(struct trb_json_out *out, trb_bytes bytes, trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *owner = NULL;
	_cleanup_free_ struct trb_environment *env = malloc(sizeof(*env));
	int r;

	if (env == NULL)
		return trb_fail_nomem(err);
	r = trb_environment_decode(bytes, env, &owner, err);
	if (r < 0)
		return trb_wrap(err, r, "the bundle's environment");
	trb_json_member_open(out, "environment", '{');
	put_environment_fields(out, env);
	trb_json_close(out, '}');
	return TRB_OK;
}

static int put_artifacts(struct trb_json_out *out, trb_bytes bytes, trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *owner = NULL;
	_cleanup_(trb_artifacts_clear) struct trb_artifacts artifacts = { 0 };
	int r = trb_artifacts_decode(bytes, &artifacts, &owner, err);

	if (r < 0)
		return trb_wrap(err, r, "the bundle's artifacts");
	trb_json_member_open(out, "artifacts", '[');
	for (size_t i = 0; i < artifacts.n; i++) {
		trb_json_open(out, '{');
		trb_json_member_text(out, "name", artifacts.entries[i].name);
		trb_json_put_name(out, "size");
		trb_json_put_uint_string(out, artifacts.entries[i].size);
		put_hash(out, "sha256", artifacts.entries[i].digest);
		trb_json_member_str(out, "mode",
				    artifacts.entries[i].mode == TRB_MODE_PROGRAM ? "0755"
										  : "0644");
		trb_json_close(out, '}');
	}
	trb_json_close(out, ']');
	return TRB_OK;
}

static void put_material(struct trb_json_out *out, const struct trb_material *m)
{
	trb_json_open(out, '{');
	trb_json_member_str(out, "kind", "submodule"); /* no other is read */
	trb_json_member_text(out, "uri", m->uri);
	trb_json_member_hex(out, "digest",
			    TRB_BYTES(m->digest.id, m->digest.algorithm == 1 ? 20 : 32));
	trb_json_member_text(out, "path", m->pin);
	trb_json_close(out, '}');
}

static int put_materials(struct trb_json_out *out, trb_bytes bytes, trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *owner = NULL;
	_cleanup_(trb_materials_clear) struct trb_materials materials = { 0 };
	int r = TRB_OK;

	if (bytes.len > 0)
		r = trb_materials_decode(bytes, &materials, &owner, err);
	if (r < 0)
		return trb_wrap(err, r, "the bundle's materials");
	trb_json_member_open(out, "materials", '[');
	for (size_t i = 0; i < materials.n; i++)
		put_material(out, &materials.entries[i]);
	trb_json_close(out, ']');
	return TRB_OK;
}

static int put_blob(struct trb_json_out *out, const char *name, trb_bytes bytes, trb_error **err)
{
	uint8_t hash[32];
	int r = trb_sha256(bytes, hash, err);

	if (r < 0)
		return r;
	trb_json_member_open(out, name, '{');
	trb_json_member_uint(out, "bytes", bytes.len);
	put_hash(out, "sha256", hash);
	trb_json_close(out, '}');
	return TRB_OK;
}

static void put_logs(struct trb_json_out *out, const struct trb_bundle_parts *parts)
{
	trb_json_member_open(out, "log", '[');
	for (size_t i = 0; i < parts->n_logs; i++) {
		const struct trb_bundle_log *log = &parts->logs[i];

		trb_json_open(out, '{');
		trb_json_member_text(out, "kind", log->kind);
		trb_json_put_name(out, "index");
		trb_json_put_uint_string(out, log->index);
		trb_json_member_uint(out, "proof_hashes", log->n_proof);
		trb_json_member_text(out, "checkpoint", log->checkpoint);
		trb_json_close(out, '}');
	}
	trb_json_close(out, ']');
}

static int put_parts(struct trb_json_out *out, const struct trb_leaf *parts, trb_error **err)
{
	int r = put_request(out, parts->request, err);

	if (r == TRB_OK)
		r = put_environment(out, parts->environment, err);
	if (r == TRB_OK)
		r = put_artifacts(out, parts->artifacts, err);
	if (r == TRB_OK)
		r = put_blob(out, "attestation", parts->attestation, err);
	if (r == TRB_OK)
		r = put_blob(out, "statement", parts->statement, err);
	return r;
}

static void begin(struct trb_json_out *out, const char *note)
{
	trb_json_open(out, '{');
	trb_json_member_bool(out, "verified", false);
	trb_json_member_str(out, "note", note);
	trb_json_member_open(out, "unverified", '{');
}

static int end(struct trb_json_out *out, trb_blob **ret_json, trb_error **err)
{
	trb_json_close(out, '}');
	trb_json_close(out, '}');
	trb_buf_add_byte(out->buf, '\n');
	return trb_buf_to_blob(out->buf, "the description", ret_json, err);
}

int trb_bundle_describe(const trb_bundle *bundle, trb_blob **ret_json, trb_error **err)
{
	_cleanup_buf_ struct trb_buf buf = { 0 };
	struct trb_json_out out = { .buf = &buf, .indent = true };
	const struct trb_bundle_parts *parts;
	struct trb_leaf leaf;
	int r;

	if (bundle == NULL)
		return trb_fail(err, TRB_E_INVAL, "no bundle");
	parts = trb_bundle_parts(bundle);
	leaf = (struct trb_leaf){ parts->request, parts->environment, parts->artifacts,
				  parts->attestation, parts->statement };
	trb_buf_init(&buf, DESCRIPTION_MAX);
	begin(&out, "what the bundle says about itself; nothing was verified");
	r = put_parts(&out, &leaf, err);
	if (r == TRB_OK)
		r = put_materials(&out, parts->materials, err);
	if (r < 0)
		return r;
	put_logs(&out, parts);
	return end(&out, ret_json, err);
}

int trb_leaf_describe(trb_bytes leaf, uint64_t index, trb_blob **ret_json, trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *owner = NULL;
	_cleanup_buf_ struct trb_buf buf = { 0 };
	struct trb_json_out out = { .buf = &buf, .indent = true };
	struct trb_leaf parts;
	int r = trb_leaf_decode(leaf, &parts, &owner, err);

	if (r < 0)
		return r;
	trb_buf_init(&buf, DESCRIPTION_MAX);
	begin(&out, "what the entry says about itself; only its place in the log was verified");
	trb_json_put_name(&out, "index");
	trb_json_put_uint_string(&out, index);
	r = put_parts(&out, &parts, err);
	return r < 0 ? r : end(&out, ret_json, err);
}
