/* SPDX-License-Identifier: Apache-2.0 */
/* A session's tokens: the repository's own, and those for other URLs. */
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "format/fetch.h"
#include "host/session.h"

static void wipe(trb_blob **token)
{
	trb_bytes bytes = trb_blob_bytes(*token);

	if (*token != NULL)
		OPENSSL_cleanse((void *)(uintptr_t)bytes.ptr, bytes.len);
	*token = trb_blob_unref(*token);
}

int trb_session_keep_credential(struct trb_session *session, trb_bytes token, trb_error **err)
{
	int r = trb_fetch_token_check(token, err);

	if (r < 0)
		return r;
	wipe(&session->credential);
	return trb_blob_new(token, &session->credential, err);
}

int trb_session_keep_credential_for(struct trb_session *session, const char *prefix,
				    trb_bytes token, trb_error **err)
{
	struct trb_session_credential *next = &session->credentials[session->n_credentials];
	const char *fault =
		prefix != NULL ? trb_repository_fault(trb_bytes_str(prefix)) : "there is none";
	int r = trb_fetch_token_check(token, err);

	if (r < 0)
		return r;
	if (fault != NULL)
		return trb_fail_check(err, TRB_E_INVAL, TRB_CHECK_REPOSITORY,
				      "a credential's URL: %s", fault);
	for (size_t i = 0; i < session->n_credentials; i++)
		if (strcmp(session->credentials[i].prefix, prefix) == 0)
			return trb_fail(err, TRB_E_INVAL, "a second credential for '%s'", prefix);
	if (session->n_credentials == TRB_SESSION_CREDENTIALS)
		return trb_fail(err, TRB_E_LIMIT, "at most %u credentials for other URLs",
				TRB_SESSION_CREDENTIALS);
	next->prefix = strdup(prefix);
	if (next->prefix == NULL)
		return trb_fail_nomem(err);
	r = trb_blob_new(token, &next->token, err);
	if (r < 0)
		free(steal_ptr(&next->prefix));
	else
		session->n_credentials++;
	return r;
}

size_t trb_session_list_credentials(const struct trb_session *session,
				    struct trb_session_secret ret[TRB_CREDENTIALS])
{
	size_t n = 0;

	if (session->credential != NULL)
		ret[n++].token = trb_blob_bytes(session->credential);
	for (size_t i = 0; i < session->n_credentials; i++, n++) {
		ret[n].prefix = trb_bytes_str(session->credentials[i].prefix);
		ret[n].token = trb_blob_bytes(session->credentials[i].token);
	}
	return n;
}

void trb_session_wipe_credentials(struct trb_session *session)
{
	wipe(&session->credential);
	for (size_t i = 0; i < session->n_credentials; i++) {
		wipe(&session->credentials[i].token);
		free(steal_ptr(&session->credentials[i].prefix));
	}
	session->n_credentials = 0;
}
