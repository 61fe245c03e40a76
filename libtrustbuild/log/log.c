/* SPDX-License-Identifier: Apache-2.0 */
/* The handle of a log, over whichever backend was named. */
#include <stdatomic.h>

#include "core/conf.h"
#include "core/registry.h"
#include "format/describe.h"
#include "format/merkle.h"
#include "log/backend.h"

struct trb_log {
	atomic_uint refs;
	trb_context *context;
	const struct trb_log_backend *backend;
	void *self;
	struct trb_vkey key;
	char *vkey;
};

TRB_DEFINE_CLEANUP(trb_log *, trb_log_unref);

static const struct trb_log_backend *const backends[] = { &trb_log_local };

void trb_log_place_clear(struct trb_log_place *place)
{
	place->checkpoint = trb_blob_unref(place->checkpoint);
}

static const char *name_at(size_t index)
{
	return index < sizeof(backends) / sizeof(backends[0]) ? backends[index]->name : NULL;
}

static int choose(const char *text, const struct trb_log_backend **ret, struct trb_conf **ret_conf,
		  trb_error **err)
{
	const char *options;
	size_t index;
	int r = trb_registry_find("log backend", name_at, text, &index, &options, err);

	if (r < 0)
		return r;
	*ret = backends[index];
	r = trb_conf_parse(options, backends[index]->keys, ret_conf, err);
	return r < 0 ? trb_wrap(err, r, "log backend '%s'", backends[index]->name) : TRB_OK;
}

static int vkey_text(const struct trb_vkey *key, char **ret, trb_error **err)
{
	_cleanup_buf_ struct trb_buf buf = { 0 };

	trb_buf_init(&buf, TRB_VKEY_MAX);
	trb_vkey_put(&buf, key);
	return trb_buf_to_str(&buf, "the log's key", ret, err);
}

int trb_log_init(trb_context *context, const char *backend, const char *origin, trb_blob **ret_vkey,
		 trb_error **err)
{
	_cleanup_(trb_conf_freep) struct trb_conf *conf = NULL;
	const struct trb_log_backend *chosen;
	_cleanup_free_ char *text = NULL;
	struct trb_vkey key;
	int r;

	if (context == NULL)
		return trb_fail(err, TRB_E_INVAL, "no context");
	r = choose(backend, &chosen, &conf, err);
	if (r == TRB_OK)
		r = chosen->init(context, conf, origin, &key, err);
	if (r == TRB_OK)
		r = vkey_text(&key, &text, err);
	return r < 0 ? r : trb_blob_new(trb_bytes_str(text), ret_vkey, err);
}

int trb_log_open(trb_context *context, const char *backend, trb_log **ret_log, trb_error **err)
{
	_cleanup_(trb_conf_freep) struct trb_conf *conf = NULL;
	_cleanup_(trb_log_unrefp) trb_log *log = NULL;
	int r;

	if (context == NULL)
		return trb_fail(err, TRB_E_INVAL, "no context");
	log = calloc(1, sizeof(*log));
	if (log == NULL)
		return trb_fail_nomem(err);
	atomic_init(&log->refs, 1);
	log->context = trb_context_ref(context);
	r = choose(backend, &log->backend, &conf, err);
	if (r == TRB_OK)
		r = log->backend->open(context, conf, &log->self, &log->key, err);
	if (r == TRB_OK)
		r = vkey_text(&log->key, &log->vkey, err);
	if (r == TRB_OK)
		*ret_log = steal_ptr(&log);
	return r;
}

trb_log *trb_log_ref(trb_log *log)
{
	if (log != NULL)
		atomic_fetch_add_explicit(&log->refs, 1, memory_order_relaxed);
	return log;
}

trb_log *trb_log_unref(trb_log *log)
{
	if (log == NULL || atomic_fetch_sub_explicit(&log->refs, 1, memory_order_acq_rel) > 1)
		return NULL;
	if (log->self != NULL)
		log->backend->close(log->self);
	trb_context_unref(log->context);
	free(log->vkey);
	free(log);
	return NULL;
}

const char *trb_log_get_vkey(const trb_log *log)
{
	return log != NULL ? log->vkey : NULL;
}

/* The newest checkpoint, its signature verified. */
static int newest(trb_log *log, trb_blob **ret_text, struct trb_checkpoint *ret, trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *text = NULL;
	_cleanup_(trb_note_clear) struct trb_note note = { .n = 0 };
	int r;

	if (log == NULL)
		return trb_fail(err, TRB_E_INVAL, "no log");
	r = log->backend->checkpoint(log->self, &text, err);
	if (r == TRB_OK)
		r = trb_checkpoint_open(trb_blob_bytes(text), &log->key, &note, ret, err);
	if (r == TRB_OK)
		*ret_text = steal_ptr(&text);
	return r;
}

int trb_log_get_size(trb_log *log, uint64_t *ret_size, trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *text = NULL;
	struct trb_checkpoint checkpoint;
	int r = newest(log, &text, &checkpoint, err);

	if (r == TRB_OK)
		*ret_size = checkpoint.size;
	return r;
}

int trb_log_get_checkpoint(trb_log *log, trb_blob **ret_checkpoint, trb_error **err)
{
	struct trb_checkpoint checkpoint;

	return newest(log, ret_checkpoint, &checkpoint, err);
}

static int verify_place(const struct trb_checkpoint *checkpoint, trb_bytes leaf,
			const struct trb_tlog_proof *proof, trb_error **err)
{
	uint8_t hash[32];
	int r = trb_merkle_leaf(leaf, hash, err);

	return r < 0 ? r
		     : trb_merkle_check_inclusion(proof->index, checkpoint->size, hash,
						  (const uint8_t(*)[32])proof->hashes, proof->n,
						  checkpoint->root, err);
}

static int get_verified(trb_log *log, uint64_t index, trb_blob **ret_entry,
			struct trb_log_place *ret_place, trb_error **err)
{
	_cleanup_(trb_log_place_clear) struct trb_log_place place = { .checkpoint = NULL };
	_cleanup_(trb_blob_unrefp) trb_blob *entry = NULL;
	struct trb_checkpoint checkpoint;
	int r = newest(log, &place.checkpoint, &checkpoint, err);

	if (r < 0)
		return r;
	if (index >= checkpoint.size)
		return trb_fail(err, TRB_E_DONE,
				"there is no entry %llu: they are counted from 0, and the log's "
				"size is %llu",
				(unsigned long long)index, (unsigned long long)checkpoint.size);
	r = log->backend->entry(log->self, index, checkpoint.size, &entry, &place.proof, err);
	if (r == TRB_OK)
		r = verify_place(&checkpoint, trb_blob_bytes(entry), &place.proof, err);
	if (r < 0)
		return r;
	place.proof.checkpoint = trb_blob_bytes(place.checkpoint);
	*ret_entry = steal_ptr(&entry);
	*ret_place = place;
	place.checkpoint = NULL;
	return TRB_OK;
}

int trb_log_get_entry(trb_log *log, uint64_t index, trb_blob **ret_entry, trb_error **err)
{
	_cleanup_(trb_log_place_clear) struct trb_log_place place = { .checkpoint = NULL };

	return get_verified(log, index, ret_entry, &place, err);
}

int trb_log_describe_entry(trb_log *log, uint64_t index, trb_blob **ret_json, trb_error **err)
{
	_cleanup_(trb_log_place_clear) struct trb_log_place place = { .checkpoint = NULL };
	_cleanup_(trb_blob_unrefp) trb_blob *entry = NULL;
	int r = get_verified(log, index, &entry, &place, err);

	return r < 0 ? r : trb_leaf_describe(trb_blob_bytes(entry), index, ret_json, err);
}

int trb_log_get_proof(trb_log *log, uint64_t index, trb_blob **ret_proof, trb_error **err)
{
	_cleanup_(trb_log_place_clear) struct trb_log_place place = { .checkpoint = NULL };
	_cleanup_(trb_blob_unrefp) trb_blob *entry = NULL;
	_cleanup_buf_ struct trb_buf buf = { 0 };
	int r = get_verified(log, index, &entry, &place, err);

	if (r < 0)
		return r;
	trb_buf_init(&buf, 3 * TRB_NOTE_MAX);
	trb_tlog_proof_put(&buf, &place.proof);
	return trb_buf_to_blob(&buf, "the proof", ret_proof, err);
}

/* What a backend answers is believed no more than what a bundle says. */
static int check_answer(trb_log *log, trb_bytes leaf, const struct trb_log_place *place,
			trb_error **err)
{
	_cleanup_(trb_note_clear) struct trb_note note = { .n = 0 };
	struct trb_checkpoint checkpoint;
	int r = trb_checkpoint_open(trb_blob_bytes(place->checkpoint), &log->key, &note,
				    &checkpoint, err);

	return r < 0 ? r : verify_place(&checkpoint, leaf, &place->proof, err);
}

int trb_log_publish(trb_log *log, const trb_bundle *bundle, trb_bundle **ret_logged,
		    trb_error **err)
{
	_cleanup_(trb_log_place_clear) struct trb_log_place place = { .checkpoint = NULL };
	_cleanup_(trb_blob_unrefp) trb_blob *leaf = NULL;
	const struct trb_log_kind *kind;
	struct trb_bundle_log entry = { .n_proof = 0 };
	trb_bytes view;
	int r;

	if (log == NULL || bundle == NULL)
		return trb_fail(err, TRB_E_INVAL, "no %s", log == NULL ? "log" : "bundle");
	kind = log->backend->kind;
	r = kind->leaf(trb_bundle_parts(bundle), &leaf, err);
	view = trb_blob_bytes(leaf);
	if (r == TRB_OK)
		r = log->backend->append(log->self, &view, 1, &place, err);
	if (r == TRB_OK)
		r = check_answer(log, trb_blob_bytes(leaf), &place, err);
	if (r < 0)
		return r;
	entry.kind = trb_bytes_str(kind->name);
	entry.index = place.proof.index;
	entry.n_proof = place.proof.n;
	memcpy(entry.proof, place.proof.hashes, sizeof(entry.proof));
	entry.checkpoint = trb_blob_bytes(place.checkpoint);
	return trb_bundle_with_log(bundle, &entry, ret_logged, err);
}
