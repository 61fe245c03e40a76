/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated NSM with the n-th allocation or system call failing: its root is made once, and
 * whole. */
#include "../unit/support.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/error.h"
#include "core/io.h"
#include "format/nsm.h"
#include "host/softnsm/softnsm.h"
#include "torture.h"

static char folder[64], fresh[80], used[80];
static const uint8_t pcrs[3][TRB_SHA384_LEN] = { { 1 }, { 2 }, { 3 } };

static int start_and_attest(const char *state, const char **ret_check)
{
	const struct trb_nsm_request asked = { .op = TRB_NSM_ATTESTATION,
					       .user_data = TRB_BYTES_LIT("claim") };
	_cleanup_(trb_blob_unrefp) trb_blob *request = NULL, *answer = NULL, *owner = NULL;
	_cleanup_(trb_softnsm_freep) struct trb_softnsm *nsm = NULL;
	struct trb_nsm_response read = { 0 };
	trb_error *err = NULL;
	int r = trb_softnsm_new(state, pcrs, &nsm, &err);

	if (r == TRB_OK)
		r = trb_nsm_request_encode(&asked, &request, &err);
	if (r == TRB_OK)
		r = trb_softnsm_answer(nsm, trb_blob_bytes(request), &answer, &err);
	if (r == TRB_OK)
		r = trb_nsm_response_decode(trb_blob_bytes(answer), TRB_NSM_ATTESTATION, &read,
					    &owner, &err);
	/* an NSM without memory says "internal error" */
	if (r == TRB_OK && read.error == TRB_NSM_INTERNAL_ERROR)
		r = trb_fail_nomem(&err);
	torture_note(r == TRB_OK && (read.error != TRB_NSM_SUCCESS || read.data.len < 1000),
		     "no document");
	return torture_end(r, err, ret_check);
}

static int first_use(const char **ret_check)
{
	return start_and_attest(fresh, ret_check);
}

static int later_use(const char **ret_check)
{
	return start_and_attest(used, ret_check);
}

static void remove_fresh(void)
{
	trb_remove_tree(AT_FDCWD, fresh, NULL);
}

/* Whatever was left, the next use goes well. */
static const char *inspect_fresh(int status)
{
	const char *check;

	(void)status;
	return first_use(&check) == TRB_OK ? NULL : "the next use fails, too";
}

static void set_up(void)
{
	const char *check;

	snprintf(folder, sizeof(folder), "/tmp/torture-softnsm-XXXXXX");
	ck_assert(mkdtemp(folder) != NULL);
	snprintf(fresh, sizeof(fresh), "%s/fresh", folder);
	snprintf(used, sizeof(used), "%s/used", folder);
	ck_assert_int_eq(later_use(&check), TRB_OK);
}

static void tear_down(void)
{
	trb_remove_tree(AT_FDCWD, folder, NULL);
}

static const struct torture rows[] = {
	{ "the simulated NSM's first use", first_use, TRB_OK, NULL, 20, remove_fresh, inspect_fresh,
	  .stride = 211 },
	{ "the simulated NSM", later_use, TRB_OK, NULL, 20, .stride = 83 },
};
TORTURE_MAIN("softnsm", rows, set_up, tear_down)
