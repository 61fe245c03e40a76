/* SPDX-License-Identifier: Apache-2.0 */
/* Backend "local": a log in a directory (local.h). */
#include "log/local.h"

#include <fcntl.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <sys/stat.h>

#include "core/context.h"
#include "core/io.h"
#include "core/state.h"
#include "format/crypto.h"
#include "format/dsse.h"
#include "format/facts.h"
#include "format/merkle.h"
#include "format/pem.h"

static const char *const keys[] = { "dir", "key", NULL };

static void local_close(void *self)
{
	struct trb_local *log = self;

	if (log == NULL)
		return;
	if (log->fd >= 0)
		close(log->fd);
	free(log->dir);
	free(log->key_path);
	trb_context_unref(log->context);
	free(log);
}

static void local_closep(struct trb_local **log)
{
	local_close(*log);
}

/* Directory and key file as configured, nothing opened. */
static int local_new(trb_context *context, const struct trb_conf *conf, struct trb_local **ret,
		     trb_error **err)
{
	_cleanup_(local_closep) struct trb_local *log = calloc(1, sizeof(*log));
	const char *dir = trb_conf_get(conf, "dir", NULL), *state, *key;
	int r;

	if (log == NULL)
		return trb_fail_nomem(err);
	log->fd = -1;
	log->context = trb_context_ref(context);
	if (dir != NULL) {
		if (dir[0] != '/')
			return trb_fail(err, TRB_E_INVAL, "dir= of a log must be absolute");
		log->dir = strdup(dir);
	} else {
		r = trb_state_look(context, &state, err);
		if (r < 0)
			return r;
		if (asprintf(&log->dir, "%s/log", state) < 0)
			log->dir = NULL;
	}
	if (log->dir == NULL)
		return trb_fail_nomem(err);
	for (size_t n = strlen(log->dir); n > 1 && log->dir[n - 1] == '/'; n--)
		log->dir[n - 1] = '\0';
	key = trb_conf_get(conf, "key", NULL);
	if (key != NULL ? (log->key_path = strdup(key)) == NULL
			: asprintf(&log->key_path, "%s.key", log->dir) < 0) {
		log->key_path = NULL;
		return trb_fail_nomem(err);
	}
	if (log->key_path[0] != '/')
		return trb_fail(err, TRB_E_INVAL, "key= of a log must be absolute");
	*ret = steal_ptr(&log);
	return TRB_OK;
}

static int open_folder(struct trb_local *log, trb_error **err)
{
	log->fd = open(log->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (log->fd < 0)
		return trb_fail_errno(err, errno, "open the log '%s'", log->dir);
	return TRB_OK;
}

static int vkey_path(const struct trb_local *log, char **ret, trb_error **err)
{
	if (asprintf(ret, "%s.vkey", log->dir) < 0) {
		*ret = NULL;
		return trb_fail_nomem(err);
	}
	return TRB_OK;
}

static int fill_new(struct trb_local *log, const char *origin, trb_error **err)
{
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = NULL;
	_cleanup_(trb_blob_unrefp) trb_blob *note = NULL;
	struct trb_checkpoint tree = { .size = 0 };
	_cleanup_(trb_error_unrefp) trb_error *none = NULL;
	/* a key that a killed init left is taken over */
	int r = trb_local_read_key(log, &key, &none);

	if (r == TRB_E_NOTFOUND)
		r = trb_local_make_key(log, &key, err);
	else if (r < 0 && err != NULL)
		*err = steal_ptr(&none);
	if (r == TRB_OK)
		r = trb_local_public_key(key, origin, &log->key, err);
	if (r == TRB_OK)
		r = trb_merkle_empty(tree.root, err);
	tree.origin = trb_bytes_str(log->key.name);
	if (r == TRB_OK)
		r = trb_local_put_tree(log, &tree, err);
	if (r == TRB_OK)
		r = trb_local_put_checkpoint(log, &tree, &note, err);
	return r;
}

/* The public key's file comes last: with it the log exists. */
static int put_vkey(struct trb_local *log, const char *path, trb_error **err)
{
	_cleanup_buf_ struct trb_buf text = { 0 };
	int r;

	trb_buf_init(&text, TRB_VKEY_MAX);
	trb_vkey_put(&text, &log->key);
	trb_buf_add_byte(&text, '\n');
	r = trb_buf_check(&text, "the log's key", err);
	return r < 0 ? r : trb_write_file(AT_FDCWD, path, trb_buf_bytes(&text), 0644, err);
}

static int make_folder(struct trb_local *log, trb_error **err)
{
	int r = trb_mkdirs(log->dir, err);

	if (r == TRB_OK)
		r = open_folder(log, err);
	if (r < 0)
		return r;
	fchmod(log->fd, 0755); /* for a file server; what is above is the owner's business */
	if (mkdirat(log->fd, ".state", 0700) < 0 && errno != EEXIST)
		return trb_fail_errno(err, errno, "create '%s/.state'", log->dir);
	return TRB_OK;
}

static int local_init(trb_context *context, const struct trb_conf *conf, const char *origin,
		      struct trb_vkey *ret_vkey, trb_error **err)
{
	_cleanup_(local_closep) struct trb_local *log = NULL;
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int lock = -1;
	const char *state;
	int r = trb_conf_get(conf, "dir", NULL) == NULL ? trb_state_open(context, &state, err)
							: TRB_OK;

	if (r == TRB_OK)
		r = local_new(context, conf, &log, err);
	if (r == TRB_OK && origin != NULL && trb_key_name_fault(trb_bytes_str(origin)) != NULL)
		r = trb_fail(err, TRB_E_INVAL, "'%s' cannot name a log: %s", origin,
			     trb_key_name_fault(trb_bytes_str(origin)));
	if (r == TRB_OK)
		r = vkey_path(log, &path, err);
	if (r == TRB_OK)
		r = make_folder(log, err);
	if (r < 0)
		return r;
	r = trb_local_lock(log, &lock, err);
	if (r < 0)
		return r;
	if (access(path, F_OK) == 0)
		return trb_fail(err, TRB_E_STATE, "'%s' is a log already; its key is in '%s'",
				log->dir, path);
	if (errno != ENOENT)
		return trb_fail_errno(err, errno, "look for '%s'", path);
	r = fill_new(log, origin, err);
	if (r == TRB_OK)
		r = put_vkey(log, path, err);
	if (r == TRB_OK)
		*ret_vkey = log->key;
	return r;
}

static int local_open(trb_context *context, const struct trb_conf *conf, void **ret_self,
		      struct trb_vkey *ret_vkey, trb_error **err)
{
	_cleanup_(local_closep) struct trb_local *log = NULL;
	_cleanup_(trb_blob_unrefp) trb_blob *text = NULL;
	_cleanup_free_ char *path = NULL;
	trb_bytes line;
	int r = local_new(context, conf, &log, err);

	if (r == TRB_OK)
		r = vkey_path(log, &path, err);
	if (r < 0)
		return r;
	r = trb_read_file(AT_FDCWD, path, TRB_VKEY_MAX, &text, err);
	if (r == TRB_E_NOTFOUND)
		return trb_wrap(err, r, "there is no log '%s'; make it with tb-host log init",
				log->dir);
	if (r < 0)
		return r;
	line = trb_blob_bytes(text);
	if (line.len > 0 && line.ptr[line.len - 1] == '\n')
		line.len--;
	r = trb_vkey_parse(line, &log->key, err);
	if (r < 0)
		return trb_wrap(err, r, "the key in '%s'", path);
	r = open_folder(log, err);
	if (r < 0)
		return r;
	*ret_vkey = log->key;
	*ret_self = steal_ptr(&log);
	return TRB_OK;
}

static int local_entry(void *self, uint64_t index, uint64_t size, trb_blob **ret_entry,
		       struct trb_tlog_proof *ret_proof, trb_error **err)
{
	_cleanup_(trb_tiles_clear) struct trb_tiles tree = trb_local_tiles(self, size);
	_cleanup_(trb_blob_unrefp) trb_blob *bundle = NULL;
	uint64_t tile = index / TRB_TILE_WIDTH;
	trb_bytes entry;
	int r = trb_local_bundle(self, tile, size, &bundle, err);

	if (r == TRB_OK)
		r = trb_tile_entry(trb_blob_bytes(bundle), trb_tile_width(0, tile, size),
				   (unsigned)(index % TRB_TILE_WIDTH), &entry, err);
	if (r == TRB_OK)
		r = trb_tiles_proof(&tree, index, ret_proof, err);
	return r < 0 ? r : trb_blob_new(entry, ret_entry, err);
}

const struct trb_log_backend trb_log_local = {
	.name = "local",
	.kind = &trb_log_kind_tlog,
	.keys = keys,
	.init = local_init,
	.open = local_open,
	.close = local_close,
	.checkpoint = trb_local_checkpoint,
	.entry = local_entry,
	.append = trb_local_append,
	.cosign = trb_local_cosign,
};
