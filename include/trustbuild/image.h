/* SPDX-License-Identifier: Apache-2.0 */
/* Making an enclave image from a recipe.
 *
 * The image holds a kernel; a first ramdisk with the enclave program as init, its helper programs
 * and libraries, the CA bundle and runsc; a second ramdisk with the build's root file system as one
 * EROFS file.  The same inputs give the same bytes, so that anyone can make the image again and
 * compare the measurements; docs/spec/eif.md says what the inputs are. */
#ifndef TRUSTBUILD_IMAGE_H
#define TRUSTBUILD_IMAGE_H

#include <trustbuild/eif.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A recipe; belongs to one thread at a time. */
typedef struct trb_image trb_image;

/* The default recipe.  Progress goes to context's log sink, caches and program output to
 * image/ in its state directory.  Errors: TRB_E_INVAL without a context, TRB_E_NOMEM. */
TRB_API TRB_CHECK int trb_image_new(trb_context *context, trb_image **ret_image, trb_error **err);

/* One more reference; returns image.  NULL is a no-op. */
TRB_API trb_image *trb_image_ref(trb_image *image);

/* Drops a reference; always returns NULL.  NULL is a no-op. */
TRB_API trb_image *trb_image_unref(trb_image *image);

/* Sets one input; value is copied.  Paths are relative to the current directory at the time of
 * trb_image_build().  The keys, those marked * may be given several times:
 *
 *   out        the image; image.lock is written beside it (enclave.lock for enclave.eif).
 *              Default: image/enclave.eif in the state directory
 *   enclave    the enclave program.
 *              Default: $TRUSTBUILD_ENCLAVE_PROGRAM, else the installed tb-enclave
 *   helper*    a helper program for the enclave.  Default: those in the helper directory
 *   package*   a Debian package for the build's root file system, beside the default ones
 *   sources    an apt sources.list file to take packages from, instead of the machine's mirror
 *   extra-ca   a PEM file of certificates that the enclave trusts for fetching, beside Debian's
 *   kernel     a kernel (bzImage) instead of Debian's cloud kernel
 *   cmdline    the kernel's command line
 *   runsc      a runsc program instead of building the pinned one
 *   runtime*   crun or runc, of Debian: a runtime that requests may name instead of runsc
 *   rootfs     an EROFS file instead of making one
 *   name, version  what the metadata say
 *   epoch      all times in the image, in seconds since 1970.  Default: $SOURCE_DATE_EPOCH, else a
 *              constant of the release
 *   sign-cert, sign-key  PEM files of the signer's certificate and its P-256, P-384 or P-521 key
 *   ramdisk*   a ready-made ramdisk: the image is packed from kernel and ramdisks alone
 *   fresh      "yes": make everything anew, whatever the cache holds
 *
 * Errors: TRB_E_INVAL for another key, or a second value of a key that takes one;
 * TRB_E_LIMIT for more values than a key has room for; TRB_E_NOMEM. */
TRB_API TRB_CHECK int trb_image_set(trb_image *image, const char *key, const char *value,
				    trb_error **err);

/* Where trb_image_build() writes the image: out, or the default.  Borrowed until the next
 * trb_image_set().  NULL where there is neither out nor a state directory. */
TRB_API const char *trb_image_get_path(trb_image *image);

/* Makes the image, or finds that the one at the path is what the inputs give.  The first time takes
 * minutes and needs a network, mmdebstrap and erofs-utils; afterwards only what has changed is made
 * again.  Concurrent calls with one state directory wait for each other.
 * Errors: TRB_E_NOTFOUND for a missing input or program, TRB_E_IO with the log of the program that
 * failed, TRB_E_CANCELED (trb_context_set_canceled()), TRB_E_INVAL, TRB_E_LIMIT, TRB_E_NOMEM. */
TRB_API TRB_CHECK int trb_image_build(trb_image *image, trb_eif **ret_eif, trb_error **err);

#ifdef __cplusplus
}
#endif

#endif
