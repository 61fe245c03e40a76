/* SPDX-License-Identifier: Apache-2.0 */
/* Enclave images: every vector by name, what no vector covers, writing, signing. */
#include "forge.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cbor.h>
#include <cjson/cJSON.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "core/cleanup.h"
#include "core/io.h"
#include "format/cose.h"
#include "format/eif_cose.h"
#include "format/pem.h"
#include "image/eif_file.h"
#include "image/eif_write.h"

static const char *scratch; /* a folder of the test's own */

static int memory_file(trb_bytes bytes)
{
	int fd = memfd_create("eif", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(trb_write_full(fd, bytes, NULL), TRB_OK);
	return fd;
}

static int open_bytes(trb_bytes bytes, trb_eif **ret_eif, trb_error **err)
{
	int fd = memory_file(bytes);
	int r = trb_eif_open_fd(NULL, fd, ret_eif, err);

	close(fd);
	return r;
}

static void check_pcr(const trb_eif *eif, unsigned index, const cJSON *pcrs)
{
	char name[8], hex[97] = "";
	const cJSON *want;
	trb_bytes pcr = trb_eif_get_pcr(eif, index);

	snprintf(name, sizeof(name), "PCR%u", index);
	want = cJSON_GetObjectItemCaseSensitive(pcrs, name);
	if (pcr.len == 48)
		trb_hex_encode(pcr, hex);
	ck_assert_str_eq(hex, want != NULL ? want->valuestring : "");
}

/* What the reason must say, for the bad vectors that are known here by name. */
static const struct {
	const char *file, *reason;
} reasons[] = {
	{ "bad_crc.eif", "CRC" },
	{ "bad_magic.eif", "byte 0" },
	{ "bad_no_kernel.eif", "ernel" },
	{ "bad_no_ramdisk.eif", "no ramdisk" },
	{ "bad_nsec33.eif", "33 sections" },
	{ "bad_offset_huge.eif", "table puts section" },
	{ "bad_ramdisk_first.eif", "before the kernel" },
	{ "bad_section_type6.eif", "type 6" },
	{ "bad_sig_wrong_pcr0.eif", "another PCR0" },
	{ "bad_size_mismatch.eif", "table gives section 0" },
	{ "bad_trailing.eif", "1 bytes after the last section" },
	{ "bad_truncated.eif", "claims" },
	{ "bad_two_cmdlines.eif", "second cmdline" },
	{ "bad_two_signatures.eif", "second signature" },
	{ "bad_v4_no_metadata.eif", "no metadata" },
	{ "bad_version1.eif", "version 1" },
};

/* The innermost message: what is wrong, without the words around it. */
static const char *reason_of(const trb_error *err)
{
	while (trb_error_cause(err) != NULL)
		err = trb_error_cause(err);
	return trb_error_message(err);
}

static void check_vector(const char *path, const cJSON *vector)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	_cleanup_(trb_eif_unrefp) trb_eif *eif = NULL;
	const char *file = strrchr(path, '/') + 1;
	const char *expect = cJSON_GetObjectItemCaseSensitive(vector, "expect")->valuestring;
	const cJSON *pcrs = cJSON_GetObjectItemCaseSensitive(vector, "pcrs");
	int r = trb_eif_open(NULL, path, &eif, &err);

	printf("eif/%-58s %s\n", file, r == TRB_OK ? "good" : reason_of(err));
	if (strcmp(expect, "ok") == 0) {
		ck_status(r, TRB_OK, err);
		for (unsigned i = 0; i < 32; i++)
			check_pcr(eif, i, pcrs);
		return;
	}
	ck_assert_msg(r < 0, "%s was read", file);
	ck_assert_ptr_null(eif);
	if (strcmp(expect, "signature_fail") == 0) {
		ck_assert_int_eq(r, TRB_E_EVIDENCE);
		ck_assert_str_eq(trb_error_check(err), "eif.signature");
	}
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (strcmp(file, reasons[i].file) == 0)
			ck_assert_msg(strstr(reason_of(err), reasons[i].reason) != NULL,
				      "%s: '%s' does not say '%s'", file, reason_of(err),
				      reasons[i].reason);
}

START_TEST(every_vector_by_name)
{
	cJSON *manifest, *vector;
	size_t n = 0;

	if (test_vectors() == NULL)
		return;
	manifest = test_json(test_path(test_vectors(), "eif/manifest.json"));
	cJSON_ArrayForEach (vector, cJSON_GetObjectItemCaseSensitive(manifest, "vectors")) {
		const char *file = cJSON_GetObjectItemCaseSensitive(vector, "file")->valuestring;

		check_vector(test_path(test_vectors(), file), vector);
		n++;
	}
	ck_assert_uint_gt(n, 0);
	cJSON_Delete(manifest);
}
END_TEST

static char *write_scratch(const char *name, trb_bytes bytes)
{
	char *path = NULL;

	ck_assert_int_gt(asprintf(&path, "%s/%s", scratch, name), 0);
	unlink(path);
	ck_assert_int_eq(trb_write_file(AT_FDCWD, path, bytes, 0600, NULL), TRB_OK);
	return path;
}

struct made {
	struct eif_parts parts;
	struct eif_measurement measured;
	char *kernel, *ramdisks[2];
	trb_blob *file;
};

static void read_back(int fd, trb_blob **ret)
{
	off_t size = lseek(fd, 0, SEEK_END);
	uint8_t *bytes = malloc((size_t)size + 1);

	ck_assert_ptr_nonnull(bytes);
	ck_assert_int_eq(trb_pread_full(fd, bytes, (size_t)size, 0, NULL), TRB_OK);
	ck_assert_int_eq(trb_blob_adopt(bytes, (size_t)size, ret, NULL), TRB_OK);
}

static void make(struct made *m, trb_bytes cert, trb_bytes key, size_t ramdisk_size)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	uint8_t *big = calloc(1, ramdisk_size + 1);
	int fd = memory_file(TRB_BYTES_NULL);

	ck_assert_ptr_nonnull(big);
	for (size_t i = 0; i < ramdisk_size; i++)
		big[i] = (uint8_t)(i * 2654435761u >> 13);
	*m = (struct made){ 0 };
	m->kernel = write_scratch("kernel", TRB_BYTES_LIT("a kernel"));
	m->ramdisks[0] = write_scratch("rd0", TRB_BYTES(big, ramdisk_size / 3));
	m->ramdisks[1] = write_scratch("rd1", TRB_BYTES(big, ramdisk_size));
	m->parts = (struct eif_parts){
		.kernel = m->kernel,
		.cmdline = TRB_BYTES_LIT("console=ttyS0"),
		.metadata = TRB_BYTES_LIT("{\"ImageName\":\"t\"}"),
		.ramdisks = { { NULL, m->ramdisks[0] }, { NULL, m->ramdisks[1] } },
		.n_ramdisks = 2,
		.cert_pem = cert,
		.key_pem = key,
	};
	ck_status(trb_eif_write(fd, &m->parts, &m->measured, &err), TRB_OK, err);
	read_back(fd, &m->file);
	close(fd);
	free(big);
}

static void unmake(struct made *m)
{
	free(m->kernel);
	free(m->ramdisks[0]);
	free(m->ramdisks[1]);
	trb_blob_unref(m->file);
}

/* The writer measures with a thread and in chunks, the reader in others: they must agree. */
START_TEST(written_images_are_read_and_measured_alike)
{
	static const size_t sizes[] = { 0, 1, 100, 512 << 10, (1 << 20) + 1, 5 << 20 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		_cleanup_(trb_error_unrefp) trb_error *err = NULL;
		_cleanup_(trb_eif_unrefp) trb_eif *eif = NULL;
		struct made m;

		make(&m, TRB_BYTES_NULL, TRB_BYTES_NULL, sizes[i]);
		ck_status(open_bytes(trb_blob_bytes(m.file), &eif, &err), TRB_OK, err);
		for (unsigned p = 0; p < 3; p++)
			ck_assert(trb_bytes_eq(trb_eif_get_pcr(eif, p),
					       TRB_BYTES(m.measured.pcr[p], 48)));
		ck_assert_uint_eq(trb_eif_get_pcr(eif, 8).len, 0);
		ck_assert_uint_eq(trb_eif_get_pcr(eif, 3).len, 0);
		ck_assert(trb_bytes_eq_str(trb_eif_get_cmdline(eif), "console=ttyS0"));
		ck_assert_uint_eq(trb_eif_count_sections(eif), 5);
		unmake(&m);
	}
}
END_TEST

START_TEST(writing_twice_gives_the_same_bytes)
{
	struct made a, b;

	make(&a, TRB_BYTES_NULL, TRB_BYTES_NULL, 100000);
	make(&b, TRB_BYTES_NULL, TRB_BYTES_NULL, 100000);
	ck_assert(trb_bytes_eq(trb_blob_bytes(a.file), trb_blob_bytes(b.file)));
	unmake(&a);
	unmake(&b);
}
END_TEST

static void make_signer(const char *group, const char *name, trb_blob **ret_cert,
			trb_blob **ret_key)
{
	EVP_PKEY *key = EVP_EC_gen(group);
	X509 *cert = X509_new();
	BIO *out = BIO_new(BIO_s_mem());
	char *text;
	long len;

	ck_assert(key != NULL && cert != NULL && out != NULL);
	X509_gmtime_adj(X509_getm_notBefore(cert), 0);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	if (name != NULL)
		X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
					   (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(cert, X509_get_subject_name(cert));
	ck_assert_int_eq(X509_set_pubkey(cert, key), 1);
	ck_assert_int_gt(X509_sign(cert, key, EVP_sha384()), 0);
	ck_assert_int_eq(PEM_write_bio_X509(out, cert), 1);
	len = BIO_get_mem_data(out, &text);
	ck_assert_int_eq(trb_blob_new(TRB_BYTES(text, len), ret_cert, NULL), TRB_OK);
	ck_assert_int_eq(BIO_reset(out), 1);
	ck_assert_int_eq(PEM_write_bio_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL), 1);
	len = BIO_get_mem_data(out, &text);
	ck_assert_int_eq(trb_blob_new(TRB_BYTES(text, len), ret_key, NULL), TRB_OK);
	BIO_free(out);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static const char *groups[] = { "P-256", "P-384", "P-521" };

START_TEST(signed_images_verify)
{
	_cleanup_(trb_blob_unrefp) trb_blob *cert = NULL, *key = NULL, *json = NULL;
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	_cleanup_(trb_eif_unrefp) trb_eif *eif = NULL;
	struct made m;

	make_signer(groups[_i], _i == 0 ? NULL : "Signer", &cert, &key);
	make(&m, trb_blob_bytes(cert), trb_blob_bytes(key), 1000);
	ck_status(open_bytes(trb_blob_bytes(m.file), &eif, &err), TRB_OK, err);
	ck_assert_uint_eq(trb_eif_get_pcr(eif, 8).len, 48);
	ck_assert_str_eq(trb_eif_signer(eif), _i == 0 ? "" : "CN=Signer");
	ck_status(trb_eif_describe_json(eif, &json, &err), TRB_OK, err);
	unmake(&m);
}
END_TEST

START_TEST(another_signers_key_is_refused)
{
	_cleanup_(trb_blob_unrefp) trb_blob *cert = NULL, *key = NULL, *cert2 = NULL, *key2 = NULL;
	_cleanup_(trb_blob_unrefp) trb_blob *section = NULL;
	const uint8_t pcr0[48] = { 1 };

	make_signer("P-384", "Signer", &cert, &key);
	make_signer("P-384", "Signer", &cert2, &key2);
	ck_assert_int_eq(
		trb_eif_sign(trb_blob_bytes(cert), trb_blob_bytes(key2), pcr0, &section, NULL),
		TRB_E_INVAL);
	ck_assert_int_eq(
		trb_eif_sign(trb_blob_bytes(cert), TRB_BYTES_LIT("no key"), pcr0, &section, NULL),
		TRB_E_FORMAT);
}
END_TEST

static void end_at_infinity(EVP_PKEY *key, const char *group, trb_bytes digest, uint8_t *ret_sig,
			    int half)
{
	EC_GROUP *curve = EC_GROUP_new_by_curve_name(EC_curve_nist2nid(group));
	BIGNUM *d = NULL, *r;

	ck_assert_int_eq(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &d), 1);
	r = forge_infinity(curve, d, digest);
	ck_assert_int_eq(BN_bn2binpad(r, ret_sig, half), half);
	ck_assert_int_eq(BN_bn2binpad(BN_value_one(), ret_sig + half, half), half);
	BN_free(r);
	BN_free(d);
	EC_GROUP_free(curve);
}

/* Puts another signature into a section, which ends with it. */
static void sign_with(trb_blob *section, const uint8_t *sig, size_t len, uint8_t **ret,
		      size_t *ret_len)
{
	trb_bytes bytes = trb_blob_bytes(section);
	struct cbor_load_result result;
	cbor_item_t *root = cbor_load(bytes.ptr, bytes.len, &result), *cose;
	size_t n;

	ck_assert_ptr_nonnull(root);
	cose = cbor_map_handle(cbor_array_handle(root)[0])[1].value;
	for (size_t i = 0; i < len; i++)
		cbor_set_uint8(cbor_array_handle(cose)[cbor_array_size(cose) - len + i], sig[i]);
	*ret_len = cbor_serialize_alloc(root, ret, &n);
	ck_assert_uint_gt(*ret_len, 0);
	cbor_decref(&root);
}

START_TEST(a_signature_that_ends_at_infinity_is_refused)
{
	static const char *const digests[] = { "SHA256", "SHA384", "SHA512" };
	static const int halves[] = { 32, 48, 66 };
	_cleanup_(trb_blob_unrefp) trb_blob *cert = NULL, *key = NULL, *section = NULL;
	_cleanup_(trb_blob_unrefp) trb_blob *payload = NULL, *message = NULL;
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	uint8_t pcr0[48] = { 1 }, pcr8[48], digest[64], sig[2 * 66], *forged;
	const struct cose_alg *alg;
	EVP_PKEY *pkey;
	char *subject = NULL;
	size_t len;

	make_signer(groups[_i], "Signer", &cert, &key);
	ck_assert_int_eq(
		trb_eif_sign(trb_blob_bytes(cert), trb_blob_bytes(key), pcr0, &section, NULL),
		TRB_OK);
	ck_assert_int_eq(trb_pem_read_key(trb_blob_bytes(key), &pkey), TRB_OK);
	alg = trb_cose_alg_of_key(pkey);
	ck_assert_int_eq(trb_eif_signed_payload(pcr0, &payload, NULL), TRB_OK);
	ck_assert_int_eq(trb_cose_sig_structure(TRB_BYTES(alg->protected, alg->protected_len),
						trb_blob_bytes(payload), &message, NULL),
			 TRB_OK);
	ck_assert_int_eq(EVP_Q_digest(NULL, digests[_i], NULL, trb_blob_bytes(message).ptr,
				      trb_blob_bytes(message).len, digest, &len),
			 1);
	end_at_infinity(pkey, groups[_i], TRB_BYTES(digest, len), sig, halves[_i]);
	sign_with(section, sig, 2 * (size_t)halves[_i], &forged, &len);
	ck_status(trb_eif_check_signature(TRB_BYTES(forged, len), pcr0, pcr8, &subject, &err),
		  TRB_E_EVIDENCE, err);
	ck_assert_str_eq(trb_error_check(err), "eif.signature");
	free(forged);
	EVP_PKEY_free(pkey);
}
END_TEST

/* One flipped bit anywhere in a signed image is noticed. */
START_TEST(every_flipped_byte_is_refused)
{
	_cleanup_(trb_blob_unrefp) trb_blob *cert = NULL, *key = NULL;
	struct made m;
	uint8_t *copy;
	size_t len;

	make_signer("P-256", "Signer", &cert, &key);
	make(&m, trb_blob_bytes(cert), trb_blob_bytes(key), 300);
	len = trb_blob_bytes(m.file).len;
	copy = malloc(len);
	ck_assert_ptr_nonnull(copy);
	for (size_t i = 0; i < len; i++) {
		trb_eif *eif = NULL;

		memcpy(copy, trb_blob_bytes(m.file).ptr, len);
		copy[i] ^= 1u << i % 8;
		ck_assert_msg(open_bytes(TRB_BYTES(copy, len), &eif, NULL) < 0, "byte %zu", i);
	}
	free(copy);
	unmake(&m);
}
END_TEST

START_TEST(every_truncation_is_refused)
{
	struct made m;

	make(&m, TRB_BYTES_NULL, TRB_BYTES_NULL, 300);
	for (size_t n = 0; n < trb_blob_bytes(m.file).len; n++) {
		trb_eif *eif = NULL;

		ck_assert_msg(open_bytes(TRB_BYTES(trb_blob_bytes(m.file).ptr, n), &eif, NULL) < 0,
			      "%zu bytes", n);
	}
	unmake(&m);
}
END_TEST

/* A change of the header alone, with a true CRC: what other readers let through. */
static int with_header(const struct made *m, size_t at, uint64_t value, size_t n, char **ret_reason)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	trb_bytes file = trb_blob_bytes(m->file);
	struct eif_layout layout;
	struct eif_file image;
	struct eif_measurement measured;
	uint8_t *copy = malloc(file.len);
	trb_eif *eif = NULL;
	int fd, r;

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, file.ptr, file.len);
	eif_put_be(copy + at, value, n);
	fd = memory_file(file);
	ck_assert_int_eq(trb_eif_file_init(&image, NULL, fd, NULL), TRB_OK);
	ck_assert_int_eq(trb_eif_read_layout(&image.source, &layout, NULL), TRB_OK);
	memcpy(layout.raw, copy, EIF_HEADER_SIZE);
	ck_assert_int_eq(trb_eif_measure(&image.source, &layout, NULL, &measured, NULL), TRB_OK);
	close(fd);
	eif_put_be(copy + EIF_CRC_OFFSET, measured.crc, 4);
	r = open_bytes(TRB_BYTES(copy, file.len), &eif, &err);
	*ret_reason = r < 0 ? strdup(trb_error_message(err)) : NULL;
	trb_eif_unref(eif);
	free(copy);
	return r;
}

START_TEST(headers_that_others_accept_are_refused)
{
	static const struct {
		size_t at, n;
		uint64_t value;
		const char *reason;
	} rows[] = {
		{ 4, 2, 5, "version 5" },      { 4, 2, 1, "version 1" },
		{ 24, 2, 1, "reserved" },      { 26, 2, 4, "after the last section" },
		{ 26, 2, 6, "ends at byte" },  { 26, 2, 1, "1 sections" },
		{ 28, 8, 549, "table puts" },  { 28, 8, UINT64_MAX, "table puts" },
		{ 284, 8, 9, "table gives" },  { 284, 8, 1ull << 40, "table gives" },
		{ 276, 8, 548, "entry 31" },   { 532, 8, 1, "entry 31" },
		{ 540, 4, 1, "unused bytes" }, { 3, 1, 'F', "byte 0" },
	};
	struct made m;

	make(&m, TRB_BYTES_NULL, TRB_BYTES_NULL, 300);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *reason = NULL;

		ck_assert_msg(with_header(&m, rows[i].at, rows[i].value, rows[i].n, &reason) < 0,
			      "row %zu was read", i);
		ck_assert_msg(strstr(reason, rows[i].reason) != NULL, "row %zu: %s", i, reason);
		free(reason);
	}
	unmake(&m);
}
END_TEST

START_TEST(reading_can_be_canceled)
{
	trb_context *context = NULL;
	trb_eif *eif = NULL;
	struct made m;
	int fd;

	make(&m, TRB_BYTES_NULL, TRB_BYTES_NULL, 300);
	fd = memory_file(trb_blob_bytes(m.file));
	ck_assert_int_eq(trb_context_new(&context, NULL), TRB_OK);
	trb_context_set_canceled(context, 1);
	ck_assert_int_eq(trb_eif_open_fd(context, fd, &eif, NULL), TRB_E_CANCELED);
	trb_context_set_canceled(context, 0);
	ck_assert_int_eq(trb_eif_open_fd(context, fd, &eif, NULL), TRB_OK);
	trb_eif_unref(eif);
	trb_context_unref(context);
	close(fd);
	unmake(&m);
}
END_TEST

START_TEST(aarch64_changes_no_measurement)
{
	struct made m;
	char *reason = NULL;

	make(&m, TRB_BYTES_NULL, TRB_BYTES_NULL, 300);
	ck_assert_int_eq(with_header(&m, 6, 1, 2, &reason), TRB_OK);
	unmake(&m);
}
END_TEST

START_TEST(what_is_no_file_is_refused)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	trb_eif *eif = NULL;

	ck_assert_int_eq(trb_eif_open(NULL, "/dev/zero", &eif, &err), TRB_E_FORMAT);
	ck_assert_int_eq(trb_eif_open(NULL, "/", &eif, NULL), TRB_E_FORMAT);
	ck_assert_int_eq(trb_eif_open(NULL, "/nonexistent/image.eif", &eif, NULL), TRB_E_NOTFOUND);
	ck_assert_ptr_null(eif);
}
END_TEST

START_TEST(json_has_the_names_of_nitro_cli)
{
	_cleanup_(trb_blob_unrefp) trb_blob *text = NULL;
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	_cleanup_(trb_eif_unrefp) trb_eif *eif = NULL;
	struct made m;
	cJSON *json, *pcrs;
	char hex[97];

	make(&m, TRB_BYTES_NULL, TRB_BYTES_NULL, 300);
	ck_status(open_bytes(trb_blob_bytes(m.file), &eif, &err), TRB_OK, err);
	ck_status(trb_eif_measurements_json(eif, &text, &err), TRB_OK, err);
	json = test_json_of(trb_blob_bytes(text));
	pcrs = cJSON_GetObjectItem(json, "Measurements");
	ck_assert_str_eq(cJSON_GetObjectItem(pcrs, "HashAlgorithm")->valuestring, "Sha384 { ... }");
	trb_hex_encode(trb_eif_get_pcr(eif, 2), hex);
	ck_assert_str_eq(cJSON_GetObjectItem(pcrs, "PCR2")->valuestring, hex);
	ck_assert_ptr_null(cJSON_GetObjectItem(pcrs, "PCR8"));
	ck_assert_int_eq(cJSON_GetArraySize(cJSON_GetObjectItem(json, "Flags")), 0);
	ck_assert_int_eq(cJSON_GetArraySize(cJSON_GetObjectItem(json, "Sections")), 5);
	cJSON_Delete(json);
	unmake(&m);
}
END_TEST

int main(void)
{
	char folder[] = "/tmp/trb-eif-XXXXXX";
	Suite *suite = suite_create("eif");
	TCase *tc = tcase_create("eif");
	int status;

	scratch = mkdtemp(folder);
	if (scratch == NULL)
		return EXIT_FAILURE;
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, every_vector_by_name);
	tcase_add_test(tc, written_images_are_read_and_measured_alike);
	tcase_add_test(tc, writing_twice_gives_the_same_bytes);
	tcase_add_loop_test(tc, signed_images_verify, 0, 3);
	tcase_add_test(tc, another_signers_key_is_refused);
	tcase_add_loop_test(tc, a_signature_that_ends_at_infinity_is_refused, 0, 3);
	tcase_add_test(tc, every_flipped_byte_is_refused);
	tcase_add_test(tc, every_truncation_is_refused);
	tcase_add_test(tc, headers_that_others_accept_are_refused);
	tcase_add_test(tc, reading_can_be_canceled);
	tcase_add_test(tc, aarch64_changes_no_measurement);
	tcase_add_test(tc, what_is_no_file_is_refused);
	tcase_add_test(tc, json_has_the_names_of_nitro_cli);
	suite_add_tcase(suite, tc);
	status = test_run(suite);
	trb_remove_tree(AT_FDCWD, scratch, NULL);
	return status;
}
