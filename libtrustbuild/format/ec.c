/* SPDX-License-Identifier: Apache-2.0 */
/* ECDSA over P-256 and P-384, with keys and curves that are kept. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "format/ec.h"

#include <stdlib.h>

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>

#include "core/error.h"
#include "format/crypto.h"
#include "format/der.h"

/* RFC 5480: id-ecPublicKey with prime256v1, and the head of a BIT STRING. */
static const uint8_t p256_head[] = { 0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
				     0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
				     0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00 };

struct trb_ec_curve {
	EC_GROUP *group;
	size_t size; /* bytes of a coordinate */
};

struct trb_ec_key {
	EC_KEY *key;
	size_t size;
};

/* Of SHA-256, SHA-384, SHA-512: the longest that is no longer than a coordinate. */
static int digest_size(const struct trb_ec_key *key)
{
	return key->size < 64 ? (int)key->size : 64;
}

int trb_ec_curve_new(enum trb_ec_name name, struct trb_ec_curve **ret, trb_error **err)
{
	struct trb_ec_curve *curve = calloc(1, sizeof(*curve));
	TRB_CRYPTO_SCOPE;

	if (curve == NULL)
		return trb_fail_nomem(err);
	curve->size = name == TRB_P384 ? 48 : 32;
	curve->group =
		EC_GROUP_new_by_curve_name(name == TRB_P384 ? NID_secp384r1 : NID_X9_62_prime256v1);
	if (curve->group == NULL) {
		free(curve);
		return trb_fail_nomem(err);
	}
	*ret = curve;
	return TRB_OK;
}

struct trb_ec_curve *trb_ec_curve_free(struct trb_ec_curve *curve)
{
	if (curve != NULL) {
		EC_GROUP_free(curve->group);
		free(curve);
	}
	return NULL;
}

static int load_point(const EC_GROUP *group, trb_bytes bytes, EC_KEY **ret)
{
	unsigned long error;
	EC_POINT *point;
	EC_KEY *key;
	bool ok;

	trb_crypto_begin();
	point = EC_POINT_new(group);
	key = EC_KEY_new();
	ok = point != NULL && key != NULL && EC_KEY_set_group(key, group) == 1 &&
	     EC_POINT_oct2point(group, point, bytes.ptr, bytes.len, NULL) == 1 &&
	     EC_KEY_set_public_key(key, point) == 1;
	EC_POINT_free(point);
	error = trb_crypto_end();
	if (ok) {
		*ret = key;
		return TRB_OK;
	}
	EC_KEY_free(key);
	return trb_crypto_is_refusal(error) ? TRB_E_FORMAT : TRB_E_NOMEM;
}

int trb_ec_key_new(const struct trb_ec_curve *curve, trb_bytes point, struct trb_ec_key **ret,
		   trb_error **err)
{
	_cleanup_free_ struct trb_ec_key *key = calloc(1, sizeof(*key));
	int r;

	if (key == NULL)
		return trb_fail_nomem(err);
	/* OpenSSL would take the point at infinity, which has one byte, and compressed ones */
	if (point.len != 1 + 2 * curve->size || point.ptr[0] != POINT_CONVERSION_UNCOMPRESSED)
		return trb_fail(err, TRB_E_FORMAT, "the public key is not an uncompressed point");
	/* OpenSSL calls a point off the curve where it had no memory to find out: it has to say so
	 * twice, and has first to get memory again */
	r = load_point(curve->group, point, &key->key);
	if (r == TRB_E_FORMAT)
		r = load_point(curve->group, point, &key->key);
	if (r == TRB_E_FORMAT)
		return trb_fail(err, r, "the public key is not a point of the curve");
	if (r < 0)
		return trb_fail_nomem(err);
	key->size = curve->size;
	*ret = steal_ptr(&key);
	return TRB_OK;
}

/* OpenSSL gives NULL for the point at infinity and for want of memory: it has to refuse twice, and
 * has first to get memory again. */
int trb_ec_key_of(EVP_PKEY *pkey, struct trb_ec_key **ret)
{
	TRB_CRYPTO_SCOPE;
	EC_KEY *found = NULL;

	for (int i = 0; i < 2 && found == NULL; i++) {
		struct trb_ec_key *key = malloc(sizeof(*key));

		if (key == NULL)
			return TRB_E_NOMEM;
		found = EVP_PKEY_get1_EC_KEY(pkey);
		if (found == NULL) {
			free(key);
			continue;
		}
		key->key = found;
		key->size = ((size_t)EC_GROUP_get_degree(EC_KEY_get0_group(found)) + 7) / 8;
		*ret = key;
	}
	return found != NULL ? TRB_OK : TRB_E_FORMAT;
}

struct trb_ec_key *trb_ec_key_free(struct trb_ec_key *key)
{
	if (key == NULL)
		return NULL;
	EC_KEY_free(key->key);
	free(key);
	return NULL;
}

/* Does the equation of SEC 1, 4.1.4 end in the point at infinity, where no signature is valid?  So
 * it does where digest * G + r * Q is that point, and who knows the private key can make it so. */
static bool is_at_infinity(const struct trb_ec_key *key, const uint8_t *digest, const BIGNUM *r)
{
	const EC_GROUP *group = EC_KEY_get0_group(key->key);
	BIGNUM *e = BN_bin2bn(digest, digest_size(key), NULL);
	EC_POINT *point = EC_POINT_new(group);
	bool yes = e != NULL && point != NULL &&
		   EC_POINT_mul(group, point, e, EC_KEY_get0_public_key(key->key), r, NULL) == 1 &&
		   EC_POINT_is_at_infinity(group, point) == 1;

	EC_POINT_free(point);
	BN_free(e);
	return yes;
}

/* ECDSA_do_verify() gives 0 for a signature that is not the key's, and -1 for everything that went
 * wrong on the way, the point at infinity among it. */
static int verify_pair(const struct trb_ec_key *key, const uint8_t *digest, trb_bytes r,
		       trb_bytes s)
{
	ECDSA_SIG *sig;
	BIGNUM *a, *b;
	int good = -1;

	trb_crypto_begin();
	sig = ECDSA_SIG_new();
	a = BN_bin2bn(r.ptr, (int)r.len, NULL);
	b = BN_bin2bn(s.ptr, (int)s.len, NULL);
	if (sig != NULL && ECDSA_SIG_set0(sig, a, b) == 1) {
		good = ECDSA_do_verify(digest, digest_size(key), sig, key->key);
		if (good < 0 && is_at_infinity(key, digest, a))
			good = 0;
	} else {
		BN_free(a);
		BN_free(b);
	}
	ECDSA_SIG_free(sig);
	trb_crypto_end();
	return good == 1 ? TRB_OK : good == 0 ? TRB_E_EVIDENCE : TRB_E_NOMEM;
}

/* Contents of an INTEGER that is not negative, in as few bytes as it can be. */
static bool take_unsigned(trb_bytes *in, size_t size, trb_bytes *ret)
{
	if (!trb_der_take(in, TRB_DER_INTEGER, ret) || ret->len == 0 || ret->ptr[0] >= 0x80)
		return false;
	if (ret->ptr[0] == 0 && ret->len > 1) {
		trb_bytes_take(ret, 1);
		if (ret->ptr[0] < 0x80)
			return false;
	}
	return ret->len <= size;
}

int trb_ec_verify_der(const struct trb_ec_key *key, const uint8_t *digest, trb_bytes der)
{
	trb_bytes pair, r, s;

	if (!trb_der_only(der, TRB_DER_SEQUENCE, &pair) || !take_unsigned(&pair, key->size, &r) ||
	    !take_unsigned(&pair, key->size, &s) || pair.len != 0)
		return TRB_E_EVIDENCE;
	return verify_pair(key, digest, r, s);
}

int trb_ec_verify_raw(const struct trb_ec_key *key, const uint8_t *digest, trb_bytes raw)
{
	if (raw.len != 2 * key->size)
		return TRB_E_EVIDENCE;
	return verify_pair(key, digest, TRB_BYTES(raw.ptr, key->size),
			   TRB_BYTES(raw.ptr + key->size, key->size));
}

bool trb_p256_spki_point(trb_bytes spki, trb_bytes *ret_point)
{
	if (spki.len != TRB_P256_SPKI || memcmp(spki.ptr, p256_head, sizeof(p256_head)) != 0 ||
	    spki.ptr[sizeof(p256_head)] != POINT_CONVERSION_UNCOMPRESSED)
		return false;
	*ret_point = TRB_BYTES(spki.ptr + sizeof(p256_head), spki.len - sizeof(p256_head));
	return true;
}

int trb_p256_verify_der(trb_bytes spki, const uint8_t digest[32], trb_bytes der)
{
	struct trb_ec_curve *curve = NULL;
	struct trb_ec_key *key = NULL;
	trb_bytes point;
	int r;

	if (!trb_p256_spki_point(spki, &point))
		return TRB_E_FORMAT;
	r = trb_ec_curve_new(TRB_P256, &curve, NULL);
	if (r == TRB_OK)
		r = trb_ec_key_new(curve, point, &key, NULL);
	if (r == TRB_OK)
		r = trb_ec_verify_der(key, digest, der);
	trb_ec_key_free(key);
	trb_ec_curve_free(curve);
	return r;
}
