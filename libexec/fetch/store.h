/* SPDX-License-Identifier: Apache-2.0 */
/* The packs of one repository, in the fetcher's file system in memory; read by libgit2. */
#ifndef TRB_LIBEXEC_FETCH_STORE_H
#define TRB_LIBEXEC_FETCH_STORE_H

#include <git2.h>
#include <git2/sys/odb_backend.h>

#include "core/cleanup.h"
#include "format/facts.h"
#include "format/git_object.h"

struct fetch;

struct fetch_store {
	git_odb *odb;
	char path[32];
};

/* libgit2, without any configuration. */
int fetch_store_start(struct fetch *f, trb_error **err);
int fetch_store_open(struct fetch *f, struct fetch_store *ret, trb_error **err);
void fetch_store_close(struct fetch_store *s);

/* One pack, as its bytes come; it is there to be read once it is finished. */
struct fetch_pack;
int fetch_pack_begin(struct fetch *f, struct fetch_store *s, struct fetch_pack **ret,
		     trb_error **err);
int fetch_pack_add(struct fetch_pack *p, trb_bytes bytes, trb_error **err);
int fetch_pack_finish(struct fetch_pack *p, trb_error **err);
void fetch_pack_free(struct fetch_pack *p);

bool fetch_store_has(const struct fetch_store *s, const struct trb_commit *id);
/* TRB_E_NOTFOUND, without an error, where there is no such object. */
int fetch_store_read(struct fetch *f, const struct fetch_store *s, const struct trb_commit *id,
		     git_odb_object **ret, trb_error **err);
/* Size and type without the contents. */
int fetch_store_stat(struct fetch *f, const struct fetch_store *s, const struct trb_commit *id,
		     uint64_t *ret_size, enum trb_git_type *ret_type, trb_error **err);
/* The one object whose id begins with these digits; TRB_E_NOTFOUND without an error, TRB_E_INVAL
 * where there are several. */
int fetch_store_find(struct fetch *f, const struct fetch_store *s, const char *digits,
		     struct trb_commit *ret, trb_error **err);
static inline trb_bytes fetch_object_bytes(git_odb_object *o)
{
	return TRB_BYTES(git_odb_object_data(o), git_odb_object_size(o));
}

TRB_DEFINE_CLEANUP(git_odb_object *, git_odb_object_free);
TRB_DEFINE_CLEANUP(struct fetch_pack *, fetch_pack_free);

#endif
