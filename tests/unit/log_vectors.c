/* SPDX-License-Identifier: Apache-2.0 */
/* Other people's logs: proofs, checkpoints and tiles, whatever the folder holds, each by name. */
#include "support.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "core/cleanup.h"
#include "core/error.h"
#include "format/base64.h"
#include "format/facts.h"
#include "format/merkle.h"
#include "format/note.h"
#include "format/tile.h"

static struct trb_note note;

static void teardown(void)
{
	trb_note_clear(&note);
}

static const char *text_of(const cJSON *object, const char *name)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));

	return text != NULL ? text : "";
}

static trb_blob *bytes_of(const char *base64)
{
	trb_blob *blob = NULL;

	ck_assert_msg(trb_base64_decode(trb_bytes_str(base64), 1 << 20, &blob, NULL) == TRB_OK,
		      "'%.40s' is no base64", base64);
	return blob;
}

/* Files and folders by a pattern below the vectors; at least one. */
static glob_t find(const char *pattern)
{
	glob_t found;

	ck_assert_msg(glob(test_path(test_vectors(), pattern), 0, NULL, &found) == 0,
		      "nothing is there as '%s'", pattern);
	return found;
}

static void key_of(trb_bytes text, struct trb_vkey *ret)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;

	while (text.len > 0 && text.ptr[text.len - 1] == '\n')
		text.len--;
	ck_status(trb_vkey_parse(text, ret, &err), TRB_OK, err);
}

static void key_of_file(const char *name, struct trb_vkey *ret)
{
	_cleanup_(trb_blob_unrefp) trb_blob *text = test_file(test_path(test_vectors(), name));

	key_of(trb_blob_bytes(text), ret);
}

static struct trb_vkey live_log, live_witness;

static void live_keys(void)
{
	key_of_file("tlog/live/log.vkey", &live_log);
	key_of_file("tlog/live/witness.vkey", &live_witness);
	ck_assert_int_eq(live_witness.type, TRB_KEY_COSIGNATURE);
}

static void leaf_hash(const char *path, uint8_t ret[32])
{
	_cleanup_(trb_blob_unrefp) trb_blob *leaf = test_file(path);

	ck_assert_int_eq(trb_merkle_leaf(trb_blob_bytes(leaf), ret, NULL), TRB_OK);
}

static bool proof_verifies(trb_bytes text, const uint8_t leaf[32])
{
	struct trb_tlog_proof proof;
	struct trb_checkpoint checkpoint;
	uint64_t time = 0;
	bool good;

	if (trb_tlog_proof_parse(text, &proof, NULL) < 0 ||
	    trb_checkpoint_open(proof.checkpoint, &live_log, &note, &checkpoint, NULL) < 0)
		return false;
	good = trb_note_verify(&note, &live_witness, &time, NULL) == TRB_OK && time > 0 &&
	       trb_merkle_check_inclusion(proof.index, checkpoint.size, leaf,
					  (const uint8_t(*)[32])proof.hashes, proof.n,
					  checkpoint.root, NULL) == TRB_OK;
	trb_note_clear(&note);
	return good;
}

START_TEST(proofs_of_a_live_log)
{
	glob_t found;

	if (test_vectors() == NULL)
		return;
	live_keys();
	found = find("tlog/live/proof-*.tlog-proof");
	for (size_t i = 0; i < found.gl_pathc; i++) {
		const char *path = found.gl_pathv[i], *number = strrchr(path, '-');
		_cleanup_(trb_blob_unrefp) trb_blob *text = test_file(path);
		_cleanup_buf_ struct trb_buf again = { 0 };
		struct trb_tlog_proof proof;
		uint8_t leaf[32];
		char name[64];

		/* "…/proof-3.tlog-proof": the last dash is within the ending */
		while (number[1] < '0' || number[1] > '9')
			number--;
		snprintf(name, sizeof(name), "tlog/live/leaf-%lu.json",
			 strtoul(number + 1, NULL, 10));
		leaf_hash(test_path(test_vectors(), name), leaf);
		ck_assert_msg(proof_verifies(trb_blob_bytes(text), leaf), "%s", path);
		trb_buf_init(&again, 1 << 16);
		ck_assert_int_eq(trb_tlog_proof_parse(trb_blob_bytes(text), &proof, NULL), TRB_OK);
		trb_tlog_proof_put(&again, &proof);
		ck_assert(trb_bytes_eq(trb_blob_bytes(text), trb_buf_bytes(&again)));
		printf("%s: verified\n", path);
	}
	globfree(&found);
}
END_TEST

/* The specification has one spelling of a number; torchwood 0.9.0 takes what Go's parser takes. */
static bool index_is_canonical(trb_bytes proof)
{
	const char *line = memmem(proof.ptr, proof.len, "\nindex ", 7);

	return line != NULL && line[7] >= '0' && line[7] <= '9' &&
	       (line[7] != '0' || line[8] == '\n');
}

START_TEST(tlog_proofs)
{
	const cJSON *row;
	unsigned n = 0;
	uint8_t leaf[32];
	char name[256];
	cJSON *root;

	if (test_vectors() == NULL)
		return;
	live_keys();
	root = test_json(test_path(test_vectors(), "tlog/tlog_proof_vectors.json"));
	snprintf(name, sizeof(name), "tlog/%s", text_of(root, "leaf"));
	leaf_hash(test_path(test_vectors(), name), leaf);
	cJSON_ArrayForEach (row, cJSON_GetObjectItem(root, "cases")) {
		_cleanup_(trb_blob_unrefp) trb_blob *text = bytes_of(text_of(row, "proof_b64"));
		const char *theirs = text_of(row, "torchwood_0_9_0");
		bool wanted = strcmp(theirs, "ok") == 0 && index_is_canonical(trb_blob_bytes(text));

		ck_assert_msg(proof_verifies(trb_blob_bytes(text), leaf) == wanted,
			      "%s, theirs: %s", text_of(row, "name"), theirs);
		printf("tlog-proof '%s': %s\n", text_of(row, "name"),
		       wanted ? "verified" : "refused");
		n++;
	}
	ck_assert_uint_gt(n, 0);
	cJSON_Delete(root);
}
END_TEST

/* The log of that id among the trusted ones: Ed25519 alone is what these logs have. */
static bool find_log(const cJSON *trusted, const char *id, struct trb_vkey *ret)
{
	static const char https[] = "https://";
	const cJSON *log;

	cJSON_ArrayForEach (log, cJSON_GetObjectItem(trusted, "tlogs")) {
		const cJSON *key = cJSON_GetObjectItem(log, "publicKey");
		const char *url = text_of(log, "baseUrl");
		_cleanup_(trb_blob_unrefp) trb_blob *spki = NULL;
		trb_bytes raw;

		if (strcmp(text_of(cJSON_GetObjectItem(log, "logId"), "keyId"), id) != 0 ||
		    strcmp(text_of(key, "keyDetails"), "PKIX_ED25519") != 0 ||
		    strncmp(url, https, strlen(https)) != 0)
			continue;
		spki = bytes_of(text_of(key, "rawBytes"));
		raw = trb_blob_bytes(spki);
		ck_assert_uint_eq(raw.len, 44);
		return trb_vkey_make(url + strlen(https), TRB_KEY_ED25519,
				     TRB_BYTES(raw.ptr + 12, 32), ret, NULL) == TRB_OK;
	}
	return false;
}

/* Checkpoint and inclusion of one entry of a sigstore bundle. */
static bool entry_verifies(const cJSON *entry, const struct trb_vkey *key)
{
	const cJSON *inclusion = cJSON_GetObjectItem(entry, "inclusionProof"), *hash;
	const char *text = text_of(cJSON_GetObjectItem(inclusion, "checkpoint"), "envelope");
	_cleanup_(trb_blob_unrefp) trb_blob *body = bytes_of(text_of(entry, "canonicalizedBody"));
	uint8_t leaf[32], proof[TRB_MERKLE_PROOF][32];
	struct trb_checkpoint c;
	size_t n = 0;

	if (trb_checkpoint_open(trb_bytes_str(text), key, &note, &c, NULL) < 0)
		return false;
	trb_note_clear(&note);
	cJSON_ArrayForEach (hash, cJSON_GetObjectItem(inclusion, "hashes"))
		if (n == TRB_MERKLE_PROOF ||
		    !trb_base64_decode_exact(trb_bytes_str(hash->valuestring), proof[n++], 32))
			return false;
	ck_assert_int_eq(trb_merkle_leaf(trb_blob_bytes(body), leaf, NULL), TRB_OK);
	return trb_merkle_check_inclusion(strtoull(text_of(inclusion, "logIndex"), NULL, 10),
					  c.size, leaf, (const uint8_t(*)[32])proof, n, c.root,
					  NULL) == TRB_OK;
}

/* Of these bundles only what the log says is judged here; the name of a folder says which part of
 * a bundle is wrong. */
static void check_conformance(const char *folder)
{
	const char *name = strrchr(folder, '/') + 1;
	bool wrong = strstr(name, "_fail") != NULL && (strstr(name, "checkpoint") != NULL ||
						       strstr(name, "inclusion-proof") != NULL);
	cJSON *bundle = test_json(test_path(folder, "bundle.sigstore.json"));
	cJSON *trusted = test_json(test_path(folder, "trusted_root.json"));
	const cJSON *entry;
	unsigned n = 0;

	cJSON_ArrayForEach (entry,
			    cJSON_GetObjectItem(cJSON_GetObjectItem(bundle, "verificationMaterial"),
						"tlogEntries")) {
		struct trb_vkey key;

		ck_assert_msg(find_log(trusted,
				       text_of(cJSON_GetObjectItem(entry, "logId"), "keyId"), &key),
			      "%s: no key of its log", name);
		ck_assert_msg(entry_verifies(entry, &key) == !wrong, "%s", name);
		n++;
	}
	ck_assert_msg(n > 0, "%s has no entry", name);
	printf("%s: its log entry is %s\n", name, wrong ? "refused" : "verified");
	cJSON_Delete(bundle);
	cJSON_Delete(trusted);
}

START_TEST(sigstore_conformance)
{
	glob_t found;

	if (test_vectors() == NULL)
		return;
	found = find("tlog/sigstore-conformance/rekor2-*");
	for (size_t i = 0; i < found.gl_pathc; i++)
		if (access(test_path(found.gl_pathv[i], "trusted_root.json"), R_OK) == 0)
			check_conformance(found.gl_pathv[i]);
	globfree(&found);
}
END_TEST

/* A log's leaves, from its entry bundles; what its tiles have to say follows from them. */
struct tree {
	uint64_t size;
	uint8_t (*leaves)[32];
};

static int node_of_tree(void *user, unsigned level, uint64_t index, uint8_t ret[32],
			trb_error **err)
{
	const struct tree *tree = user;
	uint8_t left[32], right[32];
	int r;

	if (level == 0) {
		ck_assert_uint_lt(index, tree->size);
		memcpy(ret, tree->leaves[index], 32);
		return TRB_OK;
	}
	r = node_of_tree(user, level - 1, 2 * index, left, err);
	if (r == TRB_OK)
		r = node_of_tree(user, level - 1, 2 * index + 1, right, err);
	return r < 0 ? r : trb_merkle_node(left, right, ret, err);
}

/* The tile as it was at that size, or, where it has been filled since, the full one. */
static trb_blob *read_tile(const char *log, struct trb_tile tile)
{
	char path[TRB_TILE_PATH];

	trb_tile_path(&tile, path);
	if (access(test_path(log, path), R_OK) < 0) {
		tile.width = TRB_TILE_WIDTH;
		trb_tile_path(&tile, path);
	}
	return test_file(test_path(log, path));
}

static void read_leaves(const char *log, struct tree *tree)
{
	for (uint64_t i = 0; i < tree->size;) {
		struct trb_tile tile = { .entries = true,
					 .index = i / TRB_TILE_WIDTH,
					 .width = trb_tile_width(0, i / TRB_TILE_WIDTH,
								 tree->size) };
		_cleanup_(trb_blob_unrefp) trb_blob *bundle = read_tile(log, tile);
		trb_bytes rest = trb_blob_bytes(bundle), entry;

		for (unsigned k = 0; k < tile.width; k++) {
			ck_assert_msg(trb_tile_next_entry(&rest, &entry), "%s: entry %llu", log,
				      (unsigned long long)i);
			ck_assert_int_eq(trb_merkle_leaf(entry, tree->leaves[i++], NULL), TRB_OK);
		}
	}
}

static void check_tiles(const char *log, struct tree *tree)
{
	for (unsigned level = 0; level < 8; level++) {
		for (uint64_t i = 0; trb_tile_width(level, i, tree->size) > 0; i++) {
			struct trb_tile tile = { .level = level,
						 .index = i,
						 .width = trb_tile_width(level, i, tree->size) };
			_cleanup_(trb_blob_unrefp) trb_blob *hashes = read_tile(log, tile);
			trb_bytes view = trb_blob_bytes(hashes);

			ck_assert_uint_ge(view.len, 32 * (size_t)tile.width);
			for (unsigned k = 0; k < tile.width; k++) {
				uint8_t wanted[32];

				node_of_tree(tree, 8 * level, i * TRB_TILE_WIDTH + k, wanted, NULL);
				ck_assert_msg(memcmp(wanted, view.ptr + 32 * (size_t)k, 32) == 0,
					      "%s: tile %u/%llu", log, level,
					      (unsigned long long)i);
			}
		}
	}
}

static void check_checkpoint(const char *log, const char *path, const struct trb_vkey *key)
{
	_cleanup_(trb_blob_unrefp) trb_blob *text = test_file(path);
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	struct trb_checkpoint c;
	struct tree tree = { 0 };
	struct trb_merkle_source source = { node_of_tree, &tree };
	uint8_t root[32];

	ck_status(trb_checkpoint_open(trb_blob_bytes(text), key, &note, &c, &err), TRB_OK, err);
	ck_assert_msg(c.size < 1 << 20, "%s: more entries than this test reads", path);
	tree = (struct tree){ c.size, calloc(c.size + 1, 32) };
	read_leaves(log, &tree);
	ck_assert_int_eq(trb_merkle_root(&source, c.size, root, NULL), TRB_OK);
	ck_assert_msg(memcmp(root, c.root, 32) == 0, "%s", path);
	check_tiles(log, &tree);
	printf("%s: root, tiles and %llu entries agree\n", path, (unsigned long long)c.size);
	free(tree.leaves);
	trb_note_clear(&note);
}

/* log.vkey beside the log, or what made it: LOG_PUBLIC_KEY="…" in build_log.sh. */
static void key_of_log(const char *log, struct trb_vkey *ret)
{
	static const char variable[] = "LOG_PUBLIC_KEY=\"";
	_cleanup_(trb_blob_unrefp) trb_blob *blob = NULL;
	const uint8_t *begin, *end;
	trb_bytes text;

	if (access(test_path(log, "../log.vkey"), R_OK) == 0) {
		blob = test_file(test_path(log, "../log.vkey"));
		key_of(trb_blob_bytes(blob), ret);
		return;
	}
	blob = test_file(test_path(log, "../build_log.sh"));
	text = trb_blob_bytes(blob);
	begin = memmem(text.ptr, text.len, variable, strlen(variable));
	ck_assert_msg(begin != NULL, "%s: no key", log);
	begin += strlen(variable);
	end = memchr(begin, '"', (size_t)(text.ptr + text.len - begin));
	ck_assert_ptr_nonnull(end);
	key_of(TRB_BYTES(begin, (size_t)(end - begin)), ret);
}

START_TEST(logs_of_tiles)
{
	glob_t logs, found;

	if (test_vectors() == NULL)
		return;
	logs = find("tlog/*/log");
	for (size_t i = 0; i < logs.gl_pathc; i++) {
		const char *log = logs.gl_pathv[i];
		struct trb_vkey key;

		key_of_log(log, &key);
		ck_assert_int_eq(glob(test_path(log, "checkpoint*"), 0, NULL, &found), 0);
		for (size_t k = 0; k < found.gl_pathc; k++)
			check_checkpoint(log, found.gl_pathv[k], &key);
		globfree(&found);
	}
	globfree(&logs);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("log_vectors");
	TCase *tc = tcase_create("log_vectors");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_add_test(tc, proofs_of_a_live_log);
	tcase_add_test(tc, tlog_proofs);
	tcase_add_test(tc, sigstore_conformance);
	tcase_add_test(tc, logs_of_tiles);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
