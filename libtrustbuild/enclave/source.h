/* SPDX-License-Identifier: Apache-2.0 */
/* The source's inner interfaces; the stage itself is <trustbuild/sys/source.h>. */
#ifndef TRB_ENCLAVE_SOURCE_H
#define TRB_ENCLAVE_SOURCE_H

#include <trustbuild/sys/source.h>

#include "core/cleanup.h"
#include "enclave/source_stream.h"

TRB_DEFINE_CLEANUP(trb_source *, trb_source_unref);

/* Everything that came out; NULL before it is sealed. */
const struct trb_source_result *trb_source_get_result(const trb_source *source);

/* All limits at once, of which each was set within its maximum. */
void trb_source_set_limits(trb_source *source, const struct trb_source_limits *limits);

/* The time at which certificates must hold, in seconds since 1970, instead of the machine's. */
void trb_source_set_now(trb_source *source, int64_t now);

#endif
