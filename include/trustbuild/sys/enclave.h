/* SPDX-License-Identifier: Apache-2.0 */
/* The enclave client: serves one build, inside a trusted execution environment
 * (docs/spec/channel.md). */
#ifndef TRUSTBUILD_SYS_ENCLAVE_H
#define TRUSTBUILD_SYS_ENCLAVE_H

#include <trustbuild/context.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Serves one build to the host, from hello to DONE, and returns.  TRB_OK: the host has the result.
 * Everything else: no build was attested, nothing of it is left, and the host was told why, where
 * it still listened.  It is meant for a process of its own, as an enclave's first: it sets the
 * machine's clock by the NSM where it may.  The NSM's time is its own: TRB_E_STATE where that is
 * before this release, or minutes off a clock that it may not set, TRB_E_EVIDENCE where the NSM's
 * later document is of an earlier time.
 *
 * conf is a list of key=value, separated by commas; each has a default:
 *
 *   transport    where the host's ports are: vsock:3, or unix:/directory
 *   nsm          the NSM: /dev/nsm, or softnsm (simulated, behind the host's port 5002)
 *   work         a directory that does not exist yet: /tmp/trustbuild
 *   rootfs       the builds' root file system: /rootfs.erofs
 *   rootfs_digest  a file with its SHA-256 that is measured itself:
 *                /etc/trustbuild/rootfs.sha256; where there is none, rootfs is hashed first
 *   ca           the certificate authorities: /etc/ssl/certs/ca-certificates.crt
 *   mounted      a directory where rootfs is mounted already, for crun and runc
 *   pool         the kernel's random pool, which gets the NSM's random bytes: /dev/urandom
 *
 * Errors: TRB_E_INVAL for conf or without a context, TRB_E_ABI for a context of another release's
 * libtrustbuild, TRB_E_CANCELED where the host canceled, TRB_E_STATE where it broke the order of
 * messages, TRB_E_IO where it went away, TRB_E_BUILD where a command failed, and what each stage
 * says. */
TRB_API TRB_CHECK int trb_enclave_serve(trb_context *context, const char *conf, trb_error **err);

#ifdef __cplusplus
}
#endif

#endif
