/* SPDX-License-Identifier: Apache-2.0 */
/* What a git server answers.  The first byte says to what, and in which pieces it arrives. */
#include <stdlib.h>

#include "format/git_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int check_ref(void *user, const struct trb_git_ref *ref, trb_error **err)
{
	(void)user;
	(void)err;
	/* what is compared and shown is there, and an id is one of SHA-1 */
	if (ref->name.len == 0 || ref->id.algorithm != 1 ||
	    (ref->peeled && ref->target.algorithm != 1))
		abort();
	return TRB_OK;
}

static int count(void *user, trb_bytes bytes, trb_error **err)
{
	(void)err;
	*(size_t *)user += bytes.len;
	return TRB_OK;
}

static trb_bytes piece(trb_bytes *in, size_t step)
{
	return trb_bytes_take(in, step > 0 && step < in->len ? step : in->len);
}

static void run_refs(trb_bytes in, size_t step, bool list)
{
	struct trb_git_refs *r = trb_git_refs_new(check_ref, NULL);
	int res = r != NULL ? TRB_OK : TRB_E_NOMEM;

	if (r != NULL && list)
		trb_git_refs_expect_list(r);
	while (res == TRB_OK && in.len > 0)
		res = trb_git_refs_feed(r, piece(&in, step), NULL);
	if (res == TRB_OK)
		trb_git_refs_end(r, NULL);
	trb_git_refs_free(r);
}

static void run_answer(trb_bytes in, size_t step, unsigned version, unsigned features)
{
	size_t n = 0, given = in.len;
	struct trb_git_answer *a = trb_git_answer_new(version, features, version == 0, count, &n);
	int res = a != NULL ? TRB_OK : TRB_E_NOMEM;

	while (res == TRB_OK && in.len > 0)
		res = trb_git_answer_feed(a, piece(&in, step), NULL);
	if (res == TRB_OK)
		trb_git_answer_end(a, NULL);
	if (n > given)
		abort();
	trb_git_answer_free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	trb_bytes in = TRB_BYTES(data, size), how = trb_bytes_take(&in, 1);
	size_t step;

	if (how.len == 0)
		return 0;
	step = how.ptr[0] >> 3;
	switch (how.ptr[0] & 7) {
	case 0:
		run_refs(in, step, false);
		break;
	case 1:
		run_refs(in, step, true);
		break;
	case 2:
		run_answer(in, step, 2, TRB_GIT_SIDE_BAND);
		break;
	case 3:
		run_answer(in, step, 0, TRB_GIT_SIDE_BAND);
		break;
	default:
		run_answer(in, step, 0, 0);
	}
	return 0;
}
