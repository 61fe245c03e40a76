/* SPDX-License-Identifier: Apache-2.0 */
/* Mints evidence: whole bundles, and parts to replace. */
#include "mint.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/ecdsa.h>
#include <openssl/err.h>

#include "format/cbor.h"
#include "format/cose.h"
#include "format/dsse.h"
#include "mint_keys.h"

#define must(x) mint_must((x), #x)

void mint_must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "mint: %s\n", what);
	abort();
}

static const char *const pcr_names[] = { "kernel", "userland", "application" };

void mint_init(struct mint *f)
{
	static const uint8_t nonce[32] = "a nonce of thirty-two bytes here";

	*f = (struct mint){ .pcrs = 0xffff | 3u << 16,
			    .time_ms = MINT_TIME * 1000 + 250,
			    .module_id = "i-0123456789abcdef0-enc0123456789abcdef",
			    .started = MINT_TIME - 60,
			    .finished = MINT_TIME - 1,
			    .n_logs = 1,
			    .origin = MINT_LOG,
			    .tree_size = 7,
			    .index = 4,
			    .n_witnesses = 2,
			    .witness_s = { MINT_TIME + 30, MINT_TIME + 40, MINT_TIME + 50 } };
	f->request = (struct trb_request_facts){ .repository = TRB_BYTES_LIT(MINT_REPO),
						 .ref = TRB_BYTES_LIT(MINT_REF),
						 .sandbox = TRB_BYTES_LIT("runsc"),
						 .nonce = TRB_BYTES(nonce, 32) };
	must(trb_commit_from_hex(TRB_BYTES_LIT(MINT_COMMIT), &f->request.commit));
	f->environment = (struct trb_environment){
		.recipe_origin = TRB_RECIPE_FROM_TREE,
		.runtime = TRB_BYTES_LIT("runsc"),
		.runtime_version = TRB_BYTES_LIT("release-20260901.0"),
		.platform = TRB_BYTES_LIT("systrap"),
		.n_limits = 1,
		.limits = { { TRB_BYTES_LIT("memory_mib"), 2048 } },
		.machine = { 4, 8192, TRB_BYTES_LIT("a mint's CPU") },
	};
	memset(f->environment.recipe, 0x11, 32);
	memset(f->environment.spec, 0x22, 32);
	memset(f->environment.rootfs, 0x33, 32);
	memset(f->source, 0x44, 32);
	f->entries[0] = (struct trb_artifact){ .name = TRB_BYTES_LIT("out/helper"),
					       .size = 5,
					       .mode = TRB_MODE_PLAIN };
	f->entries[1] = (struct trb_artifact){ .name = TRB_BYTES_LIT(MINT_ARTIFACT),
					       .size = sizeof(MINT_CONTENT) - 1,
					       .mode = TRB_MODE_PROGRAM };
	must(trb_sha256(TRB_BYTES_LIT("help\n"), f->entries[0].digest, NULL) == TRB_OK);
	memcpy(f->entries[1].digest, mint_digest().ptr, 32);
	f->artifacts = (struct trb_artifacts){ .n = 2, .entries = f->entries };
	for (size_t i = 0; i < 3; i++)
		must(trb_sha384(trb_bytes_str(pcr_names[i]), f->pcr[i], NULL) == TRB_OK);
	memset(f->pcr[4], 0x55, 48);
}

trb_bytes mint_digest(void)
{
	static uint8_t digest[32];

	must(trb_sha256(TRB_BYTES_LIT(MINT_CONTENT), digest, NULL) == TRB_OK);
	return TRB_BYTES(digest, 32);
}

static void put_optional(struct trb_buf *b, const char *name, bool null, trb_bytes value)
{
	trb_cbor_put_str(b, name);
	if (null)
		trb_cbor_put_null(b);
	else
		trb_cbor_put_bstr(b, value);
}

static void put_pcrs(struct trb_buf *b, const struct mint *f, const uint8_t locked[2][48])
{
	trb_cbor_put_str(b, f->nitrotpm ? "nitrotpm_pcrs" : "pcrs");
	trb_cbor_put_map(b, (size_t)__builtin_popcount(f->pcrs));
	for (unsigned i = 0; i < 32; i++) {
		if ((f->pcrs & 1u << i) == 0)
			continue;
		trb_cbor_put_uint(b, i);
		trb_cbor_put_bstr(b, i == 16 || i == 17 ? TRB_BYTES(locked[i - 16], 48)
							: TRB_BYTES(f->pcr[i], 48));
	}
}

/* The payload in the NSM's order of fields. */
static trb_blob *payload(const struct mint *f, trb_bytes leaf, const uint8_t locked[2][48],
			 trb_bytes claim, trb_bytes spki)
{
	const struct mint_authority *a = mint_authority(f->authority);
	trb_blob *blob;
	struct trb_buf b;

	trb_buf_init(&b, TRB_ATTESTATION_MAX);
	trb_cbor_put_map(&b, 9);
	trb_cbor_put_str(&b, "module_id");
	trb_cbor_put_str(&b, f->module_id);
	trb_cbor_put_str(&b, "digest");
	trb_cbor_put_str(&b, "SHA384");
	trb_cbor_put_str(&b, "timestamp");
	trb_cbor_put_uint(&b, f->time_ms);
	put_pcrs(&b, f, locked);
	trb_cbor_put_str(&b, "certificate");
	trb_cbor_put_bstr(&b, leaf);
	trb_cbor_put_str(&b, "cabundle");
	trb_cbor_put_array(&b, 3);
	trb_cbor_put_bstr(&b, trb_blob_bytes(a->root));
	trb_cbor_put_bstr(&b, trb_blob_bytes(a->zone));
	trb_cbor_put_bstr(&b, trb_blob_bytes(a->instance));
	put_optional(&b, "public_key", f->null_public_key,
		     f->public_key.ptr != NULL ? f->public_key : spki);
	put_optional(&b, "user_data", f->null_user_data,
		     f->user_data.ptr != NULL ? f->user_data : claim);
	put_optional(&b, "nonce", f->null_nonce,
		     f->nonce.ptr != NULL ? f->nonce : f->request.nonce);
	must(trb_buf_to_blob(&b, "payload", &blob, NULL) == TRB_OK);
	return blob;
}

/* ES384: r || s over the digest of the Sig_structure. */
static trb_blob *sign_document(EVP_PKEY *key, trb_bytes text)
{
	uint8_t digest[48], der[128], raw[96];
	const uint8_t *p = der;
	size_t len = sizeof(der);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	ECDSA_SIG *sig;
	trb_blob *blob;

	must(trb_cose_sign1_digest(TRB_COSE_ES384, text, digest, NULL) == 0);
	must(ctx != NULL && EVP_PKEY_sign_init(ctx) == 1);
	must(EVP_PKEY_sign(ctx, der, &len, digest, sizeof(digest)) == 1);
	EVP_PKEY_CTX_free(ctx);
	sig = d2i_ECDSA_SIG(NULL, &p, (long)len);
	must(sig != NULL);
	must(BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, 48) == 48);
	must(BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + 48, 48) == 48);
	ECDSA_SIG_free(sig);
	must(trb_cose_sign1_encode(TRB_COSE_ES384, text, TRB_BYTES(raw, 96), &blob, NULL) ==
	     TRB_OK);
	return blob;
}

/* The artifacts in the order of their encoding, whatever the test's is. */
static void make_statement(const struct mint *f, struct mint_parts *parts)
{
	struct trb_artifacts artifacts = { 0 };
	struct trb_environment env;
	trb_blob *owner = NULL, *env_owner = NULL;
	const struct trb_statement_input in = { .request = &f->request,
						.environment = &env,
						.artifacts = &artifacts,
						.source = f->source,
						.pcr0 = f->pcr[0],
						.started = f->started,
						.finished = f->finished };

	must(trb_environment_decode(trb_blob_bytes(parts->environment), &env, &env_owner, NULL) ==
	     TRB_OK);
	must(trb_artifacts_decode(trb_blob_bytes(parts->artifacts), &artifacts, &owner, NULL) == 0);
	if (f->statement.ptr != NULL)
		must(trb_blob_new(f->statement, &parts->statement, NULL) == TRB_OK);
	else
		must(trb_statement_render(&in, &parts->statement, NULL) == TRB_OK);
	trb_artifacts_clear(&artifacts);
	trb_blob_unref(owner);
	trb_blob_unref(env_owner);
}

/* With the materials, and the tip of the ref unless the test says otherwise. */
static void make_environment(const struct mint *f, struct mint_parts *parts)
{
	struct trb_environment env = f->environment;

	if (!f->own_history && env.history.relation == TRB_RELATION_TIP)
		env.history = (struct trb_history){ .there = f->request.ref.len > 0,
						    .tip = f->request.commit };
	if (f->materials.n > 0) {
		must(trb_materials_encode(&f->materials, &parts->materials, NULL) == TRB_OK);
		must(trb_sha256(trb_blob_bytes(parts->materials), env.materials, NULL) == TRB_OK);
		env.has_materials = true;
		env.n_materials = f->materials.n;
	}
	must(trb_environment_encode(&env, &parts->environment, NULL) == TRB_OK);
}

static void make_claim(const struct mint *f, const struct mint_parts *parts,
		       struct trb_claim *claim)
{
	claim->commit = f->claim_commit != NULL ? *f->claim_commit : f->request.commit;
	memcpy(claim->source, f->source, 32);
	must(trb_sha256(trb_blob_bytes(parts->artifacts), claim->artifacts, NULL) == TRB_OK);
	must(trb_sha256(trb_blob_bytes(parts->environment), claim->environment, NULL) == TRB_OK);
	must(trb_sha256(trb_blob_bytes(parts->statement), claim->statement, NULL) == TRB_OK);
}

static void make_locked(const struct mint *f, const struct mint_parts *parts,
			const struct trb_claim *claim, uint8_t locked[2][48])
{
	uint8_t data[32];

	must(trb_pcr16_data(trb_blob_bytes(parts->request), data, NULL) == TRB_OK);
	must(trb_pcr_extend_once(data, locked[0], NULL) == TRB_OK);
	must(trb_pcr17_data(&claim->commit, claim->source, claim->environment, data, NULL) == 0);
	must(trb_pcr_extend_once(data, locked[1], NULL) == TRB_OK);
	if (f->pcr16.ptr != NULL)
		memcpy(locked[0], f->pcr16.ptr, 48);
	if (f->pcr17.ptr != NULL)
		memcpy(locked[1], f->pcr17.ptr, 48);
}

static void make_attestation(const struct mint *f, struct mint_parts *parts, EVP_PKEY *dsse)
{
	uint8_t locked[2][48], spki[TRB_DSSE_SPKI_LEN];
	trb_blob *claim_bytes, *text, *leaf;
	EVP_PKEY *leaf_key = mint_key_p384();
	struct trb_claim claim;

	make_claim(f, parts, &claim);
	make_locked(f, parts, &claim, locked);
	must(trb_claim_encode(&claim, &claim_bytes, NULL) == TRB_OK);
	must(trb_dsse_key_spki(dsse, spki, NULL) == TRB_OK);
	leaf = mint_leaf(f, leaf_key);
	text = payload(f, trb_blob_bytes(leaf), locked, trb_blob_bytes(claim_bytes),
		       TRB_BYTES(spki, sizeof(spki)));
	parts->attestation = sign_document(f->wrong_key ? mint_authority(1)->root_key : leaf_key,
					   trb_blob_bytes(text));
	trb_blob_unref(text);
	trb_blob_unref(leaf);
	trb_blob_unref(claim_bytes);
	EVP_PKEY_free(leaf_key);
}

void mint_make(const struct mint *f, struct mint_parts *parts)
{
	EVP_PKEY *dsse, *other;

	*parts = (struct mint_parts){ 0 };
	must(trb_dsse_key_new(&dsse, NULL) == TRB_OK);
	must(trb_dsse_key_new(&other, NULL) == TRB_OK);
	must(trb_request_facts_encode(&f->request, &parts->request, NULL) == TRB_OK);
	make_environment(f, parts);
	must(trb_artifacts_encode(&f->artifacts, &parts->artifacts, NULL) == TRB_OK);
	make_statement(f, parts);
	make_attestation(f, parts, dsse);
	must(trb_dsse_sign(f->foreign_envelope ? other : dsse, trb_blob_bytes(parts->statement),
			   &parts->signature, NULL) == TRB_OK);
	EVP_PKEY_free(dsse);
	EVP_PKEY_free(other);
	if (f->n_logs > 0)
		mint_log(f, parts);
}

void mint_parts_clear(struct mint_parts *parts)
{
	trb_blob_unref(parts->request);
	trb_blob_unref(parts->environment);
	trb_blob_unref(parts->artifacts);
	trb_blob_unref(parts->attestation);
	trb_blob_unref(parts->statement);
	trb_blob_unref(parts->signature);
	trb_blob_unref(parts->materials);
	trb_blob_unref(parts->checkpoint);
	*parts = (struct mint_parts){ 0 };
}

trb_blob *mint_json_of(const struct mint *f, const struct mint_parts *parts)
{
	const struct trb_bundle_parts views = {
		.request = trb_blob_bytes(parts->request),
		.environment = trb_blob_bytes(parts->environment),
		.artifacts = trb_blob_bytes(parts->artifacts),
		.attestation = trb_blob_bytes(parts->attestation),
		.statement = trb_blob_bytes(parts->statement),
		.signature = trb_blob_bytes(parts->signature),
		.materials = trb_blob_bytes(parts->materials),
		.n_logs = f->n_logs,
		.logs = parts->logs,
	};
	trb_bundle *bundle = NULL;
	trb_error *err = NULL;
	trb_blob *json;
	int r = trb_bundle_new(&views, &bundle, &err);

	mint_must(r == TRB_OK, trb_error_message(err));
	must(trb_bundle_encode(bundle, &json, NULL) == TRB_OK);
	trb_bundle_unref(bundle);
	return json;
}

trb_bundle *mint_bundle_of(const struct mint *f, const struct mint_parts *parts)
{
	trb_blob *json = mint_json_of(f, parts);
	trb_bundle *bundle = NULL;
	trb_error *err = NULL;
	int r = trb_bundle_parse(trb_blob_bytes(json), &bundle, &err);

	mint_must(r == TRB_OK, trb_error_message(err));
	trb_blob_unref(json);
	return bundle;
}

trb_bundle *mint_bundle(const struct mint *f)
{
	struct mint_parts parts;
	trb_bundle *bundle;

	mint_make(f, &parts);
	bundle = mint_bundle_of(f, &parts);
	mint_parts_clear(&parts);
	return bundle;
}

trb_blob *mint_bundle_json(const struct mint *f)
{
	struct mint_parts parts;
	trb_blob *json;

	mint_make(f, &parts);
	json = mint_json_of(f, &parts);
	mint_parts_clear(&parts);
	return json;
}

void mint_replace(trb_blob **blob, trb_bytes bytes)
{
	trb_blob *copy;

	must(trb_blob_new(bytes, &copy, NULL) == TRB_OK);
	trb_blob_unref(*blob);
	*blob = copy;
}

void mint_flip(trb_blob **blob, size_t i, uint8_t mask)
{
	trb_bytes bytes = trb_blob_bytes(*blob);
	uint8_t *copy = malloc(bytes.len);

	must(copy != NULL && i < bytes.len);
	memcpy(copy, bytes.ptr, bytes.len);
	copy[i] ^= mask;
	mint_replace(blob, TRB_BYTES(copy, bytes.len));
	free(copy);
}
