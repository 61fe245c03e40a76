/* SPDX-License-Identifier: Apache-2.0 */
/* The ids of all checks, once (docs/spec/checks.md): an error that decides something carries one.
 */
#ifndef TRB_FORMAT_CHECK_IDS_H
#define TRB_FORMAT_CHECK_IDS_H

#include "core/bytes.h"

/* clang-format off */
#define TRB_CHECK_IDS(X) \
	X("channel") \
	X("channel.order") \
	X("channel.version") \
	X("bundle.parse") \
	X("request.parse") \
	X("environment.parse") \
	X("artifacts.parse") \
	X("document.parse") \
	X("claim.parse") \
	X("document.signature") \
	X("document.chain") \
	X("document.debug") \
	X("document.time") \
	X("document.pcrs") \
	X("document.nonce") \
	X("document.data") \
	X("document.key") \
	X("measurement.match") \
	X("endorsement.quorum") \
	X("pcr16.request") \
	X("pcr17.commit") \
	X("pcr.other") \
	X("claim.commit") \
	X("claim.artifacts") \
	X("claim.environment") \
	X("claim.materials") \
	X("claim.statement") \
	X("envelope.signature") \
	X("artifact.name") \
	X("artifact.digest") \
	X("artifact.match") \
	X("source.repository") \
	X("source.ref") \
	X("source.commit") \
	X("source.history") \
	X("source.object") \
	X("source.tree") \
	X("source.submodule") \
	X("source.limit") \
	X("recipe.parse") \
	X("recipe.origin") \
	X("sandbox.runtime") \
	X("sandbox.network") \
	X("sandbox.machine") \
	X("sandbox.limits") \
	X("build.command") \
	X("build.memory") \
	X("build.output") \
	X("build.wall") \
	X("nonce.match") \
	X("log.checkpoint") \
	X("log.inclusion") \
	X("log.consistency") \
	X("log.witness") \
	X("time.bound") \
	X("revocation.fresh") \
	X("revocation.listed") \
	X("policy.parse") \
	X("eif.signature")

/* Those of later releases: no check of this one says them. */
#define TRB_CHECK_IDS_LATER(X) \
	X("sandbox.root") \
	X("dependency.pin") \
	X("dependency.digest") \
	X("dependency.pinned") \
	X("dependency.denied") \
	X("live.document") \
	X("live.measurement") \
	X("live.layout") \
	X("live.fresh") \
	X("live.channel") \
	X("trust.parse") \
	X("revocation.list")
/* clang-format on */

/* The id with this text, as a static string; NULL where this release has none. */
const char *trb_check_id(trb_bytes text);

#endif
