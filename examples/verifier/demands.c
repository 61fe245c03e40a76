/* SPDX-License-Identifier: Apache-2.0 */
/* From options to a verifier. */
#include <stdlib.h>
#include <string.h>

#include "verifier/commands.h"

#define NONCE_MAX 64

static int load_policy(const char *program, const char *path, trb_policy **ret)
{
	trb_blob *text = NULL;
	trb_error *err = NULL;
	int status = cli_read_file(program, path, POLICY_READ_MAX, &text);

	if (status == CLI_OK && trb_policy_parse(trb_blob_bytes(text), ret, &err) < 0)
		status = cli_error_in(program, path, err);
	trb_error_unref(err);
	trb_blob_unref(text);
	return status;
}

static int set_nonce(const struct cli_command *command, trb_verifier *verifier, const char *text,
		     trb_error **err)
{
	trb_blob *nonce = NULL;
	int r = cli_hex(command, "nonce", text, NONCE_MAX, &nonce);

	if (r == CLI_OK)
		r = trb_verifier_set_nonce(verifier, trb_blob_bytes(nonce), err);
	trb_blob_unref(nonce);
	return r;
}

static int set_demands(const struct cli_command *command, const struct demands *d,
		       trb_verifier *verifier, trb_error **err)
{
	uint64_t now;
	int r = TRB_OK;

	if (!cli_time(command, "now", d->now != NULL ? d->now : "now", &now))
		return CLI_USAGE;
	r = trb_verifier_set_now(verifier, now, err);
	if (r == TRB_OK && d->repository != NULL)
		r = trb_verifier_set_repository(verifier, d->repository, err);
	if (r == TRB_OK && d->commit != NULL)
		r = trb_verifier_set_commit(verifier, d->commit, err);
	if (r == TRB_OK && d->entry != NULL)
		r = trb_verifier_set_entry(verifier, d->entry, err);
	if (r == TRB_OK && d->nonce != NULL)
		r = set_nonce(command, verifier, d->nonce, err);
	return r;
}

int demands_verifier(const struct cli_command *command, const struct demands *demands,
		     trb_verifier **ret)
{
	trb_verifier *verifier = NULL;
	trb_policy *policy = NULL;
	trb_error *err = NULL;
	int r, status;

	if (demands->policy == NULL)
		return cli_usage(command->name, "--policy is missing: it says what is demanded");
	status = load_policy(command->name, demands->policy, &policy);
	if (status != CLI_OK)
		return status;
	r = trb_verifier_new(NULL, policy, &verifier, &err);
	if (r == TRB_OK)
		r = set_demands(command, demands, verifier, &err);
	if (r == TRB_E_INVAL)
		status = cli_usage(command->name, "%s", trb_error_message(err));
	else if (r < 0)
		status = cli_error(command->name, err);
	else
		status = r; /* CLI_OK, or what has been explained */
	if (status == CLI_OK)
		*ret = trb_verifier_ref(verifier);
	trb_verifier_unref(verifier);
	trb_policy_unref(policy);
	trb_error_unref(err);
	return status;
}
