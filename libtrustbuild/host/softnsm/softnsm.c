/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated NSM: its registers and what it answers. */
#include "host/softnsm/softnsm.h"

#include <stdio.h>

#include <openssl/rand.h>

#include "core/clock.h"
#include "format/crypto.h"
#include "format/nsm.h"
#include "host/softnsm/cert.h"
#include "host/softnsm/chain.h"

#define RANDOM_LEN   256
#define INSTANCE_HEX 17

struct trb_softnsm {
	struct trb_softnsm_root root;
	struct trb_softnsm_chain chain;
	struct trb_softnsm_names names;
	uint8_t pcrs[TRB_SOFTNSM_PCRS][TRB_SHA384_LEN];
	uint32_t locked;
};

/* pcr = SHA384(pcr || data) */
static int extend(uint8_t pcr[TRB_SHA384_LEN], trb_bytes data, trb_error **err)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good;

	if (ctx == NULL)
		return trb_fail_nomem(err);
	good = EVP_DigestInit_ex(ctx, EVP_sha384(), NULL) == 1 &&
	       EVP_DigestUpdate(ctx, pcr, TRB_SHA384_LEN) == 1 &&
	       (data.len == 0 || EVP_DigestUpdate(ctx, data.ptr, data.len) == 1) &&
	       EVP_DigestFinal_ex(ctx, pcr, NULL) == 1;
	EVP_MD_CTX_free(ctx);
	return good ? TRB_OK : trb_cert_fail(err, "hash");
}

/* The instance id is the development root's, so that PCR4 stays the same on one machine; an enclave
 * id is its start in milliseconds and two random bytes, as on AWS. */
static int make_names(const struct trb_softnsm_root *root, struct trb_softnsm_names *ret,
		      trb_error **err)
{
	uint64_t start = (uint64_t)trb_now_ms(CLOCK_REALTIME);
	uint8_t digest[TRB_SHA256_LEN];
	char hex[2 * TRB_SHA256_LEN + 1];
	int r = trb_sha256(trb_blob_bytes(root->der), digest, err);

	if (r < 0)
		return r;
	trb_hex_encode(TRB_BYTES(digest, sizeof(digest)), hex);
	snprintf(ret->instance, sizeof(ret->instance), "i-%.*s", INSTANCE_HEX, hex);
	for (int i = 0; i < 6; i++)
		ret->enclave[i] = (uint8_t)(start >> (40 - 8 * i));
	if (RAND_bytes(ret->enclave + 6, 2) != 1)
		return trb_cert_fail(err, "get random bytes");
	trb_hex_encode(TRB_BYTES(ret->enclave, sizeof(ret->enclave)), hex);
	snprintf(ret->module_id, sizeof(ret->module_id), "%s-enc%.16s", ret->instance, hex);
	return TRB_OK;
}

static int boot(struct trb_softnsm *nsm, const char *state_dir,
		const uint8_t pcrs[3][TRB_SHA384_LEN], trb_error **err)
{
	int r = trb_softnsm_root_load(state_dir, &nsm->root, err);

	if (r == TRB_OK)
		r = make_names(&nsm->root, &nsm->names, err);
	if (r < 0)
		return r;
	memcpy(nsm->pcrs, pcrs, 3 * TRB_SHA384_LEN);
	nsm->locked = (1u << TRB_SOFTNSM_BOOTED) - 1;
	return extend(nsm->pcrs[4], trb_bytes_str(nsm->names.instance), err);
}

int trb_softnsm_new(const char *state_dir, const uint8_t pcrs[3][TRB_SHA384_LEN],
		    struct trb_softnsm **ret, trb_error **err)
{
	TRB_CRYPTO_SCOPE;
	struct trb_softnsm *nsm = calloc(1, sizeof(*nsm));
	int r;

	if (nsm == NULL)
		return trb_fail_nomem(err);
	r = boot(nsm, state_dir, pcrs, err);
	if (r < 0) {
		trb_softnsm_free(nsm);
		return trb_wrap(err, r, "start the simulated NSM");
	}
	*ret = nsm;
	return TRB_OK;
}

struct trb_softnsm *trb_softnsm_free(struct trb_softnsm *nsm)
{
	if (nsm == NULL)
		return NULL;
	trb_softnsm_chain_clear(&nsm->chain);
	trb_softnsm_root_clear(&nsm->root);
	free(nsm);
	return NULL;
}

const char *trb_softnsm_module_id(const struct trb_softnsm *nsm)
{
	return nsm->names.module_id;
}

trb_bytes trb_softnsm_root(const struct trb_softnsm *nsm)
{
	return trb_blob_bytes(nsm->root.der);
}

/* What an operation leaves for the answer besides the response itself. */
struct answer {
	struct trb_nsm_response rsp;
	uint8_t random[RANDOM_LEN];
	trb_blob *document;
};

static enum trb_nsm_error writable(const struct trb_softnsm *nsm, uint64_t index)
{
	if (index >= TRB_SOFTNSM_PCRS)
		return TRB_NSM_INVALID_INDEX;
	return nsm->locked >> index & 1 ? TRB_NSM_READ_ONLY_INDEX : TRB_NSM_SUCCESS;
}

static void describe_nsm(const struct trb_softnsm *nsm, struct trb_nsm_response *rsp)
{
	rsp->version_major = 1;
	rsp->max_pcrs = TRB_SOFTNSM_PCRS;
	rsp->module_id = trb_bytes_str(nsm->names.module_id);
	rsp->digest = trb_bytes_str("SHA384");
	rsp->locked_pcrs = nsm->locked;
}

static void describe_pcr(const struct trb_softnsm *nsm, uint64_t index,
			 struct trb_nsm_response *rsp)
{
	if (index >= TRB_SOFTNSM_PCRS) {
		rsp->error = TRB_NSM_INVALID_INDEX;
		return;
	}
	rsp->lock = nsm->locked >> index & 1;
	rsp->data = TRB_BYTES(nsm->pcrs[index], TRB_SHA384_LEN);
}

static int extend_pcr(struct trb_softnsm *nsm, const struct trb_nsm_request *req,
		      struct trb_nsm_response *rsp, trb_error **err)
{
	rsp->error = writable(nsm, req->index);
	if (rsp->error != TRB_NSM_SUCCESS)
		return TRB_OK;
	rsp->data = TRB_BYTES(nsm->pcrs[req->index], TRB_SHA384_LEN);
	return extend(nsm->pcrs[req->index], req->data, err);
}

static void lock_pcr(struct trb_softnsm *nsm, uint64_t index, struct trb_nsm_response *rsp)
{
	rsp->error = writable(nsm, index);
	if (rsp->error == TRB_NSM_SUCCESS)
		nsm->locked |= 1u << index;
}

/* Locks PCR0 up to, not including, range; locked ones stay locked. */
static void lock_pcrs(struct trb_softnsm *nsm, uint64_t range, struct trb_nsm_response *rsp)
{
	if (range > TRB_SOFTNSM_PCRS)
		rsp->error = TRB_NSM_INVALID_INDEX;
	else
		nsm->locked |= (uint32_t)((UINT64_C(1) << range) - 1);
}

static int attest(struct trb_softnsm *nsm, const struct trb_nsm_request *req, struct answer *answer,
		  trb_error **err)
{
	struct trb_softnsm_document doc = {
		.chain = &nsm->chain,
		.module_id = nsm->names.module_id,
		.timestamp_ms = (uint64_t)trb_now_ms(CLOCK_REALTIME),
		.pcrs = nsm->pcrs,
		.locked = nsm->locked,
		.public_key = req->public_key,
		.user_data = req->user_data,
		.nonce = req->nonce,
	};
	int64_t now = (int64_t)(doc.timestamp_ms / 1000);
	int r = TRB_OK;

	if (nsm->chain.key == NULL || now >= nsm->chain.renew)
		r = trb_softnsm_chain_make(&nsm->root, &nsm->names, now, &nsm->chain, err);
	if (r == TRB_OK)
		r = trb_softnsm_document_sign(&doc, &answer->document, err);
	if (r == TRB_OK)
		answer->rsp.data = trb_blob_bytes(answer->document);
	return r;
}

static int run(struct trb_softnsm *nsm, const struct trb_nsm_request *req, struct answer *answer,
	       trb_error **err)
{
	struct trb_nsm_response *rsp = &answer->rsp;

	rsp->op = req->op;
	switch (req->op) {
	case TRB_NSM_DESCRIBE_NSM:
		describe_nsm(nsm, rsp);
		return TRB_OK;
	case TRB_NSM_DESCRIBE_PCR:
		describe_pcr(nsm, req->index, rsp);
		return TRB_OK;
	case TRB_NSM_EXTEND_PCR:
		return extend_pcr(nsm, req, rsp, err);
	case TRB_NSM_LOCK_PCR:
		lock_pcr(nsm, req->index, rsp);
		return TRB_OK;
	case TRB_NSM_LOCK_PCRS:
		lock_pcrs(nsm, req->index, rsp);
		return TRB_OK;
	case TRB_NSM_ATTESTATION:
		return attest(nsm, req, answer, err);
	case TRB_NSM_GET_RANDOM:
		if (RAND_bytes(answer->random, RANDOM_LEN) != 1)
			return trb_cert_fail(err, "get random bytes");
		rsp->data = TRB_BYTES(answer->random, RANDOM_LEN);
		return TRB_OK;
	}
	rsp->error = TRB_NSM_INVALID_OPERATION;
	return TRB_OK;
}

int trb_softnsm_answer(struct trb_softnsm *nsm, trb_bytes request, trb_blob **ret_response,
		       trb_error **err)
{
	TRB_CRYPTO_SCOPE;
	_cleanup_(trb_blob_unrefp) trb_blob *owner = NULL;
	struct trb_nsm_request req = { 0 };
	struct answer answer = { 0 };
	int r = TRB_OK;

	if (request.len > TRB_NSM_REQUEST_MAX)
		answer.rsp.error = TRB_NSM_INPUT_TOO_LARGE;
	else
		answer.rsp.error = trb_nsm_request_decode(request, &req, &owner);
	if (answer.rsp.error == TRB_NSM_SUCCESS)
		r = run(nsm, &req, &answer, err);
	if (r == TRB_OK)
		r = trb_nsm_response_encode(&answer.rsp, ret_response, err);
	trb_blob_unref(answer.document);
	return r;
}
