/* SPDX-License-Identifier: Apache-2.0 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "format/p384.h"

#include <stdatomic.h>
#include <stdlib.h>

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/obj_mac.h>

#include "core/cleanup.h"
#include "core/error.h"
#include "format/crypto_errors.h"

struct trb_p384_curve {
	EC_GROUP *group;
};

struct trb_p384_key {
	atomic_uint refs;
	EC_KEY *key;
};

int trb_p384_curve_new(struct trb_p384_curve **ret, trb_error **err)
{
	struct trb_p384_curve *curve = calloc(1, sizeof(*curve));

	if (curve == NULL)
		return trb_fail_nomem(err);
	curve->group = EC_GROUP_new_by_curve_name(NID_secp384r1);
	if (curve->group == NULL) {
		free(curve);
		return trb_fail_nomem(err);
	}
	*ret = curve;
	return TRB_OK;
}

struct trb_p384_curve *trb_p384_curve_free(struct trb_p384_curve *curve)
{
	if (curve != NULL) {
		EC_GROUP_free(curve->group);
		free(curve);
	}
	return NULL;
}

static bool load_point(const EC_GROUP *group, trb_bytes bytes, EC_KEY *key)
{
	EC_POINT *point = EC_POINT_new(group);
	bool ok = point != NULL && EC_KEY_set_group(key, group) == 1 &&
		  EC_POINT_oct2point(group, point, bytes.ptr, bytes.len, NULL) == 1 &&
		  EC_POINT_is_at_infinity(group, point) == 0 &&
		  EC_KEY_set_public_key(key, point) == 1;

	EC_POINT_free(point);
	return ok;
}

int trb_p384_key_new(const struct trb_p384_curve *curve, trb_bytes point, struct trb_p384_key **ret,
		     trb_error **err)
{
	_cleanup_free_ struct trb_p384_key *key = calloc(1, sizeof(*key));
	unsigned long begin;
	bool ok, nomem;

	if (key == NULL)
		return trb_fail_nomem(err);
	begin = trb_crypto_begin();
	key->key = EC_KEY_new();
	ok = key->key != NULL && load_point(curve->group, point, key->key);
	nomem = trb_crypto_end(begin);
	if (!ok) {
		EC_KEY_free(key->key);
		return nomem ? trb_fail_nomem(err)
			     : trb_fail(err, TRB_E_FORMAT, "the public key is not a P-384 point");
	}
	atomic_init(&key->refs, 1);
	*ret = steal_ptr(&key);
	return TRB_OK;
}

struct trb_p384_key *trb_p384_key_ref(struct trb_p384_key *key)
{
	atomic_fetch_add_explicit(&key->refs, 1, memory_order_relaxed);
	return key;
}

struct trb_p384_key *trb_p384_key_unref(struct trb_p384_key *key)
{
	if (key == NULL || atomic_fetch_sub_explicit(&key->refs, 1, memory_order_acq_rel) > 1)
		return NULL;
	EC_KEY_free(key->key);
	free(key);
	return NULL;
}

static int verify_status(int r, unsigned long begin)
{
	bool nomem = trb_crypto_end(begin);

	if (r == 1)
		return TRB_OK;
	return nomem ? TRB_E_NOMEM : TRB_E_EVIDENCE;
}

int trb_p384_verify_der(const struct trb_p384_key *key, const uint8_t digest[48], trb_bytes der)
{
	unsigned long begin;

	if (der.len > 256)
		return TRB_E_EVIDENCE;
	begin = trb_crypto_begin();
	return verify_status(ECDSA_verify(0, digest, 48, der.ptr, (int)der.len, key->key), begin);
}

int trb_p384_verify_raw(const struct trb_p384_key *key, const uint8_t digest[48], trb_bytes raw)
{
	ECDSA_SIG *sig;
	unsigned long begin;
	BIGNUM *r, *s;
	int ok = -1;

	if (raw.len != TRB_P384_SIGNATURE)
		return TRB_E_EVIDENCE;
	begin = trb_crypto_begin();
	sig = ECDSA_SIG_new();
	r = BN_bin2bn(raw.ptr, TRB_P384_SIGNATURE / 2, NULL);
	s = BN_bin2bn(raw.ptr + TRB_P384_SIGNATURE / 2, TRB_P384_SIGNATURE / 2, NULL);
	if (sig != NULL && ECDSA_SIG_set0(sig, r, s) == 1) {
		ok = ECDSA_do_verify(digest, 48, sig, key->key);
	} else {
		BN_free(r);
		BN_free(s);
	}
	ECDSA_SIG_free(sig);
	return verify_status(ok, begin);
}
