/* SPDX-License-Identifier: Apache-2.0 */
/* A bundle to begin with. */
#include "sample.h"

#include <check.h>
#include <stdio.h>

#include "format/dsse.h"

#define OK(call) ck_assert_int_eq((call), TRB_OK)

static void make_request(struct sample *s, unsigned tag)
{
	char nonce[33];
	struct trb_request_facts facts = {
		.repository = TRB_BYTES_LIT("https://forge.example/project"),
		.commit = { .algorithm = 1, .id = { 0xab, 0xcd, (uint8_t)tag } },
		.ref = TRB_BYTES_LIT("refs/heads/main"),
		.sandbox = TRB_BYTES_LIT("runsc"),
	};

	snprintf(nonce, sizeof(nonce), "nonce of sample %016x", tag);
	facts.nonce = TRB_BYTES(nonce, 32);
	OK(trb_request_facts_encode(&facts, &s->request, NULL));
	OK(trb_request_facts_decode(trb_blob_bytes(s->request), &s->request_facts, &s->owners[0],
				    NULL));
}

static void make_materials(struct sample *s)
{
	struct trb_material submodule = {
		.uri = TRB_BYTES_LIT("https://forge.example/lib"),
		.digest = { .algorithm = 1, .id = { 8 } },
		.pin = TRB_BYTES_LIT("vendor/lib"),
	};
	struct trb_materials list = { 1, &submodule };

	OK(trb_materials_encode(&list, &s->materials, NULL));
}

static void make_environment(struct sample *s)
{
	struct trb_environment env = {
		.recipe_origin = TRB_RECIPE_FROM_TREE,
		.recipe = { 1 },
		.runtime = TRB_BYTES_LIT("runsc"),
		.runtime_version = TRB_BYTES_LIT("release-1"),
		.platform = TRB_BYTES_LIT("systrap"),
		.spec = { 2 },
		.rootfs = { 3 },
		.n_hosts = 1,
		.hosts = { { TRB_BYTES_LIT("mirror.example"), 443 } },
		.n_limits = 2,
		.limits = { { TRB_BYTES_LIT("pids"), 512 }, { TRB_BYTES_LIT("memory_mib"), 2048 } },
		.history = { .there = true, .tip = s->request_facts.commit },
		.machine = { 2, 4096, TRB_BYTES_LIT("unknown") },
		.has_materials = true,
		.n_materials = 1,
	};

	OK(trb_sha256(trb_blob_bytes(s->materials), env.materials, NULL));
	OK(trb_environment_encode(&env, &s->environment, NULL));
	OK(trb_environment_decode(trb_blob_bytes(s->environment), &s->environment_facts,
				  &s->owners[1], NULL));
}

static void make_artifacts(struct sample *s)
{
	struct trb_artifact entries[] = {
		{ TRB_BYTES_LIT("out/tb-verify"), 1234, { 4 }, TRB_MODE_PROGRAM },
		{ TRB_BYTES_LIT("out/a \"quoted\" n\xc3\xa4me"), 0, { 5 }, TRB_MODE_PLAIN },
	};
	struct trb_artifacts artifacts = { 2, entries };

	OK(trb_artifacts_encode(&artifacts, &s->artifacts, NULL));
	OK(trb_artifacts_decode(trb_blob_bytes(s->artifacts), &s->artifact_facts, &s->owners[2],
				NULL));
}

void sample_init(struct sample *s, unsigned tag)
{
	EVP_PKEY *key = NULL;

	*s = (struct sample){ .source = { 6 }, .pcr0 = { 7 } };
	make_request(s, tag);
	make_materials(s);
	make_environment(s);
	make_artifacts(s);
	s->input = (struct trb_statement_input){ .request = &s->request_facts,
						 .environment = &s->environment_facts,
						 .artifacts = &s->artifact_facts,
						 .source = s->source,
						 .pcr0 = s->pcr0,
						 .started = 1767225600,
						 .finished = 1767225661 };
	OK(trb_statement_render(&s->input, &s->statement, NULL));
	OK(trb_dsse_key_new(&key, NULL));
	OK(trb_dsse_key_spki(key, s->spki, NULL));
	OK(trb_dsse_sign(key, trb_blob_bytes(s->statement), &s->signature, NULL));
	EVP_PKEY_free(key);
}

void sample_clear(struct sample *s)
{
	trb_artifacts_clear(&s->artifact_facts);
	for (size_t i = 0; i < 3; i++)
		trb_blob_unref(s->owners[i]);
	trb_blob_unref(s->request);
	trb_blob_unref(s->environment);
	trb_blob_unref(s->artifacts);
	trb_blob_unref(s->statement);
	trb_blob_unref(s->signature);
	trb_blob_unref(s->materials);
}

trb_bundle *sample_bundle(const struct sample *s, size_t n_logs, const struct trb_bundle_log *logs)
{
	struct trb_bundle_parts parts = {
		.request = trb_blob_bytes(s->request),
		.environment = trb_blob_bytes(s->environment),
		.artifacts = trb_blob_bytes(s->artifacts),
		.attestation = TRB_BYTES_LIT("no document at all"),
		.statement = trb_blob_bytes(s->statement),
		.signature = trb_blob_bytes(s->signature),
		.materials = trb_blob_bytes(s->materials),
		.n_logs = n_logs,
		.logs = logs,
	};
	trb_bundle *bundle = NULL;

	OK(trb_bundle_new(&parts, &bundle, NULL));
	return bundle;
}
