/* SPDX-License-Identifier: Apache-2.0 */
/* Lifetimes, constraints and usages as seen on 110 genuine chains (docs/spec/nsm.md). */
#include "host/softnsm/chain.h"

#include <stdio.h>

#include <openssl/rand.h>

#include "host/softnsm/cert.h"

#define HOUR     3600
#define DAY      (24 * HOUR)
#define USAGE_CA "critical,digitalSignature,keyCertSign,cRLSign"
/* A document must never outlive its leaf by being made at the end of the three hours. */
#define RENEW_AFTER (2 * HOUR)

void trb_softnsm_chain_clear(struct trb_softnsm_chain *chain)
{
	EVP_PKEY_free(chain->key);
	trb_blob_unref(chain->certificate);
	for (size_t i = 0; i < TRB_SOFTNSM_CABUNDLE; i++)
		trb_blob_unref(chain->cabundle[i]);
	*chain = (struct trb_softnsm_chain){ 0 };
}

struct issuer {
	EVP_PKEY *key;
	X509 *cert;
};

static void issuer_clear(struct issuer *issuer)
{
	EVP_PKEY_free(issuer->key);
	X509_free(issuer->cert);
	*issuer = (struct issuer){ 0 };
}

/* Issues form below *issuer, which the new certificate then replaces. */
static int descend(struct issuer *issuer, const struct trb_cert_form *form, trb_blob **ret_der,
		   trb_error **err)
{
	struct issuer next = { .key = EVP_EC_gen("P-384") };
	int r;

	if (next.key == NULL)
		return trb_cert_fail(err, "make a key of the simulated NSM");
	r = trb_cert_make(form, next.key, issuer->cert, issuer->key, &next.cert, err);
	if (r == TRB_OK)
		r = trb_cert_der(next.cert, ret_der, err);
	if (r < 0) {
		issuer_clear(&next);
		return r;
	}
	issuer_clear(issuer);
	*issuer = next;
	return TRB_OK;
}

static int random_hex(char ret[17], trb_error **err)
{
	uint8_t bytes[8];

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return trb_cert_fail(err, "get random bytes");
	trb_hex_encode(TRB_BYTES(bytes, sizeof(bytes)), ret);
	return TRB_OK;
}

static int make_authorities(struct issuer *issuer, const struct trb_softnsm_names *names,
			    int64_t now, trb_blob **bundle, trb_error **err)
{
	char regional[96], zonal[96], instance[96], hex[17];
	struct trb_cert_form form = { .usage = USAGE_CA, .subject_id = true, .authority_id = true };
	int r = random_hex(hex, err);

	if (r < 0)
		return r;
	snprintf(regional, sizeof(regional), "%s.%s.aws.nitro-enclaves", hex, TRB_SOFTNSM_REGION);
	form.subject = (struct trb_cert_name){ regional, false };
	form.not_before = now - 4 * DAY;
	form.not_after = form.not_before + 20 * DAY;
	form.constraints = "critical,CA:TRUE,pathlen:2";
	r = descend(issuer, &form, &bundle[1], err);
	if (r == TRB_OK)
		r = random_hex(hex, err);
	if (r < 0)
		return r;
	snprintf(zonal, sizeof(zonal), "%s.zonal.%s.aws.nitro-enclaves", hex, TRB_SOFTNSM_REGION);
	form.subject = (struct trb_cert_name){ zonal, true };
	form.not_before = now - DAY;
	form.not_after = form.not_before + 5 * DAY + 21 * HOUR;
	form.constraints = "critical,CA:TRUE,pathlen:1";
	r = descend(issuer, &form, &bundle[2], err);
	if (r < 0)
		return r;
	snprintf(instance, sizeof(instance), "%s.%s.aws.nitro-enclaves", names->instance,
		 TRB_SOFTNSM_REGION);
	form.subject = (struct trb_cert_name){ instance, true };
	form.not_before = now - HOUR;
	form.not_after = form.not_before + DAY;
	form.constraints = "critical,CA:TRUE,pathlen:0";
	form.usage = "critical,keyCertSign";
	return descend(issuer, &form, &bundle[3], err);
}

/* Serial: enclave id, then the time of issue, 8 bytes each. */
static int make_leaf(struct issuer *issuer, const struct trb_softnsm_names *names, int64_t now,
		     trb_blob **ret_der, trb_error **err)
{
	uint8_t serial[16];
	char common[96];
	struct trb_cert_form form = {
		.subject = { common, true },
		.not_before = now - 3,
		.not_after = now + 3 * HOUR,
		.serial = TRB_BYTES(serial, sizeof(serial)),
		.constraints = "critical,CA:FALSE",
		.usage = "digitalSignature,nonRepudiation",
	};

	memcpy(serial, names->enclave, 8);
	for (int i = 0; i < 8; i++)
		serial[8 + i] = (uint8_t)((uint64_t)now >> (56 - 8 * i));
	snprintf(common, sizeof(common), "%s.%s.aws", names->module_id, TRB_SOFTNSM_REGION);
	return descend(issuer, &form, ret_der, err);
}

int trb_softnsm_chain_make(const struct trb_softnsm_root *root,
			   const struct trb_softnsm_names *names, int64_t now,
			   struct trb_softnsm_chain *ret, trb_error **err)
{
	struct trb_softnsm_chain chain = { .renew = now + RENEW_AFTER };
	struct issuer issuer = { root->key, root->cert };
	int r;

	EVP_PKEY_up_ref(issuer.key);
	X509_up_ref(issuer.cert);
	chain.cabundle[0] = trb_blob_ref(root->der);
	r = make_authorities(&issuer, names, now, chain.cabundle, err);
	if (r == TRB_OK)
		r = make_leaf(&issuer, names, now, &chain.certificate, err);
	if (r == TRB_OK) {
		chain.key = steal_ptr(&issuer.key);
		trb_softnsm_chain_clear(ret);
		*ret = chain;
	} else {
		trb_softnsm_chain_clear(&chain);
	}
	issuer_clear(&issuer);
	return r;
}
