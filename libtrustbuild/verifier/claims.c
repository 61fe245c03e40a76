/* SPDX-License-Identifier: Apache-2.0 */
/* The claims of a verified bundle. */
#include "verifier/claims.h"

trb_claims *trb_claims_ref(trb_claims *claims)
{
	if (claims != NULL)
		atomic_fetch_add_explicit(&claims->refs, 1, memory_order_relaxed);
	return claims;
}

trb_claims *trb_claims_unref(trb_claims *claims)
{
	if (claims == NULL || atomic_fetch_sub_explicit(&claims->refs, 1, memory_order_acq_rel) > 1)
		return NULL;
	free(claims->artifact);
	free(claims->repository);
	free(claims->ref);
	free(claims->runtime);
	free(claims->measurement);
	free(claims->log);
	free(claims->module_id);
	free(claims->location);
	free(claims->cpu_model);
	trb_attestation_unref(claims->attestation);
	free(claims);
	return NULL;
}

int trb_claims_get_assurance(const trb_claims *claims)
{
	return claims != NULL ? claims->assurance : 0;
}

const char *trb_claims_get_artifact(const trb_claims *claims)
{
	return claims != NULL ? claims->artifact : NULL;
}

uint64_t trb_claims_get_artifact_size(const trb_claims *claims)
{
	return claims != NULL ? claims->size : 0;
}

trb_bytes trb_claims_get_artifact_digest(const trb_claims *claims)
{
	return claims != NULL ? TRB_BYTES(claims->digest, 32) : TRB_BYTES_NULL;
}

const char *trb_claims_get_repository(const trb_claims *claims)
{
	return claims != NULL ? claims->repository : NULL;
}

const char *trb_claims_get_ref(const trb_claims *claims)
{
	return claims != NULL ? claims->ref : NULL;
}

const char *trb_claims_get_commit(const trb_claims *claims)
{
	return claims != NULL ? claims->commit : NULL;
}

const char *trb_claims_get_location(const trb_claims *claims)
{
	return claims != NULL ? claims->location : NULL;
}

static bool has_history(const trb_claims *claims)
{
	return claims != NULL && claims->tip[0] != '\0';
}

const char *trb_claims_get_ref_tip(const trb_claims *claims)
{
	return has_history(claims) ? claims->tip : NULL;
}

const char *trb_claims_get_ref_tag(const trb_claims *claims)
{
	return has_history(claims) && claims->tag[0] != '\0' ? claims->tag : NULL;
}

const char *trb_claims_get_relation(const trb_claims *claims)
{
	return has_history(claims) ? trb_relation_name(claims->relation) : NULL;
}

uint64_t trb_claims_get_steps(const trb_claims *claims)
{
	return has_history(claims) ? claims->steps : 0;
}

uint64_t trb_claims_get_cpus(const trb_claims *claims)
{
	return claims != NULL ? claims->cpus : 0;
}

uint64_t trb_claims_get_memory_mib(const trb_claims *claims)
{
	return claims != NULL ? claims->memory_mib : 0;
}

const char *trb_claims_get_cpu_model(const trb_claims *claims)
{
	return claims != NULL ? claims->cpu_model : NULL;
}

uint64_t trb_claims_count_materials(const trb_claims *claims)
{
	return claims != NULL ? claims->n_materials : 0;
}

trb_bytes trb_claims_get_materials_digest(const trb_claims *claims)
{
	return trb_claims_count_materials(claims) > 0 ? TRB_BYTES(claims->materials, 32)
						      : TRB_BYTES_NULL;
}

trb_bytes trb_claims_get_source_digest(const trb_claims *claims)
{
	return claims != NULL ? TRB_BYTES(claims->source, 32) : TRB_BYTES_NULL;
}

trb_bytes trb_claims_get_recipe_digest(const trb_claims *claims)
{
	return claims != NULL ? TRB_BYTES(claims->recipe, 32) : TRB_BYTES_NULL;
}

int trb_claims_is_recipe_from_tree(const trb_claims *claims)
{
	return claims != NULL && claims->recipe_from_tree ? 1 : 0;
}

const char *trb_claims_get_runtime(const trb_claims *claims)
{
	return claims != NULL ? claims->runtime : NULL;
}

trb_bytes trb_claims_get_pcr(const trb_claims *claims, unsigned index)
{
	if (claims == NULL)
		return TRB_BYTES_NULL;
	return trb_attestation_get_pcr(claims->attestation, index);
}

const char *trb_claims_get_measurement(const trb_claims *claims)
{
	return claims != NULL ? claims->measurement : NULL;
}

uint64_t trb_claims_get_time(const trb_claims *claims)
{
	return claims != NULL ? claims->time_s : 0;
}

uint64_t trb_claims_get_witnessed_time(const trb_claims *claims)
{
	return claims != NULL ? claims->witnessed_s : 0;
}

const char *trb_claims_get_log(const trb_claims *claims)
{
	return claims != NULL ? claims->log : NULL;
}

uint64_t trb_claims_get_log_index(const trb_claims *claims)
{
	return claims != NULL ? claims->log_index : 0;
}
