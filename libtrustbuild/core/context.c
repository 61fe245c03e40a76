/* SPDX-License-Identifier: Apache-2.0 */
/* The caller's context: where things are, whom to tell, whether to stop. */
#include "core/context.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <trustbuild/version.h>

#include "core/error.h"

#define LINE_MAX_BYTES 4096

struct trb_context {
	uint32_t release; /* stays the first, in every release */
	atomic_uint refs;
	trb_log_sink sink;
	void *sink_user;
	char *state_dir;
	char *libexec_dir; /* NULL: the installed one */
	atomic_int canceled;
};

int trb_context_new(trb_context **ret_context, trb_error **err)
{
	trb_context *context = calloc(1, sizeof(*context));

	if (context == NULL)
		return trb_fail_nomem(err);
	context->release = TRB_VERSION_NUMBER;
	atomic_init(&context->refs, 1);
	atomic_init(&context->canceled, 0);
	*ret_context = context;
	return TRB_OK;
}

int trb_context_check_release(const trb_context *context, trb_error **err)
{
	if (context->release == TRB_VERSION_NUMBER)
		return TRB_OK;
	return trb_fail(err, TRB_E_ABI,
			"libtrustbuild is of release %u.%u.%u and libtrustbuild-enclave of %s: "
			"install both of one release",
			context->release / 1000000, context->release / 1000 % 1000,
			context->release % 1000, TRB_VERSION_STRING);
}

trb_context *trb_context_ref(trb_context *context)
{
	if (context != NULL)
		atomic_fetch_add_explicit(&context->refs, 1, memory_order_relaxed);
	return context;
}

trb_context *trb_context_unref(trb_context *context)
{
	if (context == NULL ||
	    atomic_fetch_sub_explicit(&context->refs, 1, memory_order_acq_rel) > 1)
		return NULL;
	free(context->state_dir);
	free(context->libexec_dir);
	free(context);
	return NULL;
}

void trb_context_set_log_sink(trb_context *context, trb_log_sink sink, void *user)
{
	context->sink = sink;
	context->sink_user = user;
}

void trb_tell(trb_context *context, int level, const char *fmt, ...)
{
	char line[LINE_MAX_BYTES];
	va_list ap;

	if (context == NULL || context->sink == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	context->sink(level, line, context->sink_user);
}

static int set_dir(char **slot, const char *path, const char *what, trb_error **err)
{
	char *copy;

	if (path == NULL || path[0] != '/')
		return trb_fail(err, TRB_E_INVAL, "%s '%s' is not an absolute path", what,
				path ? path : "");
	copy = strdup(path);
	if (copy == NULL)
		return trb_fail_nomem(err);
	free(*slot);
	*slot = copy;
	return TRB_OK;
}

int trb_context_set_state_dir(trb_context *context, const char *path, trb_error **err)
{
	return set_dir(&context->state_dir, path, "state directory", err);
}

/* The first variable that names an absolute path decides, even where there is no memory to say so:
 * never another directory for want of it. */
static int find_state_dir(trb_context *context, trb_error **err)
{
	static const struct {
		const char *variable, *rest;
	} places[] = {
		{ "TRUSTBUILD_STATE", "" },
		{ "XDG_STATE_HOME", "/trustbuild" },
		{ "HOME", "/.local/state/trustbuild" },
	};

	for (size_t i = 0; context->state_dir == NULL && i < sizeof(places) / sizeof(places[0]);
	     i++) {
		const char *dir = getenv(places[i].variable);
		char *path;

		if (dir == NULL || dir[0] != '/')
			continue;
		if (asprintf(&path, "%s%s", dir, places[i].rest) < 0)
			return trb_fail_nomem(err);
		context->state_dir = path;
	}
	if (context->state_dir == NULL)
		return trb_fail(err, TRB_E_NOTFOUND,
				"no state directory: set TRUSTBUILD_STATE to an absolute path");
	return TRB_OK;
}

const char *trb_context_get_state_dir(trb_context *context)
{
	return find_state_dir(context, NULL) < 0 ? NULL : context->state_dir;
}

int trb_context_need_state_dir(trb_context *context, const char **ret_path, trb_error **err)
{
	int r = find_state_dir(context, err);

	if (r == TRB_OK)
		*ret_path = context->state_dir;
	return r;
}

int trb_context_set_libexec_dir(trb_context *context, const char *path, trb_error **err)
{
	return set_dir(&context->libexec_dir, path, "helper directory", err);
}

void trb_context_set_canceled(trb_context *context, int canceled)
{
	if (context != NULL)
		atomic_store(&context->canceled, canceled != 0);
}

int trb_check_canceled(const trb_context *context, trb_error **err)
{
	if (context == NULL || !atomic_load(&context->canceled))
		return TRB_OK;
	return trb_fail(err, TRB_E_CANCELED, "canceled");
}

const char *trb_context_get_libexec_dir(const trb_context *context)
{
	return context->libexec_dir != NULL ? context->libexec_dir : TRB_LIBEXECDIR;
}
