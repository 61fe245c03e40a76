/* SPDX-License-Identifier: Apache-2.0 */
/* The policy, decoded (docs/spec/policy.md). */
#ifndef TRB_VERIFIER_POLICY_H
#define TRB_VERIFIER_POLICY_H

#include <stdatomic.h>

#include <trustbuild/policy.h>

#include "format/facts.h"
#include "format/note.h"
#include "verifier/nitro.h"

#define TRB_POLICY_VERSION      2
#define TRB_POLICY_ROOTS        16
#define TRB_POLICY_MEASUREMENTS 256
#define TRB_POLICY_ENTRIES      1024 /* repositories, refs, commits, digests, names */
#define TRB_POLICY_KEYS         64
#define TRB_POLICY_PCRS         9 /* 0, 1, 2; optional 3, 4, 8 */
#define TRB_POLICY_SLACK_S      3600u
#define TRB_POLICY_SECONDS_MAX  (100u * 366 * 86400)
#define TRB_POLICY_AHEAD_S      300u /* how far a document may be ahead of the time that bounds it */

/* A list of texts, or every text. */
struct trb_texts {
	bool any;
	size_t n;
	char **list;
};

/* A list of SHA-256 digests; n == 0 where another rule stands. */
struct trb_digests {
	size_t n;
	uint8_t (*list)[32];
};

struct trb_measurement {
	char *name;
	unsigned mask; /* bit i: PCR i is demanded */
	uint8_t pcr[TRB_POLICY_PCRS][48];
};

enum trb_recipe_rule { TRB_RECIPE_SOURCE, TRB_RECIPE_ANY, TRB_RECIPE_DIGESTS };
enum trb_time_mode { TRB_TIME_ARCHIVAL, TRB_TIME_LIVE };

struct trb_policy {
	atomic_uint refs;
	size_t n_roots;
	struct trb_nitro_root *roots;
	size_t n_measurements;
	struct trb_measurement *measurements;
	struct trb_texts repositories, git_refs;
	bool any_commit;
	size_t n_commits;
	struct trb_commit *commits;
	uint64_t history;           /* TRB_RELATION_*: the loosest that is accepted */
	uint64_t max_steps;         /* along first parents; 0: any number */
	struct trb_texts redirects; /* any, or the URLs; empty: none */
	enum trb_recipe_rule recipe;
	struct trb_digests recipes;
	struct trb_texts runtimes;
	struct trb_texts network;  /* any, or the allowed "host:port"; empty: none */
	uint64_t cpus, memory_mib; /* exactly these; 0: any */
	struct trb_texts artifacts;
	enum trb_time_mode mode;
	bool bound_witness;
	uint64_t slack_s, max_age_s;
	uint64_t not_before_s; /* of the witnessed time; 0: any */
	bool log_none;
	size_t n_log_keys, n_witnesses, quorum;
	struct trb_vkey *log_keys, *witnesses;
};

TRB_DEFINE_CLEANUP(trb_policy *, trb_policy_unref);

bool trb_texts_have(const struct trb_texts *texts, trb_bytes text);
bool trb_digests_have(const struct trb_digests *digests, const uint8_t digest[32]);

#endif
