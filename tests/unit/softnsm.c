/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated NSM. */
#include "support.h"

#include <cjson/cJSON.h>
#include <fcntl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <sys/stat.h>

#include "core/io.h"
#include "format/attestation.h"
#include "format/nsm.h"
#include "host/softnsm/softnsm.h"
#include "host/tee/process.h"
#include "verifier/nitro.h"

static char state[64];
static struct trb_softnsm *nsm;
static uint8_t pcrs[3][48];

static void make(void)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;

	for (int i = 0; i < 3; i++)
		memset(pcrs[i], 0x10 + i, 48);
	ck_status(trb_softnsm_new(state, (const uint8_t(*)[48])pcrs, &nsm, &err), TRB_OK, err);
}

static void setup(void)
{
	strcpy(state, "/tmp/trb-softnsm-XXXXXX");
	ck_assert(mkdtemp(state) != NULL);
	make();
}

static void teardown(void)
{
	nsm = trb_softnsm_free(nsm);
	ck_assert_int_eq(trb_remove_tree(AT_FDCWD, state, NULL), TRB_OK);
}

/* The raw answer to raw bytes. */
static trb_blob *ask_raw(trb_bytes request)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	trb_blob *response = NULL;

	ck_status(trb_softnsm_answer(nsm, request, &response, &err), TRB_OK, err);
	ck_assert_uint_le(trb_blob_bytes(response).len, TRB_NSM_RESPONSE_MAX);
	return response;
}

static trb_blob *owner;

static struct trb_nsm_response ask(struct trb_nsm_request req)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	trb_blob *request = NULL, *response;
	struct trb_nsm_response rsp;

	ck_status(trb_nsm_request_encode(&req, &request, &err), TRB_OK, err);
	response = ask_raw(trb_blob_bytes(request));
	trb_blob_unref(owner);
	owner = NULL;
	ck_status(trb_nsm_response_decode(trb_blob_bytes(response), req.op, &rsp, &owner, &err),
		  TRB_OK, err);
	trb_blob_unref(request);
	trb_blob_unref(response);
	return rsp;
}

static void check_hex(trb_bytes bytes, const char *wanted)
{
	char hex[129];

	ck_assert_uint_eq(bytes.len, 48);
	trb_hex_encode(bytes, hex);
	ck_assert_str_eq(hex, wanted);
}

static void extend(uint64_t index, trb_bytes data, const char *wanted)
{
	struct trb_nsm_response rsp = ask(
		(struct trb_nsm_request){ .op = TRB_NSM_EXTEND_PCR, .index = index, .data = data });

	ck_assert_int_eq(rsp.error, TRB_NSM_SUCCESS);
	check_hex(rsp.data, wanted);
	rsp = ask((struct trb_nsm_request){ .op = TRB_NSM_DESCRIBE_PCR, .index = index });
	check_hex(rsp.data, wanted);
	ck_assert(!rsp.lock);
}

START_TEST(extend_values_are_the_published_ones)
{
	const char *folder = test_vectors();
	const cJSON *step;
	cJSON *all;

	if (folder == NULL)
		return;
	all = test_json(test_path(folder, "nsm/nsm_vectors.json"));
	ck_assert_int_gt(cJSON_GetArraySize(cJSON_GetObjectItem(all, "extend_chain")), 0);
	cJSON_ArrayForEach (step, cJSON_GetObjectItem(all, "extend_chain")) {
		const char *hex = cJSON_GetObjectItem(step, "data")->valuestring;
		const cJSON *len = cJSON_GetObjectItem(step, "data_len");
		size_t n = len != NULL ? (size_t)len->valueint : strlen(hex) / 2;
		uint8_t data[TRB_NSM_REQUEST_MAX] = { 0 };

		ck_assert_uint_le(n, sizeof(data));
		if (strcmp(hex, "zero bytes") != 0)
			ck_assert(trb_hex_decode(trb_bytes_str(hex), data, n));
		extend((uint64_t)cJSON_GetObjectItem(step, "pcr")->valueint, TRB_BYTES(data, n),
		       cJSON_GetObjectItem(step, "value")->valuestring);
	}
	cJSON_Delete(all);
}
END_TEST

/* Requests and answers as raw bytes, from the published ones. */
START_TEST(raw_requests_get_raw_answers)
{
	static const struct {
		const char *request, *response;
	} rows[] = {
		{ "a1674c6f636b504352a165696e64657810", "674c6f636b504352" },
		{ "a1674c6f636b504352a165696e64657810",
		  "a1654572726f726d526561644f6e6c79496e646578" },
		{ "a1684c6f636b50435273a16572616e676514", "684c6f636b50435273" },
		{ "a1684c6f636b50435273a16572616e676514", "684c6f636b50435273" },
		{ "a1684c6f636b50435273a16572616e67651821",
		  "a1654572726f726c496e76616c6964496e646578" },
		{ "a16b4465736372696265504352a165696e6465781820",
		  "a1654572726f726c496e76616c6964496e646578" },
		{ "a16b4465736372696265504352a165696e64657820",
		  "a1654572726f7270496e76616c69644f7065726174696f6e" },
		{ "644e6f7065", "a1654572726f7270496e76616c69644f7065726174696f6e" },
		{ "ff", "a1654572726f7270496e76616c69644f7065726174696f6e" },
		{ "", "a1654572726f7270496e76616c69644f7065726174696f6e" },
		{ "a2674c6f636b504352a165696e64657811684c6f636b50435273a16572616e676514",
		  "a1654572726f7270496e76616c69644f7065726174696f6e" },
		/* ExtendPCR of PCR 0, locked from boot */
		{ "a169457874656e64504352a265696e646578006464617461480b00374863ff5c65",
		  "a1654572726f726d526561644f6e6c79496e646578" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t n = strlen(rows[i].request) / 2;
		uint8_t request[128];
		char hex[256];
		trb_blob *response;

		ck_assert(trb_hex_decode(trb_bytes_str(rows[i].request), request, n));
		response = ask_raw(TRB_BYTES(request, n));
		trb_hex_encode(trb_blob_bytes(response), hex);
		ck_assert_msg(strcmp(hex, rows[i].response) == 0, "row %zu: %s", i, hex);
		trb_blob_unref(response);
	}
}
END_TEST

START_TEST(too_large_a_request_is_refused)
{
	static const uint8_t zeros[TRB_NSM_REQUEST_MAX + 1];
	trb_blob *response = ask_raw(TRB_BYTES(zeros, sizeof(zeros)));
	char hex[256];

	trb_hex_encode(trb_blob_bytes(response), hex);
	ck_assert_str_eq(hex, "a1654572726f726d496e707574546f6f4c61726765");
	trb_blob_unref(response);
}
END_TEST

START_TEST(boot_state_is_a_real_ones)
{
	struct trb_nsm_response rsp = ask((struct trb_nsm_request){ .op = TRB_NSM_DESCRIBE_NSM });
	trb_bytes id = trb_bytes_str(trb_softnsm_module_id(nsm));
	uint8_t message[48 + 19] = { 0 }, pcr4[48];

	ck_assert_uint_eq(rsp.version_major, 1);
	ck_assert_uint_eq(rsp.version_minor + rsp.version_patch, 0);
	ck_assert_uint_eq(rsp.max_pcrs, 32);
	ck_assert_uint_eq(rsp.locked_pcrs, 0xffff);
	ck_assert(trb_bytes_eq_str(rsp.digest, "SHA384"));
	ck_assert(trb_bytes_eq(rsp.module_id, id));
	ck_assert(trb_module_id_valid(id));
	for (uint64_t i = 0; i < 32; i++) {
		rsp = ask((struct trb_nsm_request){ .op = TRB_NSM_DESCRIBE_PCR, .index = i });
		ck_assert_int_eq(rsp.lock, i < 16);
		ck_assert_int_eq(trb_bytes_all_zero(rsp.data), i > 2 && i != 4);
	}
	memcpy(message + 48, id.ptr, 19); /* the instance's id */
	ck_assert_int_eq(trb_sha384(TRB_BYTES(message, sizeof(message)), pcr4, NULL), TRB_OK);
	rsp = ask((struct trb_nsm_request){ .op = TRB_NSM_DESCRIBE_PCR, .index = 4 });
	ck_assert(trb_bytes_eq(rsp.data, TRB_BYTES(pcr4, 48)));
}
END_TEST

START_TEST(random_bytes_differ)
{
	uint8_t first[256];
	struct trb_nsm_response rsp = ask((struct trb_nsm_request){ .op = TRB_NSM_GET_RANDOM });

	ck_assert_uint_eq(rsp.data.len, sizeof(first));
	memcpy(first, rsp.data.ptr, sizeof(first));
	rsp = ask((struct trb_nsm_request){ .op = TRB_NSM_GET_RANDOM });
	ck_assert(!trb_bytes_eq(rsp.data, TRB_BYTES(first, sizeof(first))));
}
END_TEST

static trb_attestation *attest(trb_bytes user_data, trb_bytes nonce, trb_bytes public_key)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	trb_attestation *doc = NULL;
	struct trb_nsm_response rsp = ask((struct trb_nsm_request){ .op = TRB_NSM_ATTESTATION,
								    .user_data = user_data,
								    .nonce = nonce,
								    .public_key = public_key });

	ck_assert_int_eq(rsp.error, TRB_NSM_SUCCESS);
	ck_status(trb_attestation_parse(rsp.data, &doc, &err), TRB_OK, err);
	return doc;
}

START_TEST(documents_carry_what_was_asked)
{
	trb_attestation *doc;
	trb_bytes got;

	ask((struct trb_nsm_request){ .op = TRB_NSM_LOCK_PCR, .index = 17 });
	doc = attest(TRB_BYTES_LIT("user"), TRB_BYTES("", 0), TRB_BYTES_NULL);
	ck_assert(trb_bytes_eq_str(trb_attestation_get_user_data(doc), "user"));
	got = trb_attestation_get_nonce(doc);
	ck_assert(got.ptr != NULL && got.len == 0);
	ck_assert(trb_attestation_get_public_key(doc).ptr == NULL);
	for (unsigned i = 0; i < 3; i++)
		ck_assert(trb_bytes_eq(trb_attestation_get_pcr(doc, i), TRB_BYTES(pcrs[i], 48)));
	for (unsigned i = 0; i < 32; i++)
		ck_assert_uint_eq(trb_attestation_get_pcr(doc, i).len,
				  i < 16 || i == 17 ? 48u : 0u);
	trb_attestation_unref(doc);
}
END_TEST

static void judge(trb_attestation *doc, int wanted, const uint8_t root[32])
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	struct trb_nitro_verdict verdict = { 0 };
	struct trb_nitro_root trusted = { .name = NULL };
	struct trb_nitro *nitro = NULL;

	memcpy(trusted.sha256, root, 32);
	ck_status(trb_nitro_new(&nitro, &err), TRB_OK, err);
	ck_status(trb_nitro_judge(nitro, trb_attestation_get_document(doc), TRB_NITRO_TIME_DOCUMENT,
				  &trusted, 1, 0, &verdict, &err),
		  wanted, err);
	if (wanted == TRB_OK)
		ck_assert_int_eq(verdict.assurance, TRB_ASSURANCE_SIMULATED);
	trb_nitro_verdict_clear(&verdict);
	trb_nitro_free(nitro);
}

START_TEST(documents_verify_under_the_pinned_root_alone)
{
	trb_attestation *doc = attest(TRB_BYTES_LIT("u"), TRB_BYTES_LIT("n"), TRB_BYTES_LIT("k"));
	uint8_t digest[32];

	ck_assert_int_eq(trb_sha256(trb_softnsm_root(nsm), digest, NULL), TRB_OK);
	judge(doc, TRB_OK, digest);
	digest[0] ^= 1;
	judge(doc, TRB_E_EVIDENCE, digest);
	trb_attestation_unref(doc);
}
END_TEST

static X509 *certificate(trb_bytes der)
{
	const uint8_t *p = der.ptr;
	X509 *cert = d2i_X509(NULL, &p, (long)der.len);

	ck_assert(cert != NULL && p == der.ptr + der.len);
	ck_assert_uint_le(der.len, 1024);
	return cert;
}

/* OpenSSL's own path validation stands for other people's verifiers. */
START_TEST(others_accept_the_chain)
{
	trb_attestation *doc = attest(TRB_BYTES_NULL, TRB_BYTES_NULL, TRB_BYTES_NULL);
	X509 *leaf = certificate(trb_attestation_get_certificate(doc));
	STACK_OF(X509) *between = sk_X509_new_null();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509_STORE *store = X509_STORE_new();
	char name[256];

	ck_assert_uint_eq(trb_attestation_count_cabundle(doc), 4);
	for (size_t i = 0; i < 4; i++) {
		X509 *cert = certificate(trb_attestation_get_cabundle(doc, i));

		X509_NAME_oneline(X509_get_subject_name(cert), name, sizeof(name));
		ck_assert_msg(strstr(name, "SIMULATED") != NULL, "%s", name);
		ck_assert_int_eq(X509_get_pathlen(cert), i == 0 ? -1 : 3 - (long)i);
		if (i == 0)
			X509_STORE_add_cert(store, cert);
		else
			sk_X509_push(between, X509_dup(cert));
		X509_free(cert);
	}
	ck_assert_int_eq(X509_STORE_CTX_init(ctx, store, leaf, between), 1);
	ck_assert_msg(X509_verify_cert(ctx) == 1, "%s",
		      X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
	X509_NAME_oneline(X509_get_subject_name(leaf), name, sizeof(name));
	ck_assert_msg(strstr(name, trb_softnsm_module_id(nsm)) != NULL, "%s", name);
	ck_assert_uint_eq(X509_get_key_usage(leaf), KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	sk_X509_pop_free(between, X509_free);
	X509_free(leaf);
	trb_attestation_unref(doc);
}
END_TEST

START_TEST(the_root_is_made_once)
{
	uint8_t before[32], after[32];
	char path[128];
	struct stat st;

	ck_assert_int_eq(trb_sha256(trb_softnsm_root(nsm), before, NULL), TRB_OK);
	trb_softnsm_free(nsm);
	make();
	ck_assert_int_eq(trb_sha256(trb_softnsm_root(nsm), after, NULL), TRB_OK);
	ck_assert_mem_eq(before, after, 32);
	snprintf(path, sizeof(path), "%s/softnsm/root-key.pem", state);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
}
END_TEST

START_TEST(a_damaged_root_is_not_replaced)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	struct trb_softnsm *other = NULL;
	char path[128];

	snprintf(path, sizeof(path), "%s/softnsm/root-key.pem", state);
	ck_assert_int_eq(truncate(path, 100), 0);
	ck_status(trb_softnsm_new(state, (const uint8_t(*)[48])pcrs, &other, &err), TRB_E_FORMAT,
		  err);
}
END_TEST

START_TEST(a_root_open_to_others_is_refused)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	struct trb_softnsm *other = NULL;
	char path[128];

	snprintf(path, sizeof(path), "%s/softnsm/root-key.pem", state);
	ck_assert_int_eq(chmod(path, 0644), 0);
	ck_status(trb_softnsm_new(state, (const uint8_t(*)[48])pcrs, &other, &err), TRB_E_STATE,
		  err);
}
END_TEST

/* Whoever may write to a directory of ours may put there what we take for ours. */
START_TEST(a_directory_of_others_is_refused)
{
	_cleanup_(trb_error_unrefp) trb_error *open_to_all = NULL, *of_another = NULL;
	struct trb_run_dir run = TRB_RUN_DIR_NONE;
	struct trb_softnsm *other = NULL;
	char path[128];

	snprintf(path, sizeof(path), "%s/softnsm", state);
	ck_assert_int_eq(chmod(path, 0777), 0);
	ck_status(trb_softnsm_new(state, (const uint8_t(*)[48])pcrs, &other, &open_to_all),
		  TRB_E_STATE, open_to_all);
	snprintf(path, sizeof(path), "%s/run", state);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(chmod(path, 01777), 0);
	ck_assert_int_eq(trb_run_dir_make(state, &run, NULL), TRB_E_STATE);
	/* a group is others, too; who only reads is not */
	ck_assert_int_eq(chmod(path, 0770), 0);
	ck_assert_int_eq(trb_run_dir_make(state, &run, NULL), TRB_E_STATE);
	ck_assert_int_eq(chmod(path, 0755), 0);
	ck_assert_int_eq(trb_run_dir_make(state, &run, NULL), TRB_OK);
	trb_run_dir_clear(&run);
	if (geteuid() != 0)
		return; /* only root can give a directory away */
	ck_assert_int_eq(chmod(path, 0700), 0);
	ck_assert_int_eq(chown(path, 12345, 12345), 0);
	ck_status(trb_run_dir_make(state, &run, &of_another), TRB_E_STATE, of_another);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("softnsm");
	TCase *tc = tcase_create("softnsm");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, extend_values_are_the_published_ones);
	tcase_add_test(tc, raw_requests_get_raw_answers);
	tcase_add_test(tc, too_large_a_request_is_refused);
	tcase_add_test(tc, boot_state_is_a_real_ones);
	tcase_add_test(tc, random_bytes_differ);
	tcase_add_test(tc, documents_carry_what_was_asked);
	tcase_add_test(tc, documents_verify_under_the_pinned_root_alone);
	tcase_add_test(tc, a_root_open_to_others_is_refused);
	tcase_add_test(tc, a_directory_of_others_is_refused);
	tcase_add_test(tc, others_accept_the_chain);
	tcase_add_test(tc, the_root_is_made_once);
	tcase_add_test(tc, a_damaged_root_is_not_replaced);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
