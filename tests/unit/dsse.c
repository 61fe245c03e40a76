/* SPDX-License-Identifier: Apache-2.0 */
/* Envelopes: signed, verified, refused. */
#include "support.h"

#include <openssl/pem.h>

#include "core/error.h"
#include "format/base64.h"
#include "format/dsse.h"
#include "format/json.h"

static EVP_PKEY *key;
static uint8_t spki[TRB_DSSE_SPKI_LEN];
static trb_blob *signature;
static const char payload[] = "{\"a\":1}";

static void setup(void)
{
	ck_assert_int_eq(trb_dsse_key_new(&key, NULL), TRB_OK);
	ck_assert_int_eq(trb_dsse_key_spki(key, spki, NULL), TRB_OK);
	ck_assert_int_eq(trb_dsse_sign(key, trb_bytes_str(payload), &signature, NULL), TRB_OK);
}

static void teardown(void)
{
	EVP_PKEY_free(key);
	signature = trb_blob_unref(signature);
}

static int verify(trb_bytes k, const char *text, trb_bytes sig)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	int r = trb_dsse_verify(k, trb_bytes_str(text), sig, &err);

	if (r < 0)
		ck_assert_str_eq(trb_error_check(err), "envelope.signature");
	return r;
}

START_TEST(own_signature_verifies)
{
	trb_bytes k = TRB_BYTES(spki, sizeof(spki)), sig = trb_blob_bytes(signature);

	ck_assert_int_eq(verify(k, payload, sig), TRB_OK);
	ck_assert_int_eq(verify(k, "{\"a\":2}", sig), TRB_E_CLAIM);
	ck_assert_int_eq(verify(k, "", sig), TRB_E_CLAIM);
}
END_TEST

START_TEST(every_flipped_bit_is_refused)
{
	trb_bytes sig = trb_blob_bytes(signature);
	uint8_t bad[128];

	for (size_t i = 0; i < sig.len * 8; i++) {
		memcpy(bad, sig.ptr, sig.len);
		bad[i / 8] ^= (uint8_t)(1 << i % 8);
		ck_assert_msg(verify(TRB_BYTES(spki, sizeof(spki)), payload,
				     TRB_BYTES(bad, sig.len)) == TRB_E_CLAIM,
			      "signature bit %zu", i);
	}
	for (size_t i = 0; i < sizeof(spki) * 8; i++) {
		memcpy(bad, spki, sizeof(spki));
		bad[i / 8] ^= (uint8_t)(1 << i % 8);
		ck_assert_msg(verify(TRB_BYTES(bad, sizeof(spki)), payload, sig) == TRB_E_CLAIM,
			      "key bit %zu", i);
	}
}
END_TEST

START_TEST(other_forms_are_refused)
{
	trb_bytes k = TRB_BYTES(spki, sizeof(spki)), sig = trb_blob_bytes(signature);
	uint8_t longer[80];

	memcpy(longer, sig.ptr, sig.len);
	longer[sig.len] = 0;
	ck_assert_int_eq(verify(k, payload, TRB_BYTES(longer, sig.len + 1)), TRB_E_CLAIM);
	ck_assert_int_eq(verify(k, payload, TRB_BYTES(sig.ptr, sig.len - 1)), TRB_E_CLAIM);
	ck_assert_int_eq(verify(k, payload, TRB_BYTES_NULL), TRB_E_CLAIM);
	ck_assert_int_eq(verify(TRB_BYTES(spki, 90), payload, sig), TRB_E_CLAIM);
	ck_assert_int_eq(verify(TRB_BYTES_NULL, payload, sig), TRB_E_CLAIM);
}
END_TEST

START_TEST(key_of_another_curve_is_refused)
{
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *other = EVP_EC_gen("secp256k1");
	uint8_t out[TRB_DSSE_SPKI_LEN];

	ck_assert(other != NULL);
	ck_assert_int_lt(trb_dsse_key_spki(other, out, NULL), 0);
}
END_TEST

/* A bundle that cosign 3.1.1 and sigstore-js verified. */
START_TEST(foreign_envelope_verifies)
{
	_cleanup_(trb_blob_unrefp) trb_blob *body = NULL, *sig = NULL;
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *theirs = NULL;
	uint8_t k[TRB_DSSE_SPKI_LEN];
	const char *folder = test_vectors();
	const cJSON *envelope;
	cJSON *root;
	FILE *f;

	if (folder == NULL)
		return;
	f = fopen(test_path(folder, "tlog/live/key-p256.pub.pem"), "r");
	ck_assert(f != NULL);
	theirs = PEM_read_PUBKEY(f, NULL, NULL, NULL);
	fclose(f);
	ck_assert_int_eq(trb_dsse_key_spki(theirs, k, NULL), TRB_OK);
	root = test_json(test_path(folder, "tlog/live/bundle-dsse-p256.sigstore.json"));
	envelope = cJSON_GetObjectItemCaseSensitive(root, "dsseEnvelope");
	ck_assert_int_eq(
		trb_base64_decode(
			trb_bytes_str(cJSON_GetObjectItem(envelope, "payload")->valuestring),
			1 << 20, &body, NULL),
		TRB_OK);
	ck_assert_int_eq(
		trb_base64_decode(
			trb_bytes_str(
				cJSON_GetObjectItem(
					cJSON_GetObjectItem(envelope, "signatures")->child, "sig")
					->valuestring),
			1 << 10, &sig, NULL),
		TRB_OK);
	ck_assert_int_eq(trb_dsse_verify(TRB_BYTES(k, sizeof(k)), trb_blob_bytes(body),
					 trb_blob_bytes(sig), NULL),
			 TRB_OK);
	cJSON_Delete(root);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("dsse");
	TCase *tc = tcase_create("dsse");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, own_signature_verifies);
	tcase_add_test(tc, every_flipped_bit_is_refused);
	tcase_add_test(tc, other_forms_are_refused);
	tcase_add_test(tc, key_of_another_curve_is_refused);
	tcase_add_test(tc, foreign_envelope_verifies);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
