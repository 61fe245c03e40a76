/* SPDX-License-Identifier: Apache-2.0 */
/* A first policy, for a person to review (docs/spec/policy.md).  Bytes in, bytes out: files, keys
 * and the network are the caller's. */
#ifndef TRUSTBUILD_DRAFT_H
#define TRUSTBUILD_DRAFT_H

#include <trustbuild/bundle.h>
#include <trustbuild/bytes.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A policy in the making.  For one thread at a time. */
typedef struct trb_draft trb_draft;

/* What a draft accepts: values of lists, each of the grammar that policies have for it.  "any"
 * alone waives the demand. */
enum {
	TRB_DRAFT_REPOSITORY = 1,
	TRB_DRAFT_REF = 2,
	TRB_DRAFT_COMMIT = 3,   /* default: any */
	TRB_DRAFT_HISTORY = 4,  /* one of "tip" (the default), "first-parent", "reachable" */
	TRB_DRAFT_REDIRECT = 5, /* URLs; default: none */
	TRB_DRAFT_RECIPE = 6,   /* "source" (the default), or digests */
	TRB_DRAFT_RUNTIME = 7,  /* default: runsc */
	TRB_DRAFT_NETWORK = 8,  /* host:port; default: none */
	TRB_DRAFT_ARTIFACT = 9, /* default: any */
	TRB_DRAFT_LOG_KEY = 10, /* "none" alone accepts what is in no log */
	TRB_DRAFT_WITNESS = 11  /* default: none */
};

/* Numbers of a draft. */
enum {
	TRB_DRAFT_MAX_STEPS = 1,  /* along first parents; needs that history */
	TRB_DRAFT_CPUS = 2,       /* default: any */
	TRB_DRAFT_MEMORY_MIB = 3, /* default: any */
	TRB_DRAFT_QUORUM = 4,     /* of the witnesses; default: all */
	TRB_DRAFT_SLACK_S = 5,    /* default: 3600 */
	TRB_DRAFT_NOT_BEFORE = 6, /* seconds since 1970; default: none */
	TRB_DRAFT_MAX_AGE_S = 7   /* makes the policy a live one */
};

/* An empty draft: it accepts nothing, and is no policy.  The caller owns it.  Errors: TRB_E_INVAL,
 * TRB_E_NOMEM. */
TRB_API TRB_CHECK int trb_draft_new(trb_draft **ret_draft, trb_error **err);

/* One more reference; returns draft.  NULL is a no-op. */
TRB_API trb_draft *trb_draft_ref(trb_draft *draft);

/* Drops a reference; always returns NULL.  NULL is a no-op. */
TRB_API trb_draft *trb_draft_unref(trb_draft *draft);

/* Says where everything that is added from now on comes from, for the comments: "your options",
 * "measured from builder.eif".  Text is copied.  Errors: TRB_E_INVAL, TRB_E_NOMEM. */
TRB_API TRB_CHECK int trb_draft_set_origin(trb_draft *draft, const char *origin, trb_error **err);

/* One PCR (48 bytes; index 0, 1, 2, 3, 4 or 8) of the measurement called name, which is made where
 * there is none.  Zeros stand for nothing measured: PCR3, 4 and 8 are then left out.  Errors:
 * TRB_E_INVAL for another index or length, for zeros in PCR0 to 2 and for a PCR that is there
 * already; TRB_E_LIMIT, TRB_E_NOMEM. */
TRB_API TRB_CHECK int trb_draft_add_pcr(trb_draft *draft, const char *name, unsigned index,
					trb_bytes pcr, trb_error **err);

/* The PCRs of an image's description as JSON, at most 128 KiB: what nitro-cli's build-enclave or
 * describe-eif, or tb-host image measure --json or describe printed, or the PCRs alone, in digits
 * of either case.  Nothing is taken of an image of which it says that its CRC or
 * its signature is wrong.  Errors: TRB_E_FORMAT, TRB_E_LIMIT, and those of trb_draft_add_pcr(). */
TRB_API TRB_CHECK int trb_draft_add_description(trb_draft *draft, const char *name, trb_bytes json,
						trb_error **err);

/* Trusts the root of AWS Nitro Enclaves: hardware. */
TRB_API TRB_CHECK int trb_draft_add_aws_root(trb_draft *draft, trb_error **err);

/* Trusts one certificate, in DER or PEM, as a simulated root; AWS's own is recognised.  Errors:
 * TRB_E_FORMAT where it is none that a verifier would take, TRB_E_LIMIT, TRB_E_INVAL,
 * TRB_E_NOMEM. */
TRB_API TRB_CHECK int trb_draft_add_root(trb_draft *draft, trb_bytes certificate, trb_error **err);

/* Accepts value for what (TRB_DRAFT_REPOSITORY...).  Text is copied; its grammar is checked at the
 * end.  Errors: TRB_E_INVAL, TRB_E_LIMIT, TRB_E_NOMEM. */
TRB_API TRB_CHECK int trb_draft_accept(trb_draft *draft, int what, const char *value,
				       trb_error **err);

/* Sets a number (TRB_DRAFT_MAX_STEPS...).  Errors: TRB_E_INVAL. */
TRB_API TRB_CHECK int trb_draft_set_number(trb_draft *draft, int what, uint64_t value,
					   trb_error **err);

/* Proposes what a bundle says of itself: its root, its measurement under name, its source and its
 * sandbox.  No verifier loads a policy with proposals before a person has moved them.  A section
 * that the caller fills is not proposed.  Errors: TRB_E_FORMAT, TRB_E_INVAL, TRB_E_NOMEM. */
TRB_API TRB_CHECK int trb_draft_propose_bundle(trb_draft *draft, const char *name,
					       const trb_bundle *bundle, trb_error **err);

/* The policy as JSON.  It loads, or has nothing against it but its proposals.  The caller owns the
 * blob.  Errors: those of trb_policy_parse() for a draft that is no policy; TRB_E_INVAL where a
 * section stands against a proposal by halves. */
TRB_API TRB_CHECK int trb_draft_to_json(const trb_draft *draft, trb_blob **ret_json,
					trb_error **err);

/* What stands beside the policy, as Markdown: where each section comes from, and which of them are
 * decisions about trust.  Outside text in it is escaped.  The caller owns the blob.  Errors:
 * TRB_E_INVAL, TRB_E_NOMEM. */
TRB_API TRB_CHECK int trb_draft_to_comments(const trb_draft *draft, trb_blob **ret_text,
					    trb_error **err);

#ifdef __cplusplus
}
#endif

#endif
