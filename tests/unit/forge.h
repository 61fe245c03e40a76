/* SPDX-License-Identifier: Apache-2.0 */
/* Makes NSM documents under a private root, right in everything but what a test spoils.  The
 * certificates are OpenSSL's work, so that our reader is held against another writer. */
#ifndef TRB_TESTS_FORGE_H
#define TRB_TESTS_FORGE_H

#include <openssl/ec.h>
#include <openssl/evp.h>

#include "support.h"

#include "core/buffer.h"
#include "core/cleanup.h"

#define FORGE_CERTS  5 /* root, regional, zonal, instance, leaf */
#define FORGE_LEAF   4
#define FORGE_FIELDS 12
#define FORGE_TIME   1700000000u /* the document's, seconds */
#define FORGE_MODULE "i-0123456789abcdef0-enc0123456789abcdef"

struct forge_cert {
	const char *name;              /* subject's common name */
	const char *issuer;            /* NULL: the name of the one before */
	int signer;                    /* whose key signs it */
	const char *basic_constraints; /* OpenSSL's notation; NULL: none */
	const char *key_usage;
	const char *more;       /* "OID value" of another extension, in OpenSSL's notation */
	bool twice;             /* that extension stands there again */
	const char *curve;      /* "P-384" */
	const char *digest;     /* "SHA384" */
	bool key_ids;           /* subjectKeyIdentifier, authorityKeyIdentifier */
	bool critical_key_ids;  /* those are critical */
	bool foreign_authority; /* the authorityKeyIdentifier is another's */
	bool spoiled;           /* one bit of the signature is wrong */
	int64_t not_before, not_after;
};

/* A field of the payload: encoded CBOR, or left out where it is empty. */
struct forge_field {
	const char *name;
	struct trb_buf value;
};

struct forge {
	struct forge_cert certs[FORGE_CERTS];
	EVP_PKEY *keys[FORGE_CERTS];
	trb_blob *der[FORGE_CERTS];
	size_t n_fields;
	struct forge_field fields[FORGE_FIELDS];
	bool indefinite;           /* the payload is a map of indefinite length */
	const char *protected_hex; /* NULL: ES384 alone */
	const char *unprotected_hex;
	int signer; /* whose key signs the document */
};

/* A hierarchy like that of AWS, valid around FORGE_TIME. */
void forge_init(struct forge *f);
/* Makes keys and certificates by certs, and the payload's fields. */
void forge_make(struct forge *f);
/* Before forge_make(): certificate i has the key that it has in from. */
void forge_share_key(struct forge *f, int i, const struct forge *from);
void forge_clear(struct forge *f);

/* The field of this name, made where there is none; its value is emptied, to be put anew. */
struct trb_buf *forge_field(struct forge *f, const char *name);
/* pcrs with these three first values in every byte, and PCR3 to PCR15 zero. */
void forge_pcrs(struct forge *f, uint8_t pcr0, uint8_t pcr1, uint8_t pcr2);
void forge_pcrs_as(struct forge *f, const char *field, uint8_t pcr0, uint8_t pcr1, uint8_t pcr2);
/* cabundle of these n certificates. */
void forge_cabundle(struct forge *f, const int *order, size_t n);

/* The document as it stands: to be called as often as wanted. */
trb_blob *forge_document(struct forge *f);
/* The payload alone. */
trb_blob *forge_payload(struct forge *f);
/* Signs any payload. */
trb_blob *forge_sign(struct forge *f, trb_bytes payload);

/* r = -digest / d, for the caller to free: with it and any s, u1 * G + u2 * Q is the point at
 * infinity. */
BIGNUM *forge_infinity(const EC_GROUP *group, const BIGNUM *d, trb_bytes digest);

#endif
