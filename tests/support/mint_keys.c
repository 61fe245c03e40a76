/* SPDX-License-Identifier: Apache-2.0 */
/* The chain: root, zone, instance, leaf, in the shapes of the Nitro hierarchy. */
#include "mint_keys.h"

#include <openssl/ec.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#define must(x)  mint_must((x), #x)
#define DAY      86400
#define INSTANCE "i-0123456789abcdef0.forge-1.example"

EVP_PKEY *mint_key_p384(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-384");

	must(key != NULL);
	return key;
}

static void set_name(X509_NAME *name, const char *cn)
{
	must(X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC, (const uint8_t *)"Forge", -1, -1,
					0) == 1);
	must(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const uint8_t *)cn, -1, -1,
					0) == 1);
}

static void add_extension(X509 *cert, int nid, const char *value)
{
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	must(ext != NULL && X509_add_ext(cert, ext, -1) == 1);
	X509_EXTENSION_free(ext);
}

static void set_time(ASN1_TIME *where, uint64_t seconds)
{
	must(ASN1_TIME_set(where, (time_t)seconds) != NULL);
}

struct shape {
	const char *issuer, *subject, *constraints, *usage;
	uint64_t from_s, to_s;
};

static trb_blob *certificate(const struct shape *shape, EVP_PKEY *key, EVP_PKEY *issuer_key)
{
	X509 *cert = X509_new();
	uint8_t *der = NULL;
	trb_blob *blob = NULL;
	int len;

	must(cert != NULL && X509_set_version(cert, 2) == 1);
	must(ASN1_INTEGER_set(X509_get_serialNumber(cert), 4711) == 1);
	set_name(X509_get_issuer_name(cert), shape->issuer);
	set_name(X509_get_subject_name(cert), shape->subject);
	set_time(X509_getm_notBefore(cert), shape->from_s);
	set_time(X509_getm_notAfter(cert), shape->to_s);
	must(X509_set_pubkey(cert, key) == 1);
	add_extension(cert, NID_basic_constraints, shape->constraints);
	add_extension(cert, NID_key_usage, shape->usage);
	must(X509_sign(cert, issuer_key, EVP_sha384()) > 0);
	len = i2d_X509(cert, &der);
	must(len > 0 && trb_blob_new(TRB_BYTES(der, len), &blob, NULL) == TRB_OK);
	OPENSSL_free(der);
	X509_free(cert);
	return blob;
}

static void make_authority(struct mint_authority *a, const char *name)
{
	const char *ca = "critical,digitalSignature,keyCertSign,cRLSign";
	char zone[64];
	uint8_t digest[32];

	snprintf(zone, sizeof(zone), "zonal.%s", name);
	a->root_key = mint_key_p384();
	a->zone_key = mint_key_p384();
	a->instance_key = mint_key_p384();
	a->root = certificate(&(struct shape){ name, name, "critical,CA:TRUE", ca,
					       MINT_TIME - 1000 * DAY, MINT_TIME + 9000 * DAY },
			      a->root_key, a->root_key);
	a->zone = certificate(&(struct shape){ name, zone, "critical,CA:TRUE,pathlen:1", ca,
					       MINT_TIME - 3 * DAY, MINT_TIME + 3 * DAY },
			      a->zone_key, a->root_key);
	a->instance = certificate(&(struct shape){ zone, INSTANCE, "critical,CA:TRUE,pathlen:0",
						   "critical,keyCertSign", MINT_TIME - DAY / 2,
						   MINT_TIME + DAY / 2 },
				  a->instance_key, a->zone_key);
	must(trb_sha256(trb_blob_bytes(a->root), digest, NULL) == TRB_OK);
	trb_hex_encode(TRB_BYTES(digest, 32), a->root_sha256);
}

const struct mint_authority *mint_authority(unsigned which)
{
	static struct mint_authority authorities[2];
	static const char *const names[2] = { "SIMULATED forge root", "SIMULATED stranger's root" };

	must(which < 2);
	if (authorities[which].root == NULL)
		make_authority(&authorities[which], names[which]);
	return &authorities[which];
}

trb_blob *mint_leaf(const struct mint *f, EVP_PKEY *key)
{
	const struct mint_authority *a = mint_authority(f->authority);
	uint64_t now = (uint64_t)((int64_t)(f->time_ms / 1000) + f->leaf_offset_s);
	char name[128];

	snprintf(name, sizeof(name), "%s.forge-1.example", f->module_id);
	return certificate(&(struct shape){ INSTANCE, name, "critical,CA:FALSE",
					    "digitalSignature,nonRepudiation", now - 600,
					    now + 3 * 3600 },
			   key, f->leaf_is_self_made ? key : a->instance_key);
}
