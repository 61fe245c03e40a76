/* SPDX-License-Identifier: Apache-2.0 */
/* Forges attestation documents under roots of its own. */
#include "forge.h"

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/x509v3.h>

#include "format/cbor.h"
#include "format/cose.h"
#include "format/facts.h"

#define DAY 86400

void forge_init(struct forge *f)
{
	static const struct forge_cert plain[FORGE_CERTS] = {
		{ .name = "SIMULATED root",
		  .basic_constraints = "critical,CA:TRUE",
		  .key_usage = "critical,digitalSignature,keyCertSign,cRLSign",
		  .not_before = -3650 * DAY,
		  .not_after = 3650 * DAY },
		{ .name = "0123.us-east-1.SIMULATED",
		  .basic_constraints = "critical,CA:TRUE,pathlen:2",
		  .key_usage = "critical,digitalSignature,keyCertSign,cRLSign",
		  .not_before = -10 * DAY,
		  .not_after = 10 * DAY },
		{ .name = "4567.zonal.us-east-1.SIMULATED",
		  .basic_constraints = "critical,CA:TRUE,pathlen:1",
		  .key_usage = "critical,digitalSignature,keyCertSign,cRLSign",
		  .not_before = -3 * DAY,
		  .not_after = 3 * DAY },
		{ .name = "i-0123456789abcdef0.us-east-1.SIMULATED",
		  .basic_constraints = "critical,CA:TRUE,pathlen:0",
		  .key_usage = "critical,keyCertSign",
		  .not_before = -DAY / 2,
		  .not_after = DAY / 2 },
		{ .name = FORGE_MODULE ".us-east-1.aws",
		  .basic_constraints = "critical,CA:FALSE",
		  .key_usage = "digitalSignature,nonRepudiation",
		  .not_before = -3600,
		  .not_after = 7200 },
	};

	*f = (struct forge){ .signer = FORGE_LEAF };
	for (int i = 0; i < FORGE_CERTS; i++) {
		f->certs[i] = plain[i];
		f->certs[i].signer = i > 0 ? i - 1 : 0;
		f->certs[i].curve = "P-384";
		f->certs[i].digest = "SHA384";
		f->certs[i].key_ids = i < FORGE_LEAF;
		f->certs[i].not_before += FORGE_TIME;
		f->certs[i].not_after += FORGE_TIME;
	}
}

static void set_name(X509_NAME *name, const char *common_name)
{
	ck_assert_int_eq(X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC,
						    (const unsigned char *)"Test", -1, -1, 0),
			 1);
	ck_assert_int_eq(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
						    (const unsigned char *)common_name, -1, -1, 0),
			 1);
}

static void add_extension(X509 *cert, X509V3_CTX *ctx, int nid, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_nconf_nid(NULL, ctx, nid, value);

	ck_assert_msg(extension != NULL, "extension %s", value);
	ck_assert_int_eq(X509_add_ext(cert, extension, -1), 1);
	X509_EXTENSION_free(extension);
}

/* "critical OID": an extension of a NULL; critical or not. */
static void add_unknown(X509 *cert, const char *more)
{
	bool critical = strncmp(more, "critical ", 9) == 0;
	ASN1_OBJECT *oid = OBJ_txt2obj(more + (critical ? 9 : 0), 1);
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	X509_EXTENSION *extension;

	ASN1_OCTET_STRING_set(value, (const unsigned char *)"\x05\x00", 2);
	extension = X509_EXTENSION_create_by_OBJ(NULL, oid, critical, value);
	ck_assert_ptr_nonnull(extension);
	X509_add_ext(cert, extension, -1);
	X509_EXTENSION_free(extension);
	ASN1_OCTET_STRING_free(value);
	ASN1_OBJECT_free(oid);
}

static void add_extensions(X509 *cert, X509 *issuer, const struct forge_cert *c)
{
	X509V3_CTX ctx;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	if (c->basic_constraints != NULL)
		add_extension(cert, &ctx, NID_basic_constraints, c->basic_constraints);
	if (c->key_usage != NULL)
		add_extension(cert, &ctx, NID_key_usage, c->key_usage);
	if (c->key_ids) {
		add_extension(cert, &ctx, NID_subject_key_identifier,
			      c->critical_key_ids ? "critical,hash" : "hash");
		if (issuer != cert && !c->foreign_authority)
			add_extension(cert, &ctx, NID_authority_key_identifier, "keyid:always");
	}
	if (c->foreign_authority) {
		X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
		add_extension(cert, &ctx, NID_authority_key_identifier, "keyid:always");
	}
	if (c->more != NULL)
		add_unknown(cert, c->more);
	if (c->twice)
		add_unknown(cert, c->more);
}

static trb_blob *encode(X509 *cert, bool spoiled)
{
	unsigned char *der = NULL;
	trb_blob *blob = NULL;
	int len = i2d_X509(cert, &der);

	ck_assert_int_gt(len, 0);
	if (spoiled)
		der[len - 1] ^= 1;
	ck_assert_int_eq(trb_blob_new(TRB_BYTES(der, len), &blob, NULL), TRB_OK);
	OPENSSL_free(der);
	return blob;
}

static X509 *decode(const trb_blob *blob)
{
	const unsigned char *p = trb_blob_bytes(blob).ptr;
	X509 *cert = d2i_X509(NULL, &p, (long)trb_blob_bytes(blob).len);

	ck_assert_ptr_nonnull(cert);
	return cert;
}

static void make_cert(struct forge *f, int i)
{
	const struct forge_cert *c = &f->certs[i];
	const char *issuer_name = c->issuer != NULL ? c->issuer : f->certs[i > 0 ? i - 1 : 0].name;
	X509 *cert = X509_new(), *issuer = i > 0 ? decode(f->der[i - 1]) : cert;

	ck_assert_int_eq(X509_set_version(cert, 2), 1);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1000 + i);
	set_name(X509_get_subject_name(cert), c->name);
	set_name(X509_get_issuer_name(cert), issuer_name);
	ASN1_TIME_set(X509_getm_notBefore(cert), c->not_before);
	ASN1_TIME_set(X509_getm_notAfter(cert), c->not_after);
	ck_assert_int_eq(X509_set_pubkey(cert, f->keys[i]), 1);
	add_extensions(cert, issuer, c);
	ck_assert_int_gt(X509_sign(cert, f->keys[c->signer], EVP_get_digestbyname(c->digest)), 0);
	f->der[i] = encode(cert, c->spoiled);
	if (issuer != cert)
		X509_free(issuer);
	X509_free(cert);
}

struct trb_buf *forge_field(struct forge *f, const char *name)
{
	size_t i = 0;

	while (i < f->n_fields && strcmp(f->fields[i].name, name) != 0)
		i++;
	if (i == f->n_fields) {
		ck_assert_uint_lt(i, FORGE_FIELDS);
		f->fields[i].name = name;
		f->n_fields++;
	}
	trb_buf_clear(&f->fields[i].value);
	trb_buf_init(&f->fields[i].value, 16 * 1024);
	return &f->fields[i].value;
}

void forge_pcrs_as(struct forge *f, const char *field, uint8_t pcr0, uint8_t pcr1, uint8_t pcr2)
{
	struct trb_buf *b = forge_field(f, field);
	uint8_t first[] = { pcr0, pcr1, pcr2 }, value[TRB_SHA384_LEN];

	trb_cbor_put_map(b, 16);
	for (unsigned i = 0; i < 16; i++) {
		memset(value, i < sizeof(first) ? first[i] : 0, sizeof(value));
		trb_cbor_put_uint(b, i);
		trb_cbor_put_bstr(b, TRB_BYTES(value, sizeof(value)));
	}
}

void forge_pcrs(struct forge *f, uint8_t pcr0, uint8_t pcr1, uint8_t pcr2)
{
	forge_pcrs_as(f, "pcrs", pcr0, pcr1, pcr2);
}

void forge_cabundle(struct forge *f, const int *order, size_t n)
{
	struct trb_buf *b = forge_field(f, "cabundle");

	trb_cbor_put_array(b, n);
	for (size_t i = 0; i < n; i++)
		trb_cbor_put_bstr(b, trb_blob_bytes(f->der[order[i]]));
}

static void make_fields(struct forge *f)
{
	static const int order[] = { 0, 1, 2, 3 };

	trb_cbor_put_str(forge_field(f, "module_id"), FORGE_MODULE);
	trb_cbor_put_str(forge_field(f, "digest"), "SHA384");
	trb_cbor_put_uint(forge_field(f, "timestamp"), FORGE_TIME * UINT64_C(1000) + 123);
	forge_pcrs(f, 1, 2, 3);
	trb_cbor_put_bstr(forge_field(f, "certificate"), trb_blob_bytes(f->der[FORGE_LEAF]));
	forge_cabundle(f, order, 4);
	trb_cbor_put_null(forge_field(f, "public_key"));
	trb_cbor_put_bstr(forge_field(f, "user_data"), trb_bytes_str("data"));
	trb_cbor_put_bstr(forge_field(f, "nonce"), trb_bytes_str("nonce"));
}

void forge_make(struct forge *f)
{
	for (int i = 0; i < FORGE_CERTS; i++) {
		const char *curve = f->certs[i].curve;

		if (f->keys[i] != NULL)
			continue;
		f->keys[i] = strcmp(curve, "RSA") == 0 ? EVP_RSA_gen(2048) : EVP_EC_gen(curve);
		ck_assert_ptr_nonnull(f->keys[i]);
	}
	for (int i = 0; i < FORGE_CERTS; i++)
		make_cert(f, i);
	make_fields(f);
}

void forge_share_key(struct forge *f, int i, const struct forge *from)
{
	ck_assert_int_eq(EVP_PKEY_up_ref(from->keys[i]), 1);
	f->keys[i] = from->keys[i];
}

void forge_clear(struct forge *f)
{
	for (int i = 0; i < FORGE_CERTS; i++) {
		EVP_PKEY_free(f->keys[i]);
		trb_blob_unref(f->der[i]);
	}
	for (size_t i = 0; i < f->n_fields; i++)
		trb_buf_clear(&f->fields[i].value);
}

trb_blob *forge_payload(struct forge *f)
{
	trb_blob *payload = NULL;
	struct trb_buf b;
	size_t n = 0;

	for (size_t i = 0; i < f->n_fields; i++)
		n += f->fields[i].value.len > 0;
	trb_buf_init(&b, 32 * 1024);
	if (f->indefinite)
		trb_buf_add_byte(&b, 0xbf);
	else
		trb_cbor_put_map(&b, n);
	for (size_t i = 0; i < f->n_fields; i++) {
		if (f->fields[i].value.len == 0)
			continue;
		trb_cbor_put_str(&b, f->fields[i].name);
		trb_buf_add(&b, trb_buf_bytes(&f->fields[i].value));
	}
	if (f->indefinite)
		trb_buf_add_byte(&b, 0xff);
	ck_assert_int_eq(trb_buf_to_blob(&b, "payload", &payload, NULL), TRB_OK);
	return payload;
}

static void sign_raw(EVP_PKEY *key, const uint8_t digest[48], uint8_t raw[96])
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	const unsigned char *p;
	unsigned char der[256];
	size_t len = sizeof(der);
	ECDSA_SIG *sig;

	ck_assert_int_eq(EVP_PKEY_sign_init(ctx), 1);
	ck_assert_int_eq(EVP_PKEY_sign(ctx, der, &len, digest, 48), 1);
	p = der;
	sig = d2i_ECDSA_SIG(NULL, &p, (long)len);
	ck_assert_ptr_nonnull(sig);
	BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, 48);
	BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + 48, 48);
	ECDSA_SIG_free(sig);
	EVP_PKEY_CTX_free(ctx);
}

static trb_bytes of_hex(const char *hex, const char *otherwise, uint8_t *out)
{
	const char *text = hex != NULL ? hex : otherwise;

	ck_assert(trb_hex_decode(trb_bytes_str(text), out, strlen(text) / 2));
	return TRB_BYTES(out, strlen(text) / 2);
}

trb_blob *forge_sign(struct forge *f, trb_bytes payload)
{
	uint8_t protected_bytes[64], unprotected_bytes[64], digest[48], raw[96];
	trb_bytes header = of_hex(f->protected_hex, "a1013822", protected_bytes);
	trb_blob *document = NULL;
	struct trb_buf b;

	ck_assert_int_eq(trb_cose_sign1_digest(header, payload, digest, NULL), TRB_OK);
	sign_raw(f->keys[f->signer], digest, raw);
	trb_buf_init(&b, 64 * 1024);
	trb_cbor_put_array(&b, 4);
	trb_cbor_put_bstr(&b, header);
	trb_buf_add(&b, of_hex(f->unprotected_hex, "a0", unprotected_bytes));
	trb_cbor_put_bstr(&b, payload);
	trb_cbor_put_bstr(&b, TRB_BYTES(raw, sizeof(raw)));
	ck_assert_int_eq(trb_buf_to_blob(&b, "document", &document, NULL), TRB_OK);
	return document;
}

trb_blob *forge_document(struct forge *f)
{
	_cleanup_(trb_blob_unrefp) trb_blob *payload = forge_payload(f);

	return forge_sign(f, trb_blob_bytes(payload));
}

BIGNUM *forge_infinity(const EC_GROUP *group, const BIGNUM *d, trb_bytes digest)
{
	const BIGNUM *order = EC_GROUP_get0_order(group);
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *e = BN_bin2bn(digest.ptr, (int)digest.len, NULL);
	BIGNUM *r = BN_mod_inverse(NULL, d, order, ctx);

	ck_assert(e != NULL && r != NULL && BN_mod_mul(r, r, e, order, ctx) == 1);
	ck_assert(BN_sub(r, order, r) == 1);
	BN_free(e);
	BN_CTX_free(ctx);
	return r;
}
