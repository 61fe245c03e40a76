/* SPDX-License-Identifier: Apache-2.0 */
/* The handle of a request, made or read. */
#include "format/request.h"

#include <stdatomic.h>
#include <stdlib.h>

#include <openssl/rand.h>

#include "core/error.h"
#include "core/registry.h"
#include "format/crypto.h"
#include "format/recipe.h"

#define NONCE_LEN 32

struct trb_request {
	atomic_uint refs;
	char *repository, *ref;
	struct trb_commit commit;
	char commit_hex[65];
	uint8_t *recipe; /* NULL: the tree's own */
	size_t recipe_len;
	const char *sandbox; /* static */
	uint8_t nonce[TRB_NONCE_MAX];
	size_t nonce_len;
};

/* The caller's fault, in the words of the grammar. */
static int check_argument(const char *what, const char *fault, trb_error **err)
{
	return fault == NULL ? TRB_OK : trb_fail(err, TRB_E_INVAL, "%s: %s", what, fault);
}

static int copy_text(trb_bytes text, char **ret, trb_error **err)
{
	char *copy = strndup((const char *)text.ptr, text.len);

	if (copy == NULL)
		return trb_fail_nomem(err);
	free(*ret);
	*ret = copy;
	return TRB_OK;
}

/* The static spelling of a runtime's name, or NULL. */
static const char *find_sandbox(trb_bytes runtime)
{
	for (size_t i = 0; trb_sandbox_name(i) != NULL; i++)
		if (trb_bytes_eq_str(runtime, trb_sandbox_name(i)))
			return trb_sandbox_name(i);
	return NULL;
}

static int check_recipe(trb_bytes json, trb_error **err)
{
	_cleanup_(trb_recipe_freep) struct trb_recipe *recipe = NULL;

	return trb_recipe_parse(json, &recipe, err);
}

static int request_alloc(trb_request **ret, trb_error **err)
{
	trb_request *request = calloc(1, sizeof(*request));

	if (request == NULL)
		return trb_fail_nomem(err);
	atomic_init(&request->refs, 1);
	*ret = request;
	return TRB_OK;
}

static void set_commit(trb_request *request, const struct trb_commit *commit)
{
	request->commit = *commit;
	trb_commit_to_hex(commit, request->commit_hex);
}

int trb_request_new(trb_context *context, const char *repository, const char *commit,
		    trb_request **ret_request, trb_error **err)
{
	TRB_CRYPTO_SCOPE;
	_cleanup_(trb_request_unrefp) trb_request *request = NULL;
	struct trb_commit id;
	int r;

	(void)context; /* nothing of it is needed yet */
	if (repository == NULL || commit == NULL)
		return trb_fail(err, TRB_E_INVAL, "a request needs a repository and a commit");
	r = check_argument("repository", trb_repository_fault(trb_bytes_str(repository)), err);
	if (r < 0)
		return r;
	if (!trb_commit_from_hex(trb_bytes_str(commit), &id))
		return trb_fail(err, TRB_E_INVAL,
				"commit: 40 or 64 lower-case hexadecimal digits are wanted");
	r = request_alloc(&request, err);
	if (r == TRB_OK)
		r = copy_text(trb_bytes_str(repository), &request->repository, err);
	if (r < 0)
		return r;
	set_commit(request, &id);
	request->sandbox = find_sandbox(TRB_BYTES_LIT("runsc"));
	request->nonce_len = NONCE_LEN;
	if (RAND_bytes(request->nonce, NONCE_LEN) != 1)
		return trb_fail(err, TRB_E_IO, "OpenSSL has no random bytes");
	*ret_request = steal_ptr(&request);
	return TRB_OK;
}

static int set_recipe(trb_request *request, trb_bytes recipe, trb_error **err)
{
	uint8_t *copy = NULL;

	if (recipe.len > 0) {
		copy = malloc(recipe.len);
		if (copy == NULL)
			return trb_fail_nomem(err);
		memcpy(copy, recipe.ptr, recipe.len);
	}
	free(request->recipe);
	request->recipe = copy;
	request->recipe_len = recipe.len;
	return TRB_OK;
}

static void set_nonce(trb_request *request, trb_bytes nonce)
{
	memcpy(request->nonce, nonce.ptr, nonce.len);
	request->nonce_len = nonce.len;
}

int trb_request_parse(trb_bytes bytes, trb_request **ret_request, trb_error **err)
{
	_cleanup_(trb_request_unrefp) trb_request *request = NULL;
	_cleanup_(trb_blob_unrefp) trb_blob *owner = NULL;
	struct trb_request_facts facts;
	int r = trb_request_facts_decode(bytes, &facts, &owner, err);

	if (r == TRB_OK && facts.recipe.ptr != NULL)
		r = check_recipe(facts.recipe, err);
	if (r == TRB_OK)
		r = request_alloc(&request, err);
	if (r == TRB_OK)
		r = copy_text(facts.repository, &request->repository, err);
	if (r == TRB_OK && facts.ref.len > 0)
		r = copy_text(facts.ref, &request->ref, err);
	if (r == TRB_OK && facts.recipe.ptr != NULL)
		r = set_recipe(request, facts.recipe, err);
	if (r < 0)
		return r;
	set_commit(request, &facts.commit);
	request->sandbox = find_sandbox(facts.sandbox);
	set_nonce(request, facts.nonce);
	*ret_request = steal_ptr(&request);
	return TRB_OK;
}

trb_request *trb_request_ref(trb_request *request)
{
	if (request != NULL)
		atomic_fetch_add_explicit(&request->refs, 1, memory_order_relaxed);
	return request;
}

trb_request *trb_request_unref(trb_request *request)
{
	if (request == NULL ||
	    atomic_fetch_sub_explicit(&request->refs, 1, memory_order_acq_rel) > 1)
		return NULL;
	free(request->repository);
	free(request->ref);
	free(request->recipe);
	free(request);
	return NULL;
}

int trb_request_set_ref(trb_request *request, const char *ref, trb_error **err)
{
	int r;

	if (ref == NULL) {
		free(request->ref);
		request->ref = NULL;
		return TRB_OK;
	}
	r = check_argument("ref", trb_ref_fault(trb_bytes_str(ref)), err);
	return r < 0 ? r : copy_text(trb_bytes_str(ref), &request->ref, err);
}

int trb_request_set_recipe(trb_request *request, trb_bytes recipe, trb_error **err)
{
	int r = TRB_OK;

	if (recipe.len > TRB_RECIPE_MAX)
		return trb_fail(err, TRB_E_LIMIT, "the recipe has %zu bytes, more than %u",
				recipe.len, TRB_RECIPE_MAX);
	if (recipe.len > 0)
		r = check_recipe(recipe, err);
	return r < 0 ? r : set_recipe(request, recipe, err);
}

int trb_request_set_sandbox(trb_request *request, const char *runtime, trb_error **err)
{
	size_t index;
	int r = trb_registry_find("sandbox", trb_sandbox_name, runtime, &index, NULL, err);

	if (r == TRB_OK)
		request->sandbox = trb_sandbox_name(index);
	return r;
}

int trb_request_set_nonce(trb_request *request, trb_bytes nonce, trb_error **err)
{
	if (nonce.len < TRB_NONCE_MIN || nonce.len > TRB_NONCE_MAX)
		return trb_fail(err, TRB_E_INVAL, "a nonce has %d to %d bytes, not %zu",
				TRB_NONCE_MIN, TRB_NONCE_MAX, nonce.len);
	set_nonce(request, nonce);
	return TRB_OK;
}

const char *trb_request_get_repository(const trb_request *request)
{
	return request->repository;
}

const char *trb_request_get_commit(const trb_request *request)
{
	return request->commit_hex;
}

const char *trb_request_get_ref(const trb_request *request)
{
	return request->ref;
}

trb_bytes trb_request_get_recipe(const trb_request *request)
{
	return TRB_BYTES(request->recipe, request->recipe_len);
}

const char *trb_request_get_sandbox(const trb_request *request)
{
	return request->sandbox;
}

trb_bytes trb_request_get_nonce(const trb_request *request)
{
	return TRB_BYTES(request->nonce, request->nonce_len);
}

struct trb_request_facts trb_request_view(const trb_request *request)
{
	return (struct trb_request_facts){
		.repository = trb_bytes_str(request->repository),
		.commit = request->commit,
		.ref = trb_bytes_str(request->ref),
		.recipe = TRB_BYTES(request->recipe, request->recipe_len),
		.sandbox = trb_bytes_str(request->sandbox),
		.nonce = TRB_BYTES(request->nonce, request->nonce_len),
	};
}

int trb_request_encode(const trb_request *request, trb_blob **ret_blob, trb_error **err)
{
	const struct trb_request_facts facts = trb_request_view(request);

	return trb_request_facts_encode(&facts, ret_blob, err);
}
