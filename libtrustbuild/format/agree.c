/* SPDX-License-Identifier: Apache-2.0 */
/* Claim, nonce, PCR16 and PCR17 against request and facts. */
#include "format/agree.h"

#include "core/error.h"

/* Wanted is what the claim says, found is the digest of the part. */
static int digest(trb_bytes part, const uint8_t claimed[32], struct trb_agreement *ret,
		  trb_error **err)
{
	int r = trb_sha256(part, ret->value, err);

	ret->wanted = TRB_BYTES(claimed, TRB_SHA256_LEN);
	ret->found = TRB_BYTES(ret->value, TRB_SHA256_LEN);
	return r;
}

static int locked(const uint8_t data[32], trb_bytes pcr, struct trb_agreement *ret, trb_error **err)
{
	int r = trb_pcr_extend_once(data, ret->value, err);

	ret->wanted = TRB_BYTES(ret->value, TRB_SHA384_LEN);
	ret->found = pcr;
	return r;
}

static int locked_to_request(const struct trb_agree_case *in, struct trb_agreement *ret,
			     trb_error **err)
{
	uint8_t data[TRB_SHA256_LEN];
	int r = trb_pcr16_data(in->request, data, err);

	return r < 0 ? r : locked(data, in->pcr16, ret, err);
}

static int locked_to_commit(const struct trb_agree_case *in, struct trb_agreement *ret,
			    trb_error **err)
{
	const struct trb_claim *claim = in->claim;
	uint8_t data[TRB_SHA256_LEN];
	int r = trb_pcr17_data(&claim->commit, claim->source, claim->environment, data, err);

	return r < 0 ? r : locked(data, in->pcr17, ret, err);
}

static trb_bytes commit_bytes(const struct trb_commit *commit)
{
	return TRB_BYTES(commit->id, trb_commit_len(commit));
}

static int compare(const struct trb_agree_case *in, enum trb_agree what, struct trb_agreement *ret,
		   trb_error **err)
{
	const struct trb_claim *claim = in->claim;

	switch (what) {
	case TRB_AGREE_NONCE:
		ret->wanted = in->facts->nonce;
		ret->found = in->nonce;
		return TRB_OK;
	case TRB_AGREE_COMMIT: /* ids of the two algorithms differ in their length */
		ret->wanted = commit_bytes(&in->facts->commit);
		ret->found = commit_bytes(&claim->commit);
		return TRB_OK;
	case TRB_AGREE_ARTIFACTS:
		return digest(in->artifacts, claim->artifacts, ret, err);
	case TRB_AGREE_ENVIRONMENT:
		return digest(in->environment, claim->environment, ret, err);
	case TRB_AGREE_STATEMENT:
		return digest(in->statement, claim->statement, ret, err);
	case TRB_AGREE_PCR16:
		return locked_to_request(in, ret, err);
	case TRB_AGREE_PCR17:
		return locked_to_commit(in, ret, err);
	default:
		return trb_fail(err, TRB_E_STATE, "nothing is compared under number %d", (int)what);
	}
}

int trb_agree(const struct trb_agree_case *in, enum trb_agree what, struct trb_agreement *ret,
	      trb_error **err)
{
	int r = compare(in, what, ret, err);

	if (r < 0)
		return r;
	ret->good = trb_bytes_eq(ret->wanted, ret->found);
	return TRB_OK;
}

int trb_agree_all(const struct trb_agree_case *in, trb_error **err)
{
	static const struct {
		const char *check;
		int code;
		const char *fault;
	} rules[TRB_AGREES] = {
		[TRB_AGREE_NONCE] = { "nonce.match", TRB_E_FRESHNESS,
				      "the document carries another nonce" },
		[TRB_AGREE_COMMIT] = { "claim.commit", TRB_E_CLAIM,
				       "the claim is about another commit" },
		[TRB_AGREE_ARTIFACTS] = { "claim.artifacts", TRB_E_CLAIM,
					  "the claim is about another artifact list" },
		[TRB_AGREE_ENVIRONMENT] = { "claim.environment", TRB_E_CLAIM,
					    "the claim is about another environment" },
		[TRB_AGREE_STATEMENT] = { "claim.statement", TRB_E_CLAIM,
					  "the claim is about another statement" },
		[TRB_AGREE_PCR16] = { "pcr16.request", TRB_E_MEASUREMENT,
				      "PCR16 of the document was not locked to the request" },
		[TRB_AGREE_PCR17] = { "pcr17.commit", TRB_E_MEASUREMENT,
				      "PCR17 of the document was not locked to commit, source and "
				      "environment" },
	};

	for (enum trb_agree i = 0; i < TRB_AGREES; i++) {
		struct trb_agreement a;
		int r = trb_agree(in, i, &a, err);

		if (r == TRB_OK && !a.good)
			r = trb_fail_check(err, rules[i].code, rules[i].check, "%s",
					   rules[i].fault);
		if (r < 0)
			return r;
	}
	return TRB_OK;
}
