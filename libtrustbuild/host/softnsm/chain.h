/* SPDX-License-Identifier: Apache-2.0 */
/* Keys, certificates and documents of the simulated NSM: shapes, lifetimes and names as on AWS's
 * chain, but under a root that says SIMULATED. */
#ifndef TRB_HOST_SOFTNSM_CHAIN_H
#define TRB_HOST_SOFTNSM_CHAIN_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "host/softnsm/softnsm.h"

#define TRB_SOFTNSM_REGION "sim-local-1"

struct trb_softnsm_root {
	EVP_PKEY *key;
	X509 *cert;
	trb_blob *der;
};
/* Loads the development root of state_dir; makes it where there is none, under a lock. */
int trb_softnsm_root_load(const char *state_dir, struct trb_softnsm_root *ret, trb_error **err);
void trb_softnsm_root_clear(struct trb_softnsm_root *root);
/* A new P-384 key, and a self-signed root for it that is valid from now for 30 years. */
int trb_softnsm_root_make(struct trb_softnsm_root *ret, trb_error **err);

struct trb_softnsm_chain {
	EVP_PKEY *key;                            /* the leaf's */
	trb_blob *certificate;                    /* the leaf's DER */
	trb_blob *cabundle[TRB_SOFTNSM_CABUNDLE]; /* root first */
	int64_t renew;                            /* Unix seconds: from then on make a new one */
};
struct trb_softnsm_names {
	char instance[20];  /* i- and 17 digits */
	char module_id[40]; /* instance, -enc and 16 digits */
	uint8_t enclave[8];
};
/* A fresh chain below root, valid at now (Unix seconds). */
int trb_softnsm_chain_make(const struct trb_softnsm_root *root,
			   const struct trb_softnsm_names *names, int64_t now,
			   struct trb_softnsm_chain *ret, trb_error **err);
void trb_softnsm_chain_clear(struct trb_softnsm_chain *chain);

struct trb_softnsm_document {
	const struct trb_softnsm_chain *chain;
	const char *module_id;
	uint64_t timestamp_ms;
	const uint8_t (*pcrs)[TRB_SHA384_LEN];
	uint32_t locked;                        /* bit i: PCR i is in the document */
	trb_bytes public_key, user_data, nonce; /* ptr == NULL: null */
};
/* COSE_Sign1, ES384, untagged, over an indefinite map with AWS's nine keys in AWS's order. */
int trb_softnsm_document_sign(const struct trb_softnsm_document *doc, trb_blob **ret,
			      trb_error **err);

#endif
