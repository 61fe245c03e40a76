/* SPDX-License-Identifier: Apache-2.0 */
/* Drafts of policies: descriptions of images, certificates and bundles of others make a policy that
 * loads, or nothing.  The first byte says which of the three follows. */
#include <stdlib.h>
#include <string.h>

#include "verifier/draft.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int add(trb_draft *draft, uint8_t kind, trb_bytes bytes)
{
	trb_bundle *bundle = NULL;
	int r;

	if (kind == 'c')
		return trb_draft_add_root(draft, bytes, NULL);
	if (kind == 'd')
		return trb_draft_add_description(draft, "x", bytes, NULL);
	r = trb_bundle_parse(bytes, &bundle, NULL);
	if (r == TRB_OK)
		r = trb_draft_propose_bundle(draft, "x", bundle, NULL);
	trb_bundle_unref(bundle);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	trb_policy *policy = NULL;
	trb_draft *draft = NULL;
	trb_blob *json = NULL, *text = NULL;

	if (size == 0 || trb_draft_new(&draft, NULL) < 0)
		return 0;
	if (add(draft, data[0], TRB_BYTES(data + 1, size - 1)) == TRB_OK &&
	    trb_draft_accept(draft, TRB_DRAFT_REPOSITORY, "any", NULL) == TRB_OK &&
	    trb_draft_accept(draft, TRB_DRAFT_REF, "any", NULL) == TRB_OK &&
	    trb_draft_accept(draft, TRB_DRAFT_LOG_KEY, "none", NULL) == TRB_OK &&
	    (data[0] == 'c' || trb_draft_add_aws_root(draft, NULL) == TRB_OK) &&
	    trb_draft_to_json(draft, &json, NULL) == TRB_OK) {
		/* what proposes is no policy yet, everything else is one */
		if ((trb_policy_parse(trb_blob_bytes(json), &policy, NULL) == TRB_OK) ==
		    draft->proposes)
			abort();
		if (trb_draft_to_comments(draft, &text, NULL) < 0)
			abort();
	}
	trb_policy_unref(policy);
	trb_blob_unref(text);
	trb_blob_unref(json);
	trb_draft_unref(draft);
	return 0;
}
