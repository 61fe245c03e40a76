/* SPDX-License-Identifier: Apache-2.0 */
/* Facts: their grammars and their ceilings. */
#include "support.h"

#include "core/error.h"
#include "format/facts.h"

static char *hex_of(trb_bytes bytes)
{
	char *hex = malloc(2 * bytes.len + 1);

	ck_assert_ptr_nonnull(hex);
	trb_hex_encode(bytes, hex);
	return hex;
}

static void check_bytes(const trb_blob *blob, const char *hex)
{
	_cleanup_free_ char *got = hex_of(trb_blob_bytes(blob));

	ck_assert_str_eq(got, hex);
}

#define X10    "11111111111111111111"
#define X20    "22222222222222222222222222222222"
#define X32(d) d d d d d d d d d d d d d d d d d d d d d d d d d d d d d d d d

START_TEST(hashes_are_sha2)
{
	uint8_t out[48];
	char hex[97];

	ck_assert_int_eq(trb_sha256(TRB_BYTES_LIT("abc"), out, NULL), TRB_OK);
	trb_hex_encode(TRB_BYTES(out, 32), hex);
	ck_assert_str_eq(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	ck_assert_int_eq(trb_sha384(TRB_BYTES_NULL, out, NULL), TRB_OK);
	trb_hex_encode(TRB_BYTES(out, 48), hex);
	ck_assert_str_eq(hex, "38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da"
			      "274edebfe76f65fbd51ad2f14898b95b");
}
END_TEST

START_TEST(commits_in_hex)
{
	static const char *const bad[] = {
		"",
		"1111",
		"11111111111111111111111111111111111111111",
		"111111111111111111111111111111111111111A",
		"111111111111111111111111111111111111111g",
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	};
	struct trb_commit sha1, sha256, other;
	char hex[65];

	ck_assert(trb_commit_from_hex(trb_bytes_str(X10 X10), &sha1));
	ck_assert(trb_commit_from_hex(trb_bytes_str(X20 X20), &sha256));
	ck_assert_uint_eq(sha1.algorithm, 1);
	ck_assert_uint_eq(sha256.algorithm, 2);
	trb_commit_to_hex(&sha1, hex);
	ck_assert_str_eq(hex, X10 X10);
	trb_commit_to_hex(&sha256, hex);
	ck_assert_str_eq(hex, X20 X20);
	ck_assert(trb_commit_eq(&sha1, &sha1) && !trb_commit_eq(&sha1, &sha256));
	other = sha1;
	other.id[19] ^= 1;
	ck_assert(!trb_commit_eq(&sha1, &other));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!trb_commit_from_hex(trb_bytes_str(bad[i]), &other), "%s", bad[i]);
}
END_TEST

static void check_grammar(const char *(*fault)(trb_bytes), const char *const *good,
			  const char *const *bad)
{
	for (; *good != NULL; good++)
		ck_assert_msg(fault(trb_bytes_str(*good)) == NULL, "'%s' refused: %s", *good,
			      fault(trb_bytes_str(*good)));
	for (; *bad != NULL; bad++)
		ck_assert_msg(fault(trb_bytes_str(*bad)) != NULL, "'%s' accepted", *bad);
}

START_TEST(repository_grammar)
{
	static const char *const good[] = { "https://example.org/a",
					    "https://example.org/a/b.git",
					    "https://git.sr.ht/~user/repo",
					    "https://example.org:8443/group/sub-group/repo_1+x",
					    "https://127.0.0.1:8443/repo.git",
					    "https://localhost/repo",
					    "https://1.example/repo",
					    "https://xn--bcher-kva.example/r",
					    "https://example.org/...",
					    NULL };
	static const char *const bad[] = { "",
					   "https://",
					   "https:///a",
					   "http://example.org/a",
					   "HTTPS://example.org/a",
					   "git://example.org/a",
					   "ssh://example.org/a",
					   "file:///a",
					   " https://example.org/a",
					   "https://example.org",
					   "https://example.org/",
					   "https://example.org/a/",
					   "https://example.org//a",
					   "https://example.org/a//b",
					   "https://example.org/./a",
					   "https://example.org/victim/../evil",
					   "https://example.org/a/..",
					   "https://example.org/a%2e",
					   "https://example.org/a?x=1",
					   "https://example.org/a?",
					   "https://example.org/a#x",
					   "https://user@example.org/a",
					   "https://user:pw@example.org/a",
					   "https://example.org:443/a",
					   "https://example.org:/a",
					   "https://example.org:0/a",
					   "https://example.org:65536/a",
					   "https://example.org:08443/a",
					   "https://example.org:8443:1/a",
					   "https://example.org:84x/a",
					   "https://Example.org/a",
					   "https://example.org./a",
					   "https://.example.org/a",
					   "https://example..org/a",
					   "https://-example.org/a",
					   "https://example-.org/a",
					   "https://ex_ample.org/a",
					   "https://b\xc3\xbc"
					   "cher.example/a",
					   "https://[::1]/a",
					   "https://127.1/a",
					   "https://0177.0.0.1/a",
					   "https://0x7f.1/a",
					   "https://0x7f000001/a",
					   "https://2130706433/a",
					   "https://256.0.0.1/a",
					   "https://1.2.3.4.5/a",
					   "https://example.org/a b",
					   "https://example.org/a\\b",
					   "https://example.org/a\nb",
					   "https://example.org/a@b",
					   "https://example.org/\xc3\xbc",
					   NULL };
	char *longest = malloc(2050);

	check_grammar(trb_repository_fault, good, bad);
	memset(longest, 'a', 2049);
	longest[2049] = '\0';
	memcpy(longest, "https://e/", 10);
	ck_assert_ptr_nonnull(trb_repository_fault(trb_bytes_str(longest)));
	ck_assert_ptr_null(trb_repository_fault(TRB_BYTES(longest, 2048)));
	free(longest);
	ck_assert_ptr_nonnull(trb_repository_fault(TRB_BYTES("https://e.org/a\0b", 17)));
	ck_assert_ptr_nonnull(trb_repository_fault(TRB_BYTES("https://e\0.org/a", 16)));
	ck_assert_ptr_nonnull(trb_repository_fault(TRB_BYTES_NULL));
}
END_TEST

START_TEST(ref_grammar)
{
	static const char *const good[] = {
		"refs/heads/main",     "refs/tags/v1.0",      "refs/heads/a/b-c_d",
		"refs/heads/\xc3\xbc", "refs/pull/1/head",    "refs/heads/a@b",
		"refs/heads/@",        "refs/heads/a.lock.b", NULL
	};
	static const char *const bad[] = {
		"",
		"main",
		"heads/main",
		"HEAD",
		"refs",
		"refs/",
		"/refs/heads/main",
		"refs//main",
		"refs/heads/",
		"refs/heads/main/",
		"refs/heads//main",
		"refs/heads/.main",
		"refs/.heads/main",
		"refs/heads/main.",
		"refs/heads/main.lock",
		"refs/heads.lock/main",
		"refs/heads/a..b",
		"refs/heads/..",
		"refs/heads/a b",
		"refs/heads/a~1",
		"refs/heads/a^",
		"refs/heads/a:b",
		"refs/heads/a?",
		"refs/heads/a*",
		"refs/heads/a[b",
		"refs/heads/a\\b",
		"refs/heads/a@{1}",
		"refs/heads/a\x01",
		"refs/heads/a\x7f",
		"refs/heads/a\n",
		"refs/heads/\xff",
		NULL,
	};

	check_grammar(trb_ref_fault, good, bad);
	ck_assert_ptr_nonnull(trb_ref_fault(TRB_BYTES("refs/heads/a\0b", 14)));
}
END_TEST

START_TEST(artifact_name_grammar)
{
	static const char *const good[] = { "a",       "out/tb-verify", "a/b/c.so", "...",
					    ".hidden", "a b",           "\xc3\xbc", "\xc2\xa0",
					    "-x",      "a\\b",          NULL };
	static const char *const bad[] = { "",      "/a",   "a/",   "a//b",     ".",         "..",
					   "./a",   "a/.",  "../a", "a/../b",   "a/..",      "a\nb",
					   "a\x1b", "\x7f", "\xff", "\xc2\x80", "a\xc2\x9f", NULL };
	char name[257];

	check_grammar(trb_artifact_name_fault, good, bad);
	memset(name, 'a', sizeof(name));
	ck_assert_ptr_null(trb_artifact_name_fault(TRB_BYTES(name, 255)));
	ck_assert_ptr_nonnull(trb_artifact_name_fault(TRB_BYTES(name, 256)));
	ck_assert_ptr_nonnull(trb_artifact_name_fault(TRB_BYTES("a\0b", 3)));
}
END_TEST

START_TEST(small_grammars)
{
	static const char *const runtimes[] = { "runsc", "crun", "runc", NULL };
	static const char *const no_runtimes[] = { "", "Runsc", "runsc ", "run", "kata", NULL };
	static const char *const limits[] = { "memory_mib", "pids", "a1", NULL };
	static const char *const no_limits[] = { "", "Pids", "a-b", "a b", NULL };
	static const char *const words[] = { "release-20251124.0", "a b", "~", NULL };
	static const char *const no_words[] = { "", "a\n", "\xc3\xbc", "\x7f", NULL };
	static const char *const hosts[] = { "localhost", "a.b-c.d", "10.0.0.1", NULL };
	static const char *const no_hosts[] = { "", "a:1", "a/b", "*", "[::1]", "1.2.3", NULL };

	check_grammar(trb_sandbox_fault, runtimes, no_runtimes);
	check_grammar(trb_limit_name_fault, limits, no_limits);
	check_grammar(trb_word_fault, words, no_words);
	check_grammar(trb_host_fault, hosts, no_hosts);
}
END_TEST

/* {1: 2, 2: "https://e/r", 3: [1, h'11…'], 4: null, 5: null, 6: ["runc", null], 7: h'22…'} */
#define REQUEST_HEX \
	"a70102026b68747470733a2f2f652f7203820154" X10 X10 "04f605f606826472756e63f60750" X20

START_TEST(request_bytes)
{
	struct trb_request_facts facts = {
		.repository = TRB_BYTES_LIT("https://e/r"),
		.sandbox = TRB_BYTES_LIT("runc"),
	};
	struct trb_request_facts again;
	trb_blob *blob = NULL, *owner = NULL;
	uint8_t nonce[16];

	memset(nonce, 0x22, sizeof(nonce));
	facts.nonce = TRB_BYTES(nonce, sizeof(nonce));
	trb_commit_from_hex(trb_bytes_str(X10 X10), &facts.commit);
	ck_assert_int_eq(trb_request_facts_encode(&facts, &blob, NULL), TRB_OK);
	check_bytes(blob, REQUEST_HEX);
	ck_assert_int_eq(trb_request_facts_decode(trb_blob_bytes(blob), &again, &owner, NULL),
			 TRB_OK);
	ck_assert(trb_bytes_eq(trb_blob_bytes(owner), trb_blob_bytes(blob)));
	trb_blob_unref(blob);
	ck_assert(trb_bytes_eq_str(again.repository, "https://e/r"));
	ck_assert(trb_commit_eq(&again.commit, &facts.commit));
	ck_assert(again.ref.len == 0 && again.recipe.ptr == NULL);
	ck_assert(trb_bytes_eq(again.nonce, facts.nonce));
	trb_blob_unref(owner);
}
END_TEST

START_TEST(request_encoder_refuses)
{
	static const uint8_t nonce[65];
	const struct trb_request_facts good = { .repository = TRB_BYTES_LIT("https://e/r"),
						.commit.algorithm = 2,
						.sandbox = TRB_BYTES_LIT("crun"),
						.nonce = TRB_BYTES(nonce, 64) };
	struct trb_request_facts bad[7];
	trb_blob *blob = NULL;

	for (size_t i = 0; i < 7; i++)
		bad[i] = good;
	bad[0].repository = TRB_BYTES_LIT("https://e/../r");
	bad[1].commit.algorithm = 0;
	bad[2].commit.algorithm = 3;
	bad[3].sandbox = TRB_BYTES_LIT("none");
	bad[4].nonce.len = 15;
	bad[5].nonce.len = 65;
	bad[6].ref = TRB_BYTES_LIT("main");
	for (size_t i = 0; i < 7; i++)
		ck_assert_msg(trb_request_facts_encode(&bad[i], &blob, NULL) == TRB_E_FORMAT,
			      "row %zu", i);
	ck_assert_int_eq(trb_request_facts_encode(&good, &blob, NULL), TRB_OK);
	trb_blob_unref(blob);
}
END_TEST

START_TEST(environment_is_sorted)
{
	struct trb_environment env = { .recipe_origin = TRB_RECIPE_FROM_REQUEST,
				       .runtime = TRB_BYTES_LIT("runsc"),
				       .runtime_version = TRB_BYTES_LIT("1"),
				       .platform = TRB_BYTES_LIT("systrap"),
				       .n_hosts = 3,
				       .hosts = { { TRB_BYTES_LIT("b"), 80 },
						  { TRB_BYTES_LIT("a.b"), 443 },
						  { TRB_BYTES_LIT("b"), 22 } },
				       .n_limits = 3,
				       .limits = { { TRB_BYTES_LIT("wall_s"), 5 },
						   { TRB_BYTES_LIT("pids"), 300 },
						   { TRB_BYTES_LIT("disk"), 1 } },
				       .machine = { 2, 300, TRB_BYTES_LIT("m") } };
	struct trb_environment again;
	trb_blob *blob = NULL, *owner = NULL;

	memset(env.recipe, 0x44, 32);
	memset(env.spec, 0x55, 32);
	memset(env.rootfs, 0x66, 32);
	ck_assert_int_eq(trb_environment_encode(&env, &blob, NULL), TRB_OK);
	check_bytes(blob,
		    "ac0101025820" X32(
			    "44") "03846572756e736361316773797374726170f6"
				  "045820" X32("55") "0582005820" X32(
					  "66") "06838263612e621901bb82616216826162185007a3646469"
						"736b01647069647319012c6677616c6c5f730508f6098302"
						"19012c616d0af60b800cf6");
	ck_assert_int_eq(trb_environment_decode(trb_blob_bytes(blob), &again, &owner, NULL),
			 TRB_OK);
	ck_assert_uint_eq(again.n_hosts, 3);
	ck_assert(trb_bytes_eq_str(again.hosts[0].host, "a.b") && again.hosts[1].port == 22);
	ck_assert(trb_bytes_eq_str(again.limits[2].name, "wall_s") && again.limits[2].value == 5);
	trb_blob_unref(owner);
	trb_blob_unref(blob);

	env.machine.cpus = 0;
	ck_assert_int_eq(trb_environment_encode(&env, &blob, NULL), TRB_E_FORMAT);
	env.machine.cpus = 1;
	env.machine.model = TRB_BYTES_NULL;
	ck_assert_int_eq(trb_environment_encode(&env, &blob, NULL), TRB_E_FORMAT);
	env.machine.model = TRB_BYTES_LIT("m");
	env.history = (struct trb_history){ .there = true, .tip = { 1, { 0 } }, .steps = 1 };
	ck_assert_int_eq(trb_environment_encode(&env, &blob, NULL), TRB_E_FORMAT);
	env.history.there = false;
	env.has_materials = true;
	ck_assert_int_eq(trb_environment_encode(&env, &blob, NULL), TRB_E_FORMAT);
	env.has_materials = false;
	env.location = TRB_BYTES_LIT("http://e/r");
	ck_assert_int_eq(trb_environment_encode(&env, &blob, NULL), TRB_E_FORMAT);
	env.location = TRB_BYTES_NULL;
	env.limits[1].value = TRB_AMOUNT_MAX + 1;
	ck_assert_int_eq(trb_environment_encode(&env, &blob, NULL), TRB_E_FORMAT);
	env.limits[1].value = TRB_AMOUNT_MAX;
	env.hosts[2].port = 80;
	ck_assert_int_eq(trb_environment_encode(&env, &blob, NULL), TRB_E_FORMAT);
	env.hosts[2].port = 65536;
	ck_assert_int_eq(trb_environment_encode(&env, &blob, NULL), TRB_E_FORMAT);
	env.hosts[2].port = 81;
	env.limits[0].name = env.limits[1].name;
	ck_assert_int_eq(trb_environment_encode(&env, &blob, NULL), TRB_E_FORMAT);
	env.n_limits = 33;
	ck_assert_int_eq(trb_environment_encode(&env, &blob, NULL), TRB_E_FORMAT);
}
END_TEST

START_TEST(artifacts_are_sorted)
{
	struct trb_artifact entries[3] = { { TRB_BYTES_LIT("b"), 300, { 0 }, 0755 },
					   { TRB_BYTES_LIT("a/b"), 0, { 0 }, 0644 },
					   { TRB_BYTES_LIT("a.so"), 1, { 0 }, 0644 } };
	struct trb_artifacts list = { 3, entries }, again = { 0 };
	trb_blob *blob = NULL, *owner = NULL;

	for (size_t i = 0; i < 3; i++)
		memset(entries[i].digest, 0x41 + (int)i, 32);
	ck_assert_int_eq(trb_artifacts_encode(&list, &blob, NULL), TRB_OK);
	check_bytes(blob, "8386"
			  "64612e736f"
			  "01"
			  "5820" X32("43") "001901a4f686"
					   "63612f62"
					   "00"
					   "5820" X32("42") "001901a4f686"
							    "6162"
							    "19012c"
							    "5820" X32("41") "001901edf6");
	ck_assert_int_eq(trb_artifacts_decode(trb_blob_bytes(blob), &again, &owner, NULL), TRB_OK);
	ck_assert_uint_eq(again.n, 3);
	ck_assert(trb_bytes_eq_str(again.entries[2].name, "b") && again.entries[2].size == 300);
	trb_artifacts_clear(&again);
	trb_blob_unref(owner);
	trb_blob_unref(blob);

	entries[0].name = entries[1].name;
	ck_assert_int_eq(trb_artifacts_encode(&list, &blob, NULL), TRB_E_FORMAT);
	entries[0].name = TRB_BYTES_LIT("b");
	entries[0].mode = 0777;
	ck_assert_int_eq(trb_artifacts_encode(&list, &blob, NULL), TRB_E_FORMAT);
	entries[0].mode = 0644;
	entries[0].name = TRB_BYTES_LIT("../b");
	ck_assert_int_eq(trb_artifacts_encode(&list, &blob, NULL), TRB_E_FORMAT);
	list.n = 0;
	ck_assert_int_eq(trb_artifacts_encode(&list, &blob, NULL), TRB_E_FORMAT);
}
END_TEST

START_TEST(artifacts_have_a_ceiling)
{
	struct trb_artifact *entries = calloc(257, sizeof(*entries));
	char(*names)[256] = calloc(257, sizeof(*names));
	struct trb_artifacts list = { 256, entries }, again = { 0 };
	trb_blob *blob = NULL, *owner = NULL;

	for (size_t i = 0; i < 257; i++) {
		memset(names[i], 'x', 255);
		names[i][0] = (char)('0' + i / 26);
		names[i][1] = (char)('a' + i % 26);
		entries[i].name = TRB_BYTES(names[i], 255);
		entries[i].size = TRB_AMOUNT_MAX;
		entries[i].mode = TRB_MODE_PLAIN;
	}
	ck_assert_int_eq(trb_artifacts_encode(&list, &blob, NULL), TRB_OK);
	ck_assert_int_eq(trb_artifacts_decode(trb_blob_bytes(blob), &again, &owner, NULL), TRB_OK);
	trb_artifacts_clear(&again);
	trb_blob_unref(owner);
	trb_blob_unref(blob);
	list.n = 257;
	ck_assert_int_eq(trb_artifacts_encode(&list, &blob, NULL), TRB_E_FORMAT);
	list.n = 1;
	entries[0].size = TRB_AMOUNT_MAX + 1;
	ck_assert_int_eq(trb_artifacts_encode(&list, &blob, NULL), TRB_E_FORMAT);
	free(entries);
	free(names);
}
END_TEST

START_TEST(claim_bytes)
{
	struct trb_claim claim = { .commit.algorithm = 1 }, again;
	trb_blob *blob = NULL;

	memset(claim.commit.id, 0x11, 20);
	memset(claim.source, 0x33, 32);
	memset(claim.artifacts, 0x44, 32);
	memset(claim.environment, 0x55, 32);
	memset(claim.statement, 0x66, 32);
	ck_assert_int_eq(trb_claim_encode(&claim, &blob, NULL), TRB_OK);
	check_bytes(blob, "a8010202820154" X10 X10 "035820" X32("33") "045820" X32(
				  "44") "055820" X32("55") "065820" X32("66") "07f608f6");
	ck_assert_int_eq(trb_claim_decode(trb_blob_bytes(blob), &again, NULL), TRB_OK);
	ck_assert_mem_eq(&again, &claim, sizeof(claim));
	trb_blob_unref(blob);
	claim.commit.algorithm = 3;
	ck_assert_int_eq(trb_claim_encode(&claim, &blob, NULL), TRB_E_FORMAT);
}
END_TEST

static void check_pcr17(unsigned algorithm, const char *wanted)
{
	struct trb_commit commit = { .algorithm = algorithm };
	uint8_t source[32], environment[32], data[32];
	char hex[97];

	memset(commit.id, 0x11, 32);
	memset(source, 0x22, 32);
	memset(environment, 0x33, 32);
	ck_assert_int_eq(trb_pcr17_data(&commit, source, environment, data, NULL), TRB_OK);
	trb_hex_encode(TRB_BYTES(data, 32), hex);
	ck_assert_str_eq(hex, wanted);
}

START_TEST(locked_measurements)
{
	uint8_t data[32], pcr[48];
	char hex[97];

	ck_assert_int_eq(trb_pcr16_data(TRB_BYTES_LIT("request"), data, NULL), TRB_OK);
	trb_hex_encode(TRB_BYTES(data, 32), hex);
	ck_assert_str_eq(hex, "1f58b9145b24d108d7ac38887338b3ea3229833b9c1e418250343f907bfd1047");
	ck_assert_int_eq(trb_pcr_extend_once(data, pcr, NULL), TRB_OK);
	trb_hex_encode(TRB_BYTES(pcr, 48), hex);
	ck_assert_str_eq(hex, "191a3003f07bb83ea3b4b861d4b8768250b729bca64d311f0195df53a19bb03c"
			      "b26f78fc6739824475726f2265adf987");
	check_pcr17(1, "64cea4bbbab0c1d6f5abd624973e837451330508cca45341e0c0fbb60520230d");
	check_pcr17(2, "2924b6bdc37e4ed5bcb2e4224d685e41f66af10d6dbbaed4dbc05f8423a70a54");
}
END_TEST

START_TEST(leaf_bytes)
{
	struct trb_leaf leaf = { TRB_BYTES_LIT("r"), TRB_BYTES_LIT("e"), TRB_BYTES_LIT("a"),
				 TRB_BYTES_LIT("at"), TRB_BYTES_LIT("s") };
	struct trb_leaf again;
	static uint8_t big[TRB_RECIPE_MAX];
	trb_blob *blob = NULL, *owner = NULL;

	ck_assert_int_eq(trb_leaf_encode(&leaf, &blob, NULL), TRB_OK);
	check_bytes(blob, "8601417241654161426174"
			  "4173");
	ck_assert_int_eq(trb_leaf_decode(trb_blob_bytes(blob), &again, &owner, NULL), TRB_OK);
	trb_blob_unref(blob);
	ck_assert(trb_bytes_eq(again.attestation, leaf.attestation));
	ck_assert(trb_bytes_eq(again.statement, leaf.statement));
	trb_blob_unref(owner);

	/* 65,535 bytes in all: head, version, four strings of 2 + 3, and a head of 3 */
	leaf.request = TRB_BYTES(big, 65535 - 1 - 1 - 2 - 2 - 3 - 2 - 3);
	ck_assert_int_eq(trb_leaf_encode(&leaf, &blob, NULL), TRB_OK);
	ck_assert_uint_eq(trb_blob_bytes(blob).len, TRB_LEAF_MAX);
	trb_blob_unref(blob);
	leaf.request.len++;
	ck_assert_int_eq(trb_leaf_encode(&leaf, &blob, NULL), TRB_E_LIMIT);
	leaf.request.len = 0;
	ck_assert_int_eq(trb_leaf_encode(&leaf, &blob, NULL), TRB_E_LIMIT);
	leaf.request = TRB_BYTES_LIT("r");
	leaf.attestation = TRB_BYTES(big, TRB_ATTESTATION_MAX + 1);
	ck_assert_int_eq(trb_leaf_encode(&leaf, &blob, NULL), TRB_E_LIMIT);
}
END_TEST

START_TEST(ceilings_come_first)
{
	static const uint8_t zeros[TRB_ARTIFACTS_BYTES + 1];
	struct trb_request_facts request;
	struct trb_environment env;
	struct trb_artifacts artifacts;
	struct trb_claim claim;
	struct trb_leaf leaf;
	trb_blob *owner = NULL;

	ck_assert_int_eq(trb_request_facts_decode(TRB_BYTES(zeros, TRB_REQUEST_MAX + 1), &request,
						  &owner, NULL),
			 TRB_E_LIMIT);
	ck_assert_int_eq(trb_environment_decode(TRB_BYTES(zeros, TRB_ENVIRONMENT_MAX + 1), &env,
						&owner, NULL),
			 TRB_E_LIMIT);
	ck_assert_int_eq(trb_artifacts_decode(TRB_BYTES(zeros, TRB_ARTIFACTS_BYTES + 1), &artifacts,
					      &owner, NULL),
			 TRB_E_LIMIT);
	ck_assert_int_eq(trb_claim_decode(TRB_BYTES(zeros, TRB_CLAIM_MAX + 1), &claim, NULL),
			 TRB_E_LIMIT);
	ck_assert_int_eq(trb_leaf_decode(TRB_BYTES(zeros, TRB_LEAF_MAX + 1), &leaf, &owner, NULL),
			 TRB_E_LIMIT);
	ck_assert_ptr_null(owner);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("facts");
	TCase *tc = tcase_create("facts");

	tcase_add_test(tc, hashes_are_sha2);
	tcase_add_test(tc, commits_in_hex);
	tcase_add_test(tc, repository_grammar);
	tcase_add_test(tc, ref_grammar);
	tcase_add_test(tc, artifact_name_grammar);
	tcase_add_test(tc, small_grammars);
	tcase_add_test(tc, request_bytes);
	tcase_add_test(tc, request_encoder_refuses);
	tcase_add_test(tc, environment_is_sorted);
	tcase_add_test(tc, artifacts_are_sorted);
	tcase_add_test(tc, artifacts_have_a_ceiling);
	tcase_add_test(tc, claim_bytes);
	tcase_add_test(tc, locked_measurements);
	tcase_add_test(tc, leaf_bytes);
	tcase_add_test(tc, ceilings_come_first);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
