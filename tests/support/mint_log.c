/* SPDX-License-Identifier: Apache-2.0 */
/* A log of RFC 6962 with signed notes, written from the specifications (c2sp.org/signed-note,
 * tlog-checkpoint, tlog-cosignature) without the library's own code. */
#include <openssl/sha.h>

#include "format/base64.h"
#include "mint_keys.h"

#define must(x)  mint_must((x), #x)
#define TREE_MAX 64

enum { TYPE_ED25519 = 0x01, TYPE_COSIGNATURE = 0x04 };

static EVP_PKEY *ed25519(unsigned seed)
{
	uint8_t bytes[32];
	EVP_PKEY *key;

	memset(bytes, (int)seed, sizeof(bytes));
	key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, bytes, sizeof(bytes));
	must(key != NULL);
	return key;
}

static void key_id(const char *name, uint8_t type, EVP_PKEY *key, uint8_t pub[32], uint8_t id[4])
{
	uint8_t text[256], digest[32];
	size_t n = strlen(name), len = 32;

	must(EVP_PKEY_get_raw_public_key(key, pub, &len) == 1 && len == 32);
	memcpy(text, name, n);
	text[n] = '\n';
	text[n + 1] = type;
	memcpy(text + n + 2, pub, 32);
	SHA256(text, n + 2 + 32, digest);
	memcpy(id, digest, 4);
}

/* The text lives as long as the process. */
static const char *vkey(unsigned which, const char *name, uint8_t type, EVP_PKEY *key)
{
	static char *texts[3 + MINT_WITNESSES];
	uint8_t pub[33], id[4];
	char hex[9];
	struct trb_buf b;

	key_id(name, type, key, pub + 1, id);
	pub[0] = type;
	trb_hex_encode(TRB_BYTES(id, 4), hex);
	trb_buf_init(&b, 512);
	trb_buf_addf(&b, "%s+%s+", name, hex);
	trb_base64_put(&b, TRB_BYTES(pub, 33));
	free(texts[which]);
	must(trb_buf_to_str(&b, "vkey", &texts[which], NULL) == TRB_OK);
	EVP_PKEY_free(key);
	return texts[which];
}

static void witness_name(unsigned i, char name[32])
{
	snprintf(name, 32, "witness%u.example", i);
}

const char *mint_log_vkey(void)
{
	return vkey(0, MINT_LOG, TYPE_ED25519, ed25519(1));
}

const char *mint_witness_vkey(unsigned i)
{
	char name[32];

	witness_name(i, name);
	return vkey(1 + i, name, TYPE_COSIGNATURE, ed25519(16 + i));
}

const char *mint_second_log_vkey(void)
{
	return vkey(1 + MINT_WITNESSES, MINT_SECOND_LOG, TYPE_ED25519, ed25519(3));
}

const char *mint_namesake_vkey(void)
{
	char name[32];

	witness_name(0, name);
	return vkey(2 + MINT_WITNESSES, name, TYPE_COSIGNATURE, ed25519(98));
}

static void sign(EVP_PKEY *key, trb_bytes text, uint8_t sig[64])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t len = 64;

	must(EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1);
	must(EVP_DigestSign(ctx, sig, &len, text.ptr, text.len) == 1 && len == 64);
	EVP_MD_CTX_free(ctx);
}

static void signature_line(struct trb_buf *note, const char *name, const uint8_t id[4],
			   trb_bytes sig)
{
	uint8_t bytes[128];

	memcpy(bytes, id, 4);
	memcpy(bytes + 4, sig.ptr, sig.len);
	trb_buf_addf(note, "\xe2\x80\x94 %s ", name);
	trb_base64_put(note, TRB_BYTES(bytes, 4 + sig.len));
	trb_buf_add_byte(note, '\n');
}

static void log_line(struct trb_buf *note, const char *name, unsigned named_key, unsigned by_key,
		     trb_bytes body)
{
	EVP_PKEY *named = ed25519(named_key), *key = ed25519(by_key);
	uint8_t pub[32], id[4], sig[64];

	key_id(name, TYPE_ED25519, named, pub, id);
	sign(key, body, sig);
	signature_line(note, name, id, TRB_BYTES(sig, 64));
	EVP_PKEY_free(named);
	EVP_PKEY_free(key);
}

static void witness_line(struct trb_buf *note, const struct mint *f, unsigned i, trb_bytes body)
{
	EVP_PKEY *named = ed25519(16 + i), *key = ed25519(f->witness_stranger ? 99 : 16 + i);
	uint64_t at = f->witness_s[i];
	uint8_t pub[32], id[4], sig[72];
	struct trb_buf text;
	char name[32];

	witness_name(i, name);
	key_id(name, TYPE_COSIGNATURE, named, pub, id);
	trb_buf_init(&text, 4096);
	trb_buf_addf(&text, "cosignature/v1\ntime %llu\n", (unsigned long long)at);
	trb_buf_add(&text, body);
	for (unsigned k = 0; k < 8; k++)
		sig[k] = (uint8_t)(at >> (56 - 8 * k));
	sign(key, trb_buf_bytes(&text), sig + 8);
	signature_line(note, name, id, TRB_BYTES(sig, 72));
	trb_buf_clear(&text);
	EVP_PKEY_free(named);
	EVP_PKEY_free(key);
}

/* RFC 6962 section 2.1: the root of leaves [from, to), and the path of index within them. */
static void tree_hash(uint8_t (*leaves)[32], uint64_t from, uint64_t to, uint8_t ret[32])
{
	uint8_t text[65] = { 1 };
	uint64_t half = 1;

	if (to - from == 1) {
		memcpy(ret, leaves[from], 32);
		return;
	}
	while (half * 2 < to - from)
		half *= 2;
	tree_hash(leaves, from, from + half, text + 1);
	tree_hash(leaves, from + half, to, text + 33);
	SHA256(text, sizeof(text), ret);
}

static void tree_path(uint8_t (*leaves)[32], uint64_t from, uint64_t to, uint64_t index,
		      struct trb_bundle_log *log)
{
	uint64_t half = 1;

	if (to - from == 1)
		return;
	while (half * 2 < to - from)
		half *= 2;
	if (index < from + half) {
		tree_path(leaves, from, from + half, index, log);
		tree_hash(leaves, from + half, to, log->proof[log->n_proof++]);
	} else {
		tree_path(leaves, from + half, to, index, log);
		tree_hash(leaves, from, from + half, log->proof[log->n_proof++]);
	}
}

static void make_tree(const struct mint *f, const struct mint_parts *parts,
		      struct trb_bundle_log *log, uint8_t root[32])
{
	static uint8_t leaves[TREE_MAX][32];
	const struct trb_leaf leaf = { trb_blob_bytes(parts->request),
				       trb_blob_bytes(parts->environment),
				       trb_blob_bytes(parts->artifacts),
				       trb_blob_bytes(parts->attestation),
				       trb_blob_bytes(parts->statement) };
	trb_blob *bytes;
	struct trb_buf b;

	must(f->tree_size <= TREE_MAX && f->index < f->tree_size);
	for (uint64_t i = 0; i < f->tree_size; i++)
		memset(leaves[i], (int)(0x80 + i), 32);
	must(trb_leaf_encode(&leaf, &bytes, NULL) == TRB_OK);
	trb_buf_init(&b, TRB_LEAF_MAX + 1);
	trb_buf_add_byte(&b, 0);
	trb_buf_add(&b, trb_blob_bytes(bytes));
	SHA256(b.ptr, b.len, leaves[f->index]);
	tree_hash(leaves, 0, f->tree_size, root);
	tree_path(leaves, 0, f->tree_size, f->index, log);
	trb_buf_clear(&b);
	trb_blob_unref(bytes);
}

void mint_log(const struct mint *f, struct mint_parts *parts)
{
	struct trb_bundle_log *log = &parts->logs[0];
	struct trb_buf body, note;
	uint8_t root[32];

	*log = (struct trb_bundle_log){ .kind = TRB_BYTES_LIT("tlog"), .index = f->index };
	make_tree(f, parts, log, root);
	trb_buf_init(&body, 1024);
	trb_buf_addf(&body, "%s\n%llu\n", f->origin, (unsigned long long)f->tree_size);
	trb_base64_put(&body, TRB_BYTES(root, 32));
	trb_buf_add_byte(&body, '\n');
	trb_buf_init(&note, TRB_CHECKPOINT_MAX);
	trb_buf_add(&note, trb_buf_bytes(&body));
	trb_buf_add_byte(&note, '\n');
	if (!f->log_unsigned)
		log_line(&note, f->origin, 1, f->log_stranger ? 2 : 1, trb_buf_bytes(&body));
	if (f->log_second != 0)
		log_line(&note, MINT_SECOND_LOG, 3, f->log_second == 1 ? 3 : 2,
			 trb_buf_bytes(&body));
	for (unsigned i = 0; i < f->n_witnesses; i++)
		witness_line(&note, f, f->witness_twice ? 0 : i, trb_buf_bytes(&body));
	must(trb_buf_to_blob(&note, "note", &parts->checkpoint, NULL) == TRB_OK);
	log->checkpoint = trb_blob_bytes(parts->checkpoint);
	parts->logs[1] = parts->logs[0];
	trb_buf_clear(&body);
}
