/* SPDX-License-Identifier: Apache-2.0 */
/* The recipe as an object: its inputs. */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "image/image.h"

static const struct {
	const char *name;
	bool many;
} keys[IMAGE_N_KEYS] = {
	[IMAGE_OUT] = { "out", false },           [IMAGE_ENCLAVE] = { "enclave", false },
	[IMAGE_HELPER] = { "helper", true },      [IMAGE_PACKAGE] = { "package", true },
	[IMAGE_SOURCES] = { "sources", false },   [IMAGE_EXTRA_CA] = { "extra-ca", false },
	[IMAGE_KERNEL] = { "kernel", false },     [IMAGE_CMDLINE] = { "cmdline", false },
	[IMAGE_RUNSC] = { "runsc", false },       [IMAGE_ROOTFS] = { "rootfs", false },
	[IMAGE_NAME] = { "name", false },         [IMAGE_VERSION] = { "version", false },
	[IMAGE_EPOCH] = { "epoch", false },       [IMAGE_SIGN_CERT] = { "sign-cert", false },
	[IMAGE_SIGN_KEY] = { "sign-key", false }, [IMAGE_RAMDISK] = { "ramdisk", true },
	[IMAGE_FRESH] = { "fresh", false },       [IMAGE_RUNTIME] = { "runtime", true },
};

int trb_image_new(trb_context *context, trb_image **ret_image, trb_error **err)
{
	trb_image *image;

	if (context == NULL)
		return trb_fail(err, TRB_E_INVAL, "no context");
	image = calloc(1, sizeof(*image));
	if (image == NULL)
		return trb_fail_nomem(err);
	atomic_init(&image->refs, 1);
	image->lock = -1;
	image->context = trb_context_ref(context);
	*ret_image = image;
	return TRB_OK;
}

trb_image *trb_image_ref(trb_image *image)
{
	if (image != NULL)
		atomic_fetch_add_explicit(&image->refs, 1, memory_order_relaxed);
	return image;
}

void trb_image_forget_build(trb_image *image)
{
	for (size_t i = 0; i < N_PARTS; i++) {
		free(image->parts[i]);
		image->parts[i] = NULL;
	}
	for (size_t i = 0; i < image->n_helpers; i++)
		free(image->helpers[i]);
	image->n_helpers = 0;
	free(image->enclave);
	free(image->state);
	image->enclave = image->state = NULL;
	if (image->lock >= 0)
		close(steal_fd(&image->lock));
}

trb_image *trb_image_unref(trb_image *image)
{
	if (image == NULL || atomic_fetch_sub_explicit(&image->refs, 1, memory_order_acq_rel) > 1)
		return NULL;
	trb_image_forget_build(image);
	for (size_t k = 0; k < IMAGE_N_KEYS; k++)
		for (size_t i = 0; i < image->values[k].n; i++)
			free(image->values[k].items[i]);
	free(image->path);
	trb_context_unref(image->context);
	free(image);
	return NULL;
}

int trb_image_check_value(enum image_key key, const char *value, trb_error **err)
{
	if (value[0] == '\0')
		return trb_fail(err, TRB_E_INVAL, "image: '%s' needs a value", keys[key].name);
	if (key == IMAGE_PACKAGE &&
	    strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789+-.") != strlen(value))
		return trb_fail(err, TRB_E_INVAL, "image: '%s' is not a package's name", value);
	if (key == IMAGE_EPOCH && (strspn(value, "0123456789") != strlen(value) ||
				   strlen(value) > 10 || strtoull(value, NULL, 10) > UINT32_MAX))
		return trb_fail(err, TRB_E_INVAL, "image: epoch '%s' is not 0 to %u seconds", value,
				UINT32_MAX);
	if (key == IMAGE_RUNTIME && strcmp(value, "crun") != 0 && strcmp(value, "runc") != 0)
		return trb_fail(err, TRB_E_INVAL,
				"image: '%s' is no further runtime: crun and runc are", value);
	if (key == IMAGE_FRESH && strcmp(value, "yes") != 0)
		return trb_fail(err, TRB_E_INVAL, "image: fresh takes 'yes'");
	return TRB_OK;
}

int trb_image_set(trb_image *image, const char *key, const char *value, trb_error **err)
{
	struct image_values *v;
	size_t k = 0;
	int r;

	while (k < IMAGE_N_KEYS && strcmp(keys[k].name, key) != 0)
		k++;
	if (k == IMAGE_N_KEYS)
		return trb_fail(err, TRB_E_INVAL, "image: no input is called '%s'", key);
	v = &image->values[k];
	if (v->n > 0 && !keys[k].many)
		return trb_fail(err, TRB_E_INVAL, "image: '%s' was given before", key);
	if (v->n == MAX_VALUES)
		return trb_fail(err, TRB_E_LIMIT, "image: '%s' at most %u times", key, MAX_VALUES);
	r = trb_image_check_value((enum image_key)k, value, err);
	if (r < 0)
		return r;
	v->items[v->n] = strdup(value);
	if (v->items[v->n] == NULL)
		return trb_fail_nomem(err);
	v->n++;
	return TRB_OK;
}

const char *trb_image_value(const trb_image *image, enum image_key key)
{
	return image->values[key].n > 0 ? image->values[key].items[0] : NULL;
}

const char *trb_image_get_path(trb_image *image)
{
	const char *out = trb_image_value(image, IMAGE_OUT);
	const char *state;

	if (out != NULL)
		return out;
	state = trb_context_get_state_dir(image->context);
	free(image->path);
	image->path = NULL;
	if (state == NULL || asprintf(&image->path, "%s/image/enclave.eif", state) < 0)
		image->path = NULL;
	return image->path;
}
