/* SPDX-License-Identifier: Apache-2.0 */
/* What to do about a refusal, for each check. */
#include "verifier/report.h"

#define SAME_PLACE    "Get artifact and bundle anew, both from the same place."
#define BROKEN_BUNDLE "Get the bundle anew, as it was published: what it holds was changed or cut."
#define NOT_MADE_SO                                                                               \
	"Do not use the artifact: no enclave of libtrustbuild makes such evidence. Tell whoever " \
	"published it."
#define ASK_OR_WIDEN \
	" If it is one that you accept, a person who answers for it adds it to the policy."

/* clang-format off */
static const struct {
	const char *id, *advice;
} rows[] = {
	{ "bundle.parse", BROKEN_BUNDLE },
	{ "request.parse", NOT_MADE_SO },
	{ "environment.parse", NOT_MADE_SO },
	{ "artifacts.parse", NOT_MADE_SO },
	{ "document.parse", "Give the document's own bytes, as the enclave's security module returned them." },
	{ "claim.parse", NOT_MADE_SO },
	{ "document.signature", BROKEN_BUNDLE },
	{ "document.chain", "Look which root the evidence stands under: a simulated one proves nothing "
		"about hardware, and is accepted only where a policy pins it." },
	{ "document.debug", "Do not use the artifact: whoever ran the enclave could look and reach into "
		"it. Have it built in an enclave that is not in debug mode." },
	{ "measurement.match", "Find out which image built it, and build that image from its sources." ASK_OR_WIDEN },
	{ "endorsement.quorum", "Wait for the endorsements, or use an image that has them." },
	{ "pcr16.request", NOT_MADE_SO },
	{ "pcr17.commit", NOT_MADE_SO },
	{ "pcr.other", NOT_MADE_SO },
	{ "claim.commit", NOT_MADE_SO },
	{ "claim.artifacts", BROKEN_BUNDLE },
	{ "claim.environment", BROKEN_BUNDLE },
	{ "claim.materials", BROKEN_BUNDLE },
	{ "claim.statement", BROKEN_BUNDLE },
	{ "envelope.signature", BROKEN_BUNDLE },
	{ "artifact.name", "If the file was only renamed, say which artifact it is: --as NAME. Else get the "
		"bundle that belongs to it." },
	{ "artifact.digest", "Do not use the file: it is not the one that was built. " SAME_PLACE },
	{ "source.repository", "Get the artifact that was built from the repository you want." ASK_OR_WIDEN },
	{ "source.ref", "Get the artifact that was built from the branch or tag you want." ASK_OR_WIDEN },
	{ "source.commit", "Get the artifact that was built from the commit you want." ASK_OR_WIDEN },
	{ "source.history", "Get the artifact of the ref's newest commit: an older one can bring repaired "
		"faults back. A policy may allow the history of a ref: source.history." },
	{ "recipe.origin", "Have it built with the recipe of its own commit: one from outside can do "
		"anything to the build." },
	{ "sandbox.runtime", "Have it built in a sandbox that the policy accepts." ASK_OR_WIDEN },
	{ "sandbox.network", "Have it built without those hosts." ASK_OR_WIDEN },
	{ "sandbox.machine", "Have it built on a machine that the policy accepts: tb-host build takes its "
		"CPUs and memory." },
	{ "nonce.match", "Do not use the artifact where a fresh build was asked for: this evidence is "
		"of another one." },
	{ "log.checkpoint", "Get the bundle after its entry is in a log whose key the policy has." ASK_OR_WIDEN },
	{ "log.inclusion", "Do not use the artifact: the log does not show this build. Tell whoever "
		"runs the log." },
	{ "log.witness", "Get the bundle again later, with more cosignatures: tb-host log publish brings "
		"them." },
	{ "time.bound", "Have it built and published anew: its time lies outside of what others vouch "
		"for. Look at this machine's clock, too." },
	{ "revocation.fresh", "Get the newest revocation list." },
	{ "revocation.listed", "Do not use the artifact: somebody in charge has revoked it. Get a newer one." },
	{ "document.time", "Ask the enclave for a new document, and look at this machine's clock." },
	{ "document.pcrs", "Do not trust the enclave: it runs another image than the one you demand." },
	{ "document.nonce", "Ask for a document with the nonce that you chose: this one answers another question." },
	{ "document.data", "Ask for a document with these user data." },
	{ "document.key", "Do not use the key: the enclave did not name it." },
};
/* clang-format on */

const char *trb_check_advice(const char *id)
{
	for (size_t i = 0; id != NULL && i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].id, id) == 0)
			return rows[i].advice;
	return NULL;
}

const char *trb_report_get_advice(const trb_report *report)
{
	return trb_check_advice(trb_report_get_refused(report));
}
