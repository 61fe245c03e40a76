/* SPDX-License-Identifier: Apache-2.0 */
/* Each test is named after a verifier that accepts, or wrongly refuses, what it shows; and the form
 * of the payload, field by field.  All documents are rightly signed unless the signature is the
 * point. */
#include "forge.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "format/cbor.h"
#include "verifier/nitro.h"

static struct forge f;

static void setup(void)
{
	forge_init(&f);
	forge_make(&f);
}

static void teardown(void)
{
	forge_clear(&f);
}

/* The id of the check that failed, or "" where the bytes are verified under f's root. */
static const char *judge_bytes(trb_bytes document, unsigned flags)
{
	_cleanup_(trb_nitro_verdict_clear) struct trb_nitro_verdict verdict = { 0 };
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	struct trb_nitro_root root = { 0 };
	struct trb_nitro *nitro = NULL;
	int r;

	ck_assert_int_eq(trb_sha256(trb_blob_bytes(f.der[0]), root.sha256, NULL), TRB_OK);
	ck_assert_int_eq(trb_nitro_new(&nitro, NULL), TRB_OK);
	r = trb_nitro_judge(nitro, document, TRB_NITRO_TIME_DOCUMENT, &root, 1, flags, &verdict,
			    &err);
	trb_nitro_free(nitro);
	if (r == TRB_OK)
		return "";
	ck_status(r, TRB_E_EVIDENCE, err);
	return trb_error_check(err);
}

static const char *judge(void)
{
	_cleanup_(trb_blob_unrefp) trb_blob *document = forge_document(&f);

	return judge_bytes(trb_blob_bytes(document), 0);
}

START_TEST(prototype_discards_cose_signature)
{
	f.signer = 3;
	ck_assert_str_eq(judge(), "document.signature");
}
END_TEST

/* A document that is right in itself, under a root that nobody pinned. */
START_TEST(prototype_discards_certificate_chain)
{
	_cleanup_(trb_blob_unrefp) trb_blob *document = forge_document(&f);
	_cleanup_(trb_nitro_verdict_clear) struct trb_nitro_verdict verdict = { 0 };
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	struct trb_nitro_root aws = { .name = TRB_NITRO_ROOT_AWS };
	struct trb_nitro *nitro = NULL;

	ck_assert_int_eq(trb_nitro_new(&nitro, NULL), TRB_OK);
	ck_assert_int_eq(trb_nitro_judge(nitro, trb_blob_bytes(document), TRB_NITRO_TIME_DOCUMENT,
					 &aws, 1, 0, &verdict, &err),
			 TRB_E_EVIDENCE);
	ck_assert_str_eq(trb_error_check(err), "document.chain");
	ck_assert_int_eq(verdict.outcome[TRB_NITRO_SIGNATURE], TRB_NITRO_PASS);
	ck_assert_int_eq(verdict.outcome[TRB_NITRO_CHAIN], TRB_NITRO_FAIL);
	ck_assert_int_eq(verdict.outcome[TRB_NITRO_DEBUG], TRB_NITRO_NOT_RUN);
	trb_nitro_free(nitro);
}
END_TEST

/* Somebody's own tools, which make certificates of another kind: the signature holds, the chain
 * does not. */
START_TEST(odd_certificate_is_the_chains_matter)
{
	forge_clear(&f);
	forge_init(&f);
	f.certs[FORGE_LEAF].basic_constraints = NULL;
	f.certs[FORGE_LEAF].key_usage = NULL;
	f.certs[FORGE_LEAF].digest = "SHA256";
	forge_make(&f);
	ck_assert_str_eq(judge(), "document.chain");
	forge_clear(&f);
	forge_init(&f);
	f.certs[FORGE_LEAF].more = "critical 1.3.6.1.4.1.99999.1";
	forge_make(&f);
	ck_assert_str_eq(judge(), "document.chain");
}
END_TEST

START_TEST(prototype_and_nitrite_accept_debug_enclaves)
{
	_cleanup_(trb_blob_unrefp) trb_blob *document = NULL;

	forge_pcrs(&f, 0, 0, 0);
	document = forge_document(&f);
	ck_assert_str_eq(judge_bytes(trb_blob_bytes(document), 0), "document.debug");
	ck_assert_str_eq(judge_bytes(trb_blob_bytes(document), TRB_NITRO_ALLOW_DEBUG), "");
	forge_pcrs(&f, 0, 1, 0); /* one that is not zero measures something */
	ck_assert_str_eq(judge(), "");
}
END_TEST

/* Zero PCRs are listed: a debug document does not look like one with fewer PCRs. */
START_TEST(nitro_attest_drops_zero_pcrs)
{
	_cleanup_(trb_blob_unrefp) trb_blob *document = NULL;
	_cleanup_(trb_attestation_unrefp) trb_attestation *a = NULL;

	forge_pcrs(&f, 0, 0, 0);
	document = forge_document(&f);
	ck_assert_int_eq(trb_attestation_parse(trb_blob_bytes(document), &a, NULL), TRB_OK);
	ck_assert_uint_eq(trb_attestation_get_pcr(a, 0).len, 48);
	ck_assert(trb_bytes_all_zero(trb_attestation_get_pcr(a, 0)));
	ck_assert_ptr_null(trb_attestation_get_pcr(a, 16).ptr);
	ck_assert_ptr_null(trb_attestation_get_pcr(a, 32).ptr);
}
END_TEST

START_TEST(nitro_attest_accepts_other_digests)
{
	static const char *const digests[] = { "SHA256", "SHA512", "sha384", "SHA384 ", "" };

	for (size_t i = 0; i < sizeof(digests) / sizeof(digests[0]); i++) {
		trb_cbor_put_str(forge_field(&f, "digest"), digests[i]);
		ck_assert_str_eq(judge(), "document.parse");
	}
}
END_TEST

/* The signed nonce is what the getter gives. */
START_TEST(remote_attestation_verifier_never_reads_the_nonce)
{
	_cleanup_(trb_blob_unrefp) trb_blob *document = forge_document(&f);
	_cleanup_(trb_attestation_unrefp) trb_attestation *a = NULL;

	ck_assert_int_eq(trb_attestation_parse(trb_blob_bytes(document), &a, NULL), TRB_OK);
	ck_assert(trb_bytes_eq_str(trb_attestation_get_nonce(a), "nonce"));
	ck_assert(trb_bytes_eq_str(trb_attestation_get_user_data(a), "data"));
	ck_assert_ptr_null(trb_attestation_get_public_key(a).ptr);
}
END_TEST

/* Bytes before or after, around a document that is right. */
static const char *judge_wrapped(const char *before, size_t n_before, const char *after,
				 size_t n_after)
{
	_cleanup_(trb_blob_unrefp) trb_blob *document = forge_document(&f);
	_cleanup_buf_ struct trb_buf b;

	trb_buf_init(&b, 64 * 1024);
	trb_buf_add(&b, TRB_BYTES(before, n_before));
	trb_buf_add(&b, trb_blob_bytes(document));
	trb_buf_add(&b, TRB_BYTES(after, n_after));
	return judge_bytes(trb_buf_bytes(&b), 0);
}

START_TEST(epsilon_and_nitrite_accept_trailing_bytes)
{
	ck_assert_str_eq(judge_wrapped("", 0, "\0", 1), "document.parse");
	ck_assert_str_eq(judge_wrapped("", 0, "\xf6", 1), "document.parse");
}
END_TEST

START_TEST(evervault_and_nitrite_accept_tag_17)
{
	ck_assert_str_eq(judge_wrapped("\xd1", 1, "", 0), "document.parse");
	ck_assert_str_eq(judge_wrapped("\xd2", 1, "", 0), ""); /* tag 18 is COSE_Sign1's own */
	ck_assert_str_eq(judge_wrapped("\xd2\xd2", 2, "", 0), "document.parse");
	ck_assert_str_eq(judge_wrapped("\xd8\x12", 2, "", 0), "document.parse");
	ck_assert_str_eq(judge_wrapped("\xd9\xd9\xf7", 3, "", 0), "document.parse");
}
END_TEST

START_TEST(all_peers_accept_unprotected_headers)
{
	static const char *const headers[] = { "a10442"
					       "6b31",
					       "a1012a", "bf0142aaaaff", "80", "f6" };

	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		f.unprotected_hex = headers[i];
		ck_assert_str_eq(judge(), "document.parse");
	}
}
END_TEST

/* {1: -7}, none, a second entry, content type; {1: -35} with a longer head. */
START_TEST(algorithm_is_es384_alone)
{
	static const char *const headers[] = { "a10126",
					       "a0",
					       "a201382203"
					       "00",
					       "a20138220442"
					       "6b31",
					       "a1011822",
					       "a101390022" };

	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		f.protected_hex = headers[i];
		ck_assert_str_eq(judge(), "document.parse");
	}
}
END_TEST

/* evervault refuses empty and long fields, epsilon those above 512 bytes; genuine ones have both.
 */
START_TEST(evervault_and_epsilon_refuse_genuine_field_sizes)
{
	static const uint8_t bytes[1025] = { 1 };
	static const char *const names[] = { "public_key", "user_data", "nonce" };

	for (size_t i = 0; i < 3; i++) {
		trb_cbor_put_bstr(forge_field(&f, names[i]), TRB_BYTES(bytes, 1024));
		ck_assert_str_eq(judge(), "");
		trb_cbor_put_bstr(forge_field(&f, names[i]), TRB_BYTES(bytes, 0));
		ck_assert_str_eq(judge(), "");
		forge_field(&f, names[i]); /* left out */
		ck_assert_str_eq(judge(), "");
		trb_cbor_put_bstr(forge_field(&f, names[i]), TRB_BYTES(bytes, 1025));
		ck_assert_str_eq(judge(), "document.parse");
		trb_cbor_put_str(forge_field(&f, names[i]), "text");
		ck_assert_str_eq(judge(), "document.parse");
		trb_cbor_put_null(forge_field(&f, names[i]));
	}
}
END_TEST

START_TEST(empty_field_is_not_an_absent_one)
{
	_cleanup_(trb_blob_unrefp) trb_blob *document = NULL;
	_cleanup_(trb_attestation_unrefp) trb_attestation *a = NULL;

	trb_cbor_put_bstr(forge_field(&f, "nonce"), TRB_BYTES_NULL);
	forge_field(&f, "user_data");
	document = forge_document(&f);
	ck_assert_int_eq(trb_attestation_parse(trb_blob_bytes(document), &a, NULL), TRB_OK);
	ck_assert_ptr_nonnull(trb_attestation_get_nonce(a).ptr);
	ck_assert_uint_eq(trb_attestation_get_nonce(a).len, 0);
	ck_assert_ptr_null(trb_attestation_get_user_data(a).ptr);
}
END_TEST

/* Same root, same signature, another kind of document. */
START_TEST(nitrotpm_document_is_refused)
{
	trb_cbor_put_str(forge_field(&f, "module_id"), "i-0123456789abcdef0-tpm0123456789abcdef");
	ck_assert_str_eq(judge(), "document.parse");
	trb_cbor_put_str(forge_field(&f, "module_id"), FORGE_MODULE);
	ck_assert_str_eq(judge(), "");
	forge_pcrs_as(&f, "nitrotpm_pcrs", 1, 2, 3);
	ck_assert_str_eq(judge(), "document.parse");
	forge_field(&f, "pcrs");
	ck_assert_str_eq(judge(), "document.parse");
}
END_TEST

/* QEMU's virtio-nsm: algorithm -1, 64 zero bytes for certificate, issuer and signature. */
START_TEST(qemu_unsigned_document_is_refused)
{
	static const uint8_t zeros[64];
	struct trb_buf *b;

	trb_cbor_put_bstr(forge_field(&f, "certificate"), TRB_BYTES(zeros, 64));
	b = forge_field(&f, "cabundle");
	trb_cbor_put_array(b, 1);
	trb_cbor_put_bstr(b, TRB_BYTES(zeros, 64));
	ck_assert_str_eq(judge(), "document.signature");
	f.protected_hex = "a10120";
	ck_assert_str_eq(judge(), "document.parse");
}
END_TEST

/* (r, n - s) is as good as (r, s): nothing may be keyed on the whole document. */
START_TEST(high_s_and_low_s_both_verify)
{
	static const char order_hex[] = "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f"
					"4372ddf581a0db248b0a77aecec196accc52973";
	_cleanup_(trb_blob_unrefp) trb_blob *document = forge_document(&f);
	trb_bytes bytes = trb_blob_bytes(document);
	_cleanup_free_ uint8_t *other = malloc(bytes.len);
	BIGNUM *n = NULL, *s;

	memcpy(other, bytes.ptr, bytes.len);
	BN_hex2bn(&n, order_hex);
	s = BN_bin2bn(bytes.ptr + bytes.len - 48, 48, NULL);
	BN_sub(s, n, s);
	BN_bn2binpad(s, other + bytes.len - 48, 48);
	BN_free(s);
	BN_free(n);
	ck_assert_str_eq(judge_bytes(TRB_BYTES(other, bytes.len), 0), "");
	memset(other + bytes.len - 96, 0, 96);
	ck_assert_str_eq(judge_bytes(TRB_BYTES(other, bytes.len), 0), "document.signature");
}
END_TEST

/* Verified over the raw bytes, in either form of the map. */
START_TEST(both_forms_of_the_payload_map)
{
	f.indefinite = true;
	ck_assert_str_eq(judge(), "");
	trb_cbor_put_str(forge_field(&f, "digest"), "SHA256");
	ck_assert_str_eq(judge(), "document.parse");
}
END_TEST

START_TEST(required_fields_are_required)
{
	static const char *const names[] = { "module_id", "digest",      "timestamp",
					     "pcrs",      "certificate", "cabundle" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		_cleanup_buf_ struct trb_buf kept = { 0 };
		struct trb_buf *b;

		trb_buf_init(&kept, 16 * 1024);
		for (size_t k = 0; k < f.n_fields; k++)
			if (strcmp(f.fields[k].name, names[i]) == 0)
				trb_buf_add(&kept, trb_buf_bytes(&f.fields[k].value));
		forge_field(&f, names[i]);
		ck_assert_str_eq(judge(), "document.parse");
		trb_cbor_put_null(forge_field(&f, names[i]));
		ck_assert_str_eq(judge(), "document.parse");
		b = forge_field(&f, names[i]);
		trb_buf_add(b, trb_buf_bytes(&kept));
		ck_assert_str_eq(judge(), "");
	}
}
END_TEST

START_TEST(unknown_and_repeated_fields_are_refused)
{
	f.n_fields++; /* the same name again, which forge_field() would not make */
	f.fields[f.n_fields - 1].name = "nonce";
	trb_buf_init(&f.fields[f.n_fields - 1].value, 64);
	trb_cbor_put_null(&f.fields[f.n_fields - 1].value);
	ck_assert_str_eq(judge(), "document.parse");
	f.fields[f.n_fields - 1].name = "extra";
	ck_assert_str_eq(judge(), "document.parse");
	f.fields[f.n_fields - 1].name = "Nonce";
	ck_assert_str_eq(judge(), "document.parse");
}
END_TEST

START_TEST(module_id_is_an_enclaves)
{
	trb_cbor_put_str(forge_field(&f, "module_id"), "i-0123456789abcdef0-enc");
	ck_assert_str_eq(judge(), "document.parse");
	trb_cbor_put_bstr(forge_field(&f, "module_id"), trb_bytes_str(FORGE_MODULE));
	ck_assert_str_eq(judge(), "document.parse");
	trb_cbor_put_tstr(forge_field(&f, "module_id"),
			  TRB_BYTES(FORGE_MODULE "\0", sizeof(FORGE_MODULE)));
	ck_assert_str_eq(judge(), "document.parse");
}
END_TEST

START_TEST(timestamp_is_a_time)
{
	trb_cbor_put_uint(forge_field(&f, "timestamp"), 0);
	ck_assert_str_eq(judge(), "document.parse");
	trb_cbor_put_int(forge_field(&f, "timestamp"), -1);
	ck_assert_str_eq(judge(), "document.parse");
	trb_cbor_put_uint(forge_field(&f, "timestamp"), UINT64_MAX);
	ck_assert_str_eq(judge(), "document.parse");
	trb_cbor_put_str(forge_field(&f, "timestamp"), "1700000000000");
	ck_assert_str_eq(judge(), "document.parse");
	trb_cbor_put_uint(forge_field(&f, "timestamp"), FORGE_TIME); /* seconds for milliseconds */
	ck_assert_str_eq(judge(), "document.chain");
}
END_TEST

static void put_pcr(struct trb_buf *b, uint64_t index, size_t len)
{
	static const uint8_t bytes[64] = { 7 };

	trb_cbor_put_uint(b, index);
	trb_cbor_put_bstr(b, TRB_BYTES(bytes, len));
}

static void put_pcrs(size_t n, uint64_t last_index, size_t last_len)
{
	struct trb_buf *b = forge_field(&f, "pcrs");

	trb_cbor_put_map(b, n);
	for (uint64_t i = 0; i + 1 < n; i++)
		put_pcr(b, i, 48);
	put_pcr(b, last_index, last_len);
}

START_TEST(pcrs_are_indexes_of_digests)
{
	static const struct {
		size_t n;
		uint64_t last_index;
		size_t last_len;
		const char *check;
	} rows[] = {
		{ 4, 31, 48, "" },
		{ 32, 31, 48, "" },
		{ 3, 2, 48, "" },
		{ 4, 32, 48, "document.parse" },
		{ 4, 3, 47, "document.parse" },
		{ 4, 3, 32, "document.parse" },
		{ 4, 3, 64, "document.parse" },
		{ 4, 3, 0, "document.parse" },
		{ 4, 2, 48, "document.parse" },  /* PCR2 twice */
		{ 3, 16, 48, "document.parse" }, /* no PCR2 */
		{ 1, 0, 48, "document.parse" },
		{ 33, 32, 48, "document.parse" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		put_pcrs(rows[i].n, rows[i].last_index, rows[i].last_len);
		ck_assert_msg(strcmp(judge(), rows[i].check) == 0, "row %zu", i);
	}
	trb_cbor_put_map(forge_field(&f, "pcrs"), 0);
	ck_assert_str_eq(judge(), "document.parse");
	trb_cbor_put_array(forge_field(&f, "pcrs"), 0);
	ck_assert_str_eq(judge(), "document.parse");
}
END_TEST

/* 0 written in two ways is one index twice. */
START_TEST(pcr_index_in_two_encodings_is_a_duplicate)
{
	struct trb_buf *b = forge_field(&f, "pcrs");
	static const uint8_t zero[48] = { 9 };

	trb_cbor_put_map(b, 4);
	for (uint64_t i = 0; i < 3; i++)
		put_pcr(b, i, 48);
	trb_buf_add(b, TRB_BYTES_LIT("\x18\x00"));
	trb_cbor_put_bstr(b, TRB_BYTES(zero, sizeof(zero)));
	ck_assert_str_eq(judge(), "document.parse");
}
END_TEST

START_TEST(certificates_keep_their_sizes)
{
	static const uint8_t bytes[1025] = { 0x30 };
	struct trb_buf *b;

	trb_cbor_put_bstr(forge_field(&f, "certificate"), TRB_BYTES(bytes, 1025));
	ck_assert_str_eq(judge(), "document.parse");
	trb_cbor_put_bstr(forge_field(&f, "certificate"), TRB_BYTES_NULL);
	ck_assert_str_eq(judge(), "document.parse");
	trb_cbor_put_bstr(forge_field(&f, "certificate"), trb_blob_bytes(f.der[FORGE_LEAF]));
	trb_cbor_put_array(forge_field(&f, "cabundle"), 0);
	ck_assert_str_eq(judge(), "document.parse");
	forge_cabundle(&f, (const int[]){ 0, 1, 2, 3, 3, 3, 3, 3, 3 }, 9);
	ck_assert_str_eq(judge(), "document.parse");
	b = forge_field(&f, "cabundle");
	trb_cbor_put_array(b, 1);
	trb_cbor_put_bstr(b, TRB_BYTES(bytes, 1025));
	ck_assert_str_eq(judge(), "document.parse");
}
END_TEST

/* The ceiling is checked before anything is read. */
START_TEST(oversized_document_is_refused_unread)
{
	_cleanup_free_ uint8_t *bytes = calloc(1, 16 * 1024 + 1);
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	_cleanup_(trb_attestation_unrefp) trb_attestation *a = NULL;

	ck_assert_str_eq(judge_bytes(TRB_BYTES(bytes, 16 * 1024 + 1), 0), "document.parse");
	ck_assert_int_eq(trb_attestation_parse(TRB_BYTES(bytes, 16 * 1024 + 1), &a, &err),
			 TRB_E_LIMIT);
	ck_assert_str_eq(trb_error_check(err), "document.parse");
	ck_assert_str_eq(judge_bytes(TRB_BYTES_NULL, 0), "document.parse");
}
END_TEST

/* Each byte of a right document changed: it is refused, or nothing that is signed has changed. */
START_TEST(no_changed_byte_passes)
{
	_cleanup_(trb_blob_unrefp) trb_blob *document = forge_document(&f);
	trb_bytes bytes = trb_blob_bytes(document);
	_cleanup_free_ uint8_t *changed = malloc(bytes.len);

	for (size_t at = 0; at < bytes.len; at += at < 16 || bytes.len - at < 100 ? 1 : 29) {
		memcpy(changed, bytes.ptr, bytes.len);
		changed[at] ^= (uint8_t)(1u << at % 8);
		ck_assert_msg(judge_bytes(TRB_BYTES(changed, bytes.len), 0)[0] != '\0', "byte %zu",
			      at);
	}
}
END_TEST

START_TEST(no_cut_passes)
{
	_cleanup_(trb_blob_unrefp) trb_blob *document = forge_document(&f);
	trb_bytes bytes = trb_blob_bytes(document);

	for (size_t len = 0; len < bytes.len; len += len < 200 ? 1 : 61)
		ck_assert_str_eq(judge_bytes(TRB_BYTES(bytes.ptr, len), 0), "document.parse");
}
END_TEST

static void fill(struct trb_buf *b, const char *pattern, size_t n, size_t total)
{
	while (b->len < total)
		trb_buf_add(b, TRB_BYTES(pattern, n));
}

/* Small inputs that make libcbor and others allocate gigabytes or run for seconds: what they cost
 * here.  The bounds leave room for the sanitizers. */
START_TEST(bombs_cost_little)
{
	static const struct {
		const char *head;
		size_t n_head;
		const char *pattern;
		size_t n_pattern;
	} bombs[] = {
		{ "\x9a\x10\x00\x00\x00", 5, "", 0 },
		{ "\x84\x9a\x10\x00\x00\x00", 6, "", 0 },
		{ "\x84\xbb\x7f\xff\xff\xff\xff\xff\xff\xff", 10, "", 0 },
		{ "\x84\x5b\x7f\xff\xff\xff\xff\xff\xff\xff", 10, "", 0 },
		{ "", 0, "\x81", 1 },
		{ "", 0, "\xa1", 1 },
		{ "", 0, "\xbf", 1 },
		{ "", 0, "\xd2", 1 },
		{ "", 0, "\x9f", 1 },
		{ "\x84\x99\x3f\xf0", 4, "\x80", 1 },
		{ "\x84\x99\x3f\xf0", 4, "\xf6", 1 },
		{ "\x84\xbf", 2, "\x60\xf6", 2 },
	};
	struct rusage before, after;
	clock_t start = clock();

	getrusage(RUSAGE_SELF, &before);
	for (size_t i = 0; i < sizeof(bombs) / sizeof(bombs[0]); i++) {
		_cleanup_buf_ struct trb_buf b;

		trb_buf_init(&b, 64 * 1024);
		trb_buf_add(&b, TRB_BYTES(bombs[i].head, bombs[i].n_head));
		if (bombs[i].n_pattern > 0)
			fill(&b, bombs[i].pattern, bombs[i].n_pattern, 16 * 1024 - 1);
		ck_assert_str_eq(judge_bytes(trb_buf_bytes(&b), 0), "document.parse");
	}
	getrusage(RUSAGE_SELF, &after);
	ck_assert_int_lt(after.ru_maxrss - before.ru_maxrss, 32 * 1024); /* KiB */
	ck_assert_int_lt(clock() - start, CLOCKS_PER_SEC);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("forgery");
	TCase *tcase = tcase_create("forgery");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, prototype_discards_cose_signature);
	tcase_add_test(tcase, prototype_discards_certificate_chain);
	tcase_add_test(tcase, odd_certificate_is_the_chains_matter);
	tcase_add_test(tcase, prototype_and_nitrite_accept_debug_enclaves);
	tcase_add_test(tcase, nitro_attest_drops_zero_pcrs);
	tcase_add_test(tcase, nitro_attest_accepts_other_digests);
	tcase_add_test(tcase, remote_attestation_verifier_never_reads_the_nonce);
	tcase_add_test(tcase, epsilon_and_nitrite_accept_trailing_bytes);
	tcase_add_test(tcase, evervault_and_nitrite_accept_tag_17);
	tcase_add_test(tcase, all_peers_accept_unprotected_headers);
	tcase_add_test(tcase, algorithm_is_es384_alone);
	tcase_add_test(tcase, evervault_and_epsilon_refuse_genuine_field_sizes);
	tcase_add_test(tcase, empty_field_is_not_an_absent_one);
	tcase_add_test(tcase, nitrotpm_document_is_refused);
	tcase_add_test(tcase, qemu_unsigned_document_is_refused);
	tcase_add_test(tcase, high_s_and_low_s_both_verify);
	tcase_add_test(tcase, both_forms_of_the_payload_map);
	tcase_add_test(tcase, required_fields_are_required);
	tcase_add_test(tcase, unknown_and_repeated_fields_are_refused);
	tcase_add_test(tcase, module_id_is_an_enclaves);
	tcase_add_test(tcase, timestamp_is_a_time);
	tcase_add_test(tcase, pcrs_are_indexes_of_digests);
	tcase_add_test(tcase, pcr_index_in_two_encodings_is_a_duplicate);
	tcase_add_test(tcase, certificates_keep_their_sizes);
	tcase_add_test(tcase, oversized_document_is_refused_unread);
	tcase_add_test(tcase, bombs_cost_little);
	tcase_add_test(tcase, no_changed_byte_passes);
	tcase_add_test(tcase, no_cut_passes);
	suite_add_tcase(suite, tcase);
	return test_run(suite);
}
