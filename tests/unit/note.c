/* SPDX-License-Identifier: Apache-2.0 */
/* Notes, keys, checkpoints. */
#include "support.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include <cjson/cJSON.h>

#include "core/cleanup.h"
#include "core/error.h"
#include "format/base64.h"
#include "format/dsse.h"
#include "format/merkle.h"
#include "format/note.h"

static struct trb_note note;

static void teardown(void)
{
	trb_note_clear(&note);
}

static void key_of(const char *text, struct trb_vkey *ret)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	int r = trb_vkey_parse(trb_bytes_str(text), ret, &err);

	ck_status(r, TRB_OK, err);
}

static const char key_text[] = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
#define TEXT                                                         \
	"If you think cryptography is the answer to your problem,\n" \
	"then you don't know what your problem is.\n"
#define SIGNED                                                                                 \
	"\xe2\x80\x94 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2" \
	"pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"

START_TEST(verifies_the_example)
{
	struct trb_vkey key;
	uint64_t time = 7;

	key_of(key_text, &key);
	ck_assert_int_eq(trb_note_parse(trb_bytes_str(TEXT "\n" SIGNED), &note, NULL), TRB_OK);
	ck_assert(trb_bytes_eq_str(note.text, TEXT));
	ck_assert_int_eq(trb_note_verify(&note, &key, &time, NULL), TRB_OK);
	ck_assert_uint_eq(time, 0);
	key.id ^= 1;
	ck_assert_int_eq(trb_note_verify(&note, &key, NULL, NULL), TRB_E_NOTFOUND);
}
END_TEST

static const char *const malformed[] = {
	"",
	"\n",
	"\n\n",
	TEXT,
	TEXT "\n",
	TEXT SIGNED,
	TEXT "\n" SIGNED "\n",
	TEXT "\n" SIGNED "x",
	TEXT "\n- PeterNeumann x08go/ZJ\n",
	TEXT "\n\xe2\x80\x94 PeterNeumann\n",
	TEXT "\n\xe2\x80\x94 PeterNeumann \n",
	TEXT "\n\xe2\x80\x94  x08go/ZJ\n",
	TEXT "\n\xe2\x80\x94 a+b x08go/ZJ\n",
	TEXT "\n\xe2\x80\x94 a\xc2\xa0x x08go/ZJ\n",
	TEXT "\n\xe2\x80\x94 Peter x08go/Z\n",
	TEXT "\n\xe2\x80\x94 Peter x08goA==\n",
	TEXT "\n\xe2\x80\x94 Peter x08go/Z=\n",
	"a\tb\n\n" SIGNED,
	"a\x01"
	"b\n\n" SIGNED,
	"a\xff"
	"b\n\n" SIGNED,
	"a\r\n\r\n" SIGNED,
};

START_TEST(refuses_malformed)
{
	ck_assert_int_eq(trb_note_parse(trb_bytes_str(malformed[_i]), &note, NULL), TRB_E_FORMAT);
}
END_TEST

START_TEST(text_may_have_blank_lines)
{
	ck_assert_int_eq(trb_note_parse(trb_bytes_str("a\n\nb\n\n" SIGNED), &note, NULL), TRB_OK);
	ck_assert(trb_bytes_eq_str(note.text, "a\n\nb\n"));
}
END_TEST

START_TEST(sixteen_signatures_and_long_ones)
{
	struct trb_buf b;
	struct trb_vkey key;
	uint8_t big[3309] = { 0 };

	key_of(key_text, &key);
	trb_buf_init(&b, 1 << 20);
	trb_buf_add_str(&b, TEXT "\n");
	for (int i = 0; i < 40; i++)
		trb_buf_addf(&b, "\xe2\x80\x94 unknown%d x08go/ZJ\n", i);
	trb_buf_add_str(&b, "\xe2\x80\x94 mldsa ");
	trb_base64_put(&b, TRB_BYTES(big, sizeof(big)));
	trb_buf_add_str(&b, "\n" SIGNED);
	ck_assert_int_eq(trb_note_parse(trb_buf_bytes(&b), &note, NULL), TRB_OK);
	ck_assert_uint_eq(note.n, 42);
	ck_assert_int_eq(trb_note_verify(&note, &key, NULL, NULL), TRB_OK);
	while (b.len <= TRB_NOTE_MAX)
		trb_buf_add_byte(&b, 'x');
	trb_note_clear(&note);
	ck_assert_int_eq(trb_note_parse(trb_buf_bytes(&b), &note, NULL), TRB_E_LIMIT);
	trb_buf_clear(&b);
}
END_TEST

START_TEST(one_bad_signature_of_a_known_key_is_fatal)
{
	struct trb_vkey key;

	key_of(key_text, &key);
	ck_assert_int_eq(trb_note_parse(trb_bytes_str(TEXT "\n" SIGNED
							   "\xe2\x80\x94 PeterNeumann x08go/ZJ\n"),
					&note, NULL),
			 TRB_OK);
	ck_assert_int_eq(trb_note_verify(&note, &key, NULL, NULL), TRB_E_LOG);
}
END_TEST

START_TEST(signs_what_it_verifies)
{
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	_cleanup_(trb_blob_unrefp) trb_blob *made = NULL;
	_cleanup_buf_ struct trb_buf text = { 0 };
	uint8_t public[32];
	size_t n = 32;
	struct trb_vkey vkey, again;

	ck_assert(key != NULL && EVP_PKEY_get_raw_public_key(key, public, &n) == 1);
	ck_assert_int_eq(trb_note_sign(trb_bytes_str("log\n0\n"), "log", key, &made, NULL), TRB_OK);
	ck_assert_int_eq(trb_vkey_make("log", TRB_KEY_ED25519, TRB_BYTES(public, 32), &vkey, NULL),
			 TRB_OK);
	trb_buf_init(&text, TRB_VKEY_MAX);
	trb_vkey_put(&text, &vkey);
	ck_assert_int_eq(trb_vkey_parse(trb_buf_bytes(&text), &again, NULL), TRB_OK);
	ck_assert(trb_vkey_eq(&vkey, &again));
	ck_assert_int_eq(trb_note_parse(trb_blob_bytes(made), &note, NULL), TRB_OK);
	ck_assert_int_eq(trb_note_verify(&note, &vkey, NULL, NULL), TRB_OK);
}
END_TEST

/* A line of "w" with the key's cosignature of "log\n0\n" at a time below 256. */
static void put_cosignature(struct trb_buf *b, EVP_PKEY *key, const struct trb_vkey *vkey,
			    unsigned time)
{
	_cleanup_(EVP_MD_CTX_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t line[4 + 8 + 64] = { 0 };
	char message[64];
	size_t n = 64;

	snprintf(message, sizeof(message), "cosignature/v1\ntime %u\nlog\n0\n", time);
	for (unsigned i = 0; i < 4; i++)
		line[i] = (uint8_t)(vkey->id >> (24 - 8 * i));
	line[11] = (uint8_t)time;
	ck_assert_int_eq(EVP_DigestSignInit(ctx, NULL, NULL, NULL, key), 1);
	ck_assert_int_eq(
		EVP_DigestSign(ctx, line + 12, &n, (const uint8_t *)message, strlen(message)), 1);
	trb_buf_add_str(b, "\xe2\x80\x94 w ");
	trb_base64_put(b, TRB_BYTES(line, sizeof(line)));
	trb_buf_add_byte(b, '\n');
}

/* Who signs again does not make what was seen any younger. */
START_TEST(the_earliest_of_a_witness_counts)
{
	static const unsigned times[][3] = { { 7, 8, 9 }, { 9, 8, 7 }, { 8, 7, 9 }, { 7, 7, 9 } };
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	struct trb_vkey vkey;
	uint8_t public[32];
	size_t n = 32;

	ck_assert(key != NULL && EVP_PKEY_get_raw_public_key(key, public, &n) == 1);
	ck_assert_int_eq(
		trb_vkey_make("w", TRB_KEY_COSIGNATURE, TRB_BYTES(public, 32), &vkey, NULL),
		TRB_OK);
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		_cleanup_buf_ struct trb_buf b = { 0 };
		uint64_t at = 0;

		trb_buf_init(&b, TRB_NOTE_MAX);
		trb_buf_add_str(&b, "log\n0\n\n");
		for (size_t k = 0; k < 3; k++)
			put_cosignature(&b, key, &vkey, times[i][k]);
		ck_assert_int_eq(trb_note_parse(trb_buf_bytes(&b), &note, NULL), TRB_OK);
		ck_assert_int_eq(trb_note_verify(&note, &vkey, &at, NULL), TRB_OK);
		ck_assert_uint_eq(at, 7);
		trb_note_clear(&note);
	}
}
END_TEST

START_TEST(a_checkpoint_is_of_the_log_that_signs_it)
{
	static const char *const texts[] = {
		"log\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
		"other\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
	};
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	struct trb_checkpoint checkpoint;
	struct trb_vkey vkey;
	uint8_t public[32];
	size_t n = 32;

	ck_assert(key != NULL && EVP_PKEY_get_raw_public_key(key, public, &n) == 1);
	ck_assert_int_eq(trb_vkey_make("log", TRB_KEY_ED25519, TRB_BYTES(public, 32), &vkey, NULL),
			 TRB_OK);
	for (size_t i = 0; i < 2; i++) {
		_cleanup_(trb_blob_unrefp) trb_blob *made = NULL;

		ck_assert_int_eq(trb_note_sign(trb_bytes_str(texts[i]), "log", key, &made, NULL),
				 TRB_OK);
		ck_assert_int_eq(
			trb_checkpoint_open(trb_blob_bytes(made), &vkey, &note, &checkpoint, NULL),
			i == 0 ? TRB_OK : TRB_E_LOG);
		trb_note_clear(&note);
	}
}
END_TEST

/* An id is that of its key, in one spelling. */
START_TEST(key_ids_are_checked)
{
	static const char bytes[] = "+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
	static const struct {
		const char *id;
		int wanted;
	} rows[] = {
		{ "c74f20a3", TRB_OK },
		{ "c74f20a4", TRB_E_FORMAT },
		{ "C74F20A3", TRB_E_FORMAT },
		{ "00000000", TRB_E_FORMAT },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct trb_vkey key;
		char text[128];

		snprintf(text, sizeof(text), "PeterNeumann+%s%s", rows[i].id, bytes);
		ck_assert_int_eq(trb_vkey_parse(trb_bytes_str(text), &key, NULL), rows[i].wanted);
	}
}
END_TEST

START_TEST(checkpoints_are_strict)
{
	static const char root[] = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
	static const struct {
		const char *head, *tail;
		bool good;
	} rows[] = {
		{ "log\n0\n", "\n", true },      { "log\n18446744073709551615\n", "\n", true },
		{ "log\n7\n", "\next\n", true }, { "log\n07\n", "\n", false },
		{ "log\n\n", "\n", false },      { "\n7\n", "\n", false },
		{ "log\n7\n", "", false },       { "log\n7\n", "\next", false },
		{ "log\n7\n", "\n\n", false },   { "log\n7 \n", "\n", false },
		{ "log\n+7\n", "\n", false },    { "log\n18446744073709551616\n", "\n", false },
		{ "log\n7\n", "=\n", false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_free_ char *text = NULL;
		struct trb_checkpoint c;

		ck_assert(asprintf(&text, "%s%s%s", rows[i].head, root, rows[i].tail) > 0);
		ck_assert_msg((trb_checkpoint_parse(trb_bytes_str(text), &c, NULL) == TRB_OK) ==
				      rows[i].good,
			      "row %zu", i);
	}
}
END_TEST

START_TEST(vectors_notes)
{
	const char *folder = test_vectors();
	const cJSON *row, *vkey;
	cJSON *root;

	if (folder == NULL)
		return;
	root = test_json(test_path(folder, "tlog/note_vectors.json"));
	for (int good = 0; good < 2; good++) {
		cJSON_ArrayForEach (row, cJSON_GetObjectItem(root, good ? "good" : "bad")) {
			const char *name = cJSON_GetObjectItem(row, "name")->valuestring;
			_cleanup_(trb_blob_unrefp) trb_blob *text = NULL;
			int verified = 0, bad = 0;

			ck_assert_int_eq(
				trb_base64_decode(
					trb_bytes_str(
						cJSON_GetObjectItem(row, "note_b64")->valuestring),
					1 << 20, &text, NULL),
				TRB_OK);
			if (trb_note_parse(trb_blob_bytes(text), &note, NULL) == TRB_OK) {
				cJSON_ArrayForEach (vkey, cJSON_GetObjectItem(row, "vkeys")) {
					struct trb_vkey key;
					int r;

					key_of(vkey->valuestring, &key);
					r = trb_note_verify(&note, &key, NULL, NULL);
					verified += r == TRB_OK;
					bad += r == TRB_E_LOG;
				}
				trb_note_clear(&note);
			}
			if (good)
				ck_assert_msg(
					bad == 0 && verified == cJSON_GetObjectItem(row, "verified")
									->valueint,
					"%s: %d verified", name, verified);
			else
				ck_assert_msg(verified == 0, "%s: verified", name);
			printf("note '%s': %s\n", name, good ? "verified" : "refused");
		}
	}
	cJSON_Delete(root);
}
END_TEST

/* "PRIVATE+KEY+name+id+base64(01, seed)": what x/mod's signer reads. */
START_TEST(vectors_signer)
{
	_cleanup_(trb_blob_unrefp) trb_blob *made = NULL, *seed = NULL;
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = NULL;
	_cleanup_free_ char *wanted = NULL;
	const char *folder = test_vectors(), *base64;
	const cJSON *signer;
	cJSON *root;

	if (folder == NULL)
		return;
	root = test_json(test_path(folder, "tlog/note_vectors.json"));
	signer = cJSON_GetObjectItem(root, "signer");
	base64 = cJSON_GetObjectItem(signer, "skey")->valuestring;
	for (int i = 0; i < 4; i++)
		base64 = strchr(base64, '+') + 1;
	ck_assert_int_eq(trb_base64_decode(trb_bytes_str(base64), 64, &seed, NULL), TRB_OK);
	key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, trb_blob_bytes(seed).ptr + 1,
					   32);
	ck_assert_int_eq(
		trb_note_sign(trb_bytes_str(cJSON_GetObjectItem(signer, "text")->valuestring),
			      "PeterNeumann", key, &made, NULL),
		TRB_OK);
	ck_assert(asprintf(&wanted, "%s\n%s", cJSON_GetObjectItem(signer, "text")->valuestring,
			   cJSON_GetObjectItem(signer, "want_sig_line")->valuestring) > 0);
	ck_assert(trb_bytes_eq_str(trb_blob_bytes(made), wanted));
	cJSON_Delete(root);
}
END_TEST

START_TEST(vectors_vkeys)
{
	const char *folder = test_vectors();
	const cJSON *row;
	cJSON *root;

	if (folder == NULL)
		return;
	root = test_json(test_path(folder, "tlog/cosig_vkeys.json"));
	cJSON_ArrayForEach (row, cJSON_GetObjectItem(root, "good")) {
		struct trb_vkey key;

		key_of(row->valuestring, &key);
		printf("vkey %s: read\n", row->valuestring);
	}
	cJSON_ArrayForEach (row, cJSON_GetObjectItem(root, "bad")) {
		struct trb_vkey key;

		ck_assert_msg(trb_vkey_parse(trb_bytes_str(row->valuestring), &key, NULL) < 0, "%s",
			      row->valuestring);
		printf("vkey %s: refused\n", row->valuestring);
	}
	cJSON_Delete(root);
}
END_TEST

static void first_line(const char *path, char *line, size_t size)
{
	FILE *f = fopen(path, "r");

	ck_assert_msg(f != NULL && fgets(line, (int)size, f) != NULL, "%s", path);
	line[strcspn(line, "\n")] = '\0';
	fclose(f);
}

static void live_keys(const char *folder, struct trb_vkey *log, struct trb_vkey *witness)
{
	char line[512];

	first_line(test_path(folder, "tlog/live/log.vkey"), line, sizeof(line));
	key_of(line, log);
	first_line(test_path(folder, "tlog/live/witness.vkey"), line, sizeof(line));
	key_of(line, witness);
	ck_assert_int_eq(witness->type, TRB_KEY_COSIGNATURE);
}

START_TEST(vectors_checkpoints_of_a_live_log)
{
	const char *folder = test_vectors();
	struct trb_vkey log, witness;
	const cJSON *row;
	unsigned n = 0;
	cJSON *root;

	if (folder == NULL)
		return;
	live_keys(folder, &log, &witness);
	root = test_json(test_path(folder, "tlog/live/consistency.json"));
	cJSON_ArrayForEach (row, cJSON_GetObjectItem(root, "checkpoints")) {
		struct trb_checkpoint c;
		uint64_t time;

		ck_assert_int_eq(
			trb_checkpoint_open(trb_bytes_str(row->valuestring), &log, &note, &c, NULL),
			TRB_OK);
		ck_assert_uint_eq(c.size, strtoul(row->string, NULL, 10));
		ck_assert_int_eq(trb_note_verify(&note, &witness, &time, NULL), TRB_OK);
		trb_note_clear(&note);
		n++;
	}
	ck_assert_uint_gt(n, 0);
	cJSON_Delete(root);
}
END_TEST

/* A P-256 log key, type 02: what Rekor's logs may have. */
START_TEST(ecdsa_notes)
{
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = NULL;
	_cleanup_(EVP_MD_CTX_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	_cleanup_buf_ struct trb_buf text = { 0 };
	uint8_t spki[TRB_DSSE_SPKI_LEN], line[4 + 80];
	size_t n = 80;
	struct trb_vkey vkey;

	ck_assert_int_eq(trb_dsse_key_new(&key, NULL), TRB_OK);
	ck_assert_int_eq(trb_dsse_key_spki(key, spki, NULL), TRB_OK);
	ck_assert_int_eq(
		trb_vkey_make("log", TRB_KEY_ECDSA, TRB_BYTES(spki, sizeof(spki)), &vkey, NULL),
		TRB_OK);
	ck_assert(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
		  EVP_DigestSign(ctx, line + 4, &n, (const uint8_t *)TEXT, strlen(TEXT)) == 1);
	for (int i = 0; i < 4; i++)
		line[i] = (uint8_t)(vkey.id >> (24 - 8 * i));
	trb_buf_init(&text, 4096);
	trb_buf_add_str(&text, TEXT "\n\xe2\x80\x94 log ");
	trb_base64_put(&text, TRB_BYTES(line, n + 4));
	trb_buf_add_byte(&text, '\n');
	ck_assert_int_eq(trb_note_parse(trb_buf_bytes(&text), &note, NULL), TRB_OK);
	ck_assert_int_eq(trb_note_verify(&note, &vkey, NULL, NULL), TRB_OK);
	note.text.len--;
	ck_assert_int_eq(trb_note_verify(&note, &vkey, NULL, NULL), TRB_E_LOG);
}
END_TEST

START_TEST(vector_files)
{
	_cleanup_free_ char *folder =
		strdup(test_path(getenv("TRB_SOURCE_ROOT"), "tests/vectors/note"));
	DIR *dir = opendir(folder);
	struct dirent *entry;
	unsigned seen = 0;

	ck_assert(dir != NULL);
	while ((entry = readdir(dir)) != NULL) {
		_cleanup_(trb_blob_unrefp) trb_blob *blob = NULL;
		int r;

		if (entry->d_name[0] == '.')
			continue;
		blob = test_file(test_path(folder, entry->d_name));
		r = trb_note_parse(trb_blob_bytes(blob), &note, NULL);
		ck_assert_msg((r == TRB_OK) == (entry->d_name[0] == 'y'), "%s: %d", entry->d_name,
			      r);
		trb_note_clear(&note);
		seen++;
	}
	closedir(dir);
	ck_assert_uint_gt(seen, 5);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("note");
	TCase *tc = tcase_create("note");

	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_add_test(tc, verifies_the_example);
	tcase_add_loop_test(tc, refuses_malformed, 0,
			    (int)(sizeof(malformed) / sizeof(malformed[0])));
	tcase_add_test(tc, text_may_have_blank_lines);
	tcase_add_test(tc, sixteen_signatures_and_long_ones);
	tcase_add_test(tc, one_bad_signature_of_a_known_key_is_fatal);
	tcase_add_test(tc, signs_what_it_verifies);
	tcase_add_test(tc, the_earliest_of_a_witness_counts);
	tcase_add_test(tc, a_checkpoint_is_of_the_log_that_signs_it);
	tcase_add_test(tc, key_ids_are_checked);
	tcase_add_test(tc, checkpoints_are_strict);
	tcase_add_test(tc, ecdsa_notes);
	tcase_add_test(tc, vectors_notes);
	tcase_add_test(tc, vectors_signer);
	tcase_add_test(tc, vectors_vkeys);
	tcase_add_test(tc, vectors_checkpoints_of_a_live_log);
	tcase_add_test(tc, vector_files);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
