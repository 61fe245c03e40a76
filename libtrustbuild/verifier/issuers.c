/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates between a root and a document, kept once they were checked. */
#include "verifier/issuers.h"

#include <stdlib.h>

#include <openssl/crypto.h>

#include "core/error.h"

/* Sets are chosen by digest; in all 512 certificates, about 2 MB with their keys. */
#define SETS 128u
#define WAYS 4u

struct slot {
	struct trb_issuer *issuer;
	_Atomic uint64_t used; /* the clock at the last use: readers write it, too */
};

struct trb_issuers {
	CRYPTO_RWLOCK *lock;
	_Atomic uint64_t clock;
	struct slot slots[SETS][WAYS];
};

int trb_issuer_new(const struct trb_ec_curve *curve, trb_bytes der, const uint8_t sha256[32],
		   const uint8_t parent[32], struct trb_issuer **ret, const char **ret_fault)
{
	_cleanup_(trb_issuer_unrefp) struct trb_issuer *issuer = calloc(1, sizeof(*issuer));
	int r;

	if (issuer == NULL)
		return TRB_E_NOMEM;
	atomic_init(&issuer->refs, 1);
	memcpy(issuer->sha256, sha256, TRB_SHA256_LEN);
	memcpy(issuer->parent, parent, TRB_SHA256_LEN);
	r = trb_blob_new(der, &issuer->der, NULL);
	if (r < 0)
		return r;
	*ret_fault = trb_cert_parse(trb_blob_bytes(issuer->der), &issuer->cert);
	if (*ret_fault != NULL)
		return TRB_E_FORMAT;
	r = trb_ec_key_new(curve, issuer->cert.point, &issuer->key, NULL);
	if (r < 0) {
		*ret_fault = "its public key is not on the curve P-384";
		return r;
	}
	*ret = steal_ptr(&issuer);
	return TRB_OK;
}

struct trb_issuer *trb_issuer_ref(struct trb_issuer *issuer)
{
	atomic_fetch_add_explicit(&issuer->refs, 1, memory_order_relaxed);
	return issuer;
}

struct trb_issuer *trb_issuer_unref(struct trb_issuer *issuer)
{
	if (issuer == NULL || atomic_fetch_sub_explicit(&issuer->refs, 1, memory_order_acq_rel) > 1)
		return NULL;
	trb_ec_key_free(issuer->key);
	trb_blob_unref(issuer->der);
	free(issuer);
	return NULL;
}

int trb_issuers_new(struct trb_issuers **ret, trb_error **err)
{
	struct trb_issuers *issuers = calloc(1, sizeof(*issuers));

	if (issuers == NULL)
		return trb_fail_nomem(err);
	issuers->lock = CRYPTO_THREAD_lock_new();
	if (issuers->lock == NULL) {
		free(issuers);
		return trb_fail_nomem(err);
	}
	*ret = issuers;
	return TRB_OK;
}

void trb_issuers_clear(struct trb_issuers *issuers)
{
	if (CRYPTO_THREAD_write_lock(issuers->lock) != 1)
		return;
	for (size_t set = 0; set < SETS; set++)
		for (size_t way = 0; way < WAYS; way++)
			issuers->slots[set][way].issuer =
				trb_issuer_unref(issuers->slots[set][way].issuer);
	CRYPTO_THREAD_unlock(issuers->lock);
}

struct trb_issuers *trb_issuers_free(struct trb_issuers *issuers)
{
	if (issuers != NULL) {
		trb_issuers_clear(issuers);
		CRYPTO_THREAD_lock_free(issuers->lock);
		free(issuers);
	}
	return NULL;
}

static struct slot *find_slot(struct trb_issuers *issuers, const uint8_t sha256[32],
			      const uint8_t parent[32])
{
	struct slot *set = issuers->slots[sha256[0] % SETS];

	for (size_t way = 0; way < WAYS; way++) {
		const struct trb_issuer *issuer = set[way].issuer;

		if (issuer != NULL && memcmp(issuer->sha256, sha256, TRB_SHA256_LEN) == 0 &&
		    memcmp(issuer->parent, parent, TRB_SHA256_LEN) == 0)
			return &set[way];
	}
	return NULL;
}

/* An empty slot, else the one used longest ago. */
static struct slot *victim_slot(struct trb_issuers *issuers, const uint8_t sha256[32])
{
	struct slot *set = issuers->slots[sha256[0] % SETS], *oldest = &set[0];

	for (size_t way = 0; way < WAYS; way++) {
		if (set[way].issuer == NULL)
			return &set[way];
		if (set[way].used < oldest->used)
			oldest = &set[way];
	}
	return oldest;
}

struct trb_issuer *trb_issuers_find(struct trb_issuers *issuers, const uint8_t sha256[32],
				    const uint8_t parent[32])
{
	struct trb_issuer *issuer = NULL;
	struct slot *slot;

	if (CRYPTO_THREAD_read_lock(issuers->lock) != 1)
		return NULL;
	slot = find_slot(issuers, sha256, parent);
	if (slot != NULL) {
		slot->used = ++issuers->clock;
		issuer = trb_issuer_ref(slot->issuer);
	}
	CRYPTO_THREAD_unlock(issuers->lock);
	return issuer;
}

void trb_issuers_add(struct trb_issuers *issuers, struct trb_issuer *issuer)
{
	struct slot *slot;

	if (CRYPTO_THREAD_write_lock(issuers->lock) != 1)
		return;
	if (find_slot(issuers, issuer->sha256, issuer->parent) == NULL) {
		slot = victim_slot(issuers, issuer->sha256);
		trb_issuer_unref(slot->issuer);
		slot->issuer = trb_issuer_ref(issuer);
		slot->used = ++issuers->clock;
	}
	CRYPTO_THREAD_unlock(issuers->lock);
}
