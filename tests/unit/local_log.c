/* SPDX-License-Identifier: Apache-2.0 */
/* A local log in a folder of its own, for tests. */
#include "local_log.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/conf.h"
#include "core/io.h"
#include "log/backend.h"
#include "support.h"

char folder[64], *backend, *dir;
trb_context *context;

void make_log(void)
{
	_cleanup_(trb_blob_unrefp) trb_blob *vkey = NULL;
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	int r = trb_log_init(context, backend, "log.example/test", &vkey, &err);

	ck_status(r, TRB_OK, err);
}

void local_log_set_up(void)
{
	/* in memory where possible: thousands of flushes */
	snprintf(folder, sizeof(folder), "%s/trustbuild-test-log-XXXXXX",
		 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	ck_assert(mkdtemp(folder) != NULL);
	ck_assert(asprintf(&dir, "%s/log", folder) > 0);
	ck_assert(asprintf(&backend, "local:dir=%s", dir) > 0);
	ck_assert_int_eq(trb_context_new(&context, NULL), TRB_OK);
	make_log();
}

void local_log_tear_down(void)
{
	context = trb_context_unref(context);
	trb_remove_tree(AT_FDCWD, folder, NULL);
	free(dir);
	free(backend);
}

int append(trb_bytes leaf, uint64_t *ret_index, trb_error **err)
{
	_cleanup_(trb_conf_freep) struct trb_conf *conf = NULL;
	struct trb_log_place place = { .checkpoint = NULL };
	struct trb_vkey key;
	void *self = NULL;
	int r = trb_conf_parse(strchr(backend, ':') + 1, trb_log_local.keys, &conf, err);

	if (r == TRB_OK)
		r = trb_log_local.open(context, conf, &self, &key, err);
	if (r == TRB_OK)
		r = trb_log_local.append(self, &leaf, 1, &place, err);
	if (r == TRB_OK && ret_index != NULL)
		*ret_index = place.proof.index;
	trb_log_place_clear(&place);
	if (self != NULL)
		trb_log_local.close(self);
	return r;
}

uint64_t append_number(unsigned n)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	char leaf[32];
	uint64_t index = 0;
	int r;

	snprintf(leaf, sizeof(leaf), "leaf number %u", n);
	r = append(trb_bytes_str(leaf), &index, &err);
	ck_status(r, TRB_OK, err);
	return index;
}
