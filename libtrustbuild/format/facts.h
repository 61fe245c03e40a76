/* SPDX-License-Identifier: Apache-2.0 */
/* The facts: deterministic CBOR (docs/spec/facts.cddl) that travels verbatim and is hashed as
 * bytes.  The structs below are decoded views; the views point into the parsed bytes, whose owner
 * must outlive them. */
#ifndef TRB_FORMAT_FACTS_H
#define TRB_FORMAT_FACTS_H

#include "core/bytes.h"
#include "core/cleanup.h"

#define TRB_REQUEST_MAX     (70u * 1024)
#define TRB_ENVIRONMENT_MAX (64u * 1024)
#define TRB_ARTIFACTS_MAX   256u /* entries */
#define TRB_ARTIFACTS_BYTES (80u * 1024)
#define TRB_ATTESTATION_MAX (16u * 1024)
#define TRB_STATEMENT_MAX   (40u * 1024)
#define TRB_RECIPE_MAX      (64u * 1024)
#define TRB_CHECKPOINT_MAX  (16u * 1024)
#define TRB_BUNDLE_MAX      (1024u * 1024)
#define TRB_POLICY_MAX      (256u * 1024)
#define TRB_FRAME_MAX       (64u * 1024)
/* what a frame leaves for a request: the message's head has 2 bytes, that of its bytes 3 */
#define TRB_REQUEST_SENT  (TRB_FRAME_MAX - 5)
#define TRB_CLAIM_MAX     512u
#define TRB_LEAF_MAX      65535u
#define TRB_ARTIFACT_NAME 255u
/* sizes and limits: the statement says them in JSON */
#define TRB_AMOUNT_MAX (UINT64_C(1) << 53)

#define TRB_NONCE_MIN 16
#define TRB_NONCE_MAX 64

#define TRB_SHA256_LEN 32
#define TRB_SHA384_LEN 48

/* A git object id: algorithm 1 (SHA-1, 20 bytes) or 2 (SHA-256, 32 bytes). */
struct trb_commit {
	unsigned algorithm;
	uint8_t id[32];
};

static inline size_t trb_commit_len(const struct trb_commit *c)
{
	return c->algorithm == 2 ? 32 : 20;
}
bool trb_commit_eq(const struct trb_commit *a, const struct trb_commit *b);
/* 40 or 64 lower-case digits. */
bool trb_commit_from_hex(trb_bytes hex, struct trb_commit *ret);
/* hex holds 65 bytes. */
void trb_commit_to_hex(const struct trb_commit *c, char *hex);

/* request */
struct trb_request_facts {
	trb_bytes repository; /* valid by the URL grammar */
	struct trb_commit commit;
	trb_bytes ref;    /* empty: null */
	trb_bytes recipe; /* ptr == NULL: null, the tree's own */
	trb_bytes sandbox;
	trb_bytes nonce;
};
int trb_request_facts_decode(trb_bytes in, struct trb_request_facts *ret, trb_blob **ret_owner,
			     trb_error **err);
int trb_request_facts_encode(const struct trb_request_facts *facts, trb_blob **ret,
			     trb_error **err);

/* Grammar of repository URLs, refs, artifact names (formats.md); NULL where text is good, else a
 * static sentence that says what is wrong. */
const char *trb_repository_fault(trb_bytes url);
const char *trb_ref_fault(trb_bytes ref);
const char *trb_artifact_name_fault(trb_bytes name);
/* A host name of lower-case letters, digits and "-", or an IPv4 address in its one spelling. */
const char *trb_host_fault(trb_bytes host);
/* The same, a colon and a port. */
const char *trb_host_port_fault(trb_bytes text);
const char *trb_sandbox_fault(trb_bytes runtime);
const char *trb_limit_name_fault(trb_bytes name);
/* 1 to 128 printable ASCII characters: versions and platforms. */
const char *trb_word_fault(trb_bytes text);

/* environment */
struct trb_host_port {
	trb_bytes host;
	uint64_t port;
};
struct trb_limit {
	trb_bytes name;
	uint64_t value;
};
enum { TRB_RECIPE_FROM_TREE = 0, TRB_RECIPE_FROM_REQUEST = 1 };
#define TRB_ENVIRONMENT_HOSTS  64
#define TRB_ENVIRONMENT_LIMITS 32
struct trb_environment {
	uint64_t recipe_origin;
	uint8_t recipe[32]; /* SHA-256 of the recipe's bytes */
	trb_bytes runtime, runtime_version, platform;
	uint8_t spec[32];   /* SHA-256 of the OCI config.json as given to the runtime */
	uint8_t rootfs[32]; /* SHA-256 of the root file system image */
	size_t n_hosts;     /* sorted */
	struct trb_host_port hosts[TRB_ENVIRONMENT_HOSTS];
	size_t n_limits; /* deterministic key order */
	struct trb_limit limits[TRB_ENVIRONMENT_LIMITS];
};
int trb_environment_decode(trb_bytes in, struct trb_environment *ret, trb_blob **ret_owner,
			   trb_error **err);
/* Sorts hosts and limits itself. */
int trb_environment_encode(const struct trb_environment *env, trb_blob **ret, trb_error **err);

/* artifacts */
struct trb_artifact {
	trb_bytes name;
	uint64_t size;
	uint8_t digest[32];
};
struct trb_artifacts {
	size_t n;
	struct trb_artifact *entries; /* malloc()ed; names point into the owner */
};
void trb_artifacts_clear(struct trb_artifacts *a);
int trb_artifacts_decode(trb_bytes in, struct trb_artifacts *ret, trb_blob **ret_owner,
			 trb_error **err);
/* Sorts; refuses duplicates, bad names, zero or more than 256 entries. */
int trb_artifacts_encode(const struct trb_artifacts *a, trb_blob **ret, trb_error **err);

/* claim: the NSM's user_data */
struct trb_claim {
	struct trb_commit commit; /* CT */
	uint8_t source[32];       /* source digest */
	uint8_t artifacts[32];    /* A: SHA-256 of artifacts */
	uint8_t environment[32];  /* SHA-256 of environment */
	uint8_t statement[32];    /* SHA-256 of the in-toto statement's bytes */
};
int trb_claim_decode(trb_bytes in, struct trb_claim *ret, trb_error **err);
int trb_claim_encode(const struct trb_claim *claim, trb_blob **ret, trb_error **err);

/* Locked measurements (formats.md): data that extends PCR16 and PCR17 (SHA-256), and the PCR's
 * value after that one extension. */
int trb_pcr16_data(trb_bytes request, uint8_t ret[32], trb_error **err);
int trb_pcr17_data(const struct trb_commit *commit, const uint8_t source[32],
		   const uint8_t environment[32], uint8_t ret[32], trb_error **err);
int trb_pcr_extend_once(const uint8_t data[32], uint8_t ret[48], trb_error **err);

/* leaf = [1, request, environment, artifacts, attestation, statement] */
struct trb_leaf {
	trb_bytes request, environment, artifacts, attestation, statement;
};
int trb_leaf_encode(const struct trb_leaf *leaf, trb_blob **ret, trb_error **err);
int trb_leaf_decode(trb_bytes in, struct trb_leaf *ret, trb_blob **ret_owner, trb_error **err);

/* Hashes, by OpenSSL. */
int trb_sha256(trb_bytes in, uint8_t ret[32], trb_error **err);
int trb_sha384(trb_bytes in, uint8_t ret[48], trb_error **err);

#endif
