/* SPDX-License-Identifier: Apache-2.0 */
/* Our reader of certificates, and our chain's verdict at every edge of time, against OpenSSL's. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "agree.h"
#include "forge.h"

#include "format/der.h"
#include "verifier/nitro.h"

#define DOCUMENTS_MAX 512
#define MUTATIONS     3000

static char *documents[DOCUMENTS_MAX];
static size_t n_documents;
static struct trb_nitro *nitro;
static uint64_t random_state = 88172645463325252u;

static uint64_t next_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

/* Certificate i of the document, the leaf last. */
static trb_bytes cert_of(const trb_attestation *a, size_t i)
{
	return i < trb_attestation_count_cabundle(a) ? trb_attestation_get_cabundle(a, i)
						     : trb_attestation_get_certificate(a);
}

static trb_attestation *read_attestation(int i, trb_blob **ret_document)
{
	trb_attestation *a = NULL;

	*ret_document = test_file(documents[i]);
	ck_assert_int_eq(trb_attestation_parse(trb_blob_bytes(*ret_document), &a, NULL), TRB_OK);
	return a;
}

START_TEST(genuine_certificates_read_alike)
{
	_cleanup_(trb_blob_unrefp) trb_blob *document = NULL;
	_cleanup_(trb_attestation_unrefp) trb_attestation *a = read_attestation(_i, &document);
	const char *fault, *difference;

	for (size_t i = 0; i <= trb_attestation_count_cabundle(a); i++) {
		difference = x509_disagreement(cert_of(a, i), &fault);
		ck_assert_msg(difference == NULL, "certificate %zu: %s", i, difference);
		ck_assert_msg(fault == NULL, "certificate %zu: %s", i, fault);
	}
}
END_TEST

static size_t mutate(uint8_t *der, size_t len)
{
	size_t at = next_random() % len;

	switch (next_random() % 4) {
	case 0:
		der[at] ^= (uint8_t)(1u << next_random() % 8);
		break;
	case 1:
		der[at] = (uint8_t)next_random();
		break;
	case 2:
		memmove(der + at, der + at + 1, len - at - 1);
		return len - 1;
	default:
		der[at]++;
		break;
	}
	return len;
}

/* Ours may refuse more; what it accepts, OpenSSL must read the same way. */
static void check_mutations(trb_bytes cert, unsigned rounds, unsigned *accepted)
{
	_cleanup_free_ uint8_t *der = malloc(cert.len);

	for (unsigned i = 0; i < rounds; i++) {
		const char *fault, *difference;
		size_t len;

		memcpy(der, cert.ptr, cert.len);
		len = mutate(der, cert.len);
		difference = x509_disagreement(TRB_BYTES(der, len), &fault);
		ck_assert_msg(difference == NULL, "mutation %u: %s", i, difference);
		*accepted += fault == NULL;
	}
}

START_TEST(mutated_certificates_read_alike)
{
	unsigned accepted = 0;
	struct forge f;

	forge_init(&f);
	forge_make(&f);
	for (int i = 0; i < FORGE_CERTS; i++)
		check_mutations(trb_blob_bytes(f.der[i]), MUTATIONS, &accepted);
	/* keys, names, times and signatures can change and stay readable */
	ck_assert_uint_gt(accepted, MUTATIONS);
	forge_clear(&f);
}
END_TEST

START_TEST(mutated_genuine_certificates_read_alike)
{
	_cleanup_(trb_blob_unrefp) trb_blob *document = NULL;
	_cleanup_(trb_attestation_unrefp) trb_attestation *a = read_attestation(_i, &document);
	unsigned accepted = 0;

	for (size_t i = 0; i <= trb_attestation_count_cabundle(a); i++)
		check_mutations(cert_of(a, i), 200, &accepted);
	ck_assert_uint_gt(accepted, 0);
}
END_TEST

static X509 *decode(trb_bytes der)
{
	const unsigned char *p = der.ptr;
	X509 *cert = d2i_X509(NULL, &p, (long)der.len);

	ck_assert_ptr_nonnull(cert);
	return cert;
}

/* OpenSSL's own path validation at a time, with the document's first issuer as the only root. */
static bool openssl_accepts(const trb_attestation *a, uint64_t at_s)
{
	size_t n = trb_attestation_count_cabundle(a);
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	STACK_OF(X509) *others = sk_X509_new_null();
	X509 *root = decode(cert_of(a, 0)), *leaf = decode(cert_of(a, n));
	bool ok;

	for (size_t i = 1; i < n; i++)
		sk_X509_push(others, decode(cert_of(a, i)));
	X509_STORE_add_cert(store, root);
	X509_STORE_CTX_init(ctx, store, leaf, others);
	X509_STORE_CTX_set_time(ctx, 0, (time_t)at_s);
	ok = X509_verify_cert(ctx) == 1;
	sk_X509_pop_free(others, X509_free);
	X509_free(leaf);
	X509_free(root);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	return ok;
}

static bool we_accept(trb_bytes document, uint64_t at_s)
{
	static const struct trb_nitro_root aws = { .name = TRB_NITRO_ROOT_AWS };
	_cleanup_(trb_nitro_verdict_clear) struct trb_nitro_verdict verdict = { 0 };
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	int r = trb_nitro_judge(nitro, document, at_s, &aws, 1, TRB_NITRO_ALLOW_DEBUG, &verdict,
				&err);

	if (r != TRB_OK)
		ck_assert_str_eq(trb_error_check(err), "document.chain");
	return r == TRB_OK;
}

/* The edges of each certificate's validity, one second to either side.  At the very second of
 * notAfter, which RFC 5280 counts as valid, OpenSSL says expired: it is left out. */
START_TEST(chains_hold_at_the_same_times)
{
	_cleanup_(trb_blob_unrefp) trb_blob *document = NULL;
	_cleanup_(trb_attestation_unrefp) trb_attestation *a = read_attestation(_i, &document);

	for (size_t i = 0; i <= trb_attestation_count_cabundle(a); i++) {
		struct trb_cert cert;

		ck_assert_ptr_null(trb_cert_parse(cert_of(a, i), &cert));
		for (int k = 0; k < 4; k++) {
			uint64_t at = (k < 2 ? cert.not_before : cert.not_after) +
				      (const uint64_t[]){ -1, 0, -1, 1 }[k];

			ck_assert_msg(we_accept(trb_blob_bytes(document), at) ==
					      openssl_accepts(a, at),
				      "certificate %zu, edge %d", i, k);
		}
	}
}
END_TEST

START_TEST(der_lengths_are_shortest)
{
	static const struct {
		const char *bytes;
		size_t n;
		bool ok;
	} rows[] = {
		{ "\x04\x00", 2, true },
		{ "\x04\x01x", 3, true },
		{ "\x04\x02x", 3, false },
		{ "\x04\x81\x01x", 4, false },
		{ "\x04\x82\x00\x01x", 5, false },
		{ "\x04\x80x\x00\x00", 5, false },
		{ "\x1f\x04\x00", 3, false },
		{ "\x04", 1, false },
		{ "", 0, false },
		{ "\x04\x84\x00\x00\x00\x01x", 7, false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		trb_bytes in = TRB_BYTES(rows[i].bytes, rows[i].n), contents;
		uint8_t tag;

		ck_assert_msg(trb_der_next(&in, &tag, &contents, NULL) == rows[i].ok, "row %zu", i);
		ck_assert(rows[i].ok || in.ptr == (const uint8_t *)rows[i].bytes);
	}
}
END_TEST

START_TEST(der_times_are_those_of_openssl)
{
	static const char *const times[] = {
		"191028132805Z",   "491028142805Z",     "500101000000Z",   "700101000000Z",
		"691231235959Z",   "240229000000Z",     "230229000000Z",   "241301000000Z",
		"240100000000Z",   "240132000000Z",     "240101240000Z",   "240101006000Z",
		"240101000060Z",   "2401010000Z",       "240101000000",    "240101000000+0000",
		"20500101000000Z", "99991231235959Z",   "20240101000000Z", "21000229000000Z",
		"20000229000000Z", "19700101000000Z",   "20491231235959Z", "19491231235959Z",
		"2024010100000Z",  "20240101000000.5Z",
	};

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		bool is_utc = strlen(times[i]) < 15;
		ASN1_TIME *theirs = ASN1_TIME_new();
		struct tm tm = { 0 };
		uint64_t ours;
		bool ok = trb_der_time(is_utc ? TRB_DER_UTC_TIME : TRB_DER_GENERALIZED_TIME,
				       trb_bytes_str(times[i]), &ours);

		if (ok) {
			ck_assert_int_eq(ASN1_TIME_set_string_X509(theirs, times[i]) == 1 ||
						 ASN1_TIME_set_string(theirs, times[i]) == 1,
					 1);
			ck_assert_int_eq(ASN1_TIME_to_tm(theirs, &tm), 1);
			ck_assert_msg((uint64_t)timegm(&tm) == ours, "%s", times[i]);
		} else {
			/* OpenSSL takes the year 2049 and those before it in either form */
			ck_assert_msg(ASN1_TIME_set_string_X509(theirs, times[i]) != 1 ||
					      (!is_utc && strcmp(times[i], "2050") < 0) ||
					      strcmp(times[i], "691231235959Z") == 0 ||
					      strcmp(times[i], "500101000000Z") == 0,
				      "%s", times[i]);
		}
		ASN1_TIME_free(theirs);
	}
}
END_TEST

/* RFC 5280 section 4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050 on. */
START_TEST(der_times_have_one_form)
{
	static const struct {
		uint8_t tag;
		const char *text;
		uint64_t seconds; /* 0: refused */
	} rows[] = {
		{ TRB_DER_UTC_TIME, "491231235959Z", 2524607999 },
		{ TRB_DER_GENERALIZED_TIME, "20500101000000Z", 2524608000 },
		{ TRB_DER_GENERALIZED_TIME, "20491231235959Z", 0 },
		{ TRB_DER_GENERALIZED_TIME, "20240101000000Z", 0 },
		{ TRB_DER_GENERALIZED_TIME, "00000101000000Z", 0 },
		{ TRB_DER_UTC_TIME, "500101000000Z", 0 },
		{ TRB_DER_UTC_TIME, "20500101000000Z", 0 },
		{ TRB_DER_GENERALIZED_TIME, "240101000000Z", 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t seconds = 0;
		bool ok = trb_der_time(rows[i].tag, trb_bytes_str(rows[i].text), &seconds);

		ck_assert_msg(ok == (rows[i].seconds != 0) && seconds == rows[i].seconds, "row %zu",
			      i);
	}
}
END_TEST

START_TEST(leaf_names_are_module_dot_region)
{
	static const struct {
		const char *name;
		bool good;
	} rows[] = {
		{ "i-0-enc0.us-east-1.aws", true },
		{ "i-0-enc0.x", true },
		{ "i-0-enc0.", false },
		{ "i-0-enc0", false },
		{ "i-0-enc", false },
		{ "", false },
		{ "i-0-enc00.x", false },
		{ "xi-0-enc0.x", false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct trb_cert leaf = { .common_name = trb_bytes_str(rows[i].name) };
		const char *fault = trb_cert_rule_leaf_name(&leaf, trb_bytes_str("i-0-enc0"));

		ck_assert_msg((fault == NULL) == rows[i].good, "'%s'", rows[i].name);
	}
}
END_TEST

static void find_documents(void)
{
	struct dirent **names;
	char folder[4096], path[8192];
	int n;

	if (test_vectors() == NULL)
		return;
	snprintf(folder, sizeof(folder), "%s", test_path(test_vectors(), "nitro/positive"));
	n = scandir(folder, &names, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]->d_name);
		if (names[i]->d_name[0] != '.' && n_documents < DOCUMENTS_MAX)
			documents[n_documents++] = strdup(path);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
}

int main(void)
{
	Suite *suite = suite_create("x509");
	TCase *tcase = tcase_create("x509");
	int status;

	if (trb_nitro_new(&nitro, NULL) < 0)
		return EXIT_FAILURE;
	find_documents();
	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, der_lengths_are_shortest);
	tcase_add_test(tcase, der_times_are_those_of_openssl);
	tcase_add_test(tcase, der_times_have_one_form);
	tcase_add_test(tcase, leaf_names_are_module_dot_region);
	tcase_add_test(tcase, mutated_certificates_read_alike);
	tcase_add_loop_test(tcase, genuine_certificates_read_alike, 0, (int)n_documents);
	tcase_add_loop_test(tcase, mutated_genuine_certificates_read_alike, 0, (int)n_documents);
	tcase_add_loop_test(tcase, chains_hold_at_the_same_times, 0, (int)n_documents);
	suite_add_tcase(suite, tcase);
	status = test_run(suite);
	while (n_documents > 0)
		free(documents[--n_documents]);
	trb_nitro_free(nitro);
	return status;
}
