/* SPDX-License-Identifier: Apache-2.0 */
/* verdict HISTORY REF COMMIT TIP TAG RELATION STEPS: evidence of a build whose source stood so to
 * its ref, minted, and judged by a policy for that ref with source.history HISTORY (JSON; "":
 * silent). TAG "": none.  Prints VERIFIED or REFUSED with the check, then the cautions. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mint.h"
#include "verifier/report.h"

static void fill(struct mint *m, char **argv)
{
	struct trb_history *h = &m->environment.history;

	m->request.ref = trb_bytes_str(argv[2]);
	m->own_history = true;
	h->there = true;
	h->tagged = argv[5][0] != '\0';
	h->relation = TRB_RELATION_TIP;
	while (trb_relation_name(h->relation) != NULL &&
	       strcmp(trb_relation_name(h->relation), argv[6]) != 0)
		h->relation++;
	h->steps = strtoull(argv[7], NULL, 10);
	mint_must(trb_commit_from_hex(trb_bytes_str(argv[3]), &m->request.commit), "commit");
	mint_must(trb_commit_from_hex(trb_bytes_str(argv[4]), &h->tip), "tip");
	mint_must(!h->tagged || trb_commit_from_hex(trb_bytes_str(argv[5]), &h->tag), "tag");
}

static trb_policy *policy_for(const char *history, const char *ref)
{
	struct mint_policy p;
	char source[2048];

	mint_policy_init(&p);
	snprintf(source, sizeof(source),
		 "{\"repositories\": [\"" MINT_REPO "\"], \"refs\": [\"%s\"], "
		 "\"commits\": \"any\"%s%s}",
		 ref, history[0] != '\0' ? ", \"history\": " : "", history);
	p.source = source;
	return mint_policy(&p);
}

int main(int argc, char **argv)
{
	_cleanup_(trb_verifier_unrefp) trb_verifier *verifier = NULL;
	_cleanup_(trb_report_unrefp) trb_report *report = NULL;
	_cleanup_(trb_bundle_unrefp) trb_bundle *bundle = NULL;
	_cleanup_(trb_policy_unrefp) trb_policy *policy = NULL;
	const char *caution;
	struct mint m;
	int r;

	if (argc != 8)
		return 2;
	mint_init(&m);
	fill(&m, argv);
	policy = policy_for(argv[1], argv[2]);
	bundle = mint_bundle(&m);
	mint_must(trb_verifier_new(NULL, policy, &verifier, NULL) == TRB_OK, "verifier");
	r = trb_verifier_check_digest(verifier, bundle, mint_digest(), "tb-widget", NULL, &report,
				      NULL);
	mint_must(r == TRB_OK || trb_is_verdict(r), "verdict");
	if (r == TRB_OK)
		puts("VERIFIED");
	else
		printf("REFUSED %s\n", trb_report_get_refused(report));
	for (size_t i = 0; (caution = trb_report_caution(report, i)) != NULL; i++)
		printf("caution: %s\n", caution);
	return 0;
}
