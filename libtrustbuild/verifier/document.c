/* SPDX-License-Identifier: Apache-2.0 */
/* The public judge of bare documents, over verifier/nitro.h. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "core/error.h"
#include "format/crypto.h"
#include "format/der.h"
#include "format/json.h"
#include "format/x509.h"
#include "verifier/nitro.h"
#include "verifier/report.h"

#define ROOTS_MAX      8
#define ROOT_BYTES_MAX 4096
#define REPORT_MAX     (64u * 1024)

struct trb_document_verifier {
	atomic_uint refs;
	struct trb_nitro *nitro;
	uint64_t time_s;
	unsigned flags;
	bool own_roots; /* the caller has replaced AWS's */
	size_t n_roots;
	struct trb_nitro_root roots[ROOTS_MAX];
};

TRB_DEFINE_CLEANUP(trb_document_verifier *, trb_document_verifier_unref);

int trb_document_verifier_new(trb_document_verifier **ret_verifier, trb_error **err)
{
	_cleanup_(trb_document_verifier_unrefp) trb_document_verifier *v = NULL;
	int r;

	if (ret_verifier == NULL)
		return trb_fail(err, TRB_E_INVAL, "trb_document_verifier_new: nowhere to put it");
	v = calloc(1, sizeof(*v));
	if (v == NULL)
		return trb_fail_nomem(err);
	atomic_init(&v->refs, 1);
	v->time_s = TRB_NITRO_TIME_DOCUMENT;
	v->n_roots = 1;
	v->roots[0].name = TRB_NITRO_ROOT_AWS;
	r = trb_nitro_new(&v->nitro, err);
	if (r < 0)
		return r;
	*ret_verifier = steal_ptr(&v);
	return TRB_OK;
}

trb_document_verifier *trb_document_verifier_ref(trb_document_verifier *v)
{
	if (v != NULL)
		atomic_fetch_add_explicit(&v->refs, 1, memory_order_relaxed);
	return v;
}

trb_document_verifier *trb_document_verifier_unref(trb_document_verifier *v)
{
	if (v == NULL || atomic_fetch_sub_explicit(&v->refs, 1, memory_order_acq_rel) > 1)
		return NULL;
	trb_nitro_free(v->nitro);
	free(v);
	return NULL;
}

static const char begin_line[] = "-----BEGIN ";

static bool has_another(trb_bytes pem, const char *begin)
{
	const char *rest = begin + strlen(begin_line), *end = (const char *)pem.ptr + pem.len;

	return memmem(rest, (size_t)(end - rest), begin_line, strlen(begin_line)) != NULL;
}

/* PEM's own complaints, as opposed to OpenSSL's troubles. */
static bool is_pem_fault(unsigned long error)
{
	return ERR_GET_LIB(error) == ERR_LIB_PEM &&
	       ERR_GET_REASON(error) >= PEM_R_BAD_BASE64_DECODE &&
	       ERR_GET_REASON(error) <= PEM_R_EXPECTING_RSA_KEY_BLOB;
}

/* The one certificate of a PEM text, as DER; TRB_E_FORMAT where it is none. */
static int decode_pem(trb_bytes pem, trb_blob **ret_der, trb_error **err)
{
	BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
	char *name = NULL, *header = NULL;
	unsigned char *der = NULL;
	const char *begin;
	unsigned long error;
	long len = 0;
	int r, read;

	if (bio == NULL)
		return trb_fail_nomem(err);
	begin = memmem(pem.ptr, pem.len, begin_line, strlen(begin_line));
	trb_crypto_begin();
	read = PEM_read_bio(bio, &name, &header, &der, &len);
	error = trb_crypto_end();
	if (read != 1 && !is_pem_fault(error))
		r = trb_fail_nomem(err);
	else if (read != 1 || strcmp(name, PEM_STRING_X509) != 0)
		r = trb_fail(err, TRB_E_FORMAT, "the root is no certificate in PEM or DER");
	else if (begin == NULL || has_another(pem, begin))
		r = trb_fail(err, TRB_E_FORMAT,
			     "the root's file has more than one certificate: which one is meant?");
	else
		r = trb_blob_new(TRB_BYTES(der, len), ret_der, err);
	OPENSSL_free(name);
	OPENSSL_free(header);
	OPENSSL_free(der);
	BIO_free(bio);
	return r;
}

/* A SEQUENCE with a length of more than one byte, which begins no text. */
static bool looks_like_der(trb_bytes in)
{
	return in.len > 1 && in.ptr[0] == TRB_DER_SEQUENCE && in.ptr[1] >= 0x80;
}

int trb_document_verifier_add_root(trb_document_verifier *v, trb_bytes certificate, trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *der = NULL;
	struct trb_nitro_root root = { 0 };
	struct trb_cert cert;
	const char *fault;
	size_t n;
	int r;

	if (v == NULL)
		return trb_fail(err, TRB_E_INVAL, "trb_document_verifier_add_root: no verifier");
	n = v->own_roots ? v->n_roots : 0;
	if (certificate.len > ROOT_BYTES_MAX)
		return trb_fail(err, TRB_E_LIMIT, "a root has at most %d bytes", ROOT_BYTES_MAX);
	if (n == ROOTS_MAX)
		return trb_fail(err, TRB_E_LIMIT, "there are more than %d roots", ROOTS_MAX);
	r = looks_like_der(certificate) ? trb_blob_new(certificate, &der, err)
					: decode_pem(certificate, &der, err);
	if (r < 0)
		return r;
	fault = trb_cert_parse(trb_blob_bytes(der), &cert);
	if (fault != NULL)
		return trb_fail(err, TRB_E_FORMAT, "the root certificate: %s", fault);
	r = trb_sha256(trb_blob_bytes(der), root.sha256, err);
	if (r < 0)
		return r;
	if (trb_nitro_is_aws_root(trb_blob_bytes(der)))
		root.name = TRB_NITRO_ROOT_AWS;
	v->roots[n] = root;
	v->n_roots = n + 1;
	v->own_roots = true;
	return TRB_OK;
}

void trb_document_verifier_set_time(trb_document_verifier *v, uint64_t unix_s)
{
	/* a caller's time_t of -1 is a wrong time, not the document's own */
	if (v != NULL)
		v->time_s = unix_s == TRB_NITRO_TIME_DOCUMENT ? unix_s - 1 : unix_s;
}

void trb_document_verifier_set_allow_debug(trb_document_verifier *v, int allow)
{
	if (v != NULL)
		v->flags = allow != 0 ? TRB_NITRO_ALLOW_DEBUG : 0;
}

/* A document's checks among those of the report, and their outcomes in its words. */
static const enum trb_check_id rows[TRB_NITRO_CHECKS] = {
	[TRB_NITRO_PARSE] = TRB_CK_DOCUMENT_PARSE,
	[TRB_NITRO_SIGNATURE] = TRB_CK_DOCUMENT_SIGNATURE,
	[TRB_NITRO_CHAIN] = TRB_CK_DOCUMENT_CHAIN,
	[TRB_NITRO_DEBUG] = TRB_CK_DOCUMENT_DEBUG,
};
static const int outcomes[] = {
	[TRB_NITRO_NOT_RUN] = TRB_OUTCOME_NOT_RUN,
	[TRB_NITRO_PASS] = TRB_OUTCOME_PASS,
	[TRB_NITRO_FAIL] = TRB_OUTCOME_FAIL,
	[TRB_NITRO_WAIVED] = TRB_OUTCOME_NOT_DEMANDED,
};

/* The innermost error says it most exactly. */
static const char *reason_of(const trb_error *error)
{
	while (trb_error_cause(error) != NULL)
		error = trb_error_cause(error);
	return trb_error_message(error);
}

static void report_text(struct trb_json_out *out, const char *name, const char *text)
{
	trb_json_put_name(out, name);
	if (text == NULL)
		trb_json_put_null(out);
	else
		trb_json_put_str(out, text);
}

/* What was there, as the report of a bundle has it. */
static void report_actual(struct trb_json_out *out, const struct trb_nitro_verdict *verdict,
			  enum trb_nitro_check check, const trb_error *error)
{
	trb_json_put_name(out, "actual");
	switch (verdict->outcome[check]) {
	case TRB_NITRO_NOT_RUN:
		trb_json_put_null(out);
		break;
	case TRB_NITRO_FAIL:
		trb_json_put_lossy(out, trb_bytes_str(reason_of(error)));
		break;
	default:
		trb_json_put_str(out, trb_show_found(verdict, check).text);
	}
}

static void report_checks(struct trb_json_out *out, const struct trb_nitro_verdict *verdict,
			  const trb_error *error)
{
	trb_json_member_open(out, "checks", '[');
	for (unsigned i = 0; i < TRB_NITRO_CHECKS; i++) {
		const struct trb_check_rule *rule = &trb_check_rules[rows[i]];

		trb_json_open(out, '{');
		trb_json_member_str(out, "id", rule->id);
		trb_json_member_str(out, "outcome",
				    trb_outcome_name(outcomes[verdict->outcome[i]]));
		trb_json_member_str(out, "title", rule->title);
		report_text(out, "expected", NULL);
		report_actual(out, verdict, i, error);
		trb_json_member_str(out, "rule", rule->rule);
		trb_json_close(out, '}');
	}
	trb_json_close(out, ']');
}

static void report_optional(struct trb_json_out *out, const char *name, trb_bytes value)
{
	if (value.ptr != NULL) {
		trb_json_member_hex(out, name, value);
		return;
	}
	trb_json_put_name(out, name);
	trb_json_put_null(out);
}

/* Signed facts, and only of a document that passed. */
static void report_document(struct trb_json_out *out, const trb_attestation *a)
{
	char index[16];

	trb_json_member_open(out, "document", '{');
	trb_json_member_text(out, "module_id", trb_attestation_get_module_id(a));
	trb_json_member_uint(out, "timestamp_ms", trb_attestation_get_timestamp_ms(a));
	trb_json_member_open(out, "pcrs", '{');
	for (unsigned i = 0; i < TRB_NSM_PCRS; i++) {
		if (trb_attestation_get_pcr(a, i).ptr == NULL)
			continue;
		snprintf(index, sizeof(index), "%u", i);
		trb_json_member_hex(out, index, trb_attestation_get_pcr(a, i));
	}
	trb_json_close(out, '}');
	report_optional(out, "public_key", trb_attestation_get_public_key(a));
	report_optional(out, "user_data", trb_attestation_get_user_data(a));
	report_optional(out, "nonce", trb_attestation_get_nonce(a));
	trb_json_close(out, '}');
}

static int write_report(const struct trb_nitro_verdict *verdict, int result, const trb_error *error,
			trb_blob **ret, trb_error **err)
{
	_cleanup_buf_ struct trb_buf buf;
	struct trb_json_out out = { .buf = &buf };

	trb_buf_init(&buf, REPORT_MAX);
	trb_json_open(&out, '{');
	trb_json_member_str(&out, "verdict", result == TRB_OK ? "VERIFIED" : "REFUSED");
	report_text(&out, "refused", result == TRB_OK ? NULL : trb_error_check(error));
	report_text(&out, "assurance",
		    verdict->assurance == TRB_ASSURANCE_HARDWARE    ? "hardware"
		    : verdict->assurance == TRB_ASSURANCE_SIMULATED ? "simulated"
								    : NULL);
	trb_json_member_bool(&out, "simulated", verdict->assurance != TRB_ASSURANCE_HARDWARE);
	report_optional(&out, "root",
			verdict->assurance == 0 ? TRB_BYTES_NULL : TRB_BYTES(verdict->sha256, 32));
	if (verdict->attestation != NULL) {
		trb_json_member_uint(&out, "time_s", verdict->time_s);
		trb_json_member_bool(&out, "debug", verdict->debug);
	}
	report_checks(&out, verdict, error);
	if (result == TRB_OK)
		report_document(&out, verdict->attestation);
	trb_json_close(&out, '}');
	return trb_buf_to_blob(&buf, "report", ret, err);
}

int trb_document_verifier_check(trb_document_verifier *v, trb_bytes document,
				trb_attestation **ret_attestation, int *ret_assurance,
				trb_blob **ret_report, trb_error **err)
{
	_cleanup_(trb_nitro_verdict_clear) struct trb_nitro_verdict verdict = { 0 };
	_cleanup_(trb_error_unrefp) trb_error *error = NULL;
	_cleanup_(trb_blob_unrefp) trb_blob *report = NULL;
	int r;

	if (v == NULL)
		return trb_fail(err, TRB_E_INVAL, "trb_document_verifier_check: no verifier");
	r = trb_nitro_judge(v->nitro, document, v->time_s, v->roots, v->n_roots, v->flags, &verdict,
			    &error);
	if (ret_report != NULL && (r == TRB_OK || trb_is_verdict(r))) {
		int s = write_report(&verdict, r, error, &report, err);

		if (s < 0)
			return s;
		*ret_report = steal_ptr(&report);
	}
	if (r < 0) {
		if (err != NULL && *err == NULL)
			*err = steal_ptr(&error);
		return r;
	}
	if (ret_attestation != NULL)
		*ret_attestation = steal_ptr(&verdict.attestation);
	if (ret_assurance != NULL)
		*ret_assurance = verdict.assurance;
	return TRB_OK;
}
