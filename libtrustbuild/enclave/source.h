/* SPDX-License-Identifier: Apache-2.0 */
/* The source's inner interfaces; the stage itself is <trustbuild/sys/source.h>. */
#ifndef TRB_ENCLAVE_SOURCE_H
#define TRB_ENCLAVE_SOURCE_H

#include <trustbuild/sys/source.h>

#include "core/cleanup.h"

TRB_DEFINE_CLEANUP(trb_source *, trb_source_unref);

/* The time at which certificates must hold, in seconds since 1970, instead of the machine's. */
void trb_source_set_now(trb_source *source, int64_t now);

#endif
