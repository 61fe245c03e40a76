/* SPDX-License-Identifier: Apache-2.0 */
/* Making, opening, reading a log and publishing in it, with the n-th allocation or system call
 * failing: what was said to be published is, and a log that was interrupted goes on. */
#include "../unit/support.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <trustbuild/log.h>

#include "../unit/sample.h"
#include "core/io.h"
#include "torture.h"

TRB_DEFINE_CLEANUP(trb_log *, trb_log_unref);

static struct sample sample;
static trb_bundle *bundle;
static trb_context *context;
static char folder[64], fresh[128], used[128];

static void remove_fresh(void)
{
	static const char *const names[] = { "fresh", "fresh.key", "fresh.vkey" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		trb_remove_tree(AT_FDCWD, test_path(folder, names[i]), NULL);
}

static int open_and_size(const char *backend, uint64_t *ret)
{
	_cleanup_(trb_log_unrefp) trb_log *log = NULL;
	int r = trb_log_open(context, backend, &log, NULL);

	return r < 0 ? r : trb_log_get_size(log, ret, NULL);
}

static int make(const char **ret_check)
{
	trb_blob *vkey = NULL;
	trb_error *err = NULL;
	int r = trb_log_init(context, fresh, "log.example", &vkey, &err);

	torture_note((r == TRB_OK) != (vkey != NULL), "a key without a log");
	trb_blob_unref(vkey);
	return torture_end(r, err, ret_check);
}

/* A log that was made can be used; one that was not can be made. */
static const char *inspect_made(int status)
{
	trb_blob *vkey = NULL;
	uint64_t size;
	int r;

	if (status == TRB_OK)
		return open_and_size(fresh, &size) == TRB_OK && size == 0 ? NULL
									  : "it is not there";
	r = trb_log_init(context, fresh, "log.example", &vkey, NULL);
	trb_blob_unref(vkey);
	if (r == TRB_E_STATE) /* it stood already when something failed */
		r = open_and_size(fresh, &size);
	return r == TRB_OK ? NULL : "it cannot be made any more";
}

static void prepare_used(void)
{
	_cleanup_(trb_blob_unrefp) trb_blob *vkey = NULL;

	remove_fresh();
	ck_assert_int_eq(trb_log_init(context, fresh, "log.example", &vkey, NULL), TRB_OK);
}

static int publish_in(const char *backend, trb_error **err)
{
	_cleanup_(trb_bundle_unrefp) trb_bundle *logged = NULL;
	_cleanup_(trb_log_unrefp) trb_log *log = NULL;
	int r = trb_log_open(context, backend, &log, err);

	if (r == TRB_OK)
		r = trb_log_publish(log, bundle, &logged, err);
	torture_note((r == TRB_OK) != (logged != NULL), "a bundle without an entry");
	return r;
}

static int publish(const char **ret_check)
{
	trb_error *err = NULL;
	int r = publish_in(fresh, &err);

	return torture_end(r, err, ret_check);
}

/* What was published is there; what failed can be done again, and is there once. */
static const char *inspect_published(int status)
{
	uint64_t size = 0;

	if (status < 0 && publish_in(fresh, NULL) < 0)
		return "it cannot be published any more";
	if (open_and_size(fresh, &size) < 0 || size != 1)
		return "the log has not exactly one entry";
	return NULL;
}

static int read_back(const char **ret_check)
{
	_cleanup_(trb_blob_unrefp) trb_blob *proof = NULL, *entry = NULL, *text = NULL;
	_cleanup_(trb_log_unrefp) trb_log *log = NULL;
	trb_error *err = NULL;
	int r = trb_log_open(context, used, &log, &err);

	if (r == TRB_OK)
		r = trb_log_get_proof(log, 0, &proof, &err);
	if (r == TRB_OK)
		r = trb_log_get_entry(log, 0, &entry, &err);
	if (r == TRB_OK)
		r = trb_log_describe_entry(log, 0, &text, &err);
	torture_note((r == TRB_OK) != (text != NULL), "half an entry");
	return torture_end(r, err, ret_check);
}

static void set_up(void)
{
	trb_blob *vkey = NULL;

	sample_init(&sample, 1);
	bundle = sample_bundle(&sample, 0, NULL);
	snprintf(folder, sizeof(folder), "%s/torture-log-XXXXXX",
		 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	ck_assert(mkdtemp(folder) != NULL);
	snprintf(fresh, sizeof(fresh), "local:dir=%s/fresh", folder);
	snprintf(used, sizeof(used), "local:dir=%s/used", folder);
	ck_assert_int_eq(trb_context_new(&context, NULL), TRB_OK);
	ck_assert_int_eq(trb_log_init(context, used, NULL, &vkey, NULL), TRB_OK);
	trb_blob_unref(vkey);
	ck_assert_int_eq(publish_in(used, NULL), TRB_OK);
}

static void tear_down(void)
{
	trb_remove_tree(AT_FDCWD, folder, NULL);
	context = trb_context_unref(context);
	trb_bundle_unref(bundle);
	sample_clear(&sample);
}

static const struct torture rows[] = {
	{ "make a log", make, TRB_OK, NULL, 30, remove_fresh, inspect_made,
	  .optional = "fchmod" /* of a folder that is somebody else's */ },
	{ "publish", publish, TRB_OK, NULL, 30, prepare_used, inspect_published },
	{ "read a log", read_back, TRB_OK, NULL, 50 },
};
TORTURE_MAIN("log", rows, set_up, tear_down)
