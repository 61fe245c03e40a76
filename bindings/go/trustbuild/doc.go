// SPDX-License-Identifier: Apache-2.0

// Package trustbuild is the host's side of attestable builds: it starts an enclave, hands over a
// request, receives artifacts and evidence, and publishes the evidence in a log. It links
// libtrustbuild (pkg-config: trustbuild, trustbuild-enclave).
//
// The host is not trusted: what it gives is a bundle, as bytes, which package verify judges.
//
// Errors are *[status.Error]; where a context ended a call, errors.Is finds the context's error,
// too.
package trustbuild
