/* SPDX-License-Identifier: Apache-2.0 */
/* Attestation documents (AT) of the AWS Nitro Security Module: an untagged or tagged COSE_Sign1
 * (RFC 9052) over a CBOR map, as in AWS's "Attestation process" (nsm-api, docs/).  The rules by
 * which they are judged are in docs/verification.md. */
#ifndef TRUSTBUILD_ATTESTATION_H
#define TRUSTBUILD_ATTESTATION_H

#include <trustbuild/bytes.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A document: parsed, NOT verified.  Immutable; may be shared between threads. */
typedef struct trb_attestation trb_attestation;

/* Reads a document, at most 16 KiB, and checks its form alone: COSE_Sign1, algorithm ES384, an
 * empty unprotected header, every payload field's type and size, no duplicate and no unknown
 * field.  What it says is worth nothing before trb_document_verifier_check().  The bytes are
 * copied.  Errors: TRB_E_FORMAT and TRB_E_LIMIT with check id "document.parse", TRB_E_INVAL,
 * TRB_E_NOMEM. */
TRB_API TRB_CHECK int trb_attestation_parse(trb_bytes document, trb_attestation **ret_attestation,
					    trb_error **err);

/* One more reference; returns attestation.  NULL is a no-op. */
TRB_API trb_attestation *trb_attestation_ref(trb_attestation *attestation);

/* Drops a reference; always returns NULL.  NULL is a no-op. */
TRB_API trb_attestation *trb_attestation_unref(trb_attestation *attestation);

/* Getters: views that live as long as the attestation; empty ones, and 0, for NULL. */

/* The document as it was given. */
TRB_API trb_bytes trb_attestation_get_document(const trb_attestation *attestation);
/* The name of the NSM that signed: "i-", 17 hexadecimal digits, "-enc", hexadecimal digits. */
TRB_API trb_bytes trb_attestation_get_module_id(const trb_attestation *attestation);
/* When it was signed, by the hypervisor's word: milliseconds since 1970, UTC. */
TRB_API uint64_t trb_attestation_get_timestamp_ms(const trb_attestation *attestation);
/* A locked PCR, 48 bytes (SHA-384); an empty view where the document lists none of that index. */
TRB_API trb_bytes trb_attestation_get_pcr(const trb_attestation *attestation, unsigned index);
/* 1 where PCR0, 1 and 2 are zero: the enclave ran in debug mode, and its code is not attested.  So
 * it is of NULL. */
TRB_API int trb_attestation_is_debug(const trb_attestation *attestation);
/* The certificate of the signing key, DER. */
TRB_API trb_bytes trb_attestation_get_certificate(const trb_attestation *attestation);
/* How many issuers' certificates it carries, 1 to 8. */
TRB_API size_t trb_attestation_count_cabundle(const trb_attestation *attestation);
/* One issuer's certificate, DER, 0 being the root; an empty view beyond the last. */
TRB_API trb_bytes trb_attestation_get_cabundle(const trb_attestation *attestation, size_t index);
/* What the caller of the NSM asked to be signed, at most 1024 bytes each.  ptr is NULL where the
 * field is null or absent, and not NULL where it is present, even with length 0. */
TRB_API trb_bytes trb_attestation_get_public_key(const trb_attestation *attestation);
TRB_API trb_bytes trb_attestation_get_user_data(const trb_attestation *attestation);
TRB_API trb_bytes trb_attestation_get_nonce(const trb_attestation *attestation);

/* What stands behind a verified document: a root that anybody can make (its digest is pinned, its
 * owner is not AWS), or the root of AWS Nitro Enclaves, compared as bytes. */
enum { TRB_ASSURANCE_SIMULATED = 1, TRB_ASSURANCE_HARDWARE = 2 };

/* Judges bare documents, without any claim.  It remembers the issuers' certificates whose
 * signatures it has checked, so that the next document of the same instance costs two signature
 * verifications in place of five.  Set up by one thread; after that
 * trb_document_verifier_check() may be called by many at once. */
typedef struct trb_document_verifier trb_document_verifier;

/* A verifier that trusts the root of AWS Nitro Enclaves, judges each document at its own time and
 * refuses those of debug enclaves.  Errors: TRB_E_INVAL, TRB_E_NOMEM. */
TRB_API TRB_CHECK int trb_document_verifier_new(trb_document_verifier **ret_verifier,
						trb_error **err);

/* One more reference; returns verifier.  NULL is a no-op. */
TRB_API trb_document_verifier *trb_document_verifier_ref(trb_document_verifier *verifier);

/* Drops a reference; always returns NULL.  NULL is a no-op. */
TRB_API trb_document_verifier *trb_document_verifier_unref(trb_document_verifier *verifier);

/* Trusts this root, one certificate in DER or PEM of at most 4 KiB, and no longer the one of AWS
 * unless it is the same; may be called for up to 8 roots.  Any root but that of AWS makes
 * simulated evidence.  Errors: TRB_E_FORMAT, TRB_E_LIMIT, TRB_E_INVAL, TRB_E_NOMEM. */
TRB_API TRB_CHECK int trb_document_verifier_add_root(trb_document_verifier *verifier,
						     trb_bytes certificate, trb_error **err);

/* Judges every document at this time, seconds since 1970, instead of its own: every certificate has
 * to be valid then, and a document that was signed more than 5 minutes later is refused by check id
 * "document.time". */
TRB_API void trb_document_verifier_set_time(trb_document_verifier *verifier, uint64_t unix_s);

/* Lets documents of debug enclaves pass, whose PCR0, 1 and 2 say nothing. */
TRB_API void trb_document_verifier_set_allow_debug(trb_document_verifier *verifier, int allow);

/* Demands, each at most once; bytes are copied.  Errors: TRB_E_INVAL for a second one of the same
 * kind and for what no document can have, TRB_E_NOMEM. */

/* Signed at most max_age_s seconds before now_s (seconds since 1970), and at most 5 minutes after
 * it; now_s decides nothing else.  Check id "document.time". */
TRB_API TRB_CHECK int trb_document_verifier_demand_age(trb_document_verifier *verifier,
						       uint64_t now_s, uint64_t max_age_s,
						       trb_error **err);
/* PCR index, 0 to 31, has this value of 48 bytes; once for each index.  Check id "document.pcrs".
 */
TRB_API TRB_CHECK int trb_document_verifier_demand_pcr(trb_document_verifier *verifier,
						       unsigned index, trb_bytes value,
						       trb_error **err);
/* The field is there and has exactly these bytes, at most 1024; none at all is a value, too.  Check
 * ids "document.nonce", "document.data", "document.key". */
TRB_API TRB_CHECK int trb_document_verifier_demand_nonce(trb_document_verifier *verifier,
							 trb_bytes nonce, trb_error **err);
TRB_API TRB_CHECK int trb_document_verifier_demand_user_data(trb_document_verifier *verifier,
							     trb_bytes user_data, trb_error **err);
TRB_API TRB_CHECK int trb_document_verifier_demand_public_key(trb_document_verifier *verifier,
							      trb_bytes public_key,
							      trb_error **err);

/* Judges one document: document.parse, document.signature, document.chain, document.debug, then
 * what is demanded.  ret_assurance is one of TRB_ASSURANCE_*.  ret_report gets every check and its
 * outcome as JSON; it is the one output that is written on a refusal, too.  Each of the three may
 * be NULL.  Errors: TRB_E_EVIDENCE with the id of the check that failed, of the demands'
 * TRB_E_FRESHNESS (time, nonce), TRB_E_MEASUREMENT (PCRs) and TRB_E_CLAIM (data, key);
 * TRB_E_INVAL, TRB_E_NOMEM. */
TRB_API TRB_CHECK int trb_document_verifier_check(trb_document_verifier *verifier,
						  trb_bytes document,
						  trb_attestation **ret_attestation,
						  int *ret_assurance, trb_blob **ret_report,
						  trb_error **err);

#ifdef __cplusplus
}
#endif

#endif
