/* SPDX-License-Identifier: Apache-2.0 */
/* The source's inner interfaces; the stage itself is <trustbuild/source.h>. */
#ifndef TRB_ENCLAVE_SOURCE_H
#define TRB_ENCLAVE_SOURCE_H

#include <trustbuild/source.h>

#include "core/cleanup.h"

TRB_DEFINE_CLEANUP(trb_source *, trb_source_unref);

#endif
