/* SPDX-License-Identifier: Apache-2.0 */
/* Scope-bound handles of the enclave's stages, as <trustbuild/auto.h> has them of the others. */
#ifndef TRUSTBUILD_SYS_AUTO_H
#define TRUSTBUILD_SYS_AUTO_H

#include <trustbuild/auto.h>
#include <trustbuild/sys/build.h>
#include <trustbuild/sys/source.h>

#ifdef __cplusplus
extern "C" {
#endif

TRB_DEFINE_AUTO(trb_build)
TRB_DEFINE_AUTO(trb_source)

#ifdef __cplusplus
}
#endif

#endif
