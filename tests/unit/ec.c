/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures that only who has the private key can make, and that are none all the same. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "forge.h"

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <openssl/x509.h>

#include "core/buffer.h"
#include "core/cleanup.h"
#include "format/ec.h"

static const struct {
	enum trb_ec_name name;
	int nid, size;
	BN_ULONG x; /* the smallest of a point */
} curves[] = {
	{ TRB_P256, NID_X9_62_prime256v1, 32, 5 },
	{ TRB_P384, NID_secp384r1, 48, 2 },
};

struct signer {
	EC_KEY *private;
	struct trb_ec_curve *curve;
	struct trb_ec_key *public;
	uint8_t digest[48];
	int size;
};

static void public_is(struct signer *s, int curve, const EC_GROUP *group, const EC_POINT *point)
{
	uint8_t bytes[TRB_P384_POINT];
	size_t n = EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, bytes,
				      sizeof(bytes), NULL);

	ck_assert_int_eq(trb_ec_curve_new(curves[curve].name, &s->curve, NULL), TRB_OK);
	ck_assert_int_eq(trb_ec_key_new(s->curve, TRB_BYTES(bytes, n), &s->public, NULL), TRB_OK);
}

static void signer_new(struct signer *s, int curve)
{
	s->size = curves[curve].size;
	memset(s->digest, 0x5a, sizeof(s->digest));
	s->private = EC_KEY_new_by_curve_name(curves[curve].nid);
	ck_assert(s->private != NULL && EC_KEY_generate_key(s->private) == 1);
	public_is(s, curve, EC_KEY_get0_group(s->private), EC_KEY_get0_public_key(s->private));
}

static void signer_free(struct signer *s)
{
	trb_ec_key_free(s->public);
	trb_ec_curve_free(s->curve);
	EC_KEY_free(s->private);
}

/* In both encodings. */
static void verdict_is(const struct signer *s, const ECDSA_SIG *sig, int wanted)
{
	uint8_t raw[TRB_P384_SIGNATURE], *der = NULL;
	int n = i2d_ECDSA_SIG(sig, &der);

	ck_assert_int_gt(n, 0);
	ck_assert_int_eq(BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, s->size), s->size);
	ck_assert_int_eq(BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + s->size, s->size), s->size);
	ck_assert_int_eq(trb_ec_verify_raw(s->public, s->digest, TRB_BYTES(raw, 2 * s->size)),
			 wanted);
	ck_assert_int_eq(trb_ec_verify_der(s->public, s->digest, TRB_BYTES(der, (size_t)n)),
			 wanted);
	ck_assert_int_eq(ERR_peek_error(), 0);
	OPENSSL_free(der);
}

/* And frees both. */
static void holds_for_its_digest(struct signer *s, ECDSA_SIG *sig)
{
	verdict_is(s, sig, TRB_OK);
	s->digest[0] ^= 1;
	verdict_is(s, sig, TRB_E_EVIDENCE);
	ECDSA_SIG_free(sig);
	signer_free(s);
}

START_TEST(a_signature_holds)
{
	struct signer s;
	ECDSA_SIG *sig;

	signer_new(&s, _i);
	sig = ECDSA_do_sign(s.digest, s.size, s.private);
	ck_assert(sig != NULL);
	holds_for_its_digest(&s, sig);
}
END_TEST

/* A signer without a private key: Q = (s * R - digest * G) / r, where R is a point whose x is r, is
 * the key of any r and s. */
static void signer_of(struct signer *s, int curve, const BIGNUM *r, const BIGNUM *number)
{
	EC_GROUP *group = EC_GROUP_new_by_curve_name(curves[curve].nid);
	EC_POINT *point = EC_POINT_new(group);
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *e, *f, *inverse;

	s->size = curves[curve].size;
	memset(s->digest, 0x5a, sizeof(s->digest));
	s->private = NULL;
	e = BN_bin2bn(s->digest, s->size, NULL);
	f = BN_new();
	inverse = BN_mod_inverse(NULL, r, EC_GROUP_get0_order(group), ctx);
	ck_assert(e != NULL && f != NULL && inverse != NULL);
	ck_assert(BN_mod_mul(f, number, inverse, EC_GROUP_get0_order(group), ctx) == 1);
	ck_assert(BN_mod_mul(e, e, inverse, EC_GROUP_get0_order(group), ctx) == 1);
	ck_assert(BN_sub(e, EC_GROUP_get0_order(group), e) == 1);
	ck_assert(EC_POINT_set_compressed_coordinates(group, point, r, 0, ctx) == 1);
	ck_assert(EC_POINT_mul(group, point, e, point, f, ctx) == 1);
	public_is(s, curve, group, point);
	BN_free(e);
	BN_free(f);
	BN_free(inverse);
	BN_CTX_free(ctx);
	EC_POINT_free(point);
	EC_GROUP_free(group);
}

/* One in 128 has an r or an s that is shorter than the order, AWS's certificates among them: fewer
 * bytes in DER, zeros in front in the raw form. */
START_TEST(a_signature_of_short_numbers_holds)
{
	static const BN_ULONG numbers[] = { 1, 0x7f, 0x80, 0xff, 0x100, 0xffff };

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		ECDSA_SIG *sig = ECDSA_SIG_new();
		BIGNUM *r = BN_new(), *number = BN_new();
		struct signer s;

		ck_assert(BN_set_word(r, curves[_i].x) == 1 &&
			  BN_set_word(number, numbers[i]) == 1);
		signer_of(&s, _i, r, number);
		ck_assert(ECDSA_SIG_set0(sig, r, number) == 1);
		holds_for_its_digest(&s, sig);
	}
}
END_TEST

/* OpenSSL reports it as it does a want of memory. */
START_TEST(a_signature_that_ends_at_infinity_is_refused)
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	struct signer s;
	BIGNUM *r;

	signer_new(&s, _i);
	r = forge_infinity(EC_KEY_get0_group(s.private), EC_KEY_get0_private_key(s.private),
			   TRB_BYTES(s.digest, s.size));
	ck_assert(ECDSA_SIG_set0(sig, r, BN_dup(BN_value_one())) == 1);
	ck_assert_int_eq(ECDSA_do_verify(s.digest, s.size, sig, s.private), -1);
	ERR_clear_error();
	verdict_is(&s, sig, TRB_E_EVIDENCE);
	ECDSA_SIG_free(sig);
	signer_free(&s);
}
END_TEST

/* Of r and s, what no signature has: 0, and the order. */
START_TEST(a_signature_out_of_range_is_refused)
{
	struct signer s;

	signer_new(&s, _i);
	for (int i = 0; i < 4; i++) {
		const BIGNUM *order = EC_GROUP_get0_order(EC_KEY_get0_group(s.private));
		ECDSA_SIG *sig = ECDSA_SIG_new();
		BIGNUM *bad = i % 2 == 0 ? BN_new() : BN_dup(order), *good = BN_dup(BN_value_one());

		ck_assert(ECDSA_SIG_set0(sig, i < 2 ? bad : good, i < 2 ? good : bad) == 1);
		verdict_is(&s, sig, TRB_E_EVIDENCE);
		ECDSA_SIG_free(sig);
	}
	signer_free(&s);
}
END_TEST

static void put_integer(struct trb_buf *b, bool padded, const uint8_t *bytes, int size)
{
	trb_buf_add_byte(b, 0x02);
	trb_buf_add_byte(b, (uint8_t)(size + padded));
	if (padded)
		trb_buf_add_byte(b, 0);
	trb_buf_add(b, TRB_BYTES(bytes, (size_t)size));
}

/* r begins with a set bit, s with a byte that is neither zero nor has one. */
static void sign_as_wanted(const struct signer *s, uint8_t raw[TRB_P384_SIGNATURE])
{
	do {
		ECDSA_SIG *sig = ECDSA_do_sign(s->digest, s->size, s->private);

		ck_assert_ptr_nonnull(sig);
		ck_assert_int_eq(BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, s->size), s->size);
		ck_assert_int_eq(BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + s->size, s->size),
				 s->size);
		ECDSA_SIG_free(sig);
	} while (raw[0] < 0x80 || raw[s->size] == 0 || raw[s->size] >= 0x80);
}

/* DER has one encoding of a signature: others of the same numbers are refused. */
START_TEST(a_signature_has_one_encoding)
{
	static const struct {
		bool pad_r, pad_s;
		const char *inside, *behind;
		int wanted;
	} rows[] = {
		{ true, false, "", "", TRB_OK },
		{ false, false, "", "", TRB_E_EVIDENCE }, /* r is negative */
		{ true, true, "", "", TRB_E_EVIDENCE },   /* s is longer than needed */
		{ true, false, "x", "", TRB_E_EVIDENCE },
		{ true, false, "", "x", TRB_E_EVIDENCE },
	};
	uint8_t raw[TRB_P384_SIGNATURE];
	struct signer s;

	signer_new(&s, _i);
	sign_as_wanted(&s, raw);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_buf_ struct trb_buf pair = { 0 }, der = { 0 };

		trb_buf_init(&pair, 256);
		trb_buf_init(&der, 256);
		put_integer(&pair, rows[i].pad_r, raw, s.size);
		put_integer(&pair, rows[i].pad_s, raw + s.size, s.size);
		trb_buf_add_str(&pair, rows[i].inside);
		trb_buf_add_byte(&der, 0x30);
		trb_buf_add_byte(&der, (uint8_t)pair.len);
		trb_buf_add(&der, trb_buf_bytes(&pair));
		trb_buf_add_str(&der, rows[i].behind);
		ck_assert_msg(trb_ec_verify_der(s.public, s.digest, trb_buf_bytes(&der)) ==
				      rows[i].wanted,
			      "row %zu", i);
	}
	signer_free(&s);
}
END_TEST

/* OpenSSL reads such a key, and calls it a want of memory when it is asked for it as an EC_KEY. */
START_TEST(a_key_at_infinity_is_refused)
{
	const uint8_t spki[] = { 0x30, 0x19, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
				 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
				 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x02, 0x00, 0x00 };
	const uint8_t *p = spki;
	EVP_PKEY *pkey = d2i_PUBKEY(NULL, &p, sizeof(spki));
	struct trb_ec_key *key = NULL;

	ck_assert_ptr_nonnull(pkey);
	ck_assert_int_eq(trb_ec_key_of(pkey, &key), TRB_E_FORMAT);
	ck_assert_ptr_null(key);
	ck_assert_int_eq(ERR_peek_error(), 0);
	EVP_PKEY_free(pkey);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ec");
	TCase *tcase = tcase_create("ec");
	int n = sizeof(curves) / sizeof(curves[0]);

	tcase_add_loop_test(tcase, a_signature_holds, 0, n);
	tcase_add_loop_test(tcase, a_signature_of_short_numbers_holds, 0, n);
	tcase_add_loop_test(tcase, a_signature_that_ends_at_infinity_is_refused, 0, n);
	tcase_add_loop_test(tcase, a_signature_out_of_range_is_refused, 0, n);
	tcase_add_loop_test(tcase, a_signature_has_one_encoding, 0, n);
	tcase_add_test(tcase, a_key_at_infinity_is_refused);
	suite_add_tcase(suite, tcase);
	return test_run(suite);
}
