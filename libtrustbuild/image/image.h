/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of an image that is being built: its parts, digests and lock. */
#ifndef TRB_IMAGE_IMAGE_H
#define TRB_IMAGE_IMAGE_H

#include <limits.h>
#include <stdatomic.h>

#include <trustbuild/image.h>

#include "core/buffer.h"
#include "core/cleanup.h"
#include "core/context.h"
#include "core/error.h"
#include "format/eif.h"
#include "image/cpio.h"

TRB_DEFINE_CLEANUP(trb_image *, trb_image_unref);

#define SHA256_SIZE  32u
#define SHA256_HEX   65u
#define MAX_VALUES   64u
#define MAX_HELPERS  16u
#define MAX_PEM_FILE (1u << 20)

/* The keys of trb_image_set(), in the order of the table in image.c. */
enum image_key {
	IMAGE_OUT,
	IMAGE_ENCLAVE,
	IMAGE_HELPER,
	IMAGE_PACKAGE,
	IMAGE_SOURCES,
	IMAGE_EXTRA_CA,
	IMAGE_KERNEL,
	IMAGE_CMDLINE,
	IMAGE_RUNSC,
	IMAGE_RUNTIME,
	IMAGE_ROOTFS,
	IMAGE_NAME,
	IMAGE_VERSION,
	IMAGE_EPOCH,
	IMAGE_SIGN_CERT,
	IMAGE_SIGN_KEY,
	IMAGE_RAMDISK,
	IMAGE_FRESH,
	IMAGE_N_KEYS
};

struct image_values {
	char *items[MAX_VALUES];
	size_t n;
};

/* Cached parts, each a folder named by the digest of what it is made from. */
enum image_part { PART_ROOTFS, PART_RUNSC, PART_USERLAND, N_PARTS };

struct trb_image {
	atomic_uint refs;
	trb_context *context;
	struct image_values values[IMAGE_N_KEYS];
	char *path; /* of the last trb_image_get_path() */
	/* during a build */
	char *state; /* folder of caches and logs */
	int lock;    /* one build at a time; the recipe's scripts hold it, too, to their end */
	char *parts[N_PARTS];
	uint32_t epoch;
	char *helpers[MAX_HELPERS];
	size_t n_helpers;
	char *enclave;
};

/* The first value of a key, or NULL. */
const char *trb_image_value(const trb_image *image, enum image_key key);
/* Whether a key may have this value. */
int trb_image_check_value(enum image_key key, const char *value, trb_error **err);
/* Drops what is kept during a build. */
void trb_image_forget_build(trb_image *image);

/* SHA-256 over named fields, so that no two sets of inputs give the same stream. */
struct image_digest;
int trb_image_digest_new(const char *domain, struct image_digest **ret, trb_error **err);
void trb_image_digest_free(struct image_digest *digest);
TRB_DEFINE_CLEANUP(struct image_digest *, trb_image_digest_free);
int trb_image_digest_text(struct image_digest *digest, const char *name, const char *text,
			  trb_error **err);
int trb_image_digest_file(struct image_digest *digest, const char *name, const char *path,
			  trb_error **err);
int trb_image_digest_hex(struct image_digest *digest, char ret_hex[SHA256_HEX], trb_error **err);
/* SHA-256 of one file. */
int trb_image_file_hex(const char *path, char ret_hex[SHA256_HEX], trb_error **err);

/* Which part a folder of the cache is; N_PARTS: none. */
enum image_part trb_image_part_of(const char *folder);
/* Makes what is missing of rootfs and runsc, side by side, then the userland. */
int trb_image_make_parts(trb_image *image, trb_error **err);
/* part/name as an allocated path; the override of a key instead, where it is set. */
int trb_image_part_path(const trb_image *image, enum image_part part, const char *name,
			char **ret_path, trb_error **err);

/* image.lock: every package and every digest that went in. */
int trb_image_write_lock(const trb_image *image, const char *out, const char *inputs,
			 const trb_eif *eif, trb_error **err);
/* Whether the lock beside out names these inputs; its path, too. */
int trb_image_lock_path(const char *out, char **ret_path, trb_error **err);
bool trb_image_lock_matches(const char *lock, const char *inputs, char ret_pcr0[97]);

#endif
