/* SPDX-License-Identifier: Apache-2.0 */
/* From facts to evidence: environment, statement, claim, document, signature. */
#include <trustbuild/attestation.h>

#include "enclave/client.h"
#include "format/agree.h"
#include "format/dsse.h"
#include "format/statement.h"

TRB_DEFINE_CLEANUP(trb_attestation *, trb_attestation_unref);

int trb_attest_commit(const struct trb_enclave *e, struct trb_commit *ret, trb_error **err)
{
	const char *hex = trb_source_get_commit(e->source);

	if (hex == NULL || !trb_commit_from_hex(trb_bytes_str(hex), ret) ||
	    !trb_commit_eq(ret, &e->facts.commit))
		return trb_fail_check(err, TRB_E_SOURCE, "source.commit",
				      "fetched %s is not the commit that was asked for",
				      hex != NULL ? hex : "nothing");
	return TRB_OK;
}

static trb_bytes recipe_bytes(const struct trb_enclave *e)
{
	return e->facts.recipe.ptr != NULL ? e->facts.recipe : trb_source_get_recipe(e->source);
}

/* --- materials and environment --- */

static int make_materials(struct trb_enclave *e, trb_error **err)
{
	const struct trb_source_result *src = trb_source_get_result(e->source);
	_cleanup_free_ struct trb_material *all = calloc(src->n_submodules + 1, sizeof(*all));
	struct trb_materials list = { src->n_submodules, all };
	int r;

	if (all == NULL)
		return trb_fail_nomem(err);
	if (list.n == 0)
		return TRB_OK;
	for (size_t i = 0; i < list.n; i++) {
		const struct trb_source_submodule *m = &src->submodules[i];

		all[i] = (struct trb_material){ .kind = TRB_MATERIAL_SUBMODULE,
						.uri = trb_bytes_str(m->url),
						.digest.algorithm = m->commit.algorithm,
						.pin = trb_bytes_str(m->path) };
		memcpy(all[i].digest.id, m->commit.id, sizeof(m->commit.id));
	}
	r = trb_materials_encode(&list, &e->evidence.materials, err);
	return r < 0 ? trb_wrap_check(err, r, "source.submodule",
				      "the submodules cannot be listed as materials")
		     : TRB_OK;
}

static int fill_materials(struct trb_enclave *e, struct trb_environment *env, trb_error **err)
{
	int r = make_materials(e, err);

	if (r < 0 || e->evidence.materials == NULL)
		return r;
	env->has_materials = true;
	env->n_materials = trb_source_count_submodules(e->source);
	return trb_sha256(trb_blob_bytes(e->evidence.materials), env->materials, err);
}

static void fill_limits(const trb_build *b, struct trb_environment *env)
{
	env->n_limits = trb_build_count_limits(b);
	for (size_t i = 0; i < env->n_limits && i < TRB_ENVIRONMENT_LIMITS; i++) {
		const char *name = trb_build_get_limit(b, i, &env->limits[i].value);

		env->limits[i].name = trb_bytes_str(name);
	}
}

int trb_attest_environment(struct trb_enclave *e, const uint8_t rootfs[32], trb_error **err)
{
	const trb_build *b = e->build;
	struct trb_environment env = {
		.recipe_origin = e->facts.recipe.ptr != NULL ? TRB_RECIPE_FROM_REQUEST
							     : TRB_RECIPE_FROM_TREE,
		.runtime = trb_bytes_str(trb_build_get_runtime(b)),
		.runtime_version = trb_bytes_str(trb_build_get_runtime_version(b)),
		.platform = trb_bytes_str(trb_build_get_platform(b)),
		.history = trb_source_get_result(e->source)->history,
		.machine = trb_machine_view(&e->machine),
		.location = trb_bytes_str(trb_source_get_location(e->source)),
	};
	const char *fault;
	int r = trb_sha256(recipe_bytes(e), env.recipe, err);

	if (r == TRB_OK)
		r = trb_sha256(trb_build_get_spec(b), env.spec, err);
	if (r == TRB_OK)
		r = fill_materials(e, &env, err);
	if (r < 0)
		return r;
	memcpy(env.rootfs, rootfs, sizeof(env.rootfs));
	fill_limits(b, &env);
	fault = trb_environment_history_fault(&env, &e->facts);
	if (fault != NULL)
		return trb_fail_check(err, TRB_E_SOURCE, "source.ref", "%s", fault);
	return trb_environment_encode(&env, &e->evidence.environment, err);
}

/* --- the statement --- */

static int render(struct trb_enclave *e, struct trb_statement_input *in, trb_error **err)
{
	in->request = &e->facts;
	in->source = trb_source_get_digest(e->source).ptr;
	in->pcr0 = e->pcr0;
	in->started = (uint64_t)e->started;
	in->finished = (uint64_t)trb_clock_now(&e->clock);
	return trb_statement_render(in, &e->evidence.statement, err);
}

/* Rendered from decoded facts: what the verifier has. */
static int make_statement(struct trb_enclave *e, trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *env_owner = NULL, *list_owner = NULL;
	_cleanup_(trb_artifacts_clear) struct trb_artifacts artifacts = { 0 };
	struct trb_environment env;
	struct trb_statement_input in = { .environment = &env, .artifacts = &artifacts };
	int r = trb_environment_decode(trb_blob_bytes(e->evidence.environment), &env, &env_owner,
				       err);

	if (r == TRB_OK)
		r = trb_artifacts_decode(trb_blob_bytes(e->evidence.artifacts), &artifacts,
					 &list_owner, err);
	return r == TRB_OK ? render(e, &in, err) : r;
}

static int make_claim(const struct trb_enclave *e, trb_blob **ret, trb_error **err)
{
	const struct trb_evidence *ev = &e->evidence;
	struct trb_claim claim;
	int r = trb_attest_commit(e, &claim.commit, err);

	if (r == TRB_OK)
		r = trb_sha256(trb_blob_bytes(ev->artifacts), claim.artifacts, err);
	if (r == TRB_OK)
		r = trb_sha256(trb_blob_bytes(ev->environment), claim.environment, err);
	if (r == TRB_OK)
		r = trb_sha256(trb_blob_bytes(ev->statement), claim.statement, err);
	if (r < 0)
		return r;
	memcpy(claim.source, trb_source_get_digest(e->source).ptr, sizeof(claim.source));
	return trb_claim_encode(&claim, ret, err);
}

/* --- the document --- */

static int check_agreement(const struct trb_enclave *e, const trb_attestation *doc, trb_error **err)
{
	const struct trb_evidence *ev = &e->evidence;
	struct trb_claim claim;
	const struct trb_agree_case in = {
		.request = trb_blob_bytes(e->request_bytes),
		.environment = trb_blob_bytes(ev->environment),
		.artifacts = trb_blob_bytes(ev->artifacts),
		.statement = trb_blob_bytes(ev->statement),
		.facts = &e->facts,
		.claim = &claim,
		.nonce = trb_attestation_get_nonce(doc),
		.pcr16 = trb_attestation_get_pcr(doc, 16),
		.pcr17 = trb_attestation_get_pcr(doc, 17),
	};
	int r = trb_claim_decode(trb_attestation_get_user_data(doc), &claim, err);

	if (r == TRB_OK)
		r = trb_agree_all(&in, err);
	return r;
}

/* What leaves the enclave is what was asked of the NSM: a host that plays the NSM is found here. */
static int check_document(const struct trb_enclave *e, trb_bytes claim, trb_bytes spki,
			  trb_error **err)
{
	_cleanup_(trb_attestation_unrefp) trb_attestation *doc = NULL;
	int r = trb_attestation_parse(trb_blob_bytes(e->evidence.attestation), &doc, err);

	if (r < 0)
		return trb_wrap(err, r, "the NSM's document");
	if (!trb_bytes_eq(trb_attestation_get_user_data(doc), claim) ||
	    !trb_bytes_eq(trb_attestation_get_public_key(doc), spki))
		return trb_fail(err, TRB_E_EVIDENCE,
				"the NSM's document says something else than it was asked for");
	if (!trb_bytes_eq(trb_attestation_get_pcr(doc, 0), TRB_BYTES(e->pcr0, sizeof(e->pcr0))))
		return trb_fail(err, TRB_E_MEASUREMENT,
				"the NSM's document is of another image than this one");
	r = trb_clock_check(&e->clock, trb_attestation_get_timestamp_ms(doc), err);
	if (r == TRB_OK)
		r = check_agreement(e, doc, err);
	return r < 0 ? trb_wrap(err, r, "the NSM's document") : r;
}

static int check_leaf(const struct trb_enclave *e, trb_error **err)
{
	const struct trb_evidence *ev = &e->evidence;
	const struct trb_leaf leaf = {
		.request = trb_blob_bytes(e->request_bytes),
		.environment = trb_blob_bytes(ev->environment),
		.artifacts = trb_blob_bytes(ev->artifacts),
		.attestation = trb_blob_bytes(ev->attestation),
		.statement = trb_blob_bytes(ev->statement),
	};
	_cleanup_(trb_blob_unrefp) trb_blob *bytes = NULL;
	int r = trb_leaf_encode(&leaf, &bytes, err);

	return r < 0 ? trb_wrap(err, r, "no log takes an entry of this size") : TRB_OK;
}

/* The key lives only here, and is wiped on every way out. */
static int sign(struct trb_enclave *e, trb_bytes claim, trb_error **err)
{
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = NULL;
	uint8_t spki[TRB_DSSE_SPKI_LEN];
	trb_bytes public_key = TRB_BYTES(spki, sizeof(spki));
	int r = trb_dsse_key_new(&key, err);

	if (r == TRB_OK)
		r = trb_dsse_key_spki(key, spki, err);
	if (r == TRB_OK)
		r = trb_nsm_attest(e->nsm, claim, e->facts.nonce, public_key,
				   &e->evidence.attestation, err);
	if (r == TRB_OK)
		r = check_document(e, claim, public_key, err);
	if (r == TRB_OK)
		r = trb_dsse_sign(key, trb_blob_bytes(e->evidence.statement),
				  &e->evidence.signature, err);
	return r;
}

int trb_attest_seal(struct trb_enclave *e, trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *claim = NULL;
	int r = make_statement(e, err);

	if (r == TRB_OK)
		r = make_claim(e, &claim, err);
	if (r == TRB_OK)
		r = sign(e, trb_blob_bytes(claim), err);
	return r == TRB_OK ? check_leaf(e, err) : r;
}
