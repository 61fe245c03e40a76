/* SPDX-License-Identifier: Apache-2.0 */
/* The NSM's document: form alone (docs/verification.md, "document.parse"). */
#include "format/attestation.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "core/cleanup.h"
#include "core/error.h"
#include "format/facts.h"

#define CHECK_ID        "document.parse"
#define TIMESTAMP_MAX   253402300799999u /* the year 9999 ends */
#define INSTANCE_DIGITS 17
#define DEBUG_PCRS      3

struct trb_attestation {
	atomic_uint refs;
	trb_blob *document;
	cbor_item_t *envelope, *fields; /* own what the views point to */
	struct trb_cose_sign1 sign1;
	trb_bytes module_id;
	uint64_t timestamp_ms;
	trb_bytes pcrs[TRB_NSM_PCRS];
	trb_bytes certificate;
	size_t n_cabundle;
	trb_bytes cabundle[TRB_NSM_CABUNDLE];
	trb_bytes public_key, user_data, nonce;
};

typedef struct trb_attestation attestation;

/* Takes lower-case hexadecimal digits off in; how many there were. */
static size_t take_hex_digits(trb_bytes *in)
{
	size_t n = 0;

	while (n < in->len && in->ptr[n] != 0 && strchr("0123456789abcdef", in->ptr[n]) != NULL)
		n++;
	trb_bytes_take(in, n);
	return n;
}

static bool take_literal(trb_bytes *in, const char *literal)
{
	trb_bytes rest = *in;
	trb_bytes head = trb_bytes_take(&rest, strlen(literal));

	if (!trb_bytes_eq_str(head, literal))
		return false;
	*in = rest;
	return true;
}

bool trb_module_id_valid(trb_bytes id)
{
	return take_literal(&id, "i-") && take_hex_digits(&id) == INSTANCE_DIGITS &&
	       take_literal(&id, "-enc") && take_hex_digits(&id) > 0 && id.len == 0;
}

static int decode_module_id(const cbor_item_t *item, attestation *a, trb_error **err)
{
	int r = trb_cbor_tstr(item, 1, TRB_NSM_MODULE_ID_MAX, "module_id", &a->module_id, err);

	if (r < 0)
		return r;
	if (!trb_module_id_valid(a->module_id))
		return trb_fail(err, TRB_E_FORMAT, "module_id '%.*s' is not that of an enclave",
				(int)a->module_id.len, (const char *)a->module_id.ptr);
	return TRB_OK;
}

static int decode_digest(const cbor_item_t *item, attestation *a, trb_error **err)
{
	trb_bytes digest;
	int r = trb_cbor_tstr(item, 1, 16, "digest", &digest, err);

	(void)a;
	if (r < 0)
		return r;
	if (!trb_bytes_eq_str(digest, "SHA384"))
		return trb_fail(err, TRB_E_FORMAT, "digest is not SHA384");
	return TRB_OK;
}

static int decode_timestamp(const cbor_item_t *item, attestation *a, trb_error **err)
{
	int r = trb_cbor_uint(item, TIMESTAMP_MAX, "timestamp", &a->timestamp_ms, err);

	if (r == TRB_OK && a->timestamp_ms == 0)
		return trb_fail(err, TRB_E_FORMAT, "timestamp is zero");
	return r;
}

/* The gate has refused duplicate keys, longer encodings of the same number included. */
static int decode_pcrs(const cbor_item_t *item, attestation *a, trb_error **err)
{
	struct cbor_pair *pairs;
	size_t n;
	int r = trb_cbor_map(item, 1, TRB_NSM_PCRS, "pcrs", &pairs, &n, err);

	for (size_t i = 0; r == TRB_OK && i < n; i++) {
		uint64_t index;

		r = trb_cbor_uint(pairs[i].key, TRB_NSM_PCRS - 1, "a PCR's index", &index, err);
		if (r == TRB_OK)
			r = trb_cbor_bstr(pairs[i].value, TRB_SHA384_LEN, TRB_SHA384_LEN, "a PCR",
					  &a->pcrs[index], err);
	}
	for (size_t i = 0; r == TRB_OK && i < DEBUG_PCRS; i++)
		if (a->pcrs[i].ptr == NULL)
			r = trb_fail(err, TRB_E_FORMAT, "pcrs has no PCR%zu", i);
	return r;
}

static int decode_certificate(const cbor_item_t *item, attestation *a, trb_error **err)
{
	return trb_cbor_bstr(item, 1, TRB_NSM_CERTIFICATE_MAX, "certificate", &a->certificate, err);
}

static int decode_cabundle(const cbor_item_t *item, attestation *a, trb_error **err)
{
	cbor_item_t **entries;
	size_t n;
	int r = trb_cbor_array(item, 1, TRB_NSM_CABUNDLE, "cabundle", &entries, &n, err);

	for (size_t i = 0; r == TRB_OK && i < n; i++)
		r = trb_cbor_bstr(entries[i], 1, TRB_NSM_CERTIFICATE_MAX, "an entry of cabundle",
				  &a->cabundle[i], err);
	if (r == TRB_OK)
		a->n_cabundle = n;
	return r;
}

/* Null and present with length 0 are different answers. */
static int decode_optional(const cbor_item_t *item, const char *what, trb_bytes *ret,
			   trb_error **err)
{
	int r;

	if (trb_cbor_is_null(item))
		return TRB_OK;
	r = trb_cbor_bstr(item, 0, TRB_NSM_OPTIONAL_MAX, what, ret, err);
	if (r == TRB_OK && ret->len == 0)
		ret->ptr = (const uint8_t *)"";
	return r;
}

static int decode_public_key(const cbor_item_t *item, attestation *a, trb_error **err)
{
	return decode_optional(item, "public_key", &a->public_key, err);
}

static int decode_user_data(const cbor_item_t *item, attestation *a, trb_error **err)
{
	return decode_optional(item, "user_data", &a->user_data, err);
}

static int decode_nonce(const cbor_item_t *item, attestation *a, trb_error **err)
{
	return decode_optional(item, "nonce", &a->nonce, err);
}

static const struct field {
	const char *name;
	bool required;
	int (*decode)(const cbor_item_t *item, attestation *a, trb_error **err);
} fields[] = {
	{ "module_id", true, decode_module_id },
	{ "digest", true, decode_digest },
	{ "timestamp", true, decode_timestamp },
	{ "pcrs", true, decode_pcrs },
	{ "certificate", true, decode_certificate },
	{ "cabundle", true, decode_cabundle },
	{ "public_key", false, decode_public_key },
	{ "user_data", false, decode_user_data },
	{ "nonce", false, decode_nonce },
};
#define N_FIELDS (sizeof(fields) / sizeof(fields[0]))

static int find_field(const cbor_item_t *key, size_t *ret_index, trb_error **err)
{
	trb_bytes name;
	int r = trb_cbor_tstr(key, 1, 64, "a field's name", &name, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < N_FIELDS; i++)
		if (trb_bytes_eq_str(name, fields[i].name)) {
			*ret_index = i;
			return TRB_OK;
		}
	if (trb_bytes_eq_str(name, "nitrotpm_pcrs"))
		return trb_fail(err, TRB_E_FORMAT,
				"it is a NitroTPM's document, which attests no enclave");
	return trb_fail(err, TRB_E_FORMAT, "unknown field '%.*s'", (int)name.len,
			(const char *)name.ptr);
}

static int decode_payload(attestation *a, trb_error **err)
{
	struct cbor_pair *pairs;
	unsigned seen = 0;
	size_t n, index = 0;
	int r;

	if ((r = trb_cbor_load(a->sign1.payload, TRB_CBOR_NSM, "payload", &a->fields, err)) < 0 ||
	    (r = trb_cbor_map(a->fields, 1, N_FIELDS + 1, "payload", &pairs, &n, err)) < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		if ((r = find_field(pairs[i].key, &index, err)) < 0 ||
		    (r = fields[index].decode(pairs[i].value, a, err)) < 0)
			return r;
		seen |= 1u << index;
	}
	for (size_t i = 0; i < N_FIELDS; i++)
		if (fields[i].required && (seen & 1u << i) == 0)
			return trb_fail(err, TRB_E_FORMAT, "field '%s' is missing", fields[i].name);
	return TRB_OK;
}

static bool has_only(trb_bytes text, const char *characters)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] == '\0' || strchr(characters, text.ptr[i]) == NULL)
			return false;
	return true;
}

static bool begins_with(trb_bytes text, const char *head)
{
	return text.len >= strlen(head) && memcmp(text.ptr, head, strlen(head)) == 0;
}

#define BLANKS " \t\r\n"
#define DIGITS "0123456789"
#define UPPER  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define LOWER  "abcdefghijklmnopqrstuvwxyz"

/* What others hand out in place of a document's bytes, told by how its first ones (0x84, or 0xd2
 * 0x84) look there; NULL where it is nothing of these. */
static const char *other_form(trb_bytes in)
{
	static const struct {
		const char *head, *characters, *advice;
	} forms[] = {
		{ "84", DIGITS "abcdefABCDEF" BLANKS,
		  "hexadecimal digits: decode them (xxd -r -p)" },
		{ "d2", DIGITS "abcdefABCDEF" BLANKS,
		  "hexadecimal digits: decode them (xxd -r -p)" },
		{ "D2", DIGITS "abcdefABCDEF" BLANKS,
		  "hexadecimal digits: decode them (xxd -r -p)" },
		{ "h", DIGITS UPPER LOWER "+/=" BLANKS, "base64: decode it (base64 -d)" },
		{ "0o", DIGITS UPPER LOWER "+/=" BLANKS, "base64: decode it (base64 -d)" },
		{ "h", DIGITS UPPER LOWER "-_=" BLANKS,
		  "base64url: decode it (basenc --base64url -d)" },
		{ "0o", DIGITS UPPER LOWER "-_=" BLANKS,
		  "base64url: decode it (basenc --base64url -d)" },
		{ "{", NULL, "JSON, as bundles are, which tb-verify takes with --bundle" },
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (begins_with(in, forms[i].head) &&
		    (forms[i].characters == NULL || has_only(in, forms[i].characters)))
			return forms[i].advice;
	return NULL;
}

static int parse(trb_bytes document, attestation *a, trb_error **err)
{
	const char *other = other_form(document);
	int r;

	if (other != NULL)
		return trb_fail(err, TRB_E_FORMAT, "it looks like %s", other);
	if (document.len > TRB_ATTESTATION_MAX)
		return trb_fail(err, TRB_E_LIMIT, "it has more than %u bytes", TRB_ATTESTATION_MAX);
	if ((r = trb_blob_new(document, &a->document, err)) < 0 ||
	    (r = trb_cose_sign1_decode(document, TRB_ATTESTATION_MAX, &a->sign1, &a->envelope,
				       err)) < 0)
		return r;
	return decode_payload(a, err);
}

int trb_attestation_parse(trb_bytes document, trb_attestation **ret_attestation, trb_error **err)
{
	_cleanup_(trb_attestation_unrefp) trb_attestation *a = NULL;
	int r;

	if (ret_attestation == NULL)
		return trb_fail(err, TRB_E_INVAL, "trb_attestation_parse: nowhere to put it");
	a = calloc(1, sizeof(*a));
	if (a == NULL)
		return trb_fail_nomem(err);
	atomic_init(&a->refs, 1);
	r = parse(document, a, err);
	if (r == TRB_E_NOMEM)
		return r;
	if (r < 0)
		r = trb_wrap_check(err, r, CHECK_ID, "no attestation document of an enclave");
	if (r < 0) /* there may be no memory for the error */
		return err != NULL && trb_error_code(*err) == TRB_E_NOMEM ? TRB_E_NOMEM : r;
	*ret_attestation = steal_ptr(&a);
	return TRB_OK;
}

trb_attestation *trb_attestation_ref(trb_attestation *a)
{
	if (a != NULL)
		atomic_fetch_add_explicit(&a->refs, 1, memory_order_relaxed);
	return a;
}

trb_attestation *trb_attestation_unref(trb_attestation *a)
{
	if (a == NULL || atomic_fetch_sub_explicit(&a->refs, 1, memory_order_acq_rel) > 1)
		return NULL;
	trb_cbor_freep(&a->fields);
	trb_cbor_freep(&a->envelope);
	trb_blob_unref(a->document);
	free(a);
	return NULL;
}

trb_bytes trb_attestation_get_document(const trb_attestation *a)
{
	return a != NULL ? trb_blob_bytes(a->document) : TRB_BYTES_NULL;
}

trb_bytes trb_attestation_get_module_id(const trb_attestation *a)
{
	return a != NULL ? a->module_id : TRB_BYTES_NULL;
}

uint64_t trb_attestation_get_timestamp_ms(const trb_attestation *a)
{
	return a != NULL ? a->timestamp_ms : 0;
}

trb_bytes trb_attestation_get_pcr(const trb_attestation *a, unsigned index)
{
	return a != NULL && index < TRB_NSM_PCRS ? a->pcrs[index] : TRB_BYTES_NULL;
}

trb_bytes trb_attestation_get_certificate(const trb_attestation *a)
{
	return a != NULL ? a->certificate : TRB_BYTES_NULL;
}

size_t trb_attestation_count_cabundle(const trb_attestation *a)
{
	return a != NULL ? a->n_cabundle : 0;
}

trb_bytes trb_attestation_get_cabundle(const trb_attestation *a, size_t index)
{
	return a != NULL && index < a->n_cabundle ? a->cabundle[index] : TRB_BYTES_NULL;
}

trb_bytes trb_attestation_get_public_key(const trb_attestation *a)
{
	return a != NULL ? a->public_key : TRB_BYTES_NULL;
}

trb_bytes trb_attestation_get_user_data(const trb_attestation *a)
{
	return a != NULL ? a->user_data : TRB_BYTES_NULL;
}

trb_bytes trb_attestation_get_nonce(const trb_attestation *a)
{
	return a != NULL ? a->nonce : TRB_BYTES_NULL;
}

const struct trb_cose_sign1 *trb_attestation_sign1(const trb_attestation *a)
{
	return &a->sign1;
}

int trb_attestation_is_debug(const trb_attestation *a)
{
	for (size_t i = 0; a != NULL && i < DEBUG_PCRS; i++)
		if (!trb_bytes_all_zero(a->pcrs[i]))
			return 0;
	return 1;
}
