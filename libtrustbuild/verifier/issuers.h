/* SPDX-License-Identifier: Apache-2.0 */
/* Issuers' certificates whose signatures were checked once.  An entry says one thing, which neither
 * time nor roots can change: the certificate of this digest was signed by the key of the
 * certificate of that digest.  Everything else is judged anew for each document. */
#ifndef TRB_VERIFIER_ISSUERS_H
#define TRB_VERIFIER_ISSUERS_H

#include <stdatomic.h>

#include "core/cleanup.h"
#include "format/ec.h"
#include "format/facts.h"
#include "format/x509.h"

struct trb_issuer {
	uint8_t sha256[TRB_SHA256_LEN]; /* of its DER */
	uint8_t parent[TRB_SHA256_LEN]; /* of its issuer's DER; zero for a root */
	struct trb_cert cert;           /* views into der */
	struct trb_ec_key *key;
	/* private */
	trb_blob *der;
	atomic_uint refs;
};

/* Reads a certificate and loads its key.  *ret_fault is a static sentence where it is none of the
 * profile, which is TRB_E_FORMAT.  Errors: TRB_E_NOMEM. */
int trb_issuer_new(const struct trb_ec_curve *curve, trb_bytes der, const uint8_t sha256[32],
		   const uint8_t parent[32], struct trb_issuer **ret, const char **ret_fault);
struct trb_issuer *trb_issuer_ref(struct trb_issuer *issuer);
struct trb_issuer *trb_issuer_unref(struct trb_issuer *issuer);
TRB_DEFINE_CLEANUP(struct trb_issuer *, trb_issuer_unref);

/* Bounded; may be used by many threads at once. */
struct trb_issuers;
int trb_issuers_new(struct trb_issuers **ret, trb_error **err);
struct trb_issuers *trb_issuers_free(struct trb_issuers *issuers);
void trb_issuers_clear(struct trb_issuers *issuers);
/* One more reference to the issuer, or NULL. */
struct trb_issuer *trb_issuers_find(struct trb_issuers *issuers, const uint8_t sha256[32],
				    const uint8_t parent[32]);
/* Takes a reference; the entry of its set that was used longest ago gives way. */
void trb_issuers_add(struct trb_issuers *issuers, struct trb_issuer *issuer);

#endif
