/* SPDX-License-Identifier: Apache-2.0 */
/* The roof over an image's parts: defaults of its inputs, what is made, packed and kept. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "core/io.h"
#include "core/release.h"
#include "core/state.h"
#include "image/cache.h"
#include "image/image.h"
#include "image/image_pack.h"

/* Unpacked packages are small: of the caches' ceiling they get one part in so many. */
#define PACKAGES_SHARE 16u

/* What runs beside the enclave program inside the enclave. */
static const char *const default_helpers[] = { "tb-digest", "tb-fetch", "tb-sandbox",
					       "tb-sandbox-init" };

static int add_helper(trb_image *image, const char *path, trb_error **err)
{
	if (image->n_helpers == MAX_HELPERS)
		return trb_fail(err, TRB_E_LIMIT, "at most %u helper programs", MAX_HELPERS);
	image->helpers[image->n_helpers] = realpath(path, NULL);
	if (image->helpers[image->n_helpers] == NULL)
		return trb_fail_errno(err, errno, "find the helper program '%s'", path);
	image->n_helpers++;
	return TRB_OK;
}

static int find_helpers(trb_image *image, trb_error **err)
{
	const struct image_values *v = &image->values[IMAGE_HELPER];
	const char *dir = trb_context_get_libexec_dir(image->context);
	int r = TRB_OK;

	for (size_t i = 0; r == TRB_OK && i < v->n; i++)
		r = add_helper(image, v->items[i], err);
	if (v->n > 0)
		return r;
	for (size_t i = 0; r == TRB_OK && i < sizeof(default_helpers) / sizeof(default_helpers[0]);
	     i++) {
		_cleanup_free_ char *path = NULL;

		if (asprintf(&path, "%s/%s", dir, default_helpers[i]) < 0)
			return trb_fail_nomem(err);
		r = add_helper(image, path, err);
	}
	return r;
}

static int find_enclave(trb_image *image, trb_error **err)
{
	const char *path = trb_image_value(image, IMAGE_ENCLAVE);

	if (path == NULL)
		path = getenv("TRUSTBUILD_ENCLAVE_PROGRAM");
	if (path == NULL)
		path = TRB_BINDIR "/tb-enclave";
	image->enclave = realpath(path, NULL);
	if (image->enclave == NULL)
		return trb_fail_errno(
			err, errno,
			"find the enclave program '%s' (TRUSTBUILD_ENCLAVE_PROGRAM names one)",
			path);
	return TRB_OK;
}

static int find_epoch(trb_image *image, trb_error **err)
{
	const char *given = trb_image_value(image, IMAGE_EPOCH);
	int r;

	image->epoch = TRB_RELEASE_TIME;
	if (given == NULL)
		given = getenv("SOURCE_DATE_EPOCH");
	if (given == NULL)
		return TRB_OK;
	r = trb_image_check_value(IMAGE_EPOCH, given, err);
	if (r < 0)
		return trb_wrap(err, r, "SOURCE_DATE_EPOCH");
	image->epoch = (uint32_t)strtoull(given, NULL, 10);
	return TRB_OK;
}

static int check_together(const trb_image *image, trb_error **err)
{
	bool cert = trb_image_value(image, IMAGE_SIGN_CERT) != NULL;
	bool key = trb_image_value(image, IMAGE_SIGN_KEY) != NULL;

	if (cert != key)
		return trb_fail(err, TRB_E_INVAL, "image: sign-cert and sign-key go together");
	if (image->values[IMAGE_RAMDISK].n > 0 && trb_image_value(image, IMAGE_KERNEL) == NULL)
		return trb_fail(err, TRB_E_INVAL, "image: ready-made ramdisks need a kernel, too");
	return TRB_OK;
}

static int open_state(trb_image *image, trb_error **err)
{
	_cleanup_close_ int fd = -1;
	const char *state;
	int r = trb_state_open(image->context, &state, err);

	if (r < 0)
		return r;
	if (asprintf(&image->state, "%s/image", state) < 0) {
		image->state = NULL;
		return trb_fail_nomem(err);
	}
	return trb_open_own_dir(image->state, &fd, err);
}

static int prepare(trb_image *image, trb_error **err)
{
	int r = check_together(image, err);

	if (r == TRB_OK)
		r = find_epoch(image, err);
	if (r == TRB_OK)
		r = open_state(image, err);
	if (r < 0 || image->values[IMAGE_RAMDISK].n > 0)
		return r;
	r = find_enclave(image, err);
	return r < 0 ? r : find_helpers(image, err);
}

static bool is_part(const char *name)
{
	return trb_image_part_of(name) != N_PARTS;
}

static bool is_package(const char *name)
{
	return strchr(name, '_') != NULL;
}

static int open_folder(const trb_image *image, const char *folder)
{
	_cleanup_free_ char *path = NULL;

	if (asprintf(&path, "%s%s", image->state, folder) < 0) {
		path = NULL;
		return -1;
	}
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* The parts of this image stay, and its packages, which are the ones used last. */
static void prune(const trb_image *image, int state)
{
	const char *keep[N_PARTS + 1] = { NULL };
	_cleanup_close_ int debs = open_folder(image, "/debs");
	const struct trb_cache parts = { image->context, state, is_part, keep, NULL };
	const struct trb_cache packages = { image->context, debs, is_package, NULL, NULL };
	size_t n = 0;

	for (size_t i = 0; i < N_PARTS; i++)
		if (image->parts[i] != NULL)
			keep[n++] = strrchr(image->parts[i], '/') + 1;
	trb_cache_prune(&parts, trb_cache_ceiling());
	if (debs >= 0)
		trb_cache_prune(&packages, trb_cache_ceiling() / PACKAGES_SHARE);
}

static int build_locked(trb_image *image, trb_eif **ret_eif, trb_error **err)
{
	_cleanup_close_ int state = open_folder(image, "");
	int r = TRB_OK;

	if (image->values[IMAGE_RAMDISK].n == 0)
		r = trb_image_make_parts(image, err);
	if (r == TRB_OK)
		r = trb_image_pack(image, ret_eif, err);
	if (state >= 0) {
		trb_cache_sweep(state);
		if (r == TRB_OK)
			prune(image, state);
	}
	return r;
}

int trb_image_build(trb_image *image, trb_eif **ret_eif, trb_error **err)
{
	int r;

	trb_image_forget_build(image);
	r = prepare(image, err);
	if (r == TRB_OK)
		r = trb_image_lock_state(image, err);
	if (r == TRB_OK)
		r = build_locked(image, ret_eif, err);
	if (image->lock >= 0)
		close(steal_fd(&image->lock));
	return r;
}
