/* SPDX-License-Identifier: Apache-2.0 */
/* What the client does on entering each state; client.c says which follows which. */
#include <fcntl.h>
#include <stdio.h>

#include "enclave/talk.h"

static int hand_over_credentials(struct trb_enclave *e, trb_error **err)
{
	int r = TRB_OK;

	for (size_t i = 0; r == TRB_OK && i < e->n_credentials; i++) {
		trb_bytes prefix = trb_blob_bytes(e->credentials[i].prefix);
		trb_bytes token = trb_blob_bytes(e->credentials[i].token);
		_cleanup_free_ char *url =
			strndup(prefix.len > 0 ? (const char *)prefix.ptr : "", prefix.len);

		if (url == NULL)
			r = trb_fail_nomem(err);
		else if (prefix.len == 0)
			r = trb_source_set_token(e->source, token, err);
		else
			r = trb_source_add_credential(e->source, url, token, err);
	}
	return r;
}

/* FETCHING: the request is locked in before the first byte from the network. */
int trb_enclave_fetch(struct trb_enclave *e, trb_error **err)
{
	uint8_t data[32];
	int r = trb_pcr16_data(trb_blob_bytes(e->request_bytes), data, err);

	if (r == TRB_OK)
		r = trb_nsm_lock_to(e->nsm, 16, data, err);
	if (r == TRB_OK)
		r = trb_source_new(e->context, e->request, e->tree_dir, &e->source, err);
	if (r == TRB_OK)
		r = trb_source_set_egress(e->source, e->transport, err);
	if (r == TRB_OK)
		r = trb_source_set_ca_file(e->source, e->ca, err);
	if (r == TRB_OK)
		r = hand_over_credentials(e, err);
	trb_enclave_forget_credentials(e); /* the source wipes its own copies */
	if (r == TRB_OK)
		trb_source_set_limits(e->source, &e->limits);
	e->started = trb_clock_now(&e->clock);
	if (r == TRB_OK)
		trb_source_set_now(e->source, e->started);
	return r == TRB_OK ? trb_source_start(e->source, err) : r;
}

static int make_build(struct trb_enclave *e, trb_error **err)
{
	const bool own = e->facts.recipe.ptr == NULL;
	trb_bytes recipe = own ? trb_source_get_recipe(e->source) : e->facts.recipe;
	char runtime[16];
	int r;

	if (recipe.ptr == NULL)
		return trb_fail_check(err, TRB_E_SOURCE, "recipe.origin",
				      "the tree has no trustbuild.json, and the request no recipe");
	snprintf(runtime, sizeof(runtime), "%.*s", (int)e->facts.sandbox.len, e->facts.sandbox.ptr);
	r = trb_build_new(e->context, recipe, runtime, e->rootfs, e->sandbox_dir, &e->build, err);
	if (r == TRB_OK && e->mounted != NULL)
		r = trb_build_set_mounted(e->build, e->mounted, err);
	if (r == TRB_OK)
		r = trb_build_hide(e->build, TRB_NSM_DEVICE, err);
	if (r == TRB_OK && strncmp(e->transport, "unix:", 5) == 0)
		r = trb_build_hide(e->build, e->transport + 5, err);
	return r;
}

/* Less memory than the recipe's limits promise: the build would meet the machine's end first. */
static int check_machine(const struct trb_enclave *e, trb_error **err)
{
	const char *name = "";
	uint64_t memory = 0;

	for (size_t i = 0; i < trb_build_count_limits(e->build) && strcmp(name, "memory_mib") != 0;
	     i++)
		name = trb_build_get_limit(e->build, i, &memory);
	return trb_machine_suffices(e->machine.memory_mib, memory, err);
}

/* COMMITTED: commit, source and everything else that will shape A are locked in before the first
 * command. */
int trb_enclave_commit(struct trb_enclave *e, trb_error **err)
{
	uint8_t rootfs[32], environment[32], data[32];
	struct trb_commit commit;
	int r = trb_attest_commit(e, &commit, err);

	if (r == TRB_OK)
		r = make_build(e, err);
	if (r == TRB_OK)
		r = check_machine(e, err);
	if (r == TRB_OK)
		r = trb_enclave_rootfs_digest(e, rootfs, err);
	if (r == TRB_OK)
		r = trb_attest_environment(e, rootfs, err);
	if (r == TRB_OK)
		r = trb_sha256(trb_blob_bytes(e->evidence.environment), environment, err);
	if (r == TRB_OK)
		r = trb_pcr17_data(&commit, trb_source_get_digest(e->source).ptr, environment, data,
				   err);
	return r == TRB_OK ? trb_nsm_lock_to(e->nsm, 17, data, err) : r;
}

static int forward_output(int stream, trb_bytes chunk, void *user)
{
	struct trb_enclave *e = user;
	struct trb_control msg = { .type = TRB_MSG_PROGRESS };

	msg.u.progress.stream = (uint64_t)stream;
	msg.u.progress.text = chunk;
	return trb_enclave_send(e, &msg, NULL);
}

static int start_build(struct trb_enclave *e, trb_build *build, trb_error **err)
{
	trb_build_set_sink(build, forward_output, e);
	return trb_build_start(build, trb_source_get_path(e->source),
			       trb_source_get_commit(e->source), trb_source_get_time(e->source),
			       err);
}

int trb_enclave_build(struct trb_enclave *e, trb_error **err)
{
	return start_build(e, e->build, err);
}

/* BUILT: the sandbox is dead. */
int trb_enclave_collect(struct trb_enclave *e, trb_error **err)
{
	_cleanup_(trb_artifacts_clear) struct trb_artifacts artifacts = { 0 };
	int r = trb_enclave_stream_files(e, e->build, TRB_FILE_ARTIFACT, &artifacts, err);

	return r == TRB_OK ? trb_artifacts_encode(&artifacts, &e->evidence.artifacts, err) : r;
}

int trb_enclave_attest(struct trb_enclave *e, trb_error **err)
{
	int r = trb_enclave_rootfs_confirm(e, err);

	return r == TRB_OK ? trb_attest_seal(e, err) : r;
}

/* ATTESTED: the step after, if there is one. */
int trb_enclave_after(struct trb_enclave *e, trb_error **err)
{
	int r;

	if (!trb_build_has_after(e->build))
		return TRB_OK;
	r = trb_build_new_after(e->build, trb_blob_bytes(e->evidence.attestation),
				trb_blob_bytes(e->evidence.statement), &e->after, err);
	return r == TRB_OK ? start_build(e, e->after, err) : r;
}

int trb_enclave_deliver(struct trb_enclave *e, trb_error **err)
{
	int r = TRB_OK;

	if (e->after != NULL)
		r = trb_enclave_stream_files(e, e->after, TRB_FILE_UNATTESTED, NULL, err);
	return r == TRB_OK ? trb_enclave_send_result(e, err) : r;
}
