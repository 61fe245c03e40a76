// SPDX-License-Identifier: Apache-2.0

// Package verify judges artifacts by the evidence of an attestable build. It links the verifier
// half of libtrustbuild statically (pkg-config: trustbuild-verify), and so neither a device nor a
// process nor the network: evidence and policy in, verdict out.
//
// [File] is the whole of it for most programs. A [Verifier] is for those that judge many artifacts,
// or want more than the policy does; it may be used by any number of goroutines at once.
//
// Errors are *[status.Error]: a refusal is told from all others by [status.IsVerdict], and its
// check by errors.Is(err, status.Check("artifact.digest")).
package verify
