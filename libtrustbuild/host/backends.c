/* SPDX-License-Identifier: Apache-2.0 */
/* The TEEs that are compiled in. */
#include "core/error.h"
#include "core/registry.h"
#include "host/tee/ops.h"
#include "host/tee/process.h"

/* Never a fallback from one to another: the caller names what it wants. */
static const trb_tee_ops *const tees[] = {
	&trb_tee_process,
};

const trb_tee_ops *trb_tee_get(size_t index)
{
	return index < sizeof(tees) / sizeof(tees[0]) ? tees[index] : NULL;
}

static const char *name_at(size_t index)
{
	const trb_tee_ops *ops = trb_tee_get(index);

	return ops != NULL ? ops->name : NULL;
}

int trb_tee_find(const char *backend, const trb_tee_ops **ret_ops, const char **ret_options,
		 trb_error **err)
{
	size_t index;
	int r = trb_registry_find("enclave backend", name_at, backend, &index, ret_options, err);

	if (r == TRB_OK)
		*ret_ops = trb_tee_get(index);
	return r;
}

int trb_tee_check(trb_context *context, const char *backend, trb_tee_found found, void *user,
		  trb_error **err)
{
	const trb_tee_ops *ops;
	const char *options;
	int r;

	if (context == NULL || found == NULL)
		return trb_fail(err, TRB_E_INVAL, "a look needs a context and somebody to tell");
	r = trb_tee_find(backend, &ops, &options, err);
	if (r < 0)
		return r;
	if (!TRB_TEE_HAS(ops, check))
		return trb_fail(err, TRB_E_UNSUPPORTED,
				"the enclave backend '%s' cannot tell what it needs", ops->name);
	return ops->check(context, options, found, user, err);
}

/* tests/unit/tee.c holds this against what is built. */
const char *trb_helper_get(size_t index)
{
	static const char *const names[] = {
		"tb-launch",   "tb-unpack",       "tb-egress",     "tb-fetch",
		"tb-sandbox",  "tb-sandbox-init", "tb-digest",     "tb-http",
		"image-runsc", "image-rootfs",    "image-sources", "image-userland",
	};

	return index < sizeof(names) / sizeof(names[0]) ? names[index] : NULL;
}
