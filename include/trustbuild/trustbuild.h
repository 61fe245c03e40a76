/* SPDX-License-Identifier: Apache-2.0 */
/* libtrustbuild: attestable builds.  Includes the header of every stage that runs on a host or at a
 * verifier's; those of the enclave's stages are in trustbuild/sys/. */
#ifndef TRUSTBUILD_TRUSTBUILD_H
#define TRUSTBUILD_TRUSTBUILD_H

#include <trustbuild/attestation.h>
#include <trustbuild/batch.h>
#include <trustbuild/bundle.h>
#include <trustbuild/bytes.h>
#include <trustbuild/context.h>
#include <trustbuild/draft.h>
#include <trustbuild/eif.h>
#include <trustbuild/error.h>
#include <trustbuild/image.h>
#include <trustbuild/job.h>
#include <trustbuild/log.h>
#include <trustbuild/policy.h>
#include <trustbuild/request.h>
#include <trustbuild/session.h>
#include <trustbuild/status.h>
#include <trustbuild/verify.h>
#include <trustbuild/version.h>

#endif
