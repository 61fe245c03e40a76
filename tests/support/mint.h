/* SPDX-License-Identifier: Apache-2.0 */
/* Makes bundles that are real to the byte under roots of its own: a P-384 chain, an NSM document, a
 * DSSE envelope, a log of its own with witnesses.  Everything can be altered on the way, so that a
 * test can forge what an attacker would. */
#ifndef TRB_TESTS_MINT_H
#define TRB_TESTS_MINT_H

#include <openssl/evp.h>

#include "format/bundle.h"
#include "format/statement.h"
#include "verifier/policy.h"
#include "verifier/report.h"

/* The mint fails for want of memory alone: it says what, and aborts. */
void mint_must(bool good, const char *what);

#define MINT_TIME       UINT64_C(1790000000) /* of the document, in seconds */
#define MINT_WITNESSES  3
#define MINT_REPO       "https://forge.example/widget"
#define MINT_REF        "refs/heads/main"
#define MINT_COMMIT     "1f7a7a472abf3dd9643fd615f6da379c4acb3e3a"
#define MINT_ARTIFACT   "out/tb-widget"
#define MINT_CONTENT    "the widget's bytes\n"
#define MINT_LOG        "log.forge.example"
#define MINT_SECOND_LOG "second.example"

/* Keys and the chain down to the instance; made once a process. */
struct mint_authority {
	EVP_PKEY *root_key, *zone_key, *instance_key;
	trb_blob *root, *zone, *instance; /* DER */
	char root_sha256[65];
};
const struct mint_authority *mint_authority(unsigned which); /* 0: the usual one; 1: a stranger */

/* What goes into a bundle; mint_init() gives the good case. */
struct mint {
	struct trb_request_facts request;
	struct trb_environment environment;
	struct trb_artifact entries[4];
	struct trb_artifacts artifacts;
	struct trb_materials materials; /* none */
	uint8_t source[32];
	uint8_t pcr[32][48];
	uint32_t pcrs; /* bit i: PCR i is in the document */
	uint64_t time_ms;

	/* Overrides of what is attested; ptr == NULL: computed as it should be. */
	trb_bytes user_data, nonce, public_key, pcr16, pcr17, statement;
	bool own_history; /* as the test says, even where it contradicts the request */
	bool null_user_data, null_nonce, null_public_key;
	const struct trb_commit *claim_commit;
	const char *module_id;
	unsigned authority;     /* whose chain */
	bool wrong_key;         /* the document is signed by a key of no certificate */
	bool nitrotpm;          /* nitrotpm_pcrs in place of pcrs */
	bool leaf_is_self_made; /* the leaf is signed by itself */
	bool foreign_envelope;  /* the envelope is signed by another key */
	int64_t leaf_offset_s;  /* moves the leaf's validity against the document's time */
	uint64_t started, finished;

	/* the log */
	unsigned n_logs; /* 0, 1 or 2 */
	const char *origin;
	bool log_stranger; /* signed by another key under the same name */
	bool log_unsigned; /* the log's signature line is missing */
	int log_second;    /* MINT_SECOND_LOG signs, too: 1 well, 2 badly */
	uint64_t tree_size, index;
	unsigned n_witnesses; /* the first n sign */
	uint64_t witness_s[MINT_WITNESSES];
	bool witness_twice;    /* the first witness signs as often as n_witnesses says */
	bool witness_stranger; /* the witnesses' names with other keys */
};
void mint_init(struct mint *f);

/* The parts, which a test may replace before they are put together. */
struct mint_parts {
	trb_blob *request, *environment, *artifacts, *attestation, *statement, *signature;
	trb_blob *materials, *checkpoint;
	struct trb_bundle_log logs[2];
};
void mint_make(const struct mint *f, struct mint_parts *parts);
void mint_parts_clear(struct mint_parts *parts);
/* Through JSON and back, as a verifier gets it. */
trb_bundle *mint_bundle_of(const struct mint *f, const struct mint_parts *parts);
trb_blob *mint_json_of(const struct mint *f, const struct mint_parts *parts);
trb_bundle *mint_bundle(const struct mint *f);
trb_blob *mint_bundle_json(const struct mint *f);
/* Replaces a blob by a copy in which byte i is xored with mask. */
void mint_flip(trb_blob **blob, size_t i, uint8_t mask);
void mint_replace(trb_blob **blob, trb_bytes bytes);

/* A policy; each member is the JSON of its section, and NULL leaves the section out. */
struct mint_policy {
	const char *roots, *measurements, *source, *recipe, *sandbox, *artifacts, *time, *log;
	const char *more; /* further members, with a leading comma */
};
/* The strict policy that the good case satisfies; the texts live as long as the process. */
void mint_policy_init(struct mint_policy *p);
char *mint_policy_json(const struct mint_policy *p);
trb_policy *mint_policy(const struct mint_policy *p);
/* The log's section without witnesses. */
const char *mint_unwitnessed_log(void);
/* The "vkey" of the log, of a witness. */
const char *mint_log_vkey(void);
const char *mint_second_log_vkey(void);
const char *mint_namesake_vkey(void); /* the first witness's name, another key */
const char *mint_witness_vkey(unsigned i);
/* SHA-256 of MINT_CONTENT. */
trb_bytes mint_digest(void);

#endif
