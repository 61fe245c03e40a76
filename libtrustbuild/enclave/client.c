/* SPDX-License-Identifier: Apache-2.0 */
/* The ratchet: one build, in one order, watched by one loop (docs/spec/channel.md). */
#include "enclave/client.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>

#include "core/context.h"
#include "core/io.h"
#include "enclave/talk.h"

#define STEP_WAIT_MS 1000 /* stages with a clock of their own want to be asked */

/* --- the ratchet: states, what leads into each, what is waited for in it --- */

struct stage {
	enum trb_enclave_state from, state;
	int (*enter)(struct trb_enclave *e, trb_error **err); /* the way into it */
	int (*get_fd)(const struct trb_enclave *e);           /* what is polled in it, or NULL */
	int (*step)(struct trb_enclave *e, trb_error **err);  /* TRB_E_AGAIN: not over */
};

static int fd_source(const struct trb_enclave *e)
{
	return trb_source_get_fd(e->source);
}

static int fd_build(const struct trb_enclave *e)
{
	return trb_build_get_fd(e->build);
}

static int fd_after(const struct trb_enclave *e)
{
	return e->after != NULL ? trb_build_get_fd(e->after) : -1;
}

static int step_request(struct trb_enclave *e, trb_error **err)
{
	(void)err;
	return e->request != NULL ? TRB_OK : TRB_E_AGAIN;
}

static int step_source(struct trb_enclave *e, trb_error **err)
{
	return trb_source_step(e->source, err);
}

static int step_build(struct trb_enclave *e, trb_error **err)
{
	return trb_build_step(e->build, err);
}

static int step_after(struct trb_enclave *e, trb_error **err)
{
	return e->after != NULL ? trb_build_step(e->after, err) : TRB_OK;
}

/* The order of the rows is the only order there is; TRB_STATE_FAILED is where every other way
 * leads, and nothing leads out of it. */
static const struct stage stages[] = {
	{ TRB_STATE_READY, TRB_STATE_READY, NULL, NULL, step_request },
	{ TRB_STATE_READY, TRB_STATE_FETCHING, trb_enclave_fetch, fd_source, step_source },
	{ TRB_STATE_FETCHING, TRB_STATE_COMMITTED, trb_enclave_commit, NULL, NULL },
	{ TRB_STATE_COMMITTED, TRB_STATE_BUILDING, trb_enclave_build, fd_build, step_build },
	{ TRB_STATE_BUILDING, TRB_STATE_BUILT, trb_enclave_collect, NULL, NULL },
	{ TRB_STATE_BUILT, TRB_STATE_ATTESTED, trb_enclave_attest, NULL, NULL },
	{ TRB_STATE_ATTESTED, TRB_STATE_ATTESTED, trb_enclave_after, fd_after, step_after },
	{ TRB_STATE_ATTESTED, TRB_STATE_DONE, trb_enclave_deliver, NULL, NULL },
};

static int announce(struct trb_enclave *e, trb_error **err)
{
	struct trb_control msg = { .type = TRB_MSG_STATE };

	msg.u.state.state = e->state;
	if (e->state == TRB_STATE_READY)
		msg.u.state.machine = trb_machine_view(&e->machine);
	if (e->state == TRB_STATE_COMMITTED) {
		msg.u.state.commit = e->facts.commit;
		msg.u.state.history = trb_source_get_result(e->source)->history;
		msg.u.state.location = trb_bytes_str(trb_source_get_location(e->source));
	}
	return trb_enclave_send(e, &msg, err);
}

/* The only place where the state changes to anything but FAILED. */
static int enter(struct trb_enclave *e, const struct stage *to, trb_error **err)
{
	int r = TRB_OK;

	if (e->state != to->from)
		return trb_fail(err, TRB_E_STATE, "%s does not follow %s",
				trb_enclave_state_name(to->state),
				trb_enclave_state_name(e->state));
	/* what the host has said so far counts before anything new begins */
	r = trb_enclave_wait(e, -1, 0, err);
	if (r == TRB_OK && to->enter != NULL)
		r = to->enter(e, err);
	if (r < 0)
		return r;
	if (to != stages && to->state == to->from)
		return TRB_OK; /* a second part of the same state */
	e->state = to->state;
	return announce(e, err);
}

/* --- the loop --- */

/* A step that only says "again" leaves no error behind. */
static int take_step(struct trb_enclave *e, const struct stage *stage, trb_error **err)
{
	trb_error *why = NULL;
	int r = stage->step(e, &why);

	if (r == TRB_OK || r == TRB_E_AGAIN || err == NULL || *err != NULL)
		trb_error_unref(why);
	else
		*err = why;
	return r;
}

static int stay(struct trb_enclave *e, const struct stage *stage, trb_error **err)
{
	int r;

	while (stage->step != NULL && (r = take_step(e, stage, err)) != TRB_OK) {
		if (r != TRB_E_AGAIN)
			return r;
		r = trb_enclave_poll(e, stage->get_fd != NULL ? stage->get_fd(e) : -1, POLLIN,
				     stage->get_fd != NULL ? STEP_WAIT_MS : -1, err);
		if (r < 0 && r != TRB_E_AGAIN)
			return r;
	}
	return TRB_OK;
}

static int run(struct trb_enclave *e, trb_error **err)
{
	int r = TRB_OK;

	for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]) && r == TRB_OK; i++) {
		r = enter(e, &stages[i], err);
		if (r == TRB_OK)
			r = stay(e, &stages[i], err);
	}
	return r;
}

/* --- begin and end --- */

static int read_conf(struct trb_enclave *e, const char *conf, trb_error **err)
{
	static const char *const keys[] = { "transport", "nsm",           "work",
					    "rootfs",    "rootfs_digest", "ca",
					    "pool",      "mounted",       NULL };
	int r = trb_conf_parse(conf, keys, &e->conf, err);

	if (r < 0)
		return r;
	e->transport = trb_conf_get(e->conf, "transport", "vsock:3");
	e->nsm_name = trb_conf_get(e->conf, "nsm", TRB_NSM_DEVICE);
	e->work = trb_conf_get(e->conf, "work", "/tmp/trustbuild");
	e->rootfs = trb_conf_get(e->conf, "rootfs", "/rootfs.erofs");
	e->rootfs_digest = trb_conf_get(e->conf, "rootfs_digest", "/etc/trustbuild/rootfs.sha256");
	e->ca = trb_conf_get(e->conf, "ca", "/etc/ssl/certs/ca-certificates.crt");
	e->pool = trb_conf_get(e->conf, "pool", "/dev/urandom");
	e->mounted = trb_conf_get(e->conf, "mounted", NULL);
	if (e->work[0] != '/' || e->rootfs[0] != '/')
		return trb_fail(err, TRB_E_INVAL, "work and rootfs are absolute paths");
	return TRB_OK;
}

static int make_work(struct trb_enclave *e, trb_error **err)
{
	/* one build each: what another left is no place to begin */
	if (mkdir(e->work, 0755) < 0)
		return trb_fail_errno(err, errno, "make '%s'", e->work);
	e->made_work = true;
	if (asprintf(&e->tree_dir, "%s/tree", e->work) < 0 ||
	    asprintf(&e->sandbox_dir, "%s/sandbox", e->work) < 0)
		return trb_fail_nomem(err);
	if (mkdir(e->tree_dir, 0755) < 0 || mkdir(e->sandbox_dir, 0755) < 0)
		return trb_fail_errno(err, errno, "make directories in '%s'", e->work);
	return TRB_OK;
}

static void close_all(struct trb_enclave *e)
{
	struct trb_evidence *ev = &e->evidence;
	trb_blob *blobs[] = { ev->environment, ev->artifacts, ev->statement,   ev->attestation,
			      ev->signature,   ev->materials, e->request_bytes };

	trb_build_unref(e->after);
	trb_build_unref(e->build);
	trb_source_unref(e->source);
	trb_request_unref(e->request);
	trb_child_kill(&e->hasher);
	if (e->hasher_out >= 0)
		close(e->hasher_out);
	trb_nsm_free(e->nsm);
	trb_enclave_forget_credentials(e);
	for (size_t i = 0; i < sizeof(blobs) / sizeof(blobs[0]); i++)
		trb_blob_unref(blobs[i]);
	if (e->control >= 0)
		close(e->control);
	if (e->made_work)
		trb_remove_tree(AT_FDCWD, e->work, NULL);
	free(e->tree_dir);
	free(e->sandbox_dir);
	trb_conf_free(e->conf);
}

int trb_enclave_serve(trb_context *context, const char *conf, trb_error **err)
{
	struct trb_enclave e = {
		.context = context,
		.control = -1,
		.hasher = TRB_CHILD_NONE,
		.hasher_out = -1,
		.state = TRB_STATE_READY,
	};
	trb_error *why = NULL;
	int r;

	if (context == NULL)
		return trb_fail(err, TRB_E_INVAL, "no context");
	r = trb_context_check_release(context, err);
	if (r < 0)
		return r;
	trb_source_limits_default(&e.limits);
	r = read_conf(&e, conf, &why);
	if (r == TRB_OK)
		r = trb_enclave_hello(&e, &why);
	if (r == TRB_OK)
		r = make_work(&e, &why);
	if (r == TRB_OK)
		r = trb_enclave_boot(&e, &why);
	if (r == TRB_OK)
		r = run(&e, &why);
	if (r < 0) {
		e.state = TRB_STATE_FAILED; /* for good */
		trb_enclave_tell_failure(&e, r, why);
	}
	trb_enclave_linger(&e);
	close_all(&e);
	if (r < 0 && err != NULL)
		*err = why;
	else
		trb_error_unref(why);
	return r;
}
