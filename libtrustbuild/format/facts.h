/* SPDX-License-Identifier: Apache-2.0 */
/* The facts: deterministic CBOR (docs/spec/facts.cddl) that travels verbatim and is hashed as
 * bytes.  The structs below are decoded views; the views point into the parsed bytes, whose owner
 * must outlive them. */
#ifndef TRB_FORMAT_FACTS_H
#define TRB_FORMAT_FACTS_H

#include <trustbuild/request.h>

#include "core/bytes.h"
#include "core/cleanup.h"

TRB_DEFINE_CLEANUP(trb_request *, trb_request_unref);

#define TRB_REQUEST_MAX     (70u * 1024)
#define TRB_ENVIRONMENT_MAX (64u * 1024)
#define TRB_ARTIFACTS_MAX   256u /* entries */
#define TRB_ARTIFACTS_BYTES (80u * 1024)
#define TRB_ATTESTATION_MAX (16u * 1024)
#define TRB_STATEMENT_MAX   (40u * 1024)
#define TRB_RECIPE_MAX      (64u * 1024)
#define TRB_CHECKPOINT_MAX  (16u * 1024)
#define TRB_MATERIALS_MAX   8192u /* entries */
#define TRB_MATERIALS_BYTES (1024u * 1024)
#define TRB_BUNDLE_MAX      (4u * 1024 * 1024)
#define TRB_POLICY_MAX      (256u * 1024)
#define TRB_FRAME_MAX       (64u * 1024)
/* what a frame leaves for a request: the message's head has 2 bytes, that of its bytes 3 */
#define TRB_REQUEST_SENT  (TRB_FRAME_MAX - 5)
#define TRB_CLAIM_MAX     512u
#define TRB_LEAF_MAX      65535u
#define TRB_ARTIFACT_NAME 255u
/* sizes and limits: the statement says them in JSON */
#define TRB_AMOUNT_MAX (UINT64_C(1) << 53)

#define TRB_URL_MAX   2048u
#define TRB_WORD_MAX  128u
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

/* How CT stands to the ref that the request names (history.c). */
enum { TRB_RELATION_TIP = 0, TRB_RELATION_FIRST_PARENT = 1, TRB_RELATION_REACHABLE = 2 };
struct trb_history {
	bool there;            /* false: null, for a request without a ref */
	struct trb_commit tip; /* the commit that the ref, peeled, pointed to */
	bool tagged;
	struct trb_commit tag; /* the annotated tag object that the ref itself pointed to */
	uint64_t relation, steps;
};
/* "tip", "first-parent", "reachable"; NULL for what is none of them. */
const char *trb_relation_name(uint64_t relation);

/* What the build sees of the machine (machine.c). */
#define TRB_MACHINE_CPUS    65536u
#define TRB_MACHINE_UNKNOWN "unknown" /* the model, where the system says none */
struct trb_machine {
	uint64_t cpus, memory_mib;
	trb_bytes model;
};
/* Errors: TRB_E_LIMIT with check id "sandbox.machine" where a machine has less memory than the
 * recipe's limits ask for. */
int trb_machine_suffices(uint64_t memory_mib, uint64_t wanted_mib, trb_error **err);

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
/* The same, however long. */
const char *trb_path_fault(trb_bytes path);
/* A host name of lower-case letters, digits and "-", or an IPv4 address in its one spelling. */
const char *trb_host_fault(trb_bytes host);
/* The same, a colon and a port. */
const char *trb_host_port_fault(trb_bytes text);
const char *trb_sandbox_fault(trb_bytes runtime);
/* The runtimes that there are; NULL past the last one. */
const char *trb_sandbox_name(size_t index);
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
	struct trb_history history;
	struct trb_machine machine;
	bool has_materials;
	uint8_t materials[32]; /* SHA-256 of the materials' bytes */
	uint64_t n_materials;
	trb_bytes location; /* where the repository was redirected to; empty: null */
};
int trb_environment_decode(trb_bytes in, struct trb_environment *ret, trb_blob **ret_owner,
			   trb_error **err);
/* Sorts hosts and limits itself. */
int trb_environment_encode(const struct trb_environment *env, trb_blob **ret, trb_error **err);
/* What of an environment must agree with the request, whoever reads them; NULL where it does, else
 * a static sentence: a history exactly where there is a ref, "tip" exactly where the tip is the
 * commit, and a location on the repository's own origin that is not the repository. */
const char *trb_environment_history_fault(const struct trb_environment *env,
					  const struct trb_request_facts *request);
const char *trb_environment_location_fault(const struct trb_environment *env,
					   const struct trb_request_facts *request);
/* "https://host[:port]" of a good URL. */
trb_bytes trb_repository_origin(trb_bytes url);

/* materials: what was taken into the build besides the source */
enum { TRB_MATERIAL_SUBMODULE = 0 };
struct trb_digest {
	unsigned algorithm; /* 1 sha1-git, 2 sha256-git, 3 sha256 */
	uint8_t id[32];
};
struct trb_material {
	uint64_t kind;
	trb_bytes uri; /* of a submodule: its repository */
	struct trb_digest digest;
	bool sized;
	uint64_t size;
	trb_bytes pin; /* of a submodule: its path in the tree */
};
struct trb_materials {
	size_t n;
	struct trb_material *entries; /* malloc()ed; texts point into the owner */
};
void trb_materials_clear(struct trb_materials *m);
int trb_materials_decode(trb_bytes in, struct trb_materials *ret, trb_blob **ret_owner,
			 trb_error **err);
/* Sorts; refuses duplicates, and zero or more than 8192 entries. */
int trb_materials_encode(const struct trb_materials *m, trb_blob **ret, trb_error **err);
/* Are these the materials that the environment names?  Empty bytes are none.  Errors: TRB_E_CLAIM,
 * what reading them gives, TRB_E_NOMEM. */
int trb_materials_check(trb_bytes materials, const struct trb_environment *env, trb_error **err);

/* artifacts */
#define TRB_MODE_PLAIN   0644u
#define TRB_MODE_PROGRAM 0755u
struct trb_artifact {
	trb_bytes name;
	uint64_t size;
	uint8_t digest[32];
	uint64_t mode; /* TRB_MODE_* */
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

/* leaf = [kind 1: a build, request, environment, artifacts, attestation, statement] */
struct trb_leaf {
	trb_bytes request, environment, artifacts, attestation, statement;
};
int trb_leaf_encode(const struct trb_leaf *leaf, trb_blob **ret, trb_error **err);
int trb_leaf_decode(trb_bytes in, struct trb_leaf *ret, trb_blob **ret_owner, trb_error **err);

/* Hashes, by OpenSSL. */
int trb_sha256(trb_bytes in, uint8_t ret[32], trb_error **err);
int trb_sha384(trb_bytes in, uint8_t ret[48], trb_error **err);

#endif
