/* SPDX-License-Identifier: Apache-2.0 */
/* log-fill DIR COUNT: makes a local log there and appends COUNT entries of different sizes. */
#include <stdio.h>
#include <stdlib.h>

#include "core/conf.h"
#include "log/backend.h"

static int fill(struct trb_conf *conf, trb_context *context, unsigned count, trb_error **err)
{
	struct trb_vkey key;
	void *self = NULL;
	int r = trb_log_local.init(context, conf, "log.example/fill", &key, err);

	if (r == TRB_OK)
		r = trb_log_local.open(context, conf, &self, &key, err);
	for (unsigned i = 0; i < count && r == TRB_OK; i++) {
		struct trb_log_place place = { .checkpoint = NULL };
		char leaf[512];
		int n = snprintf(leaf, sizeof(leaf), "entry %u %*s", i, (int)(i % 300), "");
		trb_bytes view = TRB_BYTES(leaf, n);

		r = trb_log_local.append(self, &view, 1, &place, err);
		trb_log_place_clear(&place);
	}
	if (self != NULL)
		trb_log_local.close(self);
	return r;
}

int main(int argc, char **argv)
{
	_cleanup_(trb_context_unrefp) trb_context *context = NULL;
	_cleanup_(trb_conf_freep) struct trb_conf *conf = NULL;
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	_cleanup_free_ char *text = NULL;
	int r;

	if (argc != 3 || asprintf(&text, "dir=%s", argv[1]) < 0)
		return 2;
	r = trb_context_new(&context, &err);
	if (r == TRB_OK)
		r = trb_conf_parse(text, trb_log_local.keys, &conf, &err);
	if (r == TRB_OK)
		r = fill(conf, context, (unsigned)strtoul(argv[2], NULL, 10), &err);
	if (r < 0)
		fprintf(stderr, "%s\n", trb_error_message(err));
	return r < 0;
}
